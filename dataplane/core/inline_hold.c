/* SPDX-License-Identifier: BSD-3-Clause */
/* inline_hold - recipients that wait, and what ends their waiting: ctrl's word, or a limit */
#include "inline_private.h"
#include "smtp_state.h"

bool
inspector_is_enforcing(const struct inspector *ins)
{
	return ins->gate != NULL;
}

void
inspector_set_ctrl_gone(struct inspector *ins, bool gone)
{
	if (ins->gate != NULL)
		ins->gate->ctrl_gone = gone;
}

uint32_t
inline_line_back(const struct inspector *ins, const struct flow *f, const struct smtp_rcpt *rcpt)
{
	const struct inline_flow *x = inline_at(ins, f);
	uint32_t start, end, at, back = 0, n, sent;
	const uint8_t *p;

	flow_line_seq(f, rcpt, &start, &end);
	at = start;
	if (tcp_seq_lt(at, x->fwd)) {
		back = tcp_seq_min(x->fwd, end) - at;
		at += back;
	}
	/* Of a message that ended sooner than it seemed, more may have gone on. */
	while (tcp_seq_lt(at, end) && (n = inline_buf_at(&ins->gate->blocks, &x->buf, at, &p, &sent)) > 0) {
		back += sent < end - at ? sent : end - at;
		at += n;
	}
	return back;
}

/* Where a take-over would begin, if this is the first recipient to be refused. */
static void
note_place(const struct inspector *ins, const struct flow *f, const struct smtp_rcpt *rcpt, struct hold *h)
{
	struct smtp_state at;
	uint32_t end;

	flow_line_seq(f, rcpt, &h->line_seq, &end);
	h->in_commands = rcpt->index != 0 && smtp_state_get(&ins->smtp, &f->smtp, &at);
	if (!h->in_commands)
		return;
	h->session = (uint8_t)at.flags;
	h->nb_commands = at.commands;
	h->nb_transactions = at.nb_transactions;
	h->nb_rcpts = at.nb_rcpts;
}

uint64_t
inspector_hold(struct inspector *ins, struct flow *f, const struct smtp_rcpt *rcpt)
{
	struct inline_gate *g = ins->gate;
	struct inline_flow *x = inline_at(ins, f);
	struct hold *h;

	if (x->flags & INLINE_OVER)
		return 0;
	h = x->nb_holds < g->cfg.holds_flow ? hold_new(&g->holds, g->now_ns) : NULL;
	if (h == NULL) {
		dp_count(ins->counters, DP_STAT_HOLDS_REFUSED, 1);
		return 0;
	}
	h->flow = inline_flow_idx(ins, f);
	h->transaction = rcpt->transaction;
	h->rcpt_index = rcpt->index;
	h->command_octets = rcpt->line_back;
	note_place(ins, f, rcpt, h);
	h->flow_next = x->holds;
	x->holds = hold_idx(&g->holds, h);
	x->nb_holds++;
	x->nb_undecided++;
	dp_count(ins->counters, DP_STAT_HOLDS, 1);
	return h->id;
}

/* What to do without ctrl. */
enum dp_verdict
inline_fallback_of(const struct inline_gate *g, enum dp_cause cause)
{
	uint8_t v = g->cfg.fallback[cause] != DP_VERDICT_NONE ? g->cfg.fallback[cause] : g->cfg.fallback_default;

	return v >= DP_VERDICT_REFUSE ? DP_VERDICT_RESET : (enum dp_verdict)v;
}

static void
decide(struct inspector *ins, struct inline_flow *x, struct hold *h, enum dp_verdict verdict, enum dp_cause cause)
{
	/* Nobody can take a connection over: what must not pass is cut off. */
	if ((!ins->gate->cfg.takeover || x->flags & INLINE_TAP) &&
	    (verdict == DP_VERDICT_REFUSE || verdict == DP_VERDICT_DIVERT)) {
		verdict = DP_VERDICT_RESET;
		cause = DP_CAUSE_RESPONDER;
	}
	hold_decide(&ins->gate->holds, h, verdict, cause, ins->gate->now_ns);
	x->nb_undecided--;
	if (verdict > x->strongest)
		x->strongest = (uint8_t)verdict;
}

enum dp_verdict
inspector_hold_fail(struct inspector *ins, struct flow *f, uint64_t hold_id, const struct smtp_rcpt *rcpt,
		    enum dp_cause cause)
{
	struct inline_flow *x = inline_at(ins, f);
	struct hold *h = hold_find(&ins->gate->holds, hold_id);
	enum dp_verdict verdict = inline_fallback_of(ins->gate, cause);

	if (x->flags & INLINE_OVER)
		return DP_VERDICT_NONE;
	dp_count(ins->counters, DP_STAT_FALLBACKS, 1);
	if (h != NULL) {
		decide(ins, x, h, verdict, cause);
		return verdict;
	}
	if (verdict > x->strongest)
		x->strongest = (uint8_t)verdict;
	x->flags |= INLINE_UNTOLD;
	ins->ops.outcome(ins->ops_ctx, f,
			 &(const struct inspector_outcome){
				 .transaction = rcpt->transaction,
				 .rcpt_index = rcpt->index,
				 .command_octets = rcpt->line_back,
				 .outcome = DP_OUTCOME_FALLBACK,
				 .cause = cause,
				 .verdict = verdict,
				 .all_sent = inline_is_tap(ins, f),
			 });
	return verdict;
}

static void
count_hold(struct inspector *ins, uint64_t hold_ns)
{
	static const struct {
		uint64_t below_ns;
		enum dp_stat id;
	} steps[] = {
		{ UINT64_C(10000), DP_STAT_HOLDS_10US },     { UINT64_C(50000), DP_STAT_HOLDS_50US },
		{ UINT64_C(200000), DP_STAT_HOLDS_200US },   { UINT64_C(1000000), DP_STAT_HOLDS_1MS },
		{ UINT64_C(10000000), DP_STAT_HOLDS_10MS },  { UINT64_C(50000000), DP_STAT_HOLDS_50MS },
		{ UINT64_C(200000000), DP_STAT_HOLDS_200MS }, { UINT64_C(1000000000), DP_STAT_HOLDS_1S },
	};
	unsigned int i;

	/* The shortest alone: each is counted once. */
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (hold_ns < steps[i].below_ns) {
			dp_count(ins->counters, steps[i].id, 1);
			return;
		}
	}
}

void
inline_report(struct inspector *ins, struct flow *f, struct inline_flow *x, enum dp_outcome outcome, uint64_t close_ns)
{
	struct hold_table *t = &ins->gate->holds;

	while (x->holds != POOL_NONE) {
		struct hold *h = hold_at(t, x->holds);
		struct inspector_outcome o = {
			.hold_id = h->id,
			.transaction = h->transaction,
			.rcpt_index = h->rcpt_index,
			.command_octets = h->command_octets,
			.hold_ns = h->done_ns - h->since_ns,
			.close_ns = close_ns,
			.outcome = outcome,
			.cause = (enum dp_cause)h->cause,
			.verdict = (enum dp_verdict)h->verdict,
			.all_sent = inline_is_tap(ins, f),
		};

		if (outcome == DP_OUTCOME_DONE && o.cause != DP_CAUSE_NONE)
			o.outcome = DP_OUTCOME_FALLBACK;
		count_hold(ins, o.hold_ns);
		x->holds = h->flow_next;
		hold_free(t, h);
		dp_count(ins->counters, DP_STAT_HOLDS_ENDED, 1);
		ins->ops.outcome(ins->ops_ctx, f, &o);
	}
	x->nb_holds = 0;
	x->nb_undecided = 0;
}

void
inline_settle(struct inspector *ins, struct flow *f, struct inline_flow *x)
{
	enum dp_verdict verdict = (enum dp_verdict)x->strongest;

	if (verdict == DP_VERDICT_RESET) {
		inline_kill(ins, f, x);
		return;
	}
	if (x->nb_undecided > 0)
		return;
	if (verdict >= DP_VERDICT_REFUSE) {
		inline_takeover(ins, f, x, verdict);
		return;
	}
	x->strongest = DP_VERDICT_NONE;
	inline_report(ins, f, x, DP_OUTCOME_DONE, 0);
	inline_drain(ins, f, x);
}

/* @h was decided outside of a burst. */
static void
carry_out(struct inspector *ins, const struct hold *h)
{
	struct flow *f = flow_at(&ins->table, h->flow);

	inspector_set_last(ins, f);
	inline_settle(ins, f, inline_at(ins, f));
}

void
inspector_verdict(struct inspector *ins, uint64_t hold_id, uint64_t flow_uid, enum dp_verdict verdict, uint64_t now_ns)
{
	struct hold *h = ins->gate == NULL ? NULL : hold_find(&ins->gate->holds, hold_id);

	if (h == NULL || h->verdict != DP_VERDICT_NONE || flow_at(&ins->table, h->flow)->uid != flow_uid ||
	    verdict == DP_VERDICT_NONE || verdict >= DP_VERDICT_NB) {
		dp_count(ins->counters, DP_STAT_VERDICTS_STALE, 1);
		return;
	}
	ins->gate->now_ns = now_ns > h->since_ns ? now_ns : h->since_ns;
	dp_count(ins->counters, DP_STAT_VERDICTS, 1);
	decide(ins, inline_at(ins, flow_at(&ins->table, h->flow)), h, verdict, DP_CAUSE_NONE);
	carry_out(ins, h);
}

void
inline_hold_age(struct inspector *ins, unsigned int budget)
{
	struct inline_gate *g = ins->gate;

	for (; budget > 0; budget--) {
		struct hold *h = hold_at(&g->holds, g->holds.head);
		enum dp_cause cause = g->ctrl_gone ? DP_CAUSE_CTRL_GONE : DP_CAUSE_CTRL_SLOW;

		if (h == NULL || g->now_ns < h->since_ns || g->now_ns - h->since_ns < g->cfg.hold_limit_ns)
			return;
		dp_count(ins->counters, DP_STAT_FALLBACKS, 1);
		decide(ins, inline_at(ins, flow_at(&ins->table, h->flow)), h, inline_fallback_of(g, cause), cause);
		carry_out(ins, h);
	}
}
