/* SPDX-License-Identifier: BSD-3-Clause */
/* inline_pass - what goes on uninspected between two ports: all while bypass is on, a part of a message under overload */
#include "inline_private.h"

/* Whatever waits, gaps or not: the server puts it in order. */
static void
send_withheld(struct inspector *ins, const struct flow *f, struct inline_flow *x)
{
	struct pool *pool = &ins->gate->blocks;
	const struct inline_block *k = inline_block_at(pool, x->buf.head);

	for (; k != NULL && x->buf.unsent > 0; k = inline_block_at(pool, k->next)) {
		uint32_t off = k->sent, n;

		for (; off < k->len; off += n) {
			n = k->len - off < x->mss ? k->len - off : x->mss;
			inline_originate(ins, f, x, FLOW_CLIENT, PACKET_ACK | PACKET_PSH, k->seq + off, k->data + off, n);
		}
	}
	inline_buf_free(pool, &x->buf);
	if ((x->flags & (INLINE_FIN | INLINE_FIN_SENT)) == INLINE_FIN)
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_FIN | PACKET_ACK, x->fin, NULL, 0);
	if (x->flags & INLINE_RST)
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, x->rst_seq, NULL, 0);
	x->flags &= (uint16_t)~INLINE_RST;
	x->flags |= INLINE_FIN_SENT;
}

void
inline_let_go(struct inspector *ins, struct flow *f)
{
	struct inline_flow *x = inline_at(ins, f);
	uint32_t idx = x->holds;

	if (x->care > INLINE_CARE_WAIT || x->care == INLINE_CARE_KILLED || x->flags & INLINE_OVER)
		return;
	for (; idx != POOL_NONE; idx = hold_at(&ins->gate->holds, idx)->flow_next) {
		struct hold *h = hold_at(&ins->gate->holds, idx);

		/* What waits to be taken over was decided, and passes now. */
		if (h->verdict != DP_VERDICT_NONE && h->verdict < DP_VERDICT_REFUSE)
			continue;
		dp_count(ins->counters, DP_STAT_FALLBACKS, 1);
		if (h->verdict == DP_VERDICT_NONE)
			hold_decide(&ins->gate->holds, h, DP_VERDICT_PASS, DP_CAUSE_BYPASS, ins->gate->now_ns);
		h->verdict = DP_VERDICT_PASS;
		h->cause = DP_CAUSE_BYPASS;
	}
	inline_care(ins, x, INLINE_CARE_NONE);
	x->strongest = DP_VERDICT_NONE;
	inline_report(ins, f, x, DP_OUTCOME_DONE, 0);
	send_withheld(ins, f, x);
	/* What is read of it now, at its end, has gone on. */
	x->flags |= INLINE_OVER;
}

bool
inline_bypass_packet(struct inspector *ins, struct flow *f, struct packet *p)
{
	ins->gate->now_ns = p->ts_ns;
	if (f != NULL && inline_has_care(ins, f, p))
		return inline_cared_packet(ins, f, p);
	return f == NULL && inline_tombstone_packet(ins, p);
}

struct flow *
inline_first_held(const struct inspector *ins)
{
	const struct hold *h = hold_at(&ins->gate->holds, ins->gate->holds.head);

	return h != NULL ? flow_at(&ins->table, h->flow) : NULL;
}

bool
inline_skip_body(struct inspector *ins, struct flow *f, struct inline_flow *x, const struct packet *p, uint32_t seq,
		 uint32_t end)
{
	if (p->rebuilt || p->tcp_flags & PACKET_FIN || x->nb_holds > 0 || x->buf.unsent > 0 || seq != x->fwd ||
	    !inspector_skip_body(ins, f, seq, end - seq))
		return false;
	x->fwd = end;
	x->end[FLOW_CLIENT].next = tcp_seq_max(x->end[FLOW_CLIENT].next, end);
	return true;
}
