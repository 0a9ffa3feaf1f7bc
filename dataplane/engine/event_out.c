/* SPDX-License-Identifier: BSD-3-Clause */
#include "event_out.h"

#include <string.h>
#include <time.h>

#include "flow.h"

enum {
	WAIT_NS = 50 * 1000,
};

enum told {
	TOLD,
	TOLD_LATER, /* kept until there is room */
	TOLD_NEVER, /* lost, and counted */
};

bool
event_out_flush(struct event_out *eo)
{
	while (eo->nb_kept > 0 && dp_ring_put(&eo->ring, &eo->kept[eo->kept_head]) == 0) {
		eo->kept_head = (eo->kept_head + 1) % EVENT_OUT_KEPT;
		eo->nb_kept--;
		dp_count(eo->counters, DP_STAT_EVENTS, 1);
	}
	return eo->nb_kept == 0;
}

const struct dp_record *
event_out_oldest(const struct event_out *eo)
{
	return eo->nb_kept > 0 ? (const void *)eo->kept[eo->kept_head].octets : NULL;
}

static bool
is_of_match(const struct event_out *eo)
{
	return (eo->buf.rec.type == DP_EV_RCPT && eo->buf.rcpt.rule != DP_RULE_NONE) || eo->buf.rec.type == DP_EV_OUTCOME;
}

/* There is no room, and no time to wait for some. */
static enum told
keep(struct event_out *eo)
{
	if (eo->kept != NULL && eo->nb_kept < EVENT_OUT_KEPT && is_of_match(eo)) {
		memcpy(&eo->kept[(eo->kept_head + eo->nb_kept++) % EVENT_OUT_KEPT], &eo->buf, eo->buf.rec.len);
		dp_count(eo->counters, DP_STAT_EVENTS_KEPT, 1);
		return TOLD_LATER;
	}
	dp_count(eo->counters, DP_STAT_EVENTS_LOST, 1);
	dp_ring_lose(&eo->ring);
	return TOLD_NEVER;
}

/* Stamp the record in @eo->buf and put it into the ring. */
static enum told
put(struct event_out *eo)
{
	uint64_t ts_ns = eo->now_ns, frame_no = eo->now_frame;

	if (!eo->own_clock) {
		const struct packet *p = inspector_current(eo->inspector);

		ts_ns = p->ts_ns;
		frame_no = p->frame_no;
	}
	if (ts_ns > eo->last_ns)
		eo->last_ns = ts_ns;
	if (frame_no > eo->last_frame)
		eo->last_frame = frame_no;
	eo->buf.rec.ts_ns = eo->last_ns;
	eo->buf.rec.frame_no = eo->last_frame;
	while (!event_out_flush(eo) || dp_ring_put(&eo->ring, &eo->buf) != 0) {
		const struct timespec wait = { .tv_nsec = WAIT_NS };

		if (!eo->replay)
			return keep(eo);
		dp_count(eo->counters, DP_STAT_RING_WAITS, 1);
		nanosleep(&wait, NULL);
	}
	dp_count(eo->counters, DP_STAT_EVENTS, 1);
	return TOLD;
}

static void
put_str(struct event_out *eo, struct dp_str *str, const struct smtp_str *s, size_t max)
{
	dp_event_put_str(&eo->buf, str, s->p, s->len, max, s->full_len, s->hash);
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
	struct event_out *eo = ctx;
	struct dp_ev_txn_begin *ev = &eo->buf.txn_begin;

	dp_event_begin(ev, DP_EV_TXN_BEGIN);
	flow_id(owner, &ev->flow);
	ev->transaction = transaction;
	ev->anomalies = anomalies;
	put_str(eo, &ev->helo, helo, DP_STR_HELO_MAX);
	put_str(eo, &ev->sender, sender, DP_STR_SENDER_MAX);
	put(eo);
}

/* Judge every reading of the recipient; the strongest match counts, the first among equals. */
static bool
judge(struct event_out *eo, const struct mailbox *mb, struct matcher_match *ret)
{
	const struct rule_set *rules = eo->rules;
	struct matcher_match match;
	bool found = false;
	unsigned int i;

	if (rules == NULL)
		return false;
	for (i = 0; i < mb->nb_readings; i++) {
		const struct mailbox_reading *r = &mb->readings[i];
		const struct matcher_query q = {
			.local = (const char *)r->local,
			.local_len = r->local_len,
			.domain = r->domain,
			.domain_len = r->domain_len,
		};
		int rc = matcher_judge(rules->matcher, rules->scratch[eo->worker], &q, &match);

		if (rc < 0)
			dp_count(eo->counters, DP_STAT_MATCH_ERRORS, 1);
		if (rc == 1 && (!found || match.severity > ret->severity)) {
			*ret = match;
			found = true;
		}
	}
	return found;
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	struct event_out *eo = ctx;
	struct dp_ev_rcpt *ev = &eo->buf.rcpt;
	struct matcher_match match;
	bool matched = judge(eo, rcpt->mailbox, &match);
	bool holding = matched && inspector_is_enforcing(eo->inspector);
	enum dp_verdict verdict = DP_VERDICT_NONE;
	uint64_t hold_id = 0;
	enum told told;

	if (matched)
		dp_count(eo->counters, DP_STAT_MATCHES, 1);
	else if (!eo->all_events || rcpt->only_match)
		return false;
	if (holding)
		hold_id = inspector_hold(eo->inspector, owner, rcpt);
	dp_event_begin(ev, DP_EV_RCPT);
	flow_id(owner, &ev->flow);
	ev->hold_id = hold_id;
	ev->transaction = rcpt->transaction;
	ev->rcpt_index = rcpt->index;
	ev->anomalies = rcpt->anomalies;
	ev->generation = eo->rules != NULL ? eo->rules->generation : 0;
	ev->flags = rcpt->flags;
	ev->forwarded = rcpt->line_back;
	flow_line_seq(owner, rcpt, &ev->seq_start, &ev->seq_end);
	ev->rule = matched ? match.rule : DP_RULE_NONE;
	ev->technique = matched ? match.technique : 0;
	put_str(eo, &ev->helo, &rcpt->helo, DP_STR_HELO_MAX);
	put_str(eo, &ev->sender, &rcpt->sender, DP_STR_SENDER_MAX);
	put_str(eo, &ev->address, &rcpt->address, DP_STR_ADDRESS_MAX);
	dp_event_put_str(&eo->buf, &ev->domain, match.domain, matched ? match.domain_len : 0, DP_STR_DOMAIN_MAX,
			 matched ? match.domain_len : 0, 0);
	dp_event_put_str(&eo->buf, &ev->meant, match.meant, matched ? match.meant_len : 0, DP_STR_DOMAIN_MAX,
			 matched ? match.meant_len : 0, 0);
	told = put(eo);
	if (holding && (hold_id == 0 || told != TOLD))
		verdict = inspector_hold_fail(eo->inspector, owner, hold_id, rcpt,
					      hold_id == 0 ? DP_CAUSE_MEMORY : DP_CAUSE_RING_FULL);
	if (matched && told == TOLD_NEVER)
		dp_ring_lose_match(&eo->ring, verdict);
	return matched;
}

/* Begin a record whose connection an earlier one described: its uid says which. */
static void
begin_by_uid(void *ev, enum dp_event_type type, const struct flow *f, uint64_t *ret_uid)
{
	dp_event_begin(ev, type);
	*ret_uid = flow_uid(f);
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	struct event_out *eo = ctx;
	struct dp_ev_rcpt_reply *ev = &eo->buf.rcpt_reply;

	begin_by_uid(ev, DP_EV_RCPT_REPLY, owner, &ev->flow_uid);
	ev->transaction = transaction;
	ev->rcpt_index = index;
	ev->reply = reply;
	put(eo);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	struct event_out *eo = ctx;
	struct dp_ev_data *ev = &eo->buf.data;

	begin_by_uid(ev, DP_EV_DATA, owner, &ev->flow_uid);
	ev->transaction = transaction;
	ev->kind = (uint16_t)kind;
	ev->reply = reply;
	put(eo);
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *end)
{
	struct event_out *eo = ctx;
	struct dp_ev_txn_end *ev = &eo->buf.txn_end;

	begin_by_uid(ev, DP_EV_TXN_END, owner, &ev->flow_uid);
	ev->transaction = end->transaction;
	ev->kind = end->kind;
	ev->go_reply = end->go_reply;
	ev->data_reply = end->data_reply;
	ev->flags = end->complete ? DP_TXN_COMPLETE : 0;
	ev->nb_rcpts = end->nb_rcpts;
	ev->body_octets = end->body_octets;
	ev->anomalies = end->anomalies;
	put(eo);
}

static void
on_flow_end(void *ctx, struct flow *f, enum dp_close how, const struct smtp_summary *sum)
{
	struct event_out *eo = ctx;
	struct dp_ev_flow_end *ev = &eo->buf.flow_end;

	if (!eo->all_events && !sum->reported)
		return;
	dp_event_begin(ev, DP_EV_FLOW_END);
	flow_id(f, &ev->flow);
	ev->nb_transactions = sum->nb_transactions;
	ev->close = (uint16_t)how;
	ev->flags = sum->flags;
	ev->anomalies = sum->anomalies;
	put_str(eo, &ev->helo, &sum->helo, DP_STR_HELO_MAX);
	put(eo);
}

static void
on_outcome(void *ctx, struct flow *f, const struct inspector_outcome *o)
{
	struct event_out *eo = ctx;
	struct dp_ev_outcome *ev = &eo->buf.outcome;
	struct dp_flow_id id;

	flow_id(f, &id);
	dp_event_begin(ev, DP_EV_OUTCOME);
	ev->flow_uid = id.uid;
	ev->hold_id = o->hold_id;
	ev->hold_us = (uint32_t)(o->hold_ns / 1000);
	ev->close_us = (uint32_t)(o->close_ns / 1000);
	ev->outcome = (uint16_t)o->outcome;
	ev->cause = (uint16_t)o->cause;
	ev->verdict = (uint16_t)o->verdict;
	ev->flags = o->all_sent ? DP_OUTCOME_ALL_SENT : 0;
	ev->command_octets = o->command_octets;
	ev->transaction = o->transaction;
	ev->rcpt_index = o->rcpt_index;
	put(eo);
}

static bool
on_originate(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b)
{
	const struct event_out *eo = ctx;

	return eo->originate != NULL && eo->originate(eo->originate_ctx, frame, len, wire, port_b);
}

static bool
on_takeover(void *ctx, struct flow *f, const struct dp_takeover *rec)
{
	const struct event_out *eo = ctx;

	return eo->takeover != NULL && eo->takeover->tell(eo->takeover_ctx, f, rec);
}

static bool
on_inward(void *ctx, const uint8_t *ip, uint32_t len)
{
	const struct event_out *eo = ctx;

	return eo->takeover != NULL && eo->takeover->inward(eo->takeover_ctx, ip, len);
}

static void
on_takeover_end(void *ctx, struct flow *f, uint64_t hold_id)
{
	const struct event_out *eo = ctx;

	if (eo->takeover != NULL)
		eo->takeover->end(eo->takeover_ctx, f, hold_id);
}

const struct inspector_ops event_out_ops = {
	.smtp = {
		.txn_begin = on_txn_begin,
		.rcpt = on_rcpt,
		.rcpt_reply = on_rcpt_reply,
		.data = on_data,
		.txn_end = on_txn_end,
	},
	.flow_end = on_flow_end,
	.outcome = on_outcome,
	.originate = on_originate,
	.takeover = on_takeover,
	.inward = on_inward,
	.takeover_end = on_takeover_end,
};
