/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_queue.h"

uint32_t
tcp_seg_get(struct tcp_reasm *r, struct flow *f)
{
	uint32_t idx = f->nb_blocks < r->flow_blocks ? pool_get(&r->segs) : POOL_NONE;
	struct tcp_seg *s = tcp_seg_at(r, idx);

	if (s == NULL) {
		dp_count(r->counters, DP_STAT_POOL_REASM, 1);
		r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(RESOURCE));
		return POOL_NONE;
	}
	f->nb_blocks++;
	s->next = POOL_NONE;
	s->len = 0;
	s->ack = 0;
	s->off = 0;
	s->kind = TCP_SEG_DATA;
	return idx;
}

void
tcp_seg_put(struct tcp_reasm *r, struct flow *f, uint32_t idx)
{
	pool_put(&r->segs, idx);
	f->nb_blocks--;
}

void
tcp_queue_pop(struct tcp_reasm *r, struct flow *f, enum flow_side side)
{
	uint32_t idx = f->dir[side].head;
	const struct tcp_seg *s = tcp_seg_at(r, idx);

	f->cold[side].queued -= s->kind == TCP_SEG_DATA ? s->len : 0;
	f->dir[side].head = s->next;
	tcp_seg_put(r, f, idx);
}

void
tcp_queue_trim(struct flow *f, enum flow_side side, struct tcp_seg *s, uint32_t n)
{
	s->seq += n;
	s->off += (uint16_t)n;
	s->len -= n;
	f->cold[side].queued -= n;
}

void
tcp_queue_advance(struct tcp_reasm *r, struct flow *f, enum flow_side side)
{
	struct flow_dir_cold *c = &f->cold[side];
	const struct tcp_seg *s = tcp_seg_at(r, f->dir[side].head);
	uint32_t before = c->rcv;

	for (; s != NULL && tcp_seq_leq(s->seq, c->rcv); s = tcp_seg_at(r, s->next))
		c->rcv = tcp_seq_max(c->rcv, tcp_seg_end(s));
	if (c->rcv != before)
		c->hole_pkt = 0;
}

/* Put octets [@seq, @seq + @len) (none present when @p is NULL) between @prev and what follows it. -1: no memory. */
static int
queue_put(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t *prev, uint32_t seq, const uint8_t *p,
	  uint32_t len, uint32_t ack)
{
	struct tcp_seg *s = tcp_seg_at(r, *prev);
	struct flow_dir_cold *c = &f->cold[side];

	if (f->dir[side].head == POOL_NONE) {
		c->rcv = f->dir[side].next;
		c->queued = 0;
		c->hole_pkt = 0;
	}
	while (len > 0) {
		uint32_t room = s == NULL || s->kind != TCP_SEG_DATA || p == NULL || tcp_seg_end(s) != seq || s->ack != ack ?
					0 : (uint32_t)sizeof(s->data) - s->off - s->len;
		uint32_t n, idx;

		if (room == 0) {
			idx = tcp_seg_get(r, f);
			if (idx == POOL_NONE)
				return -1;
			if (s == NULL) {
				tcp_seg_at(r, idx)->next = f->dir[side].head;
				if (f->dir[side].head == POOL_NONE)
					c->tail = idx;
				f->dir[side].head = idx;
			} else {
				tcp_seg_at(r, idx)->next = s->next;
				s->next = idx;
				if (c->tail == *prev)
					c->tail = idx;
			}
			*prev = idx;
			s = tcp_seg_at(r, idx);
			s->seq = seq;
			s->ack = ack;
			s->kind = p == NULL ? TCP_SEG_GAP : TCP_SEG_DATA;
			room = p == NULL ? len : (uint32_t)sizeof(s->data);
		}
		n = len < room ? len : room;
		if (p != NULL) {
			memcpy(s->data + s->off + s->len, p, n);
			p += n;
			c->queued += n;
		}
		s->len += n;
		seq += n;
		len -= n;
	}
	return 0;
}

/* Try to put octets in front of those of @s, which begin where they end. */
static bool
seg_prepend(struct tcp_seg *s, const uint8_t *p, uint32_t len, uint32_t ack)
{
	if (s->kind != TCP_SEG_DATA || s->ack != ack || s->len + len > sizeof(s->data))
		return false;
	if (s->off < len) {
		memmove(s->data + sizeof(s->data) - s->len, s->data + s->off, s->len);
		s->off = (uint16_t)(sizeof(s->data) - s->len);
	}
	s->off -= len;
	s->seq -= len;
	s->len += len;
	memcpy(s->data + s->off, p, len);
	return true;
}

int
tcp_queue_insert(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t seq, const uint8_t *p, uint32_t len,
	    uint32_t ack, bool *ret_differs, uint32_t *ret_end)
{
	struct flow_dir_cold *c = &f->cold[side];
	uint32_t end = seq + len, prev = POOL_NONE, at = f->dir[side].head;
	int rc = 0;

	*ret_differs = false;
	if (at != POOL_NONE && tcp_seq_leq(tcp_seg_end(tcp_seg_at(r, c->tail)), seq)) {
		prev = c->tail;
		at = POOL_NONE;
	}
	while (seq != end && rc == 0) {
		struct tcp_seg *s = tcp_seg_at(r, at);
		uint32_t stop, n;

		if (s != NULL && tcp_seq_leq(tcp_seg_end(s), seq)) {
			prev = at;
			at = s->next;
			continue;
		}
		stop = s == NULL ? end : tcp_seq_min(end, tcp_seq_leq(s->seq, seq) ? tcp_seg_end(s) : s->seq);
		n = stop - seq;
		if (s != NULL && tcp_seq_leq(s->seq, seq)) {
			if (p != NULL && s->kind == TCP_SEG_DATA &&
			    memcmp(s->data + s->off + (seq - s->seq), p, n) != 0)
				*ret_differs = true;
		} else if (s != NULL && p != NULL && stop == s->seq && seg_prepend(s, p, n, ack)) {
			c->queued += n;
		} else {
			rc = queue_put(r, f, side, &prev, seq, p, n, ack);
		}
		if (rc == 0) {
			seq = stop;
			p = p == NULL ? NULL : p + n;
		}
	}
	*ret_end = seq;
	if (f->dir[side].head != POOL_NONE)
		tcp_queue_advance(r, f, side);
	return rc;
}
