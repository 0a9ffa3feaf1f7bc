/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ids.h"

int
pipeline_fail(struct pipeline *p, int rc, const char *text)
{
	snprintf(p->error, sizeof(p->error), "%s", text != NULL && text[0] != '\0' ? text : strerror(-rc));
	return rc;
}

int
pipeline_fail_store(struct pipeline *p, int rc)
{
	return pipeline_fail(p, rc, store_error(p->cfg.store));
}

int
pipeline_fail_journal(struct pipeline *p, int rc)
{
	snprintf(p->error, sizeof(p->error),
		 "the journal of envelope records: %s; it stands in the folder for temporary files (TMPDIR): make room "
		 "there, or run without --envelopes", strerror(-rc));
	return rc;
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

int
pipeline_commit(struct pipeline *p)
{
	struct store *s = p->cfg.store;
	unsigned int i;
	int rc;

	if (!store_in_transaction(s))
		return 0;
	if (p->cfg.journal != NULL) {
		rc = journal_flush(p->cfg.journal);
		if (rc < 0)
			return pipeline_fail_journal(p, rc);
		failpoint_hit(p->cfg.fp, FAILPOINT_JOURNAL_WRITTEN);
	}
	rc = open_alerts_save(p->open);
	if (rc == 0)
		rc = rule_hits_save(p->hits);
	for (i = 0; i < p->nb_rings && rc == 0; i++)
		if (p->closed[i] != p->stored[i])
			rc = store_ring_put(s, i, p->closed[i], p->alerts[i]);
	failpoint_hit(p->cfg.fp, FAILPOINT_BEFORE_COMMIT);
	if (rc == 0)
		rc = store_commit(s, &p->run);
	if (rc < 0)
		return pipeline_fail_store(p, rc);
	failpoint_hit(p->cfg.fp, FAILPOINT_AFTER_COMMIT);
	p->nb_batch = 0;
	p->batch_began_ns = 0;
	tell_rings(p);
	failpoint_hit(p->cfg.fp, FAILPOINT_BEFORE_OUTPUT);
	rc = p->cfg.output == NULL ? 0 : output_write(p->cfg.output);
	return rc < 0 ? pipeline_fail(p, rc, output_error(p->cfg.output)) : 0;
}

int
pipeline_begin(struct pipeline *p)
{
	int rc = store_begin(p->cfg.store);

	return rc < 0 ? pipeline_fail_store(p, rc) : 0;
}

/* p->json is to be stored with the next number: a transaction for it. */
static int
before_add(struct pipeline *p)
{
	return p->json.failed ? pipeline_fail(p, -ENOMEM, NULL) : pipeline_begin(p);
}

/* What adding it gave. 1: it is new, and goes out when it is committed; 0: it was there. */
static int
after_add(struct pipeline *p, uint64_t sequence, int rc)
{
	if (rc < 0)
		return pipeline_fail_store(p, rc);
	p->nb_batch++;
	if (rc == 1 && p->cfg.output != NULL && output_add(p->cfg.output, sequence, p->json.buf, p->json.len) < 0)
		return pipeline_fail(p, -ENOMEM, output_error(p->cfg.output));
	return rc;
}

static int
store_update(struct pipeline *p, const struct open_alert *a, uint64_t ts_ns)
{
	char id[2 * EVENT_ID_OCTETS + 1];
	/* What was read behind the line, a DATA perhaps, never left either. */
	bool withheld = a->outcome != 0 && a->carried_out >= DP_VERDICT_REFUSE && !a->all_sent;
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
	return p->nb_batch >= BATCH_RECORDS ? pipeline_commit(p) : 0;
}

int
pipeline_store_due(struct pipeline *p, uint64_t now_ns)
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
	return rc < 0 ? pipeline_fail_store(p, rc) : 0;
}

int
pipeline_store_alert(struct pipeline *p, const struct group_record *r)
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
	rc = rule_hits_count(p->hits, &r->decision);
	if (rc < 0)
		return pipeline_fail(p, rc, NULL);
	rc = open_alerts_add(p->open, &open);
	return rc < 0 ? pipeline_fail_store(p, rc) : 0;
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
	if (kind != DP_DATA_DATA)
		return OPEN_DATA_NONE;
	if (body_octets > 0)
		return OPEN_DATA_BEGUN; /* whatever the answer was */
	return go_reply != 0 ? OPEN_DATA_NONE : OPEN_DATA_ASKED;
}

static int
follow_data(struct pipeline *p, uint64_t flow_uid, uint32_t transaction, enum open_data data)
{
	return data != OPEN_DATA_NONE ? open_alerts_data(p->open, flow_uid, transaction, data) : 0;
}

int
pipeline_follow(struct pipeline *p, const struct dp_record *rec)
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
	return rc < 0 ? pipeline_fail_store(p, rc) : 0;
}

int
pipeline_store_closed(struct pipeline *p)
{
	struct open_alert a;
	int rc;

	while ((rc = open_alerts_next_closed(p->open, &a)) == 1) {
		rc = store_update(p, &a, a.closed_ns);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? pipeline_fail_store(p, rc) : 0;
}
