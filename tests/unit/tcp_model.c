/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_model_private.h"

#include "packet_edit.h"
#include "tcp_seq.h"

#define MS UINT64_C(1000000)

enum {
	WINDOW = 60000,
	RETRIES_MAX = 14,
	RTO_FIRST = 200,
};

static const uint8_t macs[2][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
static const uint8_t addr4[2][16] = { { 198, 18, 0, 7 }, { 198, 18, 0, 25 } };
static const uint8_t addr6[2][16] = { { 0x20, 1, 0xd, 0xb8, [15] = 7 }, { 0x20, 1, 0xd, 0xb8, [15] = 0x25 } };

static uint32_t
rnd(struct model *m, uint32_t n)
{
	m->rnd = m->rnd * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((m->rnd >> 33) % n);
}

void
model_post(struct model *m, struct model_event ev)
{
	assert_true(m->nb_events < MODEL_EVENTS_MAX);
	ev.order = m->order++;
	m->events[m->nb_events++] = ev;
}

/* --- frames --- */

static uint32_t
put_options(uint8_t *o, const struct model *m, const struct model_end *e, uint8_t flags)
{
	uint32_t n = 0, ts_val = (uint32_t)(m->now_ns / MS) + 5000, ts_ecr = e->ts_recent;

	if (flags & PACKET_RST)
		return 0;
	if (flags & PACKET_SYN) {
		const uint8_t mss[4] = { 2, 4, (uint8_t)(m->cfg.mss >> 8), (uint8_t)m->cfg.mss };

		memcpy(o, mss, 4);
		n = 4;
		if (!m->cfg.no_sack) {
			memcpy(o + n, "\x01\x01\x04\x02", 4);
			n += 4;
		}
		if (!m->cfg.no_wscale) {
			memcpy(o + n, "\x01\x03\x03\x07", 4);
			n += 4;
		}
	}
	if (!m->cfg.no_timestamps) {
		const uint8_t ts[12] = { 1, 1, 8, 10, (uint8_t)(ts_val >> 24), (uint8_t)(ts_val >> 16),
					 (uint8_t)(ts_val >> 8), (uint8_t)ts_val, (uint8_t)(ts_ecr >> 24),
					 (uint8_t)(ts_ecr >> 16), (uint8_t)(ts_ecr >> 8), (uint8_t)ts_ecr };

		memcpy(o + n, ts, sizeof(ts));
		n += sizeof(ts);
	}
	return n;
}

uint8_t *
model_frame(const struct model *m, enum model_side side, uint8_t flags, uint32_t seq, uint32_t ack, const void *data,
	    uint32_t len, uint32_t *ret_len)
{
	const enum model_side as = side == MODEL_TO_CLIENT ? MODEL_SERVER : side == MODEL_TO_SERVER ? MODEL_CLIENT : side;
	const enum model_side to = as == MODEL_CLIENT ? MODEL_SERVER : MODEL_CLIENT;
	const uint16_t ports[2] = { (uint16_t)(40001 + m->client_port), 25 };
	uint8_t l2[14], opts[40], *frame = malloc(PACKET_BUILD_HEAD_MAX + 40 + len);
	uint32_t nb_opts = put_options(opts, m, &m->end[side], flags), n, head;
	struct packet_build b = {
		.l2 = l2,
		.l2_len = sizeof(l2),
		.family = m->cfg.ipv6 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4,
		.ttl = 60,
		.tos = 0x10,
		.dont_fragment = true,
		.flags = flags,
		.src_port = ports[as],
		.dst_port = ports[to],
		.window = 5000,
		.seq = seq,
		.ack = ack,
		.src_addr = m->cfg.ipv6 ? addr6[as] : addr4[as],
		.dst_addr = m->cfg.ipv6 ? addr6[to] : addr4[to],
		.len = 0,
	};
	struct packet p = { .frame = frame };

	memcpy(l2, macs[to], 6);
	memcpy(l2 + 6, macs[as], 6);
	l2[12] = m->cfg.ipv6 ? 0x86 : 0x08;
	l2[13] = m->cfg.ipv6 ? 0xdd : 0x00;
	n = packet_build(&b, frame);
	head = n - 20; /* of TCP */
	memcpy(frame + n, opts, nb_opts);
	frame[head + 12] = (uint8_t)((20 + nb_opts) / 4 << 4);
	if (len > 0)
		memcpy(frame + n + nb_opts, data, len);
	p.cap_len = p.wire_len = n + nb_opts + len;
	/* The lengths in the headers are made good by cutting nothing off. */
	if (m->cfg.ipv6) {
		frame[18] = (uint8_t)((20 + nb_opts + len) >> 8);
		frame[19] = (uint8_t)(20 + nb_opts + len);
	} else {
		frame[16] = (uint8_t)((40 + nb_opts + len) >> 8);
		frame[17] = (uint8_t)(40 + nb_opts + len);
	}
	assert_int_equal(packet_decode(&p, &m->seed), PACKET_TCP);
	packet_cut(&p, 0, len, 0);
	*ret_len = p.cap_len;
	return frame;
}

/* --- links --- */

/* To the inspector (kind EV_FRAME_DP), or from it to an end; takes the frame over. */
static void
link_send(struct model *m, uint8_t kind, uint8_t port, uint8_t *frame, uint32_t len)
{
	unsigned int copies = 1;

	if (rnd(m, 100) < m->cfg.loss)
		copies = 0;
	else if (rnd(m, 100) < m->cfg.dup)
		copies = 2;
	for (; copies > 0; copies--) {
		uint64_t delay = MS / 10 + (rnd(m, 100) < m->cfg.reorder ? rnd(m, 30) * MS : 0);
		uint8_t *copy = malloc(len);

		memcpy(copy, frame, len);
		model_post(m, (struct model_event){ .at_ns = m->now_ns + delay, .kind = kind, .port = port, .frame = copy,
					      .len = len });
	}
	free(frame);
}

static void
end_emit(struct model *m, enum model_side side, uint8_t flags, uint32_t seq, uint32_t ack, const void *data,
	 uint32_t len)
{
	uint32_t n;
	uint8_t *frame = model_frame(m, side, flags, seq, ack, data, len, &n);

	if (side >= MODEL_TO_CLIENT)
		model_post(m, (struct model_event){ .at_ns = m->now_ns + MS / 50, .kind = EV_FRAME_OUT, .frame = frame,
						    .len = n });
	else
		link_send(m, EV_FRAME_DP, (uint8_t)side, frame, n);
}

/* --- the inspector between them --- */

/* A frame goes on to end @to: what it carries must never contradict what went on before. */
static void
check_wire(struct model *m, unsigned int to, const uint8_t *frame, uint32_t len)
{
	struct packet p = { .frame = frame, .cap_len = len, .wire_len = len };
	uint32_t off, i;

	assert_int_equal(packet_decode(&p, &m->seed), PACKET_TCP);
	assert_true(packet_checksums_ok(&p));
	assert_int_equal(p.payload_off + p.payload_len, len);
	m->last_seq[to] = p.seq;
	m->last_len[to] = p.payload_len;
	m->last_flags[to] = p.tcp_flags;
	m->nb_to[to]++;
	/* Another connection to the inspector: what went on before was to one that is over. */
	if (m->counters.c[DP_STAT_FLOWS] != m->nb_flows) {
		m->nb_flows = m->counters.c[DP_STAT_FLOWS];
		memset(m->wire_have, 0, MODEL_STREAM_MAX);
	}
	if (to != MODEL_SERVER || p.payload_len == 0)
		return;
	off = p.seq - (m->end[MODEL_CLIENT].isn + 1);
	if (off >= MODEL_STREAM_MAX || off + p.payload_len > MODEL_STREAM_MAX)
		return;
	for (i = 0; i < p.payload_len; i++) {
		if (m->wire_have[off + i])
			assert_int_equal(m->wire_c2s[off + i], packet_payload(&p)[i]);
		m->wire_have[off + i] = 1;
		m->wire_c2s[off + i] = packet_payload(&p)[i];
	}
	if (off + p.payload_len > m->wire_max)
		m->wire_max = off + p.payload_len;
}

static void
go_on(struct model *m, unsigned int to, const uint8_t *frame, uint32_t len)
{
	uint8_t *copy = malloc(len);

	memcpy(copy, frame, len);
	check_wire(m, to, frame, len);
	m->sent++;
	link_send(m, EV_FRAME_END, (uint8_t)to, copy, len);
}

static bool
on_originate(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b)
{
	struct model *m = ctx;

	assert_int_equal(wire, 0);
	go_on(m, port_b ? MODEL_SERVER : MODEL_CLIENT, frame, len);
	return true;
}

static void
on_outcome(void *ctx, struct flow *f, const struct inspector_outcome *o)
{
	struct model *m = ctx;

	if (m->nb_outcomes < MODEL_OUTCOMES_MAX)
		m->outcomes[m->nb_outcomes] = *o;
	m->nb_outcomes++;
}

static bool
is_bad(const struct smtp_rcpt *rcpt)
{
	unsigned int i;

	for (i = 0; i < rcpt->mailbox->nb_readings; i++) {
		const struct mailbox_reading *r = &rcpt->mailbox->readings[i];

		if (r->domain_len == 7 && memcmp(r->domain, "army.ml", 7) == 0)
			return true;
	}
	return false;
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	struct model *m = ctx;
	struct dp_flow_id id;
	uint64_t hold;

	if (!is_bad(rcpt))
		return false;
	flow_id(owner, &id);
	flow_line_seq(owner, rcpt, &m->line_start, &m->line_end);
	m->line_back = rcpt->line_back;
	if (!inspector_is_enforcing(m->ins))
		return true;
	hold = inspector_hold(m->ins, owner, rcpt);
	if (hold != 0 && m->nb_holds < MODEL_HOLDS_MAX)
		m->holds[m->nb_holds] = (struct model_hold){ .id = hold, .uid = id.uid, .start = m->line_start,
							     .end = m->line_end, .back = m->line_back };
	m->nb_holds += hold != 0;
	if (hold == 0 || m->ring_full)
		inspector_hold_fail(m->ins, owner, hold, rcpt, hold == 0 ? DP_CAUSE_MEMORY : DP_CAUSE_RING_FULL);
	else if (!m->cfg.ctrl_silent)
		model_post(m, (struct model_event){ .at_ns = m->now_ns + m->cfg.ctrl_ns, .kind = EV_VERDICT, .id = hold,
					      .uid = id.uid });
	return true;
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *end)
{
}

static void
on_flow_end(void *ctx, struct flow *f, enum dp_close how, const struct smtp_summary *sum)
{
	struct model *m = ctx;

	m->nb_flow_ends++;
}

static const struct inspector_ops ops = {
	.smtp = {
		.txn_begin = on_txn_begin,
		.rcpt = on_rcpt,
		.rcpt_reply = on_rcpt_reply,
		.data = on_data,
		.txn_end = on_txn_end,
	},
	.flow_end = on_flow_end,
	.outcome = on_outcome,
	.originate = on_originate,
	.takeover = model_on_takeover,
	.inward = model_on_inward,
	.takeover_end = model_on_takeover_end,
};

static void
dp_frame(struct model *m, const struct model_event *ev)
{
	struct packet p = { .frame = ev->frame, .cap_len = ev->len, .wire_len = ev->len, .ts_ns = m->now_ns };
	struct packet *pkts[1] = { &p };

	p.frame_no = ++m->frame_no;
	if (ev->rebuilt) {
		p.rebuilt = ev->rebuilt;
		p.link = PACKET_LINK_RAW;
		p.frame += 14;
		p.cap_len -= 14;
		p.wire_len -= 14;
	}
	dp_count(&m->counters, DP_STAT_RX_PKTS, p.rebuilt != 2);
	assert_int_equal(packet_decode(&p, &m->seed), PACKET_TCP);
	p.in_flags = ev->port == MODEL_SERVER ? PACKET_IN_PORT_B : 0;
	if (m->cfg.tap)
		p.in_flags |= PACKET_IN_TAP;
	if (m->bypass)
		inspector_bypass_burst(m->ins, pkts, 1);
	else
		inspector_burst(m->ins, pkts, 1);
	if (p.fate == PACKET_SEND)
		assert_int_equal(p.cap_len, ev->len);
	if (m->cfg.tap && p.fate == PACKET_DROP) {
		/* The copy ended here; what it is a copy of did not. */
		go_on(m, ev->port == MODEL_CLIENT ? MODEL_SERVER : MODEL_CLIENT, ev->frame, ev->len);
		m->sent--;
	}
	if (p.fate != PACKET_DROP)
		go_on(m, ev->port == MODEL_CLIENT ? MODEL_SERVER : MODEL_CLIENT, ev->frame, p.cap_len);
}

/* --- an end --- */

static uint32_t
data_end(const struct model_end *e)
{
	return e->isn + 1 + e->out_len;
}

static void
arm(struct model *m, struct model_end *e)
{
	e->timer_ns = e->una == e->max_nxt ? 0 : m->now_ns + e->rto_ns;
}

static void
send_ack(struct model *m, enum model_side side)
{
	struct model_end *e = &m->end[side];

	end_emit(m, side, PACKET_ACK, e->max_nxt, e->rcv_nxt, NULL, 0);
}

/* Send from @from on, at most a segment; returns where it ended. */
static uint32_t
send_segment(struct model *m, enum model_side side, uint32_t from)
{
	struct model_end *e = &m->end[side];
	uint32_t off = from - (e->isn + 1), n = e->out_len - off;
	uint8_t flags = PACKET_ACK;

	if (n > m->cfg.mss - 12)
		n = m->cfg.mss - 12;
	if (n > 0)
		flags |= PACKET_PSH;
	if (e->fin_wanted && from + n == data_end(e))
		flags |= PACKET_FIN;
	end_emit(m, side, flags, from, e->rcv_nxt, e->out + off, n);
	n += flags & PACKET_FIN ? 1 : 0;
	if (flags & PACKET_FIN)
		e->fin_sent = true;
	return from + n;
}

/* New octets, as far as the window goes. */
void
model_push(struct model *m, enum model_side side)
{
	struct model_end *e = &m->end[side];

	if (e->state != MODEL_OPEN)
		return;
	while ((tcp_seq_lt(e->nxt, data_end(e)) || (e->fin_wanted && e->nxt == data_end(e) && !e->fin_sent)) &&
	       e->nxt - e->una < 16384)
		e->nxt = send_segment(m, side, e->nxt);
	e->max_nxt = tcp_seq_max(e->max_nxt, e->nxt);
	if (e->timer_ns == 0)
		arm(m, e);
}

void
model_say(struct model *m, enum model_side side, const void *p, uint32_t len)
{
	struct model_end *e = &m->end[side];

	assert_true(e->out_len + len <= MODEL_STREAM_MAX);
	memcpy(e->out + e->out_len, p, len);
	e->out_len += len;
	model_push(m, side);
}

/* --- mail --- */

static void
server_line(struct model *m, const char *line, uint32_t len)
{
	const char *reply = "250 ok\r\n";

	if (m->srv_data) {
		if (len == 3 && memcmp(line, ".\r\n", 3) == 0) {
			m->srv_data = false;
			m->nb_messages++;
			model_say(m, MODEL_SERVER, "250 queued\r\n", 12);
		}
		return;
	}
	if (strncasecmp(line, "RCPT", 4) == 0) {
		m->nb_rcpts++;
		if (memmem(line, len, "army.ml", 7) != NULL)
			snprintf(m->bad_seen, sizeof(m->bad_seen), "%.*s", (int)len, line);
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		m->srv_data = true;
		reply = "354 go\r\n";
	} else if (strncasecmp(line, "BDAT", 4) == 0) {
		m->srv_chunk = (uint32_t)strtoul(line + 4, NULL, 10);
		return;
	} else if (strncasecmp(line, "QUIT", 4) == 0) {
		m->srv_quit = true;
		reply = "221 bye\r\n";
	}
	model_say(m, MODEL_SERVER, reply, (uint32_t)strlen(reply));
	if (m->srv_quit) {
		m->end[MODEL_SERVER].fin_wanted = true;
		model_push(m, MODEL_SERVER);
	}
}

/* Octets of a chunk that are there. */
static void
server_chunk(struct model *m)
{
	uint32_t n = m->end[MODEL_SERVER].in_len - m->srv_pos;

	if (n > m->srv_chunk)
		n = m->srv_chunk;
	m->srv_pos += n;
	m->srv_chunk -= n;
	if (n == 0 || m->srv_chunk > 0)
		return;
	m->nb_messages++;
	model_say(m, MODEL_SERVER, "250 queued\r\n", 12);
}

static void
server_reads(struct model *m)
{
	const struct model_end *e = &m->end[MODEL_SERVER];
	const uint8_t *lf;

	server_chunk(m);
	while (m->srv_chunk == 0 && m->srv_pos < e->in_len &&
	       (lf = memchr(e->in + m->srv_pos, '\n', e->in_len - m->srv_pos)) != NULL) {
		uint32_t len = (uint32_t)(lf - (e->in + m->srv_pos)) + 1, at = m->srv_pos;

		m->srv_pos += len;
		server_line(m, (const char *)e->in + at, len);
		server_chunk(m);
	}
}

/* Whole replies in what the client has read: last lines of them. */
static unsigned int
count_replies(const struct model_end *e)
{
	unsigned int nb = 0;
	uint32_t i, start = 0;

	for (i = 0; i < e->in_len; i++) {
		if (e->in[i] != '\n')
			continue;
		nb += i - start < 4 || e->in[start + 3] != '-';
		start = i + 1;
	}
	return nb;
}

static void
client_goes_on(struct model *m)
{
	struct model_end *e = &m->end[MODEL_CLIENT];

	if (e->state != MODEL_OPEN)
		return;
	m->replies = count_replies(e);
	while (m->steps[m->step].text != NULL && m->replies >= m->steps[m->step].replies) {
		const char *text = m->steps[m->step++].text;
		uint32_t len = (uint32_t)strlen(text), n;

		for (; len > 0; text += n, len -= n) {
			n = m->cfg.cut > 0 && m->cfg.cut < len ? m->cfg.cut : len;
			model_say(m, MODEL_CLIENT, text, n);
		}
	}
	if (m->steps[m->step].text == NULL && e->peer_fin) {
		e->fin_wanted = true;
		model_push(m, MODEL_CLIENT);
	}
}

/* --- arrival --- */

static void
take_payload(struct model *m, enum model_side side, const struct packet *p)
{
	struct model_end *e = &m->end[side];
	uint32_t base = e->irs + 1, i;

	for (i = 0; i < p->payload_len; i++) {
		uint32_t seq = p->seq + i, off = seq - base;

		if (tcp_seq_lt(seq, e->rcv_nxt) || off >= MODEL_STREAM_MAX)
			continue;
		if (e->have[off] && !m->cfg.server_last)
			continue;
		e->have[off] = 1;
		e->in[off] = packet_payload(p)[i];
	}
	while (e->in_len < MODEL_STREAM_MAX && e->have[e->in_len])
		e->in_len++;
	e->rcv_nxt = base + e->in_len;
	if (p->tcp_flags & PACKET_FIN && !e->peer_fin) {
		e->peer_fin_seq = p->seq + p->payload_len;
		e->peer_fin = e->rcv_nxt == e->peer_fin_seq;
	}
	if (e->peer_fin)
		e->rcv_nxt = e->peer_fin_seq + 1;
}

static void
take_ack(struct model *m, enum model_side side, const struct packet *p)
{
	struct model_end *e = &m->end[side];

	if (tcp_seq_lt(e->max_nxt, p->ack)) {
		send_ack(m, side);
		return;
	}
	if (tcp_seq_lt(e->una, p->ack)) {
		e->una = p->ack;
		e->nxt = tcp_seq_max(e->nxt, e->una);
		e->retries = 0;
		e->dup_acks = 0;
		e->rto_ns = RTO_FIRST * MS;
		arm(m, e);
	} else if (p->ack == e->una && p->payload_len == 0 && e->una != e->max_nxt && ++e->dup_acks == 3) {
		send_segment(m, side, e->una);
	}
}

static void
reset_end(struct model_end *e)
{
	e->state = MODEL_RESET;
	e->timer_ns = 0;
}

/* No connection: RFC 9293 §3.10.7.1. */
static void
answer_closed(struct model *m, enum model_side side, const struct packet *p)
{
	if (p->tcp_flags & PACKET_RST)
		return;
	m->end[side].resets_sent++;
	if (p->tcp_flags & PACKET_ACK)
		end_emit(m, side, PACKET_RST, p->ack, 0, NULL, 0);
	else
		end_emit(m, side, PACKET_RST | PACKET_ACK, 0, p->seq + p->payload_len + 1, NULL, 0);
}

static void
handshake(struct model *m, enum model_side side, const struct packet *p)
{
	struct model_end *e = &m->end[side];

	if (e->state == MODEL_NEW && (p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN) {
		e->irs = p->seq;
		e->rcv_nxt = p->seq + 1;
		e->state = MODEL_SYN_RCVD;
		e->una = e->isn;
		e->nxt = e->max_nxt = e->isn + 1;
		end_emit(m, side, PACKET_SYN | PACKET_ACK, e->isn, e->rcv_nxt, NULL, 0);
		arm(m, e);
	} else if (e->state == MODEL_NEW) {
		answer_closed(m, side, p);
	} else if (e->state == MODEL_SYN_SENT && p->tcp_flags & PACKET_SYN && p->tcp_flags & PACKET_ACK &&
		   p->ack == e->isn + 1) {
		e->irs = p->seq;
		e->rcv_nxt = p->seq + 1;
		e->una = p->ack;
		e->state = MODEL_OPEN;
		arm(m, e);
		send_ack(m, side);
	}
}

static void
end_frame(struct model *m, const struct model_event *ev)
{
	enum model_side side = ev->port;
	struct model_end *e = &m->end[side];
	struct packet p = { .frame = ev->frame, .cap_len = ev->len, .wire_len = ev->len };
	struct packet_tcp_options opts;
	uint32_t seq_end;
	bool in_window;

	assert_int_equal(packet_decode(&p, &m->seed), PACKET_TCP);
	if (e->state >= MODEL_RESET || (e->state == MODEL_DONE && p.tcp_flags & PACKET_SYN)) {
		answer_closed(m, side, &p);
		return;
	}
	if (e->state == MODEL_NEW || e->state == MODEL_SYN_SENT) {
		handshake(m, side, &p);
		return;
	}
	in_window = p.seq - e->rcv_nxt < WINDOW;
	if (p.tcp_flags & PACKET_RST) {
		if (p.seq == e->rcv_nxt) {
			reset_end(e);
		} else if (in_window) {
			e->challenges++;
			send_ack(m, side);
		}
		return;
	}
	if (p.tcp_flags & PACKET_SYN) {
		if (e->state == MODEL_SYN_RCVD && p.seq == e->irs)
			end_emit(m, side, PACKET_SYN | PACKET_ACK, e->isn, e->rcv_nxt, NULL, 0);
		else
			send_ack(m, side);
		return;
	}
	packet_tcp_options(&p, &opts);
	if (opts.flags & DP_TCP_TIMESTAMPS) {
		if (e->ts_ok && tcp_seq_lt(opts.tsval, e->ts_recent)) {
			e->paws_drops++;
			send_ack(m, side);
			return;
		}
		if (tcp_seq_leq(p.seq, e->rcv_nxt)) {
			e->ts_ok = true;
			e->ts_recent = opts.tsval;
		}
	}
	seq_end = p.seq + p.payload_len + (p.tcp_flags & PACKET_FIN ? 1 : 0);
	if (p.payload_len == 0 && !(p.tcp_flags & PACKET_FIN)) {
		if (!in_window) {
			send_ack(m, side);
			return;
		}
	} else if (tcp_seq_leq(seq_end, e->rcv_nxt) || seq_end - e->rcv_nxt > WINDOW) {
		send_ack(m, side);
		return;
	}
	if (e->state == MODEL_SYN_RCVD && p.ack == e->isn + 1) {
		e->state = MODEL_OPEN;
		take_ack(m, side, &p);
		model_say(m, MODEL_SERVER, "220 mx\r\n", 8);
	} else {
		take_ack(m, side, &p);
	}
	if (e->state != MODEL_OPEN)
		return;
	if (p.payload_len > 0 || p.tcp_flags & PACKET_FIN) {
		take_payload(m, side, &p);
		send_ack(m, side);
	}
	if (side >= MODEL_TO_CLIENT) {
		model_responder_reads(m);
	} else if (side == MODEL_SERVER) {
		server_reads(m);
		if (e->peer_fin && !e->fin_wanted) {
			e->fin_wanted = true;
			model_push(m, side);
		}
	} else {
		client_goes_on(m);
	}
	model_push(m, side);
	if (e->peer_fin && e->fin_sent && e->una == data_end(e) + 1) {
		e->state = MODEL_DONE;
		e->timer_ns = 0;
	}
}

static void
on_timer(struct model *m, enum model_side side)
{
	struct model_end *e = &m->end[side];

	if (++e->retries > RETRIES_MAX) {
		e->state = MODEL_GAVE_UP;
		e->timer_ns = 0;
		return;
	}
	e->rto_ns = e->rto_ns * 2 < 3000 * MS ? e->rto_ns * 2 : 3000 * MS;
	e->timer_ns = m->now_ns + e->rto_ns;
	if (e->state == MODEL_SYN_SENT)
		end_emit(m, side, PACKET_SYN, e->isn, 0, NULL, 0);
	else if (e->state == MODEL_SYN_RCVD)
		end_emit(m, side, PACKET_SYN | PACKET_ACK, e->isn, e->rcv_nxt, NULL, 0);
	else
		send_segment(m, side, e->una);
}

/* --- the run --- */

void
model_config_default(struct model_config *cfg)
{
	*cfg = (struct model_config){
		.seed = 1,
		.isn = { 1000, 2000 },
		.mss = 1460,
		.ctrl_ns = MS / 20,
		.verdict = DP_VERDICT_RESET,
		.ready_ns = MS / 2,
	};
	inspector_config_default(&cfg->ins);
	cfg->ins.flows_max = 64;
	cfg->ins.sessions_max = 64;
	cfg->ins.reasm_blocks = 1024;
	cfg->ins.enforce = true;
	cfg->ins.inline_cfg.blocks = 2048;
	cfg->ins.inline_cfg.holds_max = 256;
	cfg->ins.inline_cfg.tombstones_max = 64;
	cfg->ins.inline_cfg.hold_limit_ns = 30000 * MS;
}

void
model_end_init(struct model_end *e, uint32_t isn)
{
	free(e->out);
	free(e->in);
	free(e->have);
	*e = (struct model_end){ .isn = isn, .una = isn, .nxt = isn, .max_nxt = isn, .rto_ns = RTO_FIRST * MS };
	e->out = calloc(1, MODEL_STREAM_MAX);
	e->in = calloc(1, MODEL_STREAM_MAX);
	e->have = calloc(1, MODEL_STREAM_MAX + 1);
}

static void
begin(struct model *m, const struct model_step *steps)
{
	struct model_end *c = &m->end[MODEL_CLIENT];

	memset(m->wire_have, 0, MODEL_STREAM_MAX);
	m->wire_max = 0;
	m->steps = steps;
	m->step = 0;
	m->replies = 0;
	m->srv_pos = 0;
	m->srv_data = false;
	m->srv_quit = false;
	c->state = MODEL_SYN_SENT;
	c->nxt = c->max_nxt = c->isn + 1;
	end_emit(m, MODEL_CLIENT, PACKET_SYN, c->isn, 0, NULL, 0);
	arm(m, c);
}

void
model_init(struct model *m, const struct model_config *cfg, const struct model_step *steps)
{
	memset(m, 0, sizeof(*m));
	m->cfg = *cfg;
	m->rnd = cfg->seed;
	m->now_ns = UINT64_C(1700000000) * 1000000000;
	m->seed = (struct packet_hash_seed){ .k = { 3, 4 } };
	m->cfg.ins.seed = m->seed;
	m->mem_len = inspector_mem_size(&m->cfg.ins);
	m->mem = aligned_alloc(64, (m->mem_len + 63) & ~(size_t)63);
	memset(m->mem, 0, m->mem_len);
	m->ins = inspector_init(m->mem, &m->cfg.ins, &ops, m, &m->counters);
	assert_non_null(m->ins);
	inspector_set_responder(m->ins, cfg->responder != MODEL_RESPONDER_NONE);
	m->wire_c2s = calloc(1, MODEL_STREAM_MAX);
	m->wire_have = calloc(1, MODEL_STREAM_MAX);
	model_end_init(&m->end[0], cfg->isn[0]);
	model_end_init(&m->end[1], cfg->isn[1]);
	if (cfg->give_up_ns != 0)
		model_post(m, (struct model_event){ .at_ns = m->now_ns + cfg->give_up_ns, .kind = EV_GIVE_UP });
	begin(m, steps);
}

void
model_again(struct model *m, uint32_t isn_client, uint32_t isn_server, const struct model_step *steps)
{
	model_end_init(&m->end[0], isn_client);
	model_end_init(&m->end[1], isn_server);
	begin(m, steps);
}

void
model_restart(struct model *m)
{
	/* What died with it ends without a word. */
	m->counters.c[DP_STAT_FLOWS] = m->counters.c[DP_STAT_FLOWS_ENDED];
	m->counters.c[DP_STAT_HOLDS] = m->counters.c[DP_STAT_HOLDS_ENDED];
	m->nb_flows = m->nb_flow_ends;
	memset(m->mem, 0, m->mem_len);
	m->ins = inspector_init(m->mem, &m->cfg.ins, &ops, m, &m->counters);
	assert_non_null(m->ins);
	inspector_restore_severed(m->ins, m->now_ns);
}

void
model_fini(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->nb_events; i++)
		free(m->events[i].frame);
	for (i = 0; i < MODEL_ENDS; i++) {
		free(m->end[i].out);
		free(m->end[i].in);
		free(m->end[i].have);
	}
	free(m->wire_c2s);
	free(m->wire_have);
	free(m->mem);
}

void
model_inject(struct model *m, unsigned int port, uint8_t *frame, uint32_t len, unsigned int rebuilt)
{
	const struct model_event ev = { .port = (uint8_t)port, .rebuilt = (uint8_t)rebuilt, .frame = frame, .len = len };

	dp_frame(m, &ev);
	free(frame);
}

static bool
next_event(struct model *m, struct model_event *ret)
{
	unsigned int best = 0, i;

	if (m->nb_events == 0)
		return false;
	for (i = 1; i < m->nb_events; i++) {
		const struct model_event *a = &m->events[i], *b = &m->events[best];

		if (a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order))
			best = i;
	}
	*ret = m->events[best];
	m->events[best] = m->events[--m->nb_events];
	return true;
}

static uint64_t
next_time(const struct model *m, int *ret_timer)
{
	uint64_t at = UINT64_MAX;
	unsigned int i;

	*ret_timer = -1;
	for (i = 0; i < m->nb_events; i++)
		if (m->events[i].at_ns < at)
			at = m->events[i].at_ns;
	for (i = 0; i < MODEL_ENDS; i++) {
		if (m->end[i].timer_ns != 0 && m->end[i].timer_ns < at) {
			at = m->end[i].timer_ns;
			*ret_timer = (int)i;
		}
	}
	return at;
}

static void
handle(struct model *m, const struct model_event *ev)
{
	struct model_end *c = &m->end[MODEL_CLIENT];

	switch (ev->kind) {
	case EV_FRAME_DP:
		dp_frame(m, ev);
		break;
	case EV_FRAME_END:
		end_frame(m, ev);
		break;
	case EV_VERDICT:
		inspector_verdict(m->ins, ev->id, ev->uid, m->cfg.verdict, m->now_ns);
		break;
	case EV_FRAME_OUT:
		inspector_takeover_output(m->ins, m->index, model_record(m)->flow.uid, ev->frame + 14, ev->len - 14,
					  m->now_ns);
		break;
	case EV_READY:
		model_responder_answers(m);
		break;
	default:
		if (c->state == MODEL_OPEN) {
			end_emit(m, MODEL_CLIENT, PACKET_RST | PACKET_ACK, c->max_nxt, c->rcv_nxt, NULL, 0);
			c->state = MODEL_GAVE_UP;
			c->timer_ns = 0;
		}
		break;
	}
	free(ev->frame);
}

void
model_run(struct model *m, uint64_t limit_ns)
{
	uint64_t end = m->now_ns + limit_ns;

	while (m->now_ns < end) {
		struct model_event ev;
		int timer;
		uint64_t at = next_time(m, &timer);

		/* The inspector's own time goes on in small steps. */
		if (at > m->now_ns + 50 * MS) {
			m->now_ns += 50 * MS;
			inspector_age_step(m->ins, m->now_ns, 16);
			continue;
		}
		if (at > m->now_ns)
			m->now_ns = at;
		inspector_age_step(m->ins, m->now_ns, 16);
		if (timer >= 0)
			on_timer(m, (enum model_side)timer);
		else if (next_event(m, &ev))
			handle(m, &ev);
	}
}

uint32_t
model_octets_sent(const struct model *m, uint32_t start, uint32_t end)
{
	uint32_t base = m->end[MODEL_CLIENT].isn + 1, nb = 0;

	for (; start != end; start++)
		nb += start - base < MODEL_STREAM_MAX && m->wire_have[start - base];
	return nb;
}

void
model_check_balance(const struct model *m)
{
	struct dp_counters k = m->counters;

	k.c[DP_STAT_SENT] += m->sent;
	assert_true(dp_stats_balanced(&k));
	assert_int_equal(k.c[DP_STAT_HOLDS], k.c[DP_STAT_HOLDS_ENDED]);
}
