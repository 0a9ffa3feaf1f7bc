/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decider - verdicts on what is held, at once, whatever the disk is doing
 *
 * What:      a thread of its own with its own place in each ring, ahead of the pipeline: it decides each match, writes the
 *            verdict down in ctrl's half of the slot, then sends it to the worker, and moves the `decided` cursor. The
 *            pipeline reads no further than that cursor, and takes the verdict from the slot.
 *
 *              ring:   stored ........ pipeline ........ decided ........ head
 *                                                        (this thread)
 *
 * Death:     what a predecessor decided stands in the slots and is sent again; a worker ignores what it knows.
 * Waiting:   never for a disk or a network. A worker whose command ring stays full for DECIDER_PATIENCE_MS does without;
 *            its hold limit ends the hold.
 * Idle:      polls; when nothing came for a while it sleeps DECIDER_SLEEP_US at a time.
 * Threads:   decider_start() and decider_stop() by one thread; in between the slots, the command rings and the decided
 *            cursors belong to the decider. It finds the rule sets in a view of its own (rule_view.h): a reload reaches it
 *            without a lock, and each record is decided by the set that judged it.
 */
#ifndef POSTERN_DECIDER_H
#define POSTERN_DECIDER_H

#include "answers.h"
#include "dp_shm.h"
#include "rule_view.h"

enum {
	DECIDER_PATIENCE_MS = 1000,
	DECIDER_SLEEP_US = 20,
	DECIDER_SPINS = 2000, /* empty rounds before it sleeps */
};

struct decider;

/* All of it outlives the decider. */
struct decider_config {
	const struct dp_shm *dp, *ctrl;
	const struct dp_shm *responder_dp, *responder_ctrl; /* NULL: there is no responder; its ring is the last of these */
	struct rule_view *rules; /* it is the reader of this */
	struct answers_config answers;
};

/* 0 or negative errno. */
int decider_start(const struct decider_config *cfg, struct decider **ret);
void decider_stop(struct decider *d); /* NULL is fine */

#endif
