/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "ruleset_private.h"
#include "technique.h"

void
ruleset_free(struct ruleset *set)
{
	if (set == NULL)
		return;
	ruleset_again_free(set->again);
	rule_model_free(&set->model);
	kept_files_free(&set->kept);
	free(set->image);
	free(set);
}

const void *
ruleset_image(const struct ruleset *set, size_t *ret_len)
{
	*ret_len = set->image_len;
	return set->image;
}

const char *
rule_verdict_name(enum rule_verdict v)
{
	static const char *const names[] = {
		[RULE_VERDICT_PASS] = "pass",	  [RULE_VERDICT_ALERT] = "alert",
		[RULE_VERDICT_REFUSE] = "refuse", [RULE_VERDICT_DIVERT] = "divert",
		[RULE_VERDICT_RESET] = "reset",
	};

	return v >= RULE_VERDICT_PASS && v <= RULE_VERDICT_RESET ? names[v] : "unknown";
}

const char *
ruleset_name(const struct ruleset *set)
{
	return set->name;
}

uint32_t
ruleset_generation(const struct ruleset *set)
{
	return set->generation;
}

uint64_t
ruleset_hash(const struct ruleset *set)
{
	return set->hash;
}

size_t
ruleset_nb_rules(const struct ruleset *set)
{
	return set->model.nb_rules;
}

const struct rule_info *
ruleset_rule(const struct ruleset *set, uint32_t rule)
{
	return rule < set->model.nb_rules ? &set->model.rules[rule].info : NULL;
}

uint64_t
ruleset_rule_techniques(const struct ruleset *set, uint32_t rule)
{
	return rule < set->model.nb_rules ? set->model.rules[rule].techniques : 0;
}

bool
ruleset_rule_is_scoped(const struct ruleset *set, uint32_t rule)
{
	return rule < set->model.nb_rules && set->model.rules[rule].senders != NULL;
}

static const struct lookalike_settings *
settings_of(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_def *d = NULL;

	if (rule < set->model.nb_rules && (unsigned int)t < RULE_TECHNIQUE_NB)
		d = set->model.rules[rule].lookalikes;
	return d != NULL ? &d->settings : NULL;
}

uint8_t
ruleset_rule_severity(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);
	uint8_t severity = rule < set->model.nb_rules ? set->model.rules[rule].info.severity : 0;

	if (s != NULL && s->severity[t] != 0)
		return s->severity[t];
	return severity != 0 ? severity : technique_severity(t);
}

enum rule_verdict
ruleset_rule_verdict(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);

	if (s != NULL && s->verdict[t] != 0)
		return (enum rule_verdict)s->verdict[t];
	return rule < set->model.nb_rules ? set->model.rules[rule].info.verdict
					  : RULE_VERDICT_ALERT;
}

uint8_t
ruleset_rule_min_label(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);

	return s != NULL ? s->min_label[t] : 0;
}

size_t
ruleset_nb_exceptions(const struct ruleset *set)
{
	return set->model.nb_exceptions;
}

void
ruleset_exception(const struct ruleset *set, size_t i, struct exception_info *ret)
{
	static const char *const kinds[] = {"address", "domain", "subtree"};
	const struct exception *x = &set->model.exceptions[i];

	*ret = (struct exception_info){
		.id = x->id,
		.kind = kinds[x->kind],
		.local = x->local,
		.domain = x->domain,
		.has_sender = x->senders != NULL,
		.owner = x->owner,
		.reason = x->reason,
		.ticket = x->ticket,
		.file = x->at.file,
		.line = x->at.line,
		.from_ns = x->from_ns,
		.until_ns = x->until_ns,
	};
}
