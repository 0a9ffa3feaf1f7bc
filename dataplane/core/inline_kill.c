/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_kill - resets, whether they were believed, and what answers late segments
 *
 * Confirmation: an end that took the RST has no connection any more: a keep-alive to it (one octet before what it awaits)
 * brings an RST back (RFC 9293 §3.10.7.1). An end that missed it, or found it inexact, answers with an ACK of what it has
 * (RFC 5961 §3); that is answered with the RST that it awaits. Lost ones: both are sent again, at growing distances.
 */
#include "inline_private.h"

#define PROBE_FIRST_NS UINT64_C(200000000)

static void
list_append(struct inline_gate *g, struct inline_list *l, struct inline_flow *x)
{
	uint32_t idx = (uint32_t)(x - g->flows);

	x->care_prev = l->tail;
	x->care_next = POOL_NONE;
	if (l->tail == POOL_NONE)
		l->head = idx;
	else
		g->flows[l->tail].care_next = idx;
	l->tail = idx;
}

static void
list_unlink(struct inline_gate *g, struct inline_list *l, const struct inline_flow *x)
{
	if (x->care_prev == POOL_NONE)
		l->head = x->care_next;
	else
		g->flows[x->care_prev].care_next = x->care_next;
	if (x->care_next == POOL_NONE)
		l->tail = x->care_prev;
	else
		g->flows[x->care_next].care_prev = x->care_prev;
}

void
inline_care(struct inspector *ins, struct inline_flow *x, enum inline_care care)
{
	struct inline_gate *g = ins->gate;

	if (x->care != INLINE_CARE_NONE)
		list_unlink(g, &g->lists[x->care], x);
	x->care = (uint8_t)care;
	if (care != INLINE_CARE_NONE)
		list_append(g, &g->lists[care], x);
}

static bool
is_closed(const struct inline_flow *x, enum flow_side side)
{
	return x->flags & INLINE_CLOSED << side;
}

/* RST and probe to each end that is not known to be closed. */
static void
reset_ends(struct inspector *ins, const struct flow *f, const struct inline_flow *x)
{
	if (!is_closed(x, FLOW_SERVER)) {
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, x->kill_server_seq, NULL, 0);
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_ACK, x->kill_server_seq - 1, NULL, 0);
	}
	if (!is_closed(x, FLOW_CLIENT)) {
		inline_originate(ins, f, x, FLOW_SERVER, PACKET_RST | PACKET_ACK, x->kill_client_seq, NULL, 0);
		inline_originate(ins, f, x, FLOW_SERVER, PACKET_ACK, x->kill_client_seq - 1, NULL, 0);
	}
}

void
inline_kill(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	struct inline_gate *g = ins->gate;
	uint32_t idx = x->holds;

	for (; idx != POOL_NONE; idx = hold_at(&g->holds, idx)->flow_next) {
		struct hold *h = hold_at(&g->holds, idx);

		/* A stronger verdict came before its own. */
		if (h->verdict == DP_VERDICT_NONE)
			hold_decide(&g->holds, h, DP_VERDICT_RESET, DP_CAUSE_NONE, g->now_ns);
	}
	x->nb_undecided = 0;
	x->strongest = DP_VERDICT_NONE;
	x->kill_ns = g->now_ns;
	x->kill_server_seq = x->flags & INLINE_FIN_SENT ? x->fin + 1 : x->fwd;
	x->kill_client_seq = x->flags & INLINE_SERVER ? x->end[FLOW_SERVER].next : x->end[FLOW_CLIENT].ack;
	if (x->flags & INLINE_RST)
		x->flags |= INLINE_CLOSED << FLOW_CLIENT; /* it gave up before */
	inline_buf_free(&g->blocks, &x->buf);
	inline_buf_free(&g->blocks, &x->back);
	x->nb_probes = 0;
	inline_care(ins, x, INLINE_CARE_KILLED);
	dp_count(ins->counters, DP_STAT_RESETS, 1);
	f->flags |= FLOW_RST;
	flow_close(&ins->table, f);
	reset_ends(ins, f, x);
}

/* No more will be learnt: the outcome, the end of the flow, and a tombstone in its place. */
static void
finish(struct inspector *ins, struct flow *f, struct inline_flow *x, bool leave_stone)
{
	struct inline_gate *g = ins->gate;
	bool both = is_closed(x, FLOW_CLIENT) && is_closed(x, FLOW_SERVER);
	const struct packet_key key = f->key;
	uint32_t hash = f->hash;

	dp_count(ins->counters, both ? DP_STAT_RESETS_CONFIRMED : DP_STAT_RESETS_UNCONFIRMED, 1);
	inline_report(ins, f, x, both ? DP_OUTCOME_CONFIRMED : DP_OUTCOME_UNCONFIRMED, g->now_ns - x->kill_ns);
	inspector_end_flow(ins, f, DP_CLOSE_RST);
	if (leave_stone)
		inline_leave_stone(ins, &key, hash);
}

void
inline_leave_stone(struct inspector *ins, const struct packet_key *key, uint32_t hash)
{
	if (tombstone_add(&ins->gate->stones, key, hash, ins->gate->now_ns))
		dp_count(ins->counters, DP_STAT_TOMBSTONES_EVICTED, 1);
}

void
inline_refuse_packet(struct inspector *ins, struct packet *p)
{
	inline_drop(ins, p, DP_STAT_DROP_KILLED);
	if (p->tcp_flags & PACKET_RST)
		return;
	if (p->tcp_flags & PACKET_ACK)
		inline_answer(ins, p, PACKET_RST, p->ack, 0);
	else
		inline_answer(ins, p, PACKET_RST | PACKET_ACK, 0,
			      p->seq + p->payload_len + (p->tcp_flags & PACKET_SYN ? 1 : 0) +
				      (p->tcp_flags & PACKET_FIN ? 1 : 0));
}

bool
inline_killed_packet(struct inspector *ins, struct flow *f, struct packet *p)
{
	struct inline_flow *x = inline_at(ins, f);
	enum flow_side side = tcp_side(f, p);

	if (inline_opens(p)) {
		/* Who begins anew has nothing open any more. */
		x->flags |= (uint16_t)(INLINE_CLOSED << side);
		finish(ins, f, x, false);
		return false;
	}
	inline_refuse_packet(ins, p);
	if (p->tcp_flags & PACKET_RST) {
		x->flags |= (uint16_t)(INLINE_CLOSED << side);
		if (is_closed(x, FLOW_CLIENT) && is_closed(x, FLOW_SERVER))
			finish(ins, f, x, true);
	}
	return true;
}

bool
inline_tombstone_packet(struct inspector *ins, struct packet *p)
{
	struct tombstone_table *t = &ins->gate->stones;
	struct tombstone *s = t->pool.in_use > 0 ? tombstone_find(t, p) : NULL;

	if (s == NULL)
		return false;
	if (inline_opens(p)) {
		tombstone_remove(t, s);
		return false;
	}
	inline_refuse_packet(ins, p);
	return true;
}

void
inline_kill_age(struct inspector *ins, unsigned int budget)
{
	struct inline_gate *g = ins->gate;

	for (; budget > 0 && g->lists[INLINE_CARE_KILLED].head != POOL_NONE; budget--) {
		struct inline_flow *x = &g->flows[g->lists[INLINE_CARE_KILLED].head];
		struct flow *f = flow_at(&ins->table, g->lists[INLINE_CARE_KILLED].head);
		uint64_t age = g->now_ns > x->kill_ns ? g->now_ns - x->kill_ns : 0;

		if (age >= g->cfg.confirm_ns) {
			inspector_set_last(ins, f);
			finish(ins, f, x, true);
			continue;
		}
		/* 0.2, 0.6, 1.4, 3.0, ... s after the first. */
		if (age >= (PROBE_FIRST_NS << (x->nb_probes + 1)) - PROBE_FIRST_NS) {
			x->nb_probes++;
			reset_ends(ins, f, x);
		}
		inline_care(ins, x, INLINE_CARE_KILLED); /* to the end */
	}
	tombstone_age_step(&g->stones, g->now_ns, budget);
}
