/* SPDX-License-Identifier: BSD-3-Clause */
#include "session_private.h"

#include <stdio.h>
#include <string.h>

#include "reply_text.h"

#define MS UINT64_C(1000000) /* in ns */

/* Nobody decided: the sender tries again later, when somebody does. RFC 3463 X.3.2: system not accepting messages. */
static const char try_again[] = "451 4.3.2 Recipient could not be checked, try again later";

static void
own_words(struct session *s, const struct smtp_rcpt *rcpt, const struct matcher_match *match, char text[PROXY_TEXT_MAX])
{
	const struct reply_fields fields = {
		.recipient = rcpt->address.p,
		.recipient_len = rcpt->address.len,
		.domain = match != NULL ? match->domain : "",
		.meant = match != NULL ? match->meant : "",
	};

	_Static_assert((int)REPLY_TEXT_MAX < (int)PROXY_TEXT_MAX, "a reply fits");
	reply_text(text, s->env->template, &fields);
}

static struct session_ask *
ask_new(struct session *s, uint64_t hold_id, uint32_t wait_ms)
{
	unsigned int i;

	for (i = 0; i < SESSION_ASKS_MAX; i++) {
		struct session_ask *a = &s->asks[i];

		if (a->hold_id != 0)
			continue;
		*a = (struct session_ask){
			.hold_id = hold_id,
			.since_ns = s->env->now_ns,
			.until_ns = s->env->now_ns + wait_ms * MS,
		};
		return a;
	}
	return NULL;
}

/* What the worker was told of it; NULL: it did not match there. */
static const struct dp_takeover_hold *
hold_of(const struct session *s, const struct smtp_rcpt *rcpt)
{
	const struct dp_takeover_hold *found = NULL;
	uint32_t i;

	for (i = 0; i < s->nb_holds; i++) {
		const struct dp_takeover_hold *h = &s->holds[i];

		if (h->transaction == rcpt->transaction && h->rcpt_index == rcpt->index &&
		    (found == NULL || h->verdict > found->verdict))
			found = h;
	}
	return found;
}

/* The verdict is known; ctrl's words may be on their way. */
static enum proxy_judged
judge_known(struct session *s, const struct smtp_rcpt *rcpt, enum dp_verdict *ret_verdict, char text[PROXY_TEXT_MAX])
{
	const struct dp_takeover_hold *h = hold_of(s, rcpt);
	const struct dp_answer *answer;
	struct matcher_match match;
	struct session_ask *a;

	if (h == NULL || h->verdict < DP_VERDICT_REFUSE)
		return PROXY_CLEAN;
	*ret_verdict = h->verdict;
	answer = judge_answer(s->env->judge, s->epoch, s->worker, h->hold_id, s->env->now_ns);
	if (answer != NULL && answer->text_len > 0) {
		memcpy(text, answer->text, answer->text_len);
		text[answer->text_len] = '\0';
		s->env->nb_refused++;
		return PROXY_DECIDED;
	}
	own_words(s, rcpt, judge_match(s->env->judge, rcpt->mailbox, &match) ? &match : NULL, text);
	s->env->nb_refused++;
	a = answer == NULL && h->hold_id != 0 ? ask_new(s, h->hold_id, SESSION_WORDS_MS) : NULL;
	if (a == NULL)
		return PROXY_DECIDED;
	a->epoch = s->epoch;
	a->worker = s->worker;
	strcpy(a->text, text);
	return PROXY_ASKED;
}

enum proxy_judged
session_judge(void *ctx, const struct smtp_rcpt *rcpt, bool known, enum dp_verdict *ret_verdict, char text[PROXY_TEXT_MAX])
{
	struct session *s = ctx;
	struct judge *j = s->env->judge;
	struct matcher_match match;
	struct session_ask *a;
	uint64_t hold;

	if (known)
		return judge_known(s, rcpt, ret_verdict, text);
	if (!judge_match(j, rcpt->mailbox, &match))
		return PROXY_CLEAN;
	s->asked = true;
	*ret_verdict = DP_VERDICT_REFUSE;
	strcpy(text, try_again);
	if (judge_ask(j, &s->flow, rcpt, &match, &hold) != 0)
		return PROXY_DECIDED;
	a = ask_new(s, hold, s->env->answer_ms);
	if (a == NULL)
		return PROXY_DECIDED;
	a->is_own = true;
	a->epoch = j->ring.epoch;
	a->worker = j->ring.worker;
	a->transaction = rcpt->transaction;
	a->rcpt_index = rcpt->index;
	own_words(s, rcpt, &match, a->text);
	return PROXY_ASKED;
}

static void
tell(struct session *s, const struct session_ask *a, enum dp_outcome outcome, enum dp_cause cause, enum dp_verdict verdict)
{
	if (!a->is_own)
		return;
	judge_tell_outcome(s->env->judge, &(const struct judge_outcome){
						  .flow_uid = s->flow.uid,
						  .hold_id = a->hold_id,
						  .transaction = a->transaction,
						  .rcpt_index = a->rcpt_index,
						  .hold_us = (uint32_t)((s->env->now_ns - a->since_ns) / 1000),
						  .outcome = outcome,
						  .cause = cause,
						  .verdict = verdict,
					  });
}

void
session_take_answer(struct session *s, const struct dp_answer *answer)
{
	char text[PROXY_TEXT_MAX];
	unsigned int i;

	for (i = 0; i < SESSION_ASKS_MAX; i++) {
		struct session_ask a = s->asks[i];
		enum dp_verdict verdict;

		if (a.hold_id == 0 || a.hold_id != answer->hold_id || a.epoch != answer->epoch || a.worker != answer->worker)
			continue;
		s->asks[i].hold_id = 0;
		/* A verdict that was carried out already is not taken back. */
		verdict = a.is_own ? (enum dp_verdict)answer->verdict : DP_VERDICT_REFUSE;
		memcpy(text, answer->text, answer->text_len);
		text[answer->text_len] = '\0';
		if (a.is_own && verdict >= DP_VERDICT_REFUSE)
			s->env->nb_refused++;
		/* On this side of a take-over a recipient can be refused, and a connection be cut; divert is the former. */
		if (verdict == DP_VERDICT_DIVERT)
			verdict = DP_VERDICT_REFUSE;
		tell(s, &a, DP_OUTCOME_DONE, DP_CAUSE_NONE, verdict);
		proxy_answer(&s->proxy, verdict, answer->text_len > 0 ? text : a.text);
		return;
	}
}

void
session_expire_asks(struct session *s)
{
	unsigned int i;

	for (i = 0; i < SESSION_ASKS_MAX && s->proxy.end == PROXY_GOES_ON; i++) {
		struct session_ask a = s->asks[i];

		if (a.hold_id == 0 || s->env->now_ns < a.until_ns)
			continue;
		s->asks[i].hold_id = 0;
		s->env->nb_unanswered++;
		tell(s, &a, DP_OUTCOME_FALLBACK, DP_CAUSE_CTRL_SLOW, DP_VERDICT_REFUSE);
		proxy_answer(&s->proxy, DP_VERDICT_REFUSE, a.is_own ? try_again : a.text);
	}
}

void
session_drop_asks(struct session *s)
{
	unsigned int i;

	for (i = 0; i < SESSION_ASKS_MAX; i++) {
		if (s->asks[i].hold_id != 0)
			tell(s, &s->asks[i], DP_OUTCOME_UNKNOWN, DP_CAUSE_NONE, DP_VERDICT_NONE);
		s->asks[i].hold_id = 0;
	}
}
