/* SPDX-License-Identifier: BSD-3-Clause */
#include "inspector.h"

#include "inline.h"
#include "inspector_private.h"
#include "tcp_keep.h"
#include "tcp_track.h"

enum {
	FLOWS_LIMIT = 1 << 28,
	BLOCKS_LIMIT = 1 << 24,
	GIVE_UP_LIMIT = 1 << 26,
	SESSION_AHEAD = 4, /* packets of a burst whose sessions are fetched before it is their turn */
};

void
inspector_config_default(struct inspector_config *cfg)
{
	*cfg = (struct inspector_config){
		.ports = { 25, 587, 2525 },
		.nb_ports = 3,
		.flows_max = 1 << 18,
		.sessions_max = 1 << 17,
		.reasm_blocks = 1 << 17,
		.reasm_flow_blocks = 928, /* half a MiB */
		.idle_ns = UINT64_C(600) * 1000000000, /* the longest time limit of RFC 5321 §4.5.3.2 */
		.closed_ns = UINT64_C(30) * 1000000000,
		.give_up_octets = 1 << 17,
		.inline_cfg = {
			.hold_limit_ns = UINT64_C(200) * 1000000,
			.confirm_ns = UINT64_C(10) * 1000000000,
			.tombstone_ns = UINT64_C(300) * 1000000000,
			.holds_max = 1 << 12,
			.holds_flow = 64,
			.tombstones_max = 1 << 16,
			.blocks = 1 << 16,
			.flow_blocks = 1 << 10,
			.park_octets = 1 << 18,
			.fallback_default = DP_VERDICT_RESET,
			.takeover_wait_ns = UINT64_C(1000) * 1000000,
			.takeover_ready_ns = UINT64_C(200) * 1000000,
		},
	};
}

static bool
config_is_valid(const struct inspector_config *c)
{
	return c->nb_ports <= INSPECTOR_PORTS_MAX && c->flows_max > 0 && c->flows_max <= FLOWS_LIMIT &&
	       c->sessions_max > 0 && c->sessions_max <= FLOWS_LIMIT && c->reasm_blocks > 0 &&
	       c->reasm_blocks <= BLOCKS_LIMIT && c->reasm_flow_blocks >= 4 && c->reasm_flow_blocks <= UINT16_MAX &&
	       c->give_up_octets > 0 && c->give_up_octets <= GIVE_UP_LIMIT &&
	       (!c->enforce || inline_config_is_valid(&c->inline_cfg));
}

/* A session holds the HELO name and the sender, and a line in pieces now and then; long ones are rare. */
static struct smtp_limits
smtp_limits(const struct inspector_config *c)
{
	return (struct smtp_limits){
		.sessions = c->sessions_max,
		.strings = 3 * c->sessions_max,
		.big = 64 + c->sessions_max / 8,
	};
}

static size_t
align64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

size_t
inspector_mem_size(const struct inspector_config *cfg)
{
	struct smtp_limits limits = smtp_limits(cfg);

	return align64(sizeof(struct inspector)) + align64(flow_table_mem_size(cfg->flows_max)) +
	       pool_mem_size(cfg->reasm_blocks, TCP_SEG_LEN) + align64(TCP_SCRATCH_LEN) +
	       align64(smtp_ctx_mem_size(&limits)) + (cfg->enforce ? inline_mem_size(cfg) : 0);
}

/* --- from TCP to SMTP --- */

static size_t
sink_client(void *ctx, struct flow *f, const uint8_t *p, size_t len)
{
	struct inspector *ins = ctx;

	if (f->flags & FLOW_SKIPPING && f->smtp.phase == SMTP_PHASE_SYNC)
		return inspector_skip_on(ins, f, p, len);
	return smtp_client_data(&ins->smtp, &f->smtp, f, p, len);
}

static void
sink_server(void *ctx, struct flow *f, const uint8_t *p, size_t len)
{
	struct inspector *ins = ctx;

	smtp_server_data(&ins->smtp, &f->smtp, f, p, len);
}

static void
sink_give_up(void *ctx, struct flow *f)
{
	struct inspector *ins = ctx;

	smtp_client_give_up(&ins->smtp, &f->smtp, f);
}

static void
sink_gap(void *ctx, struct flow *f, enum flow_side side, uint64_t octets)
{
	struct inspector *ins = ctx;

	if (side == FLOW_CLIENT)
		smtp_client_gap(&ins->smtp, &f->smtp, f, octets);
	else
		smtp_server_gap(&ins->smtp, &f->smtp, f, octets);
}

static void
sink_alternative(void *ctx, struct flow *f, const uint8_t *p, size_t len, bool at_line_start)
{
	struct inspector *ins = ctx;

	if (f->flags & FLOW_SKIPPING)
		return;
	/* Its recipients have no place of their own in the stream. */
	ins->reasm.piece_seq = f->dir[FLOW_CLIENT].next;
	smtp_client_alternative(&ins->smtp, &f->smtp, f, p, len, at_line_start);
}

static void
sink_note(void *ctx, struct flow *f, uint64_t anomalies)
{
	struct inspector *ins = ctx;

	smtp_note(&ins->smtp, &f->smtp, anomalies);
}

static const struct tcp_sink sink = {
	.client = sink_client,
	.server = sink_server,
	.give_up = sink_give_up,
	.gap = sink_gap,
	.alternative = sink_alternative,
	.note = sink_note,
};

/* --- from SMTP to the owner --- */

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
	const struct inspector *ins = ctx;

	ins->ops.smtp.txn_begin(ins->ops_ctx, owner, transaction, helo, sender, anomalies);
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	const struct inspector *ins = ctx;
	struct flow *f = owner;
	struct smtp_rcpt seen;

	f->piece_seq = ins->reasm.piece_seq;
	if (ins->gate == NULL)
		return ins->ops.smtp.rcpt(ins->ops_ctx, owner, rcpt);
	/* What was sent on in other pieces than it came in. */
	seen = *rcpt;
	seen.line_back = inline_is_tap(ins, f) ? rcpt->line_octets : inline_line_back(ins, f, rcpt);
	return ins->ops.smtp.rcpt(ins->ops_ctx, owner, &seen);
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	const struct inspector *ins = ctx;

	ins->ops.smtp.rcpt_reply(ins->ops_ctx, owner, transaction, index, reply);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	const struct inspector *ins = ctx;

	ins->ops.smtp.data(ins->ops_ctx, owner, transaction, kind, reply);
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *end)
{
	const struct inspector *ins = ctx;

	ins->ops.smtp.txn_end(ins->ops_ctx, owner, end);
}

static const struct smtp_ops smtp_ops = {
	.txn_begin = on_txn_begin,
	.rcpt = on_rcpt,
	.rcpt_reply = on_rcpt_reply,
	.data = on_data,
	.txn_end = on_txn_end,
};

struct inspector *
inspector_init(void *mem, const struct inspector_config *cfg, const struct inspector_ops *ops, void *ops_ctx,
	       struct dp_counters *counters)
{
	struct inspector *ins = mem;
	struct smtp_limits limits;
	uint8_t *at = mem;

	if (!config_is_valid(cfg))
		return NULL;
	limits = smtp_limits(cfg);
	ins->cfg = *cfg;
	ins->ops = *ops;
	ins->ops_ctx = ops_ctx;
	ins->counters = counters;
	ins->current = &ins->last;
	at += align64(sizeof(*ins));
	flow_table_init(&ins->table, at, cfg->flows_max);
	at += align64(flow_table_mem_size(cfg->flows_max));
	ins->reasm = (struct tcp_reasm){
		.sink = &sink,
		.sink_ctx = ins,
		.counters = counters,
		.flow_blocks = cfg->reasm_flow_blocks,
		.give_up_octets = (uint32_t)cfg->give_up_octets,
		.body_find = smtp_body_find_best(),
	};
	pool_init(&ins->reasm.segs, at, cfg->reasm_blocks, TCP_SEG_LEN);
	at += pool_mem_size(cfg->reasm_blocks, TCP_SEG_LEN);
	ins->reasm.scratch = at;
	at += align64(TCP_SCRATCH_LEN);
	ins->smtp = (struct smtp_ctx){
		.ops = &smtp_ops,
		.ops_ctx = ins,
		.counters = counters,
		.all_events = cfg->all_events,
	};
	smtp_ctx_init(&ins->smtp, at, &limits);
	at += align64(smtp_ctx_mem_size(&limits));
	ins->gate = cfg->enforce ? inline_init(at, cfg) : NULL;
	return ins;
}

/* --- the end of a flow --- */

/* Callbacks at the end of @f speak of its last packet, whenever the end is noticed. */
void
inspector_set_last(struct inspector *ins, const struct flow *f)
{
	ins->last = (struct packet){
		.ts_ns = f->last_ns,
		.frame_no = f->last_frame,
		.loop = f->loop,
		.wire = f->key.wire,
		.class = PACKET_TCP,
		.key = f->key,
		.hash = f->hash,
	};
	ins->current = &ins->last;
}

static void
count_end(struct inspector *ins, enum dp_close how, const struct smtp_summary *sum)
{
	dp_count(ins->counters, DP_STAT_FLOWS_ENDED, 1);
	if (how == DP_CLOSE_AGED)
		dp_count(ins->counters, DP_STAT_FLOWS_AGED, 1);
	if (how == DP_CLOSE_EVICTED)
		dp_count(ins->counters, DP_STAT_FLOWS_EVICTED, 1);
	if (sum->anomalies != 0)
		dp_count(ins->counters, DP_STAT_SESSIONS_ANOMALOUS, 1);
}

void
inspector_report_end(struct inspector *ins, struct flow *f, enum dp_close how)
{
	const uint32_t both = FLOW_SEEN << FLOW_CLIENT | FLOW_SEEN << FLOW_SERVER;
	struct smtp_summary sum;
	uint8_t helo[DP_STR_HELO_MAX];

	tcp_reasm_finish(&ins->reasm, f);
	if (f->flags & FLOW_DATA && (f->flags & both) != both)
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(ONE_SIDED));
	if (f->flags & FLOW_DATA && how == DP_CLOSE_EVICTED)
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(RESOURCE));
	smtp_summary(&ins->smtp, &f->smtp, &sum);
	/*
	 * The last transaction ends before the connection does; the name outlives the session. Where nobody will ask for
	 * it, it is not fetched from memory that nothing else touches any more.
	 */
	if (!ins->cfg.all_events && !sum.reported)
		sum.helo.len = 0;
	if (sum.helo.len > sizeof(helo))
		sum.helo.len = sizeof(helo);
	if (sum.helo.len > 0)
		memcpy(helo, sum.helo.p, sum.helo.len);
	sum.helo.p = helo;
	smtp_close(&ins->smtp, &f->smtp, f);
	count_end(ins, how, &sum);
	f->flags |= FLOW_ENDED;
	ins->ops.flow_end(ins->ops_ctx, f, how, &sum);
}

void
inspector_end_flow(struct inspector *ins, struct flow *f, enum dp_close how)
{
	if (ins->gate != NULL)
		inline_forget(ins, f);
	if (!(f->flags & FLOW_ENDED)) {
		if (f->flags & FLOW_CLOSED)
			how = f->flags & FLOW_RST ? DP_CLOSE_RST : DP_CLOSE_FIN;
		inspector_set_last(ins, f);
		inspector_report_end(ins, f, how);
	}
	flow_remove(&ins->table, f);
}

static bool
is_expired(const struct inspector *ins, const struct flow *f, uint64_t now_ns)
{
	uint64_t limit = f->flags & FLOW_CLOSED ? ins->cfg.closed_ns : ins->cfg.idle_ns;

	return now_ns > f->last_ns && now_ns - f->last_ns > limit;
}

/* --- packets --- */

static struct flow *
new_flow(struct inspector *ins, const struct packet *p)
{
	struct flow *f = flow_create(&ins->table, p);

	if (f == NULL) {
		inspector_end_flow(ins, flow_idle_longest(&ins->table), DP_CLOSE_EVICTED);
		ins->current = p;
		f = flow_create(&ins->table, p);
	}
	tcp_open(f, p, ins->cfg.ports, ins->cfg.nb_ports);
	dp_count(ins->counters, DP_STAT_FLOWS, 1);
	smtp_open(&ins->smtp, &f->smtp, f->flags & FLOW_MIDSTREAM ? SMTP_OPEN_MIDSTREAM : 0);
	if (f->flags & FLOW_MIDSTREAM)
		dp_count(ins->counters, DP_STAT_FLOWS_MIDSTREAM, 1);
	if (ins->gate != NULL)
		inline_open(ins, f);
	return f;
}

/*
 * A server that does not ask for urgent data in line (few do) never sees the urgent octet: the one before where the
 * pointer points (what everybody does), or the one it points to (RFC 1122 §4.2.2.4).
 */
static void
urgent_octet(struct inspector *ins, struct flow *f, const struct packet *p)
{
	const uint8_t *tcp = p->frame + p->l4_off;
	uint32_t at = (uint32_t)tcp[18] << 8 | tcp[19];

	smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(URGENT));
	if (at > 0)
		tcp_keep_without(&ins->reasm, f, tcp_payload_seq(p) + at - 1);
	tcp_keep_without(&ins->reasm, f, tcp_payload_seq(p) + at);
}

struct flow *
inspector_flow_of(struct inspector *ins, struct flow *f, const struct packet *p)
{
	enum dp_close how = DP_CLOSE_REPLACED;
	enum tcp_belongs belongs = TCP_NEW;

	if (f != NULL) {
		if (is_expired(ins, f, p->ts_ns))
			how = DP_CLOSE_AGED;
		else if (f->loop == p->loop)
			belongs = tcp_belongs(f, p);
		if (belongs == TCP_SAME)
			return f;
		/* What opens nothing does not end anything either: ageing will. */
		if (belongs == TCP_STRAY || !tcp_opens(p))
			return NULL;
		inspector_end_flow(ins, f, how);
		ins->current = p;
	}
	return ins->shed < INSPECTOR_SHED_NEW && tcp_opens(p) ? new_flow(ins, p) : NULL;
}

void
inspector_observe(struct inspector *ins, struct packet *p)
{
	struct flow *f = inspector_flow_of(ins, flow_lookup(&ins->table, p), p);
	/* Of the second reading of a datagram only the octets count. */
	bool is_reading = p->rebuilt == 2;
	enum flow_side side;

	if (f == NULL) {
		if (ins->shed >= INSPECTOR_SHED_NEW && flow_lookup(&ins->table, p) == NULL && tcp_opens(p))
			inspector_shed_packet(ins, p);
		return;
	}
	flow_touch(&ins->table, f, p->ts_ns, p->frame_no);
	side = tcp_side(f, p);
	if (f->flags & FLOW_ENDED) {
		if (p->payload_len > 0)
			dp_count(ins->counters, DP_STAT_SEGS_RETRANS, 1);
		return;
	}
	if (!is_reading || !(f->flags & FLOW_BASE << side))
		tcp_track_before(f, side, p);
	if (is_reading)
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(FRAG_OVERLAP));
	if (p->payload_len > 0 || p->missing_len > 0) {
		const struct tcp_input in = {
			.p = packet_payload(p),
			.len = p->payload_len,
			.missing = p->missing_len,
			.seq = tcp_payload_seq(p),
			.ack = p->ack,
			.has_ack = p->tcp_flags & PACKET_ACK,
		};

		f->flags |= FLOW_DATA;
		if (side == FLOW_SERVER)
			inspector_resume_body(f);
		if (f->flags & FLOW_BASE << side &&
		    !(side == FLOW_CLIENT && p->missing_len == 0 && inspector_skip_body(ins, f, in.seq, in.len)))
			tcp_reasm_input(&ins->reasm, f, side, &in);
	}
	if (tcp_reasm_waits(f))
		tcp_reasm_settle(&ins->reasm, f, false);
	if (p->tcp_flags & PACKET_URG && side == FLOW_CLIENT && p->payload_len > 0)
		urgent_octet(ins, f, p);
	if (f->flags & FLOW_KEPT)
		tcp_keep_trim(&ins->reasm, f);
	if (p->tcp_flags & (PACKET_FIN | PACKET_RST) && !is_reading && tcp_track_after(f, side, p))
		flow_close(&ins->table, f);
	if (f->flags & FLOW_CLOSED && tcp_is_over(f))
		inspector_report_end(ins, f, DP_CLOSE_FIN);
}

/* The second stage of a lookup: what the payload of a packet to come will touch. */
static void
prefetch_session(const struct inspector *ins, const struct packet *p)
{
	const struct flow *f = flow_at_bucket(&ins->table, p->hash);

	if (f == NULL || f->hash != p->hash)
		return;
	__builtin_prefetch((const uint8_t *)f + 2 * DP_CACHE_LINE, 1);
	__builtin_prefetch((const uint8_t *)f + 3 * DP_CACHE_LINE, 1);
	if (p->payload_len > 0)
		smtp_prefetch(&ins->smtp, &f->smtp);
}

void
inspector_burst(struct inspector *ins, struct packet *const pkts[], unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		flow_prefetch_bucket(&ins->table, pkts[i]->hash);
	for (i = 0; i < nb; i++)
		flow_prefetch_entry(&ins->table, pkts[i]->hash);
	for (i = 0; i < nb && i < SESSION_AHEAD; i++)
		prefetch_session(ins, pkts[i]);
	for (i = 0; i < nb; i++) {
		if (i + SESSION_AHEAD < nb)
			prefetch_session(ins, pkts[i + SESSION_AHEAD]);
		ins->current = pkts[i];
		if (pkts[i]->rebuilt <= 1)
			dp_count(ins->counters, DP_STAT_INSPECTED, 1);
		if (ins->gate != NULL)
			inline_packet(ins, pkts[i]);
		else
			inspector_observe(ins, pkts[i]);
	}
}

void
inspector_age_step(struct inspector *ins, uint64_t now_ns, unsigned int budget)
{
	if (ins->gate != NULL)
		inline_age_step(ins, now_ns, budget);
	for (; budget > 0; budget--) {
		struct flow *f = flow_at(&ins->table, ins->table.closed.head);

		if (f == NULL || !is_expired(ins, f, now_ns))
			f = flow_at(&ins->table, ins->table.open.head);
		if (f == NULL || !is_expired(ins, f, now_ns))
			return;
		inspector_end_flow(ins, f, DP_CLOSE_AGED);
	}
}

bool
inspector_flush_step(struct inspector *ins, unsigned int budget)
{
	struct flow *f = flow_at(&ins->table, ins->table.order.head);

	for (; f != NULL && budget > 0; budget--) {
		inspector_end_flow(ins, f, DP_CLOSE_END);
		f = flow_at(&ins->table, ins->table.order.head);
	}
	return f == NULL;
}

const struct packet *
inspector_current(const struct inspector *ins)
{
	return ins->current;
}

/* --- identity --- */

void
flow_id(const struct flow *f, struct dp_flow_id *ret)
{
	bool lo = f->flags & FLOW_CLIENT_LO;

	*ret = (struct dp_flow_id){
		.uid = f->uid,
		.start_ns = f->start_ns,
		.key = {
			.client_port = lo ? f->key.lo_port : f->key.hi_port,
			.server_port = lo ? f->key.hi_port : f->key.lo_port,
			.vlan_outer = f->key.vlan_outer,
			.vlan_inner = f->key.vlan_inner,
			.family = f->key.family,
			.wire = f->key.wire,
		},
		.first_seq = f->first_seq,
		.loop = f->loop,
	};
	memcpy(ret->key.client_addr, lo ? f->key.lo_addr : f->key.hi_addr, sizeof(ret->key.client_addr));
	memcpy(ret->key.server_addr, lo ? f->key.hi_addr : f->key.lo_addr, sizeof(ret->key.server_addr));
}

void
flow_line_seq(const struct flow *f, const struct smtp_rcpt *rcpt, uint32_t *ret_start, uint32_t *ret_end)
{
	*ret_end = f->piece_seq + (uint32_t)rcpt->line_end;
	*ret_start = *ret_end - rcpt->line_octets;
}
