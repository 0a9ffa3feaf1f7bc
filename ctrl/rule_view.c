/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_view.h"

#include <stddef.h>
#include <time.h>

enum {
	WAIT_NS = 10 * 1000,
};

bool
rule_view_put(struct rule_view *v, const struct ruleset *set)
{
	unsigned int i;

	for (i = 0; i < RULE_VIEW_MAX; i++) {
		if (atomic_load_explicit(&v->sets[i], memory_order_relaxed) != NULL)
			continue;
		atomic_store_explicit(&v->sets[i], set, memory_order_release);
		return true;
	}
	return false;
}

/*
 * Both sides write, then read what the other wrote, in one order for all (seq_cst): either the reader's next find misses
 * what was withdrawn, or the owner sees the count of a turn that is not over.
 */
void
rule_view_take(struct rule_view *v, const struct ruleset *set)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };
	uint64_t turns;
	unsigned int i;

	for (i = 0; i < RULE_VIEW_MAX; i++)
		if (atomic_load_explicit(&v->sets[i], memory_order_relaxed) == set)
			atomic_store(&v->sets[i], NULL);
	turns = atomic_load(&v->turns);
	while (atomic_load(&v->has_reader) && atomic_load(&v->turns) == turns)
		nanosleep(&wait, NULL);
}

void
rule_view_attach(struct rule_view *v)
{
	atomic_store(&v->has_reader, true);
}

void
rule_view_detach(struct rule_view *v)
{
	atomic_store(&v->has_reader, false);
}

const struct ruleset *
rule_view_find(const struct rule_view *v, uint32_t generation)
{
	unsigned int i;

	for (i = 0; i < RULE_VIEW_MAX; i++) {
		const struct ruleset *set = atomic_load(&v->sets[i]);

		if (set != NULL && ruleset_generation(set) == generation)
			return set;
	}
	return NULL;
}

void
rule_view_turn(struct rule_view *v)
{
	atomic_fetch_add(&v->turns, 1);
}
