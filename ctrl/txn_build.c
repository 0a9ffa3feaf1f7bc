/* SPDX-License-Identifier: BSD-3-Clause */
#include "txn_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"
#include "ids.h"
#include "record_json.h"

struct rcpt {
	size_t off; /* of its address in the arena */
	uint16_t len;
	uint16_t reply; /* 0: unseen */
	uint8_t verdict;
	uint32_t full_len;
	uint32_t index;
};

struct txn_build {
	uint32_t transaction;
	bool has_flow, has_begin, has_end, tls;
	struct dp_flow_id flow;
	uint64_t ts_ns;
	uint64_t anomalies;
	struct dp_ev_txn_end end;
	enum dp_data_kind kind; /* from DATA events, for a transaction without an end */
	uint16_t go_reply;
	uint32_t omitted;
	struct rcpt rcpts[DP_RCPT_LISTED_MAX];
	unsigned int nb_rcpts;
	uint8_t *arena; /* addresses */
	size_t arena_len, arena_cap;
	/* The record that names HELO and sender: TXN_BEGIN, else the first RCPT, else FLOW_END. */
	_Alignas(8) uint8_t head[DP_RECORD_LEN_MAX];
	struct dp_str helo, sender;
};

int
txn_build_new(struct txn_build **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret == NULL ? -ENOMEM : 0;
}

void
txn_build_free(struct txn_build *t)
{
	if (t == NULL)
		return;
	free(t->arena);
	free(t);
}

static void
set_head(struct txn_build *t, const struct dp_record *rec, const struct dp_flow_id *flow, const struct dp_str *helo,
	 const struct dp_str *sender)
{
	memcpy(t->head, rec, rec->len);
	t->flow = *flow;
	t->has_flow = true;
	t->helo = *helo;
	t->sender = sender != NULL ? *sender : (struct dp_str){ 0 };
}

void
txn_build_begin(struct txn_build *t, uint32_t transaction, const struct dp_ev_flow_end *end)
{
	t->transaction = transaction;
	t->has_flow = false;
	t->has_begin = false;
	t->has_end = false;
	t->tls = end != NULL && (end->flags & DP_FLOW_STARTTLS);
	t->anomalies = 0;
	t->kind = DP_DATA_NONE;
	t->go_reply = 0;
	t->omitted = 0;
	t->nb_rcpts = 0;
	t->arena_len = 0;
	if (transaction == 0 && end != NULL) {
		set_head(t, &end->rec, &end->flow, &end->helo, NULL);
		t->ts_ns = end->flow.start_ns;
		t->anomalies = end->anomalies;
	}
}

static int
add_rcpt(struct txn_build *t, const struct dp_ev_rcpt *ev, enum dp_verdict verdict)
{
	if (!t->has_begin && t->nb_rcpts == 0) {
		set_head(t, &ev->rec, &ev->flow, &ev->helo, &ev->sender);
		t->ts_ns = ev->rec.ts_ns;
	}
	t->anomalies |= ev->anomalies;
	/* What stands only in another reading is an anomaly of the line, not a recipient of its own. */
	if ((ev->flags & DP_RCPT_ALTERNATIVE) || ev->rcpt_index == 0)
		return 0;
	if (t->nb_rcpts == DP_RCPT_LISTED_MAX) {
		t->omitted++;
		return 0;
	}
	if (t->arena_len + ev->address.len > t->arena_cap) {
		size_t cap = t->arena_cap == 0 ? 64 << 10 : t->arena_cap * 2;
		uint8_t *arena = realloc(t->arena, cap);

		if (arena == NULL)
			return -ENOMEM;
		t->arena = arena;
		t->arena_cap = cap;
	}
	if (ev->address.len > 0)
		memcpy(t->arena + t->arena_len, dp_event_str(ev, &ev->address), ev->address.len);
	t->rcpts[t->nb_rcpts++] = (struct rcpt){
		.off = t->arena_len,
		.len = ev->address.len,
		.full_len = ev->address.full_len,
		.index = ev->rcpt_index,
		.verdict = (uint8_t)(verdict == DP_VERDICT_NONE ? DP_VERDICT_PASS : verdict),
	};
	t->arena_len += ev->address.len;
	return 0;
}

static void
add_reply(struct txn_build *t, const struct dp_ev_rcpt_reply *ev)
{
	unsigned int lo = 0, hi = t->nb_rcpts;

	/* Recipients stand in the order of their index. */
	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (t->rcpts[mid].index < ev->rcpt_index)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < t->nb_rcpts && t->rcpts[lo].index == ev->rcpt_index && t->rcpts[lo].reply == 0 && ev->reply >= 200)
		t->rcpts[lo].reply = ev->reply;
}

int
txn_build_add(struct txn_build *t, const struct dp_record *rec, enum dp_verdict verdict)
{
	const void *r = rec;

	if (rec->type == DP_EV_TXN_BEGIN) {
		const struct dp_ev_txn_begin *ev = r;

		set_head(t, rec, &ev->flow, &ev->helo, &ev->sender);
		t->has_begin = true;
		t->ts_ns = rec->ts_ns;
		t->anomalies |= ev->anomalies;
	} else if (rec->type == DP_EV_RCPT) {
		return add_rcpt(t, r, verdict);
	} else if (rec->type == DP_EV_RCPT_REPLY) {
		add_reply(t, r);
	} else if (rec->type == DP_EV_DATA) {
		const struct dp_ev_data *ev = r;

		t->kind = (enum dp_data_kind)ev->kind;
		t->go_reply = ev->reply;
	} else if (rec->type == DP_EV_TXN_END) {
		memcpy(&t->end, rec, sizeof(t->end));
		t->has_end = true;
		t->anomalies |= t->end.anomalies;
	}
	return 0;
}

bool
txn_build_has_flow(const struct txn_build *t)
{
	return t->has_flow;
}

const struct dp_flow_id *
txn_build_flow(const struct txn_build *t)
{
	return &t->flow;
}

uint64_t
txn_build_anomalies(const struct txn_build *t)
{
	return t->anomalies;
}

uint64_t
txn_build_ts(const struct txn_build *t)
{
	return t->ts_ns;
}

static void
put_flow(const struct txn_build *t, struct json_out *o)
{
	const struct dp_flow_key *k = &t->flow.key;
	char text[ADDR_TEXT_MAX];

	json_key(o, "flow");
	json_open(o, '{');
	ids_addr_text(k->family, k->client_addr, text);
	json_kv_cstr(o, "src_ip", text);
	json_kv_u64(o, "src_port", k->client_port);
	ids_addr_text(k->family, k->server_addr, text);
	json_kv_cstr(o, "dst_ip", text);
	json_kv_u64(o, "dst_port", k->server_port);
	if (k->vlan_outer != 0)
		json_kv_u64(o, "vlan", k->vlan_outer);
	else
		json_kv_null(o, "vlan");
	if (k->vlan_inner != 0)
		json_kv_u64(o, "vlan_inner", k->vlan_inner);
	json_close(o, '}');
}

/* A string with its raw value and full length beside it where that is needed. */
static void
put_str(struct json_out *o, const char *key, const char *raw_key, const char *length_key, const void *s, size_t len,
	uint32_t full_len)
{
	if (!json_kv_text(o, key, s, len)) {
		json_key(o, raw_key);
		json_base64(o, s, len);
	}
	if (full_len > len)
		json_kv_u64(o, length_key, full_len);
}

static void
put_reply(struct json_out *o, const char *key, unsigned int reply)
{
	if (reply != 0)
		json_kv_u64(o, key, reply);
	else
		json_kv_null(o, key);
}

static void
put_rcpts(const struct txn_build *t, struct json_out *o)
{
	unsigned int i;

	json_key(o, "recipients");
	json_open(o, '[');
	for (i = 0; i < t->nb_rcpts; i++) {
		const struct rcpt *r = &t->rcpts[i];

		json_open(o, '{');
		put_str(o, "address", "address_raw", "address_length", t->arena + r->off, r->len, r->full_len);
		put_reply(o, "reply", r->reply);
		json_kv_cstr(o, "verdict", verdict_name((enum dp_verdict)r->verdict));
		json_close(o, '}');
	}
	json_close(o, ']');
	if (t->omitted > 0)
		json_kv_u64(o, "recipients_omitted", t->omitted);
}

void
txn_build_json(const struct txn_build *t, struct json_out *o)
{
	static const char *const kinds[DP_DATA_NB] = { "none", "data", "bdat" };

	json_open(o, '{');
	json_key(o, "ts");
	json_time(o, t->ts_ns);
	put_flow(t, o);
	json_kv_u64(o, "transaction", t->transaction);
	put_str(o, "helo", "helo_raw", "helo_length", t->head + t->helo.off, t->helo.len, t->helo.full_len);
	put_str(o, "sender", "sender_raw", "sender_length", t->head + t->sender.off, t->sender.len,
		t->sender.full_len);
	put_rcpts(t, o);
	json_kv_cstr(o, "data", kinds[t->has_end ? t->end.kind : t->kind]);
	put_reply(o, "data_go", t->has_end ? t->end.go_reply : t->go_reply);
	put_reply(o, "data_reply", t->has_end ? t->end.data_reply : 0);
	json_kv_u64(o, "body_octets", t->has_end ? t->end.body_octets : 0);
	json_kv_bool(o, "complete", t->has_end && (t->end.flags & DP_TXN_COMPLETE));
	json_kv_bool(o, "tls", t->tls);
	json_key(o, "anomalies");
	record_json_anomalies(o, t->anomalies);
	if (t->flow.loop > 0)
		json_kv_u64(o, "loop", t->flow.loop);
	json_close(o, '}');
	json_raw(o, "\n", 1);
}
