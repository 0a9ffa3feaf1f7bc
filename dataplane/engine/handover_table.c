/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct handover_entry) % 8 == 0, "objects of a pool");

int
handover_table_init(struct handover_table *t, const struct packet_hash_seed *seed)
{
	void *mem = calloc(1, pool_mem_size(HANDOVER_FLOWS_MAX, sizeof(struct handover_entry)));

	t->buckets = calloc(HANDOVER_FLOWS_MAX, sizeof(*t->buckets));
	t->id_buckets = calloc(HANDOVER_FLOWS_MAX, sizeof(*t->id_buckets));
	if (mem == NULL || t->buckets == NULL || t->id_buckets == NULL) {
		free(mem);
		free(t->buckets);
		free(t->id_buckets);
		return -ENOMEM;
	}
	t->seed = *seed;
	t->seed.ignore_vlan = true;
	pool_init(&t->pool, mem, HANDOVER_FLOWS_MAX, sizeof(struct handover_entry));
	return 0;
}

void
handover_table_fini(struct handover_table *t)
{
	free(t->pool.base);
	free(t->buckets);
	free(t->id_buckets);
}

/* Numbers of holds count up. */
static uint32_t
id_bucket(unsigned int worker, uint64_t hold_id)
{
	return (uint32_t)(hold_id * UINT64_C(0x9e3779b97f4a7c15) >> 32 ^ worker) & (HANDOVER_FLOWS_MAX - 1);
}

static struct handover_entry *
lookup(const struct handover_table *t, const struct packet_key *key, uint32_t hash)
{
	uint32_t at = t->buckets[hash & (HANDOVER_FLOWS_MAX - 1)];

	while (at != 0) {
		struct handover_entry *e = pool_at(&t->pool, at - 1);

		if (e->hash == hash && memcmp(&e->key, key, sizeof(*key)) == 0)
			return e;
		at = e->chain;
	}
	return NULL;
}

static uint32_t
key_of(const struct handover_table *t, const struct dp_flow_key *ends, struct packet_key *ret)
{
	struct dp_flow_key plain = *ends;

	plain.vlan_outer = plain.vlan_inner = 0;
	plain.wire = 0;
	return packet_key_of_ends(&plain, &t->seed, ret);
}

struct handover_entry *
handover_table_find(const struct handover_table *t, const struct dp_flow_key *ends)
{
	struct packet_key key;
	uint32_t hash = key_of(t, ends, &key);

	return lookup(t, &key, hash);
}

struct handover_entry *
handover_table_find_hold(const struct handover_table *t, unsigned int worker, uint64_t hold_id)
{
	uint32_t at = t->id_buckets[id_bucket(worker, hold_id)];

	while (at != 0) {
		struct handover_entry *e = pool_at(&t->pool, at - 1);

		if (e->flow.hold_id == hold_id && e->worker == worker)
			return e;
		at = e->id_chain;
	}
	return NULL;
}

struct handover_entry *
handover_table_of_packet(const struct handover_table *t, const uint8_t *ip, uint32_t len)
{
	struct packet p = { .frame = ip, .cap_len = len, .wire_len = len, .link = PACKET_LINK_RAW };

	return packet_decode(&p, &t->seed) == PACKET_TCP ? lookup(t, &p.key, p.hash) : NULL;
}

int
handover_table_add(struct handover_table *t, const struct dp_flow_key *ends, unsigned int worker,
		   const struct handover_flow *flow)
{
	struct handover_entry *e;
	struct packet_key key;
	uint32_t hash = key_of(t, ends, &key), idx, *bucket = &t->buckets[hash & (HANDOVER_FLOWS_MAX - 1)];
	uint32_t *id = &t->id_buckets[id_bucket(worker, flow->hold_id)];

	if (lookup(t, &key, hash) != NULL)
		return -EEXIST;
	idx = pool_get(&t->pool);
	if (idx == POOL_NONE)
		return -ENOSPC;
	e = pool_at(&t->pool, idx);
	*e = (struct handover_entry){
		.chain = *bucket,
		.id_chain = *id,
		.hash = hash,
		.key = key,
		.worker = worker,
		.flow = *flow,
	};
	*bucket = *id = idx + 1;
	return 0;
}

void
handover_table_remove(struct handover_table *t, struct handover_entry *e)
{
	uint32_t idx = (uint32_t)(((uint8_t *)e - t->pool.base) / t->pool.object_len);
	uint32_t *link = &t->buckets[e->hash & (HANDOVER_FLOWS_MAX - 1)];

	while (*link != idx + 1)
		link = &((struct handover_entry *)pool_at(&t->pool, *link - 1))->chain;
	*link = e->chain;
	link = &t->id_buckets[id_bucket(e->worker, e->flow.hold_id)];
	while (*link != idx + 1)
		link = &((struct handover_entry *)pool_at(&t->pool, *link - 1))->id_chain;
	*link = e->id_chain;
	pool_put(&t->pool, idx);
}

void
handover_table_clear(struct handover_table *t)
{
	memset(t->buckets, 0, HANDOVER_FLOWS_MAX * sizeof(*t->buckets));
	memset(t->id_buckets, 0, HANDOVER_FLOWS_MAX * sizeof(*t->id_buckets));
	pool_init(&t->pool, t->pool.base, HANDOVER_FLOWS_MAX, sizeof(struct handover_entry));
}
