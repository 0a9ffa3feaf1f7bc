/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table - the sessions of a responder, found by connection and counted by source
 *
 * Shape:     every session is in a list of all, in a bucket of its connection's uid and in one of its client's address (an
 *            IPv6 client: its /64). Buckets are chosen by a seeded hash.
 * Threads:   one. Cost: the length of a bucket; as many buckets as sessions at most.
 */
#ifndef POSTERN_RESPONDER_TABLE_H
#define POSTERN_RESPONDER_TABLE_H

#include "session.h"

struct table {
	struct session **by_uid, **by_source;
	struct session *all;
	uint32_t mask; /* buckets - 1 */
	uint32_t nb;
	uint64_t seed;
};

/* Room for @limit sessions. 0 or -ENOMEM. */
int table_init(struct table *t, uint32_t limit, uint64_t seed);
void table_fini(struct table *t); /* empty; NULL-initialised is fine */

void table_add(struct table *t, struct session *s);
void table_remove(struct table *t, struct session *s);

/* The session of connection @flow_uid, NULL: none. */
struct session *table_find(const struct table *t, uint64_t flow_uid);
/* How many sessions has the client of @key? */
uint32_t table_count_source(const struct table *t, const struct dp_flow_key *key);

#endif
