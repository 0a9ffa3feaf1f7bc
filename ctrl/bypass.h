/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bypass - maintenance: an operator lets mail go on uninspected, for a while
 *
 * What:      the order stands in ctrl's segment (dp_shm.h) as the moment at which it ends, so that it ends in time whatever
 *            is started again meanwhile, and a ctrl that comes after finds it. Workers follow it within some 20 ms and say so.
 * Threads:   the loop's.
 */
#ifndef POSTERN_BYPASS_H
#define POSTERN_BYPASS_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_shm.h"
#include "json_out.h"

enum {
	BYPASS_MAX_S = 24 * 3600, /* longer is no maintenance */
};

/* From now on for @for_s seconds; 0: it is over. @now_ns: CLOCK_MONOTONIC. */
void bypass_order(const struct dp_shm *ctrl, uint64_t for_s, uint64_t now_ns);

/* Nanoseconds it still lasts, 0: it is off. */
uint64_t bypass_left_ns(const struct dp_shm *ctrl, uint64_t now_ns);

/* Workers that inspect nothing at the moment. */
unsigned int bypass_workers(const struct dp_shm *dp);

/* As "bypass": whether it is on, how long it still lasts, how many workers follow. */
void bypass_write(struct json_out *o, const struct dp_shm *dp, const struct dp_shm *ctrl, uint64_t now_ns);

#endif
