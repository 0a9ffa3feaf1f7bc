/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a refusal: whatever the recipient was, one line that may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dp_responder.h"
#include "reply_text.h"

static const char *
expand(const char *template, const char *recipient, size_t len, const char *meant, const char *contact)
{
	static char buf[REPLY_TEXT_MAX + 1];
	struct dp_answer answer = {
		.magic = DP_ANSWER_MAGIC, .abi_version = DP_ABI_VERSION, .hold_id = 1, .verdict = DP_VERDICT_REFUSE,
	};
	const struct reply_fields f = {
		.recipient = (const uint8_t *)recipient, .recipient_len = len, .domain = "army.ml", .meant = meant, .contact = contact,
	};
	size_t n = reply_text(buf, template, &f);

	assert_int_equal(n, strlen(buf));
	memcpy(answer.text, buf, n);
	answer.text_len = (uint16_t)n;
	assert_int_equal(dp_answer_check(&answer, sizeof(answer)), 0);
	return buf;
}

static void
test_words(void **state)
{
	assert_string_equal(expand(REPLY_TEXT_DEFAULT, "x@army.ml", 9, "army.mil", NULL),
			    "550 5.1.2 <x@army.ml>: not delivered; did you mean <x@army.mil>?");
	assert_string_equal(expand(REPLY_TEXT_DEFAULT, "x@army.ml", 9, "", "help@army.mil"),
			    "550 5.1.2 <x@army.ml>: not delivered Questions: help@army.mil");
	assert_string_equal(expand("{meant}", "a%b@army.ml", 11, "army.mil", NULL), "550 5.1.2 army.mil");
	assert_string_equal(expand("{meant}", "@relay.example:x@army.ml", 24, "army.mil", NULL), "550 5.1.2 army.mil");
	assert_string_equal(expand("{recipient}", "x\r\n250 Ok\xc3\xa4\x1b[0m", 15, NULL, NULL), "550 5.1.2 x??250 Ok???[0m");
}

static void
test_lengths(void **state)
{
	char recipient[REPLY_FIELD_MAX + 1], template[1200] = "";
	unsigned int i;

	memset(recipient, 'x', sizeof(recipient));
	assert_int_equal(strlen(expand("{recipient}", recipient, REPLY_FIELD_MAX, NULL, NULL)), 10 + REPLY_FIELD_MAX);
	assert_int_equal(strlen(expand("{recipient}", recipient, REPLY_FIELD_MAX + 1, NULL, NULL)), 10 + REPLY_FIELD_MAX + 3);
	for (i = 0; i < 100; i++)
		strcat(template, "{recipient}");
	assert_int_equal(strlen(expand(template, recipient, REPLY_FIELD_MAX, NULL, NULL)), REPLY_TEXT_MAX);
}

static void
test_templates(void **state)
{
	static const struct {
		const char *template;
		size_t at;
	} wrong[] = {
		{ "", 0 }, { "a {who}", 2 }, { "a {recipient", 2 }, { "[a [b]]", 3 }, { "a]", 1 }, { "[a", 2 }, { "a\nb", 1 }, { "a\xc3\xa4", 1 },
	};
	const char *why;
	size_t at;
	unsigned int i;

	assert_int_equal(reply_text_check(REPLY_TEXT_DEFAULT, &at, &why), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(reply_text_check(wrong[i].template, &at, &why), -EINVAL);
		assert_int_equal(at, wrong[i].at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
