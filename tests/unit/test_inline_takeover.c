/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that are handed over: the model's responder goes on with nothing but the record (tcp_model_responder.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_model.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define EHLO "EHLO gw.example\r\n"
#define MAIL "MAIL FROM:<a@example.org>\r\n"
#define OK1 "RCPT TO:<ok1@army.mil>\r\n"
#define OK2 "RCPT TO:<ok2@army.mil>\r\n"
#define BAD "RCPT TO:<gen@army.ml>\r\n"
#define TEXT "Subject: t\r\n\r\nhello\r\n.\r\n"

/* Each: the steps of the client, the good recipients and messages that the server sees, the codes that the client reads. */
struct script {
	const char *name;
	struct model_step steps[12];
	unsigned int rcpts, messages;
	const char *codes;
};

static const struct script scripts[] = {
	{ "one group", { { EHLO, 1 }, { MAIL OK1 BAD OK2 "DATA\r\n", 2 }, { TEXT "QUIT\r\n", 7 }, { NULL, 0 } }, 2, 1,
	  "220 250 250 250 550 250 354 250 221 " },
	{ "two bad", { { EHLO, 1 }, { MAIL BAD OK1 BAD "DATA\r\n", 2 }, { TEXT "QUIT\r\n", 7 }, { NULL, 0 } }, 1, 1,
	  "220 250 250 550 250 550 354 250 221 " },
	{ "later transaction", { { EHLO, 1 }, { MAIL OK1 "DATA\r\n", 2 }, { TEXT, 5 }, { MAIL BAD OK2 "DATA\r\n", 6 },
	    { TEXT "QUIT\r\n", 10 }, { NULL, 0 } }, 2, 2, "220 250 250 250 354 250 250 550 250 354 250 221 " },
	{ "on the heels of a message", { { EHLO, 1 }, { MAIL OK1 "DATA\r\n", 2 }, { TEXT MAIL BAD OK2 "DATA\r\n", 5 },
	    { TEXT "QUIT\r\n", 10 }, { NULL, 0 } }, 2, 2, "220 250 250 250 354 250 250 550 250 354 250 221 " },
	{ "lockstep", { { EHLO, 1 }, { MAIL, 2 }, { OK1, 3 }, { BAD, 4 }, { OK2, 5 }, { "DATA\r\n", 6 }, { TEXT, 7 },
	    { "QUIT\r\n", 8 }, { NULL, 0 } }, 2, 1, "220 250 250 250 550 250 354 250 221 " },
	{ "group in pieces", { { EHLO, 1 }, { MAIL OK1, 2 }, { BAD, 2 }, { OK2, 2 }, { "DATA\r\n", 2 }, { TEXT "QUIT\r\n", 7 },
	    { NULL, 0 } }, 2, 1, "220 250 250 250 550 250 354 250 221 " },
	{ "bad again after the hand-over", { { EHLO, 1 }, { MAIL BAD OK1 "DATA\r\n", 2 }, { TEXT, 6 }, { MAIL BAD OK2 "DATA\r\n", 7 },
	    { TEXT "QUIT\r\n", 11 }, { NULL, 0 } }, 2, 2, "220 250 250 550 250 354 250 250 550 250 354 250 221 " },
};

enum {
	NB_SCRIPTS = sizeof(scripts) / sizeof(scripts[0]),
};

static struct model m; /* large */

static void
config(struct model_config *cfg)
{
	model_config_default(cfg);
	cfg->verdict = DP_VERDICT_REFUSE;
	cfg->responder = MODEL_RESPONDER_READY;
	cfg->ins.inline_cfg.takeover = true;
}

static void
run(const struct model_config *cfg, const struct model_step *steps)
{
	model_init(&m, cfg, steps);
	model_run(&m, 200 * S);
}

/* What the client has read, as "220 250 ". */
static const char *
codes(void)
{
	static char text[256];
	const struct model_end *c = &m.end[MODEL_CLIENT];
	uint32_t i, start = 0, n = 0;

	for (i = 0; i < c->in_len && n + 5 < sizeof(text); i++) {
		if (c->in[i] != '\n')
			continue;
		n += (uint32_t)snprintf(text + n, sizeof(text) - n, "%.3s ", (const char *)c->in + start);
		start = i + 1;
	}
	text[n] = '\0';
	return text;
}

static void
check_refused(const struct script *s)
{
	assert_string_equal(codes(), s->codes);
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_DONE);
	assert_int_equal(m.end[MODEL_SERVER].state, MODEL_DONE);
	assert_string_equal(m.bad_seen, "");
	assert_int_equal(m.nb_rcpts, s->rcpts);
	assert_int_equal(m.nb_messages, s->messages);
	assert_int_equal(m.nb_told, 1);
	assert_int_equal(m.nb_flow_ends, 1);
	assert_true(m.nb_outcomes > 0);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_DONE);
	assert_int_equal(m.outcomes[0].verdict, DP_VERDICT_REFUSE);
	assert_int_equal(m.counters.c[DP_STAT_TAKEOVERS_DONE], 1);
	assert_int_equal(m.counters.c[DP_STAT_TAKEOVERS_ENDED], 1);
	assert_int_equal(m.counters.c[DP_STAT_TAKEOVERS_FAILED], 0);
	assert_int_equal(m.counters.c[DP_STAT_DROP_OUTWARD], 0);
	model_check_balance(&m);
}

static void
test_refuse(void **state)
{
	unsigned int i, k;

	for (i = 0; i < NB_SCRIPTS; i++) {
		for (k = 0; k < 6; k++) {
			struct model_config cfg;

			config(&cfg);
			cfg.ipv6 = k == 1;
			cfg.no_timestamps = k == 2;
			cfg.no_sack = k == 2;
			cfg.no_wscale = k == 3;
			cfg.mss = k == 4 ? 536 : 1460;
			if (k == 5)
				cfg.isn[0] = cfg.isn[1] = UINT32_MAX - 60;
			run(&cfg, scripts[i].steps);
			check_refused(&scripts[i]);
			model_fini(&m);
		}
	}
}

/* While ctrl thinks and the responder prepares, both ends go on. */
static void
test_slow(void **state)
{
	unsigned int i, k;

	for (i = 0; i < NB_SCRIPTS; i++) {
		for (k = 0; k < 3; k++) {
			struct model_config cfg;

			config(&cfg);
			cfg.ctrl_ns = k == 1 ? 0 : 700 * MS;
			cfg.ready_ns = k == 0 ? 0 : 150 * MS;
			run(&cfg, scripts[i].steps);
			check_refused(&scripts[i]);
			model_fini(&m);
		}
	}
}

/* Loss, duplication and reordering before the hand-over and after it: there may be no place for it, but it never stalls. */
static void
test_loss(void **state)
{
	unsigned int seed, done = 0, all = 0;

	for (seed = 1; seed <= 60 * NB_SCRIPTS; seed++) {
		const struct script *s = &scripts[seed % NB_SCRIPTS];
		struct model_config cfg;

		config(&cfg);
		cfg.seed = seed * 7919;
		cfg.loss = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 4 : 10;
		cfg.dup = 3;
		cfg.reorder = seed % 2 ? 10 : 30;
		cfg.ready_ns = (seed % 5) * MS;
		run(&cfg, s->steps);
		all++;
		assert_string_equal(m.bad_seen, "");
		model_check_balance(&m);
		if (m.counters.c[DP_STAT_TAKEOVERS_DONE] == 1 && m.end[MODEL_CLIENT].state == MODEL_DONE) {
			assert_string_equal(codes(), s->codes);
			assert_int_equal(m.nb_messages, s->messages);
			done++;
		} else {
			/* A retransmission gave up, or the state could not be told: reset. */
			assert_true(m.end[MODEL_CLIENT].state >= MODEL_RESET);
		}
		model_fini(&m);
	}
	assert_true(done * 100 >= all * 95);
}

/* A line whose head the server has: the record gives it as the prefix. */
static void
test_split(void **state)
{
	uint32_t cut;

	for (cut = 1; cut < 60; cut++) {
		const struct script *s = &scripts[cut % 2 ? 0 : 4];
		struct model_config cfg;

		config(&cfg);
		cfg.cut = cut;
		run(&cfg, s->steps);
		assert_string_equal(codes(), s->codes);
		assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_DONE);
		assert_int_equal(m.nb_messages, 1);
		/* The head of the line, and never its end. */
		assert_null(strstr(m.bad_seen, "army.ml>\r\n"));
		model_check_balance(&m);
		model_fini(&m);
	}
}

static void
test_divert(void **state)
{
	static const struct model_step steps[] = { { EHLO, 1 }, { MAIL OK1 BAD OK2, 2 }, { "QUIT\r\n", 6 }, { NULL, 0 } };
	struct model_config cfg;

	config(&cfg);
	cfg.verdict = DP_VERDICT_DIVERT;
	run(&cfg, steps);
	assert_string_equal(codes(), "220 250 250 250 550 450 221 ");
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_DONE);
	assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
	assert_int_equal(m.nb_messages, 0);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_DONE);
	assert_int_equal(m.outcomes[0].verdict, DP_VERDICT_DIVERT);
	model_check_balance(&m);
	model_fini(&m);
}

static void
check_reset(enum dp_cause cause)
{
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
	assert_int_equal(m.end[MODEL_SERVER].state, MODEL_RESET);
	assert_string_equal(m.bad_seen, "");
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
	assert_int_equal(m.outcomes[0].verdict, DP_VERDICT_RESET);
	assert_int_equal(m.outcomes[0].cause, cause);
	assert_int_equal(m.counters.c[DP_STAT_TAKEOVERS_FAILED], 1);
	assert_int_equal(m.counters.c[DP_STAT_TAKEOVERS_DONE], 0);
	model_check_balance(&m);
}

static void
test_no_responder(void **state)
{
	const enum model_responder how[] = { MODEL_RESPONDER_NONE, MODEL_RESPONDER_REFUSES, MODEL_RESPONDER_SILENT };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct model_config cfg;

		config(&cfg);
		cfg.responder = how[i];
		run(&cfg, scripts[0].steps);
		check_reset(DP_CAUSE_RESPONDER);
		assert_int_equal(m.nb_void, how[i] != MODEL_RESPONDER_NONE);
		model_fini(&m);
	}
}

/* As configured: what cannot be refused passes. Only when nobody was told. */
static void
test_open(void **state)
{
	struct model_config cfg;

	config(&cfg);
	cfg.responder = MODEL_RESPONDER_NONE;
	cfg.ins.inline_cfg.fallback[DP_CAUSE_RESPONDER] = DP_VERDICT_ALERT;
	run(&cfg, scripts[0].steps);
	assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_DONE);
	assert_int_equal(m.nb_messages, 1);
	assert_int_equal(m.nb_rcpts, 3);
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_FALLBACK);
	assert_int_equal(m.outcomes[0].cause, DP_CAUSE_RESPONDER);
	model_check_balance(&m);
	model_fini(&m);
	cfg.responder = MODEL_RESPONDER_SILENT;
	run(&cfg, scripts[0].steps);
	check_reset(DP_CAUSE_RESPONDER);
	model_fini(&m);
}

/* It dies with a connection in its hands: both ends are reset, and nothing goes on raw. */
static void
test_responder_dies(void **state)
{
	uint64_t at;

	for (at = 2 * MS; at < 40 * MS; at += 2 * MS) {
		struct model_config cfg;

		config(&cfg);
		model_init(&m, &cfg, scripts[4].steps);
		model_run(&m, at);
		inspector_set_responder(m.ins, false);
		model_run(&m, 200 * S);
		assert_string_equal(m.bad_seen, "");
		if (m.counters.c[DP_STAT_TAKEOVERS_DONE] == 1 && m.end[MODEL_CLIENT].state != MODEL_DONE) {
			assert_int_equal(m.end[MODEL_CLIENT].state, MODEL_RESET);
			assert_true(m.end[MODEL_SERVER].state >= MODEL_DONE);
			assert_int_equal(m.nb_void, 1);
		}
		model_check_balance(&m);
		model_fini(&m);
	}
}

/* The client gives up while it is held, told, and taken. */
static void
test_gives_up(void **state)
{
	uint64_t at;

	for (at = 1 * MS; at < 12 * MS; at += MS / 4) {
		struct model_config cfg;

		config(&cfg);
		cfg.ctrl_ns = 3 * MS;
		cfg.ready_ns = 3 * MS;
		cfg.give_up_ns = at;
		run(&cfg, scripts[0].steps);
		assert_string_equal(m.bad_seen, "");
		model_check_balance(&m);
		model_fini(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_divert),
		cmocka_unit_test(test_no_responder),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_responder_dies),
		cmocka_unit_test(test_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
