/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_severed.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "dp_event.h"

static uint64_t
check_of(const struct dp_severed_entry *e)
{
	const uint8_t *p = (const uint8_t *)e;
	uint64_t h = dp_hash64(DP_HASH64_INIT, p + sizeof(e->check), sizeof(*e) - sizeof(e->check));

	return h != 0 ? h : 1;
}

static bool
is_sound(const struct dp_severed_entry *e)
{
	const struct dp_flow_key *k = &e->key;

	return atomic_load_explicit(&e->check, memory_order_acquire) == check_of(e) &&
	       (k->family == DP_FAMILY_IPV4 || k->family == DP_FAMILY_IPV6) && k->vlan_outer < 4096 &&
	       k->vlan_inner < 4096 && e->why > 0 && e->why < DP_SEVERED_WHY_NB;
}

static void
make_free(struct dp_severed *s, uint32_t idx)
{
	struct dp_severed_entry *e = &s->area->entries[idx];

	atomic_store_explicit(&e->check, 0, memory_order_release);
	e->since_ns = s->free_head;
	s->free_head = idx + 1;
}

uint32_t
dp_severed_used(const struct dp_severed *s)
{
	uint32_t used = atomic_load_explicit(&s->area->used, memory_order_relaxed);

	return used < DP_SEVERED_MAX ? used : DP_SEVERED_MAX;
}

void
dp_severed_open(struct dp_severed *s, struct dp_severed_area *area)
{
	uint32_t used, i;

	*s = (struct dp_severed){ .area = area };
	used = dp_severed_used(s);
	for (i = used; i-- > 0;) {
		const struct dp_severed_entry *e = &area->entries[i];

		if (is_sound(e)) {
			s->nb++;
			continue;
		}
		s->nb_torn += atomic_load_explicit(&e->check, memory_order_relaxed) != 0;
		make_free(s, i);
	}
}

uint32_t
dp_severed_add(struct dp_severed *s, const struct dp_severed_flow *flow)
{
	uint32_t idx = s->free_head - 1, used = dp_severed_used(s);
	struct dp_severed_entry *e;

	if (s->free_head != 0) {
		e = &s->area->entries[idx];
		s->free_head = (uint32_t)e->since_ns;
	} else {
		if (used == DP_SEVERED_MAX)
			return DP_SEVERED_NONE;
		idx = used;
		e = &s->area->entries[idx];
		atomic_store_explicit(&s->area->used, used + 1, memory_order_relaxed);
	}
	e->since_ns = flow->since_ns;
	e->key = flow->key;
	e->why = (uint8_t)flow->why;
	memset(e->reserved, 0, sizeof(e->reserved));
	atomic_store_explicit(&e->check, check_of(e), memory_order_release);
	s->nb++;
	return idx;
}

void
dp_severed_remove(struct dp_severed *s, uint32_t idx)
{
	if (idx >= DP_SEVERED_MAX)
		return;
	s->nb--;
	make_free(s, idx);
}

bool
dp_severed_get(const struct dp_severed *s, uint32_t idx, struct dp_severed_flow *ret)
{
	const struct dp_severed_entry *e = &s->area->entries[idx];

	if (!is_sound(e))
		return false;
	*ret = (struct dp_severed_flow){ .key = e->key, .since_ns = e->since_ns, .why = (enum dp_severed_why)e->why };
	return true;
}
