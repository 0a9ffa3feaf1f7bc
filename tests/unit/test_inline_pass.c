/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes on uninspected: bypass, and overload in its steps; and a tap, past which everything goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_edit.h"
#include "wire_session.h"

#define LEN(text) ((uint32_t)strlen(text))

/* --- bypass --- */

/* What is held when it begins goes on, and the outcome says why. */
static void
test_bypass_held(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL);
	client(PACKET_ACK, at + LEN(MAIL), BAD);
	client(PACKET_ACK | PACKET_FIN, at + LEN(MAIL BAD), "QUIT\r\n");
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at + LEN(MAIL), 100));
	assert_true(inspector_bypass_step(m.ins, m.now_ns, 8));
	assert_true(went_on(at, MAIL BAD "QUIT\r\n"));
	assert_int_equal(m.last_flags[MODEL_SERVER] & PACKET_FIN, PACKET_FIN);
	assert_int_equal(m.nb_outcomes, 1);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_FALLBACK);
	assert_int_equal(m.outcomes[0].cause, DP_CAUSE_BYPASS);
	assert_int_equal(m.outcomes[0].verdict, DP_VERDICT_PASS);
	assert_int_equal(count(DP_STAT_BYPASS_LET_GO), 1);
	assert_int_equal(count(DP_STAT_FLOWS_ENDED), 1);
	/* The verdict that comes now is on something that is over. */
	inspector_verdict(m.ins, FIRST_HOLD, 1, DP_VERDICT_RESET, m.now_ns);
	assert_int_equal(count(DP_STAT_VERDICTS_STALE), 1);
	assert_int_equal(count(DP_STAT_RESETS), 0);
	end();
}

/* Octets beyond a gap go on with the connection's next packet; whatever is said then is not looked at. */
static void
test_bypass_packets(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at + LEN(MAIL), GOOD);
	assert_true(nothing_went_on(at, 100));
	m.bypass = true;
	client(PACKET_ACK, at, MAIL);
	assert_true(went_on(at, MAIL GOOD));
	client(PACKET_ACK, at + LEN(MAIL GOOD), BAD);
	assert_true(went_on(at, MAIL GOOD BAD));
	assert_int_equal(m.nb_holds, 0);
	assert_int_equal(count(DP_STAT_BYPASSED_PKTS), 2);
	assert_int_equal(count(DP_STAT_BYPASSED_FLOWS), 0);
	assert_int_equal(m.counters.anomaly[DP_ANOMALY_UNINSPECTED], 1);
	/* It ends: the connection is met in its middle, and what comes now is inspected. */
	m.bypass = false;
	client(PACKET_ACK, at + LEN(MAIL GOOD BAD), BAD);
	assert_int_equal(count(DP_STAT_FLOWS_MIDSTREAM), 1);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(at + LEN(MAIL GOOD BAD), 30));
	end();
}

/* A connection of which nothing comes meanwhile has lost nothing. */
static void
test_bypass_untouched(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL);
	m.bypass = true;
	assert_true(inspector_bypass_step(m.ins, m.now_ns, 8));
	m.bypass = false;
	client(PACKET_ACK, at + LEN(MAIL), BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_int_equal(count(DP_STAT_FLOWS_MIDSTREAM), 0);
	end();
}

/* Reset is reset: before its ends are known to be closed, and after. */
static void
test_bypass_killed(void **state)
{
	begin(ehlo);
	client(PACKET_ACK, at, MAIL);
	client(PACKET_ACK, at + LEN(MAIL), BAD);
	inspector_verdict(m.ins, FIRST_HOLD, 1, DP_VERDICT_RESET, m.now_ns);
	m.bypass = true;
	client(PACKET_ACK, at + LEN(MAIL), "RSET\r\n");
	assert_int_equal(m.last_flags[MODEL_CLIENT], PACKET_RST);
	client(PACKET_RST, at, "");
	server(PACKET_RST, 0, "");
	assert_int_equal(count(DP_STAT_RESETS_CONFIRMED), 1);
	client(PACKET_ACK, at + LEN(MAIL), "RSET\r\n");
	assert_int_equal(count(DP_STAT_DROP_KILLED), 4);
	assert_true(nothing_went_on(at + LEN(MAIL), 100));
	/* A new one is none of our business. */
	client(PACKET_SYN, at + 100000, "");
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_SYN);
	assert_int_equal(count(DP_STAT_BYPASSED_FLOWS), 1);
	end();
}

/* --- overload --- */

static void
test_shed_new(void **state)
{
	begin(ehlo);
	inspector_set_shed(m.ins, INSPECTOR_SHED_NEW, false);
	/* Another connection: dropped, when nothing may pass uninspected. */
	m.client_port++;
	client(PACKET_SYN, at, "");
	client(PACKET_ACK, at, MAIL BAD);
	assert_int_equal(count(DP_STAT_DROP_SHED), 2);
	assert_int_equal(count(DP_STAT_SHED_FLOWS), 1);
	inspector_set_shed(m.ins, INSPECTOR_SHED_NEW, true);
	client(PACKET_SYN, at, "");
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_SYN);
	client(PACKET_ACK, at, MAIL BAD);
	assert_int_equal(count(DP_STAT_SHED_PKTS), 2);
	assert_int_equal(m.nb_holds, 0);
	/* What was there before is inspected as ever. */
	m.client_port--;
	client(PACKET_ACK, at, MAIL BAD);
	assert_int_equal(m.nb_holds, 1);
	/* It is over: met in its middle. */
	inspector_set_shed(m.ins, INSPECTOR_SHED_NOTHING, true);
	m.client_port++;
	client(PACKET_ACK, at + LEN(MAIL BAD), "DATA\r\n");
	assert_int_equal(count(DP_STAT_FLOWS_MIDSTREAM), 1);
	end();
}

/* Octets of a message go unparsed until the server speaks; what they say is not believed to be commands. */
static void
test_skip_body(void **state)
{
	static const char text[] = "RCPT TO:<gen@army.ml>\r\n";
	const uint32_t n = LEN(text), tail = LEN("text\r\n.\r\n");
	uint32_t seq;

	begin(body);
	inspector_set_shed(m.ins, INSPECTOR_SHED_BODIES, false);
	client(PACKET_ACK, at, text);
	client(PACKET_ACK, at + n, text);
	assert_true(went_on(at + n, text));
	assert_int_equal(count(DP_STAT_SKIPPED_BODIES), 1);
	assert_int_equal(count(DP_STAT_SKIPPED_OCTETS), 2 * n);
	/* One again: nobody can tell whether it is the same. */
	client(PACKET_ACK, at, text);
	assert_int_equal(m.last_len[MODEL_SERVER], n);
	client(PACKET_ACK, at + 2 * n, "text\r\n.\r\n");
	seq = at + 2 * n + tail;
	server(PACKET_ACK, seq, "250 ok\r\n");
	/* Still overloaded, but these are commands. */
	client(PACKET_ACK, seq, MAIL);
	client(PACKET_ACK, seq + LEN(MAIL), BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_true(nothing_went_on(seq + LEN(MAIL), 30));
	assert_int_equal(count(DP_STAT_SKIPPED_OCTETS), 2 * n + tail);
	assert_int_equal(m.counters.anomaly[DP_ANOMALY_UNINSPECTED], 1);
	end();
}

/* It ends in the middle of a message: the rest is looked through for its end, and not believed to be commands. */
static void
test_skip_ends(void **state)
{
	begin(body);
	inspector_set_shed(m.ins, INSPECTOR_SHED_BODIES, false);
	client(PACKET_ACK, at, "skipped\r\n");
	inspector_set_shed(m.ins, INSPECTOR_SHED_NOTHING, false);
	client(PACKET_ACK, at + 9, BAD "text.\r\n");
	assert_int_equal(m.nb_holds, 0);
	client(PACKET_ACK, at + 9 + LEN(BAD "text.\r\n"), BAD ".\r\n" MAIL BAD);
	assert_int_equal(m.nb_holds, 1);
	assert_int_equal(count(DP_STAT_SKIPPED_OCTETS), 9 + LEN(BAD "text.\r\n" BAD ".\r\n"));
	end();
}

/* --- a tap --- */

/* Nothing is withheld; the connection is reset all the same, between two ends and with the numbers that were seen. */
static void
test_tap(void **state)
{
	static const struct model_step dialogue[] = {
		{ "EHLO gw\r\n", 1 }, { MAIL, 2 }, { BAD, 3 }, { "NOOP\r\n", 4 }, { "NOOP\r\n", 5 }, { NULL, 0 },
	};
	struct model_config cfg;
	unsigned int loss;

	for (loss = 0; loss <= 10; loss += 5) {
		model_config_default(&cfg);
		cfg.tap = true;
		cfg.loss = loss;
		cfg.verdict = DP_VERDICT_RESET;
		model_init(&m, &cfg, dialogue);
		model_run(&m, 120 * S);
		assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
		assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
		assert_int_equal(m.nb_outcomes, 1);
		assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
		assert_true(m.outcomes[0].all_sent);
		assert_int_equal(m.outcomes[0].command_octets, strlen(BAD));
		assert_true(went_on(m.line_start, BAD));
		model_check_balance(&m);
		model_fini(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bypass_held),
		cmocka_unit_test(test_bypass_packets),
		cmocka_unit_test(test_bypass_untouched),
		cmocka_unit_test(test_bypass_killed),
		cmocka_unit_test(test_shed_new),
		cmocka_unit_test(test_skip_body),
		cmocka_unit_test(test_skip_ends),
		cmocka_unit_test(test_tap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
