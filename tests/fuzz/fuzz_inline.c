/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_inline - a hostile client at the enforcing inspector, and a server that acknowledges what it likes
 *
 * Input:     an octet of settings, one of the number of actions, the actions (4 octets each), then the text that the
 *            client's segments are cut from.
 * Checks:    octets that went on for one sequence number are always the same; of a recipient that waits, or was refused,
 *            no octet goes on beyond those that had gone before; the server cannot put together more lines with the bad
 *            recipient than were let pass (dialogues without a message); a server that follows the stream sees what was
 *            inspected; checksums; the accounting equation; all memory comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inline_private.h"
#include "tcp_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                    \
	do {                                                        \
		if (!(x)) {                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                    \
		}                                                   \
	} while (0)

enum {
	TEXT_MAX = 1024,
	FAR_AHEAD = 64, /* octets that a segment may leave out */

	SET_MESSAGES = 0x01, /* the server accepts DATA */
	SET_WRAP = 0x02,
	SET_SMALL = 0x04, /* little memory */
	SET_MIDSTREAM = 0x08,
	SET_OPEN = 0x10, /* fallbacks let pass */
	SET_IPV6 = 0x20,
	SET_TAKEOVER = 0x40, /* there is a responder */
};

static const struct model_step ehlo[] = { { "EHLO gw\r\n", 1 }, { NULL, 0 } };
static const struct model_step nothing[] = { { NULL, 0 } };

struct fuzz {
	struct model m;
	const uint8_t *text;
	uint32_t text_len;
	uint32_t at;   /* sequence number of text[0] */
	uint32_t most; /* octets of it that were offered, at most */
	unsigned int set;
	unsigned int nb_pass;
	bool let_pass; /* a fallback may have let some pass */
};

static void
client_segment(struct fuzz *z, const uint8_t a[4])
{
	static const uint8_t flags[8] = { PACKET_ACK, PACKET_ACK | PACKET_PSH, PACKET_ACK, PACKET_ACK,
					  PACKET_ACK | PACKET_FIN, PACKET_ACK | PACKET_URG, PACKET_ACK, PACKET_RST };
	uint32_t off = (uint32_t)(a[1] | (a[0] >> 6) << 8), n = a[2], frame_len;
	uint8_t buf[256], f = flags[a[3] & 7];
	uint8_t *frame;

	if (off > z->most + FAR_AHEAD)
		off = z->most;
	if (off > z->text_len)
		off = z->text_len;
	if (n > z->text_len - off)
		n = z->text_len - off;
	memcpy(buf, z->text + off, n);
	if (a[3] & 0x08 && n > 0) /* other octets than the text has */
		buf[(a[3] >> 4) % n] ^= 1 + (a[3] >> 5);
	if (f & PACKET_RST)
		n = 0;
	frame = model_frame(&z->m, MODEL_CLIENT, f, z->at + off, z->m.end[0].rcv_nxt, buf, n, &frame_len);
	model_inject(&z->m, MODEL_CLIENT, frame, frame_len, f & PACKET_URG ? 0 : (a[0] >> 4 & 3) == 3 ? 1 : 0);
	if (off + n > z->most)
		z->most = off + n;
}

static void
server_segment(struct fuzz *z, const uint8_t a[4])
{
	static const char *const replies[] = { "", "250 ok\r\n", "250-x\r\n250 ok\r\n", "550 no\r\n", "354 go\r\n", "220 go\r\n",
					       "334 x\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n" };
	const char *text = replies[a[1] & 7];
	uint32_t ack = z->at + a[2], frame_len;
	uint8_t *frame;

	if ((a[1] & 7) == 4 && !(z->set & SET_MESSAGES))
		text = "503 no\r\n";
	if (((a[1] & 7) == 5 || (a[1] & 7) == 6) && !(z->set & SET_MESSAGES))
		text = "";
	/* Sometimes it lies. Otherwise it has seen what went on in order. */
	if (a[3] & 0xe0) {
		uint32_t off = z->at - (z->m.end[0].isn + 1);

		for (ack = z->at; ack - z->at < TEXT_MAX && z->m.wire_have[off + (ack - z->at)]; ack++)
			;
		ack -= a[3] & 0x1f;
		if (tcp_seq_lt(ack, z->at))
			ack = z->at;
	}
	frame = model_frame(&z->m, MODEL_SERVER, PACKET_ACK | ((a[3] & 0x1f) == 0x11 ? PACKET_FIN : 0),
			    z->m.end[1].max_nxt, ack, text, (uint32_t)strlen(text), &frame_len);
	model_inject(&z->m, MODEL_SERVER, frame, frame_len, 0);
	z->m.end[1].max_nxt += (uint32_t)strlen(text);
}

static void
verdict(struct fuzz *z, const uint8_t a[4])
{
	struct model_hold *h = &z->m.holds[a[1] % MODEL_HOLDS_MAX];
	enum dp_verdict v = a[2] & 1 ? DP_VERDICT_PASS : DP_VERDICT_RESET;
	bool is_open;

	if (z->set & SET_TAKEOVER && v == DP_VERDICT_RESET && a[2] & 6)
		v = a[2] & 2 ? DP_VERDICT_REFUSE : DP_VERDICT_DIVERT;
	if (h->id == 0 || z->m.nb_holds == 0)
		return;
	is_open = hold_find(&z->m.ins->gate->holds, h->id) != NULL &&
		  hold_find(&z->m.ins->gate->holds, h->id)->verdict == DP_VERDICT_NONE;
	if (is_open) {
		h->verdict = v;
		z->nb_pass += h->verdict == DP_VERDICT_PASS;
	}
	inspector_verdict(z->m.ins, h->id, h->uid, v, z->m.now_ns);
}

/* The responder says this and that about what it was told, and sends what it should not. */
static void
responder(struct fuzz *z, const uint8_t a[4])
{
	const struct dp_takeover *t = (const struct dp_takeover *)(const void *)z->m.record;
	enum model_side side = a[3] & 0x10 ? MODEL_TO_CLIENT : MODEL_TO_SERVER;
	uint64_t taken = z->m.counters.c[DP_STAT_TAKEOVERS_DONE];
	uint32_t len;
	uint8_t *frame;

	if (z->m.nb_told == 0)
		return;
	if (a[3] & 1)
		inspector_takeover_ready(z->m.ins, z->m.index, t->flow.uid, t->hold_id, a[3] & 2, z->m.now_ns);
	CHECK(z->m.counters.c[DP_STAT_TAKEOVERS_DONE] - taken <= 1);
	frame = model_frame(&z->m, side, a[2], a[1], a[2], "220 x\r\n",
			    side == MODEL_TO_CLIENT ? a[3] & 7 : 0, &len);
	inspector_takeover_output(z->m.ins, z->m.index, t->flow.uid, frame + 14, a[3] & 0x20 ? a[1] : len - 14,
				  z->m.now_ns);
	free(frame);
	if (a[3] & 4)
		inspector_takeover_closed(z->m.ins, z->m.index, t->flow.uid, t->hold_id);
	if (a[3] & 8)
		inspector_set_responder(z->m.ins, a[3] & 1);
}

static void
act(struct fuzz *z, const uint8_t a[4])
{
	switch (a[0] & 7) {
	case 5:
		server_segment(z, a);
		break;
	case 6:
		verdict(z, a);
		break;
	case 7:
		z->m.now_ns += (uint64_t)a[1] * (a[2] & 1 ? 1000000000 : 1000000);
		inspector_age_step(z->m.ins, z->m.now_ns, 8);
		if (z->set & SET_TAKEOVER)
			responder(z, a);
		break;
	default:
		client_segment(z, a);
		break;
	}
}

/* Nothing of what waits, or was refused, has gone on but what had before. */
static void
check_holds(const struct fuzz *z)
{
	unsigned int i;

	/* What is let through to another connection of the same ends reaches nobody that knows of this one. */
	if (z->m.counters.c[DP_STAT_FLOWS] != 1)
		return;
	for (i = 0; i < z->m.nb_holds && i < MODEL_HOLDS_MAX; i++) {
		const struct model_hold *h = &z->m.holds[i];

		if (h->verdict == DP_VERDICT_PASS || z->let_pass || h->end - h->start > TEXT_MAX)
			continue;
		CHECK(model_octets_sent(&z->m, h->start, h->end) <= h->back);
	}
}

/* Lines with the bad recipient that the server can put together. */
static void
check_lines(const struct fuzz *z)
{
	const uint8_t *p = z->m.wire_c2s;
	uint32_t off = z->at - (z->m.end[0].isn + 1), end = off, line = off;
	unsigned int nb = 0;

	while (end < MODEL_STREAM_MAX && z->m.wire_have[end]) {
		if (p[end++] != '\n')
			continue;
		nb += end - line > 18 && strncasecmp((const char *)p + line, "RCPT TO:<", 9) == 0 &&
		      memcmp(p + end - 11, "@army.ml>\r\n", 11) == 0 && memchr(p + line, '\r', end - line - 2) == NULL &&
		      memchr(p + line, '\0', end - line) == NULL && memchr(p + line + 9, '<', end - line - 9) == NULL;
		line = end;
	}
	CHECK(nb <= z->nb_pass);
}

static void
begin(struct fuzz *z)
{
	struct model_config cfg;
	struct model *m = &z->m;

	model_config_default(&cfg);
	cfg.ctrl_silent = true;
	cfg.ipv6 = z->set & SET_IPV6;
	cfg.ins.flows_max = 4;
	cfg.ins.sessions_max = 4;
	cfg.ins.reasm_blocks = 64;
	cfg.ins.inline_cfg.blocks = 64;
	cfg.ins.inline_cfg.hold_limit_ns = UINT64_C(200000000);
	if (z->set & SET_WRAP)
		cfg.isn[0] = cfg.isn[1] = UINT32_MAX - 50;
	if (z->set & SET_SMALL) {
		cfg.ins.inline_cfg.blocks = 40;
		cfg.ins.inline_cfg.park_octets = 150;
		cfg.ins.inline_cfg.holds_max = 2;
		cfg.ins.inline_cfg.tombstones_max = 1;
		cfg.ins.reasm_blocks = 6;
		cfg.ins.reasm_flow_blocks = 5;
	}
	if (z->set & SET_OPEN)
		cfg.ins.inline_cfg.fallback_default = DP_VERDICT_ALERT;
	z->let_pass = z->set & SET_OPEN;
	if (z->set & SET_TAKEOVER) {
		cfg.responder = MODEL_RESPONDER_SILENT;
		cfg.ins.inline_cfg.takeover = true;
	}
	if (z->set & SET_MIDSTREAM) {
		model_init(m, &cfg, nothing);
		m->cfg.loss = 100;
		z->at = m->end[0].isn + 1;
		m->end[0].rcv_nxt = m->end[1].max_nxt = 5000;
		return;
	}
	model_init(m, &cfg, ehlo);
	model_run(m, UINT64_C(100000000));
	z->at = m->end[0].max_nxt;
	m->cfg.loss = 100;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz z; /* large */
	unsigned int nb, i;

	if (size < 2 || size < 2 + 4u * data[1])
		return 0;
	memset(&z, 0, sizeof(z));
	z.set = data[0];
	nb = data[1];
	z.text = data + 2 + 4 * nb;
	z.text_len = (uint32_t)(size - 2 - 4 * nb < TEXT_MAX ? size - 2 - 4 * nb : TEXT_MAX);
	begin(&z);
	for (i = 0; i < nb; i++) {
		act(&z, data + 2 + 4 * i);
		check_holds(&z);
	}
	/* Another connection of the same ends may read as lines what this one did not; then they are judged there. */
	if (!(z.set & (SET_MESSAGES | SET_MIDSTREAM | SET_OPEN)) && z.m.counters.c[DP_STAT_FLOWS] == 1)
		check_lines(&z);
	while (!inspector_flush_step(z.m.ins, 8))
		;
	model_check_balance(&z.m);
	CHECK(z.m.counters.c[DP_STAT_RESETS] ==
	      z.m.counters.c[DP_STAT_RESETS_CONFIRMED] + z.m.counters.c[DP_STAT_RESETS_UNCONFIRMED]);
	CHECK(z.m.ins->gate->blocks.in_use == 0 && z.m.ins->gate->holds.pool.in_use == 0);
	for (i = 0; i < INLINE_CARE_NB; i++)
		CHECK(z.m.ins->gate->lists[i].head == POOL_NONE);
	CHECK(z.m.ins->reasm.segs.in_use == 0);
	model_fini(&z.m);
	return 0;
}
