/* SPDX-License-Identifier: BSD-3-Clause */
#include "inline_buf.h"

static uint32_t
block_end(const struct inline_block *k)
{
	return k->seq + k->len;
}

static void
pop(struct pool *pool, struct inline_buf *b)
{
	uint32_t idx = b->head;
	const struct inline_block *k = inline_block_at(pool, idx);

	b->unsent -= k->len - k->sent;
	if (b->mark == idx)
		b->mark = POOL_NONE;
	b->head = k->next;
	if (b->head == POOL_NONE)
		b->tail = POOL_NONE;
	b->nb--;
	pool_put(pool, idx);
}

void
inline_buf_trim(struct pool *pool, struct inline_buf *b, uint32_t upto)
{
	const struct inline_block *k = inline_block_at(pool, b->head);

	for (; k != NULL && tcp_seq_leq(block_end(k), upto); k = inline_block_at(pool, b->head))
		pop(pool, b);
}

void
inline_buf_free(struct pool *pool, struct inline_buf *b)
{
	while (b->head != POOL_NONE)
		pop(pool, b);
}

/* All that is there stands before @seq. */
static bool
is_behind(const struct pool *pool, const struct inline_buf *b, uint32_t seq)
{
	return b->tail == POOL_NONE || tcp_seq_leq(block_end(inline_block_at(pool, b->tail)), seq);
}

/* A block at or before the one of @seq. */
static struct inline_block *
start_at(const struct pool *pool, const struct inline_buf *b, uint32_t seq)
{
	struct inline_block *k = inline_block_at(pool, b->mark);

	return k != NULL && tcp_seq_leq(k->seq, seq) ? k : inline_block_at(pool, b->head);
}

bool
inline_buf_differs(const struct pool *pool, const struct inline_buf *b, uint32_t seq, const uint8_t *p, uint32_t len)
{
	const struct inline_block *k = inline_block_at(pool, b->head);
	uint32_t end = seq + len;

	if (is_behind(pool, b, seq))
		return false;
	for (; k != NULL && tcp_seq_lt(k->seq, end); k = inline_block_at(pool, k->next)) {
		uint32_t from = tcp_seq_max(seq, k->seq), to = tcp_seq_min(end, block_end(k));

		if (tcp_seq_lt(from, to) && memcmp(k->data + (from - k->seq), p + (from - seq), to - from) != 0)
			return true;
	}
	return false;
}

bool
inline_buf_overlaps(const struct pool *pool, const struct inline_buf *b, uint32_t seq, uint32_t len)
{
	const struct inline_block *k = inline_block_at(pool, b->head);
	uint32_t end = seq + len;

	if (is_behind(pool, b, seq))
		return false;
	for (; k != NULL && tcp_seq_lt(k->seq, end); k = inline_block_at(pool, k->next)) {
		if (tcp_seq_lt(tcp_seq_max(seq, k->seq), tcp_seq_min(end, block_end(k))))
			return true;
	}
	return false;
}

/* A new, empty block for octets from @seq on, after block @prev (POOL_NONE: first). NULL: no memory. */
static struct inline_block *
block_new(struct pool *pool, struct inline_buf *b, uint32_t max_blocks, uint32_t prev, uint32_t seq)
{
	uint32_t idx = b->nb < max_blocks ? pool_get(pool) : POOL_NONE;
	struct inline_block *k = inline_block_at(pool, idx), *before = inline_block_at(pool, prev);

	if (k == NULL)
		return NULL;
	k->seq = seq;
	k->len = 0;
	k->sent = 0;
	k->next = before == NULL ? b->head : before->next;
	if (before == NULL)
		b->head = idx;
	else
		before->next = idx;
	if (k->next == POOL_NONE)
		b->tail = idx;
	b->nb++;
	return k;
}

/* Put [@seq, @seq + @len), none of it there, behind block *@prev; *@prev becomes the block of the last octet. */
static bool
put_behind(struct pool *pool, struct inline_buf *b, uint32_t max_blocks, uint32_t *prev, uint32_t seq,
	   const uint8_t *p, uint32_t len, bool sent)
{
	struct inline_block *k = inline_block_at(pool, *prev);

	while (len > 0) {
		uint32_t room = 0, n;

		/* What has gone on stands first in a block. */
		if (k != NULL && block_end(k) == seq && (!sent || k->sent == k->len))
			room = (uint32_t)sizeof(k->data) - k->len;
		if (room == 0) {
			k = block_new(pool, b, max_blocks, *prev, seq);
			if (k == NULL)
				return false;
			*prev = (uint32_t)(((uint8_t *)k - pool->base) / pool->object_len);
			room = sizeof(k->data);
		}
		n = len < room ? len : room;
		memcpy(k->data + k->len, p, n);
		k->len += n;
		if (sent)
			k->sent += n;
		else
			b->unsent += n;
		seq += n;
		p += n;
		len -= n;
	}
	return true;
}

bool
inline_buf_insert(struct pool *pool, struct inline_buf *b, uint32_t max_blocks, uint32_t seq, const uint8_t *p,
		  uint32_t len, bool sent)
{
	uint32_t end = seq + len, prev = POOL_NONE, at = b->head;

	/* In order: behind the last. */
	if (is_behind(pool, b, seq)) {
		prev = b->tail;
		at = POOL_NONE;
	}
	while (seq != end) {
		const struct inline_block *k = inline_block_at(pool, at);
		uint32_t stop;

		if (k != NULL && tcp_seq_leq(block_end(k), seq)) {
			prev = at;
			at = k->next;
			continue;
		}
		if (k != NULL && tcp_seq_leq(k->seq, seq)) {
			stop = tcp_seq_min(end, block_end(k));
		} else {
			stop = k == NULL ? end : tcp_seq_min(end, k->seq);
			if (!put_behind(pool, b, max_blocks, &prev, seq, p, stop - seq, sent))
				return false;
		}
		p += stop - seq;
		seq = stop;
	}
	return true;
}

uint32_t
inline_buf_at(const struct pool *pool, const struct inline_buf *b, uint32_t seq, const uint8_t **ret_p,
	      uint32_t *ret_sent)
{
	const struct inline_block *k = start_at(pool, b, seq);
	uint32_t off;

	while (k != NULL && tcp_seq_leq(block_end(k), seq))
		k = inline_block_at(pool, k->next);
	if (k == NULL || tcp_seq_lt(seq, k->seq) || tcp_seq_leq(block_end(k), seq))
		return 0;
	off = seq - k->seq;
	*ret_p = k->data + off;
	*ret_sent = k->sent > off ? k->sent - off : 0;
	return k->len - off;
}

uint32_t
inline_buf_sent_end(const struct pool *pool, const struct inline_buf *b, uint32_t seq)
{
	const struct inline_block *k = start_at(pool, b, seq);

	for (; k != NULL && tcp_seq_leq(k->seq, seq); k = inline_block_at(pool, k->next)) {
		if (tcp_seq_leq(block_end(k), seq))
			continue;
		if (tcp_seq_leq(k->seq + k->sent, seq))
			return seq;
		seq = k->seq + k->sent;
	}
	return seq;
}

void
inline_buf_mark_sent(const struct pool *pool, struct inline_buf *b, uint32_t upto)
{
	uint32_t idx = b->mark != POOL_NONE ? b->mark : b->head;
	struct inline_block *k = inline_block_at(pool, idx);

	for (; k != NULL && tcp_seq_lt(k->seq, upto); idx = k->next, k = inline_block_at(pool, idx)) {
		uint32_t n = tcp_seq_min(block_end(k), upto) - k->seq;

		if (n > k->sent) {
			b->unsent -= n - k->sent;
			k->sent = n;
		}
		b->mark = idx;
	}
}
