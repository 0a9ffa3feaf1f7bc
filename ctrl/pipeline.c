/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "group.h"
#include "ids.h"
#include "merge.h"
#include "open_alerts.h"

enum {
	STEP_RECORDS = 1024,	/* taken from the rings in one step */
	BATCH_RECORDS = 8192,	/* rows written in one transaction */
	BATCH_WAIT_MS = 50,	/* a batch waits at most so long for more */
};

struct pipeline {
	struct pipeline_config cfg;
	struct record_context ctx;
	struct merge *merge;
	struct open_alerts *open;
	struct group *group;
	struct json_out json;
	struct store_run run;
	uint64_t batch_began_ns; /* 0: no batch is open */
	unsigned int nb_batch;	 /* records in the open transaction */
	unsigned int nb_rings;
	uint32_t ring_octets;
	bool finished;
	uint64_t closed[DP_WORKERS_MAX]; /* all of the ring before this is in the transaction, or stored */
	uint64_t stored[DP_WORKERS_MAX];
	uint64_t alerts[DP_WORKERS_MAX]; /* stored, by ring */
	char error[512];
};

const char *
pipeline_error(const struct pipeline *p)
{
	return p->error;
}

/* Take over the sentence of the part that failed. */
static int
fail(struct pipeline *p, int rc, const char *text)
{
	snprintf(p->error, sizeof(p->error), "%s", text != NULL && text[0] != '\0' ? text : strerror(-rc));
	return rc;
}

static int
fail_store(struct pipeline *p, int rc)
{
	return fail(p, rc, store_error(p->cfg.store));
}

static int
fail_journal(struct pipeline *p, int rc)
{
	snprintf(p->error, sizeof(p->error),
		 "the journal of envelope records: %s; it stands in the folder for temporary files (TMPDIR): make room "
		 "there, or run without --envelopes", strerror(-rc));
	return rc;
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
		return fail_store(p, rc);
	rc = merge_new(p->cfg.dp, p->cfg.ctrl, p->closed, &p->merge);
	if (rc < 0)
		return fail(p, rc, "the event rings do not fit what the store says of them");
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
		.ruleset = ruleset_name(cfg->rules),
		.is_live = (cfg->dp->geo.run_flags & DP_RUN_REPLAY) == 0,
	};
	p->nb_rings = cfg->dp->geo.nb_workers;
	p->ring_octets = cfg->dp->geo.ring_octets;
	p->group = group_new();
	if (p->group == NULL)
		return fail(p, -ENOMEM, NULL);
	group_clear(p->group);
	rc = store_run_load(cfg->store, &p->run);
	if (rc == 0)
		rc = open_alerts_new(cfg->store, cfg->run_id, OPEN_ALERTS_MAX, &p->open);
	if (rc < 0)
		return fail_store(p, rc);
	return attach_rings(p);
}

void
pipeline_free(struct pipeline *p)
{
	if (p == NULL)
		return;
	open_alerts_free(p->open);
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

/* Rings learn what is stored. */
static void
tell_rings(struct pipeline *p)
{
	unsigned int i;

	for (i = 0; i < p->nb_rings; i++) {
		struct dp_ring_reader *r = merge_reader(p->merge, i);

		if (p->closed[i] != p->stored[i]) {
			failpoint_hit(p->cfg.fp, FAILPOINT_BEFORE_STORED);
			dp_ring_set_stored(r, p->closed[i]);
		}
		p->stored[i] = p->closed[i];
		atomic_store_explicit(&r->ctrl->alerts, p->alerts[i], memory_order_relaxed);
	}
}

static int
commit(struct pipeline *p)
{
	struct store *s = p->cfg.store;
	unsigned int i;
	int rc;

	if (!store_in_transaction(s))
		return 0;
	if (p->cfg.journal != NULL) {
		rc = journal_flush(p->cfg.journal);
		if (rc < 0)
			return fail_journal(p, rc);
		failpoint_hit(p->cfg.fp, FAILPOINT_JOURNAL_WRITTEN);
	}
	rc = open_alerts_save(p->open);
	for (i = 0; i < p->nb_rings && rc == 0; i++)
		if (p->closed[i] != p->stored[i])
			rc = store_ring_put(s, i, p->closed[i], p->alerts[i]);
	failpoint_hit(p->cfg.fp, FAILPOINT_BEFORE_COMMIT);
	if (rc == 0)
		rc = store_commit(s, &p->run);
	if (rc < 0)
		return fail_store(p, rc);
	failpoint_hit(p->cfg.fp, FAILPOINT_AFTER_COMMIT);
	p->nb_batch = 0;
	p->batch_began_ns = 0;
	tell_rings(p);
	failpoint_hit(p->cfg.fp, FAILPOINT_BEFORE_OUTPUT);
	rc = p->cfg.output == NULL ? 0 : output_write(p->cfg.output);
	return rc < 0 ? fail(p, rc, output_error(p->cfg.output)) : 0;
}

static int
begin(struct pipeline *p)
{
	int rc = store_begin(p->cfg.store);

	return rc < 0 ? fail_store(p, rc) : 0;
}

/* p->json is to be stored with the next number: a transaction for it. */
static int
before_add(struct pipeline *p)
{
	return p->json.failed ? fail(p, -ENOMEM, NULL) : begin(p);
}

/* What adding it gave. 1: it is new, and goes out when it is committed; 0: it was there. */
static int
after_add(struct pipeline *p, uint64_t sequence, int rc)
{
	if (rc < 0)
		return fail_store(p, rc);
	p->nb_batch++;
	if (rc == 1 && p->cfg.output != NULL && output_add(p->cfg.output, sequence, p->json.buf, p->json.len) < 0)
		return fail(p, -ENOMEM, output_error(p->cfg.output));
	return rc;
}

static int
store_update(struct pipeline *p, const struct open_alert *a, uint64_t ts_ns)
{
	char id[2 * EVENT_ID_OCTETS + 1];
	/* What was read behind the line, a DATA perhaps, never left either. */
	bool withheld = a->outcome != 0 && a->carried_out >= DP_VERDICT_REFUSE;
	struct record_update u = {
		.ts_ns = ts_ns,
		.sequence = store_next_sequence(p->cfg.store),
		.alert_sequence = a->sequence,
		.event_id = id,
		.outcome = record_outcome(a),
		.command_octets = a->command_octets,
		.enforcement = a,
		.reply = withheld ? 0 : a->reply,
		.data = withheld ? OPEN_DATA_NONE : (enum open_data)a->data,
	};
	int rc;

	ids_hex(a->event_id, EVENT_ID_OCTETS, id);
	json_out_clear(&p->json);
	record_json_update(&p->json, &p->ctx, &u);
	rc = before_add(p);
	if (rc == 0)
		rc = after_add(p, u.sequence, store_add_update(p->cfg.store, a->sequence, p->json.buf, p->json.len));
	if (rc < 0)
		return rc;
	p->run.updates += (uint64_t)rc;
	return p->nb_batch >= BATCH_RECORDS ? commit(p) : 0;
}

/* Updates that are due at @now_ns; UINT64_MAX: of all that are open. */
static int
store_due(struct pipeline *p, uint64_t now_ns)
{
	struct open_alert a;
	int rc;

	if (open_alerts_count(p->open) == 0)
		return 0;
	while ((rc = open_alerts_next_due(p->open, now_ns, &a)) == 1) {
		uint64_t ts = a.ts_ns + OPEN_ALERT_NS;

		if (ts > p->run.last_ts_ns && now_ns == UINT64_MAX)
			ts = p->run.last_ts_ns;
		rc = store_update(p, &a, ts);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? fail_store(p, rc) : 0;
}

static int
store_alert(struct pipeline *p, const struct group_record *r)
{
	const struct dp_ev_rcpt *ev = (const void *)r->rec;
	uint8_t id[EVENT_ID_OCTETS];
	char hex[2 * EVENT_ID_OCTETS + 1];
	struct record_alert alert = {
		.ev = ev,
		.decision = &r->decision,
		.sequence = store_next_sequence(p->cfg.store),
		.event_id = hex,
		.enforced = r->enforced,
		.hold_us = r->hold_us,
	};
	struct store_alert columns = {
		.ts_ns = ev->rec.ts_ns,
		.rule = r->decision.rule->id,
		.verdict = r->decision.verdict,
		.severity = r->decision.severity,
		.domain = dp_event_str(ev, &ev->domain),
		.domain_len = ev->domain.len,
		.sender = dp_event_str(ev, &ev->sender),
		.sender_len = ev->sender.len,
	};
	struct open_alert open = {
		.sequence = alert.sequence,
		.ts_ns = ev->rec.ts_ns,
		.flow_uid = ev->flow.uid,
		.transaction = ev->transaction,
		.rcpt_index = ev->rcpt_index,
		.command_octets = ev->seq_end - ev->seq_start, /* all of the line has left, unless the outcome says else */
		.enforced = r->enforced,
	};
	int rc;

	ids_event(p->cfg.run_id, ev, id);
	ids_hex(id, sizeof(id), hex);
	memcpy(open.event_id, id, sizeof(id));
	json_out_clear(&p->json);
	record_json_alert(&p->json, &p->ctx, &alert);
	rc = before_add(p);
	if (rc == 0)
		rc = after_add(p, alert.sequence, store_add_alert(p->cfg.store, id, p->json.buf, p->json.len, &columns));
	if (rc <= 0)
		return rc; /* 0: stored by an earlier run, which also follows it */
	p->run.alerts++;
	p->alerts[r->worker]++;
	rc = open_alerts_add(p->open, &open);
	return rc < 0 ? fail_store(p, rc) : 0;
}

static int
store_lost(struct pipeline *p, const struct dp_ev_lost *ev)
{
	uint8_t id[EVENT_ID_OCTETS];
	uint64_t sequence = store_next_sequence(p->cfg.store);
	int rc;

	ids_lost(p->cfg.run_id, ev, id);
	json_out_clear(&p->json);
	record_json_lost(&p->json, &p->ctx, ev, sequence);
	rc = before_add(p);
	if (rc == 0)
		rc = after_add(p, sequence, store_add_lost(p->cfg.store, id, p->json.buf, p->json.len));
	return rc < 0 ? rc : 0;
}

/* A reply that was not seen may have been a go-ahead; that octets of a body followed tells. */
static enum open_data
data_state(unsigned int kind, unsigned int go_reply, uint64_t body_octets)
{
	if (kind == DP_DATA_BDAT || (kind == DP_DATA_DATA && go_reply >= 300 && go_reply < 400))
		return OPEN_DATA_BEGUN;
	if (kind != DP_DATA_DATA || go_reply != 0)
		return OPEN_DATA_NONE;
	return body_octets > 0 ? OPEN_DATA_BEGUN : OPEN_DATA_ASKED;
}

static int
follow_data(struct pipeline *p, uint64_t flow_uid, uint32_t transaction, enum open_data data)
{
	return data != OPEN_DATA_NONE ? open_alerts_data(p->open, flow_uid, transaction, data) : 0;
}

/* What an event means for alerts that wait for their update. */
static int
follow(struct pipeline *p, const struct dp_record *rec)
{
	const void *r = rec;
	int rc = 0;

	if (rec->type == DP_EV_LOST)
		return store_lost(p, r);
	if (open_alerts_count(p->open) == 0)
		return 0;
	if (rec->type == DP_EV_RCPT_REPLY) {
		const struct dp_ev_rcpt_reply *ev = r;

		/* 1xx says that the answer is still to come. */
		if (ev->reply >= 200)
			rc = open_alerts_reply(p->open, ev->flow_uid, ev->transaction, ev->rcpt_index, ev->reply);
	} else if (rec->type == DP_EV_DATA) {
		const struct dp_ev_data *ev = r;

		rc = follow_data(p, ev->flow_uid, ev->transaction, data_state(ev->kind, ev->reply, 0));
	} else if (rec->type == DP_EV_OUTCOME) {
		rc = open_alerts_outcome(p->open, r);
	} else if (rec->type == DP_EV_TXN_END) {
		const struct dp_ev_txn_end *ev = r;

		rc = follow_data(p, ev->flow_uid, ev->transaction,
				 data_state(ev->kind, ev->go_reply, ev->body_octets));
	} else if (rec->type == DP_EV_FLOW_END) {
		const struct dp_ev_flow_end *ev = r;

		/*
		 * In a replay, when silence is noticed (a reset connection ends so, too) depends on the number of workers:
		 * such an end says nothing before the alert's own time is up.
		 */
		if (p->ctx.is_live || (ev->close != DP_CLOSE_AGED && ev->close != DP_CLOSE_RST))
			rc = open_alerts_flow_end(p->open, ev->flow.uid, rec->ts_ns);
	}
	return rc < 0 ? fail_store(p, rc) : 0;
}

static int
store_closed(struct pipeline *p)
{
	struct open_alert a;
	int rc;

	while ((rc = open_alerts_next_closed(p->open, &a)) == 1) {
		rc = store_update(p, &a, a.closed_ns);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? fail_store(p, rc) : 0;
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
	rc = store_due(p, g->ts_ns);
	if (rc == 0)
		rc = begin(p);
	p->run.last_ts_ns = g->ts_ns;
	group_sort(g);
	for (i = 0; i < g->nb_alerts && rc == 0; i++)
		rc = store_alert(p, &g->records[g->alerts[i]]);
	for (i = 0; i < g->nb && rc == 0; i++)
		rc = follow(p, g->records[i].rec);
	if (rc == 0)
		rc = store_closed(p);
	if (rc < 0)
		return rc;
	for (i = 0; i < p->nb_rings; i++)
		if (g->begin[i] != g->end[i])
			p->closed[i] = g->end[i];
	p->nb_batch += g->nb;
	group_clear(g);
	return begin(p); /* a commit on the way may have ended it */
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
	rc = decide(p->cfg.rules, (const void *)r->rec, &r->decision);
	if (rc < 0) {
		snprintf(p->error, sizeof(p->error),
			 "worker %u reports a match with a rule that is not in the set: the dataplane is broken",
			 item->worker);
		return rc;
	}
	if (rc == 0)
		return 0;
	/* A predecessor's verdict stands. */
	slot = dp_ring_verdict(reader, item->pos, rec->seq, rec->epoch);
	r->enforced = slot.enforced;
	r->hold_us = slot.enforced ? dp_after_us(slot.after) : 0;
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
			return fail_journal(p, rc);
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
				rc = commit(p);
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
		rc = store_due(p, UINT64_MAX);
	if (rc == 0)
		rc = commit(p);
	if (rc == 0 && p->cfg.output != NULL && output_finish(p->cfg.output) < 0)
		rc = fail(p, -EIO, output_error(p->cfg.output));
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
		rc = store_due(p, quiet);
	return rc;
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
		return nb > 0 ? PIPELINE_BUSY : PIPELINE_IDLE;
	if (p->batch_began_ns == 0)
		p->batch_began_ns = now_ns;
	if (p->nb_batch >= BATCH_RECORDS || is_ring_waiting(p) ||
	    now_ns - p->batch_began_ns >= UINT64_C(1000000) * BATCH_WAIT_MS) {
		rc = commit(p);
		if (rc < 0)
			return rc;
	}
	return nb > 0 ? PIPELINE_BUSY : PIPELINE_IDLE;
}
