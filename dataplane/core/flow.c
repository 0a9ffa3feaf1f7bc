/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"

enum {
	ORDER_STEPS_MAX = 64, /* entries walked back to keep the list of beginnings in order */
};

/* At least twice the entries: few chains are longer than the one entry that was prefetched. */
static uint32_t
nb_buckets(uint32_t flows_max)
{
	uint32_t n = 64;

	while (n / 2 < flows_max && n < (1u << 31))
		n *= 2;
	return n;
}

static size_t
buckets_size(uint32_t flows_max)
{
	return (size_t)nb_buckets(flows_max) * sizeof(uint32_t);
}

size_t
flow_table_mem_size(uint32_t flows_max)
{
	return buckets_size(flows_max) + pool_mem_size(flows_max, sizeof(struct flow));
}

void
flow_table_init(struct flow_table *t, void *mem, uint32_t flows_max)
{
	const struct flow_list none = { POOL_NONE, POOL_NONE };

	t->buckets = mem;
	t->mask = nb_buckets(flows_max) - 1;
	pool_init(&t->flows, (uint8_t *)mem + buckets_size(flows_max), flows_max, sizeof(struct flow));
	t->open = none;
	t->closed = none;
	t->order = none;
}

static uint32_t
flow_idx(const struct flow_table *t, const struct flow *f)
{
	return (uint32_t)(((const uint8_t *)f - t->flows.base) / sizeof(struct flow));
}

struct flow *
flow_lookup(const struct flow_table *t, const struct packet *p)
{
	uint32_t e = t->buckets[p->hash & t->mask];

	while (e != 0) {
		struct flow *f = pool_at(&t->flows, e - 1);

		if (f->hash == p->hash && memcmp(&f->key, &p->key, sizeof(f->key)) == 0)
			return f;
		e = f->chain;
	}
	return NULL;
}

static struct flow_list *
age_list(struct flow_table *t, const struct flow *f)
{
	return f->flags & FLOW_CLOSED ? &t->closed : &t->open;
}

static void
age_append(struct flow_table *t, struct flow *f)
{
	struct flow_list *l = age_list(t, f);
	uint32_t idx = flow_idx(t, f);

	f->age_prev = l->tail;
	f->age_next = POOL_NONE;
	if (l->tail != POOL_NONE)
		flow_at(t, l->tail)->age_next = idx;
	else
		l->head = idx;
	l->tail = idx;
}

static void
age_unlink(struct flow_table *t, struct flow *f)
{
	struct flow_list *l = age_list(t, f);

	if (f->age_prev != POOL_NONE)
		flow_at(t, f->age_prev)->age_next = f->age_next;
	else
		l->head = f->age_next;
	if (f->age_next != POOL_NONE)
		flow_at(t, f->age_next)->age_prev = f->age_prev;
	else
		l->tail = f->age_prev;
}

void
flow_age_move(struct flow_table *t, struct flow *f)
{
	age_unlink(t, f);
	age_append(t, f);
}

void
flow_close(struct flow_table *t, struct flow *f)
{
	if (f->flags & FLOW_CLOSED)
		return;
	age_unlink(t, f);
	f->flags |= FLOW_CLOSED;
	age_append(t, f);
}

/*
 * Flows begin with rising frame numbers, so this is an append; packets handed over between workers may be a few frames
 * late.
 */
static void
order_insert(struct flow_table *t, struct flow *f)
{
	struct flow_list *l = &t->order;
	uint32_t idx = flow_idx(t, f), after = l->tail, steps;

	for (steps = 0; steps < ORDER_STEPS_MAX && after != POOL_NONE; steps++) {
		const struct flow *a = flow_at(t, after);

		if (a->uid <= f->uid)
			break;
		after = a->order_prev;
	}
	f->order_prev = after;
	f->order_next = after == POOL_NONE ? l->head : flow_at(t, after)->order_next;
	if (after == POOL_NONE)
		l->head = idx;
	else
		flow_at(t, after)->order_next = idx;
	if (f->order_next == POOL_NONE)
		l->tail = idx;
	else
		flow_at(t, f->order_next)->order_prev = idx;
}

static void
order_unlink(struct flow_table *t, struct flow *f)
{
	struct flow_list *l = &t->order;

	if (f->order_prev != POOL_NONE)
		flow_at(t, f->order_prev)->order_next = f->order_next;
	else
		l->head = f->order_next;
	if (f->order_next != POOL_NONE)
		flow_at(t, f->order_next)->order_prev = f->order_prev;
	else
		l->tail = f->order_prev;
}

struct flow *
flow_create(struct flow_table *t, const struct packet *p)
{
	uint32_t idx = pool_get(&t->flows);
	uint32_t *bucket = &t->buckets[p->hash & t->mask];
	struct flow *f = flow_at(t, idx);
	int i;

	if (f == NULL)
		return NULL;
	*f = (struct flow){
		.key = p->key,
		.hash = p->hash,
		.chain = *bucket,
		.loop = p->loop,
		.smtp = { .cold = POOL_NONE },
		.last_ns = p->ts_ns,
		.last_frame = p->frame_no,
		.start_ns = p->ts_ns,
		.uid = p->frame_no,
		.kept_head = POOL_NONE,
		.rival_head = POOL_NONE,
		.alt_head = POOL_NONE,
	};
	for (i = 0; i < 2; i++)
		f->dir[i].head = POOL_NONE;
	*bucket = idx + 1;
	age_append(t, f);
	order_insert(t, f);
	return f;
}

void
flow_remove(struct flow_table *t, struct flow *f)
{
	uint32_t idx = flow_idx(t, f);
	uint32_t *link = &t->buckets[f->hash & t->mask];

	while (*link != idx + 1)
		link = &flow_at(t, *link - 1)->chain;
	*link = f->chain;
	age_unlink(t, f);
	order_unlink(t, f);
	pool_put(&t->flows, idx);
}

struct flow *
flow_idle_longest(const struct flow_table *t)
{
	struct flow *open = flow_at(t, t->open.head);
	struct flow *closed = flow_at(t, t->closed.head);

	if (closed == NULL || open == NULL)
		return closed != NULL ? closed : open;
	/* A closed flow has little left to say. */
	return closed->flags & FLOW_ENDED || closed->last_ns <= open->last_ns ? closed : open;
}
