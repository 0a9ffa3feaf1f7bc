/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookalikes: slips people make, innocents, every single edit, settings of rule files, collisions
 * that were aimed at. */
#include "matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules_fixture.h"
#include "typo_index.h"

#define V "version: 1\n"

static const char protected_names[] = V
	"ruleset: t\n"
	"protect: [army.mil, navy.mil, us.af.mil, mail.mil, example.com, gmail.com, hotmail.com,\n"
	"  outlook.com, yahoo.com, barclays.co.uk, hmrc.gov.uk, lockheedmartin.com, "
	"whitehouse.gov,\n"
	"  state.gov, wikipedia.org, slashdot.net, berkeley.edu, t-online.de, gmx.de, un.org]\n";

/* The words of a line that is no comment; *ret_nb of them. */
static bool
read_words(FILE *f, char *line, size_t size, char **words, size_t max, size_t *ret_nb)
{
	char *save = NULL, *word;

	do {
		if (fgets(line, (int)size, f) == NULL)
			return false;
	} while (line[0] == '#' || line[0] == '\n');
	*ret_nb = 0;
	for (word = strtok_r(line, " \n", &save); word != NULL;
	     word = strtok_r(NULL, " \n", &save)) {
		assert_true(*ret_nb < max);
		words[(*ret_nb)++] = word;
	}
	return true;
}

static void
test_slips(void **state)
{
	FILE *list = fopen(TESTS_DIR "/unit/lookalike_slips.txt", "r");
	char line[4096], *words[128];
	size_t nb, i, total = 0, wrong = 0;
	struct fixture f;

	assert_non_null(list);
	fixture_load_text(&f, protected_names);
	while (read_words(list, line, sizeof(line), words, 128, &nb)) {
		assert_true(nb >= 3);
		words[1][strlen(words[1]) - 1] = '\0'; /* the colon */
		for (i = 2; i < nb; i++, total++) {
			if (fixture_judge(&f, "bob", words[i]) != 1) {
				print_message("%s does not match\n", words[i]);
				wrong++;
			} else if (strcmp(f.match.meant, words[1]) != 0 ||
				   strcmp(rule_technique_name(f.match.technique), words[0]) != 0) {
				print_message("%s: %s of %s, not %s of %s\n", words[i],
					      rule_technique_name(f.match.technique), f.match.meant,
					      words[0], words[1]);
				wrong++;
			}
		}
	}
	fclose(list);
	assert_int_equal(wrong, 0);
	assert_true(total >= 200);
	fixture_free(&f);
}

static void
test_innocents(void **state)
{
	FILE *list = fopen(TESTS_DIR "/unit/lookalike_innocents.txt", "r");
	char line[512], *words[2];
	size_t nb, total = 0, wrong = 0;
	struct fixture f;

	assert_non_null(list);
	fixture_load_text(&f, protected_names);
	for (; read_words(list, line, sizeof(line), words, 2, &nb); total++) {
		if (fixture_judge(&f, "bob", words[0]) == 0)
			continue;
		print_message("%s matches: %s of %s\n", words[0],
			      rule_technique_name(f.match.technique), f.match.meant);
		wrong++;
	}
	fclose(list);
	assert_int_equal(wrong, 0);
	assert_true(total >= 40);
	fixture_free(&f);
}

/* Neighbours that are protected themselves, and what stands below a protected name, never match. */
static void
test_protected_neighbours(void **state)
{
	struct fixture f;

	fixture_load_text(&f, V "protect: [gmail.com, ymail.com, gmial.com, {domain: hail.org, "
				"subdomains: not}]\n");
	assert_no_match(&f, "gmail.com");
	assert_no_match(&f, "ymail.com");
	assert_no_match(&f, "x.GMIAL.com.");
	assert_no_match(&f, "hail.org");
	assert_no_match(&f, "x.hail.org"); /* nothing says it is right, but it is its owner's */
	assert_match(&f, "gmall.com", "lookalikes-test", "homoglyph", "gmail.com");
	fixture_free(&f);
}

static void
check_edit(struct fixture *f, const char *typed)
{
	if (typed[0] == '\0' || matcher_is_legitimate(f->m, typed, strlen(typed)))
		return;
	if (fixture_judge(f, "bob", typed) != 1)
		fail_msg("%s does not match", typed);
	if (!matcher_is_legitimate(f->m, f->match.meant, f->match.meant_len))
		fail_msg("%s is taken for %s", typed, f->match.meant);
}

static size_t
check_edits(struct fixture *f, const char *name)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t len = strlen(name), pos, nb = 0;
	const char *c;
	char typed[300];

	for (pos = 0; pos <= len; pos++) {
		for (c = characters; *c != '\0'; c++, nb += 2) {
			snprintf(typed, sizeof(typed), "%.*s%c%s", (int)pos, name, *c, name + pos);
			check_edit(f, typed);
			if (pos == len)
				continue;
			snprintf(typed, sizeof(typed), "%.*s%c%s", (int)pos, name, *c,
				 name + pos + 1);
			check_edit(f, typed);
		}
		if (pos == len)
			continue;
		snprintf(typed, sizeof(typed), "%.*s%s", (int)pos, name, name + pos + 1);
		check_edit(f, typed);
		snprintf(typed, sizeof(typed), "%s", name);
		if (pos + 1 < len) {
			typed[pos] = name[pos + 1];
			typed[pos + 1] = name[pos];
		}
		check_edit(f, typed);
		nb += 2;
	}
	return nb;
}

/* Every technique on and no least length: not one edit is lost, whatever the name and wherever it
 * is. */
static void
test_every_edit(void **state)
{
	static const char *const names[] = {
		"army.mil",
		"us.af.mil",
		"navy.mil",
		"a.io",
		"un.org",
		"barclays.co.uk",
		"example.com",
		"x1.y2.z3.example.org",
		"aaaa.bbbb.cc.de",
		"t-online.de",
		"xn--bcher-kva.de",
		"whitehouse.gov",
		"mail.mil",
		"under_score.edu",
		"hmrc.gov.uk",
		"lockheedmartin.com",
		"0.1.2.info",
		"mississippi.museum",
		"a-b.c-d.technology",
	};
	enum { NB = sizeof(names) / sizeof(names[0]) };
	char text[2048];
	struct fixture f;
	size_t i, used, nb = 0;

	used = (size_t)snprintf(
		text, sizeof(text),
		V "defaults: {lookalikes: {typing: {min_label: 1}, squatting: {min_label: 1}, "
		  "tld_swap: true, missing_level: true}}\nprotect: [");
	for (i = 0; i < NB; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i > 0 ? ", " : "", names[i]);
	snprintf(text + used, sizeof(text) - used, "]\n");
	fixture_load_text(&f, text);
	for (i = 0; i < NB; i++)
		nb += check_edits(&f, names[i]);
	print_message("%zu edits of %d names\n", nb, NB);
	assert_true(nb > 10000);
	fixture_free(&f);
}

/* A level less, where that is not legitimate itself: off until it is asked for. */
static void
test_missing_level(void **state)
{
	static const char text[] =
		V "protect:\n"
		  "  - {domain: us.af.mil, lookalikes: {missing_level: true}}\n"
		  "  - {domain: mail.hq.example.com, lookalikes: {missing_level: true}}\n"
		  "  - {domain: in.brand.test, lookalikes: {missing_level: true}}\n"
		  "  - {domain: shop.alphabet.example}\n"
		  "  - {domain: brand.test, subdomains: not}\n";
	struct fixture f;

	fixture_load_text(&f, text);
	assert_match(&f, "af.mil", "lookalikes-us.af.mil", "missing_level", "us.af.mil");
	assert_no_match(&f, "hq.af.mil"); /* below the parent there are others */
	assert_no_match(&f, "us.mil.example");
	assert_match(&f, "mail.example.com", "lookalikes-mail.hq.example.com", "missing_level",
		     "mail.hq.example.com");
	assert_match(&f, "x.mail.example.com", "lookalikes-mail.hq.example.com", "missing_level",
		     "x.mail.hq.example.com");
	assert_match(&f, "hq.example.com", "lookalikes-mail.hq.example.com", "missing_level",
		     "mail.hq.example.com");
	assert_no_match(&f, "example.com");
	assert_no_match(&f, "brand.test");	/* legitimate itself */
	assert_no_match(&f, "alphabet.example"); /* not asked for */
	assert_int_equal(ruleset_rule_verdict(f.set, 0, RULE_TECHNIQUE_MISSING_LEVEL), RULE_VERDICT_ALERT);
	fixture_free(&f);
}

/* Every technique has slips in the list, but for those that are off by default and tested elsewhere. */
static void
test_all_techniques(void **state)
{
	FILE *list = fopen(TESTS_DIR "/unit/lookalike_slips.txt", "r");
	char line[4096], *words[128];
	uint64_t seen = 0;
	size_t nb;
	int t;

	assert_non_null(list);
	while (read_words(list, line, sizeof(line), words, 128, &nb)) {
		t = rule_technique_from_name(words[0]);
		assert_true(t >= 0);
		seen |= UINT64_C(1) << t;
	}
	fclose(list);
	for (t = RULE_TECHNIQUE_OMISSION; t < RULE_TECHNIQUE_NB; t++)
		if ((seen >> t & 1) == 0 && t != RULE_TECHNIQUE_MISSING_LEVEL && t != RULE_TECHNIQUE_TLD_SWAP)
			fail_msg("no slip is named %s", rule_technique_name(t));
}

/* Registries of others are no slips; suffixes of several labels are slipped as one. */
static void
test_public_suffixes(void **state)
{
	struct fixture f;

	fixture_load_text(&f, protected_names);
	assert_no_match(&f, "navy.mil.ph");
	assert_no_match(&f, "army.mil.kr");
	assert_no_match(&f, "barclays.co.nz");
	assert_no_match(&f, "barclays.com");
	assert_match(&f, "barclays.co.ul", "lookalikes-test", "suffix_country", "barclays.co.uk");
	assert_match(&f, "barclays.couk", "lookalikes-test", "suffix_country", "barclays.co.uk");
	assert_match(&f, "hmrc.gov.ul", "lookalikes-test", "suffix_country", "hmrc.gov.uk");
	assert_match(&f, "a.b.c.d.e.f.g.h.i.j.k.hq.army.ml", "lookalikes-test", "tld",
		     "a.b.c.d.e.f.g.h.i.j.k.hq.army.mil");
	assert_match(&f, "a.b.c.d.e.f.g.h.i.j.k.amry.mil", "lookalikes-test", "transposition",
		     "a.b.c.d.e.f.g.h.i.j.k.army.mil");
	fixture_free(&f);
}

/* What an entry says about techniques. */
static void
test_settings(void **state)
{
	static const char text[] =
		V "defaults:\n"
		  "  verdict: divert\n"
		  "  lookalikes: {omission: {severity: critical}, plural: false}\n"
		  "protect:\n"
		  "  - alphabet.example\n"
		  "  - {domain: brandname.example, lookalikes: false}\n"
		  "  - domain: carnival.example\n"
		  "    lookalikes: {id: own, typing: false, squatting: {verdict: reset, severity: "
		  "low}}\n"
		  "  - domain: dolphins.example\n"
		  "    lookalikes: {squatting: false, omission: {min_label: 9}}\n"
		  "  - {domain: elephant.example, lookalikes: {tld_swap: {verdict: pass}, "
		  "added_word: {severity: 4}}}\n";
	struct fixture f;

	fixture_load_text(&f, text);
	assert_int_equal(ruleset_nb_rules(f.set), 4);
	assert_match(&f, "alphbet.example", "lookalikes-test", "omission", "alphabet.example");
	assert_int_equal(f.match.severity, 4);
	assert_int_equal(ruleset_rule_severity(f.set, f.match.rule, f.match.technique), 4);
	assert_int_equal(ruleset_rule_verdict(f.set, f.match.rule, f.match.technique),
			 RULE_VERDICT_DIVERT);
	assert_match(&f, "alphabets.example", "lookalikes-test", "insertion", "alphabet.example");
	assert_int_equal(f.match.severity, 3);
	assert_match(&f, "alphabet-login.example", "lookalikes-test", "added_word",
		     "alphabet.example");
	assert_int_equal(ruleset_rule_verdict(f.set, f.match.rule, f.match.technique),
			 RULE_VERDICT_ALERT);
	assert_no_match(&f, "brandnam.example");
	assert_no_match(&f, "carnval.example");
	assert_match(&f, "carnivals.example", "own", "plural", "carnival.example");
	assert_int_equal(f.match.severity, 1);
	assert_int_equal(ruleset_rule_verdict(f.set, f.match.rule, f.match.technique),
			 RULE_VERDICT_RESET);
	assert_no_match(&f, "dolphns.example");
	assert_match(&f, "dolphisn.example", "lookalikes-dolphins.example", "transposition",
		     "dolphins.example");
	assert_no_match(&f, "dolphins-login.example");
	assert_match(&f, "elephant.org", "lookalikes-elephant.example", "tld_swap",
		     "elephant.example");
	assert_int_equal(ruleset_rule_verdict(f.set, f.match.rule, f.match.technique),
			 RULE_VERDICT_PASS);
	assert_no_match(&f, "alphabet.org"); /* tld_swap has to be asked for */
	fixture_free(&f);
}

static void
test_wrong_settings(void **state)
{
	static const struct {
		const char *text;
		int column;
		const char *what;
	} cases[] = {
		{"{domain: a.example, lookalikes: {omision: true}}", 44, "unknown key \"omision\""},
		{"{domain: a.example, lookalikes: {suffix: true}}", 44, "unknown key \"suffix\""},
		{"{domain: a.example, lookalikes: maybe}", 43, "can't be \"maybe\""},
		{"{domain: a.example, lookalikes: {typing: {min_label: 0}}}", 64,
		 "min_label can't be \"0\""},
		{"{domain: a.example, lookalikes: {typing: {min_label: 64}}}", 64,
		 "min_label can't be"},
		{"{domain: a.example, lookalikes: {plural: {sev: low}}}", 53,
		 "unknown key \"sev\""},
		{"{domain: a.example, lookalikes: {plural: {verdict: kill}}}", 62,
		 "can't be \"kill\""},
	};
	struct rule_errors errs;
	struct ruleset *set;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), V "protect: [%s]\n", cases[i].text);
		assert_int_not_equal(
			ruleset_load_octets("t.yaml", text, strlen(text), 1, &errs, &set), 0);
		assert_int_equal(errs.nb, 1);
		if (strstr(errs.list[0].what, cases[i].what) == NULL ||
		    errs.list[0].column != cases[i].column)
			fail_msg("%s: column %d, %s", cases[i].text, errs.list[0].column,
				 errs.list[0].what);
		rule_errors_free(&errs);
	}
}

/* Texts chosen to meet in one index do not meet in the next: the numbers are secret and new for
 * each. */
static void
test_aimed_collisions(void **state)
{
	static struct typo_index a, b;
	unsigned int chosen = 0, met = 0, i;
	char name[32];
	int len;

	assert_int_equal(typo_index_init(&a, 80000, 16000, 1), 0);
	assert_int_equal(typo_index_init(&b, 80000, 16000, 2), 0);
	for (i = 0; i < 2000; i++) {
		len = snprintf(name, sizeof(name), "protected%u.example", i);
		assert_true(typo_index_add_near(&a, name, (size_t)len, i));
		assert_true(typo_index_add_near(&b, name, (size_t)len, i));
	}
	for (i = 0; chosen < 2000; i++) {
		len = snprintf(name, sizeof(name), "hostile%u.test", i);
		if (!typo_index_maybe(&a, TYPO_MANY, typo_hash(&a, TYPO_TAG_NAME, name, (size_t)len)))
			continue;
		chosen++; /* a look into the table of the first for nothing */
		met += typo_index_maybe(&b, TYPO_MANY, typo_hash(&b, TYPO_TAG_NAME, name, (size_t)len));
	}
	assert_true(met < chosen / 8);
	assert_false(typo_index_add(&a, TYPO_MANY, 1, 1) && a.nb_keys > a.max_keys);
	typo_index_fini(&a);
	typo_index_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_innocents),
		cmocka_unit_test(test_protected_neighbours),
		cmocka_unit_test(test_every_edit),
		cmocka_unit_test(test_missing_level),
		cmocka_unit_test(test_all_techniques),
		cmocka_unit_test(test_public_suffixes),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_wrong_settings),
		cmocka_unit_test(test_aimed_collisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
