/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_unused - texts of rules that can never match, and exceptions for what never does
 * (rule_advice.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "matcher_advice.h"
#include "rule_advice.h"
#include "technique.h"

/* A suffix or literal of an enabled rule. */
struct used {
	const struct rule_def *rule;
	const struct rule_text *text;
};

/* Does the domain stand at or below @above? */
static bool
stands_below(const char *domain, const char *above)
{
	size_t len = strlen(domain), above_len = strlen(above);

	return len >= above_len && strcmp(domain + len - above_len, above) == 0 &&
	       (len == above_len || domain[len - above_len - 1] == '.');
}

/* An exception that lets everything through that stands at or below the text, for everybody and for
 * ever. */
static const struct exception *
always_excepted(const struct rule_model *m, const char *text)
{
	size_t i;

	for (i = 0; i < m->nb_exceptions; i++) {
		const struct exception *x = &m->exceptions[i];

		if (x->kind == EXCEPTION_SUBTREE && x->senders == NULL && x->from_ns == 0 &&
		    x->until_ns == UINT64_MAX && stands_below(text, x->domain))
			return x;
	}
	return NULL;
}

static void
advise_text(const struct rule_model *m, const struct matcher *matcher, const struct used *u,
	    struct rule_errors *errs)
{
	const char *what = u->rule->kind == RULE_KIND_SUFFIX ? "suffix" : "literal";
	const struct exception *x = always_excepted(m, u->text->text);

	if (matcher_is_right_below(matcher, u->text->text))
		rule_errors_add(errs, RULE_WARNING, &u->text->at,
				"remove it, or do not protect that name",
				"the %s \"%s\" of \"%s\" can't match: what ends so is protected",
				what, u->text->text, u->rule->info.id);
	else if (x != NULL)
		rule_errors_add(errs, RULE_WARNING, &u->text->at, "remove one of them",
				"the %s \"%s\" of \"%s\" can't decide: the exception \"%s\" at "
				"%s:%d:%d lets all of it "
				"through",
				what, u->text->text, u->rule->info.id, x->id, x->at.file,
				x->at.line, x->at.column);
}

static const char *
meant_of(const struct used *u)
{
	return u->rule->kind == RULE_KIND_SUFFIX && u->rule->meant != NULL ? u->rule->meant : "";
}

static int
severity_of(const struct rule_def *rule)
{
	int t = __builtin_ctzll(rule->techniques);

	return rule->info.severity != 0 ? rule->info.severity
					: technique_severity((enum rule_technique)t);
}

/* By what they find, then the one that goes before the other. */
static int
compare(const void *pa, const void *pb)
{
	const struct used *a = pa, *b = pb;
	int c = (int)a->rule->kind - (int)b->rule->kind;

	if (c == 0)
		c = strcmp(a->text->text, b->text->text);
	if (c == 0)
		c = strcmp(meant_of(a), meant_of(b));
	if (c == 0)
		c = (a->rule->techniques > b->rule->techniques) -
		    (a->rule->techniques < b->rule->techniques);
	if (c == 0)
		c = severity_of(b->rule) - severity_of(a->rule);
	return c != 0 ? c : (a->rule > b->rule) - (a->rule < b->rule);
}

static bool
finds_the_same(const struct used *a, const struct used *b)
{
	return a->rule != b->rule && a->rule->kind == b->rule->kind &&
	       a->rule->techniques == b->rule->techniques &&
	       strcmp(a->text->text, b->text->text) == 0 && strcmp(meant_of(a), meant_of(b)) == 0;
}

/* The same text in two rules: the second one never decides. */
static void
advise_twice(struct used *list, size_t nb, struct rule_errors *errs)
{
	const struct used *first = list;
	size_t i;

	if (nb == 0)
		return;
	qsort(list, nb, sizeof(*list), compare);
	for (i = 1; i < nb; i++) {
		if (!finds_the_same(first, &list[i])) {
			first = &list[i];
			continue;
		}
		if (first->rule->senders != NULL)
			continue;
		rule_errors_add(errs, RULE_WARNING, &list[i].text->at, "remove it from one of them",
				"\"%s\" of \"%s\" never decides: \"%s\" at %s:%d:%d has it, too, "
				"and goes before",
				list[i].text->text, list[i].rule->info.id, first->rule->info.id,
				first->text->at.file, first->text->at.line, first->text->at.column);
	}
}

static void
advise_exceptions(const struct rule_model *m, const struct matcher *matcher,
		  struct rule_errors *errs)
{
	size_t i;

	for (i = 0; i < m->nb_exceptions; i++) {
		const struct exception *x = &m->exceptions[i];

		if (matcher_is_protected(matcher, x->domain))
			rule_errors_add(errs, RULE_WARNING, &x->at, "remove it",
					"the exception \"%s\" does nothing: \"%s\" is protected "
					"and never matches",
					x->id, x->domain);
	}
}

int
rule_advice_unused(const struct rule_model *m, const struct matcher *matcher,
		   struct rule_errors *errs)
{
	const struct rule_text *t;
	struct used *list;
	size_t nb = 0, i;

	for (i = 0; i < m->nb_rules; i++)
		for (t = m->rules[i].texts; t != NULL; t = t->next)
			nb++;
	list = calloc(nb + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	nb = 0;
	for (i = 0; i < m->nb_rules; i++) {
		const struct rule_def *r = &m->rules[i];

		if (!r->info.enabled || r->kind == RULE_KIND_EXPRESSION)
			continue;
		for (t = r->texts; t != NULL; t = t->next) {
			list[nb] = (struct used){r, t};
			advise_text(m, matcher, &list[nb++], errs);
		}
	}
	advise_twice(list, nb, errs);
	advise_exceptions(m, matcher, errs);
	free(list);
	return 0;
}
