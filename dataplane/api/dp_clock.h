/* SPDX-License-Identifier: BSD-3-Clause */
/* dp_clock - the kernel's clocks in nanoseconds. For every process; never for a worker in its loop (see live_clock.h). */
#ifndef POSTERN_DP_CLOCK_H
#define POSTERN_DP_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
dp_clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

#endif
