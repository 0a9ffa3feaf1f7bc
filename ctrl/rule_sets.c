/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_sets.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static void
free_set(struct rule_sets *rs, struct ruleset *set)
{
	if (rs->view != NULL)
		rule_view_take(rs->view, set);
	ruleset_free(set);
}

void
rule_sets_free(struct rule_sets *rs)
{
	unsigned int i;

	for (i = 0; i < rs->nb; i++)
		free_set(rs, rs->list[i].set);
	memset(rs, 0, sizeof(*rs));
}

int
rule_sets_add(struct rule_sets *rs, struct ruleset *set)
{
	if (rs->nb == RULE_SETS_MAX || (rs->view != NULL && !rule_view_put(rs->view, set)))
		return -ENOBUFS;
	rs->list[rs->nb++] = (struct rule_sets_entry){ .set = set };
	rs->last = ruleset_generation(set);
	return 0;
}

const struct ruleset *
rule_sets_find(const struct rule_sets *rs, uint32_t generation)
{
	unsigned int i;

	/* Most records are of the newest. */
	for (i = rs->nb; i-- > 0;)
		if (ruleset_generation(rs->list[i].set) == generation)
			return rs->list[i].set;
	return NULL;
}

const struct ruleset *
rule_sets_newest(const struct rule_sets *rs)
{
	return rs->nb > 0 ? rs->list[rs->nb - 1].set : NULL;
}

void
rule_sets_drop_newest(struct rule_sets *rs)
{
	if (rs->nb > 0)
		free_set(rs, rs->list[--rs->nb].set);
}

void
rule_sets_acknowledged(struct rule_sets *rs, uint32_t generation, const struct dp_shm *dp)
{
	unsigned int i, w;

	rs->in_force = generation;
	for (i = 0; i < rs->nb; i++) {
		struct rule_sets_entry *e = &rs->list[i];

		if (ruleset_generation(e->set) >= generation || e->retiring)
			continue;
		/* A worker acknowledges between two turns: all that it wrote before stands before its head. */
		for (w = 0; w < dp->geo.nb_workers; w++)
			e->until[w] = atomic_load_explicit(&dp_shm_ring_dp(dp, w)->head, memory_order_acquire);
		e->retiring = true;
	}
}

/* The responder has another set, and what it wrote before is stored. */
static bool
responder_left(const struct rule_sets *rs, uint32_t generation)
{
	const struct dp_ring_dp *dp;
	const struct dp_ring_ctrl *ctrl;
	unsigned int ring;

	if (rs->responder_dp == NULL)
		return true;
	ring = rs->responder_dp->geo.nb_workers - 1;
	dp = dp_shm_ring_dp(rs->responder_dp, ring);
	ctrl = dp_shm_ring_ctrl(rs->responder_ctrl, ring);
	return atomic_load_explicit(&dp->generation, memory_order_acquire) != generation &&
	       atomic_load_explicit(&ctrl->stored, memory_order_relaxed) >=
		       atomic_load_explicit(&dp->head, memory_order_acquire);
}

static bool
is_over(const struct rule_sets *rs, const struct rule_sets_entry *e, const struct dp_shm *ctrl)
{
	unsigned int w;

	if (!responder_left(rs, ruleset_generation(e->set)))
		return false;

	for (w = 0; w < ctrl->geo.nb_workers; w++)
		if (atomic_load_explicit(&dp_shm_ring_ctrl(ctrl, w)->stored, memory_order_relaxed) < e->until[w])
			return false;
	return true;
}

uint32_t
rule_sets_release(struct rule_sets *rs, const struct dp_shm *ctrl)
{
	uint32_t generation;
	unsigned int i;

	for (i = 0; i < rs->nb; i++) {
		struct rule_sets_entry *e = &rs->list[i];

		if (!e->retiring || !is_over(rs, e, ctrl))
			continue;
		generation = ruleset_generation(e->set);
		free_set(rs, e->set);
		memmove(e, e + 1, (rs->nb - i - 1) * sizeof(*e));
		rs->nb--;
		return generation;
	}
	return 0;
}
