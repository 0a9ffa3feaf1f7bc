/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * merge - the records of all rings in one order
 *
 * What:      replay: by frame number, ties by connection; the result does not depend on how many workers there were. Each
 *            ring is non-decreasing in frame_no. While a ring is empty, others go on only up to its watermark: a record
 *            with a lower number could still come from it.
 * Order:     a ring's watermark is read before its head: records below the watermark were published before it, so they
 *            are seen. (The other way round, one could slip in between.)
 * Hostile:   records are checked copies (dp_ring_next()). A watermark that lies only spoils the order, one that never
 *            moves stops the merge: ctrl waits, the supervisor's watchdog looks at the dataplane.
 * Threads:   one. Cost: O(rings) per record.
 */
#ifndef POSTERN_MERGE_H
#define POSTERN_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_ring.h"

struct merge_item {
	uint64_t pos, end; /* in its ring */
	unsigned int worker;
	const struct dp_record *rec; /* checked; valid until merge_pop() */
};

struct merge;

/*
 * The rings are read as far as their `decided` cursor, which is another's (decider.h), and no further. Before the first
 * record is taken.
 */
void merge_follow_decided(struct merge *m);

/* @first: per worker, the position up to which everything is stored already; what is before it is skipped. */
int merge_new(const struct dp_shm *dp, const struct dp_shm *ctrl, const uint64_t *first, struct merge **ret);

/*
 * One ring more, the last of segments of one worker more than the others (dp_responder.h). What is in it goes first, and
 * nothing waits for it. @first: as in merge_new(). Before the first record is taken. 0 or negative errno.
 */
int merge_add_aside(struct merge *m, const struct dp_shm *dp, const struct dp_shm *ctrl, uint64_t first);
void merge_free(struct merge *m);

unsigned int merge_nb_rings(const struct merge *m);
struct dp_ring_reader *merge_reader(struct merge *m, unsigned int worker);

/* Nothing more is awaited from any ring: what is there is all there is (the dataplane is gone). */
void merge_drain(struct merge *m);

/*
 * The next record in order. 1: *ret filled; 0: none may be taken yet, or there is none; -EBADMSG: ring *ret_worker is
 * broken.
 */
int merge_peek(struct merge *m, struct merge_item *ret, unsigned int *ret_worker);
void merge_pop(struct merge *m, const struct merge_item *item);

/* After merge_peek() gave 0: every ring is finished and empty. */
bool merge_done(const struct merge *m);
/* After merge_peek() gave 0: no later record, nor one that is held back now, is older than this. */
uint64_t merge_quiet_ns(const struct merge *m);

/* Capture time that the workers have come to, ns: the end of the captures when all are done. */
uint64_t merge_clock_ns(const struct merge *m);

#endif
