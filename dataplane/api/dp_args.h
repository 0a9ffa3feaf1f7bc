/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_args - numbers, descriptors and port lists in argument vectors, read alike by every program of ours
 *
 * What:      strict: decimal digits and nothing around them, in range. What is wrong is the caller's to say.
 * Threads:   pure functions.
 */
#ifndef POSTERN_DP_ARGS_H
#define POSTERN_DP_ARGS_H

#include <stdint.h>

enum {
	DP_ARGS_PORTS_MAX = 16,	     /* ports of one list */
	DP_ARGS_FLOWS_MAX = 1 << 24, /* connections of one worker: 4 GiB of entries */
};

/* A whole decimal number of @min to @max. 0 or -EINVAL; @ret untouched then. */
int dp_args_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* An open descriptor, from now on not inherited. 0 or -EINVAL. */
int dp_args_fd(const char *text, int *ret);

/* TCP ports, "25,587,2525", none twice. 0, or -EINVAL with what is wrong in @ret_why (a constant). */
int dp_args_ports(const char *text, uint16_t ports[static DP_ARGS_PORTS_MAX], unsigned int *ret_nb,
		  const char **ret_why);

#endif
