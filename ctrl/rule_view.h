/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_view - the rule sets in use, for another thread than the one that exchanges them
 *
 * What:      rule_sets.h is one thread's table; a reader beside it (decider.h) finds the same sets here, without a lock:
 *
 *              owner:  put ............................... take: withdraw, wait for the end of the reader's turn -> free
 *              reader: turn { find, use } turn { find, use } turn { ...
 *
 *            What the reader finds is good until its next rule_view_turn(). The owner waits at most as long as one turn of
 *            the reader takes, and the reader never.
 * Threads:   one owner, one reader. rule_view_detach() when the reader has ended: nobody is waited for any more.
 * Limits:    RULE_VIEW_MAX sets at once.
 */
#ifndef POSTERN_RULE_VIEW_H
#define POSTERN_RULE_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ruleset.h"

enum {
	RULE_VIEW_MAX = 8,
};

struct rule_view {
	_Atomic(const struct ruleset *) sets[RULE_VIEW_MAX];
	_Atomic uint64_t turns;	   /* of the reader */
	_Atomic bool has_reader;
};

/* --- owner --- */

/* False: RULE_VIEW_MAX are there. */
bool rule_view_put(struct rule_view *v, const struct ruleset *set);
/* @set is not found any more, and not in use: it may be freed. */
void rule_view_take(struct rule_view *v, const struct ruleset *set);

/* A reader begins, before its thread; or has ended, after it. */
void rule_view_attach(struct rule_view *v);
void rule_view_detach(struct rule_view *v);

/* --- reader --- */

/* NULL: there is none of this generation. */
const struct ruleset *rule_view_find(const struct rule_view *v, uint32_t generation);
/* What was found is used no more. */
void rule_view_turn(struct rule_view *v);

#endif
