/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_check.h"

#include <stdlib.h>
#include <string.h>

#include "rule_date.h"

/* Thirty days before an exception ends it is spoken of. */
#define SOON_NS (UINT64_C(30) * 24 * 3600 * 1000000000)

/* Something with a name that must be unique. */
struct named {
	const char *name;
	const struct rule_place *at;
	size_t order;
};

static int
compare(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int c = strcmp(a->name, b->name);

	return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

static void
check_twice(struct named *list, size_t nb, const char *what, const char *hint,
	    struct rule_errors *errs)
{
	const struct named *first = list;
	size_t i;

	if (nb == 0)
		return;
	qsort(list, nb, sizeof(*list), compare);
	for (i = 1; i < nb; i++) {
		if (strcmp(list[i].name, first->name) != 0) {
			first = &list[i];
			continue;
		}
		rule_errors_add(errs, RULE_ERROR, list[i].at, hint,
				"%s \"%s\" stands twice, first at %s:%d:%d", what, list[i].name,
				first->at->file, first->at->line, first->at->column);
	}
}

/* A name and a zone of the same domain say two things about what stands below it. */
static void
check_zones(const struct rule_model *m, struct named *list, struct rule_errors *errs)
{
	size_t nb = 0, i;

	for (i = 0; i < m->nb_protects; i++)
		list[nb++] = (struct named){m->protects[i].domain, &m->protects[i].at, i};
	if (nb > 0)
		qsort(list, nb, sizeof(*list), compare);
	for (i = 1; i < nb; i++) {
		const struct protect_def *a = &m->protects[list[i - 1].order],
					 *b = &m->protects[list[i].order];

		if (strcmp(a->domain, b->domain) == 0 &&
		    ((a->flags ^ b->flags) & IMAGE_NAME_SELF) != 0)
			rule_errors_add(errs, RULE_ERROR, &b->at,
					"keep the domain when all below it is right, the zone when only "
					"known names are",
					"\"%s\" is protected as a domain and as a zone, first at "
					"%s:%d:%d",
					b->domain, a->at.file, a->at.line, a->at.column);
	}
}

/* Suffixes and literals of one rule. */
static void
check_texts(const struct rule_def *rule, struct rule_errors *errs)
{
	const struct rule_text *t;
	struct named *list;
	size_t nb = 0, i = 0;

	for (t = rule->texts; t != NULL; t = t->next)
		nb++;
	if (nb < 2)
		return;
	list = calloc(nb, sizeof(*list));
	if (list == NULL) {
		rule_errors_add(errs, RULE_ERROR, &rule->id_at, NULL, "out of memory");
		return;
	}
	for (t = rule->texts; t != NULL; t = t->next, i++)
		list[i] = (struct named){t->text, &t->at, i};
	check_twice(list, nb, rule->kind == RULE_KIND_SUFFIX ? "the suffix" : "the literal",
		    "keep one of them", errs);
	free(list);
}

static void
check_unique(const struct rule_model *m, struct rule_errors *errs)
{
	size_t most = m->nb_protects, nb, i;
	struct named *list;

	most = m->nb_rules > most ? m->nb_rules : most;
	most = m->nb_exceptions > most ? m->nb_exceptions : most;
	list = calloc(most + 1, sizeof(*list));
	if (list == NULL) {
		rule_errors_add(errs, RULE_ERROR, &(struct rule_place){0}, NULL, "out of memory");
		return;
	}
	for (i = 0; i < m->nb_rules; i++)
		list[i] = (struct named){m->rules[i].info.id, &m->rules[i].id_at, i};
	check_twice(list, m->nb_rules, "the rule", "give each rule an id of its own", errs);
	for (i = 0; i < m->nb_exceptions; i++)
		list[i] = (struct named){m->exceptions[i].id, &m->exceptions[i].at, i};
	check_twice(list, m->nb_exceptions, "the exception", "give each exception an id of its own",
		    errs);
	for (i = 0, nb = 0; i < m->nb_protects; i++)
		if ((m->protects[i].flags & IMAGE_NAME_SELF) != 0)
			list[nb++] = (struct named){m->protects[i].domain, &m->protects[i].at, i};
	check_twice(list, nb, "the protected domain", "keep one of them", errs);
	for (i = 0, nb = 0; i < m->nb_protects; i++)
		if ((m->protects[i].flags & IMAGE_NAME_SELF) == 0)
			list[nb++] = (struct named){m->protects[i].domain, &m->protects[i].at, i};
	check_twice(list, nb, "the zone", "keep one of them", errs);
	check_zones(m, list, errs);
	free(list);
	for (i = 0; i < m->nb_rules; i++)
		check_texts(&m->rules[i], errs);
}

/* Is a protected name below @suffix, so that a rule with match: protected can ever find something? */
static bool
has_name_below(const struct rule_model *m, const char *suffix)
{
	size_t suffix_len = strlen(suffix), len, i;
	const char *domain;

	for (i = 0; i < m->nb_protects; i++) {
		domain = m->protects[i].domain;
		len = strlen(domain);
		if ((m->protects[i].flags & IMAGE_NAME_SELF) == 0)
			continue;
		if (len > suffix_len + 1 && domain[len - suffix_len - 1] == '.' &&
		    strcmp(domain + len - suffix_len, suffix) == 0)
			return true;
		/* A sub-domain of a protected name may end there too (meant: example.com). */
		if ((m->protects[i].flags & IMAGE_NAME_BELOW) != 0 && suffix_len >= len &&
		    strcmp(suffix + suffix_len - len, domain) == 0 &&
		    (suffix_len == len || suffix[suffix_len - len - 1] == '.'))
			return true;
	}
	return false;
}

static void
check_useful(const struct rule_model *m, uint64_t now_ns, struct rule_errors *errs)
{
	const struct exception *x;
	char date[RULE_DATE_LEN];
	size_t i;

	for (i = 0; i < m->nb_rules; i++) {
		const struct rule_def *r = &m->rules[i];

		if (r->info.enabled && r->kind == RULE_KIND_SUFFIX &&
		    r->techniques == UINT64_C(1) << RULE_TECHNIQUE_SUFFIX &&
		    !has_name_below(m, r->meant))
			rule_errors_add(
				errs, RULE_WARNING, &r->id_at,
				"protect the domains that are meant, or write \"match: every\"",
				"the rule \"%s\" can't find anything: no protected name ends in "
				".%s",
				r->info.id, r->meant);
	}
	for (i = 0; i < m->nb_exceptions; i++) {
		x = &m->exceptions[i];
		rule_date_write(x->until_ns, date);
		if (x->until_ns > now_ns && x->until_ns - now_ns <= SOON_NS)
			rule_errors_add(errs, RULE_WARNING, &x->at, "ask its owner whether it is still needed",
					"the exception \"%s\" is about to end (at %s)", x->id, date);
		if (x->until_ns > now_ns)
			continue;
		rule_errors_add(
			errs, RULE_WARNING, &x->at,
			"remove it, or set a later date with the owner's consent",
			"the exception \"%s\" has expired and does not work any more (since %s)",
			x->id, date);
	}
}

void
rule_check(const struct rule_model *m, uint64_t now_ns, struct rule_errors *errs)
{
	check_unique(m, errs);
	check_useful(m, now_ns, errs);
}
