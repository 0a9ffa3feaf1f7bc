/* SPDX-License-Identifier: BSD-3-Clause */
/* What the responder is told: which words, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "answers.h"
#include "dp_msg.h"
#include "dp_responder.h"

#define MINUTE (UINT64_C(60) * 1000000000)

static _Alignas(8) uint8_t record[DP_RECORD_LEN_MAX];

static struct dp_ev_rcpt *
recipient(const char *sender, const char *address, const char *domain, const char *meant)
{
	struct dp_ev_rcpt *ev = (struct dp_ev_rcpt *)(void *)record;

	dp_event_begin(ev, DP_EV_RCPT);
	ev->flow.uid = 7;
	ev->flow.key.family = DP_FAMILY_IPV4;
	ev->hold_id = 9;
	ev->transaction = 2;
	ev->rcpt_index = 3;
	dp_event_put_str(record, &ev->sender, sender, strlen(sender), DP_STR_SENDER_MAX, strlen(sender), 0);
	dp_event_put_str(record, &ev->address, address, strlen(address), DP_STR_ADDRESS_MAX, strlen(address), 0);
	dp_event_put_str(record, &ev->domain, domain, strlen(domain), DP_STR_DOMAIN_MAX, strlen(domain), 0);
	dp_event_put_str(record, &ev->meant, meant, strlen(meant), DP_STR_DOMAIN_MAX, strlen(meant), 0);
	return ev;
}

/* The answer that was sent, checked; its text is terminated. */
static const char *
sent(int sock, struct dp_answer *ret)
{
	int fd;

	assert_int_equal(dp_msg_receive(sock, ret, sizeof(*ret), &fd), sizeof(*ret));
	assert_int_equal(dp_answer_check(ret, sizeof(*ret)), 0);
	assert_int_equal(ret->text[ret->text_len], '\0');
	return ret->text;
}

static void
test_words(void **state)
{
	const struct rule_info mil = { .id = "mil" }, other = { .id = "other" };
	const struct answers_config cfg = {
		.run_id = 1,
		.template = "for all <{recipient}>[, <{meant}>?]",
		.contact = "desk",
		.texts = { { ANSWERS_FOR_SENDER, "example.org", "for a sender" }, { ANSWERS_FOR_RULE, "mil", "{contact}" } },
		.nb_texts = 2,
	};
	static const struct {
		const char *sender;
		bool is_mil;
		const char *text;
	} cases[] = {
		{ "a@example.com", false, "550 5.1.2 for all <gen@army.ml>, <gen@army.mil>?" },
		{ "a@example.com", true, "550 5.1.2 desk" },
		{ "a@example.org", true, "550 5.1.2 for a sender" }, /* the first that fits */
		{ "a@sub.EXAMPLE.org", false, "550 5.1.2 for a sender" },
		{ "a@badexample.org", false, "550 5.1.2 for all <gen@army.ml>, <gen@army.mil>?" },
		{ "example.org", false, "550 5.1.2 for all <gen@army.ml>, <gen@army.mil>?" },
		{ "", false, "550 5.1.2 for all <gen@army.ml>, <gen@army.mil>?" },
	};
	struct answers a;
	struct dp_answer answer;
	unsigned int i;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	answers_init(&a, &cfg);
	a.cfg.sock = pair[0];
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct decision d = { .rule = cases[i].is_mil ? &mil : &other };

		answers_send(&a, recipient(cases[i].sender, "gen@army.ml", "army.ml", "army.mil"), DP_VERDICT_REFUSE, &d);
		assert_string_equal(sent(pair[1], &answer), cases[i].text);
		assert_int_equal(answer.hold_id, 9);
		assert_int_equal(answer.flow_uid, 7);
		assert_int_equal(answer.transaction, 2);
		assert_int_equal(answer.rcpt_index, 3);
	}
	/* Words for refusals only; none when the decision is not known any more. */
	answers_send(&a, recipient("a@b", "x@army.ml", "army.ml", ""), DP_VERDICT_PASS, NULL);
	assert_string_equal(sent(pair[1], &answer), "");
	answers_send(&a, recipient("a@b", "x@army.ml", "army.ml", ""), DP_VERDICT_REFUSE, NULL);
	assert_string_equal(sent(pair[1], &answer), "");
	assert_int_equal(answer.verdict, DP_VERDICT_REFUSE);
	/* Nobody reads: dropped and counted, never waited for. */
	for (i = 0; i < 10000 && a.nb_dropped == 0; i++)
		answers_send(&a, recipient("a@b", "x@army.ml", "army.ml", ""), DP_VERDICT_PASS, NULL);
	assert_int_equal(a.nb_dropped, 1);
	close(pair[0]);
	close(pair[1]);
}

static void
test_limit(void **state)
{
	const struct answers_config cfg = { .sock = -1, .per_minute = 3, .beyond = DP_VERDICT_ALERT };
	struct dp_ev_rcpt *ev = recipient("a@b", "x@army.ml", "army.ml", "army.mil");
	uint64_t now = 1000 * MINUTE;
	struct answers a;
	unsigned int i;

	answers_init(&a, &cfg);
	ev->flow.key.client_addr[0] = 198;
	for (i = 0; i < 3; i++)
		assert_int_equal(answers_limit(&a, ev, DP_VERDICT_REFUSE, now), DP_VERDICT_REFUSE);
	assert_int_equal(answers_limit(&a, ev, DP_VERDICT_REFUSE, now + MINUTE - 1), DP_VERDICT_ALERT);
	assert_int_equal(a.nb_limited, 1);
	/* Of refusals only; and it is over with the minute. */
	assert_int_equal(answers_limit(&a, ev, DP_VERDICT_RESET, now), DP_VERDICT_RESET);
	assert_int_equal(answers_limit(&a, ev, DP_VERDICT_PASS, now), DP_VERDICT_PASS);
	assert_int_equal(answers_limit(&a, ev, DP_VERDICT_REFUSE, now + MINUTE), DP_VERDICT_REFUSE);
	/* An IPv6 source is a /64: whatever follows counts for the same. */
	ev->flow.key.family = DP_FAMILY_IPV6;
	for (i = 0; i < 4; i++) {
		ev->flow.key.client_addr[15] = (uint8_t)i;
		assert_int_equal(answers_limit(&a, ev, DP_VERDICT_REFUSE, now + 2 * MINUTE),
				 i < 3 ? DP_VERDICT_REFUSE : DP_VERDICT_ALERT);
	}
	a.cfg.per_minute = 0;
	assert_int_equal(answers_limit(&a, ev, DP_VERDICT_REFUSE, now + 2 * MINUTE), DP_VERDICT_REFUSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
