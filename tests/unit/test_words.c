/* SPDX-License-Identifier: BSD-3-Clause */
/* added words: everybody's, those of rule files, each for its own names only, and what is wrong with a list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "added_words.h"
#include "matcher.h"
#include "ruleset.h"

static bool
is_found(const char *rules, const char *name, const char *meant)
{
	struct matcher_query q = {
		.local = "x", .local_len = 1, .domain = name, .domain_len = strlen(name)};
	struct matcher_scratch *s;
	struct matcher_match m;
	struct rule_errors errs;
	struct ruleset *set;
	struct matcher *matcher;
	const void *image;
	size_t len;
	bool found;

	assert_int_equal(ruleset_load(rules, 1, &errs, &set), 0);
	rule_errors_free(&errs);
	image = ruleset_image(set, &len);
	assert_int_equal(matcher_load(image, len, &matcher), 0);
	assert_int_equal(matcher_scratch_new(matcher, &s), 0);
	found = matcher_judge(matcher, s, &q, &m) == 1;
	if (found) {
		assert_int_equal(m.technique, RULE_TECHNIQUE_ADDED_WORD);
		assert_string_equal(m.meant, meant);
	}
	matcher_scratch_free(s);
	matcher_free(matcher);
	ruleset_free(set);
	return found;
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
remove_all(const char *dir)
{
	static const char *const names[] = {"rules.yaml", "words.txt"};
	char path[256];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void
test_lists(void **state)
{
	static const struct {
		const char *name, *meant; /* NULL: no match */
	} cases[] = {
		{"login-bravo.test", "bravo.test"}, /* everybody's */
		{"payrollbravo.test", "bravo.test"},
		{"payroll-bravo.test", "bravo.test"},
		{"bravopayroll.test", "bravo.test"},
		{"bravo-payroll.test", "bravo.test"},
		{"x.bravo-payroll.test", "x.bravo.test"},
		{"two-parts-bravo.test", "bravo.test"},
		{"bravo-9.test", "bravo.test"},		   /* one character */
		{"charlie-payroll.test", "charlie.test"},  /* of the defaults */
		{"charlie-intranet.test", "charlie.test"}, /* its own */
		{"intranetcharlie.test", "charlie.test"},
		{"charlie-extra.test", "charlie.test"},
		{"bravo-intranet.test", NULL}, /* another's */
		{"bravo-extra.test", NULL},
		{"bravo-payrolls.test", NULL},
		{"bravo-pay-roll.test", NULL},
		{"payroll.test", NULL},
		{"payroll-.test", NULL},
		{"us.bravous.test", NULL}, /* in front only */
		{"usbravo.test", "bravo.test"},
	};
	char dir[] = "/tmp/postern-words-XXXXXX", path[256];
	size_t i;

	assert_non_null(mkdtemp(dir));
	write_file(dir, "rules.yaml",
		   "version: 1\n"
		   "defaults: {lookalikes: {words: [Payroll, two-parts, '9']}}\n"
		   "protect:\n"
		   "  - bravo.test\n"
		   "  - domain: charlie.test\n"
		   "    lookalikes: {words: intranet, words_file: words.txt}\n");
	write_file(dir, "words.txt", "# words\r\nextra\r\n  other # too\n");
	snprintf(path, sizeof(path), "%s/rules.yaml", dir);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (is_found(path, cases[i].name, cases[i].meant) != (cases[i].meant != NULL))
			fail_msg("%s", cases[i].name);
	assert_true(is_found(path, "charlieother.test", "charlie.test"));
	remove_all(dir);
}

static void
test_wrong(void **state)
{
	static const char rules[] =
		"version: 1\nprotect:\n  - domain: bravo.test\n"
		"    lookalikes: {words: [good, -bad, 'bl ank', \"\"], words_file: words.txt}\n";
	static const char *const faults[] = {"rules.yaml:4:32", "rules.yaml:4:39", "words.txt:2:2",
					     "words.txt:3:1"};
	char dir[] = "/tmp/postern-words-XXXXXX", path[256], place[300];
	struct rule_errors errs;
	struct ruleset *set = NULL;
	size_t i, k;

	assert_non_null(mkdtemp(dir));
	write_file(dir, "rules.yaml", rules);
	write_file(dir, "words.txt",
		   "fine\n bad.\n"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	snprintf(path, sizeof(path), "%s/rules.yaml", dir);
	assert_int_equal(ruleset_load(path, 1, &errs, &set), -EINVAL);
	for (k = 0; k < sizeof(faults) / sizeof(faults[0]); k++) {
		for (i = 0; i < errs.nb; i++) {
			snprintf(place, sizeof(place), "%s:%d:%d", errs.list[i].file,
				 errs.list[i].line, errs.list[i].column);
			if (strlen(place) > strlen(faults[k]) &&
			    strcmp(place + strlen(place) - strlen(faults[k]), faults[k]) == 0)
				break;
		}
		if (i == errs.nb)
			fail_msg("no error at %s", faults[k]);
	}
	rule_errors_free(&errs);
	remove_all(dir);
}

/* The set of words itself: against a plain comparison, for every label over a few letters. */
static void
test_find(void **state)
{
	static const char strings[] = "a"
				      "ab"
				      "aba"
				      "b-a"
				      "bbbb";
	static const struct image_word words[] = {
		{{0, 1}, 1, 0}, {{1, 2}, 1, 0}, {{3, 3}, 2, 0}, {{6, 3}, 3, 0}, {{9, 4}, 1, 0}};
	struct added_words_rest rests[ADDED_WORDS_FOUND_MAX];
	struct added_words a;
	char label[8];
	size_t len, n, i, k, nb, want;

	assert_int_equal(added_words_init(&a, words, 5, strings, 7), 0);
	for (len = 1; len <= 6; len++) {
		size_t all = 1;

		for (i = 0; i < len; i++)
			all *= 3;
		for (n = 0; n < all; n++) {
			for (i = 0, k = n; i < len; i++, k /= 3)
				label[i] = "ab-"[k % 3];
			nb = added_words_find(&a, label, len, rests);
			want = 0;
			for (i = 0; i < 5; i++) {
				const char *w = strings + words[i].text.offset;
				size_t w_len = words[i].text.len;

				if (w_len >= len)
					continue;
				want += memcmp(label, w, w_len) == 0 &&
					w_len + (label[w_len] == '-') < len;
				want += memcmp(label + len - w_len, w, w_len) == 0 &&
					len - w_len - (label[len - w_len - 1] == '-') > 0;
			}
			if (nb != want)
				fail_msg("%.*s: %zu, not %zu", (int)len, label, nb, want);
		}
	}
	added_words_fini(&a);
}

/* More words fit than are told: no more than the limit, whatever the label. */
static void
test_many(void **state)
{
	static char strings[64];
	struct image_word words[63];
	struct added_words_rest rests[ADDED_WORDS_FOUND_MAX];
	struct added_words a;
	size_t i;

	memset(strings, 'z', sizeof(strings));
	for (i = 0; i < 63; i++)
		words[i] = (struct image_word){.text = {0, (uint32_t)i + 1}, .list = 1};
	assert_int_equal(added_words_init(&a, words, 63, strings, 7), 0);
	assert_int_equal(added_words_find(&a, strings, 63, rests), ADDED_WORDS_FOUND_MAX);
	for (i = 0; i < ADDED_WORDS_FOUND_MAX; i++)
		assert_true(rests[i].from < rests[i].to && rests[i].to <= 63);
	assert_int_equal(added_words_find(&a, strings, 1, rests), 0);
	assert_int_equal(added_words_find(&a, strings, 0, rests), 0);
	added_words_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
