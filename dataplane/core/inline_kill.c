/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_kill - resets, whether they were believed, and what answers late segments
 *
 * Confirmation: an end that took the RST has no connection any more: a keep-alive to it (one octet before what it awaits)
 * brings an RST back (RFC 9293 §3.10.7.1). An end that missed it, or found it inexact, answers with an ACK of what it has
 * (RFC 5961 §3); that is answered with the RST that it awaits. Lost ones: both are sent again, at growing distances.
 *
 * A new connection of the same ends and ports waits for that: its SYN is dropped until both are closed, or confirm_ns passed.
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

static void
leave_stone(struct inspector *ins, const struct packet_key *key, uint32_t hash, uint32_t severed)
{
	if (tombstone_add(&ins->gate->stones, key, hash, ins->gate->now_ns, severed))
		dp_count(ins->counters, DP_STAT_TOMBSTONES_EVICTED, 1);
}

void
inline_leave_stone(struct inspector *ins, const struct flow *f, const struct inline_flow *x)
{
	leave_stone(ins, &f->key, f->hash, x->is_listed ? x->severed : DP_SEVERED_NONE);
}

void
inline_kill_forget(struct inspector *ins, const struct flow *f, struct inline_flow *x)
{
	/* Its place was wanted before its time was over. */
	if (!(x->flags & INLINE_COUNTED))
		dp_count(ins->counters, DP_STAT_RESETS_UNCONFIRMED, 1);
	inline_leave_stone(ins, f, x);
}

/* --- the list of severed connections --- */

void
inline_list_severed(struct inspector *ins, const struct flow *f, struct inline_flow *x, enum dp_severed_why why)
{
	struct dp_severed_flow s = { .since_ns = ins->gate->now_ns, .why = why };
	struct dp_flow_id id;

	if (x->is_listed)
		return;
	x->is_listed = true;
	x->severed = DP_SEVERED_NONE;
	if (ins->gate->cfg.severed == NULL)
		return;
	flow_id(f, &id);
	s.key = id.key;
	x->severed = dp_severed_add(ins->gate->cfg.severed, &s);
	dp_count(ins->counters, DP_STAT_SEVERED_UNLISTED, x->severed == DP_SEVERED_NONE);
}

void
inline_unlist_severed(struct inspector *ins, struct inline_flow *x)
{
	if (x->is_listed && ins->gate->cfg.severed != NULL)
		dp_severed_remove(ins->gate->cfg.severed, x->severed);
	x->is_listed = false;
}

void
inspector_restore_severed(struct inspector *ins, uint64_t now_ns)
{
	struct dp_severed *list = ins->gate != NULL ? ins->gate->cfg.severed : NULL;
	uint32_t nb = list != NULL ? dp_severed_used(list) : 0, i;
	struct dp_severed_flow s;
	struct packet_key key;

	for (i = 0; i < nb; i++) {
		uint32_t hash;

		if (!dp_severed_get(list, i, &s))
			continue;
		hash = packet_key_of_ends(&s.key, &ins->cfg.seed, &key);
		ins->gate->now_ns = now_ns;
		leave_stone(ins, &key, hash, i);
		dp_count(ins->counters, DP_STAT_SEVERED_RESTORED, 1);
	}
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
	/* First of all, so that whoever comes after a crash knows. */
	inline_list_severed(ins, f, x, DP_SEVERED_KILLED);
	inline_care(ins, x, INLINE_CARE_KILLED);
	dp_count(ins->counters, DP_STAT_RESETS, 1);
	f->flags |= FLOW_RST;
	flow_close(&ins->table, f);
	reset_ends(ins, f, x);
}

/* No more will be learnt: the outcome, the end of the flow, and a tombstone in its place, unless it @is_over for good. */
static void
finish(struct inspector *ins, struct flow *f, struct inline_flow *x, bool is_over)
{
	struct inline_gate *g = ins->gate;
	bool both = is_closed(x, FLOW_CLIENT) && is_closed(x, FLOW_SERVER);

	dp_count(ins->counters, both ? DP_STAT_RESETS_CONFIRMED : DP_STAT_RESETS_UNCONFIRMED, 1);
	x->flags |= INLINE_COUNTED;
	inline_report(ins, f, x, both ? DP_OUTCOME_CONFIRMED : DP_OUTCOME_UNCONFIRMED, g->now_ns - x->kill_ns);
	if (is_over) {
		inline_unlist_severed(ins, x);
		inline_care(ins, x, INLINE_CARE_NONE);
	}
	inspector_end_flow(ins, f, DP_CLOSE_RST);
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
		/*
		 * Who begins anew has nothing open any more. The other end may have: it would not take this SYN, but answer
		 * for the old connection. The SYN comes again.
		 */
		x->flags |= (uint16_t)(INLINE_CLOSED << side);
		if (!is_closed(x, side == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT)) {
			inline_drop(ins, p, DP_STAT_DROP_KILLED);
			return true;
		}
		finish(ins, f, x, true);
		return false;
	}
	inline_refuse_packet(ins, p);
	if (p->tcp_flags & PACKET_RST) {
		x->flags |= (uint16_t)(INLINE_CLOSED << side);
		if (is_closed(x, FLOW_CLIENT) && is_closed(x, FLOW_SERVER))
			finish(ins, f, x, false);
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
			finish(ins, f, x, false);
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
