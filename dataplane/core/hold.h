/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hold - recipients that wait for a verdict
 *
 * What:      a hold is made for each matching recipient of a connection that is enforced; it ends with its outcome. Its
 *            number names it towards ctrl and is never used again; a verdict on a number that is over is stale.
 * Shape:     objects of a bounded pool; a list per flow, and one of all in the order of their beginning, which is that of
 *            their time limits, because the limit is the same for all.
 * Threads:   one worker. Cost: O(1); the list of a flow is at most holds_flow long.
 */
#ifndef POSTERN_HOLD_H
#define POSTERN_HOLD_H

#include "dp_event.h"
#include "pool.h"

struct hold {
	uint32_t free_next; /* the pool's */
	uint32_t flow;	    /* index of the entry in the flow table */
	uint64_t id;	    /* 0: not in use */
	uint64_t since_ns;
	uint64_t done_ns; /* when it was decided */
	uint32_t flow_next;
	uint32_t prev, next; /* by beginning; of those undecided only */
	uint32_t transaction, rcpt_index;
	uint32_t command_octets; /* of its line that had gone on before */
	uint8_t verdict;	 /* enum dp_verdict; NONE: undecided */
	uint8_t cause;		 /* enum dp_cause; NONE: ctrl's word */
	bool in_commands;	 /* a take-over may begin at its line; then the next four are valid (smtp_state.h) */
	uint8_t session;	 /* enum dp_takeover_flags */
	uint32_t nb_commands, nb_transactions, nb_rcpts;
	uint32_t line_seq;	 /* of the first octet of its line */
};

struct hold_table {
	struct pool pool;
	uint32_t head, tail; /* undecided, oldest first */
	uint32_t serial;
};

static inline size_t
hold_table_mem_size(uint32_t holds_max)
{
	return pool_mem_size(holds_max, sizeof(struct hold));
}

/* @mem: 64-aligned, zero. @serial: a number to begin with, another one in each process life. */
void hold_table_init(struct hold_table *t, void *mem, uint32_t holds_max, uint32_t serial);

/* A hold, undecided since @now_ns, or NULL when there is no room. */
struct hold *hold_new(struct hold_table *t, uint64_t now_ns);

/* The hold of number @id, or NULL. */
struct hold *hold_find(const struct hold_table *t, uint64_t id);

/* Decided: it leaves the list of those that wait. */
void hold_decide(struct hold_table *t, struct hold *h, enum dp_verdict verdict, enum dp_cause cause, uint64_t now_ns);

/* Give back a decided one. */
void hold_free(struct hold_table *t, struct hold *h);

static inline struct hold *
hold_at(const struct hold_table *t, uint32_t idx)
{
	return idx == POOL_NONE ? NULL : pool_at(&t->pool, idx);
}

static inline uint32_t
hold_idx(const struct hold_table *t, const struct hold *h)
{
	return (uint32_t)(((const uint8_t *)h - t->pool.base) / t->pool.object_len);
}

#endif
