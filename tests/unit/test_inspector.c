/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Conversations through the whole inspector. The oracle: the same octets, however they are cut into packets, ordered,
 * repeated and numbered, give the same records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inspector_record.h"
#include "tcp_builder.h"

#define C TCPB_CLIENT
#define S TCPB_SERVER
#define EHLO_OK "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"

struct step {
	char side; /* 'C', 'S'; 0: end */
	const char *text;
};

struct dialogue {
	const char *name;
	struct step steps[24];
	const char *must; /* stands in the client's records */
};

static const struct dialogue dialogues[] = {
	{ "plain",
	  { { 'S', "220 mx\r\n" }, { 'C', "EHLO gw.example\r\n" }, { 'S', EHLO_OK }, { 'C', "MAIL FROM:<a@example.org>\r\n" },
	    { 'S', "250 ok\r\n" }, { 'C', "RCPT TO:<x@army.ml>\r\n" }, { 'S', "250 ok\r\n" },
	    { 'C', "RCPT TO:<y@example.net>\r\n" }, { 'S', "550-no\r\n550 such user\r\n" }, { 'C', "DATA\r\n" },
	    { 'S', "354 go\r\n" }, { 'C', "Subject: t\r\n\r\nRCPT TO:<z@army.ml>\r\n..\r\n.x\r\nbye.\r\n.\r\n" },
	    { 'S', "250 queued\r\n" }, { 'C', "QUIT\r\n" }, { 'S', "221 bye\r\n" } },
	  "rcpt 1/1 to=x@army.ml from=a@example.org at 44+21\n" },
	{ "pipelined, next transaction behind the body",
	  { { 'S', "220 mx\r\n" }, { 'C', "EHLO gw\r\n" }, { 'S', EHLO_OK },
	    { 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@army.ml>\r\nRCPT TO:<c@army.ml>\r\nDATA\r\n" },
	    { 'S', "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n" },
	    { 'C', "body\r\n.\r\nMAIL FROM:<d@example.org>\r\nRCPT TO:<e@army.ml>\r\nRSET\r\nMAIL FROM:<>\r\n"
		   "RCPT TO:<f@example.net>\r\nDATA\r\n" },
	    { 'S', "250 q\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n554 no\r\n" }, { 'C', "QUIT\r\n" },
	    { 'S', "221 bye\r\n" } },
	  "rcpt 2/1 to=e@army.ml from=d@example.org at 120+21\n" },
	{ "BDAT",
	  { { 'S', "220 mx\r\n" }, { 'C', "EHLO gw\r\n" }, { 'S', EHLO_OK },
	    { 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@army.ml>\r\n" }, { 'S', "250 ok\r\n250 ok\r\n" },
	    { 'C', "BDAT 24\r\nRCPT TO:<no@army.ml>\r\n\r\nBDAT 3 LAST\r\nxx.RSET\r\n" },
	    { 'S', "250 ok\r\n250 q\r\n250 ok\r\n" }, { 'C', "MAIL FROM:<>\r\nRCPT TO:<c@army.ml>\r\n" },
	    { 'S', "250 ok\r\n250 ok\r\n" } },
	  "rcpt 2/1 to=c@army.ml" },
	{ "AUTH, refused DATA, more recipients",
	  { { 'S', "220 mx\r\n" }, { 'C', "EHLO gw\r\n" }, { 'S', EHLO_OK }, { 'C', "AUTH LOGIN\r\n" },
	    { 'S', "334 VXNlcm5hbWU6\r\n" }, { 'C', "UkNQVCBUTzo8\r\n" }, { 'S', "334 UGFzc3dvcmQ6\r\n" },
	    { 'C', "YWFh\r\n" }, { 'S', "235 ok\r\n" }, { 'C', "MAIL FROM:<a@example.org>\r\n" }, { 'S', "250 ok\r\n" },
	    { 'C', "RCPT TO:<b@example.net>\r\n" }, { 'S', "450 later\r\n" }, { 'C', "DATA\r\n" }, { 'S', "503 no\r\n" },
	    { 'C', "RCPT TO:<c@army.ml>\r\n" }, { 'S', "250 ok\r\n" } },
	  "rcpt 1/2 to=c@army.ml" },
	{ "STARTTLS",
	  { { 'S', "220 mx\r\n" }, { 'C', "EHLO gw\r\n" }, { 'S', EHLO_OK }, { 'C', "STARTTLS\r\n" },
	    { 'S', "220 go\r\n" }, { 'C', "\x16\x03\x01\x02\x03" "abcdefRCPT TO:<x@army.ml>\r\n" },
	    { 'S', "\x16\x03\x03zzzzzzz" }, { 'C', "\x17\x03\x03more\r\n" } },
	  "" },
	{ "bare LF, odd addresses, nested MAIL",
	  { { 'S', "220 mx\r\n" }, { 'C', "HELO gw\n" }, { 'S', "250 mx\r\n" }, { 'C', "MAIL FROM: <a@example.org> SIZE=5\n" },
	    { 'S', "250 ok\r\n" }, { 'C', "rcpt  to: <\"x y\"@army.ml\n" }, { 'S', "250 ok\r\n" },
	    { 'C', "MAIL FROM:<q>\r\n" }, { 'S', "503 no\r\n" }, { 'C', "DATA\r\n" }, { 'S', "354 go\r\n" },
	    { 'C', "a\n.\nb\r\n.\n.\r\r\n.\r\n" }, { 'S', "250 ok\r\n" }, { 'C', "QUIT\r\n" } },
	  "army.ml" },
};
enum { NB_DIALOGUES = sizeof(dialogues) / sizeof(dialogues[0]) };

/* --- from a dialogue to packets --- */

/* How a step is cut: where its segments end. */
struct cutting {
	uint32_t octets;  /* of each segment; 0: whole */
	uint32_t at;	  /* one more cut here, counted over all octets of both sides; 0: none */
	uint64_t seed;	  /* random cuts when not 0 */
};

static uint64_t
rnd(uint64_t *s)
{
	*s = *s * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *s >> 33;
}

static void
describe(struct tcp_builder *b, const struct dialogue *d, const struct cutting *cut)
{
	uint64_t seed = cut->seed;
	uint32_t total = 0;
	const struct step *s;

	tcp_builder_handshake(b);
	for (s = d->steps; s->side != 0; s++) {
		enum tcp_builder_side side = s->side == 'C' ? C : S;
		uint32_t len = (uint32_t)strlen(s->text), off = 0, n;

		for (; off < len; off += n, total += n) {
			n = len - off;
			if (cut->octets > 0 && cut->octets < n)
				n = cut->octets;
			if (seed != 0)
				n = 1 + (uint32_t)(rnd(&seed) % n);
			if (cut->at > total && cut->at < total + n)
				n = cut->at - total;
			tcp_builder_send(b, side, s->text + off, n);
		}
	}
	tcp_builder_fin(b, C);
	tcp_builder_fin(b, S);
	tcp_builder_ack(b, C);
}

struct result {
	struct inspector_record r;
	struct tcp_builder b;
};

static struct result *
result_new(uint32_t client_isn, uint32_t server_isn)
{
	struct inspector_config cfg;
	struct result *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	inspector_record_config(&cfg);
	inspector_record_init(&x->r, &cfg);
	tcp_builder_init(&x->b, client_isn, server_isn);
	return x;
}

static void
result_free(struct result *x)
{
	inspector_record_fini(&x->r);
	tcp_builder_fini(&x->b);
	free(x);
}

static void
result_run(struct result *x, unsigned int burst)
{
	tcp_builder_build(&x->b);
	inspector_record_feed(&x->r, x->b.pkts, x->b.nb_built, burst);
}

static struct result *
run_whole(const struct dialogue *d)
{
	static const struct cutting whole = { 0 };
	struct result *x = result_new(1000, 2000);

	describe(&x->b, d, &whole);
	result_run(x, 1);
	inspector_record_flush(&x->r);
	return x;
}

static void
same(const struct result *want, struct result *got, const char *name, const char *how, uint32_t n)
{
	inspector_record_flush(&got->r);
	if (strcmp(record_str(&want->r.client), record_str(&got->r.client)) != 0 ||
	    strcmp(record_str(&want->r.reply), record_str(&got->r.reply)) != 0 ||
	    strcmp(record_str(&want->r.ends), record_str(&got->r.ends)) != 0)
		fail_msg("%s, %s %u: got\n%s%s%snot\n%s%s%s", name, how, n, record_str(&got->r.client),
			 record_str(&got->r.reply), record_str(&got->r.ends), record_str(&want->r.client),
			 record_str(&want->r.reply), record_str(&want->r.ends));
	assert_int_equal(got->r.counters.c[DP_STAT_INSPECTED], got->b.nb_built);
	assert_int_equal(got->r.counters.c[DP_STAT_FLOWS], got->r.counters.c[DP_STAT_FLOWS_ENDED]);
	assert_int_equal(got->r.counters.c[DP_STAT_GAPS], 0);
	assert_int_equal(got->r.counters.c[DP_STAT_OVERLAP_DIFF], 0);
	result_free(got);
}

static uint32_t
nb_octets(const struct dialogue *d)
{
	const struct step *s;
	uint32_t n = 0;

	for (s = d->steps; s->side != 0; s++)
		n += (uint32_t)strlen(s->text);
	return n;
}

static void
swap(struct tcp_seg_desc *a, struct tcp_seg_desc *b)
{
	struct tcp_seg_desc t = *a;

	*a = *b;
	*b = t;
}

/* --- the oracle --- */

static void
test_whole(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *x = run_whole(&dialogues[i]);

		if (strstr(record_str(&x->r.client), dialogues[i].must) == NULL)
			fail_msg("%s: %s is not in\n%s", dialogues[i].name, dialogues[i].must, record_str(&x->r.client));
		assert_null(strstr(record_str(&x->r.client), "z@army.ml"));
		assert_null(strstr(record_str(&x->r.client), "no@army.ml"));
		assert_non_null(strstr(record_str(&x->r.ends), "flow 10.40000>20.25 fin"));
		assert_int_equal(x->r.nb_ends, 1);
		result_free(x);
	}
}

static void
test_split_everywhere(void **state)
{
	uint32_t i, at;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (at = 1; at < nb_octets(&dialogues[i]); at++) {
			struct result *x = result_new(1000, 2000);

			describe(&x->b, &dialogues[i], &(struct cutting){ .at = at });
			result_run(x, 7);
			same(want, x, dialogues[i].name, "split at", at);
		}
		result_free(want);
	}
}

/* Segments of n octets, with sequence numbers that wrap within them. */
static void
test_small_segments_and_wrap(void **state)
{
	uint32_t i, n, wrap;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (n = 1; n < 40; n += 1 + n / 4) {
			for (wrap = 0; wrap < 120; wrap += 7) {
				struct result *x = result_new(UINT32_MAX - wrap, UINT32_MAX - wrap / 2);

				describe(&x->b, &dialogues[i], &(struct cutting){ .octets = n });
				result_run(x, INSPECTOR_BURST_MAX);
				same(want, x, dialogues[i].name, "segments of", n);
			}
		}
		result_free(want);
	}
}

static void
test_duplicated(void **state)
{
	uint32_t i, n, k;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (n = 1; n < 30; n += 3) {
			struct result *x = result_new(1000, 2000);
			uint32_t nb;

			describe(&x->b, &dialogues[i], &(struct cutting){ .octets = n });
			nb = x->b.nb;
			for (k = 0; k < nb; k++) {
				struct tcp_seg_desc d = x->b.descs[k];

				tcp_builder_raw(&x->b, d.side, d.flags, d.seq, d.ack, d.data, d.len);
			}
			/* Each right after the first one. */
			struct tcp_seg_desc *descs = calloc(2 * nb, sizeof(*descs));

			assert_non_null(descs);
			for (k = 0; k < nb; k++) {
				descs[2 * k] = x->b.descs[k];
				descs[2 * k + 1] = x->b.descs[nb + k];
			}
			memcpy(x->b.descs, descs, 2 * nb * sizeof(*descs));
			free(descs);
			result_run(x, 3);
			same(want, x, dialogues[i].name, "duplicated, segments of", n);
		}
		result_free(want);
	}
}

/* Each segment begins some octets early. */
static void
test_overlapping(void **state)
{
	uint32_t i, n, back;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (n = 2; n < 30; n += 5) {
			for (back = 1; back < 12; back += 2) {
				struct result *x = result_new(1000, 2000);
				const struct step *s;

				tcp_builder_handshake(&x->b);
				for (s = dialogues[i].steps; s->side != 0; s++) {
					enum tcp_builder_side side = s->side == 'C' ? C : S;
					uint32_t len = (uint32_t)strlen(s->text), off, m;

					for (off = 0; off < len; off += m) {
						uint32_t b = off < back ? off : back;
						struct tcp_seg_desc *d;

						m = len - off < n ? len - off : n;
						d = tcp_builder_send(&x->b, side, s->text + off - b, m + b);
						d->seq -= b;
						x->b.sent[side] -= b;
					}
				}
				tcp_builder_fin(&x->b, C);
				tcp_builder_fin(&x->b, S);
				tcp_builder_ack(&x->b, C);
				result_run(x, 5);
				same(want, x, dialogues[i].name, "overlapping by", back);
			}
		}
		result_free(want);
	}
}

/* Any order at all after the handshake, while the packets are too few to prove a hole. */
static void
test_shuffled(void **state)
{
	uint32_t i, seed;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (seed = 1; seed < 400; seed++) {
			struct result *x = result_new(UINT32_MAX - 50, 2000);
			uint64_t s = seed;
			uint32_t k;

			describe(&x->b, &dialogues[i], &(struct cutting){ .at = (uint32_t)rnd(&s) % nb_octets(&dialogues[i]) });
			assert_true(x->b.nb < 3 + 32);
			for (k = x->b.nb - 1; k > 3; k--)
				swap(&x->b.descs[k], &x->b.descs[3 + rnd(&s) % (k - 2)]);
			result_run(x, 4);
			same(want, x, dialogues[i].name, "shuffled", seed);
		}
		result_free(want);
	}
}

static void
test_reversed_steps(void **state)
{
	uint32_t i, n;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (n = 1; n < 12; n++) {
			struct result *x = result_new(1000, UINT32_MAX - 90);
			uint32_t from = 3, to, k;

			describe(&x->b, &dialogues[i], &(struct cutting){ .octets = n });
			/* Runs of one side. */
			for (; from < x->b.nb; from = to) {
				for (to = from; to < x->b.nb && x->b.descs[to].side == x->b.descs[from].side; to++)
					;
				for (k = 0; k < (to - from) / 2; k++)
					swap(&x->b.descs[from + k], &x->b.descs[to - 1 - k]);
			}
			result_run(x, 64);
			same(want, x, dialogues[i].name, "reversed, segments of", n);
		}
		result_free(want);
	}
}

/* Random cuts; both directions mixed up within a window, so replies come before their commands and after the next. */
static void
test_mixed_directions(void **state)
{
	uint32_t i, seed, k;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		struct result *want = run_whole(&dialogues[i]);

		for (seed = 1; seed < 400; seed++) {
			struct result *x = result_new(1000, 2000);
			uint64_t s = seed;
			uint32_t window = 2 + seed % 12;

			describe(&x->b, &dialogues[i], &(struct cutting){ .seed = seed });
			for (k = 3; k + window < x->b.nb; k += window) {
				uint32_t j;

				for (j = window - 1; j > 0; j--)
					swap(&x->b.descs[k + j], &x->b.descs[k + rnd(&s) % (j + 1)]);
			}
			result_run(x, 1 + seed % 64);
			same(want, x, dialogues[i].name, "mixed", seed);
		}
		result_free(want);
	}
}

/* --- what is not whole --- */

static const char *
run_text(struct result *x)
{
	result_run(x, 1);
	inspector_record_flush(&x->r);
	return record_str(&x->r.ends);
}

/* One client segment is missing: everything after it is still found, and the end says so. */
static void
test_missing_segment(void **state)
{
	static const char *const lines[] = { "EHLO gw\r\n", "MAIL FROM:<a@example.org>\r\n", "RCPT TO:<b@example.net>\r\n",
					     "RCPT TO:<c@army.ml>\r\n", "QUIT\r\n" };
	uint32_t miss, i;

	(void)state;
	for (miss = 0; miss < 3; miss++) {
		struct result *x = result_new(1000, 2000);

		tcp_builder_handshake(&x->b);
		tcp_builder_text(&x->b, S, "220 mx\r\n");
		for (i = 0; i < 5; i++) {
			tcp_builder_text(&x->b, C, lines[i]);
			if (i == miss)
				free(x->b.descs[--x->b.nb].data);
			tcp_builder_text(&x->b, S, "250 ok\r\n");
		}
		assert_non_null(strstr(run_text(x), "gap_client"));
		assert_non_null(strstr(record_str(&x->r.client), "to=c@army.ml"));
		assert_int_equal(x->r.counters.c[DP_STAT_GAPS], 1);
		assert_int_equal(x->r.counters.c[DP_STAT_GAP_OCTETS], strlen(lines[miss]));
		result_free(x);
	}
}

static void
test_one_side_only(void **state)
{
	uint32_t i, side, k;

	(void)state;
	for (i = 0; i < NB_DIALOGUES; i++) {
		for (side = 0; side < 2; side++) {
			struct result *x = result_new(1000, 2000);
			uint32_t nb = 0;

			describe(&x->b, &dialogues[i], &(struct cutting){ 0 });
			for (k = 0; k < x->b.nb; k++) {
				if (x->b.descs[k].side == side)
					x->b.descs[nb++] = x->b.descs[k];
				else
					free(x->b.descs[k].data);
			}
			x->b.nb = nb;
			assert_non_null(strstr(run_text(x), "one_sided"));
			if (side == C && strstr(record_str(&x->r.client), dialogues[i].must) == NULL &&
			    strchr(dialogues[i].must, '/') == NULL)
				fail_msg("%s: client only\n%s", dialogues[i].name, record_str(&x->r.client));
			if (side == S)
				assert_string_equal(record_str(&x->r.client), "");
			result_free(x);
		}
	}
}

static void
test_midstream(void **state)
{
	struct result *x = result_new(1000, 2000);
	uint32_t k;

	(void)state;
	describe(&x->b, &dialogues[0], &(struct cutting){ 0 });
	for (k = 0; k < 7; k++)
		free(x->b.descs[k].data);
	memmove(x->b.descs, x->b.descs + 7, (x->b.nb - 7) * sizeof(*x->b.descs));
	x->b.nb -= 7;
	assert_non_null(strstr(run_text(x), "midstream"));
	assert_non_null(strstr(record_str(&x->r.client), "to=x@army.ml"));
	assert_int_equal(x->r.counters.c[DP_STAT_FLOWS_MIDSTREAM], 1);
	result_free(x);
}

static void
test_differing_retransmission(void **state)
{
	struct result *x = result_new(1000, 2000);
	struct tcp_seg_desc *d;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, S, "220 mx\r\n");
	tcp_builder_text(&x->b, C, "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@army.mil>\r\n");
	d = tcp_builder_text(&x->b, C, "EHLO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@army.ml >\r\n");
	d->seq -= d->len;
	assert_non_null(strstr(run_text(x), "overlap_diff"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/1 to=b@army.mil "));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/0 to=b@army.ml"));
	assert_int_equal(x->r.nb_alternatives, 1);
	result_free(x);
}

/* The same with a chunk in the segment, which no reply comes before: commands on both sides of it. */
static void
test_differing_around_chunk(void **state)
{
	struct result *x = result_new(1000, 2000);
	struct tcp_seg_desc *d;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, S, "220 mx\r\n");
	tcp_builder_text(&x->b, C, "EHLO gw\r\n");
	tcp_builder_text(&x->b, S, EHLO_OK);
	tcp_builder_text(&x->b, C, "MAIL FROM:<>\r\nRCPT TO:<b@army.mil>\r\nBDAT 4 LAST\r\nabcdMAIL FROM:<>\r\n"
				   "RCPT TO:<c@army.mil>\r\n");
	d = tcp_builder_text(&x->b, C, "MAIL FROM:<>\r\nRCPT TO:<b@army.ml >\r\nBDAT 4 LAST\r\nabcdMAIL FROM:<>\r\n"
				       "RCPT TO:<c@army.ml >\r\n");
	d->seq -= d->len;
	assert_non_null(strstr(run_text(x), "overlap_diff"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 2/0 to=b@army.ml"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 2/0 to=c@army.ml"));
	assert_int_equal(x->r.nb_alternatives, 2);
	result_free(x);
}

/* The octet that a server without SO_OOBINLINE does not see; its line whole, and in two segments. */
static void
test_urgent(void **state)
{
	struct result *x = result_new(1000, 2000);
	struct tcp_seg_desc *d;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, S, "220 mx\r\n");
	tcp_builder_text(&x->b, C, "EHLO gw\r\nMAIL FROM:<>\r\n");
	d = tcp_builder_text(&x->b, C, "RCPT TO:<a@arXmy.ml>\r\nRCPT TO:<b@arX");
	d->flags |= PACKET_URG;
	d->urgent = 14;
	d = tcp_builder_text(&x->b, C, "my.ml>\r\nRCPT TO:<c@arX");
	d->flags |= PACKET_URG;
	d->urgent = 22;
	tcp_builder_text(&x->b, C, "my.ml>\r\n");
	assert_non_null(strstr(run_text(x), "urgent_data"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/1 to=a@arXmy.ml "));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/0 to=a@army.ml "));
	assert_null(strstr(record_str(&x->r.client), "b@army.ml"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/0 to=c@army.ml "));
	result_free(x);
}

/* Two readings of one datagram: both are seen, one of them counted. */
static void
test_fragment_readings(void **state)
{
	struct result *x = result_new(1000, 2000);
	struct tcp_seg_desc *d;

	(void)state;
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, S, "220 mx\r\n");
	tcp_builder_text(&x->b, C, "EHLO gw\r\nMAIL FROM:<a@example.org>\r\n");
	tcp_builder_text(&x->b, C, "RCPT TO:<b@army.mil>\r\n")->rebuilt = 1;
	d = tcp_builder_text(&x->b, C, "RCPT TO:<b@army.mlx>\r\n");
	d->rebuilt = 2;
	d->seq -= d->len;
	assert_non_null(strstr(run_text(x), "fragment_overlap"));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/0 to=b@army.mlx"));
	assert_int_equal(x->r.counters.c[DP_STAT_INSPECTED], x->b.nb_built - 1);
	result_free(x);
}

/* --- lives of flows --- */

/* A SYN from the mail port is part of a simultaneous open, or means nothing: the roles stay. */
static void
test_server_syn(void **state)
{
	struct result *x = result_new(1000, 2000);

	(void)state;
	tcp_builder_raw(&x->b, C, PACKET_SYN, 1000, 0, "", 0);
	tcp_builder_raw(&x->b, S, PACKET_SYN, 2000, 0, "", 0);
	tcp_builder_raw(&x->b, C, PACKET_SYN | PACKET_ACK, 1000, 2001, "", 0);
	tcp_builder_raw(&x->b, S, PACKET_SYN | PACKET_ACK, 2000, 1001, "", 0);
	tcp_builder_text(&x->b, S, "220 mx\r\n");
	tcp_builder_text(&x->b, C, "EHLO gw\r\nMAIL FROM:<>\r\n");
	tcp_builder_raw(&x->b, S, PACKET_SYN, 900000, 0, "", 0);
	tcp_builder_text(&x->b, C, "RCPT TO:<b@army.ml>\r\n");
	assert_non_null(strstr(run_text(x), "flow 10.40000>20.25 "));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 1/1 to=b@army.ml from= at 23+21\n"));
	assert_int_equal(x->r.nb_ends, 1);
	result_free(x);

	x = result_new(1000, 2000);
	tcp_builder_raw(&x->b, S, PACKET_SYN, 2000, 0, "", 0);
	tcp_builder_handshake(&x->b);
	tcp_builder_text(&x->b, C, "RCPT TO:<b@army.ml>\r\n");
	assert_non_null(strstr(run_text(x), "flow 10.40000>20.25 "));
	assert_non_null(strstr(record_str(&x->r.client), "rcpt 0/1 to=b@army.ml"));
	result_free(x);
}

static void
short_session(struct tcp_builder *b, uint32_t isn, uint64_t gap_ns)
{
	uint32_t first = b->nb;

	b->isn[C] = isn;
	b->isn[S] = isn + 77;
	b->sent[C] = b->sent[S] = 0;
	tcp_builder_handshake(b);
	b->descs[first].gap_ns = gap_ns;
	tcp_builder_text(b, S, "220 mx\r\n");
	tcp_builder_text(b, C, "EHLO gw\r\n");
}

static void
test_new_incarnation(void **state)
{
	struct result *x = result_new(1, 1);
	char *second;

	(void)state;
	short_session(&x->b, 1000, 0);
	short_session(&x->b, 900000, 0);
	result_run(x, 64);
	inspector_record_flush(&x->r);
	assert_non_null(strstr(record_str(&x->r.ends), "replaced"));
	second = strchr(record_str(&x->r.ends), '\n');
	assert_non_null(strstr(second, " end "));
	assert_int_equal(x->r.nb_ends, 2);
	result_free(x);
}

/* The next packet after the idle time begins anew, whether the ageing step came by or not. */
static void
test_idle(void **state)
{
	int stepped;

	(void)state;
	for (stepped = 0; stepped < 2; stepped++) {
		struct result *x = result_new(1, 1);
		uint64_t idle = x->r.cfg.idle_ns;
		struct packet last;

		short_session(&x->b, 1000, 0);
		result_run(x, 64);
		last = x->b.pkts[x->b.nb_built - 1];
		if (stepped) {
			inspector_age_step(x->r.ins, last.ts_ns + idle, 8);
			assert_int_equal(x->r.nb_ends, 0);
			inspector_age_step(x->r.ins, last.ts_ns + idle + 1, 8);
			assert_int_equal(x->r.nb_ends, 1);
			assert_int_equal(inspector_current(x->r.ins)->frame_no, last.frame_no);
			assert_int_equal(inspector_current(x->r.ins)->ts_ns, last.ts_ns);
		}
		tcp_builder_clear(&x->b);
		tcp_builder_text(&x->b, C, "NOOP\r\n")->gap_ns = idle + 1;
		result_run(x, 1);
		assert_int_equal(x->r.counters.c[DP_STAT_FLOWS], 2);
		assert_int_equal(x->r.counters.c[DP_STAT_FLOWS_AGED], 1);
		assert_int_equal(x->r.counters.c[DP_STAT_FLOWS_MIDSTREAM], 1);
		result_free(x);
	}
}

static void
test_closed(void **state)
{
	struct result *x = result_new(1, 1);

	(void)state;
	short_session(&x->b, 1000, 0);
	tcp_builder_fin(&x->b, C);
	tcp_builder_fin(&x->b, S);
	tcp_builder_ack(&x->b, C);
	result_run(x, 64);
	assert_string_equal(record_str(&x->r.ends), "flow 10.40000>20.25 fin txns 0 flags 4 helo=gw\n");
	/* A late copy belongs to it; octets beyond its end do not. */
	tcp_builder_clear(&x->b);
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1001, 2000, "EHLO gw\r\n", 9);
	result_run(x, 1);
	assert_int_equal(x->r.counters.c[DP_STAT_FLOWS], 1);
	tcp_builder_clear(&x->b);
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1011, 2000, "RCPT TO:<a@army.ml>\r\n", 21);
	result_run(x, 1);
	assert_int_equal(x->r.counters.c[DP_STAT_FLOWS], 2);
	inspector_record_flush(&x->r);
	assert_non_null(strstr(record_str(&x->r.client), "a@army.ml"));
	assert_int_equal(x->r.nb_ends, 2);
	result_free(x);
}

/* A connection that is over does not hide one of the same ends and numbers. */
static void
test_same_numbers(void **state)
{
	static const char text[] = "EHLO gw\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@army.ml>\r\n";
	struct result *x = result_new(1, 1);

	(void)state;
	short_session(&x->b, 1000, 0);
	/* As many octets as will come below: none of those is beyond the end. */
	tcp_builder_text(&x->b, C, "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n");
	tcp_builder_fin(&x->b, C);
	tcp_builder_fin(&x->b, S);
	tcp_builder_ack(&x->b, C);
	result_run(x, 64);
	tcp_builder_clear(&x->b);
	tcp_builder_raw(&x->b, C, PACKET_SYN, 1000, 0, "", 0);
	tcp_builder_raw(&x->b, C, PACKET_ACK, 1001, 2000, text, sizeof(text) - 1);
	result_run(x, 1);
	assert_int_equal(x->r.counters.c[DP_STAT_FLOWS], 2);
	inspector_record_flush(&x->r);
	assert_non_null(strstr(record_str(&x->r.client), "b@army.ml"));
	result_free(x);
}

static void
test_reset(void **state)
{
	struct result *x = result_new(1, 1);
	uint64_t now;

	(void)state;
	short_session(&x->b, 1000, 0);
	tcp_builder_send(&x->b, S, "", 0)->flags = PACKET_RST | PACKET_ACK;
	result_run(x, 64);
	assert_int_equal(x->r.nb_ends, 0);
	now = x->b.ts_ns;
	inspector_age_step(x->r.ins, now + x->r.cfg.closed_ns + 1, 1);
	assert_non_null(strstr(record_str(&x->r.ends), " rst "));
	assert_int_equal(x->r.counters.c[DP_STAT_FLOWS_AGED], 0);
	result_free(x);
}

static void
test_loop(void **state)
{
	struct result *x = result_new(1000, 2000);
	uint32_t i;

	(void)state;
	describe(&x->b, &dialogues[0], &(struct cutting){ 0 });
	for (i = 0; i < 3; i++) {
		uint32_t k;

		for (k = 0; k < x->b.nb; k++)
			x->b.descs[k].loop = i;
		result_run(x, 64);
	}
	inspector_record_flush(&x->r);
	assert_int_equal(x->r.nb_ends, 3);
	assert_int_equal(x->r.counters.c[DP_STAT_RECIPIENTS], 6);
	result_free(x);
}

/* The table is full: the one idle longest goes, and every packet is inspected. */
static void
test_eviction(void **state)
{
	struct inspector_config cfg;
	struct inspector_record r;
	struct tcp_builder b;
	uint32_t i;

	(void)state;
	inspector_record_config(&cfg);
	cfg.flows_max = 4;
	inspector_record_init(&r, &cfg);
	tcp_builder_init(&b, 1, 1);
	for (i = 0; i < 10; i++) {
		b.port[C] = (uint16_t)(50000 + i);
		tcp_builder_clear(&b);
		short_session(&b, 1000, UINT64_C(1000000000));
		tcp_builder_build(&b);
		inspector_record_feed(&r, b.pkts, b.nb_built, 64);
		assert_int_equal(r.counters.c[DP_STAT_FLOWS_EVICTED], i < 4 ? 0 : i - 3);
		if (i >= 4)
			assert_int_equal(r.last_end_uid, (i - 4) * b.nb + 1);
	}
	inspector_record_flush(&r);
	assert_int_equal(r.counters.c[DP_STAT_FLOWS_ENDED], 10);
	assert_int_equal(r.counters.c[DP_STAT_INSPECTED], 10 * b.nb);
	tcp_builder_fini(&b);
	inspector_record_fini(&r);
}

static void
test_config(void **state)
{
	struct inspector_config cfg;
	struct dp_counters counters = { 0 };
	struct inspector_ops ops = { 0 };
	char mem[64];

	(void)state;
	inspector_config_default(&cfg);
	cfg.flows_max = 0;
	assert_null(inspector_init(mem, &cfg, &ops, NULL, &counters));
	inspector_config_default(&cfg);
	cfg.nb_ports = INSPECTOR_PORTS_MAX + 1;
	assert_null(inspector_init(mem, &cfg, &ops, NULL, &counters));
	inspector_config_default(&cfg);
	cfg.reasm_flow_blocks = 3;
	assert_null(inspector_init(mem, &cfg, &ops, NULL, &counters));
	inspector_config_default(&cfg);
	cfg.give_up_octets = 0;
	assert_null(inspector_init(mem, &cfg, &ops, NULL, &counters));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_split_everywhere),
		cmocka_unit_test(test_small_segments_and_wrap),
		cmocka_unit_test(test_duplicated),
		cmocka_unit_test(test_overlapping),
		cmocka_unit_test(test_shuffled),
		cmocka_unit_test(test_reversed_steps),
		cmocka_unit_test(test_mixed_directions),
		cmocka_unit_test(test_missing_segment),
		cmocka_unit_test(test_one_side_only),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_differing_retransmission),
		cmocka_unit_test(test_differing_around_chunk),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_fragment_readings),
		cmocka_unit_test(test_server_syn),
		cmocka_unit_test(test_new_incarnation),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_same_numbers),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
