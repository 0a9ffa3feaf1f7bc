/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_model_responder - the other side of a take-over: two ends made from the record alone, and a proxy of few words
 *
 * Nothing here looks at the client's or the server's end: what the record does not tell is not known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_edit.h"
#include "tcp_model_private.h"

enum {
	L2_LEN = 14,
};

static void
check_record(const struct model *m, const struct dp_takeover *rec)
{
	struct dp_takeover *t = malloc(rec->len);

	memcpy(t, rec, rec->len);
	/* The caller's part. */
	t->worker = 0;
	t->epoch = 1;
	t->instance = 1;
	assert_int_equal(dp_takeover_check(t, t->len), 0);
	assert_int_equal(t->client.l2_len, L2_LEN);
	assert_int_equal(t->client.ttl, 60);
	assert_int_equal(t->server.tos, 0x10);
	assert_int_equal(t->client.mss, m->cfg.mss);
	assert_int_equal(t->client.wscale, m->cfg.no_wscale ? 0 : 7);
	assert_int_equal(t->client.wnd, m->cfg.no_wscale ? 5000 : 5000 << 7);
	assert_int_equal(!(t->server.opts & DP_TCP_SACK), m->cfg.no_sack);
	assert_int_equal(!(t->server.opts & DP_TCP_TIMESTAMPS), m->cfg.no_timestamps);
	free(t);
}

bool
model_on_takeover(void *ctx, struct flow *f, const struct dp_takeover *rec)
{
	struct model *m = ctx;

	check_record(m, rec);
	memcpy(m->record, rec, rec->len);
	m->index = inspector_flow_index(m->ins, f);
	m->nb_told++;
	if (m->cfg.responder != MODEL_RESPONDER_SILENT)
		model_post(m, (struct model_event){ .at_ns = m->now_ns + m->cfg.ready_ns, .kind = EV_READY });
	return true;
}

bool
model_on_inward(void *ctx, const uint8_t *ip, uint32_t len)
{
	struct model *m = ctx;
	uint8_t *frame = calloc(1, L2_LEN + len);
	struct packet p = { .frame = frame, .cap_len = L2_LEN + len, .wire_len = L2_LEN + len };
	bool from_client;

	frame[12] = ip[0] >> 4 == 4 ? 0x08 : 0x86;
	frame[13] = ip[0] >> 4 == 4 ? 0x00 : 0xdd;
	memcpy(frame + L2_LEN, ip, len);
	assert_int_equal(packet_decode(&p, &m->seed), PACKET_TCP);
	assert_int_equal(p.missing_len, 0);
	assert_true(packet_checksums_ok(&p));
	from_client = (p.from_lo ? p.key.hi_port : p.key.lo_port) == 25;
	model_post(m, (struct model_event){ .at_ns = m->now_ns + 20000, .kind = EV_FRAME_END, .frame = frame,
					    .port = from_client ? MODEL_TO_CLIENT : MODEL_TO_SERVER, .len = L2_LEN + len });
	return true;
}

void
model_on_takeover_end(void *ctx, struct flow *f, uint64_t hold_id)
{
	struct model *m = ctx;

	m->nb_void++;
	/* As a process that is gone: without a word. */
	m->end[MODEL_TO_CLIENT].state = m->end[MODEL_TO_SERVER].state = MODEL_DONE;
	m->end[MODEL_TO_CLIENT].timer_ns = m->end[MODEL_TO_SERVER].timer_ns = 0;
}

/* An end that goes on where @self was, towards @peer; @unacked: octets of @self that @peer has not acknowledged. */
static void
make_end(struct model *m, enum model_side side, const struct dp_takeover_end *self, const struct dp_takeover_end *peer,
	 const uint8_t *unacked)
{
	struct model_end *e = &m->end[side];

	model_end_init(e, self->isn);
	e->state = MODEL_OPEN;
	e->una = self->snd_una;
	e->nxt = e->max_nxt = self->snd_nxt;
	e->out_len = self->snd_nxt - (self->isn + 1);
	memcpy(e->out + (self->snd_una - (self->isn + 1)), unacked, self->snd_nxt - self->snd_una);
	e->irs = peer->isn;
	e->rcv_nxt = peer->snd_nxt;
	e->in_len = peer->snd_nxt - (peer->isn + 1);
	memset(e->have, 1, e->in_len);
	if (e->una != e->max_nxt)
		e->timer_ns = m->now_ns + e->rto_ns;
}

void
model_responder_answers(struct model *m)
{
	const struct dp_takeover *t = model_record(m);
	struct model_end *c = &m->end[MODEL_TO_CLIENT], *s = &m->end[MODEL_TO_SERVER];
	struct dp_takeover_parts parts;
	bool ready = m->cfg.responder == MODEL_RESPONDER_READY;

	if (ready) {
		dp_takeover_parts(t, &parts);
		make_end(m, MODEL_TO_CLIENT, &t->server, &t->client, parts.to_client);
		make_end(m, MODEL_TO_SERVER, &t->client, &t->server, parts.to_server);
		if (t->verdict == DP_VERDICT_DIVERT) {
			s->state = MODEL_DONE;
			s->timer_ns = 0;
		}
		memcpy(c->in + c->in_len - t->prefix_len, parts.prefix, t->prefix_len);
		m->px_read = c->in_len - t->prefix_len;
		m->px_relayed = s->in_len;
		m->px_owed = t->owed_len;
	}
	inspector_takeover_ready(m->ins, m->index, t->flow.uid, t->hold_id, ready, m->now_ns);
}

static void
relay(struct model *m, enum model_side to, const void *p, uint32_t len)
{
	if (m->end[to].state == MODEL_OPEN)
		model_say(m, to, p, len);
}

static void
tell(struct model *m, const char *reply)
{
	relay(m, MODEL_TO_CLIENT, reply, (uint32_t)strlen(reply));
}

/* The next line of what @e has received, from @at on; 0: it is not whole. */
static uint32_t
next_line(const struct model_end *e, uint32_t at)
{
	const uint8_t *lf = at < e->in_len ? memchr(e->in + at, '\n', e->in_len - at) : NULL;

	return lf != NULL ? (uint32_t)(lf - (e->in + at)) + 1 : 0;
}

/* The server's lines: each belongs to what is owed, first in, first out. */
static void
read_server(struct model *m)
{
	const struct model_end *e = &m->end[MODEL_TO_SERVER];
	const uint8_t *line;
	uint32_t len;

	while ((len = next_line(e, m->px_relayed)) > 0) {
		line = e->in + m->px_relayed;
		m->px_relayed += len;
		if (m->px_spoilt)
			tell(m, "550 5.1.2 no\r\n");
		else
			relay(m, MODEL_TO_CLIENT, line, len);
		m->px_spoilt = false;
		if (line[3] != ' ')
			continue;
		m->px_owed -= m->px_owed > 0;
		if (m->px_data)
			m->px_message = line[0] == '3';
		m->px_data = false;
	}
}

static bool
is_bad(const uint8_t *line, uint32_t len)
{
	assert_non_null(line);
	return memmem(line, len, "@army.ml>", 9) != NULL;
}

static void
divert_line(struct model *m, const uint8_t *line, uint32_t len)
{
	bool bad = is_bad(line, len);

	m->px_refused += bad;
	if (memcmp(line, "QUIT", 4) != 0) {
		tell(m, bad ? "550 5.1.2 no\r\n" : "450 later\r\n");
		return;
	}
	tell(m, "221 bye\r\n");
	m->end[MODEL_TO_CLIENT].fin_wanted = true;
	model_push(m, MODEL_TO_CLIENT);
}

static void
client_line(struct model *m, const uint8_t *line, uint32_t len)
{
	static const char rest[] = ".invalid \x01<\r\n";
	const struct dp_takeover *t = model_record(m);
	bool bad = is_bad(line, len), first = m->px_refused == 0;

	/* The record begins at the first line that is refused. */
	if (first)
		assert_true(bad);
	if (t->verdict == DP_VERDICT_DIVERT) {
		divert_line(m, line, len);
	} else if (bad && first && t->prefix_len > 0) {
		/* Its head is at the server: it becomes a line that no server takes. */
		m->px_refused++;
		m->px_owed = 1;
		m->px_spoilt = true;
		relay(m, MODEL_TO_SERVER, rest, sizeof(rest) - 1);
	} else if (bad) {
		m->px_refused++;
		tell(m, "550 5.1.2 no\r\n");
	} else {
		m->px_data = len == 6 && memcmp(line, "DATA\r\n", 6) == 0;
		m->px_owed = 1;
		relay(m, MODEL_TO_SERVER, line, len);
	}
}

static void
read_client(struct model *m)
{
	const struct model_end *e = &m->end[MODEL_TO_CLIENT];
	const uint8_t *line;
	uint32_t len;

	while (m->px_owed == 0 && (len = next_line(e, m->px_read)) > 0) {
		line = e->in + m->px_read;
		m->px_read += len;
		if (!m->px_message) {
			client_line(m, line, len);
			continue;
		}
		relay(m, MODEL_TO_SERVER, line, len);
		if (len == 3 && memcmp(line, ".\r\n", 3) == 0) {
			m->px_message = false;
			m->px_owed = 1;
		}
	}
}

static void
pass_end(struct model *m, enum model_side from, enum model_side to)
{
	struct model_end *e = &m->end[to];

	if (m->end[from].peer_fin && e->state == MODEL_OPEN && !e->fin_wanted) {
		e->fin_wanted = true;
		model_push(m, to);
	}
}

void
model_responder_reads(struct model *m)
{
	read_server(m);
	read_client(m);
	pass_end(m, MODEL_TO_SERVER, MODEL_TO_CLIENT);
	pass_end(m, MODEL_TO_CLIENT, MODEL_TO_SERVER);
	if (!m->closed && m->end[MODEL_TO_CLIENT].fin_sent &&
	    (m->end[MODEL_TO_SERVER].fin_sent || m->end[MODEL_TO_SERVER].state == MODEL_DONE)) {
		m->closed = true;
		inspector_takeover_closed(m->ins, m->index, model_record(m)->flow.uid, model_record(m)->hold_id);
	}
}
