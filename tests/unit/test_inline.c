/* SPDX-License-Identifier: BSD-3-Clause */
/* The enforcing inspector between two TCP ends that send mail over lossy links (tcp_model.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_edit.h"
#include "tcp_model.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)

static const struct model_step pipelined[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok1@army.mil>\r\nRCPT TO:<gen@army.ml>\r\nRCPT TO:<ok2@army.mil>\r\nDATA\r\n",
	  2 },
	{ "Subject: t\r\n\r\nhello\r\n.\r\nQUIT\r\n", 7 },
	{ NULL, 0 },
};

static const struct model_step lockstep[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\n", 2 },
	{ "RCPT TO:<ok1@army.mil>\r\n", 3 },
	{ "RCPT TO:<gen@army.ml>\r\n", 4 },
	{ "DATA\r\n", 5 },
	{ "Subject: t\r\n\r\nhello\r\n.\r\n", 6 },
	{ "QUIT\r\n", 7 },
	{ NULL, 0 },
};

static const struct model_step clean[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok1@army.mil>\r\nRCPT TO:<ok2@army.mil>\r\nDATA\r\n", 2 },
	{ "Subject: t\r\n\r\nhello\r\n.\r\nMAIL FROM:<b@example.org>\r\nRCPT TO:<ok@army.mil>\r\nDATA\r\n", 6 },
	{ "Subject: u\r\n\r\n..bye\r\n.\r\nQUIT\r\n", 10 },
	{ NULL, 0 },
};

/* The server takes chunks that it does not offer: it answers when it has one, and not before. */
static const struct model_step chunks[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok1@army.mil>\r\nBDAT 9\r\n123456789BDAT 5 LAST\r\n12345", 2 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok2@army.mil>\r\nBDAT 9 LAST\r\n123456789QUIT\r\n", 6 },
	{ NULL, 0 },
};

/* What one server takes for a message is a command to another. */
static const struct model_step chunk_smuggled[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok1@army.mil>\r\nBDAT 25 LAST\r\nRCPT TO:<gen@army.ml>\r\n", 2 },
	{ "QUIT\r\n", 5 },
	{ NULL, 0 },
};

/* The bad recipient comes in a second transaction, on the heels of a long message. */
static char long_body[60000];
static struct model_step second[] = {
	{ "EHLO gw.example\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok1@army.mil>\r\nDATA\r\n", 2 },
	{ long_body, 5 },
	{ "Subject: u\r\n\r\nbye\r\n.\r\nQUIT\r\n", 9 },
	{ NULL, 0 },
};

static void
make_body(void)
{
	static const char tail[] = "\r\n.\r\nMAIL FROM:<b@example.org>\r\nRCPT TO:<gen@army.ml>\r\nDATA\r\n";
	uint32_t i, len = sizeof(long_body) - sizeof(tail);

	for (i = 0; i < len; i++)
		long_body[i] = i % 72 == 70 ? '\r' : i % 72 == 71 ? '\n' : i % 720 == 0 ? '.' : (char)('a' + i % 23);
	/* Lines that begin with a dot carry a second one. */
	for (i = 0; i + 2 < len; i += 720)
		long_body[i + 1] = '.';
	memcpy(long_body + len, tail, sizeof(tail));
}

static void
check_delivered(const struct model *m)
{
	const struct model_end *c = &m->end[MODEL_CLIENT], *s = &m->end[MODEL_SERVER];

	assert_int_equal(c->state, MODEL_DONE);
	assert_int_equal(s->state, MODEL_DONE);
	assert_int_equal(s->in_len, c->out_len);
	assert_memory_equal(s->in, c->out, c->out_len);
	assert_int_equal(c->in_len, s->out_len);
	assert_memory_equal(c->in, s->out, s->out_len);
	assert_int_equal(m->nb_flow_ends, 1);
	model_check_balance(m);
}

static void
check_reset(const struct model *m)
{
	unsigned int i;

	assert_int_equal(m->end[MODEL_CLIENT].state, MODEL_RESET);
	assert_int_equal(m->end[MODEL_SERVER].state, MODEL_RESET);
	assert_string_equal(m->bad_seen, "");
	assert_true(m->nb_outcomes > 0);
	for (i = 0; i < m->nb_outcomes; i++) {
		assert_int_equal(m->outcomes[i].outcome, DP_OUTCOME_CONFIRMED);
		assert_int_equal(m->outcomes[i].verdict, DP_VERDICT_RESET);
	}
	/* Of a line that came in pieces its head may have gone on, never its end. */
	assert_int_equal(model_line_octets_sent(m), m->line_back);
	assert_true(m->line_back < m->line_end - m->line_start);
	assert_int_equal(m->nb_flow_ends, 1);
	model_check_balance(m);
}

static void
run(struct model *m, const struct model_config *cfg, const struct model_step *steps)
{
	model_init(m, cfg, steps);
	model_run(m, 120 * S);
}

static struct model m; /* large */

/* --- without loss --- */

static void
test_chunks(void **state)
{
	struct model_config cfg;

	model_config_default(&cfg);
	run(&m, &cfg, chunks);
	check_delivered(&m);
	assert_int_equal(m.nb_messages, 3);
	assert_int_equal(m.nb_holds, 0);
	model_fini(&m);
}

static void
test_chunk_smuggled(void **state)
{
	struct model_config cfg;

	model_config_default(&cfg);
	run(&m, &cfg, chunk_smuggled);
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
	assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
	assert_int_equal(m.nb_messages, 0);
	assert_true(m.nb_holds > 0);
	model_fini(&m);
}

static void
test_clean(void **state)
{
	struct model_config cfg;

	model_config_default(&cfg);
	run(&m, &cfg, clean);
	check_delivered(&m);
	assert_int_equal(m.nb_messages, 2);
	assert_int_equal(m.nb_holds, 0);
	/* Frame for frame as they came. */
	assert_int_equal(m.counters.c[DP_STAT_CUT], 0);
	assert_int_equal(m.counters.c[DP_STAT_ORIGINATED], 0);
	assert_int_equal(m.counters.c[DP_STAT_RX_PKTS], m.sent);
	model_fini(&m);
}

static void
test_reset(void **state)
{
	const struct model_step *scripts[] = { pipelined, lockstep, second };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ipv6 = i == 1;
		run(&m, &cfg, scripts[i]);
		check_reset(&m);
		assert_int_equal(m.line_back, 0);
		assert_int_equal(m.nb_rcpts, i == 0 ? 0 : 1);
		assert_int_equal(m.nb_holds, 1);
		assert_int_equal(m.end[0].challenges + m.end[1].challenges, 0); /* the numbers were exact */
		assert_true(m.outcomes[0].close_ns < 10 * MS);
		assert_int_equal(m.counters.c[DP_STAT_RESETS_CONFIRMED], 1);
		model_fini(&m);
	}
}

static void
test_pass(void **state)
{
	const uint64_t holds[] = { 0, 50 * MS, 5 * S };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ctrl_ns = holds[i / 2];
		cfg.verdict = i % 2 == 0 ? DP_VERDICT_PASS : DP_VERDICT_ALERT;
		run(&m, &cfg, pipelined);
		check_delivered(&m);
		assert_int_equal(m.nb_messages, 1);
		assert_int_equal(m.nb_outcomes, 1);
		assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_DONE);
		assert_int_equal(m.outcomes[0].verdict, cfg.verdict);
		assert_int_equal(m.outcomes[0].hold_ns, cfg.ctrl_ns);
		assert_int_equal(m.end[MODEL_SERVER].paws_drops, 0);
		model_fini(&m);
	}
}

/* Cut at every octet: an incomplete line is never held, or its sender would wait for ever. */
static void
test_split(void **state)
{
	uint32_t cut;

	for (cut = 1; cut < 60; cut++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.cut = cut;
		run(&m, &cfg, cut % 2 ? pipelined : lockstep);
		check_reset(&m);
		model_fini(&m);
		cfg.verdict = DP_VERDICT_PASS;
		run(&m, &cfg, cut % 2 ? pipelined : lockstep);
		check_delivered(&m);
		model_fini(&m);
	}
}

/* refuse and divert need a responder: reset, and the outcome says why. */
static void
test_refuse_becomes_reset(void **state)
{
	struct model_config cfg;

	model_config_default(&cfg);
	cfg.verdict = DP_VERDICT_REFUSE;
	run(&m, &cfg, pipelined);
	check_reset(&m);
	assert_int_equal(m.outcomes[0].cause, DP_CAUSE_RESPONDER);
	model_fini(&m);
}

/* --- limits --- */

static void
test_ctrl_silent(void **state)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		enum dp_cause cause = i % 2 ? DP_CAUSE_CTRL_GONE : DP_CAUSE_CTRL_SLOW;
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ctrl_silent = true;
		cfg.ins.inline_cfg.hold_limit_ns = 200 * MS;
		cfg.ins.inline_cfg.fallback[cause] = i < 2 ? DP_VERDICT_RESET : DP_VERDICT_PASS;
		model_init(&m, &cfg, pipelined);
		inspector_set_ctrl_gone(m.ins, cause == DP_CAUSE_CTRL_GONE);
		model_run(&m, 120 * S);
		if (i < 2) {
			check_reset(&m);
		} else {
			check_delivered(&m);
			assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_FALLBACK);
		}
		assert_int_equal(m.outcomes[0].cause, cause);
		assert_in_range(m.outcomes[0].hold_ns, 200 * MS, 251 * MS);
		assert_int_equal(m.counters.c[DP_STAT_FALLBACKS], 1);
		model_fini(&m);
	}
}

static void
test_ring_full(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ins.inline_cfg.fallback[DP_CAUSE_RING_FULL] = i == 0 ? DP_VERDICT_RESET : DP_VERDICT_ALERT;
		model_init(&m, &cfg, pipelined);
		m.ring_full = true;
		model_run(&m, 120 * S);
		if (i == 0)
			check_reset(&m);
		else
			check_delivered(&m);
		assert_int_equal(m.outcomes[0].cause, DP_CAUSE_RING_FULL);
		model_fini(&m);
	}
}

/* More recipients than a connection may have waiting. */
static void
test_holds_flow(void **state)
{
	static const struct model_step many[] = {
		{ "EHLO gw.example\r\n", 1 },
		{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<a@army.ml>\r\nRCPT TO:<b@army.ml>\r\nRCPT TO:<c@army.ml>\r\n"
		  "RCPT TO:<d@army.ml>\r\nDATA\r\n", 2 },
		{ "Subject: t\r\n\r\nhello\r\n.\r\nQUIT\r\n", 8 },
		{ NULL, 0 },
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ins.inline_cfg.holds_flow = i == 0 ? 4 : 3;
		cfg.ins.inline_cfg.fallback[DP_CAUSE_MEMORY] = i == 1 ? DP_VERDICT_RESET : DP_VERDICT_PASS;
		cfg.verdict = DP_VERDICT_PASS;
		run(&m, &cfg, many);
		assert_int_equal(m.nb_outcomes, 4);
		assert_int_equal(m.counters.c[DP_STAT_HOLDS_REFUSED], i == 0 ? 0 : 1);
		if (i == 1) {
			assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
			assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
			assert_string_equal(m.bad_seen, "");
			assert_int_equal(m.outcomes[0].cause, DP_CAUSE_MEMORY);
			assert_int_equal(m.outcomes[0].hold_id, 0);
			model_check_balance(&m);
		} else {
			check_delivered(&m);
		}
		model_fini(&m);
	}
}

static void
test_client_gives_up(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.ctrl_ns = 5 * S;
		cfg.give_up_ns = 2 * S;
		cfg.verdict = i == 0 ? DP_VERDICT_RESET : DP_VERDICT_PASS;
		run(&m, &cfg, pipelined);
		assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
		assert_int_equal(m.nb_outcomes, 1);
		if (i == 0) {
			assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
			assert_string_equal(m.bad_seen, "");
			assert_int_equal(model_line_octets_sent(&m), 0);
		} else {
			/* What it had said goes on before its RST. */
			assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_DONE);
			assert_int_equal(m.nb_rcpts, 3);
		}
		model_check_balance(&m);
		model_fini(&m);
	}
}

/* --- after a reset --- */

static void
test_port_reuse(void **state)
{
	static const uint64_t after[] = { 100 * MS, 2 * S, 60 * S };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct model_config cfg;

		model_config_default(&cfg);
		model_init(&m, &cfg, pipelined);
		model_run(&m, after[i]);
		assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
		model_again(&m, 777000, 888000, clean);
		model_run(&m, 120 * S);
		assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_DONE);
		assert_int_equal(m.end[MODEL_SERVER].state, MODEL_DONE);
		assert_int_equal(m.nb_messages, 2);
		assert_int_equal(m.nb_flow_ends, 2);
		assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
		model_check_balance(&m);
		model_fini(&m);
	}
}

/* A server that never answers: not confirmed, and said so. */
static void
test_not_confirmed(void **state)
{
	struct model_config cfg;

	model_config_default(&cfg);
	cfg.ctrl_ns = 100 * MS;
	model_init(&m, &cfg, pipelined);
	model_run(&m, 50 * MS);
	m.cfg.loss = 100;
	model_run(&m, 15 * S);
	assert_int_equal(m.nb_outcomes, 1);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_UNCONFIRMED);
	assert_int_equal(m.counters.c[DP_STAT_RESETS_UNCONFIRMED], 1);
	assert_string_equal(m.bad_seen, "");
	/* Then the line comes back: whatever is said is answered by the tombstone. */
	m.cfg.loss = 0;
	model_run(&m, 120 * S);
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
	assert_string_equal(m.bad_seen, "");
	assert_true(m.counters.c[DP_STAT_DROP_KILLED] > 0);
	model_check_balance(&m);
	model_fini(&m);
}

/* --- rough links --- */

static void
rough(const struct model_step *steps, unsigned int loss, unsigned int dup, unsigned int reorder, uint64_t seeds)
{
	uint64_t seed;

	for (seed = 1; seed <= seeds; seed++) {
		struct model_config cfg;

		model_config_default(&cfg);
		cfg.seed = seed * 7919 + loss * 31 + reorder;
		cfg.loss = loss;
		cfg.dup = dup;
		cfg.reorder = reorder;
		cfg.no_timestamps = seed % 5 == 1;
		cfg.no_sack = seed % 5 == 2;
		cfg.no_wscale = seed % 5 == 3;
		cfg.server_last = seed % 2;
		cfg.ipv6 = seed % 3 == 0;
		cfg.cut = seed % 4 == 3 ? (uint32_t)(seed % 40) + 5 : 0;
		cfg.isn[0] = seed % 2 ? 1000 : UINT32_MAX - (uint32_t)(seed * 3 % 120);
		cfg.isn[1] = seed % 3 ? UINT32_MAX - (uint32_t)(seed * 5 % 150) : 2000;
		cfg.ctrl_ns = seed % 7 == 0 ? 5 * S : seed % 2 ? 50 * MS : MS / 50;
		cfg.verdict = DP_VERDICT_RESET;
		model_init(&m, &cfg, steps);
		model_run(&m, 200 * S);
		if (steps == clean || m.nb_holds == 0) {
			/* Patience may end on a very bad line; what is delivered is right all the same. */
			assert_memory_equal(m.end[1].in, m.end[0].out, m.end[1].in_len);
			if (m.end[0].state == MODEL_DONE && m.end[1].state == MODEL_DONE)
				assert_int_equal(m.end[1].in_len, m.end[0].out_len);
		} else {
			assert_string_equal(m.bad_seen, "");
			assert_int_equal(model_line_octets_sent(&m), m.line_back);
			assert_true(m.line_back < m.line_end - m.line_start);
			if (m.outcomes[0].outcome == DP_OUTCOME_CONFIRMED)
				assert_true(m.end[0].state >= MODEL_RESET && m.end[1].state >= MODEL_RESET);
		}
		model_check_balance(&m);
		model_fini(&m);
		cfg.verdict = DP_VERDICT_PASS;
		model_init(&m, &cfg, steps);
		model_run(&m, 300 * S);
		assert_memory_equal(m.end[1].in, m.end[0].out, m.end[1].in_len);
		assert_memory_equal(m.end[0].in, m.end[1].out, m.end[0].in_len);
		if (loss <= 10) {
			assert_int_equal(m.end[0].state, MODEL_DONE);
			assert_int_equal(m.end[1].in_len, m.end[0].out_len);
		}
		model_check_balance(&m);
		model_fini(&m);
	}
}

static void
test_loss(void **state)
{
	rough(pipelined, 4, 0, 0, 40);
	rough(lockstep, 10, 0, 0, 40);
	rough(clean, 10, 0, 0, 40);
	rough(second, 4, 0, 0, 20);
}

static void
test_rough(void **state)
{
	rough(pipelined, 4, 10, 30, 40);
	rough(lockstep, 10, 10, 30, 40);
	rough(clean, 10, 20, 50, 40);
	rough(second, 10, 10, 30, 20);
}

static void
test_very_rough(void **state)
{
	rough(pipelined, 30, 30, 50, 20);
	rough(second, 30, 10, 30, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_chunk_smuggled),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_pass),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_refuse_becomes_reset),
		cmocka_unit_test(test_ctrl_silent),
		cmocka_unit_test(test_ring_full),
		cmocka_unit_test(test_holds_flow),
		cmocka_unit_test(test_client_gives_up),
		cmocka_unit_test(test_port_reuse),
		cmocka_unit_test(test_not_confirmed),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_rough),
		cmocka_unit_test(test_very_rough),
	};

	make_body();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
