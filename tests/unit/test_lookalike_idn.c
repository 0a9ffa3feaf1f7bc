/* SPDX-License-Identifier: BSD-3-Clause */
/* Internationalised lookalikes: attacks on names in ASCII, slips in names of other letters, innocents. */
#include "matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "idn.h"
#include "rules_fixture.h"

#define V "version: 1\n"

static const char protected_names[] =
	V "ruleset: t\n"
	  "protect: [army.mil, us.af.mil, gmail.com, paypal.com, barclays.co.uk, wikipedia.org,\n"
	  "  lockheedmartin.com, bücher.example, почта.рф, xn--mnchen-3ya.de, ελλάδα.example, 新聞社.example]\n";

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
	for (word = strtok_r(line, " \n", &save); word != NULL; word = strtok_r(NULL, " \n", &save)) {
		assert_true(*ret_nb < max);
		words[(*ret_nb)++] = word;
	}
	return true;
}

static void
fold_meant(char dst[MATCHER_DOMAIN_MAX + 1], const char *text)
{
	dst[matcher_normalise(text, strlen(text), dst)] = '\0';
}

static size_t
check(struct fixture *f, const char *typed, const char *technique, const char *meant)
{
	if (fixture_judge(f, "bob", typed) != 1) {
		print_message("%s does not match\n", typed);
		return 1;
	}
	if (strcmp(f->match.meant, meant) == 0 && strcmp(rule_technique_name(f->match.technique), technique) == 0)
		return 0;
	print_message("%s: %s of %s, not %s of %s\n", typed, rule_technique_name(f->match.technique), f->match.meant,
		      technique, meant);
	return 1;
}

/* Each as it stands there, in UTF-8, and as its A-label: the same answer. */
static void
test_attacks(void **state)
{
	FILE *list = fopen(TESTS_DIR "/unit/lookalike_idn.txt", "r");
	char line[4096], *words[64], meant[MATCHER_DOMAIN_MAX + 1], ascii[MATCHER_DOMAIN_MAX + 1];
	size_t nb, i, total = 0, wrong = 0;
	struct fixture f;

	assert_non_null(list);
	fixture_load_text(&f, protected_names);
	while (read_words(list, line, sizeof(line), words, 64, &nb)) {
		assert_true(nb >= 3);
		words[1][strlen(words[1]) - 1] = '\0'; /* the colon */
		fold_meant(meant, words[1]);
		for (i = 2; i < nb; i++, total++) {
			wrong += check(&f, words[i], words[0], meant);
			fold_meant(ascii, words[i]);
			wrong += check(&f, ascii, words[0], meant);
			assert_string_equal(f.match.domain, ascii);
		}
	}
	fclose(list);
	assert_int_equal(wrong, 0);
	print_message("%zu attacks and slips\n", total);
	assert_true(total >= 100);
	fixture_free(&f);
}

/* One name in all its writings, and what stands below it. */
static void
test_one_name(void **state)
{
	static const char *const writings[] = {
		"bücher.example", "BÜCHER.example", "bu\xcc\x88" "cher.example", "BU\xcc\x88" "CHER.EXAMPLE.",
		"xn--bcher-kva.example", "XN--BCHER-KVA.example", "mail.bücher.example", "müll.xn--bcher-kva.example",
		"почта.рф", "ПОЧТА.РФ", "Почта.xn--p1ai", "xn--80a1acny.рф", "hq.почта.рф",
		"münchen.de", "xn--mnchen-3ya.de", "xn--mnchen-3ya.DE..", "ΕΛΛΆΔΑ.example", "新聞社.example",
		"müll.army.mil", "xn--mll-hoa.army.mil", "\xff.army.mil", "xn--99999999.army.mil",
	};
	struct fixture f;
	size_t i;

	fixture_load_text(&f, protected_names);
	for (i = 0; i < sizeof(writings) / sizeof(writings[0]); i++) {
		assert_no_match(&f, writings[i]);
		assert_true(matcher_is_legitimate(f.m, writings[i], strlen(writings[i])));
	}
	fixture_free(&f);
}

/* Octets that are no UTF-8, labels that are no Punycode: judged all the same. */
static void
test_invalid(void **state)
{
	struct fixture f;

	fixture_load_text(&f, protected_names);
	assert_match(&f, "\xe4rmy.mil", "lookalikes-test", "homoglyph", "army.mil");
	assert_match(&f, "army.m\xecl", "lookalikes-test", "homoglyph", "army.mil");
	assert_match(&f, "b\xfc" "cher.example", "lookalikes-test", "homoglyph", "xn--bcher-kva.example");
	assert_match(&f, "hq.xn--army-.mil", "lookalikes-test", "homoglyph", "hq.army.mil");
	assert_match(&f, "xn--army-99999b.mil", "lookalikes-test", "homoglyph", "army.mil");
	assert_match(&f, "xn--army-99999b.ml", "lookalikes-test", "homoglyph", "army.mil");
	assert_match(&f, "\xff.amry.mil", "lookalikes-test", "transposition", "\xff.army.mil");
	assert_match(&f, "xn---bcher-kva.example", "lookalikes-test", "hyphenation", "xn--bcher-kva.example");
	assert_match(&f, "hq。amry.ml", "lookalikes-test", "slip_and_tld", "hq.army.mil");
	assert_no_match(&f, "\xff\xfe.example.net");
	assert_no_match(&f, "xn--.xn--");
	fixture_free(&f);
}

/* Rules that somebody wrote see A-labels, however the recipient is written. */
static void
test_rules(void **state)
{
	static const char text[] =
		V "protect: [почта.рф, army.mil]\n"
		  "rules: [{id: ru, suffix: ру, meant: рф, match: every}]\n"
		  "watch:\n"
		  "  - {id: lit, literal: плохо.example}\n"
		  "  - {id: exp, expression: '^xn--rmy-', severity: critical}\n"
		  "allow: [{id: ok, domain: Плохо.example}]\n";
	struct ruleset_decision d;
	struct ruleset_query q = {.sender = "", .local = "x", .local_len = 1};
	struct fixture f;

	fixture_load_text(&f, text);
	assert_match(&f, "mail.НОВОСТИ.ру", "ru", "suffix_any", "mail.xn--b1amnebsh.xn--p1ai");
	assert_match(&f, "аrmy.mil", "exp", "expression", "");
	assert_match(&f, "ПЛОХО.example", "lit", "literal", "");
	q.domain = f.match.domain;
	q.domain_len = f.match.domain_len;
	ruleset_decide(f.set, &f.match, &q, &d);
	assert_string_equal(d.by, "exception:ok");
	fixture_free(&f);
}

/* A technique that is switched off stays off behind other letters. */
static void
test_settings(void **state)
{
	struct fixture f;

	fixture_load_text(&f, V "defaults: {lookalikes: {transposition: false}}\nprotect: [army.mil]\n");
	assert_match(&f, "аrmy.mil", "lookalikes-test", "homoglyph", "army.mil");
	assert_no_match(&f, "аmry.mil");
	fixture_free(&f);
	fixture_load_text(&f, V "defaults: {lookalikes: {homoglyph: false}}\nprotect: [army.mil]\n");
	assert_no_match(&f, "аrmy.mil");
	assert_no_match(&f, "аmry.mil");
	assert_match(&f, "amry.mil", "lookalikes-test", "transposition", "army.mil");
	fixture_free(&f);
	/* Labels far in front are not looked at, and not lost. */
	fixture_load_text(&f, V "protect: [army.mil]\n");
	assert_match(&f, "ü.b.c.d.e.f.g.h.i.j.k.l.m.n.аrmy.mil", "lookalikes-test", "homoglyph",
		     "xn--tda.b.c.d.e.f.g.h.i.j.k.l.m.n.army.mil");
	assert_match(&f, "a.b.c.d.e.f.g.h.i.j.k.l.m.n.аrmy.mil.o.p.q.r", "lookalikes-test", "homoglyph",
		     "a.b.c.d.e.f.g.h.i.j.k.l.m.n.army.mil");
	fixture_free(&f);
	/* In a zone only slips of known names, by other letters or not. */
	fixture_load_text(&f, V "protect: [{domain: '*.рф', known: [почта.рф]}]\n");
	assert_no_match(&f, "новости.рф");
	assert_match(&f, "почат.рф", "lookalikes-test", "transposition", "xn--80a1acny.xn--p1ai");
	assert_match(&f, "поsта.рф", "lookalikes-test", "substitution", "xn--80a1acny.xn--p1ai");
	fixture_free(&f);
}

/* Real names in other scripts, and made of letters with marks: none matches the rules that ship. */
static void
test_innocents(void **state)
{
	FILE *list = fopen(TESTS_DIR "/unit/lookalike_idn_innocents.txt", "r");
	char line[1024], *words[64], ascii[MATCHER_DOMAIN_MAX + 1];
	size_t nb, i, total = 0, wrong = 0, internationalised = 0;
	struct fixture f;

	assert_non_null(list);
	fixture_load(&f, RULES_DIR);
	while (read_words(list, line, sizeof(line), words, 64, &nb)) {
		for (i = 0; i < nb; i++, total++) {
			fold_meant(ascii, words[i]);
			internationalised += idn_is(ascii, strlen(ascii));
			if (fixture_judge(&f, "bob", words[i]) == 0 && fixture_judge(&f, "bob", ascii) == 0)
				continue;
			print_message("%s matches: %s of %s\n", words[i], rule_technique_name(f.match.technique),
				      f.match.meant);
			wrong++;
		}
	}
	fclose(list);
	assert_int_equal(wrong, 0);
	print_message("%zu innocents\n", total);
	assert_true(total >= 200 && internationalised == total);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attacks), cmocka_unit_test(test_one_name), cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_rules),	cmocka_unit_test(test_settings), cmocka_unit_test(test_innocents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
