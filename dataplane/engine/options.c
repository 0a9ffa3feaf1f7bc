/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <hs/hs.h>
#include <rte_version.h>

enum {
	OPT_DP_FD = 256,
	OPT_CTRL_FD,
	OPT_RULES_FD,
	OPT_STATUS_FD,
	OPT_PORTS,
	OPT_SPEED,
	OPT_LOOP,
	OPT_FLOWS,
	OPT_SESSIONS,
	OPT_IGNORE_VLAN,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{ "dp-fd", required_argument, NULL, OPT_DP_FD },
	{ "ctrl-fd", required_argument, NULL, OPT_CTRL_FD },
	{ "rules-fd", required_argument, NULL, OPT_RULES_FD },
	{ "status-fd", required_argument, NULL, OPT_STATUS_FD },
	{ "ports", required_argument, NULL, OPT_PORTS },
	{ "speed", required_argument, NULL, OPT_SPEED },
	{ "loop", required_argument, NULL, OPT_LOOP },
	{ "flows", required_argument, NULL, OPT_FLOWS },
	{ "sessions", required_argument, NULL, OPT_SESSIONS },
	{ "ignore-vlan", no_argument, NULL, OPT_IGNORE_VLAN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"postern-dataplane - packet side of Postern; started by `postern replay`, not by hand\n"
	"\n"
	"  postern-dataplane replay --dp-fd N --ctrl-fd N --rules-fd N --status-fd N\n"
	"                    [--ports LIST] [--speed SPEC] [--loop N] [--flows N] [--sessions N]\n"
	"                    [--ignore-vlan] -- CAPTURE...\n"
	"  postern-dataplane --version\n";

static int
parse_fd(const char *what, const char *text, int *ret)
{
	int rc = dp_args_fd(text, ret);

	if (rc < 0)
		fprintf(stderr, "postern-dataplane: %s: '%s' is no open descriptor\n", what, text);
	return rc;
}

static int
parse_number(const char *what, const char *text, uint64_t max, unsigned int *ret)
{
	uint64_t n;

	if (dp_args_number(text, 1, max, &n) < 0) {
		fprintf(stderr, "postern-dataplane: %s: '%s' is no number from 1 to %" PRIu64 "\n", what, text, max);
		return -EINVAL;
	}
	*ret = (unsigned int)n;
	return 0;
}

static int
parse_ports(const char *text, struct options *o)
{
	const char *why;
	int rc = dp_args_ports(text, o->ports, &o->nb_ports, &why);

	if (rc < 0)
		fprintf(stderr, "postern-dataplane: --ports %s: %s\n", text, why);
	return rc;
}

static int
parse_one(int opt, struct options *o)
{
	switch (opt) {
	case OPT_DP_FD:
		return parse_fd("--dp-fd", optarg, &o->dp_fd);
	case OPT_CTRL_FD:
		return parse_fd("--ctrl-fd", optarg, &o->ctrl_fd);
	case OPT_RULES_FD:
		return parse_fd("--rules-fd", optarg, &o->rules_fd);
	case OPT_STATUS_FD:
		return parse_fd("--status-fd", optarg, &o->status_fd);
	case OPT_PORTS:
		return parse_ports(optarg, o);
	case OPT_SPEED:
		if (pace_parse(optarg, &o->pace) == 0)
			return 0;
		fprintf(stderr, "postern-dataplane: --speed: '%s' is none of max, real, x2.5, 200kpps, 1.5gbps\n",
			optarg);
		return -EINVAL;
	case OPT_LOOP:
		return parse_number("--loop", optarg, 1000000, &o->rounds);
	case OPT_FLOWS:
		return parse_number("--flows", optarg, DP_ARGS_FLOWS_MAX, &o->flows_max);
	case OPT_SESSIONS:
		return parse_number("--sessions", optarg, DP_ARGS_FLOWS_MAX, &o->sessions_max);
	case OPT_IGNORE_VLAN:
		o->ignore_vlan = true;
		return 0;
	case OPT_HELP:
		fputs(help_text, stdout);
		return 1;
	case OPT_VERSION:
		printf("postern-dataplane %s\n%s\nHyperscan %s\n", POSTERN_VERSION, rte_version(), hs_version());
		return 1;
	default:
		return -EINVAL; /* getopt_long() said why */
	}
}

int
options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = {
		.dp_fd = -1,
		.ctrl_fd = -1,
		.rules_fd = -1,
		.status_fd = -1,
		.ports = { 25, 587, 2525 },
		.nb_ports = 3,
		.rounds = 1,
	};
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		rc = parse_one(opt, &o);
		if (rc != 0)
			return rc;
	}
	if (optind >= argc || strcmp(argv[optind], "replay") != 0) {
		fprintf(stderr, "postern-dataplane: the first word must be 'replay' (see --help)\n");
		return -EINVAL;
	}
	optind++;
	while ((opt = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		rc = parse_one(opt, &o);
		if (rc != 0)
			return rc;
	}
	if (o.dp_fd < 0 || o.ctrl_fd < 0 || o.rules_fd < 0 || o.status_fd < 0 || optind >= argc) {
		fprintf(stderr, "postern-dataplane: descriptors and at least one capture are needed (see --help)\n");
		return -EINVAL;
	}
	o.paths = (const char *const *)&argv[optind];
	o.nb_paths = (unsigned int)(argc - optind);
	*ret = o;
	return 0;
}
