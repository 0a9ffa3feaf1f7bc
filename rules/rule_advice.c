/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_advice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit_class.h"
#include "matcher_advice.h"
#include "popular_names.h"
#include "suffix_slips.h"
#include "technique.h"

/* Slips that are doubtful by themselves say nothing about two names. */
static bool
is_near(const struct lookalike_match *match)
{
	return !technique_is_doubtful((enum rule_technique)match->technique);
}

static void
warn_neighbours(const struct protect_def *a, const struct protect_def *b,
		const struct lookalike_match *match, struct rule_errors *errs)
{
	rule_errors_add(errs, RULE_WARNING, &a->at,
			"put both into one entry of protect, or say \"lookalikes: false\" for one, "
			"when that "
			"is known",
			"\"%s\" lies one slip (%s) from \"%s\", protected at %s:%d:%d: mail to the "
			"one for the "
			"other is not found",
			a->domain, rule_technique_name(match->technique), b->domain, b->at.file,
			b->at.line, b->at.column);
}

/* The number of the name for which another one would be taken, + 1; 0: none that is worth a word.
 */
static uint32_t
neighbour_of(const struct rule_model *m, const struct matcher *matcher, uint32_t i,
	     struct lookalike_match *match)
{
	const struct protect_def *a = &m->protects[i], *b;

	if (a->lookalikes == NULL || !matcher_neighbour(matcher, i, match) || !is_near(match))
		return 0;
	b = &m->protects[match->name];
	return a->entry != 0 && a->entry == b->entry ? 0 : match->name + 1;
}

/* Two that are taken for each other are spoken of once, at the one that stands later. */
static int
advise_neighbours(const struct rule_model *m, const struct matcher *matcher,
		  struct rule_errors *errs)
{
	uint32_t *taken = calloc(m->nb_protects + 1, sizeof(*taken)), i;
	struct lookalike_match match;

	if (taken == NULL)
		return -ENOMEM;
	for (i = 0; i < m->nb_protects; i++)
		taken[i] = neighbour_of(m, matcher, i, &match);
	for (i = 0; i < m->nb_protects; i++) {
		if (taken[i] == 0 || (taken[i] - 1 > i && taken[taken[i] - 1] == i + 1))
			continue;
		neighbour_of(m, matcher, i, &match);
		warn_neighbours(&m->protects[i], &m->protects[match.name], &match, errs);
	}
	free(taken);
	return 0;
}

static void
advise_popular(const struct rule_model *m, const struct matcher *matcher, struct rule_errors *errs)
{
	struct lookalike_match match;
	const char *name;
	size_t i;

	for (i = 0; (name = popular_name(i)) != NULL; i++) {
		const struct protect_def *p;

		if (!matcher_taken_for(matcher, name, &match) || !is_near(&match))
			continue;
		p = &m->protects[match.name];
		rule_errors_add(errs, RULE_WARNING, &p->at,
				"protect that name, too, with \"lookalikes: false\", or switch the "
				"technique off "
				"for this one",
				"\"%s\", to which many people write, would be taken for a slip "
				"(%s) of \"%s\"",
				name, rule_technique_name(match.technique), p->domain);
	}
}

/* Characters that a technique has to do with, at most: those of the name without its suffix. */
static size_t
characters(const struct protect_def *p)
{
	size_t len = strlen(p->domain),
	       suffix = suffix_list_suffix_len(suffix_list_get(), p->domain);

	return name_characters(p->domain, len > suffix + 1 ? len - suffix - 1 : 0);
}

/* The longest name of each rule for lookalikes, by the rule's number. */
static size_t *
longest_names(const struct rule_model *m)
{
	size_t *longest = calloc(m->nb_rules + 1, sizeof(*longest)), i, nb;

	for (i = 0; longest != NULL && i < m->nb_protects; i++) {
		const struct lookalike_def *d = m->protects[i].lookalikes;

		if (d == NULL)
			continue;
		nb = characters(&m->protects[i]);
		if (nb > longest[d->rule])
			longest[d->rule] = nb;
	}
	return longest;
}

/* Techniques that were asked for by name and for which all names are too short. */
static int
advise_lengths(const struct rule_model *m, struct rule_errors *errs)
{
	size_t *longest = longest_names(m), i;
	int t;

	if (longest == NULL)
		return -ENOMEM;
	for (i = 0; i < m->nb_rules; i++) {
		const struct lookalike_def *d = m->rules[i].lookalikes;

		for (t = 0; d != NULL && t < RULE_TECHNIQUE_NB; t++)
			if ((d->settings.named & d->settings.techniques) >> t & 1 &&
			    d->settings.min_label[t] > longest[i])
				rule_errors_add(errs, RULE_WARNING, &d->at,
						"lower its min_label, or leave it out",
						"%s can't find anything: it wants labels of %d "
						"characters, and no "
						"name of \"%s\" has one",
						rule_technique_name(t), d->settings.min_label[t],
						d->id);
	}
	free(longest);
	return 0;
}

static void
advise_owners(const struct rule_model *m, struct rule_errors *errs)
{
	size_t i;

	for (i = 0; i < m->nb_exceptions; i++) {
		const struct exception *x = &m->exceptions[i];

		if (x->owner == NULL || x->ticket == NULL)
			rule_errors_add(errs, RULE_WARNING, &x->at,
					"write who answers for it, and where it was decided",
					"the exception \"%s\" has no %s%s%s", x->id,
					x->owner == NULL ? "owner" : "",
					x->owner == NULL && x->ticket == NULL ? " and no " : "",
					x->ticket == NULL ? "ticket" : "");
	}
}

int
rule_advice(const struct rule_model *m, const struct matcher *matcher, struct rule_errors *errs)
{
	int rc = advise_neighbours(m, matcher, errs);

	if (rc == 0)
		rc = advise_lengths(m, errs);
	if (rc < 0)
		return rc;
	advise_popular(m, matcher, errs);
	advise_owners(m, errs);
	return rule_advice_unused(m, matcher, errs);
}
