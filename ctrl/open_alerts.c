/* SPDX-License-Identifier: BSD-3-Clause */
#include "open_alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "open_rows.h"

#define NIL UINT32_MAX

struct entry {
	struct open_alert a;
	uint32_t rcpt_next;	       /* in its bucket */
	uint32_t flow_next, flow_prev; /* alerts of the connection, oldest first */
	uint32_t flow;		       /* its node */
	bool taken;		       /* gone, its place in the queue is not reached yet */
	bool stored, dirty;
};

struct flow_node {
	uint64_t uid;
	uint32_t next; /* in its bucket, or in the free list */
	uint32_t first, last;
};

struct open_alerts {
	struct open_rows rows;
	uint32_t max;
	uint64_t head, tail;	/* counts: queue places [head, tail), entry i at i % max */
	uint64_t dirty_from;	/* places below were saved and not touched since */
	uint64_t last_sequence; /* highest ever in memory */
	size_t nb_memory, nb_store_only;
	struct entry *entries;
	struct flow_node *flows;
	uint32_t flows_free;
	uint32_t *rcpt_buckets, *flow_buckets;
	uint32_t *closed; /* entries that are closed and not taken, sorted before the first is */
	uint32_t nb_closed, next_closed;
	bool closed_sorted, closed_in_store;
	uint64_t *deleted; /* sequences whose rows go at the next save */
	size_t nb_deleted, cap_deleted;
};

static uint32_t
mix(const struct open_alerts *oa, uint64_t uid, uint32_t transaction, uint32_t rcpt)
{
	uint64_t h = uid * UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)transaction << 32 | rcpt);

	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(h >> 32) & (oa->max - 1);
}

static struct entry *
entry_at(const struct open_alerts *oa, uint64_t place)
{
	return &oa->entries[place & (oa->max - 1)];
}

static uint32_t
flow_find(const struct open_alerts *oa, uint64_t uid)
{
	uint32_t i;

	for (i = oa->flow_buckets[mix(oa, uid, 0, 0)]; i != NIL; i = oa->flows[i].next)
		if (oa->flows[i].uid == uid)
			return i;
	return NIL;
}

static uint32_t
flow_get(struct open_alerts *oa, uint64_t uid)
{
	uint32_t i = flow_find(oa, uid), *bucket;

	if (i != NIL)
		return i;
	/* As many nodes as entries: there is a free one. */
	i = oa->flows_free;
	oa->flows_free = oa->flows[i].next;
	bucket = &oa->flow_buckets[mix(oa, uid, 0, 0)];
	oa->flows[i] = (struct flow_node){ .uid = uid, .next = *bucket, .first = NIL, .last = NIL };
	*bucket = i;
	return i;
}

static void
flow_put(struct open_alerts *oa, uint32_t node)
{
	uint32_t *p = &oa->flow_buckets[mix(oa, oa->flows[node].uid, 0, 0)];

	while (*p != node)
		p = &oa->flows[*p].next;
	*p = oa->flows[node].next;
	oa->flows[node].next = oa->flows_free;
	oa->flows_free = node;
}

/* Into memory, at the tail; there is room. */
static void
link_entry(struct open_alerts *oa, const struct open_alert *a, bool stored)
{
	uint32_t i = (uint32_t)(oa->tail & (oa->max - 1)), node = flow_get(oa, a->flow_uid);
	uint32_t *bucket = &oa->rcpt_buckets[mix(oa, a->flow_uid, a->transaction, a->rcpt_index)];
	struct flow_node *flow = &oa->flows[node];
	struct entry *e = &oa->entries[i];

	*e = (struct entry){
		.a = *a,
		.rcpt_next = *bucket,
		.flow_next = NIL,
		.flow_prev = flow->last,
		.flow = node,
		.stored = stored,
		.dirty = !stored,
	};
	/* An alternative reading has no index, so no reply is for it; all of them would share one bucket. */
	if (a->rcpt_index != 0)
		*bucket = i;
	if (flow->last == NIL)
		flow->first = i;
	else
		oa->entries[flow->last].flow_next = i;
	flow->last = i;
	oa->tail++;
	oa->nb_memory++;
	oa->last_sequence = a->sequence;
}

static int
note_deleted(struct open_alerts *oa, uint64_t sequence)
{
	if (oa->nb_deleted == oa->cap_deleted) {
		size_t cap = oa->cap_deleted == 0 ? 1024 : oa->cap_deleted * 2;
		uint64_t *list = reallocarray(oa->deleted, cap, sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		oa->deleted = list;
		oa->cap_deleted = cap;
	}
	oa->deleted[oa->nb_deleted++] = sequence;
	return 0;
}

/* Out of memory; its row goes with the next save. */
static int
unlink_entry(struct open_alerts *oa, uint32_t i)
{
	struct entry *e = &oa->entries[i];
	uint32_t *p = &oa->rcpt_buckets[mix(oa, e->a.flow_uid, e->a.transaction, e->a.rcpt_index)];
	struct flow_node *flow = &oa->flows[e->flow];

	if (e->a.rcpt_index != 0) {
		while (*p != i)
			p = &oa->entries[*p].rcpt_next;
		*p = e->rcpt_next;
	}
	if (e->flow_prev == NIL)
		flow->first = e->flow_next;
	else
		oa->entries[e->flow_prev].flow_next = e->flow_next;
	if (e->flow_next == NIL)
		flow->last = e->flow_prev;
	else
		oa->entries[e->flow_next].flow_prev = e->flow_prev;
	if (flow->first == NIL)
		flow_put(oa, e->flow);
	e->taken = true;
	oa->nb_memory--;
	while (oa->head < oa->tail && entry_at(oa, oa->head)->taken)
		oa->head++;
	return e->stored ? note_deleted(oa, e->a.sequence) : 0;
}

static void
load(void *oa_, const struct open_alert *row)
{
	struct open_alerts *oa = oa_;
	struct open_alert a = *row;

	a.closed_ns = 0; /* set anew by the end of the connection, which is read again */
	link_entry(oa, &a, true);
	oa->nb_store_only--;
}

/* Take up what stands in the store only, as far as there is room. */
static int
refill(struct open_alerts *oa)
{
	return open_rows_load(&oa->rows, oa->last_sequence, oa->max - (oa->tail - oa->head), load, oa);
}

/* Memory is empty, or half empty while more stand in the store. */
static int
refill_when_low(struct open_alerts *oa)
{
	if (oa->nb_store_only == 0 || oa->tail - oa->head > oa->max / 2)
		return 0;
	return refill(oa);
}

int
open_alerts_new(struct store *store, uint64_t run_id, unsigned int max, struct open_alerts **ret)
{
	struct open_alerts *oa = calloc(1, sizeof(*oa));
	uint32_t i;
	int rc;

	if (oa == NULL)
		return -ENOMEM;
	open_rows_init(&oa->rows, store, run_id);
	oa->max = max;
	oa->entries = calloc(max, sizeof(*oa->entries));
	oa->flows = calloc(max, sizeof(*oa->flows));
	oa->rcpt_buckets = malloc(max * sizeof(*oa->rcpt_buckets));
	oa->flow_buckets = malloc(max * sizeof(*oa->flow_buckets));
	oa->closed = malloc(max * sizeof(*oa->closed));
	if (oa->entries == NULL || oa->flows == NULL || oa->rcpt_buckets == NULL || oa->flow_buckets == NULL ||
	    oa->closed == NULL) {
		open_alerts_free(oa);
		return -ENOMEM;
	}
	memset(oa->rcpt_buckets, 0xff, max * sizeof(*oa->rcpt_buckets));
	memset(oa->flow_buckets, 0xff, max * sizeof(*oa->flow_buckets));
	for (i = 0; i < max; i++)
		oa->flows[i].next = i + 1 < max ? i + 1 : NIL;
	rc = open_rows_count(&oa->rows, &oa->nb_store_only);
	if (rc == 0)
		rc = refill(oa);
	if (rc < 0) {
		open_alerts_free(oa);
		return rc;
	}
	*ret = oa;
	return 0;
}

void
open_alerts_free(struct open_alerts *oa)
{
	if (oa == NULL)
		return;
	open_rows_fini(&oa->rows);
	free(oa->entries);
	free(oa->flows);
	free(oa->rcpt_buckets);
	free(oa->flow_buckets);
	free(oa->closed);
	free(oa->deleted);
	free(oa);
}

size_t
open_alerts_count(const struct open_alerts *oa)
{
	return oa->nb_memory + oa->nb_store_only;
}

int
open_alerts_add(struct open_alerts *oa, const struct open_alert *a)
{
	int rc;

	if (oa->nb_store_only == 0 && oa->tail - oa->head < oa->max) {
		link_entry(oa, a, false);
		return 0;
	}
	rc = open_rows_put(&oa->rows, a);
	if (rc == 0)
		oa->nb_store_only++;
	return rc;
}

static void
touch(struct open_alerts *oa, struct entry *e)
{
	uint64_t place = oa->head + (((uint64_t)(e - oa->entries) - oa->head) & (oa->max - 1));

	e->dirty = true;
	if (place < oa->dirty_from)
		oa->dirty_from = place;
}

int
open_alerts_reply(struct open_alerts *oa, uint64_t flow_uid, uint32_t transaction, uint32_t rcpt_index, uint16_t reply)
{
	uint32_t i;

	for (i = oa->rcpt_buckets[mix(oa, flow_uid, transaction, rcpt_index)]; i != NIL; i = oa->entries[i].rcpt_next) {
		struct entry *e = &oa->entries[i];

		if (e->a.flow_uid != flow_uid || e->a.transaction != transaction || e->a.rcpt_index != rcpt_index ||
		    e->a.reply != 0)
			continue;
		e->a.reply = reply;
		touch(oa, e);
	}
	if (oa->nb_store_only == 0)
		return 0;
	return open_rows_reply(&oa->rows, oa->last_sequence, flow_uid, transaction, rcpt_index, reply);
}

int
open_alerts_data(struct open_alerts *oa, uint64_t flow_uid, uint32_t transaction, enum open_data data)
{
	uint32_t node = flow_find(oa, flow_uid), i;

	/*
	 * From the newest back. All alerts of a transaction before one that knows of the data know it too, so that a
	 * message in many chunks costs nothing more.
	 */
	for (i = node == NIL ? NIL : oa->flows[node].last; i != NIL; i = oa->entries[i].flow_prev) {
		struct entry *e = &oa->entries[i];

		if (e->a.transaction < transaction || (e->a.transaction == transaction && e->a.data >= data))
			break;
		if (e->a.transaction != transaction)
			continue;
		e->a.data = (uint8_t)data;
		touch(oa, e);
	}
	if (oa->nb_store_only == 0)
		return 0;
	return open_rows_data(&oa->rows, oa->last_sequence, flow_uid, transaction, data);
}

static void
close_entry(struct open_alerts *oa, uint32_t i, uint64_t ts_ns)
{
	oa->entries[i].a.closed_ns = ts_ns == 0 ? 1 : ts_ns;
	oa->closed[oa->nb_closed++] = i;
	oa->closed_sorted = false;
}

int
open_alerts_outcome(struct open_alerts *oa, const struct dp_ev_outcome *ev)
{
	/* An outcome is the last word on a connection that was reset, and on a recipient refused; what was let pass goes on. */
	bool is_last = ev->outcome == DP_OUTCOME_CONFIRMED || ev->outcome == DP_OUTCOME_UNCONFIRMED ||
		       ev->verdict == DP_VERDICT_REFUSE || ev->verdict == DP_VERDICT_DIVERT;
	bool withheld = ev->verdict >= DP_VERDICT_REFUSE && !(ev->flags & DP_OUTCOME_ALL_SENT);
	uint32_t node = flow_find(oa, ev->flow_uid), i;
	struct open_alert a = {
		.flow_uid = ev->flow_uid,
		.transaction = ev->transaction,
		.rcpt_index = ev->rcpt_index,
		.closed_ns = is_last ? ev->rec.ts_ns : 0,
		.enforced = ev->hold_id != 0,
		.all_sent = (ev->flags & DP_OUTCOME_ALL_SENT) != 0,
		.outcome = (uint8_t)ev->outcome,
		.cause = (uint8_t)ev->cause,
		.carried_out = (uint8_t)ev->verdict,
		.close_us = ev->close_us,
		.hold_us = ev->hold_us,
		.command_octets = ev->command_octets,
	};

	for (i = node == NIL ? NIL : oa->flows[node].first; i != NIL; i = oa->entries[i].flow_next) {
		struct entry *e = &oa->entries[i];

		if (e->a.transaction != ev->transaction || e->a.rcpt_index != ev->rcpt_index || e->a.outcome != 0)
			continue;
		e->a.enforced = a.enforced;
		e->a.all_sent = a.all_sent;
		e->a.outcome = a.outcome;
		e->a.cause = a.cause;
		e->a.carried_out = a.carried_out;
		e->a.close_us = a.close_us;
		e->a.hold_us = a.hold_us;
		if (withheld)
			e->a.command_octets = ev->command_octets;
		if (is_last && e->a.closed_ns == 0)
			close_entry(oa, i, ev->rec.ts_ns);
		touch(oa, e);
		if (ev->rcpt_index != 0)
			break;
	}
	if (oa->nb_store_only == 0)
		return 0;
	oa->closed_in_store |= is_last;
	return open_rows_outcome(&oa->rows, oa->last_sequence, &a, withheld);
}

int
open_alerts_flow_end(struct open_alerts *oa, uint64_t flow_uid, uint64_t ts_ns)
{
	uint32_t node = flow_find(oa, flow_uid), i;

	for (i = node == NIL ? NIL : oa->flows[node].first; i != NIL; i = oa->entries[i].flow_next) {
		struct entry *e = &oa->entries[i];

		if (e->a.closed_ns == 0)
			close_entry(oa, i, ts_ns);
	}
	if (oa->nb_store_only == 0)
		return 0;
	oa->closed_in_store = true;
	return open_rows_flow_end(&oa->rows, oa->last_sequence, flow_uid, ts_ns);
}

static int
by_sequence(const void *a_, const void *b_, void *oa_)
{
	const struct open_alerts *oa = oa_;
	uint64_t a = oa->entries[*(const uint32_t *)a_].a.sequence, b = oa->entries[*(const uint32_t *)b_].a.sequence;

	return a < b ? -1 : a > b;
}

int
open_alerts_next_closed(struct open_alerts *oa, struct open_alert *ret)
{
	int rc;

	if (oa->next_closed < oa->nb_closed) {
		uint32_t i;

		if (!oa->closed_sorted) {
			qsort_r(oa->closed + oa->next_closed, oa->nb_closed - oa->next_closed, sizeof(oa->closed[0]),
				by_sequence, oa);
			oa->closed_sorted = true;
		}
		i = oa->closed[oa->next_closed++];
		*ret = oa->entries[i].a;
		rc = unlink_entry(oa, i);
		return rc < 0 ? rc : 1;
	}
	oa->nb_closed = 0;
	oa->next_closed = 0;
	if (oa->closed_in_store) {
		rc = open_rows_next_closed(&oa->rows, oa->last_sequence, ret);
		oa->nb_store_only -= rc == 1;
		oa->closed_in_store = rc == 1;
		if (rc != 0)
			return rc;
	}
	return refill_when_low(oa);
}

int
open_alerts_next_due(struct open_alerts *oa, uint64_t now_ns, struct open_alert *ret)
{
	struct entry *e;
	int rc = refill_when_low(oa);

	if (rc < 0 || oa->head == oa->tail)
		return rc;
	/* unlink_entry() leaves no taken one at the head. */
	e = entry_at(oa, oa->head);
	if (now_ns != UINT64_MAX && (now_ns < OPEN_ALERT_NS || e->a.ts_ns > now_ns - OPEN_ALERT_NS))
		return 0;
	*ret = e->a;
	rc = unlink_entry(oa, (uint32_t)(e - oa->entries));
	return rc < 0 ? rc : 1;
}

int
open_alerts_save(struct open_alerts *oa)
{
	uint64_t place = oa->dirty_from > oa->head ? oa->dirty_from : oa->head;
	size_t i;
	int rc = 0;

	for (; place < oa->tail && rc == 0; place++) {
		struct entry *e = entry_at(oa, place);

		if (e->taken || !e->dirty)
			continue;
		rc = open_rows_put(&oa->rows, &e->a);
		e->dirty = false;
		e->stored = true;
	}
	oa->dirty_from = oa->tail;
	for (i = 0; i < oa->nb_deleted && rc == 0; i++)
		rc = open_rows_delete(&oa->rows, oa->deleted[i]);
	oa->nb_deleted = 0;
	return rc;
}
