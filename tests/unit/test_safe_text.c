/* SPDX-License-Identifier: BSD-3-Clause */
#include "safe_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
check(const char *src, size_t len, const char *want)
{
	char buf[256];

	assert_int_equal(safe_text(buf, sizeof(buf), src, len), strlen(want));
	assert_string_equal(buf, want);
	assert_int_equal(safe_text_is_safe(src, len),
			 strlen(want) == len && memcmp(src, want, len) == 0);
}

static void
test_kept(void **state)
{
	check("", 0, "");
	check("bob@army.mil ~", 14, "bob@army.mil ~");
	check("b\xc3\xbc"
	      "cher.example",
	      15,
	      "b\xc3\xbc"
	      "cher.example");
	check("\xe6\x97\xa5\xe6\x9c\xac", 6, "\xe6\x97\xa5\xe6\x9c\xac");
	check("\xf0\x9f\x93\xa7", 4, "\xf0\x9f\x93\xa7");
}

static void
test_controls(void **state)
{
	check("a\0b", 3, "a\\x00b");
	check("\x1b[2J", 4, "\\x1B[2J");
	check("\r\n\t\x7f", 4, "\\x0D\\x0A\\x09\\x7F");
	check("\xc2\x9b", 2, "\\xC2\\x9B");		      /* C1: CSI */
	check("\xe2\x80\xae", 3, "\\xE2\\x80\\xAE");	      /* U+202E, right-to-left override */
	check("\xe2\x81\xa6", 3, "\\xE2\\x81\\xA6");	      /* U+2066, isolate */
	check("\xe2\x80\xa8", 3, "\\xE2\\x80\\xA8");	      /* U+2028, line separator */
	check("\xd8\x9c", 2, "\\xD8\\x9C");		      /* U+061C, Arabic letter mark */
	check("\xef\xbb\xbf", 3, "\\xEF\\xBB\\xBF");	      /* byte order mark */
	check("\xf3\xa0\x81\x81", 4, "\\xF3\\xA0\\x81\\x81"); /* U+E0041, a tag */
}

static void
test_no_utf8(void **state)
{
	check("\xff\xfe", 2, "\\xFF\\xFE");
	check("\xc0\xaf", 2, "\\xC0\\xAF");		      /* overlong */
	check("\xe0\x80\xaf", 3, "\\xE0\\x80\\xAF");	      /* overlong */
	check("\xed\xa0\x80", 3, "\\xED\\xA0\\x80");	      /* surrogate */
	check("\xf4\x90\x80\x80", 4, "\\xF4\\x90\\x80\\x80"); /* above U+10FFFF */
	check("\xe6\x97", 2, "\\xE6\\x97");		      /* cut */
	check("\xe6\x97x", 3, "\\xE6\\x97x");
}

static void
test_cut(void **state)
{
	char buf[8];

	memset(buf, 'z', sizeof(buf));
	assert_int_equal(safe_text(buf, 0, "abc", 3), 3);
	assert_int_equal(buf[0], 'z');
	assert_int_equal(safe_text(buf, 4, "abc", 3), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(safe_text(buf, 3, "abc", 3), 3);
	assert_string_equal(buf, "ab");
	assert_int_equal(safe_text(buf, 5,
				   "ab\xff"
				   "c",
				   4),
			 7); /* no half escape, and nothing after the cut */
	assert_string_equal(buf, "ab");
	assert_int_equal(safe_text(buf, 3, "a\xc3\xbc", 3), 3); /* no half character */
	assert_string_equal(buf, "a");
}

/* Whatever goes in, what comes out is safe. */
static void
test_any_octets(void **state)
{
	uint8_t src[64];
	char buf[4 * sizeof(src) + 1];
	size_t round, i, len;

	srand(1);
	for (round = 0; round < 20000; round++) {
		len = (size_t)rand() % sizeof(src);
		for (i = 0; i < len; i++)
			src[i] = (uint8_t)rand();
		i = safe_text(buf, sizeof(buf), src, len);
		assert_true(i < sizeof(buf));
		assert_int_equal(strlen(buf), i);
		assert_true(safe_text_is_safe(buf, i));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),	   cmocka_unit_test(test_controls),
		cmocka_unit_test(test_no_utf8),	   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
