/* SPDX-License-Identifier: BSD-3-Clause */
/* Single frames of a hostile or unlucky sender at the enforcing inspector: what goes on, what does not, what counts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_edit.h"
#include "wire_session.h"

/* Inspected, lost behind us, sent again with other octets. */
static void
test_different_retransmission(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL GOOD);
	assert_true(went_on(at, MAIL GOOD));
	client(PACKET_ACK, at, MAIL BAD " ");
	assert_int_equal(count(DP_STAT_DROP_DIFFERENT), 1);
	assert_int_equal(count(DP_STAT_OVERLAP_DIFF), 1);
	client(PACKET_ACK, at, MAIL GOOD);
	client(PACKET_ACK, at + 5, &(MAIL GOOD)[5]);
	assert_int_equal(count(DP_STAT_DROP_DIFFERENT), 1);
	assert_int_equal(m.last_len[MODEL_SERVER], strlen(MAIL GOOD) - 5);
	/* Acknowledged: nothing of it goes on again, but the question does. */
	server(PACKET_ACK, at + 10, "");
	client(PACKET_ACK, at, MAIL BAD " ");
	assert_int_equal(count(DP_STAT_DROP_DIFFERENT), 2);
	client(PACKET_ACK, at, MAIL GOOD);
	assert_int_equal(m.last_seq[MODEL_SERVER], at + 10);
	assert_int_equal(m.last_len[MODEL_SERVER], strlen(MAIL GOOD) - 10);
	server(PACKET_ACK, at + (uint32_t)strlen(MAIL GOOD), "");
	client(PACKET_ACK, at, MAIL BAD " "); /* one octet is new */
	assert_int_equal(m.last_len[MODEL_SERVER], 0);
	client(PACKET_ACK, at, MAIL);
	assert_int_equal(m.last_seq[MODEL_SERVER], at);
	assert_int_equal(m.last_len[MODEL_SERVER], 0);
	end();
}

/* Octets beyond a gap wait; they are the ones that count, whatever comes in their place. */
static void
test_gap(void **state)
{
	const uint32_t n = (uint32_t)strlen(MAIL);

	begin(ehlo);
	client(PACKET_ACK, at + n, GOOD "DATA\r\n");
	assert_true(nothing_went_on(at, 100));
	assert_int_equal(m.last_seq[MODEL_SERVER], at);
	assert_int_equal(m.last_len[MODEL_SERVER], 0);
	client(PACKET_ACK, at + n, BAD "DATA\r\n");
	client(PACKET_ACK, at + n + 8, "<x@army.ml>");
	assert_int_equal(count(DP_STAT_DROP_DIFFERENT), 2);
	client(PACKET_ACK, at, MAIL);
	assert_true(went_on(at, MAIL GOOD "DATA\r\n"));
	end();
	/* The same with the bad one first: the whole is held, and the server never sees a part of it. */
	begin(ehlo);
	client(PACKET_ACK, at + n + 10, &(BAD)[10]);
	client(PACKET_ACK, at + n, BAD);
	assert_true(nothing_went_on(at, 100));
	client(PACKET_ACK, at, MAIL);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at, 100));
	end();
}

static void
test_straddles_hold(void **state)
{
	const uint32_t n = (uint32_t)strlen(MAIL);

	begin(ehlo);
	client(PACKET_ACK | PACKET_PSH, at, MAIL);
	client(PACKET_ACK | PACKET_PSH, at + n, BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_true(went_on(at, MAIL));
	/* The acknowledgment of the held segment goes on. */
	assert_int_equal(m.last_seq[MODEL_SERVER], at + n);
	assert_int_equal(m.last_len[MODEL_SERVER], 0);
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_ACK);
	/* Retransmission of what is below the hold; merged with what is held it is cut there. */
	client(PACKET_ACK, at, MAIL);
	assert_int_equal(m.last_len[MODEL_SERVER], n);
	client(PACKET_ACK, at, MAIL BAD);
	assert_int_equal(m.last_seq[MODEL_SERVER], at);
	assert_int_equal(m.last_len[MODEL_SERVER], n);
	client(PACKET_ACK | PACKET_FIN, at, MAIL BAD "RSET\r\n");
	assert_int_equal(m.last_len[MODEL_SERVER], n);
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_ACK);
	assert_true(nothing_went_on(at + n, 100));
	/* A forged acknowledgment of what is held does not reach the client. */
	server(PACKET_ACK, at + n + (uint32_t)strlen(BAD), "");
	assert_int_equal(count(DP_STAT_DROP_ACK), 1);
	/* A pure ACK of the client has the number of what the server has. */
	client(PACKET_ACK, at + n + (uint32_t)strlen(BAD "RSET\r\n"), "");
	assert_int_equal(m.last_seq[MODEL_SERVER], at + n);
	end();
}

static void
test_body(void **state)
{
	begin(body);
	/* Beyond a gap, in a message: goes on at once, but for what might be its end. */
	client(PACKET_ACK, at + 20, "more of the text\r\n");
	assert_true(went_on(at + 20, "more of the text\r\n"));
	client(PACKET_ACK, at + 20, "MORE of the text\r\n");
	assert_int_equal(count(DP_STAT_DROP_DIFFERENT), 1);
	client(PACKET_ACK, at + 38, "x\r\n.\r\n" MAIL BAD);
	assert_true(nothing_went_on(at + 38, 60));
	client(PACKET_ACK, at + 138, ".\r\n");
	client(PACKET_ACK, at + 148, "end\n.\n");
	client(PACKET_ACK, at + 158, "end\r\n.");
	client(PACKET_ACK, at + 164, "\r\n");
	assert_true(nothing_went_on(at + 138, 20));
	assert_true(went_on(at + 158, "end\r\n."));
	assert_true(nothing_went_on(at + 164, 2));
	client(PACKET_ACK, at, "twenty octets are..\n");
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at, 20));
	end();
}

static void
test_unsound(void **state)
{
	static const uint8_t impossible[] = { 0, PACKET_PSH, PACKET_FIN, PACKET_SYN | PACKET_FIN | PACKET_ACK,
					      PACKET_SYN | PACKET_RST, PACKET_FIN | PACKET_RST | PACKET_ACK };
	unsigned int i;
	uint8_t *frame;
	uint32_t n;

	begin(ehlo);
	for (i = 0; i < sizeof(impossible); i++) {
		uint64_t before = m.sent;

		client(impossible[i], at, MAIL);
		assert_int_equal(count(DP_STAT_DROP_FLAGS), i + 1);
		assert_int_equal(m.sent, before);
	}
	for (i = 0; i < 2; i++) {
		frame = model_frame(&m, MODEL_CLIENT, PACKET_ACK, at, m.end[0].rcv_nxt, MAIL, strlen(MAIL), &n);
		frame[i == 0 ? n - 1 : 22] ^= 1; /* of the payload; of the TTL */
		model_inject(&m, MODEL_CLIENT, frame, n, 0);
		assert_int_equal(count(DP_STAT_DROP_CHECKSUM), i + 1);
	}
	frame = model_frame(&m, MODEL_CLIENT, PACKET_ACK, at, m.end[0].rcv_nxt, MAIL, strlen(MAIL), &n);
	model_inject(&m, MODEL_CLIENT, frame, n, 2); /* no packet of its own: not counted */
	client(PACKET_ACK, at + (1 << 26) - 100, MAIL MAIL MAIL MAIL);
	assert_int_equal(count(DP_STAT_DROP_WINDOW), 1);
	assert_true(nothing_went_on(at, 100));
	/* Urgent octets: the pointer is taken away. */
	frame = model_frame(&m, MODEL_CLIENT, PACKET_ACK | PACKET_URG, at, m.end[0].rcv_nxt, MAIL, strlen(MAIL), &n);
	model_inject(&m, MODEL_CLIENT, frame, n, 0);
	assert_true(went_on(at, MAIL));
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_ACK);
	end();
}

/* A datagram put together from fragments: its octets go on in a segment of ours. */
static void
test_rebuilt(void **state)
{
	uint8_t *frame;
	uint32_t n;

	begin(ehlo);
	frame = model_frame(&m, MODEL_CLIENT, PACKET_ACK, at, m.end[0].rcv_nxt, MAIL, strlen(MAIL), &n);
	model_inject(&m, MODEL_CLIENT, frame, n, 1);
	assert_true(went_on(at, MAIL));
	assert_int_equal(count(DP_STAT_MERGED), 1);
	assert_int_equal(count(DP_STAT_ORIGINATED), 1);
	at += (uint32_t)strlen(MAIL);
	frame = model_frame(&m, MODEL_CLIENT, PACKET_ACK, at, m.end[0].rcv_nxt, BAD, strlen(BAD), &n);
	model_inject(&m, MODEL_CLIENT, frame, n, 1);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at, 100));
	assert_int_equal(m.last_len[MODEL_SERVER], 0);
	end();
}

/* Met in its middle: inspected from where it starts, also when octets before that come late. */
static void
test_midstream(void **state)
{
	struct model_config cfg;
	uint32_t n = (uint32_t)strlen(MAIL);

	model_config_default(&cfg);
	cfg.ctrl_silent = true;
	model_init(&m, &cfg, ehlo);
	m.cfg.loss = 100;
	at = m.end[0].isn + 1;
	m.end[0].rcv_nxt = m.end[1].max_nxt = 5000;
	client(PACKET_ACK, at + n, "RSET\r\n");
	assert_true(went_on(at + n, "RSET\r\n"));
	client(PACKET_ACK, at, MAIL);
	assert_true(went_on(at, MAIL));
	server(PACKET_ACK, at + 10, "");
	client(PACKET_ACK, at + 5, &(MAIL)[5]);
	assert_int_equal(count(DP_STAT_UNREAD), 2);
	assert_int_equal(m.last_len[MODEL_SERVER], n - 10); /* the server has the rest */
	client(PACKET_ACK, at + n + 6, BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at + n + 6, (uint32_t)strlen(BAD)));
	end();
	/* The server first; and it has octets that went by beside us. */
	model_init(&m, &cfg, ehlo);
	m.cfg.loss = 100;
	m.end[0].rcv_nxt = m.end[1].max_nxt = 5000;
	server(PACKET_ACK, at, "250 ok\r\n");
	client(PACKET_ACK, at + 50, "NOOP\r\n");
	assert_true(nothing_went_on(at, 60));
	server(PACKET_ACK, at + 50, "250 ok\r\n");
	assert_true(went_on(at + 50, "NOOP\r\n"));
	client(PACKET_ACK, at + 56, BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at + 56, (uint32_t)strlen(BAD)));
	end();
}

/* What must wait for a reply before it can be read waits here: a message behind its DATA. */
static void
test_waits_for_reply(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL GOOD "DATA\r\n" BAD "\r\n.\r\n" BAD);
	assert_true(went_on(at, MAIL GOOD "DATA\r\n"));
	assert_int_equal(m.last_len[MODEL_SERVER], strlen(MAIL GOOD "DATA\r\n"));
	server(PACKET_ACK, at + (uint32_t)strlen(MAIL GOOD "DATA\r\n"), "250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(m.nb_holds, 1); /* the one behind the message */
	assert_true(nothing_went_on(at + (uint32_t)strlen(MAIL GOOD "DATA\r\n"), 60));
	end();
	begin(ehlo);
	client(PACKET_ACK, at, MAIL GOOD "DATA\r\n" BAD "\r\n.\r\n");
	server(PACKET_ACK, at + (uint32_t)strlen(MAIL GOOD "DATA\r\n"), "250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(m.nb_holds, 0);
	assert_true(went_on(at, MAIL GOOD "DATA\r\n" BAD "\r\n.\r\n"));
	end();
}

static void
test_stale_verdicts(void **state)
{
	struct dp_counters *k = &m.counters;

	begin(ehlo);
	client(PACKET_ACK, at, MAIL BAD);
	inspector_verdict(m.ins, 0, 0, DP_VERDICT_PASS, m.now_ns);
	inspector_verdict(m.ins, UINT64_C(7) << 32, 0, DP_VERDICT_PASS, m.now_ns);
	inspector_verdict(m.ins, UINT64_C(1) << 32, 99999, DP_VERDICT_PASS, m.now_ns); /* another connection */
	inspector_verdict(m.ins, UINT64_C(1) << 32 | 5, 1, DP_VERDICT_PASS, m.now_ns);
	assert_int_equal(k->c[DP_STAT_VERDICTS_STALE], 4);
	assert_true(nothing_went_on(at, 30));
	inspector_verdict(m.ins, UINT64_C(1) << 32, 1, DP_VERDICT_PASS, m.now_ns);
	assert_int_equal(k->c[DP_STAT_VERDICTS], 1);
	assert_true(went_on(at, MAIL BAD));
	inspector_verdict(m.ins, UINT64_C(1) << 32, 1, DP_VERDICT_RESET, m.now_ns);
	assert_int_equal(k->c[DP_STAT_VERDICTS_STALE], 5);
	assert_int_equal(k->c[DP_STAT_RESETS], 0);
	end();
}

/* An end that missed octets finds the RST inexact and says what it awaits (RFC 5961 §3): it gets that. */
static void
test_challenge(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL);
	client(PACKET_ACK, at + (uint32_t)strlen(MAIL), BAD);
	inspector_verdict(m.ins, UINT64_C(1) << 32, 1, DP_VERDICT_RESET, m.now_ns);
	assert_int_equal(m.counters.c[DP_STAT_RESETS], 1);
	server(PACKET_ACK, at + 3, "");
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_RST);
	assert_int_equal(m.last_seq[MODEL_SERVER], at + 3);
	client(PACKET_ACK, at, MAIL);
	assert_int_equal(m.last_flags[MODEL_CLIENT], PACKET_RST);
	assert_int_equal(m.last_seq[MODEL_CLIENT], m.end[0].rcv_nxt);
	/* No reset in answer to a reset; both seen: confirmed. */
	client(PACKET_RST, at, "");
	assert_int_equal(m.nb_outcomes, 0);
	server(PACKET_RST, 0, "");
	assert_int_equal(m.nb_outcomes, 1);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
	/* The tombstone says the same. */
	client(PACKET_ACK, at, MAIL);
	assert_int_equal(m.last_flags[MODEL_CLIENT], PACKET_RST);
	assert_int_equal(m.counters.c[DP_STAT_DROP_KILLED], 5);
	end();
}

/* The client is back before the server has shown that its end is closed: its SYN waits for that. */
static void
test_early_syn(void **state)
{
	uint64_t nb;

	begin(ehlo);
	client(PACKET_ACK, at, MAIL BAD);
	inspector_verdict(m.ins, UINT64_C(1) << 32, 1, DP_VERDICT_RESET, m.now_ns);
	nb = m.nb_to[MODEL_SERVER];
	client(PACKET_SYN, at + 1000000, "");
	assert_int_equal(m.nb_to[MODEL_SERVER], nb);
	assert_int_equal(count(DP_STAT_DROP_KILLED), 1);
	assert_int_equal(m.nb_outcomes, 0);
	server(PACKET_RST, 0, "");
	assert_int_equal(m.nb_outcomes, 1);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
	assert_int_equal(m.nb_to[MODEL_SERVER], nb);
	client(PACKET_SYN, at + 1000000, "");
	assert_int_equal(m.nb_to[MODEL_SERVER], nb + 1);
	assert_int_equal(m.nb_flows, 2);
	end();
}

static void
test_park_limit(void **state)
{
	struct model_config cfg;
	unsigned int i;

	model_config_default(&cfg);
	cfg.ctrl_silent = true;
	cfg.ins.inline_cfg.park_octets = 100;
	model_init(&m, &cfg, ehlo);
	model_run(&m, 100 * MS);
	at = m.end[0].max_nxt;
	m.cfg.loss = 100;
	client(PACKET_ACK, at, MAIL BAD);
	for (i = 0; i < 3; i++)
		client(PACKET_ACK, at + (uint32_t)strlen(MAIL BAD) + 24 * i, "RCPT TO:<ok1@army.mil>\r\n");
	assert_int_equal(count(DP_STAT_DROP_NO_ROOM), 1); /* 50 + 24 + 24 */
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_different_retransmission),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_straddles_hold),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_unsound),
		cmocka_unit_test(test_rebuilt),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_waits_for_reply),
		cmocka_unit_test(test_stale_verdicts),
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_early_syn),
		cmocka_unit_test(test_park_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
