/* SPDX-License-Identifier: BSD-3-Clause */
/* live_options - command line of postern-dataplane-live, as the supervisor gives it */
#ifndef POSTERN_LIVE_OPTIONS_H
#define POSTERN_LIVE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common_options.h"
#include "eal.h"
#include "live.h"

/* A pair (two ports) or a tap (@b NULL, or the port that resets leave by). */
struct live_wire {
	const char *a, *b;
	bool is_tap;
};

struct live_options {
	struct common_options common;
	struct live_wire wires[LIVE_PORTS_MAX / 2];
	unsigned int nb_wires;
	uint16_t mtu, nb_desc; /* 0: as it is */
	uint32_t idle_us;
	uint32_t hold_limit_ms;	       /* 0: the inspector's own */
	uint32_t overload_ms;	       /* 0: never */
	bool overload_open;
	uint8_t fallback[DP_CAUSE_NB]; /* enum dp_verdict; NONE: the inspector's own */
	int takeover_fd; /* SOCK_SEQPACKET to the responder; 0: there is none */
	struct eal_live eal;
};

/* 0: go on; 1: a question was answered, exit 0; -EINVAL: wrong, and said so on standard error. */
int live_options_parse(int argc, char **argv, struct live_options *ret);

#endif
