/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * decide - from a recipient record that matched to a verdict
 *
 * What:      finds the rule that the record names in the set that ctrl loaded, and applies its exceptions, sender scope
 *            and dates (ruleset_decide()). Looks at nothing but its arguments: no disk, no network, no clock.
 * Trust:     the record is a client's: rule numbers out of range, another generation or an unknown technique make
 *            -EBADMSG, never a guess.
 * Threads:   pure functions. Cost: bounded by the exceptions of the domain and the rules that are not for the sender.
 */
#ifndef POSTERN_DECIDE_H
#define POSTERN_DECIDE_H

#include <stdbool.h>

#include "dp_event.h"
#include "ruleset.h"

struct decision {
	enum dp_verdict verdict;
	uint8_t severity;	     /* 1 low .. 4 critical, as event.severity */
	const struct rule_info *rule; /* of the set */
	const struct ruleset *set;    /* that judged and decides */
	char by[128];		     /* postern.verdict_by */
	uint16_t technique;	     /* enum rule_technique of @rule */
	bool is_other;		     /* not the match that the record names: that one's rule is not for this sender */
	uint16_t meant_len;	     /* with @is_other: what is meant by @rule */
	char meant[DP_STR_DOMAIN_MAX + 1];
	uint32_t exception, expired, scope; /* as struct ruleset_decision has them, of the set; or RULESET_NONE */
};

/* @ev: checked. 1: decided; 0: it did not match, there is nothing to decide; -EBADMSG. */
int decide(const struct ruleset *set, const struct dp_ev_rcpt *ev, struct decision *ret);

/* "pass", "alert", ... as records show it; "none" for DP_VERDICT_NONE. */
const char *verdict_name(enum dp_verdict v);
/* DP_VERDICT_NONE: no such verdict. */
enum dp_verdict verdict_from_name(const char *name);

#endif
