/* SPDX-License-Identifier: BSD-3-Clause */
/* The matcher: kinds of rules, precedence, hostile recipients, damaged images; and what ctrl decides about a match. */
#include "matcher.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "image_check.h"
#include "rule_date.h"
#include "rules_fixture.h"

#define V "version: 1\n"

static const char all_kinds[] =
	V "defaults: {lookalikes: false}\n"
	  "protect:\n"
	  "  - domain: '*.mil'\n"
	  "    known: [army.mil]\n"
	  "  - example.com\n"
	  "  - {domain: narrow.mil, subdomains: not}\n"
	  "  - {domain: only.example.com, subdomains: not}\n"
	  "rules:\n"
	  "  - {id: ml, suffix: [ml, co.ml], meant: mil, severity: high}\n"
	  "  - {id: any, suffix: cm, meant: com, match: every}\n"
	  "  - {id: both, suffix: om, meant: com, techniques: [suffix, suffix_any]}\n"
	  "  - {id: off, suffix: mi, meant: mil, enabled: false}\n"
	  "watch:\n"
	  "  - {id: lit, literal: bad.example, meant: example.com, severity: low}\n"
	  "  - {id: dom, expression: '^LOGIN-', severity: critical}\n"
	  "  - {id: exact, expression: '^Login2-', flags: case_sensitive}\n"
	  "  - {id: addr, expression: '^root@.*\\.test$', on: address, severity: low}\n";

static void
test_kinds(void **state)
{
	struct fixture f;

	fixture_load_text(&f, all_kinds);
	assert_match(&f, "army.ml", "ml", "suffix", "army.mil");
	assert_match(&f, "army.co.ml", "ml", "suffix", "army.mil");
	assert_match(&f, "x.army.ml", "ml", "suffix", "x.army.mil");
	assert_match(&f, "narrow.ml", "ml", "suffix", "narrow.mil");
	assert_no_match(&f, "x.narrow.ml"); /* x.narrow.mil is not protected */
	assert_no_match(&f, "other.ml");    /* other.mil is right, but nobody's known name */
	assert_match(&f, "foo.cm", "any", "suffix_any", "foo.com");
	assert_match(&f, "example.cm", "any", "suffix_any", "example.com");
	assert_match(&f, "example.om", "both", "suffix", "example.com");
	assert_match(&f, "foo.om", "both", "suffix_any", "foo.com");
	assert_no_match(&f, "army.mi");
	assert_match(&f, "bad.example", "lit", "literal", "example.com");
	assert_match(&f, "a.bad.example", "lit", "literal", "example.com");
	assert_no_match(&f, "abad.example");
	assert_no_match(&f, "badxexample");
	assert_match(&f, "login-x.example", "dom", "expression", "");
	assert_no_match(&f, "login2-x.example"); /* domains are lower case */
	assert_int_equal(fixture_judge(&f, "ROOT", "a.test"), 1);
	assert_string_equal(ruleset_rule(f.set, f.match.rule)->id, "addr");
	assert_int_equal(fixture_judge(&f, "xroot", "a.test"), 0);
	assert_int_equal(fixture_judge(&f, "", "a.test"), 0);
	fixture_free(&f);
}

static void
test_precedence(void **state)
{
	struct fixture f;

	fixture_load_text(&f, all_kinds);
	assert_no_match(&f, "login-x.mil"); /* legitimate: no rule is asked */
	assert_no_match(&f, "login-x.example.com");
	assert_no_match(&f, "only.example.com");
	assert_match(&f, "login-x.only.example.com", "dom", "expression",
		     ""); /* the longer name decides */
	assert_match(&f, "login-army.bad.example", "dom", "expression",
		     ""); /* critical before low */
	assert_match(&f, "login-army.ml", "dom", "expression", "");
	assert_int_equal(fixture_judge(&f, "root", "bad.example.test"), 1);
	fixture_free(&f);
}

/* Zones: unknown names are right unless they are a slip of a known one of the same zone. */
static void
test_zones(void **state)
{
	static const char text[] =
		V "protect:\n"
		  "  - {domain: '*.mil', known: [army.mil, us.af.mil, hq.navy.mil]}\n"
		  "  - {domain: '*.gov', known: [state.gov]}\n"
		  "  - {domain: narrow.mil, subdomains: not}\n"
		  "  - example.com\n"
		  "  - {domain: '*.in.example.com', known: [mail.in.example.com]}\n"
		  "rules: [{id: every, suffix: [mil, gov], meant: com, match: every}]\n"
		  "watch: [{id: all, expression: army}]\n";
	struct fixture f;

	fixture_load_text(&f, text);
	assert_match(&f, "amry.mil", "lookalikes-test", "transposition", "army.mil");
	assert_match(&f, "a.b.c.d.e.f.g.h.amry.mil", "lookalikes-test", "transposition",
		     "a.b.c.d.e.f.g.h.army.mil");
	assert_match(&f, "hq.nvay.mil", "lookalikes-test", "transposition", "hq.navy.mil");
	assert_match(&f, "AMRY.MIL.", "lookalikes-test", "transposition", "army.mil");
	assert_no_match(&f, "army.mil");
	assert_no_match(&f, "amry.army.mil"); /* below a known name */
	assert_no_match(&f, "navy.mil");      /* unknown, near to none: a level less is no slip here */
	assert_no_match(&f, "nvay.mil");
	assert_no_match(&f, "army-login.mil");
	assert_no_match(&f, "statte.mil"); /* near a name of another zone */
	assert_match(&f, "sttae.gov", "lookalikes-test", "transposition", "state.gov");
	assert_no_match(&f, "army.gov");
	assert_match(&f, "narow.mil", "lookalikes-test", "omission", "narrow.mil");
	assert_no_match(&f, "x.mial.in.example.com"); /* below example.com all is right */
	fixture_free(&f);
}

/* Rules left out of one question. */
static void
test_without(void **state)
{
	static const char text[] = V "protect: [{domain: army.mil, lookalikes: {id: looks}}]\n"
				     "rules: [{id: ml, suffix: ml, meant: mil}]\n"
				     "watch: [{id: lit, literal: army.ml, severity: low}]\n";
	static const char *const order[] = {"ml", "looks", "lit"};
	struct matcher_query q = {"x", 1, "army.ml", 7};
	uint64_t without = 0;
	struct fixture f;
	size_t i;

	fixture_load_text(&f, text);
	for (i = 0; i < 3; i++) {
		assert_int_equal(matcher_judge_without(f.m, f.s, &q, &without, &f.match), 1);
		assert_string_equal(ruleset_rule(f.set, f.match.rule)->id, order[i]);
		without |= UINT64_C(1) << f.match.rule;
	}
	assert_int_equal(matcher_judge_without(f.m, f.s, &q, &without, &f.match), 0);
	fixture_free(&f);
}

static void
test_hostile_recipients(void **state)
{
	char local[3000], domain[3000];
	struct matcher_query q = {local, sizeof(local), domain, sizeof(domain)};
	struct fixture f;
	size_t i;

	fixture_load_text(&f, all_kinds);
	memset(local, 'r', sizeof(local));
	memset(domain, 'a', sizeof(domain));
	memcpy(domain + sizeof(domain) - 12, ".bad.example", 12);
	assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), 1); /* its end is judged */
	assert_int_equal(f.match.domain_len, MATCHER_DOMAIN_MAX);
	/* At the limits of the length of the domain. */
	for (i = MATCHER_DOMAIN_MAX - 2; i <= MATCHER_DOMAIN_MAX + 1; i++) {
		q.domain_len = i;
		memset(domain, 'a', i);
		memcpy(domain + i - 12, ".bad.example", 12);
		assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), 1);
	}
	/* What is meant would be longer than a domain can be: no match, and no overflow. */
	for (i = 252; i <= 255; i++) {
		q.domain_len = i;
		memset(domain, 'a', i);
		memcpy(domain + i - 8, ".army.ml", 8);
		assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), i < 255 ? 1 : 0);
	}
	for (i = 0; i < 255; i += 2)
		memcpy(domain + i, "a.", 2);
	assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), 0);
	q = (struct matcher_query){NULL, 0, "army\0.ml", 8};
	assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), 0);
	q = (struct matcher_query){NULL, 0, NULL, 0};
	assert_int_equal(matcher_judge(f.m, f.s, &q, &f.match), 0);
	assert_match(&f, "army.ml...", "ml", "suffix", "army.mil");
	assert_no_match(&f, "army.ml\n");
	assert_no_match(&f, "...");
	fixture_free(&f);
}

/* Any octet changed is found, whichever it is; so is any length. */
static void
test_damaged_image(void **state)
{
	struct matcher *m = NULL;
	struct fixture f;
	const uint8_t *image;
	uint8_t *copy;
	size_t len, i;

	fixture_load_text(&f, all_kinds);
	image = ruleset_image(f.set, &len);
	copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, image, len);
	for (i = 0; i < len; i++) {
		int rc;

		copy[i] ^= (uint8_t)(1u << i % 8);
		rc = matcher_load(copy, len, &m);
		assert_true(rc == -EBADMSG || (rc == -EPROTO && i >= 8 && i < 12));
		copy[i] ^= (uint8_t)(1u << i % 8);
	}
	for (i = 0; i < len; i += i < 512 ? 1 : 97)
		assert_int_equal(matcher_load(copy, i, &m), -EBADMSG);
	assert_int_equal(matcher_load(NULL, 0, &m), -EBADMSG);
	memmove(copy + 1, image, len); /* an address that is not aligned is no fault */
	assert_int_equal(matcher_load(copy + 1, len, &m), 0);
	matcher_free(m);
	free(copy);
	fixture_free(&f);
}

static int
load_changed(const struct fixture *f, size_t offset, const void *octets, size_t nb)
{
	struct image_header h;
	const uint8_t *image;
	struct matcher *m;
	uint8_t *copy;
	size_t len;
	int rc;

	image = ruleset_image(f->set, &len);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, image, len);
	memcpy(copy + offset, octets, nb);
	h.checksum = image_checksum(copy, len);
	memcpy(copy + offsetof(struct image_header, checksum), &h.checksum, sizeof(h.checksum));
	rc = matcher_load(copy, len, &m);
	if (rc == 0)
		matcher_free(m);
	free(copy);
	return rc;
}

/* With a checksum that fits: each field is checked for itself. */
static void
test_forged_image(void **state)
{
	struct image_header h;
	struct fixture f;
	const void *image;
	uint32_t bad;
	uint64_t features;
	size_t len, meta_len, i;
	static const size_t parts[] = {
		offsetof(struct image_header, names), offsetof(struct image_header, patterns),
		offsetof(struct image_header, strings), offsetof(struct image_header, db)};

	fixture_load_text(&f, all_kinds);
	image = ruleset_image(f.set, &len);
	assert_int_equal(image_check(image, len, &h, &meta_len), 0);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		bad = 0;
		assert_int_equal(load_changed(&f, parts[i], &bad, 4), -EBADMSG);
		bad = (uint32_t)len + 8;
		assert_int_equal(load_changed(&f, parts[i], &bad, 4), -EBADMSG);
		bad = UINT32_MAX;
		assert_int_equal(load_changed(&f, parts[i] + 4, &bad, 4), -EBADMSG);
	}
	bad = 0;
	assert_int_equal(load_changed(&f, offsetof(struct image_header, nb_rules), &bad, 4),
			 -EBADMSG);
	bad = UINT32_MAX;
	assert_int_equal(load_changed(&f, h.names.offset, &bad, 4), -EBADMSG); /* a name's offset */
	assert_int_equal(load_changed(&f, h.names.offset + 8, &bad, 4), -EBADMSG); /* its flags */
	assert_int_equal(load_changed(&f, h.patterns.offset, &bad, 4), -EBADMSG);  /* kind */
	assert_int_equal(load_changed(&f, h.patterns.offset + 4, &bad, 4), -EBADMSG); /* rule */
	assert_int_equal(load_changed(&f, h.patterns.offset + 8, &bad, 2),
			 -EBADMSG); /* technique */
	assert_int_equal(load_changed(&f, h.patterns.offset + 10, &bad, 1),
			 -EBADMSG); /* severity */
	assert_int_equal(load_changed(&f, h.patterns.offset + 11, &bad, 1),
			 -EBADMSG); /* database */
	assert_int_equal(load_changed(&f, h.patterns.offset + 16, &bad, 4), -EBADMSG); /* text */
	features = ~h.cpu_features;
	assert_int_equal(
		load_changed(&f, offsetof(struct image_header, cpu_features), &features, 8),
		-EPROTO);
	assert_int_equal(load_changed(&f, offsetof(struct image_header, engine), "4.0", 3),
			 -EPROTO);
	fixture_free(&f);
}

/* The same of what lookalikes need. */
static void
test_forged_lookalikes(void **state)
{
	uint32_t bad = UINT32_MAX, small;
	struct image_header h;
	struct fixture f;
	const void *image;
	size_t len, meta_len, at;

	fixture_load_text(&f, V "protect: [army.mil, example.com]\n");
	image = ruleset_image(f.set, &len);
	assert_int_equal(image_check(image, len, &h, &meta_len), 0);
	assert_int_equal(h.profiles.nb, 1);
	assert_true(h.suffixes.nb > 100);
	at = offsetof(struct image_header, profiles);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	assert_int_equal(load_changed(&f, at + 4, &bad, 4), -EBADMSG);
	small = 0; /* the names' profile is not there any more */
	assert_int_equal(load_changed(&f, at + 4, &small, 4), -EBADMSG);
	at = offsetof(struct image_header, suffixes);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	assert_int_equal(load_changed(&f, at + 4, &bad, 4), -EBADMSG);
	at = h.names.offset + offsetof(struct image_name, profile);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	at = h.names.offset + offsetof(struct image_name, suffix_len);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	for (small = 0; small <= 8; small++) /* army.mil: a dot and something before it are left up to 6 */
		assert_int_equal(load_changed(&f, at, &small, 4), small >= 1 && small <= 6 ? 0 : -EBADMSG);
	at = h.profiles.offset + offsetof(struct image_profile, rule);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	at = h.profiles.offset + offsetof(struct image_profile, techniques) + 4;
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	at = h.profiles.offset + offsetof(struct image_profile, severity) + RULE_TECHNIQUE_TLD;
	assert_int_equal(load_changed(&f, at, &bad, 1), -EBADMSG);
	at = h.suffixes.offset + offsetof(struct image_suffix, kind);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	at = h.suffixes.offset + offsetof(struct image_suffix, typed);
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	at = h.suffixes.offset + offsetof(struct image_suffix, meant) + 4;
	assert_int_equal(load_changed(&f, at, &bad, 4), -EBADMSG);
	fixture_free(&f);
}

static void
check_decision(struct fixture *f, const char *sender, const char *address, const char *date,
	       enum rule_verdict verdict, const char *by)
{
	const char *domain = strchr(address, '@') + 1;
	struct ruleset_query q = {
		.sender = sender,
		.sender_len = strlen(sender),
		.local = address,
		.local_len = (size_t)(domain - address) - 1,
		.domain = domain,
		.domain_len = strlen(domain),
	};
	struct ruleset_decision d;

	assert_int_equal(rule_date_read(date, &q.ts_ns, NULL), 0);
	assert_int_equal(fixture_judge(f, "x", domain), 1);
	ruleset_decide(f->set, &f->match, &q, &d);
	assert_string_equal(d.by, by);
	assert_int_equal(d.verdict, verdict);
}

static void
test_decisions(void **state)
{
	static const char text[] =
		V "protect: [army.mil, navy.mil]\n"
		  "rules: [{id: ml, suffix: ml, meant: mil, verdict: divert}]\n"
		  "allow:\n"
		  "  - {id: tree, subtree: army.ml, from: 2030-01-01, until: 2030-01-31}\n"
		  "  - {id: dom, domain: army.ml, sender: [Boss@a.example, b.example, "
		  "'*.c.example']}\n"
		  "  - {id: addr, address: Bob@army.ml}\n"
		  "  - {id: hour, address: al@navy.ml, from: 2030-01-01T10:00:00Z, until: "
		  "2030-01-01T11:00:00Z}\n";
	struct fixture f;

	fixture_load_text(&f, text);
	check_decision(&f, "", "x@army.ml", "2029-12-31T23:59:59.999999999Z", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "", "x@army.ml", "2030-01-01", RULE_VERDICT_PASS, "exception:tree");
	check_decision(&f, "", "x@hq.army.ml", "2030-01-31T23:59:59.999999999Z", RULE_VERDICT_PASS,
		       "exception:tree");
	check_decision(&f, "", "x@hq.army.ml", "2030-02-01", RULE_VERDICT_DIVERT, "rule:ml");
	check_decision(&f, "", "BOB@ARMY.ML", "2029-01-01", RULE_VERDICT_PASS, "exception:addr");
	check_decision(&f, "", "bob@army.ml", "2030-01-02", RULE_VERDICT_PASS,
		       "exception:addr"); /* narrowest first */
	check_decision(&f, "", "bob@hq.army.ml", "2029-01-01", RULE_VERDICT_DIVERT, "rule:ml");
	check_decision(&f, "boss@A.example", "x@army.ml", "2029-01-01", RULE_VERDICT_PASS,
		       "exception:dom");
	check_decision(&f, "boss2@a.example", "x@army.ml", "2029-01-01", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "any@b.example.", "x@army.ml", "2029-01-01", RULE_VERDICT_PASS,
		       "exception:dom");
	check_decision(&f, "any@x.b.example", "x@army.ml", "2029-01-01", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "any@x.c.example", "x@army.ml", "2029-01-01", RULE_VERDICT_PASS,
		       "exception:dom");
	check_decision(&f, "any@c.example", "x@army.ml", "2029-01-01", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "any@xc.example", "x@army.ml", "2029-01-01", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "b.example", "x@army.ml", "2029-01-01", RULE_VERDICT_DIVERT, "rule:ml");
	check_decision(&f, "", "al@navy.ml", "2030-01-01T09:59:59.999999999Z", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "", "al@navy.ml", "2030-01-01T10:00:00Z", RULE_VERDICT_PASS,
		       "exception:hour");
	check_decision(&f, "", "al@navy.ml", "2030-01-01T11:00:00Z", RULE_VERDICT_DIVERT,
		       "rule:ml");
	check_decision(&f, "", "xal@navy.ml", "2030-01-01T10:00:00Z", RULE_VERDICT_DIVERT,
		       "rule:ml");
	fixture_free(&f);
}

static void
test_explanations(void **state)
{
	char buf[256];
	int t;

	for (t = 0; t < RULE_TECHNIQUE_NB; t++)
		assert_int_equal(rule_technique_from_name(rule_technique_name(t)), t);
	assert_int_equal(rule_technique_from_name("no such"), -1);
	t = rule_technique_explain(RULE_TECHNIQUE_LITERAL, "a\x1b\xff", 3, "", 0, buf, sizeof(buf));
	assert_string_equal(buf, "a\\x1B\\xFF stands in a list of the operator: it has U+00FF LATIN SMALL LETTER Y "
				 "WITH DIAERESIS for y, octets that are no UTF-8, read as ISO 8859-1");
	assert_int_equal(t, strlen(buf));
	assert_int_equal(
		rule_technique_explain(RULE_TECHNIQUE_LITERAL, "a\x1b\xff", 3, "", 0, buf, 4), t);
	assert_string_equal(buf, "a"); /* no half escape */
	assert_true(rule_technique_explain(RULE_TECHNIQUE_SUFFIX, "army.ml", 7, "army.mil", 8, buf,
					   sizeof(buf)) > 0);
	assert_non_null(strstr(buf, "army.ml differs from army.mil"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_hostile_recipients),
		cmocka_unit_test(test_damaged_image),
		cmocka_unit_test(test_forged_image),
		cmocka_unit_test(test_forged_lookalikes),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_explanations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
