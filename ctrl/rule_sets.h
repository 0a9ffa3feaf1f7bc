/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_sets - the generations of the rule set that ctrl still needs
 *
 * What:      records in the rings were judged by the set that was in force when their packet came; they are decided by the
 *            same one, so a set is kept until nothing of it can come any more:
 *
 *              added (compiled) -> in force (all workers acknowledged it) -> retiring (all have a newer one)
 *                 -> freed, when every ring is stored up to where it was written when that was acknowledged
 *
 * Limits:    RULE_SETS_MAX at once.
 * Threads:   one. With a view, another finds the sets there (rule_view.h); none is freed under its hands.
 */
#ifndef POSTERN_RULE_SETS_H
#define POSTERN_RULE_SETS_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_shm.h"
#include "rule_view.h"
#include "ruleset.h"

enum {
	RULE_SETS_MAX = RULE_VIEW_MAX,
};

struct rule_sets_entry {
	struct ruleset *set;
	bool retiring;
	uint64_t until[DP_WORKERS_MAX]; /* ring positions, with @retiring */
};

struct rule_sets {
	struct rule_sets_entry list[RULE_SETS_MAX]; /* by generation, the oldest first */
	unsigned int nb;
	uint32_t in_force; /* generation that all workers have; 0: none yet */
	uint32_t last;	   /* highest generation ever added */
	struct rule_view *view; /* NULL: nobody else looks. To be set before the first is added */
	/* NULL, or the responder's segments: their last ring may hold records of any set that it has not left yet. */
	const struct dp_shm *responder_dp, *responder_ctrl;
};

void rule_sets_free(struct rule_sets *rs);

/* @set, of a generation above all others, becomes the table's. -ENOBUFS: too many are still needed, @set stays the caller's. */
int rule_sets_add(struct rule_sets *rs, struct ruleset *set);
/* NULL: there is none. */
const struct ruleset *rule_sets_find(const struct rule_sets *rs, uint32_t generation);
const struct ruleset *rule_sets_newest(const struct rule_sets *rs);
/* The newest was refused: it was never in use. */
void rule_sets_drop_newest(struct rule_sets *rs);

/* Every worker has taken over @generation: older ones retire at the positions the rings of @dp have now. */
void rule_sets_acknowledged(struct rule_sets *rs, uint32_t generation, const struct dp_shm *dp);

/* Free one retiring set that is not needed any more, as the cursors of @ctrl say. Its generation, or 0: none. */
uint32_t rule_sets_release(struct rule_sets *rs, const struct dp_shm *ctrl);

#endif
