/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule files: what is accepted, and each error with its place, its words and its hint. */
#include "ruleset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rule_date.h"
#include "rules_fixture.h"
#include "yaml_tree.h"

#define V "version: 1\n"

struct fault {
	const char *text;
	int line, column;
	const char *what; /* part of it */
	const char *hint; /* part of it, or NULL */
};

static size_t
check_fault(const struct fault *f)
{
	struct ruleset *set = NULL;
	struct rule_errors errs;
	size_t wrong = 0;
	int rc;

	rc = ruleset_load_octets("t.yaml", f->text, strlen(f->text), 1, &errs, &set);
	if (rc != -EINVAL || errs.nb != 1 || errs.list[0].line != f->line ||
	    errs.list[0].column != f->column || strstr(errs.list[0].what, f->what) == NULL ||
	    (f->hint != NULL &&
	     (errs.list[0].hint == NULL || strstr(errs.list[0].hint, f->hint) == NULL))) {
		fixture_print_errors(&errs);
		print_message("rc %d, expected %d:%d %s for\n%s", rc, f->line, f->column, f->what,
			      f->text);
		wrong = 1;
	}
	ruleset_free(set);
	rule_errors_free(&errs);
	return wrong;
}

static void
test_faults(void **state)
{
	static const struct fault faults[] = {
		{"", 0, 0, "empty", "version: 1"},
		{"# nothing\n", 0, 0, "empty", "version: 1"},
		{"protect: [a.b]\n", 1, 1, "no \"version\"", "version: 1"},
		{"version: 2\n", 1, 10, "version can't be \"2\"", NULL},
		{"[]\n", 1, 1, "must be a mapping", NULL},
		{V "protct: [a.b]\n", 2, 1, "unknown key \"protct\"", "did you mean \"protect\""},
		{V V, 2, 1, "\"version\" stands twice", NULL},
		{V "protect: a.b\n", 2, 10, "must be a list", NULL},
		{V "protect:\n", 2, 1, "no value", NULL},
		{V "protect: []\n", 2, 10, "empty", NULL},
		{V "protect: [mil]\n", 2, 11, "single label", "*.NAME"},
		{V "protect: [a..b]\n", 2, 13, "empty label", NULL},
		{V "protect: ['-a.b']\n", 2, 12, "hyphen", NULL},
		{V "protect: ['x@a.b']\n", 2, 13, "is an address", NULL},
		{V "protect: [\"b\xef\xbd\x81.de\"]\n", 2, 13, "in another form only", "plain letters"},
		{V "protect: [\"b\xc3\xbc-.de\"]\n", 2, 12, "begins or ends with a hyphen", NULL},
		{V "protect: [b\xc3\xbc.de, B\xc3\x9c.de]\n", 2, 18, "stands twice, first at t.yaml:2:11", NULL},
		{V "protect: [b\xc3\xbc.de, xn--b-eha.de]\n", 2, 18, "stands twice, first at t.yaml:2:11", NULL},
		{V "protect: [a.b, A.B.]\n", 2, 16, "\"a.b\" stands twice, first at t.yaml:2:11",
		 NULL},
		{V "protect: [a.b, '*.a.b']\n", 2, 17, "as a domain and as a zone, first at t.yaml:2:11",
		 "known names"},
		{V "protect: [{domain: '*.mil', subdomains: not}]\n", 2, 41, "can't be excluded",
		 NULL},
		{V "protect: [{domain: '*.mil', known: [army.ml]}]\n", 2, 37,
		 "does not stand below", NULL},
		{V "protect: [{domain: a.b, known: [x.a.b]}]\n", 2, 32, "belongs to a zone", NULL},
		{V "protect: [{domain: a.b, subdomains: maybe}]\n", 2, 37, "can't be \"maybe\"",
		 "legitimate, not"},
		{V "rules: [{suffix: ml, meant: mil, match: every}]\n", 2, 9, "no \"id\"", NULL},
		{V "rules: [{id: a b, suffix: ml, meant: mil}]\n", 2, 14, "not allowed", NULL},
		{V "rules: [{id: a, suffix: ml, meant: ml, match: every}]\n", 2, 25, "the same",
		 NULL},
		{V "rules: [{id: a, suffix: [ml, ml], meant: mil, match: every}]\n", 2, 30,
		 "stands twice", NULL},
		{V "rules: [{id: a, suffix: ml, meant: mil, match: evry}]\n", 2, 48, "\"evry\"",
		 "did you mean \"every\""},
		{V "rules: [{id: a, suffix: ml, meant: mil, match: every, verdict: deny}]\n", 2, 64,
		 "verdict", "refuse"},
		{V "rules: [{id: a, suffix: ml, meant: mil, match: every, severity: 5}]\n", 2, 65,
		 "severity", "critical"},
		{V "rules: [{id: a, suffix: ml, meant: mil, match: every, enabled: yes}]\n", 2, 64,
		 "enabled", "true"},
		{V "rules: [{id: a, suffix: ml, meant: mil, techniques: [sufix]}]\n", 2, 54,
		 "\"sufix\"", "\"suffix\""},
		{V "rules: [{id: a, suffix: ml, meant: mil, techniques: [literal]}]\n", 2, 53,
		 "can't be used", NULL},
		{V "protect: [a.mil]\nrules: [{id: a, suffix: ml, meant: mil, match: every, "
		   "techniques: [suffix]}]\n",
		 3, 48, "differ", NULL},
		{V "watch: [{id: a, expression: 'a('}]\n", 2, 30, "Missing close parenthesis",
		 "PCRE"},
		{V "watch: [{id: a, expression: 'a*'}]\n", 2, 30, "empty buffer", NULL},
		{V "watch: [{id: a, expression: '(*UTF8)a'}]\n", 2, 30, "control verb", NULL},
		{V "watch: [{id: a, enabled: false, expression: 'a('}]\n", 2, 46, "Missing close",
		 NULL},
		{V "watch: [{id: a}]\n", 2, 9, "neither", NULL},
		{V "watch: [{id: a, expression: x, literal: a.b}]\n", 2, 41, "either", NULL},
		{V "watch: [{id: a, literal: a.b, on: address}]\n", 2, 35,
		 "belong to an expression", NULL},
		{V "watch: [{id: a, literal: a.b}, {id: a, literal: a.c}]\n", 2, 37,
		 "\"a\" stands twice, first at t.yaml:2:14", NULL},
		{V "allow: [{id: a, domain: a.b}, {id: a, domain: a.c}]\n", 2, 36,
		 "first at t.yaml:2:14", NULL},
		{V "allow: [{id: a}]\n", 2, 9, "no \"address\"", NULL},
		{V "allow: [{id: a, domain: a.b, subtree: a.c}]\n", 2, 39, "one of", NULL},
		{V "allow: [{id: a, address: a.b}]\n", 2, 26, "not an address", NULL},
		{V "allow: [{id: a, domain: a.b, from: 2026-02-30}]\n", 2, 36, "no date",
		 "2026-01-31"},
		{V "allow: [{id: a, domain: a.b, from: 2096-02-02, until: 2096-02-01}]\n", 2, 55,
		 "before it begins", NULL},
		{V "ruleset: &x a\n", 2, 11, "anchor", NULL},
		{V "ruleset: *x\n", 2, 11, "alias", "quotes"},
		{V "ruleset: !!str a\n", 2, 10, "tags", NULL},
		{V "---\nversion: 1\n", 2, 1, "second document", NULL},
		{V "protect: [[[[[[[[[[[[[[[[[[[[a.b]]]]]]]]]]]]]]]]]]]]\n", 2, 25, "nested", NULL},
		{V "ruleset: \xff\n", 2, 10, "0xff is not valid UTF-8", "UTF-8"},
		{V "ruleset: a\001\n", 2, 11, "0x01 is a control character", NULL},
		{V "protect:\n\t- a.b\n", 3, 1, "tab", "blanks"},
		{V "ruleset: a\t# b\n", 2, 11, "tab", "blanks"},
		{V "ruleset: 'x\n", 2, 11, "quote", NULL},
	};
	size_t wrong = 0, i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		wrong += check_fault(&faults[i]);
	assert_int_equal(wrong, 0);
}

/* A file with many faults: all of them, in the order of their places; nothing is given out. */
static void
test_all_at_once(void **state)
{
	static const char text[] =
		V "protect:\n  - a..b\n  - mil\nrules:\n  - {id: x, sufix: ml, meant: mil}\n"
		  "watch:\n  - {id: y, expression: '('}\nallow:\n  - {id: z, domain: a.b, until: "
		  "never}\n"
		  "  - {id: z, domain: !!str a.c, owner: *o}\n";
	static const int lines[] = {3, 4, 6, 6, 8, 10, 11, 11, 11};
	struct ruleset *set = NULL;
	struct rule_errors errs;
	size_t i;

	assert_int_equal(ruleset_load_octets("t.yaml", text, strlen(text), 1, &errs, &set),
			 -EINVAL);
	assert_null(set);
	if (errs.nb != 9)
		fixture_print_errors(&errs);
	assert_int_equal(errs.nb, 9);
	assert_int_equal(errs.nb_errors, 9);
	for (i = 0; i < errs.nb; i++)
		assert_int_equal(errs.list[i].line, lines[i]);
	rule_errors_free(&errs);
}

/* No growth without bound: the size of a file, and the number of errors kept. */
static void
test_limits(void **state)
{
	size_t len = YAML_LEN_MAX + 1, i;
	struct ruleset *set = NULL;
	char *text = malloc(len);
	struct rule_errors errs;

	assert_non_null(text);
	memset(text, ' ', len);
	memcpy(text, V "#", sizeof(V));
	assert_int_equal(ruleset_load_octets("t", text, len, 1, &errs, &set), -EINVAL);
	assert_non_null(strstr(errs.list[0].what, "larger than 16 MiB"));
	rule_errors_free(&errs);
	assert_int_equal(ruleset_load_octets("t", text, len - 1, 1, &errs, &set), 0);
	ruleset_free(set);
	rule_errors_free(&errs);
	for (i = 0; i < 5000; i++)
		memcpy(text + i * 4, "\n- x", 4);
	memcpy(text, "a: ", 3); /* an unknown key, then a list of 5,000 */
	memcpy(text, "allow:\n- ", 9);
	assert_int_equal(ruleset_load_octets("t", text, 5000 * 4, 1, &errs, &set), -EINVAL);
	assert_true(errs.nb_errors > 4000);
	assert_int_equal(errs.nb, 1001);
	rule_errors_free(&errs);
	free(text);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
remove_file(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

/* Files of a folder merge in byte order of their names; a conflict names both places. */
static void
test_folder(void **state)
{
	char dir[] = "/tmp/postern-rules-XXXXXX", want[256];
	struct fixture f;
	uint64_t hash;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(ruleset_load(dir, 1, &f.errs, &f.set), -EINVAL);
	assert_non_null(strstr(f.errs.list[0].what, "no rule file"));
	rule_errors_free(&f.errs);
	write_file(dir, "b.yaml", V "rules: [{id: two, suffix: ml, meant: mil, match: every}]\n");
	write_file(dir, "B.yaml", V "rules: [{id: one, suffix: ml, meant: mil, match: every}]\n");
	write_file(dir, "c.yml", "not read");
	write_file(dir, ".d.yaml", "not read");
	fixture_load(&f, dir);
	assert_string_equal(ruleset_rule(f.set, 0)->id, "one");
	assert_string_equal(ruleset_rule(f.set, 1)->id, "two");
	assert_string_equal(ruleset_name(f.set), strrchr(dir, '/') + 1);
	assert_match(&f, "x.ml", "one", "suffix_any",
		     "x.mil"); /* the same severity: the first rule */
	hash = ruleset_hash(f.set);
	fixture_free(&f);
	fixture_load(&f, dir);
	assert_true(ruleset_hash(f.set) == hash);
	fixture_free(&f);
	write_file(dir, "c.yaml", V "rules: [{id: one, suffix: mi, meant: mil, match: every}]\n");
	assert_int_equal(ruleset_load(dir, 1, &f.errs, &f.set), -EINVAL);
	assert_int_equal(f.errs.nb, 1);
	snprintf(want, sizeof(want), "\"one\" stands twice, first at %s/B.yaml:2:14", dir);
	assert_non_null(strstr(f.errs.list[0].what, want));
	assert_non_null(strstr(f.errs.list[0].file, "/c.yaml"));
	rule_errors_free(&f.errs);
	remove_file(dir, "b.yaml");
	remove_file(dir, "B.yaml");
	remove_file(dir, "c.yaml");
	remove_file(dir, "c.yml");
	remove_file(dir, ".d.yaml");
	assert_int_equal(rmdir(dir), 0);
}

static void
test_no_file(void **state)
{
	char dir[] = "/tmp/postern-rules-XXXXXX", path[64];
	struct ruleset *set = NULL;
	struct rule_errors errs;

	assert_int_equal(ruleset_load("/nonexistent/x.yaml", 1, &errs, &set), -ENOENT);
	assert_int_equal(errs.nb_errors, 1);
	assert_string_equal(errs.list[0].file, "/nonexistent/x.yaml");
	rule_errors_free(&errs);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ruleset_load(path, 1, &errs, &set),
			 -EINVAL); /* and does not wait for a writer */
	rule_errors_free(&errs);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* One example, in a folder with the list files that the page speaks of. */
static void
check_example(const char *text, size_t len, size_t nb)
{
	static const char *const lists[] = {"partners.txt", "known.txt", "seen.txt"};
	static const char *const names[] = {"partner.example\n", "navy.mil # and so on\n", "bad.test\n"};
	char dir[] = "/tmp/postern-example-XXXXXX", path[64], copy[4096];
	struct ruleset *set;
	struct rule_errors errs;
	size_t i;

	assert_non_null(mkdtemp(dir));
	assert_true(len < sizeof(copy));
	memcpy(copy, text, len);
	copy[len] = '\0';
	write_file(dir, "example.yaml", copy);
	for (i = 0; i < 3; i++)
		write_file(dir, lists[i], names[i]);
	snprintf(path, sizeof(path), "%s/example.yaml", dir);
	if (ruleset_load(path, 1, &errs, &set) != 0) {
		fixture_print_errors(&errs);
		fail_msg("example %zu is wrong", nb + 1);
	}
	for (i = 0; i < errs.nb; i++)
		if (strstr(errs.list[i].what, "has expired") == NULL &&
		    strstr(errs.list[i].what, "is about to end") == NULL)
			fail_msg("example %zu: %s", nb + 1, errs.list[i].what);
	ruleset_free(set);
	rule_errors_free(&errs);
	remove_file(dir, "example.yaml");
	for (i = 0; i < 3; i++)
		remove_file(dir, lists[i]);
	assert_int_equal(rmdir(dir), 0);
}

/* Every example of the schema page is a file of its own and loads without a warning but for dates that pass. */
static void
test_readme(void **state)
{
	static char text[32768];
	FILE *f = fopen(RULES_DIR "/README.md", "r");
	char *p = text, *end;
	size_t len, nb = 0;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	assert_true(len > 0 && len < sizeof(text) - 1);
	fclose(f);
	for (; (p = strstr(p, "```yaml\n")) != NULL; p = end + 3, nb++) {
		p += 8;
		end = strstr(p, "```");
		assert_non_null(end);
		check_example(p, (size_t)(end - p), nb);
	}
	assert_int_equal(nb, 6);
}

static void
check_date(const char *text, uint64_t from_s, uint64_t until_s)
{
	uint64_t from, until;

	assert_int_equal(rule_date_read(text, &from, &until), 0);
	assert_int_equal(from, from_s * UINT64_C(1000000000));
	assert_int_equal(until, until_s * UINT64_C(1000000000));
}

static void
test_dates(void **state)
{
	static const char *const bad[] = {"",
					  "2026",
					  "2026-13-01",
					  "2026-02-29",
					  "2026-04-31",
					  "1969-12-31",
					  "2026-1-1",
					  "2026-01-01x",
					  "2026-01-01T25:00:00Z",
					  "2026-01-01T00:00Z",
					  "2026-01-01T00:00:00",
					  "2026-01-01T00:00:00.Z",
					  "2026-01-01T00:00:00+1",
					  "1970-01-01T00:00:00+01:00"};
	char text[RULE_DATE_LEN];
	uint64_t ns;
	size_t i;

	check_date("1970-01-01", 0, 86400);
	check_date("2024-02-29", 1709164800, 1709251200);
	check_date("2000-02-29", 951782400, 951868800);
	check_date("2026-11-21T20:30:00Z", 1795293000, 1795293000);
	check_date("2026-11-21T21:30:00+01:00", 1795293000, 1795293000);
	check_date("2026-11-21t15:00:00-05:30", 1795293000, 1795293000);
	assert_int_equal(rule_date_read("1970-01-01T00:00:00.1234567891Z", &ns, NULL), 0);
	assert_int_equal(ns, 123456789);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rule_date_read(bad[i], NULL, NULL) == 0)
			fail_msg("\"%s\" is taken for a date", bad[i]);
	rule_date_write(UINT64_C(1795293000) * UINT64_C(1000000000), text);
	assert_string_equal(text, "2026-11-21T20:30:00Z");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),	cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_limits),	cmocka_unit_test(test_folder),
		cmocka_unit_test(test_no_file), cmocka_unit_test(test_readme),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
