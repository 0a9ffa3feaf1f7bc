/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * common_options - what the command lines of both dataplane programs have in common
 *
 * Shape:     a program puts COMMON_OPTIONS into its table for getopt_long(), numbers its own options from
 *            COMMON_OPT_END on, and gives each option it does not know to common_option().
 */
#ifndef POSTERN_COMMON_OPTIONS_H
#define POSTERN_COMMON_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "dp_args.h"

enum {
	COMMON_OPT_DP_FD = 256,
	COMMON_OPT_CTRL_FD,
	COMMON_OPT_RULES_FD,
	COMMON_OPT_STATUS_FD,
	COMMON_OPT_PORTS,
	COMMON_OPT_FLOWS,
	COMMON_OPT_SESSIONS,
	COMMON_OPT_IGNORE_VLAN,
	COMMON_OPT_END,
};

#define COMMON_OPTIONS                                                       \
	{ "dp-fd", required_argument, NULL, COMMON_OPT_DP_FD },              \
	{ "ctrl-fd", required_argument, NULL, COMMON_OPT_CTRL_FD },          \
	{ "rules-fd", required_argument, NULL, COMMON_OPT_RULES_FD },        \
	{ "status-fd", required_argument, NULL, COMMON_OPT_STATUS_FD },      \
	{ "ports", required_argument, NULL, COMMON_OPT_PORTS },              \
	{ "flows", required_argument, NULL, COMMON_OPT_FLOWS },              \
	{ "sessions", required_argument, NULL, COMMON_OPT_SESSIONS },        \
	{ "ignore-vlan", no_argument, NULL, COMMON_OPT_IGNORE_VLAN }

struct common_options {
	const char *program; /* its name, in messages */
	int dp_fd;	     /* dataplane's segment, read and write */
	int ctrl_fd;	     /* ctrl's segment, read only */
	int rules_fd;	     /* SOCK_SEQPACKET to ctrl */
	int status_fd;	     /* pipe to the supervisor */
	uint16_t ports[DP_ARGS_PORTS_MAX]; /* of TCP */
	unsigned int nb_ports;
	uint32_t flows_max, sessions_max; /* of each worker; 0: as inspector_config_default() has it */
	bool ignore_vlan;
};

void common_options_init(struct common_options *c, const char *program);

/* One option of COMMON_OPTIONS, with getopt's optarg. 0; -EINVAL: wrong (said on standard error), or not one of them. */
int common_option(int opt, struct common_options *c);

/* Are all descriptors there? */
bool common_options_have_fds(const struct common_options *c);

/* A number of @min to @max; else -EINVAL, said on standard error in the name of @program. */
int common_option_number(const char *program, const char *what, const char *text, uint64_t min, uint64_t max,
			 uint32_t *ret);

#endif
