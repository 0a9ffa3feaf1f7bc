/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handover_table - connections that the responder was told of, by their two ends
 *
 * Shape:     a pool and hash chains; the hash is seeded. Tags and wires are not part of the key: the responder's kernel tells
 *            connections apart by addresses and ports alone.
 * Threads:   one. Cost: O(1) expected.
 */
#ifndef POSTERN_HANDOVER_TABLE_H
#define POSTERN_HANDOVER_TABLE_H

#include "handover.h"
#include "pool.h"

struct handover_entry {
	uint32_t chain; /* next + 1, 0: last; while it is free, the pool's */
	uint32_t id_chain;
	uint32_t hash;
	uint32_t reserved;
	struct packet_key key;
	uint32_t worker;
	struct handover_flow flow;
};

struct handover_table {
	struct pool pool;
	uint32_t *buckets; /* index + 1, 0: empty */
	uint32_t *id_buckets;
	struct packet_hash_seed seed;
};

int handover_table_init(struct handover_table *t, const struct packet_hash_seed *seed);
void handover_table_fini(struct handover_table *t);

/* NULL: there is none. */
struct handover_entry *handover_table_find(const struct handover_table *t, const struct dp_flow_key *ends);
/* By its numbers, which are the workers' own. */
struct handover_entry *handover_table_find_hold(const struct handover_table *t, unsigned int worker, uint64_t hold_id);
/* Of the connection that IP packet @ip is of, or NULL. */
struct handover_entry *handover_table_of_packet(const struct handover_table *t, const uint8_t *ip, uint32_t len);
/* 0; -EEXIST: there is one between these ends; -ENOSPC. */
int handover_table_add(struct handover_table *t, const struct dp_flow_key *ends, unsigned int worker,
		       const struct handover_flow *flow);
void handover_table_remove(struct handover_table *t, struct handover_entry *e);
void handover_table_clear(struct handover_table *t);

#endif
