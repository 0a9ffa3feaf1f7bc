/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"

enum {
	STEP_RECORDS = 1024,	/* taken from the rings in one step */
	BATCH_LIVE_MS = 50,	/* a batch waits at most so long for more */
	BATCH_REPLAY_MS = 250,
};

const char *
pipeline_error(const struct pipeline *p)
{
	return p->error;
}

static int
fail_ring(struct pipeline *p, unsigned int worker)
{
	snprintf(p->error, sizeof(p->error),
		 "the event ring of worker %u holds something that is no record: the dataplane is broken, nothing after "
		 "it was read", worker);
	return -EBADMSG;
}

static int
attach_rings(struct pipeline *p)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < p->nb_rings && rc == 0; i++)
		rc = store_ring_get(p->cfg.store, i, &p->closed[i], &p->alerts[i]);
	if (rc < 0)
		return pipeline_fail_store(p, rc);
	rc = merge_new(p->cfg.dp, p->cfg.ctrl, p->closed, &p->merge);
	if (rc < 0)
		return pipeline_fail(p, rc, "the event rings do not fit what the store says of them");
	if (p->cfg.responder_dp != NULL)
		rc = merge_add_aside(p->merge, p->cfg.responder_dp, p->cfg.responder_ctrl, p->closed[p->nb_rings - 1]);
	if (rc < 0)
		return pipeline_fail(p, rc, "the responder's event ring does not fit what the store says of it");
	if (p->cfg.follow_decided)
		merge_follow_decided(p->merge);
	for (i = 0; i < p->nb_rings; i++) {
		p->closed[i] = merge_reader(p->merge, i)->pos;
		p->stored[i] = p->closed[i];
		atomic_store_explicit(&merge_reader(p->merge, i)->ctrl->alerts, p->alerts[i], memory_order_relaxed);
	}
	return 0;
}

int
pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int rc;

	*ret = p;
	if (p == NULL)
		return -ENOMEM;
	p->cfg = *cfg;
	p->ctx = (struct record_context){
		.store_id = store_id(cfg->store),
		.observer = cfg->observer,
		.is_live = (cfg->dp->geo.run_flags & DP_RUN_REPLAY) == 0,
	};
	p->nb_rings = cfg->dp->geo.nb_workers + (cfg->responder_dp != NULL ? 1 : 0);
	p->ring_octets = cfg->dp->geo.ring_octets;
	p->replay = cfg->dp->geo.run_flags & DP_RUN_REPLAY;
	p->group = group_new();
	if (p->group == NULL)
		return pipeline_fail(p, -ENOMEM, NULL);
	group_clear(p->group);
	rc = store_run_load(cfg->store, &p->run);
	if (rc == 0)
		rc = open_alerts_new(cfg->store, cfg->run_id, OPEN_ALERTS_MAX, &p->open);
	if (rc == 0)
		rc = rule_hits_new(cfg->store, &p->hits);
	if (rc < 0)
		return pipeline_fail_store(p, rc);
	return attach_rings(p);
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	open_alerts_free(p->open);
	rule_hits_free(p->hits);
	merge_free(p->merge);
	group_free(p->group);
	json_out_free(&p->json);
	free(p);
}

void
pipeline_drain(struct pipeline *p)
{
	merge_drain(p->merge);
}

void
pipeline_counts(const struct pipeline *p, uint64_t *ret_alerts, uint64_t *ret_updates)
{
	*ret_alerts = p->run.alerts;
	*ret_updates = p->run.updates;
}

const struct rule_hits *
pipeline_hits(const struct pipeline *p)
{
	return p->hits;
}

/* All of one moment is there: into the transaction with it. */
static int
close_group(struct pipeline *p)
{
	struct group *g = p->group;
	unsigned int i;
	int rc;

	if (g->nb == 0)
		return 0;
	rc = pipeline_store_due(p, g->ts_ns);
	if (rc == 0)
		rc = pipeline_begin(p);
	p->run.last_ts_ns = g->ts_ns;
	group_sort(g);
	for (i = 0; i < g->nb_alerts && rc == 0; i++)
		rc = pipeline_store_alert(p, &g->records[g->alerts[i]]);
	for (i = 0; i < g->nb && rc == 0; i++)
		rc = pipeline_follow(p, g->records[i].rec);
	if (rc == 0)
		rc = pipeline_store_closed(p);
	if (rc < 0)
		return rc;
	for (i = 0; i < p->nb_rings; i++)
		if (g->begin[i] != g->end[i])
			p->closed[i] = g->end[i];
	p->nb_batch += g->nb;
	group_clear(g);
	return pipeline_begin(p); /* a commit on the way may have ended it */
}

/* By the set that judged it, which need not be the one in force by now. */
static int
decide_rcpt(struct pipeline *p, const struct dp_ev_rcpt *ev, struct decision *ret)
{
	const struct ruleset *set;

	if (ev->rule == DP_RULE_NONE)
		return 0;
	set = rule_sets_find(p->cfg.rules, ev->generation);
	return set != NULL ? decide(set, ev, ret) : -EBADMSG;
}

/* First of all, before anything waits for a disk: the verdict. */
static int
decide_item(struct pipeline *p, const struct merge_item *item, struct group_record *r)
{
	const struct dp_record *rec = item->rec;
	struct dp_ring_reader *reader = merge_reader(p->merge, item->worker);
	struct dp_verdict_slot slot;
	int rc;

	if (rec->type != DP_EV_RCPT)
		return 0;
	rc = decide_rcpt(p, (const void *)r->rec, &r->decision);
	if (rc < 0) {
		snprintf(p->error, sizeof(p->error),
			 "worker %u reports a match with a rule that is in no set in use: the dataplane is broken",
			 item->worker);
		return rc;
	}
	if (rc == 0)
		return 0;
	/* A predecessor's verdict stands. */
	slot = dp_ring_verdict(reader, item->pos, rec->seq, rec->epoch);
	r->enforced = slot.enforced;
	r->hold_us = slot.enforced ? dp_after_us(slot.after) : 0;
	if (slot.verdict != DP_VERDICT_NONE && slot.verdict != r->decision.verdict)
		snprintf(r->decision.by, sizeof(r->decision.by), "rate_limit");
	if (slot.verdict != DP_VERDICT_NONE)
		r->decision.verdict = (enum dp_verdict)slot.verdict;
	else
		dp_ring_decide(reader, item->pos, rec->seq, rec->epoch, r->decision.verdict, false, 0);
	dp_ring_set_decided(reader, item->end);
	group_note_alert(p->group, r);
	failpoint_hit(p->cfg.fp, FAILPOINT_AFTER_DECIDE);
	return 0;
}

static int
take(struct pipeline *p, const struct merge_item *item)
{
	struct group_record *r = group_add(p->group, item);
	int rc = decide_item(p, item, r);

	if (rc == 0 && p->cfg.journal != NULL) {
		rc = journal_add(p->cfg.journal, item->worker, item->pos, r->decision.verdict, r->rec);
		if (rc < 0)
			return pipeline_fail_journal(p, rc);
	}
	merge_pop(p->merge, item);
	return rc;
}

/* Is a ring so full of what is closed but not stored that its worker may soon wait? */
static bool
is_ring_waiting(const struct pipeline *p)
{
	unsigned int i;

	for (i = 0; i < p->nb_rings; i++)
		if (p->closed[i] - p->stored[i] >= p->ring_octets / 4)
			return true;
	return false;
}

/* Take records until there are none, or a step is full. Their number or negative errno. */
static int
take_records(struct pipeline *p)
{
	struct merge_item item;
	unsigned int worker;
	int nb = 0, rc = 0;

	while (nb < STEP_RECORDS && (rc = merge_peek(p->merge, &item, &worker)) == 1) {
		if (!group_takes(p->group, &item, p->ring_octets)) {
			rc = close_group(p);
			if (rc == 0 && (p->nb_batch >= BATCH_RECORDS || is_ring_waiting(p)))
				rc = pipeline_commit(p);
			if (rc < 0)
				return rc;
		}
		rc = take(p, &item);
		if (rc < 0)
			return rc;
		nb++;
	}
	if (rc == -EBADMSG)
		return fail_ring(p, worker);
	return rc < 0 ? rc : nb;
}

static int
finish(struct pipeline *p)
{
	int rc = close_group(p);
	uint64_t clock_ns = merge_clock_ns(p->merge);

	/* Not the last record's time: which is last depends on the number of workers. */
	if (clock_ns > p->run.last_ts_ns)
		p->run.last_ts_ns = clock_ns;
	if (rc == 0)
		rc = pipeline_store_due(p, UINT64_MAX);
	if (rc == 0)
		rc = pipeline_commit(p);
	if (rc == 0 && p->cfg.output != NULL && output_finish(p->cfg.output) < 0)
		rc = pipeline_fail(p, -EIO, output_error(p->cfg.output));
	p->finished = rc == 0;
	return rc < 0 ? rc : PIPELINE_FINISHED;
}

/* The rings are dry: what can be closed because nothing of its moment can follow? */
static int
close_quiet(struct pipeline *p)
{
	uint64_t quiet = merge_quiet_ns(p->merge);
	int rc = 0;

	if (p->group->nb > 0 && p->group->ts_ns < quiet)
		rc = close_group(p);
	if (rc == 0 && p->group->nb == 0 && quiet != UINT64_MAX)
		rc = pipeline_store_due(p, quiet);
	return rc;
}

static int
state_after(const struct pipeline *p, int nb)
{
	int enough = p->replay ? STEP_RECORDS : 1;

	return nb >= enough ? PIPELINE_BUSY : PIPELINE_IDLE;
}

int
pipeline_step(struct pipeline *p, uint64_t now_ns)
{
	int nb, rc;

	if (p->finished)
		return PIPELINE_FINISHED;
	nb = take_records(p);
	if (nb < 0)
		return nb;
	if (nb < STEP_RECORDS) {
		if (merge_done(p->merge))
			return finish(p);
		rc = close_quiet(p);
		if (rc < 0)
			return rc;
	}
	if (!store_in_transaction(p->cfg.store))
		return state_after(p, nb);
	if (p->batch_began_ns == 0)
		p->batch_began_ns = now_ns;
	if (p->nb_batch >= BATCH_RECORDS || is_ring_waiting(p) ||
	    now_ns - p->batch_began_ns >= UINT64_C(1000000) * (p->replay ? BATCH_REPLAY_MS : BATCH_LIVE_MS)) {
		rc = pipeline_commit(p);
		if (rc < 0)
			return rc;
	}
	return state_after(p, nb);
}
