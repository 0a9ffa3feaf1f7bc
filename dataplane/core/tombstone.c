/* SPDX-License-Identifier: BSD-3-Clause */
#include "tombstone.h"

_Static_assert(sizeof(struct tombstone) % 8 == 0, "objects of a pool");

static uint32_t
nb_buckets(uint32_t max)
{
	uint32_t n = 64;

	while (n < max && n < (1u << 31))
		n *= 2;
	return n;
}

static size_t
buckets_size(uint32_t max)
{
	return (size_t)nb_buckets(max) * sizeof(uint32_t);
}

size_t
tombstone_table_mem_size(uint32_t max)
{
	return buckets_size(max) + pool_mem_size(max, sizeof(struct tombstone));
}

void
tombstone_table_init(struct tombstone_table *t, void *mem, uint32_t max, uint64_t limit_ns, struct dp_severed *severed)
{
	t->buckets = mem;
	t->mask = nb_buckets(max) - 1;
	pool_init(&t->pool, (uint8_t *)mem + buckets_size(max), max, sizeof(struct tombstone));
	t->head = POOL_NONE;
	t->tail = POOL_NONE;
	t->limit_ns = limit_ns;
	t->severed = severed;
}

static struct tombstone *
stone_at(const struct tombstone_table *t, uint32_t idx)
{
	return idx == POOL_NONE ? NULL : pool_at(&t->pool, idx);
}

static uint32_t
stone_idx(const struct tombstone_table *t, const struct tombstone *s)
{
	return (uint32_t)(((const uint8_t *)s - t->pool.base) / t->pool.object_len);
}

void
tombstone_remove(struct tombstone_table *t, struct tombstone *s)
{
	uint32_t idx = stone_idx(t, s), *link = &t->buckets[s->hash & t->mask];

	while (*link != idx + 1)
		link = &stone_at(t, *link - 1)->chain;
	*link = s->chain;
	if (s->prev == POOL_NONE)
		t->head = s->next;
	else
		stone_at(t, s->prev)->next = s->next;
	if (s->next == POOL_NONE)
		t->tail = s->prev;
	else
		stone_at(t, s->next)->prev = s->prev;
	if (t->severed != NULL)
		dp_severed_remove(t->severed, s->severed);
	pool_put(&t->pool, idx);
}

static bool
is_over(const struct tombstone_table *t, const struct tombstone *s, uint64_t now_ns)
{
	return now_ns > s->since_ns && now_ns - s->since_ns > t->limit_ns;
}

static struct tombstone *
lookup(const struct tombstone_table *t, const struct packet_key *key, uint32_t hash)
{
	uint32_t e = t->buckets[hash & t->mask];

	while (e != 0) {
		struct tombstone *s = stone_at(t, e - 1);

		if (s->hash == hash && memcmp(&s->key, key, sizeof(*key)) == 0)
			return s;
		e = s->chain;
	}
	return NULL;
}

bool
tombstone_add(struct tombstone_table *t, const struct packet_key *key, uint32_t hash, uint64_t now_ns, uint32_t severed)
{
	struct tombstone *s = lookup(t, key, hash);
	bool full = false;
	uint32_t idx;

	if (s != NULL)
		tombstone_remove(t, s);
	idx = pool_get(&t->pool);
	if (idx == POOL_NONE) {
		full = true;
		tombstone_remove(t, stone_at(t, t->head));
		idx = pool_get(&t->pool);
	}
	s = stone_at(t, idx);
	*s = (struct tombstone){
		.chain = t->buckets[hash & t->mask],
		.hash = hash,
		.since_ns = now_ns,
		.prev = t->tail,
		.next = POOL_NONE,
		.key = *key,
		.severed = severed,
	};
	t->buckets[hash & t->mask] = idx + 1;
	if (t->tail == POOL_NONE)
		t->head = idx;
	else
		stone_at(t, t->tail)->next = idx;
	t->tail = idx;
	return full;
}

struct tombstone *
tombstone_find(struct tombstone_table *t, const struct packet *p)
{
	struct tombstone *s = lookup(t, &p->key, p->hash);

	if (s != NULL && is_over(t, s, p->ts_ns)) {
		tombstone_remove(t, s);
		return NULL;
	}
	return s;
}

void
tombstone_age_step(struct tombstone_table *t, uint64_t now_ns, unsigned int budget)
{
	for (; budget > 0; budget--) {
		struct tombstone *s = stone_at(t, t->head);

		if (s == NULL || !is_over(t, s, now_ns))
			return;
		tombstone_remove(t, s);
	}
}
