/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hs/hs.h>
#include <rte_version.h>

enum {
	OPT_SPEED = COMMON_OPT_END,
	OPT_LOOP,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	COMMON_OPTIONS,
	{ "speed", required_argument, NULL, OPT_SPEED },
	{ "loop", required_argument, NULL, OPT_LOOP },
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
parse_one(int opt, struct options *o)
{
	switch (opt) {
	case OPT_SPEED:
		if (pace_parse(optarg, &o->pace) == 0)
			return 0;
		fprintf(stderr, "postern-dataplane: --speed: '%s' is none of max, real, x2.5, 200kpps, 1.5gbps\n",
			optarg);
		return -EINVAL;
	case OPT_LOOP:
		return common_option_number(o->common.program, "--loop", optarg, 1, 1000000, &o->rounds);
	case OPT_HELP:
		fputs(help_text, stdout);
		return 1;
	case OPT_VERSION:
		printf("postern-dataplane %s\n%s\nHyperscan %s\n", POSTERN_VERSION, rte_version(), hs_version());
		return 1;
	default:
		return common_option(opt, &o->common);
	}
}

int
options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = { .rounds = 1 };
	int opt, rc;

	common_options_init(&o.common, "postern-dataplane");
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
	if (!common_options_have_fds(&o.common) || optind >= argc) {
		fprintf(stderr, "postern-dataplane: descriptors and at least one capture are needed (see --help)\n");
		return -EINVAL;
	}
	o.paths = (const char *const *)&argv[optind];
	o.nb_paths = (unsigned int)(argc - optind);
	*ret = o;
	return 0;
}
