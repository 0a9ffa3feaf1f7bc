/* SPDX-License-Identifier: BSD-3-Clause */
/* postern rules test: what counts as expected, how mismatches and wrong lines are told, how it
 * exits. */
#include "cmd_rules_run.h"

#define RULES                                                                 \
	"version: 1\nprotect: [{domain: army.mil, lookalikes: {id: like}}]\n" \
	"rules: [{id: ml, suffix: ml, meant: mil}]\n"                         \
	"allow: [{id: liaison, domain: army.ml, sender: a@b.example, until: 2030-06-30}]\n"

static char *
rules_file(void)
{
	return file_with(RULES, strlen(RULES));
}

static void
test_shipped(void **state)
{
	struct output o;

	RUN(&o, "", 0, "test", "--rules", RULES_DIR, RULES_DIR "/example.test");
	assert_string_equal(o.text, "22 as expected, 0 mismatches, 0 wrong lines\n");
	assert_int_equal(o.rc, 0);
}

static void
test_expected(void **state)
{
	static const char cases[] =
		"\n   # nothing\r\n"
		"x@army.ml match\n"
		"x@army.ml match meant=army.mil technique=suffix rule=ml verdict=refuse # all of "
		"it\n"
		"x@army.ml match sender=a@b.example at=2030-06-30 verdict=pass\n"
		"x@army.ml\tmatch\tsender=<a@b.example>\tat=2030-06-30T23:59:59Z verdict=pass\n"
		"x@army.ml match sender=a@b.example at=2030-07-01 verdict=refuse\n"
		"x@army.ml match sender=<> client=IPv6:2001:db8::1 verdict=refuse\n"
		"x@amry.mil match technique=transposition rule=like\n"
		"\"a b\"@army.ml match\n"
		"<\"a> b\"@army.ml> SIZE=10 match\n"
		"x@army.mil no-match verdict=pass\n"
		"\xff@army.mil no-match";
	char *rules = rules_file();
	struct output o;

	RUN(&o, cases, sizeof(cases) - 1, "test", "-r", rules, "--at", "2031-01-01", "-");
	assert_int_equal(
		o.rc,
		2); /* SIZE= is a word of its own: only brackets at the beginning keep it apart */
	assert_non_null(
		strstr(o.text, "standard input:11:18: error: the expected answer is neither"));
	assert_non_null(strstr(o.text, "10 as expected, 0 mismatches, 1 wrong line\n"));
	remove_file(rules);
}

static void
test_mismatches(void **state)
{
	static const char cases[] = "x@army.mil match meant=army.mil\n"
				    "  x@army.ml no-match\n"
				    "x@army.ml match meant=navy.mil\n"
				    "x@army.ml match technique=tld\n"
				    "x@army.ml match rule=other\n"
				    "x@army.ml match verdict=alert\n"
				    "x@army.ml match meant=army.mi\n"
				    "\x1b[2J@army.ml no-match\n"
				    "x@army.ml match\n";
	char *rules = rules_file(), *file = file_with(cases, sizeof(cases) - 1), want[256];
	struct output o;
	int i;

	RUN(&o, "", 0, "test", "-r", rules, file);
	assert_int_equal(o.rc, 1);
	assert_non_null(strstr(o.text, "1 as expected, 8 mismatches, 0 wrong lines\n"));
	for (i = 1; i <= 8; i++) {
		snprintf(want, sizeof(want), "%s:%d:%d: ", file, i, i == 2 ? 3 : 1);
		assert_non_null(strstr(o.text, want));
	}
	assert_null(strstr(o.text, ":9:"));
	assert_non_null(
		strstr(o.text, "x@army.mil: expected match, meant army.mil\n    got no match\n"));
	assert_non_null(strstr(
		o.text, "x@army.ml: expected no match\n"
			"    got match, verdict refuse by rule:ml, suffix, meant army.mil\n"));
	assert_non_null(strstr(o.text, "\\x1B[2J@army.ml"));
	RUN(&o, "", 0, "test", "-q", "-r", rules, file);
	assert_int_equal(o.rc, 1);
	assert_null(strstr(o.text, "as expected"));
	remove_file(rules);
	remove_file(file);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *line;
		int column;
	} wrong[] = {
		{"x@army.ml", 10},
		{"x@army.ml  ", 12},
		{"x@army.ml perhaps", 11},
		{"\"x@army.ml match", 1},
		{" <x@army.ml match", 2},
		{"x@army.ml match meant", 17},
		{"x@army.ml match meant=", 23},
		{"x@army.ml match meant=a meant=b", 31},
		{"x@army.ml match colour=red", 17},
		{"x@army.ml match technique=none", 27},
		{"x@army.ml match technique=suffi", 27},
		{"x@army.ml match verdict=stop", 25},
		{"x@army.ml match at=tomorrow", 20},
		{"x@army.ml match client=1.2.3", 24},
		{"x@army.ml no-match rule=ml", 1},
	};
	char *rules = rules_file(), want[64];
	struct output o;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		RUN(&o, wrong[i].line, strlen(wrong[i].line), "test", "-r", rules, "-");
		snprintf(want, sizeof(want), "standard input:1:%d: error: ", wrong[i].column);
		if (o.rc != 2 || strstr(o.text, want) == NULL)
			fail_msg("%s: %d, %s", wrong[i].line, o.rc, o.text);
	}
	RUN(&o, "", 0, "test", "-r", rules, "-"); /* nothing tested is no success */
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "test", "-r", rules, "/nonexistent");
	assert_int_equal(o.rc, 2);
	RUN(&o, "x@y match\n", 10, "test", "-r", "/nonexistent", "-");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "test");
	assert_int_equal(o.rc, 2);
	remove_file(rules);
}

/* A line at the limit, and one octet more. */
static void
test_long_line(void **state)
{
	enum { LIMIT = 64 << 10 };
	char *rules = rules_file(), *line = malloc(LIMIT + 1);
	static const char end[] = "@army.ml match";
	struct output o;

	assert_non_null(line);
	memset(line, 'a', LIMIT + 1);
	memcpy(line + LIMIT - strlen(end), end, strlen(end));
	RUN(&o, line, LIMIT, "test", "-r", rules, "-");
	assert_int_equal(o.rc, 0);
	memset(line, 'a', LIMIT);
	memcpy(line + LIMIT + 1 - strlen(end), end, strlen(end));
	RUN(&o, line, LIMIT + 1, "test", "-r", rules, "-");
	assert_int_equal(o.rc, 2);
	assert_non_null(strstr(o.text, "the line is too long"));
	free(line);
	remove_file(rules);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),	   cmocka_unit_test(test_expected),
		cmocka_unit_test(test_mismatches), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
