/* SPDX-License-Identifier: BSD-3-Clause */
#include "hold.h"

_Static_assert(sizeof(struct hold) % 8 == 0, "objects of a pool");

void
hold_table_init(struct hold_table *t, void *mem, uint32_t holds_max, uint32_t serial)
{
	pool_init(&t->pool, mem, holds_max, sizeof(struct hold));
	t->head = POOL_NONE;
	t->tail = POOL_NONE;
	t->serial = serial;
}

struct hold *
hold_new(struct hold_table *t, uint64_t now_ns)
{
	uint32_t idx = pool_get(&t->pool);
	struct hold *h = hold_at(t, idx);

	if (h == NULL)
		return NULL;
	if (++t->serial == 0)
		t->serial = 1;
	*h = (struct hold){
		.id = (uint64_t)t->serial << 32 | idx,
		.since_ns = now_ns,
		.flow_next = POOL_NONE,
		.prev = t->tail,
		.next = POOL_NONE,
	};
	if (t->tail == POOL_NONE)
		t->head = idx;
	else
		hold_at(t, t->tail)->next = idx;
	t->tail = idx;
	return h;
}

struct hold *
hold_find(const struct hold_table *t, uint64_t id)
{
	uint32_t idx = (uint32_t)id;
	struct hold *h;

	if (id == 0 || idx >= t->pool.fresh)
		return NULL;
	h = pool_at(&t->pool, idx);
	return h->id == id ? h : NULL;
}

void
hold_decide(struct hold_table *t, struct hold *h, enum dp_verdict verdict, enum dp_cause cause, uint64_t now_ns)
{
	if (h->prev == POOL_NONE)
		t->head = h->next;
	else
		hold_at(t, h->prev)->next = h->next;
	if (h->next == POOL_NONE)
		t->tail = h->prev;
	else
		hold_at(t, h->next)->prev = h->prev;
	h->verdict = (uint8_t)verdict;
	h->cause = (uint8_t)cause;
	h->done_ns = now_ns;
}

void
hold_free(struct hold_table *t, struct hold *h)
{
	h->id = 0;
	pool_put(&t->pool, hold_idx(t, h));
}
