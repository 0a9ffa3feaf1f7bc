/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctrl_options - what the supervisor tells postern-ctrl on its command line
 *
 * Trust:     the supervisor's; still every number is checked, because a wrong descriptor would be closed or written to.
 */
#ifndef POSTERN_CTRL_OPTIONS_H
#define POSTERN_CTRL_OPTIONS_H

#include <stdint.h>

#include "answers.h"

struct ctrl_options {
	int dp_fd, ctrl_fd, rules_fd, status_fd, journal_fd;
	int control_fd;	       /* listening unix socket, -1: none */
	uint64_t run_id;
	const char *rules, *store;
	const char *run_dir;   /* private folder of the run */
	const char *cache;     /* folder of compiled databases, "off", or NULL: the default one */
	const char *alerts;    /* a file, "-" or "human" */
	const char *envelopes; /* a file, "-" or NULL */
	const char *metrics;   /* address to listen on for Prometheus, or NULL */
	uint64_t keep_s, keep_octets; /* limits of the store: seconds, octets; 0: none */
	const char *observer;  /* or NULL: of the configuration, else the host's name */
	const char *config;    /* or NULL */
	/* The responder's segments, and sockets to it; -1: there is none. */
	int responder_dp_fd, responder_ctrl_fd, responder_rules_fd;
	struct answers_config answers;
};

/* 0; 1: --help or --version was answered, all is done; -EINVAL: said on standard error. */
int ctrl_options_parse(int argc, char **argv, struct ctrl_options *ret);

#endif
