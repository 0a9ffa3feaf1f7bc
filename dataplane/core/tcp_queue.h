/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_queue - the octets of a direction that wait, and the blocks they lie in
 *
 * What:      a list of struct tcp_seg, ascending, without overlaps; neighbours share a block where they can.
 * Memory:    blocks of the worker's pool, at most flow_blocks of them for one flow, copies (tcp_keep.h) included.
 * Cost:      O(1) at either end, else linear in the blocks of the direction.
 */
#ifndef POSTERN_TCP_QUEUE_H
#define POSTERN_TCP_QUEUE_H

#include "tcp_reasm.h"

/* A block for @f, or POOL_NONE (counted and noted) when its or the worker's limit is reached. */
uint32_t tcp_seg_get(struct tcp_reasm *r, struct flow *f);
void tcp_seg_put(struct tcp_reasm *r, struct flow *f, uint32_t idx);

static inline uint32_t
tcp_seg_end(const struct tcp_seg *s)
{
	return s->seq + s->len;
}

/*
 * Queue octets that are not before next. What is there already stays; *ret_differs tells whether it was different.
 * *ret_end: all octets before it are in the list. 0, or -1 when memory ran out before the end.
 */
int tcp_queue_insert(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t seq, const uint8_t *p,
		     uint32_t len, uint32_t ack, bool *ret_differs, uint32_t *ret_end);

/* The first of the list is delivered. */
void tcp_queue_pop(struct tcp_reasm *r, struct flow *f, enum flow_side side);

/* The first @n octets of @s, the first of the list, are delivered. */
void tcp_queue_trim(struct flow *f, enum flow_side side, struct tcp_seg *s, uint32_t n);

/* What waits has changed: look again how far it goes on without a hole. */
void tcp_queue_advance(struct tcp_reasm *r, struct flow *f, enum flow_side side);

#endif
