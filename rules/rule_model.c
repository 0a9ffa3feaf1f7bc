/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_model.h"

#include <stdlib.h>
#include <string.h>

static void *
grow(struct arena *arena, void **list, size_t *nb, size_t *cap, size_t entry)
{
	size_t more = *cap == 0 ? 16 : *cap * 2;
	void *bigger;

	if (*nb == *cap) {
		bigger = reallocarray(*list, more, entry);
		if (bigger == NULL) {
			arena->failed = true;
			return NULL;
		}
		*list = bigger;
		*cap = more;
	}
	return memset((char *)*list + (*nb)++ * entry, 0, entry);
}

struct protect_def *
rule_model_add_protect(struct rule_model *m)
{
	return grow(&m->arena, (void **)&m->protects, &m->nb_protects, &m->cap_protects,
		    sizeof(*m->protects));
}

struct rule_def *
rule_model_add_rule(struct rule_model *m)
{
	return grow(&m->arena, (void **)&m->rules, &m->nb_rules, &m->cap_rules, sizeof(*m->rules));
}

struct exception *
rule_model_add_exception(struct rule_model *m)
{
	return grow(&m->arena, (void **)&m->exceptions, &m->nb_exceptions, &m->cap_exceptions,
		    sizeof(*m->exceptions));
}

void
rule_model_free(struct rule_model *m)
{
	free(m->protects);
	free(m->rules);
	free(m->exceptions);
	arena_free(&m->arena);
}
