/* SPDX-License-Identifier: BSD-3-Clause */
/* ruleset_decide - what a match means for a sender, a recipient and a moment */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ruleset_private.h"

struct ruleset_again {
	pthread_mutex_t lock; /* of the scratch */
	struct matcher *matcher;
	struct matcher_scratch *scratch;
};

void
ruleset_again_free(struct ruleset_again *a)
{
	if (a == NULL)
		return;
	matcher_scratch_free(a->scratch);
	matcher_free(a->matcher);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

int
ruleset_again_make(struct ruleset *set)
{
	struct ruleset_again *a;
	bool needed = false;
	size_t i;
	int rc;

	for (i = 0; i < set->model.nb_rules && !needed; i++)
		needed = set->model.rules[i].senders != NULL;
	if (!needed)
		return 0;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	rc = matcher_load(set->image, set->image_len, &a->matcher);
	if (rc == 0)
		rc = matcher_scratch_new(a->matcher, &a->scratch);
	if (rc < 0) {
		ruleset_again_free(a);
		return rc;
	}
	set->again = a;
	return 0;
}

/* Find the next match among the rules that are for this sender. False: there is none. */
static bool
match_in_scope(const struct ruleset *set, const struct ruleset_query *q,
	       struct matcher_match *match)
{
	const struct matcher_query mq = {q->local, q->local_len, q->domain, q->domain_len};
	size_t words = set->model.nb_rules / 64 + 1;
	uint64_t *without = calloc(words, sizeof(*without));
	bool found = false;
	uint32_t rule;

	if (without == NULL)
		return false;
	pthread_mutex_lock(&set->again->lock);
	do {
		without[match->rule / 64] |= UINT64_C(1) << match->rule % 64;
		if (matcher_judge_without(set->again->matcher, set->again->scratch, &mq, without,
					  match) != 1)
			break;
		rule = match->rule;
		found = senders_match(set->model.rules[rule].senders, q);
	} while (!found);
	pthread_mutex_unlock(&set->again->lock);
	free(without);
	return found;
}

static uint32_t
index_of(const struct ruleset *set, const struct exception *x)
{
	return x != NULL ? (uint32_t)(x - set->model.exceptions) : RULESET_NONE;
}

void
ruleset_decide(const struct ruleset *set, const struct matcher_match *match,
	       const struct ruleset_query *q, struct ruleset_decision *ret)
{
	const struct rule_info *rule = ruleset_rule(set, match->rule);
	const struct exception *x, *expired;

	ret->match = *match;
	ret->exception = ret->expired = ret->scope = RULESET_NONE;
	ret->verdict = RULE_VERDICT_PASS;
	if (rule != NULL && !senders_match(set->model.rules[match->rule].senders, q)) {
		ret->scope = match->rule;
		if (!match_in_scope(set, q, &ret->match)) {
			ret->match = *match;
			snprintf(ret->by, sizeof(ret->by), "scope:%s", rule->id);
			return;
		}
		rule = ruleset_rule(set, ret->match.rule);
	}
	x = exception_find(set->model.exceptions, set->model.nb_exceptions, q, &expired);
	ret->exception = index_of(set, x);
	if (x != NULL) {
		snprintf(ret->by, sizeof(ret->by), "exception:%s", x->id);
		return;
	}
	ret->expired = index_of(set, expired);
	/* A match of another generation can name a rule that is gone: alert, and say so. */
	ret->verdict = ruleset_rule_verdict(set, ret->match.rule,
					    (enum rule_technique)ret->match.technique);
	snprintf(ret->by, sizeof(ret->by), "rule:%s", rule != NULL ? rule->id : "unknown");
}
