/* SPDX-License-Identifier: BSD-3-Clause */
/* For whose mail rules and exceptions hold: senders, networks, dates; what ruleset_decide() says of
 * a match. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rule_date.h"
#include "rules_fixture.h"

#define V "version: 1\n"

/* One question and its answer. */
struct asked {
	const char *domain, *sender, *client, *by;
	enum rule_verdict verdict;
	const char *technique; /* of the match that was decided about */
};

static void
ask(struct fixture *f, const struct asked *a, const char *date, struct ruleset_decision *d)
{
	uint8_t client[16];
	struct ruleset_query q = {
		.sender = a->sender,
		.sender_len = strlen(a->sender),
		.local = "bob",
		.local_len = 3,
		.domain = a->domain,
		.domain_len = strlen(a->domain),
	};

	if (a->client != NULL) {
		q.client = client;
		q.client_family = strchr(a->client, ':') != NULL ? 6 : 4;
		assert_int_equal(
			inet_pton(q.client_family == 6 ? AF_INET6 : AF_INET, a->client, client), 1);
	}
	assert_int_equal(rule_date_read(date, &q.ts_ns, NULL), 0);
	if (fixture_judge(f, "bob", a->domain) != 1)
		fail_msg("%s does not match", a->domain);
	ruleset_decide(f->set, &f->match, &q, d);
	if (strcmp(d->by, a->by) != 0 || d->verdict != a->verdict ||
	    strcmp(rule_technique_name(d->match.technique), a->technique) != 0)
		fail_msg("%s from %s at %s: %s by %s, %s", a->domain, a->sender,
			 a->client != NULL ? a->client : "?", rule_verdict_name(d->verdict), d->by,
			 rule_technique_name(d->match.technique));
}

static void
ask_all(struct fixture *f, const struct asked *list, size_t nb)
{
	struct ruleset_decision d;
	size_t i;

	for (i = 0; i < nb; i++)
		ask(f, &list[i], "2030-01-01", &d);
}

static void
test_senders(void **state)
{
	static const char text[] = V "protect:\n"
				     "  - {domain: alphabet.example, lookalikes: {id: own}, "
				     "senders: [boss@a.example, b.example, '*.c.example',\n"
				     "     192.0.2.0/25, '2001:db8:1::/48', 198.51.100.7]}\n"
				     "  - brandname.example\n";
	static const struct asked list[] = {
		{"alphbet.example", "BOSS@a.Example", NULL, "rule:own", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphbet.example", "other@a.example", NULL, "scope:own", RULE_VERDICT_PASS,
		 "omission"},
		{"alphbet.example", "x@b.example.", NULL, "rule:own", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphbet.example", "x@y.b.example", NULL, "scope:own", RULE_VERDICT_PASS,
		 "omission"},
		{"alphbet.example", "x@y.c.example", NULL, "rule:own", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphbet.example", "x@c.example", NULL, "scope:own", RULE_VERDICT_PASS,
		 "omission"},
		{"alphbet.example", "", NULL, "scope:own", RULE_VERDICT_PASS, "omission"},
		{"alphbet.example", "b.example", NULL, "scope:own", RULE_VERDICT_PASS, "omission"},
		{"alphbet.example", "", "192.0.2.0", "rule:own", RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example", "", "192.0.2.127", "rule:own", RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example", "", "192.0.2.128", "scope:own", RULE_VERDICT_PASS, "omission"},
		{"alphbet.example", "", "192.0.3.1", "scope:own", RULE_VERDICT_PASS, "omission"},
		{"alphbet.example", "", "198.51.100.7", "rule:own", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphbet.example", "", "198.51.100.6", "scope:own", RULE_VERDICT_PASS, "omission"},
		{"alphbet.example", "", "2001:db8:1:ffff::1", "rule:own", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphbet.example", "", "2001:db8:2::1", "scope:own", RULE_VERDICT_PASS,
		 "omission"},
		/* The octets of an IPv4 network at the front of an IPv6 address are not that
		   network. */
		{"alphbet.example", "", "c000:200::1", "scope:own", RULE_VERDICT_PASS, "omission"},
		{"brandnme.example", "", NULL, "rule:lookalikes-test", RULE_VERDICT_REFUSE,
		 "omission"},
	};
	struct ruleset_decision d;
	struct fixture f;

	fixture_load_text(&f, text);
	ask_all(&f, list, sizeof(list) / sizeof(list[0]));
	ask(&f, &list[1], "2030-01-01", &d);
	assert_string_equal(ruleset_rule(f.set, d.scope)->id, "own");
	assert_int_equal(d.exception, RULESET_NONE);
	ask(&f, &list[0], "2030-01-01", &d);
	assert_int_equal(d.scope, RULESET_NONE);
	fixture_free(&f);
}

/* Internationalised senders are the same in every writing. */
static void
test_international(void **state)
{
	static const char text[] =
		V "protect:\n"
		  "  - {domain: alphabet.example, lookalikes: {id: own}, senders: [b\xc3\xbc"
		  "cher.example, '*.xn--mnchen-3ya.example']}\n";
	static const struct asked list[] = {
		{"alphbet.example",
		 "x@b\xc3\xbc"
		 "cher.example",
		 NULL, "rule:own", RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example",
		 "x@B\xc3\x9c"
		 "CHER.example.",
		 NULL, "rule:own", RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example", "x@xn--bcher-kva.example", NULL, "rule:own",
		 RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example", "x@a.m\xc3\xbcnchen.example", NULL, "rule:own",
		 RULE_VERDICT_REFUSE, "omission"},
		{"alphbet.example", "x@bucher.example", NULL, "scope:own", RULE_VERDICT_PASS,
		 "omission"},
		{"alphbet.example", "x@\xff\xfe", NULL, "scope:own", RULE_VERDICT_PASS, "omission"},
	};
	struct fixture f;

	fixture_load_text(&f, text);
	ask_all(&f, list, sizeof(list) / sizeof(list[0]));
	fixture_free(&f);
}

/* A rule that is for others hides none that is for this sender. */
static void
test_next_rule(void **state)
{
	static const char text[] =
		V "protect: [{domain: army.mil, lookalikes: {id: looks}, senders: '*.a.example'}]\n"
		  "rules: [{id: ml, suffix: ml, meant: mil, senders: 192.0.2.1, verdict: reset}]\n"
		  "watch:\n"
		  "  - {id: lit, literal: army.ml, severity: low, verdict: alert}\n"
		  "  - {id: exp, expression: '^bob@amry', on: address, severity: low, verdict: "
		  "divert, senders: any}\n"
		  "allow: [{id: x, domain: army.ml, sender: 192.0.2.1}]\n";
	static const struct asked list[] = {
		{"army.ml", "x@b.a.example", "192.0.2.1", "exception:x", RULE_VERDICT_PASS,
		 "suffix"},
		{"army.ml", "x@b.a.example", "192.0.2.2", "rule:looks", RULE_VERDICT_REFUSE, "tld"},
		{"army.ml", "x@b.example", "192.0.2.2", "rule:lit", RULE_VERDICT_ALERT, "literal"},
		{"amry.mil", "x@b.example", "192.0.2.2", "rule:exp", RULE_VERDICT_DIVERT,
		 "expression"},
		{"army.mi", "x@b.example", "192.0.2.2", "scope:looks", RULE_VERDICT_PASS, "tld"},
	};
	struct ruleset_decision d;
	struct fixture f;

	fixture_load_text(&f, text);
	ask_all(&f, list, sizeof(list) / sizeof(list[0]));
	ask(&f, &list[2], "2030-01-01", &d);
	assert_string_equal(ruleset_rule(f.set, d.scope)->id,
			    "ml"); /* what was asked about first */
	assert_string_equal(d.match.meant, "");
	ask(&f, &list[1], "2030-01-01", &d);
	assert_string_equal(d.match.meant, "army.mil");
	fixture_free(&f);
}

static void
test_defaults(void **state)
{
	static const char text[] = V "defaults: {senders: 192.0.2.0/24}\n"
				     "protect:\n"
				     "  - alphabet.example\n"
				     "  - {domain: brandname.example, senders: any}\n"
				     "rules: [{id: r, suffix: exampel, meant: example}]\n"
				     "watch: [{id: w, literal: bad.test, senders: any}]\n";
	static const struct asked list[] = {
		{"alphbet.example", "", "198.51.100.1", "scope:lookalikes-test", RULE_VERDICT_PASS,
		 "omission"},
		{"alphbet.example", "", "192.0.2.1", "rule:lookalikes-test", RULE_VERDICT_REFUSE,
		 "omission"},
		{"alphabet.exampel", "", "192.0.2.1", "rule:r", RULE_VERDICT_REFUSE, "suffix"},
		{"brandnme.example", "", NULL, "rule:lookalikes-brandname.example",
		 RULE_VERDICT_REFUSE, "omission"},
		{"bad.test", "", NULL, "rule:w", RULE_VERDICT_REFUSE, "literal"},
	};
	struct fixture f;

	fixture_load_text(&f, text);
	ask_all(&f, list, sizeof(list) / sizeof(list[0]));
	fixture_free(&f);
}

/* An exception that has ended does not work, and the decision names it; one that has not begun it
 * does not. */
static void
test_expired(void **state)
{
	static const char text[] =
		V "protect: [army.mil]\nrules: [{id: ml, suffix: ml, meant: mil}]\n"
		  "allow:\n"
		  "  - {id: old, domain: army.ml, until: 2029-12-31}\n"
		  "  - {id: next, subtree: army.ml, from: 2031-01-01}\n";
	static const struct asked ruled = {"army.ml",		"",	 NULL, "rule:ml",
					   RULE_VERDICT_REFUSE, "suffix"};
	static const struct asked old = {"army.ml",	    "",	     NULL, "exception:old",
					 RULE_VERDICT_PASS, "suffix"};
	static const struct asked next = {"army.ml",	     "",      NULL, "exception:next",
					  RULE_VERDICT_PASS, "suffix"};
	struct ruleset_decision d;
	struct exception_info x;
	struct fixture f;

	fixture_load_text(&f, text);
	ask(&f, &old, "2029-12-31T23:59:59Z", &d);
	assert_int_equal(d.expired, RULESET_NONE);
	ruleset_exception(f.set, d.exception, &x);
	assert_string_equal(x.id, "old");
	ask(&f, &ruled, "2030-01-01", &d);
	assert_int_equal(d.exception, RULESET_NONE);
	ruleset_exception(f.set, d.expired, &x);
	assert_string_equal(x.id, "old");
	ask(&f, &next, "2031-01-01", &d);
	assert_int_equal(d.expired, RULESET_NONE);
	fixture_free(&f);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *senders, *what;
		int column;
	} cases[] = {
		{"192.0.2.1/24", "bits set behind its prefix", 40},
		{"192.0.2.0/33", "is no network", 40},
		{"192.0.2.0/", "is no network", 40},
		{"192.0.2/24", "is no network", 40},
		{"1.2.3.4.5", "is no network", 40},
		{"'2001:db8::/129'", "is no network", 41},
		{"'2001:db8::1/64'", "bits set behind its prefix", 41},
		{"'::1::'", "is no network", 41},
		{"192.0.2.0/08", "is no network", 40},
		{"[any, a.example]", "stands beside others", 40},
		{"'@a.example'", "is not an address", 41},
		{"'*.'", "is empty", 43},
		{"[]", "list is empty", 40},
		{"a..b", "empty label", 42},
	};
	struct ruleset *set = NULL;
	struct rule_errors errs;
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), V "protect: [{domain: a.example, senders: %s}]\n",
			 cases[i].senders);
		assert_int_equal(ruleset_load_octets("t.yaml", text, strlen(text), 1, &errs, &set),
				 -EINVAL);
		if (errs.nb != 1 || errs.list[0].column != cases[i].column ||
		    strstr(errs.list[0].what, cases[i].what) == NULL) {
			fixture_print_errors(&errs);
			fail_msg("%s", cases[i].senders);
		}
		rule_errors_free(&errs);
	}
	snprintf(text, sizeof(text),
		 V "protect: [{domain: a.example, lookalikes: false, senders: b.c}]\n");
	assert_int_equal(ruleset_load_octets("t.yaml", text, strlen(text), 1, &errs, &set),
			 -EINVAL);
	assert_non_null(strstr(errs.list[0].what, "none are"));
	rule_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_international), cmocka_unit_test(test_senders),
		cmocka_unit_test(test_next_rule),     cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_expired),	      cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
