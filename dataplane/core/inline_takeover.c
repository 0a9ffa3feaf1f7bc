/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_takeover - connections that the responder goes on with: until it does, and while it does
 *
 *              (held) --refuse, divert--> WAIT --its state can be told--> TOLD --ready--> TAKEN --closed, silence--> stone
 *                                          |                               |                |
 *                                          | obstacle, limit               | refused, limit | the responder is gone
 *                                          v                               v                v
 *                                 fallback of the cause                  reset            reset
 *
 * WAIT:      what stands before the first line to be refused goes on; the server goes on answering; the client's octets
 *            are kept unread. It ends when no reply and no gap of the server is under way.
 * TOLD:      the state that was told does not change any more: nothing goes on in either direction, octets are kept.
 * TAKEN:     packets of either end go to the responder, and its own to the ends, if they are of this connection. Nothing
 *            goes from end to end, for the two have other sequence numbers now.
 * Never raw: an entry that goes in TOLD or TAKEN leaves a tombstone.
 */
#include <errno.h>

#include "inline_private.h"
#include "smtp_state.h"
#include "tcp_queue.h"

/* The responder has no part in it any more. */
static void
let_it_go(struct inspector *ins, struct flow *f, const struct inline_flow *x)
{
	if (x->care == INLINE_CARE_TAKEN)
		dp_count(ins->counters, DP_STAT_TAKEOVERS_ENDED, 1);
	ins->ops.takeover_end(ins->ops_ctx, f, x->takeover_id);
}

/* --- can it be taken over? --- */

/* The first line that is refused, by its place. */
static struct hold *
first_refused(const struct inspector *ins, const struct inline_flow *x)
{
	struct hold *first = NULL, *h;
	uint32_t idx;

	for (idx = x->holds; (h = hold_at(&ins->gate->holds, idx)) != NULL; idx = h->flow_next)
		if (h->verdict >= DP_VERDICT_REFUSE && (first == NULL || tcp_seq_leq(h->line_seq, first->line_seq)))
			first = h;
	return first;
}

/* What keeps it from being taken over, for good. */
static enum dp_cause
obstacle(const struct inspector *ins, const struct flow *f, const struct inline_flow *x, const struct hold *first)
{
	const struct inline_end *c = &x->end[FLOW_CLIENT], *s = &x->end[FLOW_SERVER];
	uint16_t either = c->opts | s->opts, both = c->opts & s->opts;

	if (!ins->gate->responder)
		return DP_CAUSE_RESPONDER;
	if (f->flags & FLOW_MIDSTREAM || !c->syn || !s->syn)
		return DP_CAUSE_NO_SYN;
	if (either & DP_TCP_MD5_AO || both & DP_TCP_MPTCP)
		return DP_CAUSE_TCP_OPTION;
	if (x->flags & INLINE_UNTOLD)
		return DP_CAUSE_MEMORY;
	if (first == NULL || !first->in_commands || f->flags & (FLOW_RST | FLOW_FIN << FLOW_SERVER))
		return DP_CAUSE_SESSION;
	return DP_CAUSE_NONE;
}

/* It cannot be. @cause decides what happens instead; once the responder was told, that is a reset. */
static void
fall_back(struct inspector *ins, struct flow *f, struct inline_flow *x, enum dp_cause cause)
{
	enum dp_verdict verdict = x->care >= INLINE_CARE_TOLD ? DP_VERDICT_RESET : inline_fallback_of(ins->gate, cause);
	struct hold *h;
	uint32_t idx;

	dp_count(ins->counters, DP_STAT_TAKEOVERS_FAILED, 1);
	for (idx = x->holds; (h = hold_at(&ins->gate->holds, idx)) != NULL; idx = h->flow_next) {
		if (h->verdict < DP_VERDICT_REFUSE)
			continue;
		h->verdict = (uint8_t)verdict;
		h->cause = (uint8_t)cause;
		dp_count(ins->counters, DP_STAT_FALLBACKS, 1);
	}
	if (x->care == INLINE_CARE_TOLD)
		let_it_go(ins, f, x);
	inline_care(ins, x, INLINE_CARE_NONE);
	if (verdict == DP_VERDICT_RESET) {
		inline_kill(ins, f, x);
		return;
	}
	inline_report(ins, f, x, DP_OUTCOME_DONE, 0);
	/* What came meanwhile has not been read; it may bring the next one that is held. */
	inline_feed(ins, f, x);
	if (x->strongest != DP_VERDICT_NONE)
		inline_settle(ins, f, x);
	else
		inline_drain(ins, f, x);
}

/* Tell the responder, or see why not. @last: there will be no other try. */
static void
try(struct inspector *ins, struct flow *f, struct inline_flow *x, bool last)
{
	struct hold *first = first_refused(ins, x);
	enum dp_cause cause = obstacle(ins, f, x, first);
	const struct dp_takeover *rec;
	int error;

	if (cause != DP_CAUSE_NONE) {
		fall_back(ins, f, x, cause);
		return;
	}
	if (tcp_seq_lt(x->fwd, first->line_seq))
		inline_send_to(ins, f, x, first->line_seq);
	/* What the server has beyond a gap would be read behind what the responder sends it. */
	if (tcp_seq_lt(x->fwd, x->end[FLOW_CLIENT].next) || x->flags & INLINE_FIN_SENT) {
		if (inline_fallback_of(ins->gate, DP_CAUSE_STALE_OCTETS) != DP_VERDICT_RESET) {
			fall_back(ins, f, x, DP_CAUSE_STALE_OCTETS);
			return;
		}
		x->takeover = DP_VERDICT_DIVERT;
	}
	rec = inline_record_make(ins, f, x, first, &error);
	if (rec == NULL && (error != -EAGAIN || last)) {
		fall_back(ins, f, x, error == -ENOBUFS ? DP_CAUSE_MEMORY : DP_CAUSE_SESSION);
		return;
	}
	/* Who will hear no more of the server shall have its replies first. */
	if (rec == NULL || (rec->verdict == DP_VERDICT_DIVERT && rec->owed_len > 0 && !last))
		return;
	/* First of all, so that whoever comes after a crash knows. */
	inline_list_severed(ins, f, x, DP_SEVERED_TAKEN);
	if (!ins->ops.takeover(ins->ops_ctx, f, rec)) {
		inline_unlist_severed(ins, x);
		ins->gate->crowded = !last;
		if (last)
			fall_back(ins, f, x, DP_CAUSE_RESPONDER);
		return;
	}
	dp_count(ins->counters, DP_STAT_TAKEOVERS, 1);
	x->takeover_id = rec->hold_id;
	x->care_ns = ins->gate->now_ns;
	inline_care(ins, x, INLINE_CARE_TOLD);
}

void
inline_takeover(struct inspector *ins, struct flow *f, struct inline_flow *x, enum dp_verdict verdict)
{
	x->strongest = DP_VERDICT_NONE;
	x->takeover = (uint8_t)verdict;
	x->care_ns = ins->gate->now_ns;
	inline_care(ins, x, INLINE_CARE_WAIT);
	try(ins, f, x, false);
}

void
inline_takeover_try(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	try(ins, f, x, false);
}

/* --- octets that may be needed --- */

uint32_t
inline_takeover_keep(const struct inspector *ins, const struct flow *f, struct inline_flow *x, uint32_t acked)
{
	uint32_t n;

	if (!ins->gate->cfg.takeover || f->flags & FLOW_MIDSTREAM)
		return acked;
	inline_buf_trim(&ins->gate->blocks, &x->back, x->end[FLOW_CLIENT].ack);
	if (x->nb_holds > 0)
		return tcp_seq_min(acked, x->line_seq);
	n = smtp_state_line(&ins->smtp, &f->smtp);
	x->line_seq = f->dir[FLOW_CLIENT].next - (n <= DP_TAKEOVER_PREFIX_MAX ? n : 0);
	return tcp_seq_min(acked, x->line_seq);
}

void
inline_takeover_keep_server(struct inspector *ins, const struct flow *f, struct inline_flow *x, const struct packet *p)
{
	const uint32_t blocks = DP_TAKEOVER_UNACKED_MAX / INLINE_BLOCK_LEN + 2;
	uint32_t seq = tcp_payload_seq(p), end = seq + p->payload_len, acked = x->end[FLOW_CLIENT].ack, cut = 0;

	if (!ins->gate->cfg.takeover || p->payload_len == 0 || f->flags & FLOW_MIDSTREAM)
		return;
	if (f->smtp.phase == SMTP_PHASE_OPAQUE) {
		inline_buf_free(&ins->gate->blocks, &x->back);
		return;
	}
	if (x->end[FLOW_CLIENT].syn && tcp_seq_lt(seq, acked))
		cut = tcp_seq_min(acked, end) - seq;
	/* Without room it is not there when it is asked for, and a take-over fails. */
	if (seq + cut != end)
		inline_buf_insert(&ins->gate->blocks, &x->back, blocks, seq + cut, packet_payload(p) + cut,
				  p->payload_len - cut, true);
}

/* --- told: keep all that comes --- */

static bool
keep_new(struct inspector *ins, struct inline_flow *x, enum flow_side side, const struct packet *p, uint32_t from)
{
	struct inline_buf *b = side == FLOW_CLIENT ? &x->buf : &x->back;
	uint32_t seq = tcp_payload_seq(p), end = seq + p->payload_len, cut = 0;

	if (tcp_seq_lt(seq, from))
		cut = tcp_seq_min(from, end) - seq;
	if (seq + cut == end)
		return true;
	if (end - from > INLINE_WINDOW_MAX || b->unsent + p->payload_len > ins->gate->cfg.park_octets)
		return false;
	return inline_buf_insert(&ins->gate->blocks, b, ins->gate->cfg.flow_blocks, seq + cut, packet_payload(p) + cut,
				 p->payload_len - cut, false);
}

static void
told_packet(struct inspector *ins, struct inline_flow *x, enum flow_side side, struct packet *p)
{
	uint32_t end = tcp_payload_seq(p) + p->payload_len, from = side == FLOW_CLIENT ? x->fwd : x->end[FLOW_SERVER].next;

	if (!keep_new(ins, x, side, p, from)) {
		inline_drop(ins, p, DP_STAT_DROP_NO_ROOM);
		return;
	}
	if (p->tcp_flags & PACKET_RST) {
		x->flags |= side == FLOW_CLIENT ? INLINE_RST : INLINE_SERVER_RST;
		*(side == FLOW_CLIENT ? &x->rst_seq : &x->server_rst) = p->seq;
	} else {
		inline_note_headers(&x->end[side], p);
		if (p->tcp_flags & PACKET_FIN && side == FLOW_CLIENT) {
			x->flags |= INLINE_FIN;
			x->fin = end;
		} else if (p->tcp_flags & PACKET_FIN) {
			x->flags |= INLINE_SERVER_FIN;
			x->server_fin = end;
		}
	}
	inline_drop(ins, p, DP_STAT_MERGED);
}

/* --- taken --- */

/* What was kept of @side from @from on, as its own segments, to the responder. */
static void
hand_in(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side side, uint32_t from)
{
	const struct inline_buf *b = side == FLOW_CLIENT ? &x->buf : &x->back;
	const struct inline_block *k = inline_block_at(&ins->gate->blocks, b->head);
	uint32_t seq, n;

	for (; k != NULL; k = inline_block_at(&ins->gate->blocks, k->next)) {
		for (seq = tcp_seq_max(from, k->seq); tcp_seq_lt(seq, k->seq + k->len); seq += n) {
			n = k->seq + k->len - seq;
			n = n < x->mss ? n : x->mss;
			inline_originate_inward(ins, f, x, side, PACKET_ACK | PACKET_PSH, seq, k->data + (seq - k->seq), n);
		}
	}
}

/*
 * The sockets hear of each end once before they speak to it: a socket that was repaired has no timestamp to echo
 * otherwise (RFC 7323 §3).
 */
static void
hand_over(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	uint32_t server_end = x->end[FLOW_SERVER].next;

	if (x->takeover == DP_VERDICT_REFUSE) {
		inline_originate_inward(ins, f, x, FLOW_SERVER, PACKET_ACK, server_end, NULL, 0);
		hand_in(ins, f, x, FLOW_SERVER, server_end);
		if (x->flags & INLINE_SERVER_RST)
			inline_originate_inward(ins, f, x, FLOW_SERVER, PACKET_RST | PACKET_ACK, x->server_rst, NULL, 0);
		else if (x->flags & INLINE_SERVER_FIN)
			inline_originate_inward(ins, f, x, FLOW_SERVER, PACKET_FIN | PACKET_ACK, x->server_fin, NULL, 0);
	} else {
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, x->fwd, NULL, 0);
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_ACK, x->fwd - 1, NULL, 0);
	}
	inline_originate_inward(ins, f, x, FLOW_CLIENT, PACKET_ACK, x->fwd, NULL, 0);
	hand_in(ins, f, x, FLOW_CLIENT, x->fwd);
	if (x->flags & INLINE_FIN)
		inline_originate_inward(ins, f, x, FLOW_CLIENT, PACKET_FIN | PACKET_ACK, x->fin, NULL, 0);
	if (x->flags & INLINE_RST)
		inline_originate_inward(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, x->rst_seq, NULL, 0);
	inline_buf_free(&ins->gate->blocks, &x->buf);
	inline_buf_free(&ins->gate->blocks, &x->back);
}

/* The flow at @index, when it is that of @uid and @hold_id, and in @care. */
static struct flow *
find(const struct inspector *ins, uint32_t index, uint64_t uid, uint64_t hold_id, enum inline_care care)
{
	const struct inline_flow *x;

	if (ins->gate == NULL || index >= ins->table.flows.fresh)
		return NULL;
	x = &ins->gate->flows[index];
	if (x->care != care || (hold_id != 0 && x->takeover_id != hold_id) || flow_at(&ins->table, index)->uid != uid)
		return NULL;
	return flow_at(&ins->table, index);
}

bool
inspector_takeover_ready(struct inspector *ins, uint32_t index, uint64_t flow_uid, uint64_t hold_id, bool ready,
			 uint64_t now_ns)
{
	struct flow *f = find(ins, index, flow_uid, hold_id, INLINE_CARE_TOLD);
	struct inline_flow *x;

	if (f == NULL)
		return false;
	x = inline_at(ins, f);
	if (now_ns > ins->gate->now_ns)
		ins->gate->now_ns = now_ns;
	inspector_set_last(ins, f);
	if (!ready) {
		fall_back(ins, f, x, DP_CAUSE_RESPONDER);
		return true;
	}
	inline_care(ins, x, INLINE_CARE_TAKEN);
	dp_count(ins->counters, DP_STAT_TAKEOVERS_DONE, 1);
	inline_report(ins, f, x, DP_OUTCOME_DONE, 0);
	/* What waits to be read here, the responder reads. */
	while (f->dir[FLOW_CLIENT].head != POOL_NONE)
		tcp_queue_pop(&ins->reasm, f, FLOW_CLIENT);
	hand_over(ins, f, x);
	return true;
}

void
inspector_takeover_closed(struct inspector *ins, uint32_t index, uint64_t flow_uid, uint64_t hold_id)
{
	struct flow *f = find(ins, index, flow_uid, hold_id, INLINE_CARE_TAKEN);

	if (f == NULL || f->flags & FLOW_CLOSED)
		return;
	/* Nothing more will be known of it; its entry stays for late packets. */
	flow_close(&ins->table, f);
	inspector_set_last(ins, f);
	inspector_report_end(ins, f, DP_CLOSE_FIN);
}

/* Put together from fragments, without a header that a receiver would take; or too long for one piece. */
static void
give_parts(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side side,
	     struct packet *p)
{
	uint32_t off = 0, n;

	inline_drop(ins, p, DP_STAT_MERGED);
	do {
		n = p->payload_len - off < x->mss ? p->payload_len - off : x->mss;
		inline_originate_inward(ins, f, x, side,
					off + n < p->payload_len ? p->tcp_flags & (uint8_t)~PACKET_FIN : p->tcp_flags,
					p->seq + off, packet_payload(p) + off, n);
		off += n;
	} while (off < p->payload_len);
}

static void
give(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side side, struct packet *p)
{
	uint32_t len = p->payload_off + p->payload_len - p->l3_off;

	if (len > INLINE_INWARD_MAX) {
		give_parts(ins, f, x, side, p);
		return;
	}
	if (!ins->ops.inward(ins->ops_ctx, p->frame + p->l3_off, len)) {
		inline_drop(ins, p, DP_STAT_DROP_INWARD);
		return;
	}
	inline_drop(ins, p, DP_STAT_INWARD);
}

static void
taken_packet(struct inspector *ins, struct flow *f, struct inline_flow *x, enum flow_side side, struct packet *p)
{
	inline_note_link(&x->end[side], p);
	if (side == FLOW_SERVER && x->takeover == DP_VERDICT_DIVERT)
		inline_refuse_packet(ins, p); /* late; it was reset */
	else if (p->tcp_flags & PACKET_SYN)
		inline_drop(ins, p, DP_STAT_DROP_STRAY);
	else if (p->rebuilt)
		give_parts(ins, f, x, side, p);
	else
		give(ins, f, x, side, p);
}

bool
inline_takeover_packet(struct inspector *ins, struct flow *f, struct packet *p)
{
	struct inline_flow *x = inline_at(ins, f);
	enum flow_side side = tcp_side(f, p);

	flow_touch(&ins->table, f, p->ts_ns, p->frame_no);
	if (inline_opens(p) && p->seq != x->end[side].isn) {
		/* Its sender has nothing open any more; the other end is to know. */
		inline_originate(ins, f, x, side, PACKET_RST | PACKET_ACK, x->end[side].next, NULL, 0);
		let_it_go(ins, f, x);
		inline_unlist_severed(ins, x);
		inline_care(ins, x, INLINE_CARE_NONE);
		inspector_end_flow(ins, f, DP_CLOSE_REPLACED);
		return false;
	}
	if (x->care == INLINE_CARE_TOLD)
		told_packet(ins, x, side, p);
	else
		taken_packet(ins, f, x, side, p);
	return true;
}

/* Is @p a packet of @f that the responder may send, and in whose name? */
static bool
may_go(const struct inspector *ins, const struct flow *f, const struct inline_flow *x, struct packet *p,
       enum flow_side *ret_side)
{
	const struct packet_key *a = &f->key, *b = &p->key;

	if (packet_decode(p, &ins->cfg.seed) != PACKET_TCP || p->missing_len > 0 || p->tcp_flags & PACKET_SYN ||
	    a->family != b->family || a->lo_port != b->lo_port || a->hi_port != b->hi_port ||
	    memcmp(a->lo_addr, b->lo_addr, sizeof(a->lo_addr)) != 0 ||
	    memcmp(a->hi_addr, b->hi_addr, sizeof(a->hi_addr)) != 0)
		return false;
	*ret_side = tcp_side(f, p);
	return *ret_side == FLOW_SERVER || x->takeover == DP_VERDICT_REFUSE;
}

void
inspector_takeover_output(struct inspector *ins, uint32_t index, uint64_t flow_uid, const uint8_t *ip, uint32_t len,
			  uint64_t now_ns)
{
	struct flow *f = find(ins, index, flow_uid, 0, INLINE_CARE_TAKEN);
	struct packet p = { .frame = ip, .cap_len = len, .wire_len = len, .link = PACKET_LINK_RAW };
	struct inline_flow *x;
	enum flow_side side;
	uint32_t end;

	dp_count(ins->counters, DP_STAT_OUTWARD, 1);
	if (f == NULL || !may_go(ins, f, inline_at(ins, f), &p, &side)) {
		dp_count(ins->counters, DP_STAT_DROP_OUTWARD, 1);
		return;
	}
	x = inline_at(ins, f);
	flow_touch(&ins->table, f, now_ns > f->last_ns ? now_ns : f->last_ns, f->last_frame);
	end = p.seq + p.payload_len + (p.tcp_flags & PACKET_FIN ? 1 : 0);
	/* For the reset, should the responder die. */
	if (!(p.tcp_flags & PACKET_RST)) {
		x->end[side].next = tcp_seq_max(x->end[side].next, end);
		x->end[side].ack = p.ack;
	}
	if (!inline_originate_ip(ins, f, x, side, ip, len))
		dp_count(ins->counters, DP_STAT_DROP_NO_BUFFER, 1);
}

/* --- time, and the end --- */

void
inspector_set_responder(struct inspector *ins, bool there)
{
	if (ins->gate != NULL)
		ins->gate->responder = there;
}

bool
inspector_has_takeovers(const struct inspector *ins)
{
	return ins->gate != NULL && (ins->gate->lists[INLINE_CARE_TOLD].head != POOL_NONE ||
				     ins->gate->lists[INLINE_CARE_TAKEN].head != POOL_NONE);
}

uint32_t
inspector_flow_index(const struct inspector *ins, const struct flow *f)
{
	return inline_flow_idx(ins, f);
}

void
inline_takeover_forget(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	if (x->care < INLINE_CARE_TOLD)
		return;
	let_it_go(ins, f, x);
	/* Both ends believe that they are connected, to what is no more. */
	if (!(f->flags & FLOW_CLOSED)) {
		uint32_t seq = x->care == INLINE_CARE_TOLD ? x->fwd : x->end[FLOW_CLIENT].next;

		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_RST | PACKET_ACK, seq, NULL, 0);
		inline_originate(ins, f, x, FLOW_SERVER, PACKET_RST | PACKET_ACK, x->end[FLOW_SERVER].next, NULL, 0);
	}
	inline_leave_stone(ins, f, x);
}

/* The responder is gone, and its sockets with it. */
static void
cut_off(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	let_it_go(ins, f, x);
	inline_care(ins, x, INLINE_CARE_NONE);
	x->fwd = x->end[FLOW_CLIENT].next;
	x->flags &= (uint16_t)~(INLINE_FIN_SENT | INLINE_RST);
	if (x->takeover == DP_VERDICT_DIVERT)
		x->flags |= INLINE_CLOSED << FLOW_SERVER;
	inline_kill(ins, f, x);
}

/* The oldest of @care, when its time is over or there is no responder; NULL: none. */
static struct inline_flow *
overdue(const struct inspector *ins, enum inline_care care, uint64_t limit_ns)
{
	const struct inline_gate *g = ins->gate;
	struct inline_flow *x;

	if (g->lists[care].head == POOL_NONE)
		return NULL;
	x = &g->flows[g->lists[care].head];
	return !g->responder || (g->now_ns > x->care_ns && g->now_ns - x->care_ns >= limit_ns) ? x : NULL;
}

/* There was no room to tell of some: there may be now. */
static void
try_crowded(struct inspector *ins, unsigned int budget)
{
	struct inline_gate *g = ins->gate;
	uint32_t idx = g->lists[INLINE_CARE_WAIT].head, next;

	g->crowded = false;
	for (; idx != POOL_NONE && budget > 0 && !g->crowded; idx = next, budget--) {
		next = g->flows[idx].care_next;
		inspector_set_last(ins, flow_at(&ins->table, idx));
		try(ins, flow_at(&ins->table, idx), &g->flows[idx], false);
	}
	g->crowded |= idx != POOL_NONE;
}

void
inline_takeover_age(struct inspector *ins, unsigned int budget)
{
	const struct inline_gate *g = ins->gate;
	struct inline_flow *x;
	struct flow *f;

	if (g->crowded)
		try_crowded(ins, budget);
	for (; budget > 0; budget--) {
		if ((x = overdue(ins, INLINE_CARE_TOLD, g->cfg.takeover_ready_ns)) == NULL &&
		    (x = overdue(ins, INLINE_CARE_WAIT, g->cfg.takeover_wait_ns)) == NULL &&
		    (x = overdue(ins, INLINE_CARE_TAKEN, UINT64_MAX)) == NULL)
			return;
		f = flow_at(&ins->table, (uint32_t)(x - g->flows));
		inspector_set_last(ins, f);
		if (x->care == INLINE_CARE_TAKEN)
			cut_off(ins, f, x);
		else if (x->care == INLINE_CARE_TOLD)
			fall_back(ins, f, x, DP_CAUSE_RESPONDER);
		else
			try(ins, f, x, true);
	}
}
