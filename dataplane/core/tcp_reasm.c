/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_reasm.h"

#include "smtp_body.h"
#include "tcp_keep.h"
#include "tcp_queue.h"

enum {
	ACK_AHEAD_MAX = 1 << 26, /* an acknowledgement further ahead of what was seen is not believed */
};

/* --- the consumer --- */

static bool
is_waiting(const struct flow *f, enum flow_side side)
{
	return side == FLOW_CLIENT && f->smtp.phase == SMTP_PHASE_WAIT;
}

static void
sink_gap(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t octets)
{
	dp_count(r->counters, DP_STAT_GAPS, 1);
	dp_count(r->counters, DP_STAT_GAP_OCTETS, octets);
	r->piece_seq = f->dir[FLOW_CLIENT].next;
	f->dir[side].next += octets;
	f->flags &= ~((uint32_t)FLOW_SOFT << side);
	if (side == FLOW_CLIENT) {
		tcp_keep_reset(r, f);
		f->flags &= ~(FLOW_AT_LINE | FLOW_ALT_BODY);
	}
	r->sink->gap(r->sink_ctx, f, side, octets);
}

static void
set_at_line(struct flow *f, bool yes)
{
	f->flags = yes ? f->flags | FLOW_AT_LINE : f->flags & ~FLOW_AT_LINE;
}

/* Where in @p, whose delivery ended a message, the octets after the end of data begin. @eod: the state before it. */
static uint32_t
after_body(const struct tcp_reasm *r, uint8_t eod, const uint8_t *p, uint32_t len)
{
	enum smtp_body_found found = SMTP_BODY_MORE;
	uint32_t off = 0;

	while (off < len && found != SMTP_BODY_END)
		off += (uint32_t)smtp_body_scan(r->body_find, &eod, p + off, len - off, &found);
	return off;
}

/*
 * No reply is awaited before a chunk: commands may stand before it and behind it without one having been acknowledged.
 * Until those before it are, its octets are kept like theirs, so that a copy of the whole is compared as one.
 */
static bool
keep_chunk(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	if (!(f->flags & FLOW_KEPT) || f->kept_end != seq || !tcp_seq_lt(f->dir[FLOW_CLIENT].acked, f->command_end) ||
	    !tcp_seq_lt(f->kept_seq, f->command_end))
		return false;
	tcp_keep_add(r, f, seq, p, len);
	return true;
}

/*
 * Give client octets to the consumer; returns how many it took. Commands go line by line, so that the phase is known
 * for each, and are kept; a BDAT chunk ends a piece, too.
 */
static uint32_t
deliver_client(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len)
{
	struct flow_dir *d = &f->dir[FLOW_CLIENT];
	uint32_t off = 0;

	f->flags &= ~(uint32_t)(FLOW_SOFT << FLOW_CLIENT);
	while (off < len) {
		uint8_t phase = f->smtp.phase, eod = f->smtp.eod;
		uint32_t m = len - off, n, seq = d->next, tail;

		if (phase == SMTP_PHASE_OPAQUE) {
			d->next += m;
			return len;
		}
		if (phase == SMTP_PHASE_CHUNK) {
			if (f->smtp.chunk_left > 0 && f->smtp.chunk_left < m)
				m = (uint32_t)f->smtp.chunk_left;
		} else if (phase != SMTP_PHASE_BODY) {
			const uint8_t *lf = memchr(p + off, '\n', m);

			if (lf != NULL)
				m = (uint32_t)(lf - (p + off)) + 1;
		}
		r->piece_seq = seq;
		n = (uint32_t)r->sink->client(r->sink_ctx, f, p + off, m);
		d->next += n;
		if (phase == SMTP_PHASE_BODY || phase == SMTP_PHASE_CHUNK) {
			bool kept = phase == SMTP_PHASE_CHUNK && keep_chunk(r, f, seq, p + off, n);

			if (f->flags & FLOW_ALT_BODY)
				tcp_keep_alt_feed(r, f, p + off, n, true);
			if (f->smtp.phase != phase) {
				tail = phase == SMTP_PHASE_CHUNK ? n : after_body(r, eod, p + off, n);
				f->flags &= ~FLOW_ALT_BODY;
				f->body_end = seq + tail;
				f->flags &= ~FLOW_CHUNKED;
				if (phase == SMTP_PHASE_CHUNK)
					f->flags |= FLOW_CHUNKED;
				if (!kept)
					tcp_keep_reset(r, f);
				set_at_line(f, true);
				if (tail < n) {
					tcp_keep_add(r, f, seq + tail, p + off + tail, n - tail);
					set_at_line(f, p[off + n - 1] == '\n');
				}
			}
		} else {
			if (f->flags & FLOW_ALT_LINE)
				tcp_keep_alt_feed(r, f, p + off, n, false);
			tcp_keep_add(r, f, seq, p + off, n);
			f->command_end = seq + n;
			if (n > 0)
				set_at_line(f, p[off + n - 1] == '\n');
		}
		off += n;
		if (n < m)
			break;
	}
	return off;
}

/* Give server octets to the consumer: line by line while a reply is awaited, for what follows it is another matter. */
static void
deliver_server(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len)
{
	f->dir[FLOW_SERVER].next += len;
	f->flags &= ~(uint32_t)(FLOW_SOFT << FLOW_SERVER);
	while (len > 0 && f->smtp.phase != SMTP_PHASE_OPAQUE) {
		const uint8_t *lf = is_waiting(f, FLOW_CLIENT) ? memchr(p, '\n', len) : NULL;
		uint32_t n = lf == NULL ? len : (uint32_t)(lf - p) + 1;

		r->sink->server(r->sink_ctx, f, p, n);
		p += n;
		len -= n;
	}
}

/* The client octets that a server segment with @ack can answer are not all there yet. */
static bool
is_held(const struct flow *f, uint32_t ack)
{
	uint32_t rcv = tcp_rcv(f, FLOW_CLIENT);

	if (!(f->flags & FLOW_BASE << FLOW_CLIENT) || f->flags & FLOW_ONE_SIDED ||
	    f->smtp.phase == SMTP_PHASE_OPAQUE)
		return false;
	if (f->flags & FLOW_FIN << FLOW_CLIENT && ack == f->cold[FLOW_CLIENT].fin + 1)
		ack--;
	return tcp_seq_lt(rcv, ack) && ack - rcv < ACK_AHEAD_MAX;
}

/* --- going on --- */

static bool
drain_client(struct tcp_reasm *r, struct flow *f)
{
	struct flow_dir *d = &f->dir[FLOW_CLIENT];
	bool progress = false;

	while (d->head != POOL_NONE) {
		struct tcp_seg *s = tcp_seg_at(r, d->head);
		uint32_t n;

		/* A gap does not end a wait: the reply may still come. */
		if (s->seq != d->next || (s->kind == TCP_SEG_GAP && f->smtp.phase == SMTP_PHASE_WAIT))
			break;
		if (s->kind == TCP_SEG_GAP) {
			n = s->len;
			sink_gap(r, f, FLOW_CLIENT, n);
		} else {
			n = deliver_client(r, f, s->data + s->off, s->len);
		}
		progress |= n > 0;
		if (n < s->len) {
			tcp_queue_trim(f, FLOW_CLIENT, s, n);
			break;
		}
		tcp_queue_pop(r, f, FLOW_CLIENT);
	}
	if (progress) {
		f->flags &= ~FLOW_STALL;
		if (f->rival_head != POOL_NONE)
			tcp_keep_judge(r, f, false);
	}
	return progress;
}

/*
 * The next server octets; a line at a time while client octets wait for just that line, so that a later reply in the
 * same segment does not overtake them.
 */
static bool
drain_server(struct tcp_reasm *r, struct flow *f)
{
	struct flow_dir *d = &f->dir[FLOW_SERVER];
	struct tcp_seg *s = tcp_seg_at(r, d->head);
	uint32_t n;

	if (s == NULL || s->seq != d->next || (s->kind == TCP_SEG_DATA && is_held(f, s->ack)))
		return false;
	n = s->len;
	if (s->kind == TCP_SEG_GAP) {
		sink_gap(r, f, FLOW_SERVER, n);
	} else {
		const uint8_t *p = s->data + s->off, *lf = memchr(p, '\n', n);

		if (lf != NULL && is_waiting(f, FLOW_CLIENT) && f->dir[FLOW_CLIENT].head != POOL_NONE)
			n = (uint32_t)(lf - p) + 1;
		deliver_server(r, f, p, n);
		if (n < s->len) {
			tcp_queue_trim(f, FLOW_SERVER, s, n);
			return true;
		}
	}
	tcp_queue_pop(r, f, FLOW_SERVER);
	return true;
}

/* Only one side was ever seen, and it acknowledged octets that the other, by now, should have been seen to send. */
static bool
one_sided(struct flow *f)
{
	enum flow_side other = f->flags & FLOW_SEEN << FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT;

	if (f->flags & FLOW_SEEN << other)
		f->flags &= ~FLOW_ONE_SIDED;
	else if (f->nb_pkts >= TCP_ONE_SIDED_PKTS && tcp_seq_lt(f->dir[other].next, f->dir[other].acked))
		f->flags |= FLOW_ONE_SIDED;
	return f->flags & FLOW_ONE_SIDED;
}

/* The octet that a server reply at the head of its list waits for, in *ret_ack. */
static bool
reply_held(const struct tcp_reasm *r, const struct flow *f, uint32_t *ret_ack)
{
	const struct flow_dir *d = &f->dir[FLOW_SERVER];
	const struct tcp_seg *s = tcp_seg_at(r, d->head);

	if (s == NULL || s->kind != TCP_SEG_DATA || s->seq != d->next || !is_held(f, s->ack))
		return false;
	*ret_ack = s->ack;
	if (f->flags & FLOW_FIN << FLOW_CLIENT && s->ack == f->cold[FLOW_CLIENT].fin + 1)
		*ret_ack = f->cold[FLOW_CLIENT].fin;
	return true;
}

/* First octet of @side behind its first hole, in *ret_seq. */
static bool
behind_hole(const struct tcp_reasm *r, const struct flow *f, enum flow_side side, uint32_t *ret_seq)
{
	const struct tcp_seg *s = tcp_seg_at(r, f->dir[side].head);

	for (; s != NULL; s = tcp_seg_at(r, s->next)) {
		if (tcp_seq_lt(f->cold[side].rcv, s->seq)) {
			*ret_seq = s->seq;
			return true;
		}
	}
	return false;
}

/* Octets up to @to are given up. Where client octets wait before them, the gap waits in its place. */
static void
give_up_hole(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t to)
{
	uint32_t rcv = tcp_rcv(f, side), end;
	bool differs;

	f->cold[side].hole_pkt = 0;
	if (rcv != f->dir[side].next || is_waiting(f, side)) {
		/* Without memory for that the wait ends here; the hole is met again without it. */
		if (tcp_queue_insert(r, f, side, rcv, NULL, to - rcv, 0, &differs, &end) != 0)
			r->sink->give_up(r->sink_ctx, f);
		return;
	}
	sink_gap(r, f, side, to - rcv);
	if (f->dir[side].head != POOL_NONE) {
		f->cold[side].rcv = f->dir[side].next;
		tcp_queue_advance(r, f, side);
	}
}

/* Is a hole of @side to be given up now? *ret_to is its end then. */
static bool
hole_is_over(struct tcp_reasm *r, struct flow *f, enum flow_side side, bool force, uint32_t *ret_to)
{
	struct flow_dir_cold *c = &f->cold[side];
	uint32_t rcv = tcp_rcv(f, side), acked = f->dir[side].acked, to = 0, ack = 0;
	bool beyond = behind_hole(r, f, side, &to);
	bool held = side == FLOW_CLIENT && reply_held(r, f, &ack);
	bool proven;

	if (side == FLOW_SERVER && reply_held(r, f, &ack))
		return false; /* what it waits for comes first */
	if (!beyond && !held)
		return false;
	*ret_to = beyond ? to : ack;
	if (held && beyond && tcp_seq_lt(ack, to))
		*ret_to = ack;
	if (force || c->queued >= r->give_up_octets ||
	    (held && f->cold[FLOW_SERVER].queued >= r->give_up_octets))
		return true;
	proven = tcp_seq_lt(rcv, acked) && acked - rcv < ACK_AHEAD_MAX;
	if (!proven)
		return false;
	if (c->hole_pkt == 0)
		c->hole_pkt = f->nb_pkts;
	*ret_to = tcp_seq_min(*ret_to, acked);
	return f->nb_pkts - c->hole_pkt >= TCP_EVIDENCE_PKTS;
}

/* Client octets are there that the consumer does not take. Ended without the reply? */
static bool
wait_is_over(struct tcp_reasm *r, struct flow *f, bool force)
{
	const struct flow_dir *d = &f->dir[FLOW_CLIENT];
	const struct tcp_seg *s = tcp_seg_at(r, d->head);

	if (s == NULL || s->seq != d->next)
		return false;
	if (!(f->flags & FLOW_STALL)) {
		f->flags |= FLOW_STALL;
		dp_count(r->counters, DP_STAT_STALLS, 1);
	}
	return force || one_sided(f) || f->cold[FLOW_CLIENT].queued >= r->give_up_octets;
}

void
tcp_reasm_settle(struct tcp_reasm *r, struct flow *f, bool force)
{
	for (;;) {
		bool again;
		uint32_t to;

		do {
			again = drain_client(r, f);
			again |= drain_server(r, f);
		} while (again);
		if (!tcp_reasm_waits(f))
			return;
		if (f->dir[FLOW_SERVER].head != POOL_NONE)
			one_sided(f);
		/* What is missing first: its end may bring the reply that a wait is for. */
		if (hole_is_over(r, f, FLOW_CLIENT, force, &to)) {
			give_up_hole(r, f, FLOW_CLIENT, to);
		} else if (hole_is_over(r, f, FLOW_SERVER, force, &to)) {
			give_up_hole(r, f, FLOW_SERVER, to);
		} else if (wait_is_over(r, f, force)) {
			r->sink->give_up(r->sink_ctx, f);
			/* A consumer that takes nothing even then must not stop us. */
			if (!drain_client(r, f)) {
				struct tcp_seg *s = tcp_seg_at(r, f->dir[FLOW_CLIENT].head);

				sink_gap(r, f, FLOW_CLIENT, s->len);
				tcp_queue_pop(r, f, FLOW_CLIENT);
			}
		} else if (f->flags & FLOW_ONE_SIDED && f->dir[FLOW_SERVER].head != POOL_NONE &&
			   drain_server(r, f)) {
			continue;
		} else {
			return;
		}
	}
}

void
tcp_reasm_end_wait(struct tcp_reasm *r, struct flow *f)
{
	r->sink->give_up(r->sink_ctx, f);
	tcp_reasm_settle(r, f, false);
}

/* --- a segment --- */

/* Memory ran out with octets [@seq, ...) at hand: all that waits goes on, then these, with a gap where one is. */
static void
force_through(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t seq, const uint8_t *p, uint32_t len)
{
	struct flow_dir *d = &f->dir[side];

	tcp_reasm_settle(r, f, true);
	if (tcp_seq_lt(d->next, seq))
		sink_gap(r, f, side, seq - d->next);
	if (tcp_seq_lt(seq, d->next)) {
		uint32_t n = tcp_seq_min(d->next, seq + len) - seq;

		p += n;
		len -= n;
	}
	if (side == FLOW_SERVER) {
		deliver_server(r, f, p, len);
		return;
	}
	while (len > 0) {
		uint32_t n = deliver_client(r, f, p, len);

		p += n;
		len -= n;
		if (len > 0 && !is_waiting(f, side)) {
			sink_gap(r, f, side, len);
			break;
		}
		if (len > 0) {
			r->sink->give_up(r->sink_ctx, f);
			if (is_waiting(f, side)) {
				sink_gap(r, f, side, len);
				break;
			}
		}
	}
}

static void
queue(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t seq, const uint8_t *p, uint32_t len,
      const struct tcp_input *in)
{
	uint32_t ack = side == FLOW_SERVER && in->has_ack ? in->ack : 0, end;
	bool differs;
	int rc = tcp_queue_insert(r, f, side, seq, p, len, ack, &differs, &end);

	if (differs && side == FLOW_CLIENT)
		tcp_keep_rival(r, f, seq, p, len);
	if (rc != 0)
		force_through(r, f, side, end, p + (end - seq), seq + len - end);
}

static void
input_missing(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t seq, uint32_t missing)
{
	uint32_t end = seq + missing, at;
	bool differs;

	r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(TRUNCATED));
	seq = tcp_seq_max(seq, f->dir[side].next);
	if (!tcp_seq_lt(seq, end))
		return;
	if (f->dir[side].head == POOL_NONE && seq == f->dir[side].next && !is_waiting(f, side)) {
		sink_gap(r, f, side, end - seq);
	} else if (tcp_queue_insert(r, f, side, seq, NULL, end - seq, 0, &differs, &at) != 0) {
		tcp_reasm_settle(r, f, true);
		if (tcp_seq_lt(f->dir[side].next, end))
			sink_gap(r, f, side, end - f->dir[side].next);
	}
}

/* The part of @in before next: seen already. */
static uint32_t
input_old(struct tcp_reasm *r, struct flow *f, enum flow_side side, const struct tcp_input *in)
{
	uint32_t next = f->dir[side].next;
	uint32_t n = in->len < next - in->seq ? in->len : next - in->seq;

	dp_count(r->counters, DP_STAT_SEGS_RETRANS, 1);
	if (side == FLOW_CLIENT && f->smtp.phase != SMTP_PHASE_OPAQUE)
		tcp_keep_compare(r, f, in->seq, in->p, n,
				 f->flags & FLOW_SEEN << FLOW_SERVER ? f->dir[side].acked : in->seq);
	return n;
}

/* Nothing of the connection can be read any more: follow the numbers only. */
static void
input_opaque(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t end)
{
	int i;

	for (i = 0; i < 2; i++) {
		while (f->dir[i].head != POOL_NONE) {
			const struct tcp_seg *s = tcp_seg_at(r, f->dir[i].head);

			f->dir[i].next = tcp_seq_max(f->dir[i].next, tcp_seg_end(s));
			tcp_queue_pop(r, f, i);
		}
	}
	f->dir[side].next = tcp_seq_max(f->dir[side].next, end);
}

void
tcp_reasm_input(struct tcp_reasm *r, struct flow *f, enum flow_side side, const struct tcp_input *in)
{
	struct flow_dir *d = &f->dir[side];
	uint32_t seq = in->seq, len = in->len, n;
	const uint8_t *p = in->p;

	if (f->smtp.phase == SMTP_PHASE_OPAQUE) {
		input_opaque(r, f, side, seq + len + in->missing);
		return;
	}
	if (tcp_seq_lt(seq, d->next) && len > 0) {
		n = input_old(r, f, side, in);
		p += n;
		len -= n;
		seq += n;
	}
	if (len > 0 && seq == d->next && d->head == POOL_NONE &&
	    (side == FLOW_CLIENT ||
	     (f->dir[FLOW_CLIENT].head == POOL_NONE && (!in->has_ack || !is_held(f, in->ack))))) {
		if (side == FLOW_CLIENT) {
			n = deliver_client(r, f, p, len);
			p += n;
			len -= n;
			seq += n;
		} else {
			deliver_server(r, f, p, len);
			len = 0;
		}
	}
	if (len > 0) {
		if (tcp_seq_lt(tcp_rcv(f, side), seq))
			dp_count(r->counters, DP_STAT_SEGS_OOO, 1);
		queue(r, f, side, seq, p, len, in);
	}
	if (in->missing > 0)
		input_missing(r, f, side, in->seq + in->len, in->missing);
}

void
tcp_reasm_skip(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t octets)
{
	sink_gap(r, f, side, octets);
}

void
tcp_reasm_finish(struct tcp_reasm *r, struct flow *f)
{
	if (tcp_reasm_waits(f))
		tcp_reasm_settle(r, f, true);
	tcp_keep_finish(r, f);
}
