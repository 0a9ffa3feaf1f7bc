/* SPDX-License-Identifier: BSD-3-Clause */
/* What the check of rules finds doubtful, each with its place; and what ships is without doubt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rule_date.h"
#include "rules_fixture.h"

#define V "version: 1\n"

struct advice {
	const char *text;
	int line, column; /* 0: nothing is to be said */
	const char *what, *hint;
};

static void
load(const char *text, struct rule_errors *errs, struct ruleset **ret_set)
{
	if (ruleset_load_octets("t.yaml", text, strlen(text), 1, errs, ret_set) != 0) {
		fixture_print_errors(errs);
		fail_msg("wrong: %s", text);
	}
	assert_int_equal(ruleset_advise(*ret_set, errs), 0);
}

static size_t
check(const struct advice *a)
{
	struct ruleset *set = NULL;
	struct rule_errors errs;
	const struct rule_error *e;
	bool good;

	load(a->text, &errs, &set);
	e = errs.list;
	if (a->line == 0)
		good = errs.nb == 0;
	else
		good = errs.nb == 1 && e->level == RULE_WARNING && e->line == a->line &&
		       e->column == a->column && strstr(e->what, a->what) != NULL &&
		       (a->hint == NULL || strstr(e->hint, a->hint) != NULL);
	if (!good) {
		fixture_print_errors(&errs);
		print_message("expected %d:%d %s for\n%s", a->line, a->column, a->what, a->text);
	}
	ruleset_free(set);
	rule_errors_free(&errs);
	return !good;
}

#define ALLOW "owner: o, ticket: t"

static void
test_advice(void **state)
{
	static const struct advice list[] = {
		/* names near each other */
		{V "protect: [alphabet.example, alphabets.example]\n", 2, 29,
		 "lies one slip (plural) from", "one entry"},
		{V "protect: [alphabet.example, alphabte.example]\n", 2, 29,
		 "protected at t.yaml:2:11", NULL},
		{V "protect: [{domain: [alphabet.example, alphabte.example]}]\n", 0, 0, NULL, NULL},
		{V "protect: [alphabet.example, {domain: alphabte.example, lookalikes: false}]\n",
		 0, 0, NULL, NULL},
		{V "protect: [alphabet.example, alphabet.test]\n", 0, 0, NULL, NULL},
		{V "defaults: {lookalikes: {tld_swap: true}}\nprotect: [alphabet.example, "
		   "alphabet.test]\n",
		 0, 0, NULL, NULL},
		{V "protect: [{domain: '*.mil', known: [army.mil]}, amry.mil]\n", 2, 49,
		 "transposition", NULL},
		{V "protect: [alphabet.example, mail.alphabte.example, alphabte.example]\n", 2, 52,
		 "transposition", NULL},
		/* popular ones */
		{V "protect: [gmaill.com]\n", 2, 11, "\"gmail.com\", to which many people write",
		 "lookalikes: false"},
		{V "protect: [gmaill.com, {domain: gmail.com, lookalikes: false}]\n", 0, 0, NULL,
		 NULL},
		/* what can never match */
		{V "protect: [army.mil]\nwatch: [{id: w, literal: [army.mil, a.test]}]\n", 3, 27,
		 "is protected", NULL},
		{V "protect: [army.mil]\nwatch: [{id: w, literal: hq.army.mil}]\n", 3, 26,
		 "is protected", NULL},
		{V "protect: ['*.mil']\nwatch: [{id: w, suffix: mil}]\n", 3, 25, "is protected",
		 NULL},
		{V "watch: [{id: w, literal: bad.test, enabled: false}]\nprotect: [bad.test]\n", 0,
		 0, NULL, NULL},
		{V
		 "watch: [{id: a, literal: bad.test}, {id: b, literal: bad.test, severity: low}]\n",
		 2, 54, "\"a\" at t.yaml:2:26 has it", NULL},
		{V
		 "watch: [{id: a, literal: bad.test, severity: low}, {id: b, literal: bad.test}]\n",
		 2, 26, "\"b\" at t.yaml:2:69 has it", NULL},
		{V
		 "watch: [{id: a, literal: bad.test, senders: a.b}, {id: b, literal: bad.test}]\n",
		 0, 0, NULL, NULL},
		{V "protect: [army.mil]\nrules: [{id: a, suffix: ml, meant: mil}, {id: b, suffix: "
		   "ml, meant: mil}]\n",
		 3, 58, "never decides", NULL},
		{V
		 "watch: [{id: w, literal: x.bad.test}]\nallow: [{id: a, subtree: bad.test, " ALLOW
		 "}]\n",
		 2, 26, "\"a\" at t.yaml:3:14 lets all of it through", NULL},
		{V "watch: [{id: w, literal: bad.test}]\nallow: [{id: a, domain: bad.test, " ALLOW
		   "}]\n",
		 0, 0, NULL, NULL},
		{V "watch: [{id: w, literal: bad.test}]\nallow: [{id: a, subtree: bad.test, "
		   "sender: a.b, " ALLOW "}]\n",
		 0, 0, NULL, NULL},
		{V "protect: [army.mil]\nallow: [{id: a, domain: hq.army.mil, " ALLOW "}]\n", 3, 14,
		 "does nothing", NULL},
		/* techniques */
		{V
		 "protect: [{domain: alphabet.example, lookalikes: {omission: {min_label: 9}}}]\n",
		 2, 50, "omission can't find anything: it wants labels of 9", NULL},
		{V
		 "protect: [{domain: alphabet.example, lookalikes: {omission: {min_label: 8}}}]\n",
		 0, 0, NULL, NULL},
		{V "protect: [{domain: abc.example, lookalikes: {omission: true}}]\n", 2, 45,
		 "labels of 4", NULL},
		{V "defaults: {lookalikes: {omission: {min_label: 9}}}\nprotect: "
		   "[alphabet.example]\n",
		 0, 0, NULL, NULL},
		{V "protect: [{domain: alphabet.example, lookalikes: {typing: false, squatting: "
		   "false}}]\n",
		 2, 50, "no technique is left", NULL},
		{V "rules: [{id: a, suffix: ml, meant: mil}]\n", 2, 14, "can't find anything",
		 NULL},
		/* exceptions */
		{V "allow: [{id: a, domain: a.b, owner: o}]\n", 2, 14, "has no ticket", NULL},
		{V "allow: [{id: a, domain: a.b, ticket: o}]\n", 2, 14, "has no owner", NULL},
		{V "allow: [{id: a, domain: a.b}]\n", 2, 14, "has no owner and no ticket", NULL},
	};
	size_t wrong = 0, i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		wrong += check(&list[i]);
	assert_int_equal(wrong, 0);
}

/* Names of a list file know nothing of each other. */
static void
test_list(void **state)
{
	char dir[] = "/tmp/postern-advice-XXXXXX", rules[64], names[64];
	struct ruleset *set = NULL;
	struct rule_errors errs;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(rules, sizeof(rules), "%s/a.yaml", dir);
	snprintf(names, sizeof(names), "%s/names", dir);
	f = fopen(rules, "w");
	assert_non_null(f);
	assert_true(fputs(V "protect: [{list: names}]\n", f) >= 0);
	fclose(f);
	f = fopen(names, "w");
	assert_non_null(f);
	assert_true(fputs("alphabet.example\nother.example\nalphabte.example\n", f) >= 0);
	fclose(f);
	assert_int_equal(ruleset_load(rules, 1, &errs, &set), 0);
	assert_int_equal(ruleset_advise(set, &errs), 0);
	assert_int_equal(errs.nb, 1);
	assert_string_equal(errs.list[0].file, names);
	assert_int_equal(errs.list[0].line, 3);
	ruleset_free(set);
	rule_errors_free(&errs);
	assert_int_equal(unlink(rules), 0);
	assert_int_equal(unlink(names), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* Thirty days before its end an exception is spoken of, and after it; as of the moment asked for.
 */
static void
test_dates(void **state)
{
	static const struct {
		const char *at, *what; /* NULL: nothing is said */
	} cases[] = {
		{"2030-05-31T23:59:59Z", NULL},
		{"2030-06-01", "is about to end (at 2030-07-01T00:00:00Z)"},
		{"2030-06-30T23:59:59Z", "is about to end"},
		{"2030-07-01", "has expired"},
	};
	char path[] = "/tmp/postern-advice-XXXXXX";
	static const char text[] =
		V "allow: [{id: a, domain: a.b, " ALLOW ", until: 2030-06-30}]\n";
	struct ruleset *set = NULL;
	struct rule_errors errs;
	int fd = mkstemp(path);
	uint64_t at_ns;
	size_t i;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rule_date_read(cases[i].at, &at_ns, NULL), 0);
		assert_int_equal(ruleset_load_at(path, 1, at_ns, &errs, &set), 0);
		assert_int_equal(errs.nb, cases[i].what != NULL);
		if (cases[i].what != NULL)
			assert_non_null(strstr(errs.list[0].what, cases[i].what));
		ruleset_free(set);
		rule_errors_free(&errs);
	}
	assert_int_equal(unlink(path), 0);
}

static void
test_shipped(void **state)
{
	struct ruleset *set = NULL;
	struct rule_errors errs;

	assert_int_equal(ruleset_load(RULES_DIR, 1, &errs, &set), 0);
	assert_int_equal(ruleset_advise(set, &errs), 0);
	if (errs.nb > 0)
		fixture_print_errors(&errs);
	assert_int_equal(errs.nb, 0);
	ruleset_free(set);
	rule_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
