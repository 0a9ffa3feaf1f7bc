/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options - what the supervisor tells postern-responder on its command line
 *
 * Trust:     the supervisor's; still every number is checked.
 */
#ifndef POSTERN_RESPONDER_OPTIONS_H
#define POSTERN_RESPONDER_OPTIONS_H

#include <stdint.h>

struct responder_options {
	int takeover_fd, answer_fd, dp_fd, ctrl_fd, rules_fd, status_fd;
	uint16_t mtu;	       /* of the TUN: that of the ports */
	uint32_t limit;	       /* connections at a time */
	uint32_t limit_source; /* of these, of one source */
	uint32_t answer_ms;    /* for ctrl's word on a recipient */
	uint32_t uid, gid;     /* whom root becomes */
	const char *text;      /* template of our own words (reply_text.h) */
};

/* 0; 1: --help or --version was answered, all is done; -EINVAL: said on standard error. */
int responder_options_parse(int argc, char **argv, struct responder_options *ret);

#endif
