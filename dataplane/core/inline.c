/* SPDX-License-Identifier: BSD-3-Clause */
#include "inline.h"

#include "inline_private.h"

enum {
	HOLDS_LIMIT = 1 << 20,
	STONES_LIMIT = 1 << 24,
	BLOCKS_LIMIT = 1 << 24,
	FLOW_BLOCKS_MIN = 40, /* a frame of 64 KiB, and some */
};

bool
inline_config_is_valid(const struct inspector_inline *c)
{
	unsigned int i;

	for (i = 0; i < DP_CAUSE_NB; i++)
		if (c->fallback[i] >= DP_VERDICT_NB)
			return false;
	if (c->takeover && (c->takeover_wait_ns == 0 || c->takeover_ready_ns == 0))
		return false;
	return c->holds_max > 0 && c->holds_max <= HOLDS_LIMIT && c->holds_flow > 0 && c->holds_flow <= UINT16_MAX &&
	       c->tombstones_max > 0 && c->tombstones_max <= STONES_LIMIT && c->blocks >= FLOW_BLOCKS_MIN &&
	       c->blocks <= BLOCKS_LIMIT && c->flow_blocks >= FLOW_BLOCKS_MIN && c->park_octets > 0 &&
	       c->fallback_default > DP_VERDICT_NONE && c->fallback_default < DP_VERDICT_NB && c->confirm_ns > 0 &&
	       c->tombstone_ns > 0;
}

static size_t
align64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

size_t
inline_mem_size(const struct inspector_config *cfg)
{
	const struct inspector_inline *c = &cfg->inline_cfg;

	return align64(sizeof(struct inline_gate)) + align64(cfg->flows_max * sizeof(struct inline_flow)) +
	       align64(pool_mem_size(c->blocks, INLINE_BLOCK_LEN)) + align64(hold_table_mem_size(c->holds_max)) +
	       align64(tombstone_table_mem_size(c->tombstones_max));
}

struct inline_gate *
inline_init(void *mem, const struct inspector_config *cfg)
{
	const struct inspector_inline *c = &cfg->inline_cfg;
	struct inline_gate *g = mem;
	uint8_t *at = mem;
	unsigned int i;

	g->cfg = *c;
	at += align64(sizeof(*g));
	g->flows = (struct inline_flow *)(void *)at;
	at += align64(cfg->flows_max * sizeof(struct inline_flow));
	pool_init(&g->blocks, at, c->blocks, INLINE_BLOCK_LEN);
	at += align64(pool_mem_size(c->blocks, INLINE_BLOCK_LEN));
	hold_table_init(&g->holds, at, c->holds_max, c->serial);
	at += align64(hold_table_mem_size(c->holds_max));
	tombstone_table_init(&g->stones, at, c->tombstones_max, c->tombstone_ns, c->severed);
	for (i = 0; i < INLINE_CARE_NB; i++)
		g->lists[i] = (struct inline_list){ .head = POOL_NONE, .tail = POOL_NONE };
	return g;
}

/* --- flows --- */

void
inline_open(struct inspector *ins, struct flow *f)
{
	struct inline_flow *x = inline_at(ins, f);

	memset(x, 0, sizeof(*x));
	inline_buf_init(&x->buf);
	inline_buf_init(&x->back);
	x->holds = POOL_NONE;
	x->mss = INLINE_MSS_MIN;
	if (ins->current->in_flags & PACKET_IN_TAP)
		x->flags = INLINE_TAP;
}

void
inline_forget(struct inspector *ins, struct flow *f)
{
	struct inline_flow *x = inline_at(ins, f);
	bool killed = x->care == INLINE_CARE_KILLED;
	uint32_t idx = x->holds;

	for (; idx != POOL_NONE; idx = hold_at(&ins->gate->holds, idx)->flow_next) {
		struct hold *h = hold_at(&ins->gate->holds, idx);

		if (h->verdict == DP_VERDICT_NONE)
			hold_decide(&ins->gate->holds, h, DP_VERDICT_NONE, DP_CAUSE_NONE, ins->gate->now_ns);
	}
	x->flags |= INLINE_OVER;
	inline_report(ins, f, x, killed ? DP_OUTCOME_UNCONFIRMED : DP_OUTCOME_UNKNOWN, 0);
	if (x->care == INLINE_CARE_KILLED)
		inline_kill_forget(ins, f, x);
	else if (x->care != INLINE_CARE_NONE)
		inline_takeover_forget(ins, f, x);
	inline_care(ins, x, INLINE_CARE_NONE);
	inline_buf_free(&ins->gate->blocks, &x->buf);
	inline_buf_free(&ins->gate->blocks, &x->back);
}

/* --- packets that no receiver should see --- */

static bool
flags_are_possible(uint8_t flags)
{
	const uint8_t f = flags & (PACKET_SYN | PACKET_FIN | PACKET_RST | PACKET_ACK);

	switch (f) {
	case PACKET_SYN:
	case PACKET_SYN | PACKET_ACK:
	case PACKET_ACK:
	case PACKET_ACK | PACKET_FIN:
	case PACKET_RST:
	case PACKET_RST | PACKET_ACK:
		return true;
	default:
		return false;
	}
}

static bool
is_sound(struct inspector *ins, struct packet *p)
{
	if (p->rebuilt == 2)
		p->fate = PACKET_DROP; /* no packet of its own: not counted */
	else if (!flags_are_possible(p->tcp_flags))
		inline_drop(ins, p, DP_STAT_DROP_FLAGS);
	else if (p->missing_len > 0)
		inline_drop(ins, p, DP_STAT_DROP_TRUNCATED);
	else if (!packet_checksums_ok(p))
		inline_drop(ins, p, DP_STAT_DROP_CHECKSUM);
	return p->fate != PACKET_DROP;
}

/* --- where the client's octets begin --- */

static void
note_base(struct flow *f, struct inline_flow *x)
{
	uint32_t next = f->dir[FLOW_CLIENT].next;

	if (!(f->flags & FLOW_BASE << FLOW_CLIENT))
		return;
	/* An acknowledgment told it first, and nothing of the client was read since: its own word counts. */
	if (x->flags & INLINE_BASED && (x->base == next || x->buf.head != POOL_NONE || x->fwd != x->base))
		return;
	x->base = next;
	x->fwd = next;
	x->seen_end = next;
	x->end[FLOW_CLIENT].next = next;
	x->flags |= INLINE_BASED;
}

/*
 * The server acknowledges what it cannot have: octets that are withheld (a forged packet that would make the client
 * believe they arrived), or that nobody sent.
 */
static bool
ack_is_sound(const struct flow *f, const struct inline_flow *x, const struct packet *p)
{
	if (!(p->tcp_flags & PACKET_ACK) || f->flags & FLOW_MIDSTREAM || !(x->flags & INLINE_BASED))
		return true;
	return tcp_seq_leq(p->ack, x->end[FLOW_CLIENT].next) || !tcp_seq_leq(p->ack, x->seen_end);
}

/* --- the server's packets --- */

static void
server_packet(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p)
{
	uint32_t end = tcp_payload_seq(p) + p->payload_len + (p->tcp_flags & PACKET_FIN ? 1 : 0), acked;
	struct inline_end *e = &x->end[FLOW_SERVER];

	if (!(p->tcp_flags & PACKET_RST) && (!(x->flags & INLINE_SERVER) || tcp_seq_lt(e->next, end))) {
		e->next = end;
		x->flags |= INLINE_SERVER;
	}
	if (p->payload_len > 0 && f->flags & FLOW_BASE << FLOW_SERVER) {
		const struct tcp_input in = {
			.p = packet_payload(p),
			.len = p->payload_len,
			.seq = tcp_payload_seq(p),
			.ack = p->ack,
			.has_ack = p->tcp_flags & PACKET_ACK,
		};

		f->flags |= FLOW_DATA;
		inspector_resume_body(f);
		tcp_reasm_input(&ins->reasm, f, FLOW_SERVER, &in);
	}
	inline_takeover_keep_server(ins, f, x, p);
	acked = f->dir[FLOW_CLIENT].acked;
	/* A connection met in its middle: the server has octets that went by before. */
	if (x->flags & INLINE_BASED && tcp_seq_lt(x->fwd, acked) && f->flags & FLOW_MIDSTREAM) {
		inline_buf_mark_sent(&ins->gate->blocks, &x->buf, acked);
		x->fwd = acked;
		x->end[FLOW_CLIENT].next = tcp_seq_max(x->end[FLOW_CLIENT].next, acked);
		x->seen_end = tcp_seq_max(x->seen_end, acked);
	}
}

/* --- the client's packets --- */

/* May this segment of a message, beyond a gap, go on unread? Not when the message might end in it. */
static bool
is_harmless(const struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	const uint8_t *lf, *end = p + len;

	if (f->smtp.phase == SMTP_PHASE_CHUNK)
		return (uint64_t)(seq - f->dir[FLOW_CLIENT].next) + len <= f->smtp.chunk_left;
	if (f->smtp.phase != SMTP_PHASE_BODY || p[0] == '.' || p[0] == '\r' || p[0] == '\n' ||
	    memmem(p, len, "\r.", 2) != NULL)
		return false;
	for (lf = memchr(p, '\n', len); lf != NULL; lf = memchr(lf + 1, '\n', (size_t)(end - lf - 1))) {
		/* An end that goes on in the next segment makes that one wait: see its first octet above. */
		if (end - lf >= 3 && lf[1] == '.' && (lf[2] == '\r' || lf[2] == '\n'))
			return false;
	}
	return true;
}

static void
drop_different(struct inspector *ins, struct flow *f, struct packet *p)
{
	dp_count(ins->counters, DP_STAT_OVERLAP_DIFF, 1);
	smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(OVERLAP_DIFF));
	inline_drop(ins, p, DP_STAT_DROP_DIFFERENT);
}

/* Keep what is new of [@seq, @seq + @len). False: the packet was dropped. */
static bool
keep(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p, uint32_t seq, uint32_t len)
{
	const struct pool *pool = &ins->gate->blocks;
	const uint8_t *data = packet_payload(p) + p->payload_len - len;
	bool early;

	if (seq + len - x->fwd > INLINE_WINDOW_MAX && tcp_seq_lt(x->fwd, seq + len)) {
		inline_drop(ins, p, DP_STAT_DROP_WINDOW);
		return false;
	}
	if (inline_buf_differs(pool, &x->buf, seq, data, len)) {
		drop_different(ins, f, p);
		return false;
	}
	early = tcp_seq_lt(x->fwd, seq) && x->nb_holds == 0 && !p->rebuilt &&
		f->dir[FLOW_CLIENT].head == POOL_NONE && is_harmless(f, seq, data, len) &&
		!inline_buf_overlaps(pool, &x->buf, seq, len);
	if (tcp_seq_lt(tcp_rcv(f, FLOW_CLIENT), seq))
		dp_count(ins->counters, DP_STAT_SEGS_OOO, 1);
	if ((!early && x->buf.unsent + len > ins->gate->cfg.park_octets) ||
	    !inline_buf_insert(&ins->gate->blocks, &x->buf, ins->gate->cfg.flow_blocks, seq, data, len, early)) {
		inline_drop(ins, p, DP_STAT_DROP_NO_ROOM);
		return false;
	}
	return true;
}

/* What of the packet's octets [@seq, @end) may go on with it? The rest is cut off. @head: octets before @seq. */
static void
pass_part(struct inspector *ins, const struct flow *f, struct inline_flow *x, struct packet *p, uint32_t head,
	  uint32_t seq, uint32_t end)
{
	struct inline_buf *b = &x->buf;
	uint32_t to;

	if (tcp_seq_leq(seq, x->fwd)) {
		to = tcp_seq_min(end, inline_limit(f, x));
		if (tcp_seq_lt(x->fwd, to)) {
			inline_buf_mark_sent(&ins->gate->blocks, b, to);
			x->fwd = to;
		}
		x->fwd = inline_buf_sent_end(&ins->gate->blocks, b, x->fwd);
		to = tcp_seq_min(end, x->fwd);
	} else {
		to = tcp_seq_min(end, inline_buf_sent_end(&ins->gate->blocks, b, seq));
	}
	if (to == end && (!(p->tcp_flags & PACKET_FIN) || (x->fwd == x->fin && x->nb_holds == 0))) {
		if (head > 0)
			packet_cut(p, head, end - seq, 0);
		if (p->tcp_flags & PACKET_FIN) {
			x->flags |= INLINE_FIN_SENT;
			to++;
		}
	} else if (tcp_seq_lt(seq, to)) {
		packet_cut(p, head, to - seq, PACKET_FIN | PACKET_PSH);
	} else {
		packet_cut_to_ack(p, x->fwd);
		return; /* @to is where its octets begin: they wait */
	}
	x->end[FLOW_CLIENT].next = tcp_seq_max(x->end[FLOW_CLIENT].next, to);
}

/*
 * Met in its middle: octets [@from, @to) before the first that was seen, not known to have arrived. Nobody judges
 * them, but they do not change any more.
 */
static void
unread_octets(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p, uint32_t from, uint32_t to)
{
	uint32_t head = from - tcp_payload_seq(p), len = to - from;
	const uint8_t *data = packet_payload(p) + head;

	if (inline_buf_differs(&ins->gate->blocks, &x->buf, from, data, len)) {
		drop_different(ins, f, p);
	} else if (!inline_buf_insert(&ins->gate->blocks, &x->buf, ins->gate->cfg.flow_blocks, from, data, len, true)) {
		inline_drop(ins, p, DP_STAT_DROP_NO_ROOM);
	} else {
		if (len < p->payload_len)
			packet_cut(p, head, len, head + len < p->payload_len ? PACKET_FIN | PACKET_PSH : 0);
		dp_count(ins->counters, DP_STAT_UNREAD, 1);
	}
}

/* The server has all before this. */
static uint32_t
acked_by_server(const struct flow *f, const struct inline_flow *x)
{
	if (!(f->flags & FLOW_MIDSTREAM))
		return f->dir[FLOW_CLIENT].acked;
	/* That begins with a guess. */
	return x->flags & INLINE_SERVER ? x->end[FLOW_SERVER].ack : x->base - INLINE_WINDOW_MAX;
}

/*
 * The client sends again, since no acknowledgment came, what the server may be waiting for as we wait for the server. One
 * that refuses does so without the octets behind: it has had the time of a retransmission for that.
 */
static void
end_mutual_wait(struct inspector *ins, struct flow *f)
{
	if (smtp_wait_is_mutual(&ins->smtp, &f->smtp))
		tcp_reasm_end_wait(&ins->reasm, f);
}

/*
 * Payload, or a FIN. @p->seq and lengths are those of the wire. @seen: all of it came before.
 */
static void
client_octets(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p, bool seen)
{
	uint32_t seq = tcp_payload_seq(p), end = seq + p->payload_len, acked = f->dir[FLOW_CLIENT].acked, head = 0;
	uint32_t next = f->dir[FLOW_CLIENT].next;

	if (p->tcp_flags & PACKET_FIN) {
		x->flags |= INLINE_FIN;
		x->fin = end;
	}
	if (f->flags & FLOW_MIDSTREAM && tcp_seq_lt(seq, x->base) && tcp_seq_lt(acked_by_server(f, x), x->base)) {
		/* What the server has it does not get again: of that there is no copy to compare with any more. */
		uint32_t from = tcp_seq_max(seq, acked_by_server(f, x)), to = tcp_seq_min(x->base, end);

		if (!tcp_seq_lt(from, to))
			packet_cut_to_ack(p, p->seq);
		else
			unread_octets(ins, f, x, p, from, to);
		return;
	}
	if (tcp_seq_lt(seq, acked)) {
		dp_count(ins->counters, DP_STAT_SEGS_RETRANS, 1);
		head = tcp_seq_min(acked, end) - seq;
		seq += head;
		/* Nothing is left but the question: an acknowledgment of the old number brings one back. */
		if (seq == end && !(p->tcp_flags & PACKET_FIN)) {
			packet_cut_to_ack(p, p->seq);
			return;
		}
	}
	if (p->payload_len > x->mss && !p->rebuilt)
		x->mss = p->payload_len < INLINE_MSS_MAX ? p->payload_len : INLINE_MSS_MAX;
	if (ins->shed >= INSPECTOR_SHED_BODIES && head == 0 && inline_skip_body(ins, f, x, p, seq, end))
		return;
	/* Again what nobody parsed: there is no copy to compare with. */
	if (f->flags & FLOW_SKIPPED && tcp_seq_lt(seq, x->fwd)) {
		unread_octets(ins, f, x, p, seq - head, tcp_seq_min(x->fwd, end));
		return;
	}
	if (seq != end && !keep(ins, f, x, p, seq, end - seq))
		return;
	inline_feed(ins, f, x);
	if (seen && !tcp_seq_lt(next, seq) && tcp_seq_lt(next, end))
		end_mutual_wait(ins, f);
	if (x->strongest != DP_VERDICT_NONE)
		return; /* decided without ctrl; carried out by the caller */
	if (!p->rebuilt)
		pass_part(ins, f, x, p, head, seq, end);
}

static void
client_rst(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p)
{
	if (x->buf.unsent == 0)
		return;
	(void)f;
	x->flags |= INLINE_RST;
	x->rst_seq = p->seq;
	inline_drop(ins, p, DP_STAT_MERGED);
}

static void
client_packet(struct inspector *ins, struct flow *f, struct inline_flow *x, struct packet *p)
{
	uint32_t end = tcp_payload_seq(p) + p->payload_len + (p->tcp_flags & PACKET_FIN ? 1 : 0);
	bool seen = !tcp_seq_lt(x->seen_end, end);

	if (p->tcp_flags & PACKET_RST) {
		client_rst(ins, f, x, p);
		return;
	}
	if (!seen && end - x->seen_end < INLINE_WINDOW_MAX)
		x->seen_end = end;
	if (x->flags & INLINE_OPEN) {
		x->end[FLOW_CLIENT].next = tcp_seq_max(x->end[FLOW_CLIENT].next, end);
		x->fwd = tcp_seq_max(x->fwd, end);
		return;
	}
	/* A server that reads urgent octets apart would read another line than we do. */
	if (p->tcp_flags & PACKET_URG && p->payload_len > 0) {
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(URGENT));
		packet_cut(p, 0, p->payload_len, PACKET_URG);
	}
	if (p->payload_len > 0 || p->tcp_flags & PACKET_FIN)
		client_octets(ins, f, x, p, seen);
	else if (tcp_seq_lt(x->fwd, p->seq) && x->buf.unsent > 0)
		packet_cut_to_ack(p, x->fwd);
}

/* --- all packets --- */

/* A datagram put together from fragments has no frame to send: its octets were kept, the rest goes in a new one. */
static void
resend_rebuilt(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side side,
	       struct packet *p)
{
	if (p->fate == PACKET_DROP)
		return;
	inline_drop(ins, p, DP_STAT_MERGED);
	if (side == FLOW_CLIENT && ins->gate->originated)
		return;
	if (side == FLOW_SERVER || p->tcp_flags & (PACKET_SYN | PACKET_RST)) {
		/* Longer than a block is cut into segments. */
		uint32_t off = 0, n;

		do {
			n = p->payload_len - off < x->mss ? p->payload_len - off : x->mss;
			inline_originate(ins, f, x, side,
					 off + n < p->payload_len ? p->tcp_flags & (uint8_t)~PACKET_FIN : p->tcp_flags,
					 p->seq + off, packet_payload(p) + off, side == FLOW_SERVER ? n : 0);
			off += n;
		} while (side == FLOW_SERVER && off < p->payload_len);
	} else {
		inline_originate(ins, f, x, FLOW_CLIENT, PACKET_ACK, x->fwd, NULL, 0);
	}
}

static void
late_packet(struct inspector *ins, const struct flow *f, enum flow_side side, struct packet *p)
{
	const struct inline_flow *x = inline_at(ins, f);

	if (p->payload_len == 0)
		return;
	dp_count(ins->counters, DP_STAT_SEGS_RETRANS, 1);
	/* All octets were acknowledged: none is sent again. */
	if (side == FLOW_CLIENT && !(x->flags & INLINE_OPEN) && !p->rebuilt)
		packet_cut_to_ack(p, p->seq);
}

static void
flow_packet(struct inspector *ins, struct flow *f, struct packet *p)
{
	struct inline_flow *x = inline_at(ins, f);
	enum flow_side side = tcp_side(f, p);
	uint32_t acked = f->dir[FLOW_CLIENT].acked;
	bool closes = false, rebuilt = p->rebuilt;

	flow_touch(&ins->table, f, p->ts_ns, p->frame_no);
	if (f->flags & FLOW_ENDED) {
		late_packet(ins, f, side, p);
		return;
	}
	if (side == FLOW_SERVER && !ack_is_sound(f, x, p)) {
		inline_drop(ins, p, DP_STAT_DROP_ACK);
		return;
	}
	inline_note_headers(&x->end[side], p);
	tcp_track_before(f, side, p);
	note_base(f, x);
	/* What nobody sent cannot be acknowledged. */
	if (side == FLOW_SERVER && !(f->flags & FLOW_MIDSTREAM) && x->flags & INLINE_BASED &&
	    tcp_seq_lt(x->end[FLOW_CLIENT].next, f->dir[FLOW_CLIENT].acked))
		f->dir[FLOW_CLIENT].acked = acked;
	if (p->tcp_flags & (PACKET_FIN | PACKET_RST))
		closes = tcp_track_after(f, side, p);
	if (side == FLOW_SERVER)
		server_packet(ins, f, x, p);
	else
		client_packet(ins, f, x, p);
	if (tcp_reasm_waits(f))
		tcp_reasm_settle(&ins->reasm, f, false);
	if (x->buf.unsent > 0 || f->smtp.phase == SMTP_PHASE_OPAQUE)
		inline_feed(ins, f, x);
	if (f->flags & FLOW_KEPT)
		tcp_keep_trim(&ins->reasm, f);
	inline_buf_trim(&ins->gate->blocks, &x->buf,
			inline_takeover_keep(ins, f, x, acked_by_server(f, x)));
	if (closes)
		flow_close(&ins->table, f);
	if (x->strongest != DP_VERDICT_NONE) {
		/* Without ctrl. On open, what this packet brought goes with what waits. */
		if (side == FLOW_CLIENT && !rebuilt && p->fate != PACKET_DROP &&
		    (p->payload_len > 0 || p->tcp_flags & PACKET_FIN))
			packet_cut_to_ack(p, x->fwd);
		inline_settle(ins, f, x);
	} else if (x->care == INLINE_CARE_WAIT) {
		inline_takeover_try(ins, f, x);
	} else {
		inline_drain(ins, f, x);
	}
	if (rebuilt)
		resend_rebuilt(ins, f, x, side, p);
	if (f->flags & FLOW_CLOSED && x->care == INLINE_CARE_NONE && tcp_is_over(f)) {
		x->flags |= INLINE_OVER;
		inspector_report_end(ins, f, DP_CLOSE_FIN);
	}
}

bool
inline_has_care(const struct inspector *ins, const struct flow *f, const struct packet *p)
{
	const struct inline_flow *x = inline_at(ins, f);

	return x->care != INLINE_CARE_NONE && x->care != INLINE_CARE_WAIT && f->loop == p->loop;
}

bool
inline_cared_packet(struct inspector *ins, struct flow *f, struct packet *p)
{
	if (inline_at(ins, f)->care == INLINE_CARE_KILLED)
		return inline_killed_packet(ins, f, p);
	return inline_takeover_packet(ins, f, p);
}

static void
inspect(struct inspector *ins, struct packet *p)
{
	struct flow *f;

	if (!is_sound(ins, p))
		return;
	f = flow_lookup(&ins->table, p);
	if (f != NULL && inline_has_care(ins, f, p)) {
		if (inline_cared_packet(ins, f, p))
			return;
		f = NULL;
		ins->current = p;
	}
	if (f == NULL && inline_tombstone_packet(ins, p))
		return;
	f = inspector_flow_of(ins, f, p);
	if (f != NULL)
		flow_packet(ins, f, p);
	else if (ins->shed >= INSPECTOR_SHED_NEW && flow_lookup(&ins->table, p) == NULL && tcp_opens(p))
		inspector_shed_packet(ins, p);
	else if (p->payload_len > 0)
		inline_drop(ins, p, DP_STAT_DROP_STRAY);
}

void
inline_packet(struct inspector *ins, struct packet *p)
{
	ins->gate->now_ns = p->ts_ns;
	ins->gate->originated = false;
	p->fate = PACKET_SEND;
	if (p->in_flags & PACKET_IN_TAP)
		inline_tap_packet(ins, p);
	else
		inspect(ins, p);
	ins->current = p;
	/* A late one, or of no connection: there is no frame to send. */
	if (p->rebuilt && p->fate != PACKET_DROP)
		inline_drop(ins, p, DP_STAT_MERGED);
	dp_count(ins->counters, DP_STAT_CUT, p->fate == PACKET_CUT);
}

void
inline_age_step(struct inspector *ins, uint64_t now_ns, unsigned int budget)
{
	if (now_ns > ins->gate->now_ns)
		ins->gate->now_ns = now_ns;
	inline_hold_age(ins, budget);
	inline_takeover_age(ins, budget);
	inline_kill_age(ins, budget);
}
