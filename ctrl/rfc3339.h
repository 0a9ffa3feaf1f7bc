/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rfc3339 - times as records and commands show and read them
 *
 * Units:     ns since the epoch, UTC, 1970 to 2554 (all of uint64_t).
 * Threads:   pure functions; no time-zone tables are read.
 */
#ifndef POSTERN_RFC3339_H
#define POSTERN_RFC3339_H

#include <stdint.h>

enum {
	RFC3339_LEN = 30, /* 2023-07-17T10:20:30.123456789Z */
};

/* Writes RFC3339_LEN characters and a NUL. */
void rfc3339_format(uint64_t ts_ns, char buf[RFC3339_LEN + 1]);

/*
 * Read "YYYY-MM-DD", "YYYY-MM-DD[T ]HH:MM[:SS[.frac]]" with "Z", "+HH:MM", "-HH:MM" or nothing (UTC) behind it.
 * 0 or -EINVAL.
 */
int rfc3339_parse(const char *s, uint64_t *ret_ns);

#endif
