/* SPDX-License-Identifier: BSD-3-Clause */
/* due - moments that a supervisor waits for, and how long its poll() may sleep until the next of them */
#ifndef POSTERN_DUE_H
#define POSTERN_DUE_H

#include <stdint.h>

/* @wait_ms (-1: for ever), or less when @at_ns comes sooner; @at_ns 0: there is no such moment. Both of one clock. */
static inline int
due_sooner(int wait_ms, uint64_t at_ns, uint64_t now_ns)
{
	const uint64_t ms_ns = UINT64_C(1000000);
	int ms;

	if (at_ns == 0)
		return wait_ms;
	ms = at_ns <= now_ns ? 0 : (int)((at_ns - now_ns) / ms_ns + 1);
	return wait_ms < 0 || ms < wait_ms ? ms : wait_ms;
}

#endif
