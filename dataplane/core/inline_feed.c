/* SPDX-License-Identifier: BSD-3-Clause */
/* inline_feed - octets that were kept: to the SMTP machine in order, and on to the server when they may */
#include "inline_private.h"

/* Room for what the reassembly may have to queue of @len octets while a reply is awaited. */
static bool
reasm_has_room(const struct inspector *ins, const struct flow *f, uint32_t len)
{
	/* Queued once, and kept once as a copy of commands; each may begin a block. */
	uint32_t need = 2 * (len / (TCP_SEG_LEN - 24) + 2);

	return ins->reasm.segs.nb - ins->reasm.segs.in_use >= need && f->nb_blocks + need <= ins->reasm.flow_blocks;
}

/* A connection met in its middle: octets that went by before, or beside us. */
static bool
feed_gap(struct inspector *ins, struct flow *f, const struct inline_flow *x, uint32_t at)
{
	const struct inline_block *k = inline_block_at(&ins->gate->blocks, x->buf.head);
	uint32_t to = f->dir[FLOW_CLIENT].acked;

	if (!(f->flags & FLOW_MIDSTREAM) || !tcp_seq_lt(at, to))
		return false;
	for (; k != NULL; k = inline_block_at(&ins->gate->blocks, k->next)) {
		if (tcp_seq_lt(at, k->seq)) {
			to = tcp_seq_min(to, k->seq);
			break;
		}
	}
	tcp_reasm_skip(&ins->reasm, f, FLOW_CLIENT, to - at);
	return true;
}

void
inline_feed(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	if (x->care != INLINE_CARE_NONE)
		return; /* the responder reads on */
	/* The SMTP machine takes nothing while it waits for a reply; what it was offered stands in the reassembly. */
	while (f->dir[FLOW_CLIENT].head == POOL_NONE && f->smtp.phase != SMTP_PHASE_OPAQUE) {
		struct tcp_input in = { .seq = f->dir[FLOW_CLIENT].next };
		uint32_t sent;

		in.len = inline_buf_at(&ins->gate->blocks, &x->buf, in.seq, &in.p, &sent);
		if (in.len == 0) {
			if (feed_gap(ins, f, x, in.seq))
				continue;
			return;
		}
		if (!reasm_has_room(ins, f, in.len)) {
			dp_count(ins->counters, DP_STAT_POOL_REASM, 1);
			return;
		}
		f->flags |= FLOW_DATA;
		tcp_reasm_input(&ins->reasm, f, FLOW_CLIENT, &in);
	}
}

uint32_t
inline_limit(const struct flow *f, const struct inline_flow *x)
{
	if (x->nb_holds > 0)
		return x->fwd;
	if (f->smtp.phase == SMTP_PHASE_OPAQUE)
		return x->seen_end;
	return tcp_seq_max(x->fwd, f->dir[FLOW_CLIENT].next);
}

/* FIN, then RST, when all before them has gone on. */
static void
drain_end(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	if ((x->flags & (INLINE_FIN | INLINE_FIN_SENT)) == INLINE_FIN && x->fwd == x->fin) {
		x->flags |= INLINE_FIN_SENT;
		x->end[FLOW_CLIENT].next = x->fin + 1;
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_FIN | PACKET_ACK, x->fin, NULL, 0);
	}
	if (x->flags & INLINE_RST && x->buf.unsent == 0) {
		x->flags &= (uint16_t)~INLINE_RST;
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, x->rst_seq, NULL, 0);
	}
}

void
inline_send_to(struct inspector *ins, struct flow *f, struct inline_flow *x, uint32_t limit)
{
	const uint8_t *p;
	uint32_t n, sent;

	while (x->buf.unsent > 0 && tcp_seq_lt(x->fwd, limit)) {
		n = inline_buf_at(&ins->gate->blocks, &x->buf, x->fwd, &p, &sent);
		if (n == 0)
			break;
		if (sent > 0) {
			x->fwd += sent;
			continue;
		}
		if (n > limit - x->fwd)
			n = limit - x->fwd;
		if (n > x->mss)
			n = x->mss;
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_ACK | PACKET_PSH, x->fwd, p, n);
		x->fwd += n;
		inline_buf_mark_sent(&ins->gate->blocks, &x->buf, x->fwd);
	}
	x->fwd = inline_buf_sent_end(&ins->gate->blocks, &x->buf, x->fwd);
	x->end[FLOW_CLIENT].next = tcp_seq_max(x->end[FLOW_CLIENT].next, x->fwd);
}

void
inline_drain(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	if (x->nb_holds > 0)
		return;
	inline_send_to(ins, f, x, inline_limit(f, x));
	if (f->smtp.phase == SMTP_PHASE_OPAQUE && x->buf.unsent == 0) {
		x->flags |= INLINE_OPEN;
		inline_buf_free(&ins->gate->blocks, &x->buf);
	}
	if (x->flags & (INLINE_FIN | INLINE_RST))
		drain_end(ins, f, x);
}
