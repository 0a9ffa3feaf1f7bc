/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reassembly, copies and tracking against a consumer that records what it is given: client and server octets in the
 * order of delivery, [gaps], {other readings}.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tcp_builder.h"
#include "tcp_keep.h"
#include "tcp_reasm.h"
#include "tcp_track.h"

enum { OUT_MAX = 1 << 20 };

struct fix {
	struct tcp_reasm r;
	struct flow_table table;
	struct dp_counters counters;
	struct tcp_builder b;
	struct flow *f;
	void *table_mem, *seg_mem;
	uint64_t notes;
	char mode; /* what was recorded last */
	uint32_t out_len;
	bool closed;
	char out[OUT_MAX];
};

/* --- the recording consumer: knows DATA and the end of data, nothing else --- */

static void
out(struct fix *x, char mode, const void *p, size_t len)
{
	assert_true(x->out_len + len + 8 < OUT_MAX);
	if (mode != x->mode && (mode == 'c' || mode == 's')) {
		x->out[x->out_len++] = mode;
		x->out[x->out_len++] = ':';
	}
	x->mode = mode;
	memcpy(x->out + x->out_len, p, len);
	x->out_len += (uint32_t)len;
	x->out[x->out_len] = '\0';
}

static void
outf(struct fix *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
outf(struct fix *x, const char *fmt, ...)
{
	char buf[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	out(x, '-', buf, (size_t)n);
}

static size_t
fake_client(void *ctx, struct flow *f, const uint8_t *p, size_t len)
{
	struct fix *x = ctx;
	enum smtp_body_found found;
	size_t off = 0, n;

	while (off < len && f->smtp.phase != SMTP_PHASE_WAIT) {
		if (f->smtp.phase == SMTP_PHASE_BODY) {
			n = smtp_body_scan(x->r.body_find, &f->smtp.eod, p + off, len - off, &found);
			if (found == SMTP_BODY_END)
				f->smtp.phase = SMTP_PHASE_COMMAND;
		} else {
			const uint8_t *lf = memchr(p + off, '\n', len - off);

			n = lf == NULL ? len - off : (size_t)(lf - (p + off)) + 1;
			if (lf != NULL && n == 6 && memcmp(p + off, "DATA\r\n", 6) == 0)
				f->smtp.phase = SMTP_PHASE_WAIT;
		}
		out(x, 'c', p + off, n);
		off += n;
	}
	return off;
}

static void
fake_server(void *ctx, struct flow *f, const uint8_t *p, size_t len)
{
	struct fix *x = ctx;

	out(x, 's', p, len);
	if (f->smtp.phase == SMTP_PHASE_WAIT && memchr(p, '3', len) != NULL) {
		f->smtp.phase = SMTP_PHASE_BODY;
		f->smtp.eod = SMTP_BODY_CRLF;
	}
}

static void
fake_give_up(void *ctx, struct flow *f)
{
	if (f->smtp.phase == SMTP_PHASE_WAIT) {
		outf(ctx, "[give up]");
		f->smtp.phase = SMTP_PHASE_COMMAND;
	}
}

static void
fake_gap(void *ctx, struct flow *f, enum flow_side side, uint64_t octets)
{
	(void)f;
	outf(ctx, "[gap %c %u]", side == FLOW_CLIENT ? 'c' : 's', (unsigned int)octets);
}

static void
fake_alternative(void *ctx, struct flow *f, const uint8_t *p, size_t len, bool at_line_start)
{
	(void)f;
	outf(ctx, at_line_start ? "{" : "{..");
	out(ctx, '-', p, len);
	outf(ctx, "}");
}

static void
fake_note(void *ctx, struct flow *f, uint64_t anomalies)
{
	(void)f;
	((struct fix *)ctx)->notes |= anomalies;
}

static const struct tcp_sink fake = {
	.client = fake_client,
	.server = fake_server,
	.give_up = fake_give_up,
	.gap = fake_gap,
	.alternative = fake_alternative,
	.note = fake_note,
};

/* --- harness --- */

enum { BLOCKS = 256, FLOW_BLOCKS = 64, GIVE_UP = 20000 };

static struct fix *
fix_new(uint32_t client_isn)
{
	struct fix *x = calloc(1, sizeof(*x));
	size_t len = (flow_table_mem_size(4) + 63) & ~(size_t)63;

	assert_non_null(x);
	x->table_mem = aligned_alloc(64, len);
	memset(x->table_mem, 0, len);
	flow_table_init(&x->table, x->table_mem, 4);
	x->seg_mem = aligned_alloc(64, pool_mem_size(BLOCKS, TCP_SEG_LEN) + TCP_SCRATCH_LEN);
	x->r = (struct tcp_reasm){
		.sink = &fake,
		.sink_ctx = x,
		.counters = &x->counters,
		.flow_blocks = FLOW_BLOCKS,
		.give_up_octets = GIVE_UP,
		.body_find = smtp_body_find_best(),
		.scratch = (uint8_t *)x->seg_mem + pool_mem_size(BLOCKS, TCP_SEG_LEN),
	};
	pool_init(&x->r.segs, x->seg_mem, BLOCKS, TCP_SEG_LEN);
	tcp_builder_init(&x->b, client_isn, 7000);
	return x;
}

static void
fix_free(struct fix *x)
{
	tcp_builder_fini(&x->b);
	free(x->table_mem);
	free(x->seg_mem);
	free(x);
}

static void
feed(struct fix *x, const struct packet *p)
{
	static const uint16_t ports[] = { 25 };
	const struct tcp_input in = {
		.p = packet_payload(p),
		.len = p->payload_len,
		.missing = p->missing_len,
		.seq = tcp_payload_seq(p),
		.ack = p->ack,
		.has_ack = p->tcp_flags & PACKET_ACK,
	};
	enum flow_side side;

	if (x->f == NULL) {
		x->f = flow_create(&x->table, p);
		tcp_open(x->f, p, ports, 1);
		x->f->smtp.phase = SMTP_PHASE_COMMAND;
	}
	side = tcp_side(x->f, p);
	tcp_track_before(x->f, side, p);
	if (in.len > 0 || in.missing > 0)
		tcp_reasm_input(&x->r, x->f, side, &in);
	if (tcp_reasm_waits(x->f))
		tcp_reasm_settle(&x->r, x->f, false);
	if (x->f->flags & FLOW_KEPT)
		tcp_keep_trim(&x->r, x->f);
	if (tcp_track_after(x->f, side, p))
		x->closed = true;
}

/* Feed all that was described, then the end. All memory must have come back. */
static void
run(struct fix *x)
{
	uint32_t i;

	tcp_builder_build(&x->b);
	for (i = 0; i < x->b.nb_built; i++)
		feed(x, &x->b.pkts[i]);
}

static void
finish(struct fix *x)
{
	tcp_reasm_finish(&x->r, x->f);
	assert_int_equal(x->f->nb_blocks, 0);
	assert_int_equal(x->r.segs.in_use, 0);
}

#define C TCPB_CLIENT
#define S TCPB_SERVER
#define ACKED(x, side, octet) tcp_builder_seq(&(x)->b, side, octet)

/* Client segment at octet @at of its stream. */
static struct tcp_seg_desc *
client_at(struct fix *x, uint32_t at, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	if (x->b.sent[C] < at + len)
		x->b.sent[C] = at + len;
	return tcp_builder_raw(&x->b, C, PACKET_ACK, ACKED(x, C, at), ACKED(x, S, x->b.sent[S]), text, len);
}

static uint64_t
count(const struct fix *x, enum dp_stat id)
{
	return x->counters.c[id];
}

/* --- in order, out of order, wrap --- */

static void
test_in_order(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, S, "220 hi\r\n");
	tcp_builder_text(&x->b, C, "EHLO a\r\n");
	tcp_builder_text(&x->b, S, "250 ok\r\n");
	tcp_builder_fin(&x->b, C);
	tcp_builder_fin(&x->b, S);
	tcp_builder_ack(&x->b, C);
	run(x);
	assert_string_equal(x->out, "s:220 hi\r\nc:EHLO a\r\ns:250 ok\r\n");
	assert_true(x->closed);
	assert_true(tcp_is_over(x->f));
	assert_int_equal(x->r.segs.in_use, 0);
	finish(x);
	fix_free(x);
}

/* Every order of four segments gives the stream, wherever the numbers wrap. */
static void
test_permutations(void **state)
{
	static const char *const text[] = { "EHLO a\r\n", "MAIL FR", "OM:<a>\r", "\nRSET\r\n" };
	uint32_t isn, perm;

	(void)state;
	for (isn = UINT32_MAX - 35; isn != 5; isn++) {
		for (perm = 0; perm < 24; perm++) {
			uint32_t left[4] = { 0, 1, 2, 3 }, i, j, k, n = perm;
			struct fix *x = fix_new(isn);

			tcp_builder_handshake(&x->b);
			for (i = 4; i > 0; i--) {
				uint32_t at = 0;

				j = n % i;
				n /= i;
				for (k = 0; k < left[j]; k++)
					at += (uint32_t)strlen(text[k]);
				client_at(x, at, text[left[j]]);
				memmove(&left[j], &left[j + 1], (3 - j) * sizeof(left[0]));
			}
			run(x);
			assert_string_equal(x->out, "c:EHLO a\r\nMAIL FROM:<a>\r\nRSET\r\n");
			assert_int_equal(x->notes, 0);
			finish(x);
			fix_free(x);
		}
	}
}

static void
test_single_octets_reversed(void **state)
{
	const char *text = "EHLO a\r\nMAIL FROM:<a>\r\nRCPT TO:<b@army.mil>\r\n";
	struct fix *x = fix_new(UINT32_MAX - 10);
	uint32_t i;

	(void)state;
	tcp_builder_handshake(&x->b);
	for (i = (uint32_t)strlen(text); i > 0; i--) {
		char one[2] = { text[i - 1], '\0' };

		client_at(x, i - 1, one);
	}
	run(x);
	assert_string_equal(x->out + 2, text);
	assert_int_equal(count(x, DP_STAT_SEGS_OOO), strlen(text) - 1);
	finish(x);
	fix_free(x);
}

/* --- overlaps --- */

static void
test_equal_overlaps(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 0, "EHLO ab");
	client_at(x, 3, "O abc");  /* half old */
	client_at(x, 12, "IL F");  /* beyond a gap, */
	client_at(x, 10, "MAIL FROM:"); /* around it */
	client_at(x, 0, "EHLO abc\r\nMA");
	run(x);
	assert_string_equal(x->out, "c:EHLO abc\r\nMAIL FROM:");
	assert_int_equal(count(x, DP_STAT_OVERLAP_DIFF), 0);
	assert_int_equal(count(x, DP_STAT_SEGS_RETRANS), 2);
	finish(x);
	fix_free(x);
}

struct diff_case {
	const char *name;
	struct {
		uint32_t at;
		const char *text;
	} segs[6];
	uint32_t acked; /* by the server before the last segment */
	const char *out;
	unsigned int diffs;
};

static const struct diff_case diff_cases[] = {
	{ "whole line again, other domain",
	  { { 0, "RCPT TO:<a@army.mil>\r\n" }, { 0, "RCPT TO:<a@army.mlx>\r\n" } },
	  0, "c:RCPT TO:<a@army.mil>\r\n{RCPT TO:<a@army.mlx>\r\n}", 1 },
	{ "middle of a line again",
	  { { 0, "RSET\r\nRCPT TO:<a@army.mil>\r\n" }, { 17, "navy" } },
	  0, "c:RSET\r\nRCPT TO:<a@army.mil>\r\n{RCPT TO:<a@navy.mil>\r\n}", 1 },
	{ "rest of the line comes later",
	  { { 0, "RCPT TO:<a@ar" }, { 11, "na" }, { 13, "my.mil>\r\nRSET\r\n" } },
	  0, "c:RCPT TO:<a@army.mil>\r\n{RCPT TO:<a@namy.mil>\r\n}c:RSET\r\n", 1 },
	{ "acknowledged octets cannot change",
	  { { 0, "RCPT TO:<a@army.mil>\r\n" }, { 0, "RCPT TO:<a@army.mlx>\r\n" } },
	  22, "c:RCPT TO:<a@army.mil>\r\n", 0 },
	{ "of a line half acknowledged the rest can",
	  { { 0, "RCPT TO:<a@army.mil>\r\n" }, { 0, "XXXX TO:<a@army.mlx>\r\n" } },
	  8, "c:RCPT TO:<a@army.mil>\r\n{RCPT TO:<a@army.mlx>\r\n}", 1 },
	{ "two copies beyond a gap",
	  { { 9, "a@army.mil>\r\n" }, { 9, "a@army.mlx>\r\n" }, { 0, "RCPT TO:<" } },
	  0, "c:RCPT TO:<a@army.mil>\r\n{RCPT TO:<a@army.mlx>\r\n}", 1 },
	{ "a copy around the first one, beyond a gap",
	  { { 12, "rmy" }, { 9, "a@navy.mil>\r\n" }, { 0, "RCPT TO:<" } },
	  0, "c:RCPT TO:<a@nrmy.mil>\r\n{RCPT TO:<a@navy.mil>\r\n}", 1 },
	{ "new octets after the differing ones",
	  { { 0, "RCPT TO:<a@army" }, { 11, "navy.mil>\r\n" } },
	  0, "c:RCPT TO:<a@army{RCPT TO:<a@navy.mil>\r\n}c:.mil>\r\n", 1 },
	{ "keep-alive of one old octet",
	  { { 0, "RSET\r\n" }, { 5, "x" } },
	  6, "c:RSET\r\n", 0 },
};

/* What stands in {} may come at once, or when the line is whole: it is taken out of the text and compared apart. */
static void
split_out(const char *in, char *stream, char *alt)
{
	bool inside = false;

	for (; *in != '\0'; in++) {
		if (*in == '{')
			inside = true;
		if (inside)
			*alt++ = *in;
		else if (!(in[0] == 'c' && in[1] == ':'))
			*stream++ = *in;
		else
			in++;
		if (*in == '}')
			inside = false;
	}
	*stream = *alt = '\0';
}

static void
test_differing_overlaps(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(diff_cases) / sizeof(diff_cases[0]); i++) {
		const struct diff_case *t = &diff_cases[i];
		char got_stream[512], got_alt[512], stream[512], alt[512];
		struct fix *x = fix_new(UINT32_MAX - 15);
		uint32_t j;

		tcp_builder_handshake(&x->b);
		for (j = 0; t->segs[j].text != NULL; j++) {
			if (t->segs[j + 1].text == NULL && t->acked > 0)
				tcp_builder_raw(&x->b, S, PACKET_ACK, ACKED(x, S, 0), ACKED(x, C, t->acked), "", 0);
			client_at(x, t->segs[j].at, t->segs[j].text);
		}
		run(x);
		finish(x);
		split_out(x->out, got_stream, got_alt);
		split_out(t->out, stream, alt);
		if (strcmp(got_stream, stream) != 0 || strcmp(got_alt, alt) != 0)
			fail_msg("%s: got %s, not %s", t->name, x->out, t->out);
		assert_int_equal(count(x, DP_STAT_OVERLAP_DIFF), t->diffs);
		assert_int_equal(!!(x->notes & DP_ANOMALY_BIT(OVERLAP_DIFF)), t->diffs != 0);
		fix_free(x);
	}
}

/* The second copy of a body segment ends the message: what follows it, there and later, may be commands. */
static void
test_body_overlap(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t at;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, C, "DATA\r\n");
	tcp_builder_text(&x->b, S, "354\r\n");
	at = x->b.sent[C];
	client_at(x, at, "line one line one line\r\n");
	client_at(x, at, "line one line one line\r\n");	/* plain retransmission */
	client_at(x, at, "x\r\n.\r\nRSET\r\nMAIL FROM:<");
	client_at(x, at + 24, "RCPT TO:<c>\r\n");
	client_at(x, at + 37, "\r\n.\r\nQUIT\r\n");
	run(x);
	finish(x);
	assert_string_equal(x->out, "c:DATA\r\ns:354\r\nc:line one line one line\r\n{RSET\r\n}c:RCPT TO:<c>\r\n"
				    "{MAIL FROM:<RCPT TO:<c>\r\n}c:\r\n.\r\nQUIT\r\n{\r\n.\r\nQUIT\r\n}");
	assert_int_equal(count(x, DP_STAT_OVERLAP_DIFF), 1);
	fix_free(x);
}

static void
test_body_retransmission_is_silent(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t at;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, C, "DATA\r\n");
	tcp_builder_text(&x->b, S, "354\r\n");
	at = x->b.sent[C];
	client_at(x, at, "foo.\r\nRCPT TO:<a@army.ml>\r\nbar\r\n.\r\nMAIL FROM:<x>\r\n");
	client_at(x, at, "foo.\r\nRCPT TO:<a@army.ml>\r\nbar\r\n.\r\nMAIL FROM:<x>\r\n");
	client_at(x, at + 4, "\r\nRCPT TO:<a@army.ml>\r\nbar\r\n.\r\nMAIL FROM:<x>\r\n");
	client_at(x, at + 32, ".\r\nMAIL FROM:<x>\r\n");
	run(x);
	finish(x);
	assert_null(strchr(x->out, '{'));
	assert_int_equal(count(x, DP_STAT_OVERLAP_DIFF), 0);
	fix_free(x);
}

/* Copies are bounded: with a server that never acknowledges it is said, without a server it is normal. */
static void
test_keep_limit(void **state)
{
	char line[1001];
	uint32_t server, i;

	(void)state;
	memset(line, 'x', 999);
	line[999] = '\n';
	line[1000] = '\0';
	for (server = 0; server < 2; server++) {
		struct fix *x = fix_new(1000);

		if (server)
			tcp_builder_handshake(&x->b);
		else
			tcp_builder_raw(&x->b, C, PACKET_SYN, 1000, 0, "", 0);
		for (i = 0; i < 100; i++)
			tcp_builder_text(&x->b, C, line);
		run(x);
		assert_int_equal(x->out_len, 2 + 100 * 1000);
		assert_true(x->f->nb_blocks <= (server ? FLOW_BLOCKS / 2 + 1 : TCP_KEEP_UNACKED_BLOCKS + 1));
		assert_int_equal(!!(x->notes & DP_ANOMALY_BIT(RESOURCE)), server);
		/* The latest can still be compared. */
		client_at(x, 99 * 1000, "RCPT TO:<a@army.ml>\r\n");
		tcp_builder_build(&x->b);
		feed(x, &x->b.pkts[x->b.nb_built - 1]);
		assert_non_null(strstr(x->out, "{RCPT TO:<a@army.ml>\r\n"));
		finish(x);
		fix_free(x);
	}
}

/* --- gaps --- */

static void
test_gap_acknowledged(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i;

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 0, "EHLO a\r\n");
	client_at(x, 18, "RSET\r\n");
	for (i = 0; i < TCP_EVIDENCE_PKTS; i++)
		tcp_builder_ack(&x->b, S);
	run(x);
	assert_string_equal(x->out, "c:EHLO a\r\n");
	tcp_builder_clear(&x->b);
	tcp_builder_ack(&x->b, S);
	run(x);
	assert_string_equal(x->out, "c:EHLO a\r\n[gap c 10]c:RSET\r\n");
	assert_int_equal(count(x, DP_STAT_GAPS), 1);
	assert_int_equal(count(x, DP_STAT_GAP_OCTETS), 10);
	finish(x);
	fix_free(x);
}

/* The same while the client goes on sending. */
static void
test_gap_acknowledged_under_way(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i;

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 10, "x");
	for (i = 1; i <= TCP_EVIDENCE_PKTS / 2; i++) {
		tcp_builder_ack(&x->b, S);
		client_at(x, 10 + i, "x");
	}
	tcp_builder_ack(&x->b, S);
	run(x);
	assert_memory_equal(x->out, "[gap c 10]c:xxx", 15);
	finish(x);
	fix_free(x);
}

/* The client says it has server octets that nobody saw: no gap before something waits behind it. */
static void
test_lying_ack(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i;

	(void)state;
	tcp_builder_handshake(&x->b);
	for (i = 0; i < 3 * TCP_EVIDENCE_PKTS; i++)
		tcp_builder_raw(&x->b, C, PACKET_ACK, ACKED(x, C, 0), ACKED(x, S, 500), "", 0);
	tcp_builder_text(&x->b, S, "220 hi\r\n");
	run(x);
	finish(x);
	assert_string_equal(x->out, "s:220 hi\r\n");
	assert_int_equal(count(x, DP_STAT_GAPS), 0);
	fix_free(x);
}

static void
test_gap_by_octets(void **state)
{
	struct fix *x = fix_new(1000);
	char big[1001];
	uint32_t i;

	(void)state;
	memset(big, 'x', 1000);
	big[1000] = '\0';
	tcp_builder_handshake(&x->b);
	for (i = 0; i < GIVE_UP / 1000 - 1; i++)
		client_at(x, 10 + 1000 * i, big);
	run(x);
	assert_string_equal(x->out, "");
	tcp_builder_clear(&x->b);
	client_at(x, 10 + 1000 * i, big);
	run(x);
	assert_memory_equal(x->out, "[gap c 10]c:xxx", 15);
	assert_int_equal(x->out_len, 10 + 2 + GIVE_UP);
	finish(x);
	fix_free(x);
}

/* At most FLOW_BLOCKS blocks; then everything goes on with a gap, and nothing is lost. */
static void
test_gap_by_memory(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i, octets = 0;
	char *p;

	(void)state;
	x->r.give_up_octets = 1 << 20;
	tcp_builder_handshake(&x->b);
	for (i = 1; i <= FLOW_BLOCKS; i++)
		client_at(x, 10 * i, "y");
	run(x);
	assert_string_equal(x->out, "");
	assert_int_equal(x->f->nb_blocks, FLOW_BLOCKS);
	tcp_builder_clear(&x->b);
	client_at(x, 10 * i, "y");
	run(x);
	for (p = x->out; *p != '\0'; p++)
		octets += *p == 'y';
	assert_int_equal(octets, FLOW_BLOCKS + 1);
	assert_int_equal(count(x, DP_STAT_GAPS), FLOW_BLOCKS + 1);
	assert_true(count(x, DP_STAT_POOL_REASM) >= 1);
	assert_true(x->notes & DP_ANOMALY_BIT(RESOURCE));
	finish(x);
	fix_free(x);
}

static void
test_truncated(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 0, "EHLO a\r\n")->missing = 5;
	client_at(x, 13, "RSET\r\n");
	client_at(x, 24, "NOOP\r\n")->missing = 3;
	client_at(x, 19, "HELP\n");
	client_at(x, 33, "QUIT\r\n");
	run(x);
	finish(x);
	assert_string_equal(x->out, "c:EHLO a\r\n[gap c 5]c:RSET\r\nHELP\nNOOP\r\n[gap c 3]c:QUIT\r\n");
	assert_true(x->notes & DP_ANOMALY_BIT(TRUNCATED));
	fix_free(x);
}

/* --- both directions --- */

static void
test_wait_for_reply(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 0, "DATA\r\nbody\r\n");
	client_at(x, 12, "more\r\n.\r\nQUIT\r\n");
	tcp_builder_text(&x->b, S, "354\r\n");
	run(x);
	finish(x);
	assert_string_equal(x->out, "c:DATA\r\ns:354\r\nc:body\r\nmore\r\n.\r\nQUIT\r\n");
	assert_int_equal(count(x, DP_STAT_STALLS), 1);
	fix_free(x);
}

static void
test_wait_at_end(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	client_at(x, 0, "DATA\r\nbody\r\n");
	run(x);
	assert_string_equal(x->out, "c:DATA\r\n");
	finish(x);
	assert_string_equal(x->out, "c:DATA\r\n[give up]c:body\r\n");
	fix_free(x);
}

static void
test_one_sided_client(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_raw(&x->b, C, PACKET_SYN, 1000, 0, "", 0);
	tcp_builder_ack(&x->b, C);
	client_at(x, 0, "EHLO a\r\n");
	x->b.sent[S] = 20;
	client_at(x, 8, "DATA\r\n");
	client_at(x, 14, "body\r\n");
	run(x);
	assert_string_equal(x->out, "c:EHLO a\r\nDATA\r\n[give up]c:body\r\n");
	finish(x);
	fix_free(x);
}

static void
test_one_sided_server(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i;

	(void)state;
	tcp_builder_raw(&x->b, S, PACKET_SYN | PACKET_ACK, 7000, 1001, "", 0);
	for (i = 0; i < 6; i++) {
		tcp_builder_text(&x->b, S, "250 ok\r\n");
		x->b.sent[C] += 20;
	}
	run(x);
	assert_int_equal(x->out_len, 2 + 6 * 8);
	finish(x);
	assert_int_equal(x->out_len, 2 + 6 * 8);
	fix_free(x);
}

/* The reply was captured before its command: held back until that is there. */
static void
test_reply_overtakes(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	x->b.sent[C] = 8;
	tcp_builder_text(&x->b, S, "250 ok\r\n");
	x->b.sent[C] = 16;
	tcp_builder_text(&x->b, S, "250 two\r\n");
	client_at(x, 0, "EHLO a\r\n");
	client_at(x, 8, "EHLO b\r\n");
	run(x);
	assert_string_equal(x->out, "c:EHLO a\r\ns:250 ok\r\nc:EHLO b\r\ns:250 two\r\n");
	finish(x);
	fix_free(x);
}

/* A reply to a command that was never captured. */
static void
test_reply_to_missing(void **state)
{
	struct fix *x = fix_new(1000);
	uint32_t i;

	(void)state;
	tcp_builder_handshake(&x->b);
	x->b.sent[C] = 8;
	tcp_builder_text(&x->b, S, "250 ok\r\n");
	for (i = 0; i < TCP_EVIDENCE_PKTS; i++)
		tcp_builder_ack(&x->b, C);
	run(x);
	assert_string_equal(x->out, "[gap c 8]s:250 ok\r\n");
	finish(x);
	fix_free(x);
}

/* --- tracking --- */

static void
test_midstream_rewind(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	x->b.sent[C] = 100;
	tcp_builder_text(&x->b, S, "250 ok\r\n");
	client_at(x, 94, "RSET\r\n"); /* the command that was answered, captured after its answer */
	run(x);
	assert_string_equal(x->out, "s:250 ok\r\nc:RSET\r\n");
	assert_int_equal(tcp_side(x->f, &x->b.pkts[0]), FLOW_SERVER);
	finish(x);
	fix_free(x);
}

static void
test_belongs(void **state)
{
	struct fix *x = fix_new(1000);
	struct packet *p;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, C, "EHLO a\r\n");
	run(x);
	tcp_builder_clear(&x->b);
	tcp_builder_raw(&x->b, C, PACKET_SYN, 1000, 0, "", 0);	  /* again */
	tcp_builder_raw(&x->b, C, PACKET_SYN, 5000000, 0, "", 0); /* another */
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1000, 0, "x", 1);	  /* keep-alive */
	tcp_builder_raw(&x->b, C, PACKET_ACK, 900, 0, "x", 1);	  /* before the first octet */
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1001, 0, "x", 1);	  /* old */
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1000 + (1 << 27), 0, "x", 1);
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1000 + (1 << 27), 0, "", 0);
	tcp_builder_build(&x->b);
	p = x->b.pkts;
	assert_int_equal(tcp_belongs(x->f, &p[0]), TCP_SAME);
	assert_int_equal(tcp_belongs(x->f, &p[1]), TCP_NEW);
	assert_int_equal(tcp_belongs(x->f, &p[2]), TCP_SAME);
	assert_int_equal(tcp_belongs(x->f, &p[3]), TCP_NEW);
	assert_int_equal(tcp_belongs(x->f, &p[4]), TCP_SAME);
	assert_int_equal(tcp_belongs(x->f, &p[5]), TCP_NEW);
	assert_int_equal(tcp_belongs(x->f, &p[6]), TCP_SAME);
	fix_free(x);
}

static void
test_blind_rst(void **state)
{
	struct fix *x = fix_new(1000);

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_raw(&x->b, S, PACKET_RST, 7001 + (1 << 24), 0, "", 0);
	run(x);
	assert_false(x->closed);
	tcp_builder_clear(&x->b);
	tcp_builder_raw(&x->b, S, PACKET_RST, 7001, 0, "", 0);
	client_at(x, 0, "EHLO a\r\n"); /* whom was the RST for? */
	run(x);
	assert_true(x->closed);
	assert_string_equal(x->out, "c:EHLO a\r\n");
	finish(x);
	fix_free(x);
}

static void
test_fast_open(void **state)
{
	struct fix *x = fix_new(UINT32_MAX);

	(void)state;
	tcp_builder_raw(&x->b, C, PACKET_SYN, UINT32_MAX, 0, "EHLO a\r\n", 8);
	tcp_builder_raw(&x->b, S, PACKET_SYN | PACKET_ACK, 7000, 8, "", 0);
	client_at(x, 8, "RSET\r\n");
	run(x);
	assert_string_equal(x->out, "c:EHLO a\r\nRSET\r\n");
	finish(x);
	fix_free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_permutations),
		cmocka_unit_test(test_single_octets_reversed),
		cmocka_unit_test(test_equal_overlaps),
		cmocka_unit_test(test_differing_overlaps),
		cmocka_unit_test(test_body_overlap),
		cmocka_unit_test(test_body_retransmission_is_silent),
		cmocka_unit_test(test_keep_limit),
		cmocka_unit_test(test_gap_acknowledged),
		cmocka_unit_test(test_gap_acknowledged_under_way),
		cmocka_unit_test(test_lying_ack),
		cmocka_unit_test(test_gap_by_octets),
		cmocka_unit_test(test_gap_by_memory),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_wait_for_reply),
		cmocka_unit_test(test_wait_at_end),
		cmocka_unit_test(test_one_sided_client),
		cmocka_unit_test(test_one_sided_server),
		cmocka_unit_test(test_reply_overtakes),
		cmocka_unit_test(test_reply_to_missing),
		cmocka_unit_test(test_midstream_rewind),
		cmocka_unit_test(test_belongs),
		cmocka_unit_test(test_blind_rst),
		cmocka_unit_test(test_fast_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
