/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
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
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help_text[] =
	"postern-dataplane - packet side of Postern; started by `postern replay`, not by hand\n"
	"\n"
	"  postern-dataplane replay --dp-fd N --ctrl-fd N --rules-fd N --status-fd N\n"
	"                    [--ports LIST] [--speed SPEC] [--loop N] -- CAPTURE...\n"
	"  postern-dataplane --version\n";

static int
parse_number(const char *what, const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < min || n > max) {
		fprintf(stderr, "postern-dataplane: %s: '%s' is no number from %lu to %lu\n", what, text, min, max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int
parse_fd(const char *what, const char *text, int *ret)
{
	unsigned long n;
	int rc = parse_number(what, text, 0, 65535, &n);

	if (rc == 0)
		*ret = (int)n;
	return rc;
}

static int
parse_ports(const char *text, struct options *o)
{
	char copy[256], *save = NULL, *word;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
		fprintf(stderr, "postern-dataplane: --ports: the list is too long\n");
		return -EINVAL;
	}
	o->nb_ports = 0;
	for (word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
		unsigned long n;

		if (o->nb_ports == INSPECTOR_PORTS_MAX) {
			fprintf(stderr, "postern-dataplane: --ports: at most %d ports\n", INSPECTOR_PORTS_MAX);
			return -EINVAL;
		}
		if (parse_number("--ports", word, 1, UINT16_MAX, &n) != 0)
			return -EINVAL;
		o->ports[o->nb_ports++] = (uint16_t)n;
	}
	if (o->nb_ports == 0) {
		fprintf(stderr, "postern-dataplane: --ports: the list is empty\n");
		return -EINVAL;
	}
	return 0;
}

static int
parse_one(int opt, struct options *o)
{
	unsigned long n;

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
		if (parse_number("--loop", optarg, 1, 1000000, &n) != 0)
			return -EINVAL;
		o->rounds = (unsigned int)n;
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
