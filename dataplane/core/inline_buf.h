/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_buf - copies of the client's octets that the server has not acknowledged
 *
 * What:      what was sent on is kept until it is acknowledged, so that a retransmission can be compared; what was not
 *            (held, or beyond a gap) is kept until it may go. One copy of each octet: the first.
 * Shape:     a list of blocks, ascending, without overlaps; of each the first `sent` octets have gone on:
 *
 *              | sent sent sent | sent ......  |   hole   | sent |  .....  |
 *              acked           fwd              beyond a gap
 *
 * Memory:    blocks of a bounded pool of the worker, at most as many for one flow as the caller says.
 * Threads:   one worker. Cost: O(1) at the ends and where sending has come to, else linear in the blocks of the flow.
 * Units:     sequence numbers in host order (tcp_seq.h).
 */
#ifndef POSTERN_INLINE_BUF_H
#define POSTERN_INLINE_BUF_H

#include "pool.h"
#include "tcp_seq.h"

enum {
	INLINE_BLOCK_LEN = 2048,
};

struct inline_block {
	uint32_t next;
	uint32_t seq;
	uint32_t len;
	uint32_t sent;
	uint8_t data[INLINE_BLOCK_LEN - 16];
};
_Static_assert(sizeof(struct inline_block) == INLINE_BLOCK_LEN, "block layout");

struct inline_buf {
	uint32_t head, tail; /* POOL_NONE: empty */
	uint32_t mark;	     /* a block; all before it have gone on. POOL_NONE: none such */
	uint32_t nb;	     /* blocks */
	uint32_t unsent;     /* octets that have not gone on */
};

static inline void
inline_buf_init(struct inline_buf *b)
{
	*b = (struct inline_buf){ .head = POOL_NONE, .tail = POOL_NONE, .mark = POOL_NONE };
}

static inline struct inline_block *
inline_block_at(const struct pool *pool, uint32_t idx)
{
	return idx == POOL_NONE ? NULL : pool_at(pool, idx);
}

/* Octets before @upto are needed no more (whole blocks of them are given back). */
void inline_buf_trim(struct pool *pool, struct inline_buf *b, uint32_t upto);
void inline_buf_free(struct pool *pool, struct inline_buf *b);

/* Do octets [@seq, @seq + @len) differ from copies of them? Where there is no copy there is no difference. */
bool inline_buf_differs(const struct pool *pool, const struct inline_buf *b, uint32_t seq, const uint8_t *p,
			uint32_t len);

/* Is there a copy of any of [@seq, @seq + @len)? */
bool inline_buf_overlaps(const struct pool *pool, const struct inline_buf *b, uint32_t seq, uint32_t len);

/*
 * Copy what is not there yet of [@seq, @seq + @len). @sent: it has gone on. False when memory ran out on the way: a part
 * may have been copied, as not sent.
 */
bool inline_buf_insert(struct pool *pool, struct inline_buf *b, uint32_t max_blocks, uint32_t seq, const uint8_t *p,
		       uint32_t len, bool sent);

/*
 * Octets at @seq: how many of them are contiguous in one block, from *ret_p. 0: none. *ret_sent: how many of these have
 * gone on already, from the first.
 */
uint32_t inline_buf_at(const struct pool *pool, const struct inline_buf *b, uint32_t seq, const uint8_t **ret_p,
		       uint32_t *ret_sent);

/* First octet from @seq on that has not gone on, or is not there. */
uint32_t inline_buf_sent_end(const struct pool *pool, const struct inline_buf *b, uint32_t seq);

/* All that is there before @upto has gone on. */
void inline_buf_mark_sent(const struct pool *pool, struct inline_buf *b, uint32_t upto);

#endif
