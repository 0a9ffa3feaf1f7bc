/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_fixture - a rule set with its matcher, and assertions about recipients (for tests of rules/)
 */
#ifndef POSTERN_RULES_FIXTURE_H
#define POSTERN_RULES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "matcher.h"
#include "ruleset.h"

struct fixture {
	struct rule_errors errs;
	struct ruleset *set;
	struct matcher *m;
	struct matcher_scratch *s;
	struct matcher_match match; /* the last one */
};

static inline void
fixture_print_errors(const struct rule_errors *errs)
{
	size_t i;

	for (i = 0; i < errs->nb; i++)
		print_message("%s:%d:%d: %s (%s)\n", errs->list[i].file, errs->list[i].line,
			      errs->list[i].column, errs->list[i].what,
			      errs->list[i].hint != NULL ? errs->list[i].hint : "-");
}

static inline void
fixture_make_matcher(struct fixture *f, int rc)
{
	const void *image;
	size_t len;

	if (rc != 0)
		fixture_print_errors(&f->errs);
	assert_int_equal(rc, 0);
	image = ruleset_image(f->set, &len);
	assert_int_equal(matcher_load(image, len, &f->m), 0);
	assert_int_equal(matcher_scratch_new(f->m, &f->s), 0);
}

static inline void
fixture_load(struct fixture *f, const char *path)
{
	memset(f, 0, sizeof(*f));
	fixture_make_matcher(f, ruleset_load(path, 7, &f->errs, &f->set));
}

static inline void
fixture_load_text(struct fixture *f, const char *text)
{
	memset(f, 0, sizeof(*f));
	fixture_make_matcher(
		f, ruleset_load_octets("test.yaml", text, strlen(text), 7, &f->errs, &f->set));
}

static inline void
fixture_free(struct fixture *f)
{
	matcher_scratch_free(f->s);
	matcher_free(f->m);
	ruleset_free(f->set);
	rule_errors_free(&f->errs);
}

static inline int
fixture_judge(struct fixture *f, const char *local, const char *domain)
{
	struct matcher_query q = {local, strlen(local), domain, strlen(domain)};

	return matcher_judge(f->m, f->s, &q, &f->match);
}

/* As for "bob@domain". */
static inline void
assert_match(struct fixture *f, const char *domain, const char *rule, const char *technique,
	     const char *meant)
{
	if (fixture_judge(f, "bob", domain) != 1)
		fail_msg("%s does not match", domain);
	assert_string_equal(ruleset_rule(f->set, f->match.rule)->id, rule);
	assert_string_equal(rule_technique_name(f->match.technique), technique);
	assert_string_equal(f->match.meant, meant);
	assert_int_equal(f->match.meant_len, strlen(meant));
}

static inline void
assert_no_match(struct fixture *f, const char *domain)
{
	int rc = fixture_judge(f, "bob", domain);

	if (rc != 0)
		fail_msg("%s matches (%d)", domain, rc);
}

#endif
