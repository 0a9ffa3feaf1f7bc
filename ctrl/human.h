/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * human - records as a person reads them on a terminal
 *
 * What:      takes the stored JSON line, so that what is shown is what is stored, now or a year later:
 *
 *              2026-03-01 10:00:00.123456Z  would refuse  jane@example.org -> joe@army.ml
 *                  meant   joe's domain was probably army.mil (suffix)
 *                  why     army.ml differs from army.mil, a protected name, in its suffix only: mistyped
 *                  #12     rule mil, severity 3, 192.0.2.1:40000 -> 192.0.2.25:25, transaction 1, recipient 2
 *
 * Hostile:   all text goes through safe_text().
 * Threads:   pure functions.
 */
#ifndef POSTERN_HUMAN_H
#define POSTERN_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json_out.h"

/* Append the record of @len octets at @json as text. What is no record of ours appears as one escaped line. */
void human_record(struct json_out *o, const char *json, size_t len, bool colour);

/* A time for people: blank instead of T, microseconds. */
enum {
	HUMAN_TIME_LEN = 27,
};
void human_time(const char *rfc3339, char ret[HUMAN_TIME_LEN + 1]);

/* Append octets made safe, at most @max columns (0: no limit; cut ones end in "..."). Returns the columns used. */
size_t human_text(struct json_out *o, const char *s, size_t len, size_t max);

#endif
