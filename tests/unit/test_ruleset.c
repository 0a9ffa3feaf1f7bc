/* SPDX-License-Identifier: BSD-3-Clause */
#include "ruleset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules_fixture.h"

/* What ships: which recipients match, and as what. */
static void
test_mil(void **state)
{
	struct fixture f;

	fixture_load(&f, RULES_DIR "/mil.yaml");
	assert_int_equal(f.errs.nb, 0);
	assert_string_equal(ruleset_name(f.set), "mil");
	assert_int_equal(ruleset_nb_rules(f.set), 2);
	assert_int_equal(matcher_nb_rules(f.m), 2);
	assert_int_equal(matcher_generation(f.m), 7);
	assert_match(&f, "army.ml", "mil-ml", "suffix", "army.mil");
	assert_int_equal(f.match.severity, 3);
	assert_match(&f, "hq.army.ml", "mil-ml", "suffix", "hq.army.mil");
	assert_match(&f, "navy.ml", "mil-ml", "suffix", "navy.mil");
	assert_match(&f, "us.af.ml", "mil-ml", "suffix", "us.af.mil");
	assert_match(&f, "a.b.c.d.us.af.ml", "mil-ml", "suffix", "a.b.c.d.us.af.mil");
	assert_match(&f, "ARMY.ML.", "mil-ml", "suffix", "army.mil");
	assert_no_match(&f, "gouv.ml");
	assert_no_match(&f, "orange.ml");
	assert_no_match(&f, "ml");
	assert_no_match(&f, ".ml");
	assert_match(&f, "xarmy.ml", "lookalikes-mil", "slip_and_tld", "army.mil");
	assert_match(&f, "mail.army.mi", "lookalikes-mil", "tld", "mail.army.mil");
	assert_no_match(&f, "xxarmy.ml");
	assert_no_match(&f, "army.ml.example.com");
	assert_no_match(&f, "army.mil");
	assert_no_match(&f, "ARMY.MIL..");
	assert_no_match(&f, "hq.army.mil");
	assert_no_match(&f, "unheard-of.mil"); /* a name below mil that is near to none */
	assert_no_match(&f, "army-login.mil"); /* words are added where names can be bought */
	assert_no_match(&f, "hq.unheard-of.mil");
	assert_match(&f, "amry.mil", "lookalikes-mil", "transposition", "army.mil");
	assert_match(&f, "mail.hq.amry.mil", "lookalikes-mil", "transposition", "mail.hq.army.mil");
	assert_match(&f, "us.afmil", "lookalikes-mil", "missing_dot", "us.af.mil");
	assert_match(&f, "usa.f.mil", "lookalikes-mil", "misplaced_dot", "us.af.mil");
	assert_match(&f, "arrny.mil", "lookalikes-mil", "homoglyph", "army.mil");
	assert_int_equal(ruleset_nb_exceptions(f.set), 15);
	assert_no_match(&f, "mil");
	assert_no_match(&f, "");
	fixture_free(&f);
}

/* All that ships, as one set: names of one file are right for the others too. */
static void
test_folder(void **state)
{
	struct fixture f;

	fixture_load(&f, RULES_DIR);
	assert_int_equal(f.errs.nb, 0);
	assert_string_equal(ruleset_name(f.set), "rules");
	assert_match(&f, "army.ml", "mil-ml", "suffix", "army.mil");
	assert_match(&f, "whitehouse.gv", "lookalikes-gov", "tld", "whitehouse.gov");
	assert_match(&f, "hq.stategov.com", "lookalikes-gov", "missing_dot", "hq.state.gov");
	assert_match(&f, "whitehuose.gov", "lookalikes-gov", "transposition", "whitehouse.gov");
	assert_no_match(&f, "weather.gov"); /* below gov every name is right that is near to none */
	assert_match(&f, "gmial.com", "lookalikes-freemail", "transposition", "gmail.com");
	assert_int_equal(ruleset_rule_verdict(f.set, f.match.rule, f.match.technique),
			 RULE_VERDICT_ALERT);
	assert_match(&f, "hotmail.cm", "lookalikes-freemail", "suffix_country", "hotmail.com");
	assert_no_match(&f, "ymail.com");
	assert_no_match(&f, "fmail.com");
	assert_no_match(&f, "yahoo.de");
	assert_no_match(&f, "armada.mil.co");
	assert_match(&f, "example-compnay.example", "own-lookalikes", "transposition",
		     "example-company.example");
	assert_match(&f, "example-company.com", "own-lookalikes", "tld_swap",
		     "example-company.example");
	assert_no_match(&f, "example-companies.example");
	assert_no_match(&f, "login-example-bank.example");
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mil),
		cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
