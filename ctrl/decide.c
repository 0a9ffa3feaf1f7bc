/* SPDX-License-Identifier: BSD-3-Clause */
#include "decide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mailbox.h"

_Static_assert((int)DP_STR_DOMAIN_MAX == (int)MATCHER_DOMAIN_MAX, "rules/ and dataplane/api have domains of one length");
_Static_assert((int)DP_VERDICT_PASS == RULE_VERDICT_PASS && (int)DP_VERDICT_ALERT == RULE_VERDICT_ALERT &&
		       (int)DP_VERDICT_REFUSE == RULE_VERDICT_REFUSE && (int)DP_VERDICT_DIVERT == RULE_VERDICT_DIVERT &&
		       (int)DP_VERDICT_RESET == RULE_VERDICT_RESET,
	       "rules/ and dataplane/api name verdicts by the same numbers");

static const char *const verdict_names[DP_VERDICT_NB] = {
	[DP_VERDICT_NONE] = "none",	[DP_VERDICT_PASS] = "pass",	[DP_VERDICT_ALERT] = "alert",
	[DP_VERDICT_REFUSE] = "refuse", [DP_VERDICT_DIVERT] = "divert", [DP_VERDICT_RESET] = "reset",
};

const char *
verdict_name(enum dp_verdict v)
{
	return (unsigned int)v < DP_VERDICT_NB ? verdict_names[v] : "none";
}

enum dp_verdict
verdict_from_name(const char *name)
{
	int i;

	for (i = DP_VERDICT_PASS; i < DP_VERDICT_NB; i++)
		if (strcmp(name, verdict_names[i]) == 0)
			return (enum dp_verdict)i;
	return DP_VERDICT_NONE;
}

/* The reading whose domain matched; its local part belongs to the decision. */
static void
local_part(const struct dp_ev_rcpt *ev, struct ruleset_query *q)
{
	char domain[MATCHER_DOMAIN_MAX];
	struct mailbox mb;
	unsigned int i, found = 0;

	mailbox_read(dp_event_str(ev, &ev->address), ev->address.len, ev->address.full_len > ev->address.len, &mb);
	for (i = 0; i < mb.nb_readings; i++) {
		/* The event has the domain as it was judged. */
		if (matcher_normalise(mb.readings[i].domain, mb.readings[i].domain_len, domain) != ev->domain.len ||
		    memcmp(domain, dp_event_str(ev, &ev->domain), ev->domain.len) != 0)
			continue;
		found = i;
		break;
	}
	if (mb.nb_readings == 0)
		return;
	/* The reading points into the record, which the caller keeps; domains are copies in mb and are not used. */
	q->local = (const char *)mb.readings[found].local;
	q->local_len = mb.readings[found].local_len;
}

static void
copy_name(char dst[MATCHER_DOMAIN_MAX + 1], uint16_t *ret_len, const struct dp_ev_rcpt *ev, const struct dp_str *str)
{
	size_t n = str->len < MATCHER_DOMAIN_MAX ? str->len : MATCHER_DOMAIN_MAX;

	memcpy(dst, dp_event_str(ev, str), n);
	dst[n] = '\0';
	*ret_len = (uint16_t)n;
}

static void
fill(const struct ruleset *set, const struct dp_ev_rcpt *ev, const struct ruleset_decision *by, struct decision *ret)
{
	const struct matcher_match *match = &by->match;

	ret->set = set;
	ret->rule = ruleset_rule(set, match->rule);
	ret->technique = match->technique;
	ret->severity = ruleset_rule_severity(set, match->rule, (enum rule_technique)match->technique);
	ret->verdict = (enum dp_verdict)by->verdict;
	snprintf(ret->by, sizeof(ret->by), "%s", by->by);
	ret->is_other = match->rule != ev->rule;
	ret->meant_len = 0;
	if (ret->is_other) {
		memcpy(ret->meant, match->meant, match->meant_len);
		ret->meant_len = match->meant_len;
	}
	ret->exception = by->exception;
	ret->expired = by->expired;
	ret->scope = by->scope;
}

int
decide(const struct ruleset *set, const struct dp_ev_rcpt *ev, struct decision *ret)
{
	struct matcher_match match = { .rule = ev->rule, .technique = ev->technique };
	struct ruleset_decision by;
	struct ruleset_query q = { .local = "" };

	if (ev->rule == DP_RULE_NONE)
		return 0;
	if (ev->rule >= ruleset_nb_rules(set) || ev->technique >= RULE_TECHNIQUE_NB ||
	    ev->generation != ruleset_generation(set))
		return -EBADMSG;
	match.severity = ruleset_rule_severity(set, ev->rule, (enum rule_technique)ev->technique);
	copy_name(match.domain, &match.domain_len, ev, &ev->domain);
	copy_name(match.meant, &match.meant_len, ev, &ev->meant);
	local_part(ev, &q);
	q.sender = (const char *)dp_event_str(ev, &ev->sender);
	q.sender_len = ev->sender.len;
	q.domain = match.domain;
	q.domain_len = match.domain_len;
	q.ts_ns = ev->rec.ts_ns;
	q.client_family = ev->flow.key.family;
	q.client = ev->flow.key.client_addr;
	ruleset_decide(set, &match, &q, &by);
	fill(set, ev, &by, ret);
	return 1;
}
