/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_hits - how often exceptions, ended exceptions and sender scope decided, for this run
 *
 * What:      one count for each exception that let a recipient through, each that would have, had it not ended, and each rule
 *            that did not count because it is not for the sender. Counted are alerts that the store takes as new.
 * Death:     counts go into the store in the transaction of the alerts they belong to: a restarted ctrl goes on with them, and
 *            no alert is counted twice.
 * Memory:    at most RULE_HITS_MAX counts; what is beyond goes to one more of each kind, by the id "(others)".
 * Threads:   one. Errors: negative errno, the sentence in store_error().
 */
#ifndef POSTERN_RULE_HITS_H
#define POSTERN_RULE_HITS_H

#include <stddef.h>
#include <stdint.h>

#include "decide.h"
#include "rule_hit_kind.h"
#include "store.h"

enum {
	RULE_HITS_MAX = 4096,
};

struct rule_hit {
	enum rule_hit_kind kind;
	char *id;
	uint64_t nb;
};

struct rule_hits;

/* With what the store has of the run that it was opened for. @s must outlive it. 0, -ENOMEM or the store's errno. */
int rule_hits_new(struct store *s, struct rule_hits **ret);
void rule_hits_free(struct rule_hits *h);

/* 0 or -ENOMEM. */
int rule_hits_count(struct rule_hits *h, const struct decision *d);
/* What has changed, into the open transaction. */
int rule_hits_save(struct rule_hits *h);

/* By kind and id. */
size_t rule_hits_nb(const struct rule_hits *h);
const struct rule_hit *rule_hits_get(const struct rule_hits *h, size_t i);

#endif
