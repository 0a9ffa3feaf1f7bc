/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void
common_options_init(struct common_options *c, const char *program)
{
	*c = (struct common_options){
		.program = program,
		.dp_fd = -1,
		.ctrl_fd = -1,
		.rules_fd = -1,
		.status_fd = -1,
		.ports = { 25, 587, 2525 },
		.nb_ports = 3,
	};
}

int
common_option_number(const char *program, const char *what, const char *text, uint64_t min, uint64_t max, uint32_t *ret)
{
	uint64_t n;

	if (dp_args_number(text, min, max, &n) < 0) {
		fprintf(stderr, "%s: %s: '%s' is no number from %" PRIu64 " to %" PRIu64 "\n", program, what, text, min,
			max);
		return -EINVAL;
	}
	*ret = (uint32_t)n;
	return 0;
}

static int
parse_fd(const struct common_options *c, const char *what, int *ret)
{
	int rc = dp_args_fd(optarg, ret);

	if (rc < 0)
		fprintf(stderr, "%s: %s: '%s' is no open descriptor\n", c->program, what, optarg);
	return rc;
}

static int
parse_ports(struct common_options *c)
{
	const char *why;
	int rc = dp_args_ports(optarg, c->ports, &c->nb_ports, &why);

	if (rc < 0)
		fprintf(stderr, "%s: --ports %s: %s\n", c->program, optarg, why);
	return rc;
}

int
common_option(int opt, struct common_options *c)
{
	switch (opt) {
	case COMMON_OPT_DP_FD:
		return parse_fd(c, "--dp-fd", &c->dp_fd);
	case COMMON_OPT_CTRL_FD:
		return parse_fd(c, "--ctrl-fd", &c->ctrl_fd);
	case COMMON_OPT_RULES_FD:
		return parse_fd(c, "--rules-fd", &c->rules_fd);
	case COMMON_OPT_STATUS_FD:
		return parse_fd(c, "--status-fd", &c->status_fd);
	case COMMON_OPT_PORTS:
		return parse_ports(c);
	case COMMON_OPT_FLOWS:
		return common_option_number(c->program, "--flows", optarg, 1, DP_ARGS_FLOWS_MAX, &c->flows_max);
	case COMMON_OPT_SESSIONS:
		return common_option_number(c->program, "--sessions", optarg, 1, DP_ARGS_FLOWS_MAX, &c->sessions_max);
	case COMMON_OPT_IGNORE_VLAN:
		c->ignore_vlan = true;
		return 0;
	default:
		return -EINVAL; /* getopt_long() said why */
	}
}

bool
common_options_have_fds(const struct common_options *c)
{
	return c->dp_fd >= 0 && c->ctrl_fd >= 0 && c->rules_fd >= 0 && c->status_fd >= 0;
}
