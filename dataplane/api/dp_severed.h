/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_severed - connections whose ends do not speak to each other any more, listed for the dataplane that comes after
 *
 * What:      what was reset, or taken over by the responder, must never be sent on raw again: its octets were not all
 *            judged, or its two sides have different sequence numbers. A worker lists such a connection in shared memory
 *            before it acts on it; when the dataplane dies, the next one reads the list and answers what still comes of
 *            these connections with resets.
 * Shape:     DP_SEVERED_MAX entries of 64 octets for each worker, in no order. Nothing is looked up here (tables with
 *            seeded hashes are in private memory), so there is no index that a peer could aim at. Entries from `used` on
 *            were never touched.
 *
 *              entry:  | check | since_ns | key | why |        check 0: free, since_ns is the next free one + 1
 *
 * Owner:     which worker a connection belongs to is decided by a seeded hash: the seed stands beside the list
 *            (dp_shm_keep_seed()), so that it still is the same worker's.
 * Threads:   one writer, the worker; its successor reads.
 * Trust:     the writer may have died at any point: an entry counts only when its check fits its content and every field
 *            is in range. What does not is free again.
 */
#ifndef POSTERN_DP_SEVERED_H
#define POSTERN_DP_SEVERED_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_abi.h"

#define DP_SEVERED_NONE UINT32_MAX

enum {
	DP_SEVERED_MAX = 1 << 16,
};

enum dp_severed_why {
	DP_SEVERED_KILLED = 1, /* both ends were reset */
	DP_SEVERED_TAKEN,      /* the responder went on with one side or both */
	DP_SEVERED_WHY_NB,
};

struct dp_severed_entry {
	_Atomic uint64_t check; /* dp_hash64() of the rest, never 0; 0: free */
	uint64_t since_ns;	/* since the epoch */
	struct dp_flow_key key;
	uint8_t why; /* enum dp_severed_why */
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct dp_severed_entry) == 64, "severed entry layout");

struct dp_severed_area {
	_Alignas(DP_CACHE_LINE) _Atomic uint32_t used; /* entries that were ever written */
	_Alignas(DP_CACHE_LINE) struct dp_severed_entry entries[DP_SEVERED_MAX];
};

/* Worker's end. */
struct dp_severed {
	struct dp_severed_area *area;
	uint32_t free_head; /* + 1; 0: none */
	uint32_t nb;	    /* listed */
	uint32_t nb_torn;   /* found broken by dp_severed_open() */
};

/* What an entry says. */
struct dp_severed_flow {
	struct dp_flow_key key;
	uint64_t since_ns;
	enum dp_severed_why why;
};

/* Take over @area with what a predecessor left in it; broken entries become free. Start-up only: walks all of it. */
void dp_severed_open(struct dp_severed *s, struct dp_severed_area *area);

/* List a connection. Its number, or DP_SEVERED_NONE: the list is full. */
uint32_t dp_severed_add(struct dp_severed *s, const struct dp_severed_flow *flow);

/* Off the list. @idx: from dp_severed_add() or dp_severed_get(); DP_SEVERED_NONE is fine. */
void dp_severed_remove(struct dp_severed *s, uint32_t idx);

/* Numbers below this may be listed. */
uint32_t dp_severed_used(const struct dp_severed *s);

/* True, and *ret filled, when @idx (below dp_severed_used()) is listed. */
bool dp_severed_get(const struct dp_severed *s, uint32_t idx, struct dp_severed_flow *ret);

#endif
