/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_version.h>

enum {
	OPT_PAIR_A = COMMON_OPT_END,
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
	OPT_TAKEOVER_FD,
	OPT_OVERLOAD,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	COMMON_OPTIONS,
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
	{ "takeover-fd", required_argument, NULL, OPT_TAKEOVER_FD },
	{ "overload-ms", required_argument, NULL, OPT_OVERLOAD },
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
	"                         [--hold-limit-ms N] [--overload-ms N] [--fallback CAUSE=open|closed]...\n"
	"                         [--takeover-fd N]\n"
	"  postern-dataplane-live --version\n";

static int
wrong(const char *what, const char *text, const char *wanted)
{
	fprintf(stderr, "postern-dataplane-live: %s: '%s': %s\n", what, text, wanted);
	return -EINVAL;
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

/* A connection may be impossible to take over for several reasons: one setting for all of them. */
static void
set_fallback(struct live_options *o, enum dp_cause cause, enum dp_verdict verdict)
{
	o->fallback[cause] = (uint8_t)verdict;
	if (cause != DP_CAUSE_RESPONDER)
		return;
	o->fallback[DP_CAUSE_NO_SYN] = (uint8_t)verdict;
	o->fallback[DP_CAUSE_TCP_OPTION] = (uint8_t)verdict;
	o->fallback[DP_CAUSE_STALE_OCTETS] = (uint8_t)verdict;
	o->fallback[DP_CAUSE_SESSION] = (uint8_t)verdict;
}

/* "ctrl_slow=open": what happens to a held recipient when nobody decides, and why nobody did; to connections under overload. */
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
		{ "responder", DP_CAUSE_RESPONDER },
	};
	const char *how = strchr(text, '=');
	unsigned int i;

	if (strcmp(text, "overload=open") == 0 || strcmp(text, "overload=closed") == 0) {
		o->overload_open = strcmp(text, "overload=open") == 0;
		return 0;
	}
	for (i = 0; how != NULL && i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (strlen(causes[i].name) != (size_t)(how - text) ||
		    memcmp(text, causes[i].name, (size_t)(how - text)) != 0)
			continue;
		if (strcmp(how + 1, "open") == 0)
			set_fallback(o, causes[i].cause, DP_VERDICT_ALERT);
		else if (strcmp(how + 1, "closed") == 0)
			set_fallback(o, causes[i].cause, DP_VERDICT_RESET);
		else
			break;
		return 0;
	}
	return wrong("--fallback", text,
		     "is not ctrl_slow, ctrl_gone, ring_full, memory, responder or overload, and =open or =closed");
}

static int
parse_size(int opt, struct live_options *o)
{
	const char *program = o->common.program;
	uint32_t n = 0;
	int rc;

	switch (opt) {
	case OPT_MTU:
		rc = common_option_number(program, "--mtu", optarg, 68, 65000, &n);
		o->mtu = (uint16_t)n;
		return rc;
	case OPT_DESCRIPTORS:
		rc = common_option_number(program, "--descriptors", optarg, 32, 32768, &n);
		o->nb_desc = (uint16_t)n;
		return rc;
	case OPT_HOLD_LIMIT:
		return common_option_number(program, "--hold-limit-ms", optarg, 1, 60000, &o->hold_limit_ms);
	case OPT_OVERLOAD:
		return common_option_number(program, "--overload-ms", optarg, 0, 10000, &o->overload_ms);
	case OPT_IDLE_US:
		return common_option_number(program, "--idle-us", optarg, 0, 10000, &o->idle_us);
	default:
		return common_option_number(program, "--memory", optarg, 16, 1 << 20, &o->eal.mem_mib);
	}
}

static int
parse_one(int opt, struct live_options *o)
{
	switch (opt) {
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
	case OPT_OVERLOAD:
		return parse_size(opt, o);
	case OPT_FALLBACK:
		return parse_fallback(optarg, o);
	case OPT_TAKEOVER_FD:
		return dp_args_fd(optarg, &o->takeover_fd) < 0 ? wrong("--takeover-fd", optarg, "is no open descriptor") : 0;
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
		return common_option(opt, &o->common);
	}
}

int
live_options_parse(int argc, char **argv, struct live_options *ret)
{
	struct live_options o = { 0 };
	unsigned int i;
	int opt, rc;

	common_options_init(&o.common, "postern-dataplane-live");
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		rc = parse_one(opt, &o);
		if (rc != 0)
			return rc;
	}
	for (i = 0; i < o.nb_wires; i++)
		if (!o.wires[i].is_tap && o.wires[i].b == NULL)
			return wrong("--pair-a", o.wires[i].a, "has no --pair-b");
	if (optind < argc || !common_options_have_fds(&o.common) || o.nb_wires == 0) {
		fprintf(stderr, "postern-dataplane-live: descriptors and at least one port are needed (see --help)\n");
		return -EINVAL;
	}
	*ret = o;
	return 0;
}
