/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_swap - the rule set in use, exchanged under the workers' hands
 *
 * What:      the service thread takes offers from ctrl (dp_ruleset.h), loads and checks them, allocates scratch for every
 *            worker, publishes one pointer, waits until every worker has passed a quiescent state, acknowledges for each,
 *            and frees the old set. A bad offer leaves the old one in force and is answered with REFUSED.
 * Threads:   rule_swap_poll() on the service thread; rule_swap_get() and rule_swap_quiescent() on workers, without lock
 *            or system call. A pointer from rule_swap_get() is good until the worker's next rule_swap_quiescent().
 */
#ifndef POSTERN_RULE_SWAP_H
#define POSTERN_RULE_SWAP_H

#include <stdbool.h>
#include <stdint.h>

#include "matcher.h"

/* One generation in use. */
struct rule_set {
	struct matcher *matcher;
	uint32_t generation;
	uint64_t hash; /* of the image */
	unsigned int nb_workers;
	struct matcher_scratch *scratch[]; /* one per worker */
};

struct rule_swap;

/* @sock stays the caller's. */
int rule_swap_new(int sock, unsigned int nb_workers, struct rule_swap **ret);
void rule_swap_free(struct rule_swap *rs);

/* Ask ctrl for an offer: this dataplane was started again, and the offer its predecessor got is gone with it. */
void rule_swap_ask(struct rule_swap *rs);

/*
 * Take what has come from ctrl; never blocks on the socket, but waits for the workers' quiescence after a swap (a worker
 * that waits for room in its ring may take its time). Returns 0, or -ECONNRESET when ctrl's end is gone for good.
 */
int rule_swap_poll(struct rule_swap *rs);

/* The set in use, NULL before the first. */
const struct rule_set *rule_swap_get(const struct rule_swap *rs);

void rule_swap_online(struct rule_swap *rs, unsigned int worker);
void rule_swap_offline(struct rule_swap *rs, unsigned int worker);
/* Between two turns: nothing of an old set is used any more. */
void rule_swap_quiescent(struct rule_swap *rs, unsigned int worker);

#endif
