/* SPDX-License-Identifier: BSD-3-Clause */
/* postern rules: what it prints and how it exits, run in a child with its own standard input and output. */
#include "cmd_rules_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#define MIL RULES_DIR "/mil.yaml"

static void
test_check(void **state)
{
	char path[] = "/tmp/postern-check-XXXXXX";
	static const char wrong[] =
		"version: 1\nrules: [{id: \"a\\eb\", suffix: ml, meant: mil}]\n";
	static const char old[] = "version: 1\nallow: [{id: a, domain: a.b, until: 2001-01-01}]\n";
	struct output o;
	FILE *f;
	int fd;

	RUN(&o, "", 0, "check", MIL);
	assert_int_equal(o.rc, 0);
	assert_non_null(strstr(o.text, "good: 2 rules, 15 exceptions, 0 warnings"));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	assert_true(fputs(wrong, f) >= 0);
	fclose(f);
	RUN(&o, "", 0, "check", path);
	assert_int_equal(o.rc, 2);
	assert_non_null(strstr(o.text, ":2:15: error: "));
	assert_null(strchr(o.text, '\x1b')); /* nothing of the file reaches a terminal as it is */
	assert_non_null(strstr(o.text, "a\\x1Bb"));
	RUN(&o, "", 0, "check", MIL, path);
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "explain", "--rules", path, "a@b.c");
	assert_int_equal(o.rc, 2);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(old, f) >= 0);
	fclose(f);
	RUN(&o, "", 0, "check", path);
	assert_int_equal(o.rc, 1);
	assert_non_null(strstr(o.text, ":2:14: warning: "));
	RUN(&o, "", 0, "check", "--at", "2000-01-01", path);
	assert_int_equal(o.rc, 1);
	assert_null(strstr(o.text, "has expired"));
	assert_non_null(strstr(o.text, "has no owner and no ticket"));
	RUN(&o, "", 0, "check", "--at", "some day", path);
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "list", "--rules", path, "--at", "2000-06-01");
	assert_non_null(strstr(o.text, " works "));
	RUN(&o, "", 0, "list", "--rules", path);
	assert_non_null(strstr(o.text, " ended "));
	assert_int_equal(unlink(path), 0);
	RUN(&o, "", 0, "check", path);
	assert_int_equal(o.rc, 2);
}

static void
test_usage(void **state)
{
	struct output o;

	RUN(&o, "", 0, "list", "--rules", MIL);
	assert_int_equal(o.rc, 0);
	assert_non_null(strstr(o.text, "mil-ml"));
	assert_non_null(strstr(o.text, "mil.yaml:"));
	RUN(&o, "", 0, "--help");
	assert_int_equal(o.rc, 0);
	RUN(&o, "", 0, "explain", "--help");
	assert_int_equal(o.rc, 0);
	RUN(&o, "", 0, "what", "army.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "explain");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "explain", "x@army.ml"); /* by the rules that ship */
	assert_int_equal(o.rc, 0);
	assert_non_null(strstr(o.text, "rule:mil-ml"));
	RUN(&o, "", 0, "explain", "--at", "yesterday", "a@b.c");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "list", "what");
	assert_int_equal(o.rc, 2);
}

struct expected {
	const char *address;
	bool is_match;
	const char *meant;
};

static void
check_string(const json_t *object, const char *key, const char *want)
{
	const json_t *value = json_object_get(object, key);

	assert_non_null(value);
	if (want == NULL)
		assert_true(json_is_null(value));
	else
		assert_string_equal(json_string_value(value), want);
}

/* One answer per line in the same order, whatever the line is. */
static void
test_explain_json(void **state)
{
	static const char input[] =
		"bob@army.ml\n\nbob@army.mil\r\n<x@hq.ARMY.ml.> SIZE=1\nx@orange.ml\npostmaster\n"
		"\xff\x1b[2J@navy.ml\n@relay.example:y@navy.ml\nz\0z@navy.ml\nlast@us.af.ml";
	static const struct expected expected[] = {
		{"bob@army.ml", true, "army.mil"}, {"", false, NULL},
		{"bob@army.mil", false, NULL},	   {"<x@hq.ARMY.ml.> SIZE=1", true, "hq.army.mil"},
		{"x@orange.ml", false, NULL},	   {"postmaster", false, NULL},
		{NULL, true, "navy.mil"},	   {"@relay.example:y@navy.ml", true, "navy.mil"},
		{NULL, true, "navy.mil"},	   {"last@us.af.ml", true, "us.af.mil"},
	};
	struct output o;
	char *line = o.text, *end;
	json_t *answer;
	size_t i;

	RUN(&o, input, sizeof(input) - 1, "explain", "--json", "--rules", MIL, "-");
	assert_int_equal(o.rc, 0);
	for (i = 0; i < o.len; i++)
		assert_true(o.text[i] == '\n' || (unsigned char)o.text[i] >= 0x20);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++, line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		answer = json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
		assert_non_null(answer);
		if (expected[i].address != NULL)
			check_string(answer, "address", expected[i].address);
		assert_int_equal(json_is_true(json_object_get(answer, "match")),
				 expected[i].is_match);
		check_string(answer, "meant", expected[i].meant);
		check_string(answer, "technique", expected[i].is_match ? "suffix" : NULL);
		check_string(answer, "rule", expected[i].is_match ? "mil-ml" : NULL);
		check_string(answer, "verdict", expected[i].is_match ? "refuse" : "pass");
		check_string(answer, "verdict_by", expected[i].is_match ? "rule:mil-ml" : NULL);
		assert_true(json_string_length(json_object_get(answer, "explanation")) > 0);
		assert_int_equal(json_object_get(answer, "address_raw") != NULL, i == 6);
		json_decref(answer);
	}
	assert_int_equal(*line, '\0');
}

/* Exceptions as ctrl applies them: the match stays, the verdict changes. */
static void
test_explain_exception(void **state)
{
	static const char rules[] =
		"version: 1\nprotect: [army.mil]\nrules: [{id: ml, suffix: ml, meant: mil}]\n"
		"allow: [{id: liaison, domain: army.ml, sender: a@b.example, until: 2030-06-30}]\n";
	char path[] = "/tmp/postern-explain-XXXXXX";
	struct output o;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, rules, sizeof(rules) - 1), sizeof(rules) - 1);
	close(fd);
	RUN(&o, "", 0, "explain", "-r", path, "-j", "-s", "a@b.example", "--at",
	    "2030-06-30T23:59:59Z", "x@army.ml");
	assert_int_equal(o.rc, 0);
	assert_non_null(strstr(o.text, "\"match\":true"));
	assert_non_null(
		strstr(o.text, "\"verdict\":\"pass\",\"verdict_by\":\"exception:liaison\""));
	assert_non_null(
		strstr(o.text, "the rule says refuse, the exception liaison lets it through"));
	RUN(&o, "", 0, "explain", "-r", path, "-j", "-s", "a@b.example", "--at", "2030-07-01",
	    "x@army.ml");
	assert_non_null(strstr(o.text, "\"verdict_by\":\"rule:ml\""));
	RUN(&o, "", 0, "explain", "-r", path, "x@army.ml", "y@army.mil");
	assert_non_null(strstr(o.text, "x@army.ml: refuse by rule:ml, suffix, meant army.mil\n"));
	assert_non_null(strstr(o.text, "y@army.mil: no match\n    the domain is a protected one"));
	assert_int_equal(unlink(path), 0);
}

/* Of several readings the strongest match counts, wherever it stands, as in the dataplane. */
static void
test_explain_readings(void **state)
{
	static const char rules[] = "version: 1\nprotect: [{domain: army.mil, lookalikes: false}]\n"
				    "rules: [{id: ml, suffix: ml, meant: mil, verdict: reset}]\n"
				    "watch: [{id: weak, literal: weak.example, severity: low}]\n";
	char path[] = "/tmp/postern-readings-XXXXXX";
	struct output o;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, rules, sizeof(rules) - 1), sizeof(rules) - 1);
	close(fd);
	RUN(&o, "", 0, "explain", "-r", path, "x@weak.example");
	assert_non_null(strstr(o.text, " by rule:weak, literal\n"));
	RUN(&o, "", 0, "explain", "-r", path, "x%army.ml@weak.example");
	assert_non_null(strstr(o.text, ": reset by rule:ml, suffix, meant army.mil\n"));
	RUN(&o, "", 0, "explain", "-r", path, "x%weak.example@army.ml");
	assert_non_null(strstr(o.text, ": reset by rule:ml, suffix, meant army.mil\n"));
	assert_int_equal(unlink(path), 0);
}

/* Rules and exceptions of some senders and networks only, and an exception that has ended. */
static void
test_explain_scope(void **state)
{
	static const char rules[] =
		"version: 1\nprotect: [{domain: army.mil, lookalikes: {id: like}}]\n"
		"rules: [{id: ml, suffix: ml, meant: mil, severity: critical, verdict: reset,\n"
		"         senders: [b.example, 192.0.2.0/24, '2001:db8::/32']}]\n"
		"allow: [{id: old, domain: army.mi, until: 2020-01-01}]\n";
	static const struct {
		const char *option, *value, *want;
	} cases[] = {
		{"--sender", "a@b.example", ": reset by rule:ml, suffix, meant army.mil\n"},
		{"--sender", "a@c.example", ": refuse by rule:like, tld, meant army.mil\n"},
		{"--client", "192.0.2.9", ": reset by rule:ml, suffix, "},
		{"-c", "192.0.3.9", ": refuse by rule:like, tld, "},
		{"--client", "2001:db8::7", ": reset by rule:ml, suffix, "},
		{"--client", "2001:db9::7", ": refuse by rule:like, tld, "},
	};
	char *path = file_with(rules, sizeof(rules) - 1);
	struct output o;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		RUN(&o, "", 0, "explain", "-r", path, cases[i].option, cases[i].value, "x@army.ml");
		if (o.rc != 0 || strstr(o.text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].value, o.text);
	}
	RUN(&o, "", 0, "explain", "-r", path, "x@army.mi");
	assert_non_null(strstr(o.text, "; the exception old has ended\n"));
	RUN(&o, "", 0, "explain", "-r", path, "--at", "2019-12-31", "x@army.mi");
	assert_non_null(
		strstr(o.text, "the rule says refuse, the exception old lets it through\n"));
	RUN(&o, "", 0, "explain", "-r", path, "--client", "192.0.2", "x@army.mi");
	assert_int_equal(o.rc, 2);
	remove_file(path);
	path = file_with("version: 1\nprotect: [{domain: army.mil, lookalikes: false}]\n"
			 "rules: [{id: ml, suffix: ml, meant: mil, senders: b.example}]\n",
			 122);
	RUN(&o, "", 0, "explain", "-r", path, "x@army.ml");
	assert_non_null(strstr(o.text, "x@army.ml: pass by scope:ml, suffix, meant army.mil\n"));
	assert_non_null(strstr(o.text, "; but the rule ml is not for this sender\n"));
	remove_file(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_explain_json),
		cmocka_unit_test(test_explain_exception),
		cmocka_unit_test(test_explain_readings),
		cmocka_unit_test(test_explain_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
