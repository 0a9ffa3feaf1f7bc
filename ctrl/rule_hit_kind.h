/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_hit_kind - what is counted of rules that were decided by: ctrl counts, the commands show
 */
#ifndef POSTERN_RULE_HIT_KIND_H
#define POSTERN_RULE_HIT_KIND_H

#include <string.h>

enum rule_hit_kind {
	RULE_HIT_EXCEPTION, /* let it through */
	RULE_HIT_EXPIRED,   /* would have, had it not ended */
	RULE_HIT_SCOPE,	    /* the rule is not for the sender */
	RULE_HIT_KIND_NB,
};

static inline const char *
rule_hit_kind_name(enum rule_hit_kind kind)
{
	static const char *const names[RULE_HIT_KIND_NB] = {
		[RULE_HIT_EXCEPTION] = "exceptions",
		[RULE_HIT_EXPIRED] = "expired_exceptions",
		[RULE_HIT_SCOPE] = "out_of_scope",
	};

	return names[kind];
}

/* -1: no such kind. */
static inline int
rule_hit_kind_from_name(const char *name)
{
	int i;

	for (i = 0; i < RULE_HIT_KIND_NB; i++)
		if (strcmp(rule_hit_kind_name((enum rule_hit_kind)i), name) == 0)
			return i;
	return -1;
}

#endif
