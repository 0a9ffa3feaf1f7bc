/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_version.h>

enum {
	OPT_DP_FD = 256,
	OPT_CTRL_FD,
	OPT_RULES_FD,
	OPT_STATUS_FD,
	OPT_PORTS,
	OPT_PAIR_A,
	OPT_PAIR_B,
	OPT_TAP,
	OPT_TAP_RESETS,
	OPT_MTU,
	OPT_DESCRIPTORS,
	OPT_IDLE_US,
	OPT_CORES,
	OPT_MEMORY,
	OPT_HUGEPAGES,
	OPT_HOLD_LIMIT,
	OPT_FALLBACK,
	OPT_FLOWS,
	OPT_IGNORE_VLAN,
	OPT_SESSIONS,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "dp-fd", required_argument, NULL, OPT_DP_FD },
	{ "ctrl-fd", required_argument, NULL, OPT_CTRL_FD },
	{ "rules-fd", required_argument, NULL, OPT_RULES_FD },
	{ "status-fd", required_argument, NULL, OPT_STATUS_FD },
	{ "ports", required_argument, NULL, OPT_PORTS },
	{ "pair-a", required_argument, NULL, OPT_PAIR_A },
	{ "pair-b", required_argument, NULL, OPT_PAIR_B },
	{ "tap", required_argument, NULL, OPT_TAP },
	{ "tap-resets", required_argument, NULL, OPT_TAP_RESETS },
	{ "mtu", required_argument, NULL, OPT_MTU },
	{ "descriptors", required_argument, NULL, OPT_DESCRIPTORS },
	{ "idle-us", required_argument, NULL, OPT_IDLE_US },
	{ "cores", required_argument, NULL, OPT_CORES },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "hugepages", required_argument, NULL, OPT_HUGEPAGES },
	{ "hold-limit-ms", required_argument, NULL, OPT_HOLD_LIMIT },
	{ "fallback", required_argument, NULL, OPT_FALLBACK },
	{ "flows", required_argument, NULL, OPT_FLOWS },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "ignore-vlan", no_argument, NULL, OPT_IGNORE_VLAN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"postern-dataplane-live - packet side of Postern on DPDK ports; started by `postern run`, not by hand\n"
	"\n"
	"  postern-dataplane-live --dp-fd N --ctrl-fd N --rules-fd N --status-fd N [--ports LIST]\n"
	"                         {--pair-a DEV --pair-b DEV | --tap DEV [--tap-resets DEV]}...\n"
	"                         [--mtu N] [--descriptors N] [--idle-us N] [--cores LIST]\n"
	"                         [--memory MIB] [--hugepages auto|yes|no]\n"
	"                         [--flows N] [--sessions N] [--ignore-vlan]\n"
	"                         [--hold-limit-ms N] [--fallback CAUSE=open|closed]...\n"
	"  postern-dataplane-live --version\n";

static int
wrong(const char *what, const char *text, const char *wanted)
{
	fprintf(stderr, "postern-dataplane-live: %s: '%s': %s\n", what, text, wanted);
	return -EINVAL;
}

static int
parse_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (dp_args_number(text, min, max, ret) == 0)
		return 0;
	fprintf(stderr, "postern-dataplane-live: %s: '%s' is no number from %" PRIu64 " to %" PRIu64 "\n", what, text, min,
		max);
	return -EINVAL;
}

static int
parse_fd(const char *what, int *ret)
{
	return dp_args_fd(optarg, ret) < 0 ? wrong(what, optarg, "is no open descriptor") : 0;
}

static int
parse_ports(const char *text, struct live_options *o)
{
	const char *why;

	return dp_args_ports(text, o->ports, &o->nb_ports, &why) < 0 ? wrong("--ports", text, why) : 0;
}

static int
add_wire(struct live_options *o, bool is_tap)
{
	if (o->nb_wires == sizeof(o->wires) / sizeof(o->wires[0]))
		return wrong("ports", optarg, "too many pairs and taps");
	o->wires[o->nb_wires++] = (struct live_wire){ .a = optarg, .is_tap = is_tap };
	return 0;
}

static int
add_second(struct live_options *o, bool is_tap)
{
	struct live_wire *w = o->nb_wires > 0 ? &o->wires[o->nb_wires - 1] : NULL;

	if (w == NULL || w->is_tap != is_tap || w->b != NULL)
		return wrong("ports", optarg, "must follow the port that it belongs to");
	w->b = optarg;
	return 0;
}

static int
parse_hugepages(const char *text, enum eal_hugepages *ret)
{
	static const char *const names[] = { [EAL_HUGE_AUTO] = "auto", [EAL_HUGE_YES] = "yes", [EAL_HUGE_NO] = "no" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum eal_hugepages)i;
			return 0;
		}
	}
	return wrong("--hugepages", text, "none of auto, yes, no");
}

/* "ctrl_slow=open": what happens to a held recipient when nobody decides, and why nobody did. */
static int
parse_fallback(const char *text, struct live_options *o)
{
	static const struct {
		const char *name;
		enum dp_cause cause;
	} causes[] = {
		{ "ctrl_slow", DP_CAUSE_CTRL_SLOW },
		{ "ctrl_gone", DP_CAUSE_CTRL_GONE },
		{ "ring_full", DP_CAUSE_RING_FULL },
		{ "memory", DP_CAUSE_MEMORY },
	};
	const char *how = strchr(text, '=');
	unsigned int i;

	for (i = 0; how != NULL && i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (strlen(causes[i].name) != (size_t)(how - text) ||
		    memcmp(text, causes[i].name, (size_t)(how - text)) != 0)
			continue;
		if (strcmp(how + 1, "open") == 0)
			o->fallback[causes[i].cause] = DP_VERDICT_ALERT;
		else if (strcmp(how + 1, "closed") == 0)
			o->fallback[causes[i].cause] = DP_VERDICT_RESET;
		else
			break;
		return 0;
	}
	return wrong("--fallback", text, "is not ctrl_slow, ctrl_gone, ring_full or memory, and =open or =closed");
}

static int
parse_size(int opt, struct live_options *o)
{
	uint64_t n;
	int rc;

	switch (opt) {
	case OPT_FLOWS:
		rc = parse_number("--flows", optarg, 1, DP_ARGS_FLOWS_MAX, &n);
		o->flows_max = (uint32_t)(rc == 0 ? n : 0);
		return rc;
	case OPT_SESSIONS:
		rc = parse_number("--sessions", optarg, 1, DP_ARGS_FLOWS_MAX, &n);
		o->sessions_max = (uint32_t)(rc == 0 ? n : 0);
		return rc;
	case OPT_MTU:
		rc = parse_number("--mtu", optarg, 68, 65000, &n);
		o->mtu = (uint16_t)(rc == 0 ? n : 0);
		return rc;
	case OPT_DESCRIPTORS:
		rc = parse_number("--descriptors", optarg, 32, 32768, &n);
		o->nb_desc = (uint16_t)(rc == 0 ? n : 0);
		return rc;
	case OPT_HOLD_LIMIT:
		rc = parse_number("--hold-limit-ms", optarg, 1, 60000, &n);
		o->hold_limit_ms = (uint32_t)(rc == 0 ? n : 0);
		return rc;
	case OPT_IDLE_US:
		rc = parse_number("--idle-us", optarg, 0, 10000, &n);
		o->idle_us = (uint32_t)(rc == 0 ? n : 0);
		return rc;
	default:
		rc = parse_number("--memory", optarg, 16, 1 << 20, &n);
		o->eal.mem_mib = (unsigned int)(rc == 0 ? n : 0);
		return rc;
	}
}

static int
parse_one(int opt, struct live_options *o)
{
	switch (opt) {
	case OPT_DP_FD:
		return parse_fd("--dp-fd", &o->dp_fd);
	case OPT_CTRL_FD:
		return parse_fd("--ctrl-fd", &o->ctrl_fd);
	case OPT_RULES_FD:
		return parse_fd("--rules-fd", &o->rules_fd);
	case OPT_STATUS_FD:
		return parse_fd("--status-fd", &o->status_fd);
	case OPT_PORTS:
		return parse_ports(optarg, o);
	case OPT_PAIR_A:
		return add_wire(o, false);
	case OPT_TAP:
		return add_wire(o, true);
	case OPT_PAIR_B:
		return add_second(o, false);
	case OPT_TAP_RESETS:
		return add_second(o, true);
	case OPT_MTU:
	case OPT_DESCRIPTORS:
	case OPT_IDLE_US:
	case OPT_MEMORY:
	case OPT_HOLD_LIMIT:
	case OPT_FLOWS:
	case OPT_SESSIONS:
		return parse_size(opt, o);
	case OPT_FALLBACK:
		return parse_fallback(optarg, o);
	case OPT_IGNORE_VLAN:
		o->ignore_vlan = true;
		return 0;
	case OPT_CORES:
		o->eal.cores = optarg;
		return 0;
	case OPT_HUGEPAGES:
		return parse_hugepages(optarg, &o->eal.hugepages);
	case OPT_HELP:
		fputs(help_text, stdout);
		return 1;
	case OPT_VERSION:
		printf("postern-dataplane-live %s\n%s\n", POSTERN_VERSION, rte_version());
		return 1;
	default:
		return -EINVAL; /* getopt_long() said why */
	}
}

int
live_options_parse(int argc, char **argv, struct live_options *ret)
{
	struct live_options o = {
		.dp_fd = -1,
		.ctrl_fd = -1,
		.rules_fd = -1,
		.status_fd = -1,
		.ports = { 25, 587, 2525 },
		.nb_ports = 3,
	};
	unsigned int i;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		rc = parse_one(opt, &o);
		if (rc != 0)
			return rc;
	}
	for (i = 0; i < o.nb_wires; i++)
		if (!o.wires[i].is_tap && o.wires[i].b == NULL)
			return wrong("--pair-a", o.wires[i].a, "has no --pair-b");
	if (optind < argc || o.dp_fd < 0 || o.ctrl_fd < 0 || o.rules_fd < 0 || o.status_fd < 0 || o.nb_wires == 0) {
		fprintf(stderr, "postern-dataplane-live: descriptors and at least one port are needed (see --help)\n");
		return -EINVAL;
	}
	*ret = o;
	return 0;
}
