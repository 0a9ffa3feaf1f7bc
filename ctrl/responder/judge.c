/* SPDX-License-Identifier: BSD-3-Clause */
#include "judge.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp_clock.h"
#include "dp_ruleset.h"

void
judge_init(struct judge *j, int rules_sock, const struct dp_shm *dp, const struct dp_shm *ctrl)
{
	j->rules_sock = rules_sock;
	dp_ring_writer_init(&j->ring, dp, ctrl, dp->geo.nb_workers - 1);
}

void
judge_fini(struct judge *j)
{
	matcher_scratch_free(j->scratch);
	matcher_free(j->matcher);
	j->scratch = NULL;
	j->matcher = NULL;
}

/* --- rule sets --- */

static void
say(struct judge *j, enum dp_ruleset_type type, const struct dp_ruleset_msg *offer, int error, const char *why)
{
	struct dp_ruleset_msg msg = {
		.magic = DP_RULESET_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = (uint16_t)type,
		.generation = offer != NULL ? offer->generation : 1,
		.worker = j->ring.worker,
		.hash = offer != NULL ? offer->hash : 0,
		.error = error,
	};

	snprintf(msg.text, sizeof(msg.text), "%s", why);
	/* A ctrl that is gone gets no answer; its successor offers again. */
	dp_ruleset_send(j->rules_sock, &msg, -1);
}

void
judge_want_rules(struct judge *j)
{
	say(j, DP_RULESET_WANTED, NULL, 0, "");
}

static int
load(struct judge *j, const struct dp_ruleset_msg *offer, int fd, const char **ret_why)
{
	struct matcher_scratch *scratch = NULL;
	struct matcher *matcher = NULL;
	void *image;
	int rc = dp_ruleset_map(fd, offer, &image, ret_why);

	if (rc != 0)
		return rc;
	*ret_why = "the image is not a rule set for this machine";
	rc = matcher_load(image, offer->size, &matcher);
	munmap(image, offer->size);
	if (rc == 0 && matcher_generation(matcher) != offer->generation)
		rc = -EBADMSG;
	if (rc == 0)
		rc = matcher_scratch_new(matcher, &scratch);
	if (rc != 0) {
		matcher_free(matcher);
		return rc;
	}
	judge_fini(j);
	j->matcher = matcher;
	j->scratch = scratch;
	j->generation = offer->generation;
	j->hash = offer->hash;
	atomic_store_explicit(&j->ring.dp->generation, offer->generation, memory_order_relaxed);
	return 0;
}

int
judge_take_rules(struct judge *j)
{
	struct dp_ruleset_msg msg;
	const char *why = "";
	int fd, rc, taken = 0;

	while ((rc = dp_ruleset_receive(j->rules_sock, &msg, &fd)) != 0) {
		if (rc == -EBADMSG)
			continue;
		if (rc < 0)
			return rc;
		if (msg.type == DP_RULESET_OFFER && fd >= 0) {
			rc = 0;
			if (j->matcher == NULL || j->hash != msg.hash || j->generation != msg.generation) {
				rc = load(j, &msg, fd, &why);
				taken |= rc == 0;
			}
			say(j, rc == 0 ? DP_RULESET_ACK : DP_RULESET_REFUSED, &msg, rc, rc == 0 ? "" : why);
		}
		if (fd >= 0)
			close(fd);
	}
	return taken;
}

bool
judge_match(struct judge *j, const struct mailbox *mb, struct matcher_match *ret)
{
	struct matcher_match match;
	bool found = false;
	unsigned int i;

	for (i = 0; i < mb->nb_readings; i++) {
		const struct mailbox_reading *r = &mb->readings[i];
		const struct matcher_query q = {
			.local = (const char *)r->local,
			.local_len = r->local_len,
			.domain = r->domain,
			.domain_len = r->domain_len,
		};
		int rc = matcher_judge(j->matcher, j->scratch, &q, &match);

		j->nb_match_errors += rc < 0;
		if (rc == 1 && (!found || match.severity > ret->severity)) {
			*ret = match;
			found = true;
		}
	}
	return found;
}

/* --- to ctrl --- */

static void
begin(struct judge *j, enum dp_event_type type)
{
	struct dp_record *rec = (struct dp_record *)j->record;

	dp_event_begin(j->record, type);
	rec->ts_ns = dp_clock_ns(CLOCK_REALTIME);
}

static int
put(struct judge *j)
{
	if (dp_ring_put(&j->ring, j->record) == 0)
		return 0;
	dp_ring_lose(&j->ring);
	j->nb_lost++;
	return -EAGAIN;
}

static void
put_str(struct judge *j, struct dp_str *str, const struct smtp_str *s, size_t max)
{
	dp_event_put_str(j->record, str, s->p, s->len, max, s->full_len, s->hash);
}

int
judge_ask(struct judge *j, const struct dp_flow_id *flow, const struct smtp_rcpt *rcpt, const struct matcher_match *match,
	  uint64_t *ret_hold)
{
	struct dp_ev_rcpt *ev = (struct dp_ev_rcpt *)j->record;
	/* Never that of a predecessor, whose epoch was another one. */
	uint64_t hold = (uint64_t)j->ring.epoch << 32 | ++j->serial;

	begin(j, DP_EV_RCPT);
	ev->flow = *flow;
	ev->hold_id = hold;
	ev->transaction = rcpt->transaction;
	ev->rcpt_index = rcpt->index;
	ev->anomalies = rcpt->anomalies;
	ev->generation = j->generation;
	ev->flags = rcpt->flags;
	ev->rule = match->rule;
	ev->technique = match->technique;
	put_str(j, &ev->helo, &rcpt->helo, DP_STR_HELO_MAX);
	put_str(j, &ev->sender, &rcpt->sender, DP_STR_SENDER_MAX);
	put_str(j, &ev->address, &rcpt->address, DP_STR_ADDRESS_MAX);
	dp_event_put_str(j->record, &ev->domain, match->domain, match->domain_len, DP_STR_DOMAIN_MAX, match->domain_len, 0);
	dp_event_put_str(j->record, &ev->meant, match->meant, match->meant_len, DP_STR_DOMAIN_MAX, match->meant_len, 0);
	*ret_hold = hold;
	return put(j);
}

void
judge_tell_outcome(struct judge *j, const struct judge_outcome *o)
{
	struct dp_ev_outcome *ev = (struct dp_ev_outcome *)j->record;

	begin(j, DP_EV_OUTCOME);
	ev->flow_uid = o->flow_uid;
	ev->hold_id = o->hold_id;
	ev->hold_us = o->hold_us;
	ev->outcome = (uint16_t)o->outcome;
	ev->cause = (uint16_t)o->cause;
	ev->verdict = (uint16_t)o->verdict;
	ev->transaction = o->transaction;
	ev->rcpt_index = o->rcpt_index;
	put(j);
}

void
judge_tell_end(struct judge *j, const struct dp_flow_id *flow, const struct smtp_summary *sum, enum dp_close how)
{
	struct dp_ev_flow_end *ev = (struct dp_ev_flow_end *)j->record;

	begin(j, DP_EV_FLOW_END);
	ev->flow = *flow;
	ev->nb_transactions = sum->nb_transactions;
	ev->close = (uint16_t)how;
	ev->flags = sum->flags;
	ev->anomalies = sum->anomalies;
	put_str(j, &ev->helo, &sum->helo, DP_STR_HELO_MAX);
	put(j);
}

/* --- from ctrl --- */

static struct judge_answer *
place(struct judge *j, uint32_t epoch, uint16_t worker, uint64_t hold_id)
{
	const uint64_t name[3] = { epoch, worker, hold_id };

	return &j->answers[dp_hash64(DP_HASH64_INIT, name, sizeof(name)) % JUDGE_ANSWERS];
}

void
judge_keep_answer(struct judge *j, const struct dp_answer *answer, uint64_t now_ns)
{
	struct judge_answer *a = place(j, answer->epoch, answer->worker, answer->hold_id);

	a->answer = *answer;
	a->at_ns = now_ns;
}

const struct dp_answer *
judge_answer(struct judge *j, uint32_t epoch, uint16_t worker, uint64_t hold_id, uint64_t now_ns)
{
	struct judge_answer *a = place(j, epoch, worker, hold_id);

	if (a->at_ns == 0 || a->answer.epoch != epoch || a->answer.worker != worker || a->answer.hold_id != hold_id ||
	    now_ns - a->at_ns > UINT64_C(1000000) * DP_ANSWER_KEEP_MS)
		return NULL;
	return &a->answer;
}
