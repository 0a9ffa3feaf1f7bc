/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_load.h"

#include <stdatomic.h>

#define MS UINT64_C(1000000) /* in ns */

void
live_load_note(struct live_load *l, unsigned int idx, unsigned int nb, uint64_t now_ns)
{
	if (nb < IO_BURST_MAX)
		l->full_since_ns[idx] = 0;
	else if (l->full_since_ns[idx] == 0)
		l->full_since_ns[idx] = now_ns;
}

static uint64_t
age_of(uint64_t since_ns, uint64_t now_ns)
{
	return since_ns != 0 && now_ns > since_ns ? now_ns - since_ns : 0;
}

/* How long the oldest backlog has stood. */
static uint64_t
longest(const struct worker *w)
{
	const struct live_worker *l = w->live;
	uint64_t max = 0;
	unsigned int i;

	for (i = 0; i < l->nb_rx; i++)
		max = RTE_MAX(max, age_of(l->load.full_since_ns[i], w->now_ns));
	for (i = 0; i < w->group->nb; i++)
		max = RTE_MAX(max, age_of(l->load.full_since_ns[LIVE_QUEUES_MAX + i], w->now_ns));
	return max;
}

static void
set(struct worker *w, uint32_t shed)
{
	struct live_load *l = &w->live->load;

	if (l->shed == INSPECTOR_SHED_NOTHING)
		dp_count(&w->counters, DP_STAT_OVERLOADS, 1);
	l->shed = shed;
	l->calm_since_ns = 0;
	inspector_set_shed(w->inspector, (enum inspector_shed)shed, w->live->group->overload_open);
}

void
live_load_turn(struct worker *w)
{
	const uint64_t limit = w->live->group->overload_ms * MS;
	struct live_load *l = &w->live->load;
	uint64_t stands = limit != 0 ? longest(w) : 0;
	unsigned int use = limit != 0 ? inspector_pool_use(w->inspector) : 0;
	uint32_t want = INSPECTOR_SHED_NOTHING;

	if (limit != 0 && stands >= limit * LIVE_LOAD_BODIES)
		want = INSPECTOR_SHED_BODIES;
	else if (limit != 0 && (stands >= limit || use >= LIVE_LOAD_POOL_HIGH))
		want = INSPECTOR_SHED_NEW;
	if (want > l->shed)
		set(w, want);
	if (l->shed == INSPECTOR_SHED_NOTHING)
		return;
	dp_count(&w->counters, DP_STAT_OVERLOAD_TURNS, 1);
	if (stands > limit / 2 || use >= LIVE_LOAD_POOL_LOW)
		l->calm_since_ns = 0;
	else if (l->calm_since_ns == 0)
		l->calm_since_ns = w->now_ns;
	else if (age_of(l->calm_since_ns, w->now_ns) >= LIVE_LOAD_CALM_MS * MS)
		set(w, l->shed - 1);
}
