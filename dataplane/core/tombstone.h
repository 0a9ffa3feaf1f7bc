/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tombstone - connections that were reset, for as long as an end may still speak
 *
 * What:      keys of connections whose flow entry is gone. Whatever still arrives for one is answered with a reset, not
 *            sent on (notes: an end that missed its RST would go on half open until its own time limit).
 * Listed:    each also has a place in the list of severed connections (dp_severed.h), which goes with it.
 * Shape:     a bounded pool, hash chains, and one list in the order of their beginning; full: the oldest goes (counted by
 *            the caller).
 * Threads:   one worker. Cost: O(1) expected; the hash is that of the packet, seeded.
 */
#ifndef POSTERN_TOMBSTONE_H
#define POSTERN_TOMBSTONE_H

#include <stdbool.h>

#include "dp_severed.h"
#include "packet.h"
#include "pool.h"

struct tombstone {
	uint32_t chain; /* next in its bucket + 1, 0: last */
	uint32_t hash;
	uint64_t since_ns;
	uint32_t prev, next; /* by beginning */
	struct packet_key key;
	uint32_t severed; /* place in the list, or DP_SEVERED_NONE */
};

struct tombstone_table {
	struct pool pool;
	uint32_t *buckets; /* index + 1, 0: empty */
	uint32_t mask;
	uint32_t head, tail;
	uint64_t limit_ns;
	struct dp_severed *severed; /* NULL: there is no list */
};

size_t tombstone_table_mem_size(uint32_t max);
/* @mem: 64-aligned, zero. @limit_ns: how long one stands. @severed outlives the table. */
void tombstone_table_init(struct tombstone_table *t, void *mem, uint32_t max, uint64_t limit_ns,
			  struct dp_severed *severed);

/*
 * One for the connection of @key, whose place in the list is @severed (or DP_SEVERED_NONE); true when an older one had to
 * go before its time.
 */
bool tombstone_add(struct tombstone_table *t, const struct packet_key *key, uint32_t hash, uint64_t now_ns,
		   uint32_t severed);

/* Is there one for the connection of @p? One that has stood its time is taken away. */
struct tombstone *tombstone_find(struct tombstone_table *t, const struct packet *p);

void tombstone_remove(struct tombstone_table *t, struct tombstone *s);

/* Take away at most @budget that have stood their time. */
void tombstone_age_step(struct tombstone_table *t, uint64_t now_ns, unsigned int budget);

#endif
