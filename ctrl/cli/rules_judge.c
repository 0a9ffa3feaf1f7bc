/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_judge.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mailbox.h"
#include "matcher.h"

enum {
	PATH_LEN_MAX = 2048, /* octets; what is longer is no path (RFC 5321 4.5.3.1.3) and read as it is */
};

int
rules_judge_take(struct rules_judge *j, struct ruleset *set)
{
	const void *image;
	size_t len;
	int rc;

	memset(j, 0, sizeof(*j));
	j->set = set;
	image = ruleset_image(set, &len);
	rc = matcher_load(image, len, &j->matcher);
	return rc == 0 ? matcher_scratch_new(j->matcher, &j->scratch) : rc;
}

void
rules_judge_close(struct rules_judge *j)
{
	matcher_scratch_free(j->scratch);
	matcher_free(j->matcher);
	ruleset_free(j->set);
	memset(j, 0, sizeof(*j));
}

bool
rules_client_read(const char *text, size_t len, struct rules_client *ret)
{
	char addr[INET6_ADDRSTRLEN];

	memset(ret, 0, sizeof(*ret));
	if (len > 5 && strncasecmp(text, "IPv6:", 5) == 0) {
		text += 5;
		len -= 5;
	}
	if (len == 0 || len >= sizeof(addr) || memchr(text, '\0', len) != NULL)
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, ret->addr) == 1)
		ret->family = 4;
	else if (inet_pton(AF_INET6, addr, ret->addr) == 1)
		ret->family = 6;
	return ret->family != 0;
}

static enum rules_no_match
reason(const struct rules_judge *j, const struct mailbox *mb, size_t len)
{
	unsigned int i;

	if (len == 0)
		return RULES_NO_MATCH_EMPTY;
	if (mb->nb_readings == 0 || (mb->flags & MAILBOX_NO_DOMAIN) != 0)
		return RULES_NO_MATCH_NO_DOMAIN;
	for (i = 0; i < mb->nb_readings; i++)
		if (!matcher_is_legitimate(j->matcher, mb->readings[i].domain,
					   mb->readings[i].domain_len))
			return RULES_NO_MATCH_OTHER;
	return RULES_NO_MATCH_LEGITIMATE;
}

static void
decide(const struct rules_judge *j, const struct rules_question *question,
       const struct mailbox_reading *reading, struct rules_answer *a)
{
	struct ruleset_query q = {
		.sender = question->sender,
		.sender_len = question->sender_len,
		.local = (const char *)reading->local,
		.local_len = reading->local_len,
		.domain = a->match.domain,
		.domain_len = a->match.domain_len,
		.ts_ns = question->ts_ns,
		.client_family = question->client.family,
		.client = question->client.family != 0 ? question->client.addr : NULL,
	};

	ruleset_decide(j->set, &a->match, &q, &a->decision);
	a->match = a->decision.match; /* another one when the first is not for this sender */
	a->rule = ruleset_rule(j->set, a->match.rule);
	a->by_rule = ruleset_rule_verdict(j->set, a->match.rule,
					  (enum rule_technique)a->match.technique);
	if (a->decision.expired != RULESET_NONE) {
		struct exception_info x;

		ruleset_exception(j->set, a->decision.expired, &x);
		a->expired = x.id;
	}
}

/* The argument of RCPT as it was on the wire: a path with its brackets, as far as they can have been there. */
static void
read_address(const struct rules_question *q, char buf[PATH_LEN_MAX + 2], struct mailbox *ret)
{
	const char *text = q->address;
	size_t len = q->len;

	if (q->is_path && len > 0 && len <= PATH_LEN_MAX) {
		buf[0] = '<';
		memcpy(buf + 1, text, len);
		buf[len + 1] = '>';
		text = buf;
		len += q->is_cut ? 1 : 2;
	}
	mailbox_read((const uint8_t *)text, len, q->is_cut, ret);
}

int
rules_judge(const struct rules_judge *j, const struct rules_question *q, struct rules_answer *a)
{
	const struct mailbox_reading *best = NULL;
	char path[PATH_LEN_MAX + 2];
	struct matcher_match match;
	struct mailbox mb;
	unsigned int i;
	int rc;

	memset(a, 0, sizeof(*a));
	read_address(q, path, &mb);
	for (i = 0; i < mb.nb_readings; i++) {
		const struct mailbox_reading *r = &mb.readings[i];
		struct matcher_query mq = {(const char *)r->local, r->local_len, r->domain,
					   r->domain_len};

		rc = matcher_judge(j->matcher, j->scratch, &mq, &match);
		if (rc < 0)
			return rc;
		if (rc == 1 && (best == NULL || match.severity > a->match.severity)) {
			a->match = match;
			best = r;
		}
	}
	a->is_match = best != NULL;
	if (best != NULL)
		decide(j, q, best, a);
	else
		a->why = reason(j, &mb, q->len);
	return 0;
}

enum rule_verdict
rules_answer_verdict(const struct rules_answer *a)
{
	return a->is_match ? a->decision.verdict : RULE_VERDICT_PASS;
}

void
rules_answer_text(const struct rules_answer *a, char buf[RULES_JUDGE_TEXT_MAX])
{
	static const char *const reasons[] = {
		[RULES_NO_MATCH_OTHER] = "no rule matches",
		[RULES_NO_MATCH_EMPTY] = "there is no address",
		[RULES_NO_MATCH_NO_DOMAIN] = "there is no domain in it",
		[RULES_NO_MATCH_LEGITIMATE] =
			"the domain is a protected one, or a legitimate one below it",
	};
	const struct matcher_match *m = &a->match;
	const char *by = a->decision.by;
	size_t used;

	if (!a->is_match) {
		snprintf(buf, RULES_JUDGE_TEXT_MAX, "%s", reasons[a->why]);
		return;
	}
	rule_technique_explain((enum rule_technique)m->technique, m->domain, m->domain_len,
			       m->meant, m->meant_len, buf, RULES_JUDGE_TEXT_MAX);
	used = strlen(buf);
	buf += used;
	used = RULES_JUDGE_TEXT_MAX - used;
	if (strncmp(by, "exception:", 10) == 0)
		snprintf(buf, used, "; the rule says %s, the exception %s lets it through",
			 rule_verdict_name(a->by_rule), by + 10);
	else if (strncmp(by, "scope:", 6) == 0)
		snprintf(buf, used, "; but the rule %s is not for this sender", by + 6);
	else if (a->expired != NULL)
		snprintf(buf, used, "; the exception %s has ended", a->expired);
}
