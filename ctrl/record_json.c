/* SPDX-License-Identifier: BSD-3-Clause */
#include "record_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dp_stats.h"
#include "ids.h"

#define ECS_VERSION "8.11.0"

bool
record_json_str(struct json_out *o, const char *key, const void *rec, const struct dp_str *str)
{
	return !json_kv_text(o, key, dp_event_str(rec, str), str->len);
}

void
record_json_anomalies(struct json_out *o, uint64_t anomalies)
{
	int i;

	json_open(o, '[');
	for (i = 0; i < DP_ANOMALY_NB; i++)
		if (anomalies & UINT64_C(1) << i)
			json_cstr(o, dp_anomaly_name((enum dp_anomaly)i));
	json_close(o, ']');
}

static void
put_raw(struct json_out *o, const char *key, bool needed, const void *rec, const struct dp_str *str)
{
	if (!needed)
		return;
	json_key(o, key);
	json_base64(o, dp_event_str(rec, str), str->len);
}

static void
put_full_len(struct json_out *o, const char *key, const struct dp_str *str)
{
	if (str->full_len > str->len)
		json_kv_u64(o, key, str->full_len);
}

static void
put_head(struct json_out *o, uint64_t ts_ns)
{
	json_open(o, '{');
	json_key(o, "@timestamp");
	json_time(o, ts_ns);
	json_key(o, "ecs");
	json_open(o, '{');
	json_kv_cstr(o, "version", ECS_VERSION);
	json_close(o, '}');
}

static void
put_end(struct json_out *o, const char *key, uint8_t family, const uint8_t addr[16], uint16_t port)
{
	char text[ADDR_TEXT_MAX];

	ids_addr_text(family, addr, text);
	json_key(o, key);
	json_open(o, '{');
	json_kv_cstr(o, "ip", text);
	json_kv_u64(o, "port", port);
	json_close(o, '}');
}

static void
put_network(struct json_out *o, const struct dp_flow_key *key)
{
	char community[COMMUNITY_ID_LEN + 1];

	put_end(o, "source", key->family, key->client_addr, key->client_port);
	put_end(o, "destination", key->family, key->server_addr, key->server_port);
	ids_community(key, community);
	json_key(o, "network");
	json_open(o, '{');
	json_kv_cstr(o, "protocol", "smtp");
	json_kv_cstr(o, "community_id", community);
	if (key->vlan_outer != 0) {
		json_key(o, "vlan");
		json_open(o, '{');
		json_kv_u64(o, "id", key->vlan_outer);
		json_close(o, '}');
	}
	if (key->vlan_inner != 0) {
		json_key(o, "inner");
		json_open(o, '{');
		json_key(o, "vlan");
		json_open(o, '{');
		json_kv_u64(o, "id", key->vlan_inner);
		json_close(o, '}');
		json_close(o, '}');
	}
	json_close(o, '}');
}

static void
put_event(struct json_out *o, const struct record_alert *a)
{
	json_key(o, "event");
	json_open(o, '{');
	json_kv_cstr(o, "kind", "alert");
	json_kv_cstr(o, "id", a->event_id);
	json_kv_u64(o, "sequence", a->sequence);
	json_kv_cstr(o, "action", verdict_name(a->decision->verdict));
	json_kv_u64(o, "severity", a->decision->severity);
	json_close(o, '}');
}

static void
put_rule(struct json_out *o, const struct decision *d)
{
	char version[24];

	json_key(o, "rule");
	json_open(o, '{');
	json_kv_cstr(o, "id", d->rule->id);
	json_kv_cstr(o, "name", d->rule->name);
	json_kv_cstr(o, "ruleset", ruleset_name(d->set));
	snprintf(version, sizeof(version), "%016" PRIx64, ruleset_hash(d->set));
	json_kv_cstr(o, "version", version);
	json_close(o, '}');
}

static void
put_observer(struct json_out *o, const struct record_context *ctx)
{
	json_key(o, "observer");
	json_open(o, '{');
	json_kv_cstr(o, "vendor", "Postern");
	json_kv_cstr(o, "product", "postern");
	json_kv_cstr(o, "version", POSTERN_VERSION);
	json_kv_cstr(o, "name", ctx->observer);
	json_close(o, '}');
}

/* email.{from,to}.address; says which of them are no UTF-8. */
static void
put_email(struct json_out *o, const struct dp_ev_rcpt *ev, bool *ret_from_raw, bool *ret_to_raw)
{
	json_key(o, "email");
	json_open(o, '{');
	json_key(o, "from");
	json_open(o, '{');
	*ret_from_raw = record_json_str(o, "address", ev, &ev->sender);
	json_close(o, '}');
	json_key(o, "to");
	json_open(o, '{');
	*ret_to_raw = record_json_str(o, "address", ev, &ev->address);
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_explanation(struct json_out *o, const struct dp_ev_rcpt *ev, const struct decision *d)
{
	char text[RULE_EXPLANATION_MAX];
	const char *meant = d->is_other ? d->meant : (const char *)dp_event_str(ev, &ev->meant);
	int n = rule_technique_explain((enum rule_technique)d->technique,
				       (const char *)dp_event_str(ev, &ev->domain), ev->domain.len, meant,
				       d->is_other ? d->meant_len : ev->meant.len, text, sizeof(text));

	if (n < 0)
		n = 0;
	(void)json_kv_text(o, "explanation", text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void
put_meant(struct json_out *o, const struct dp_ev_rcpt *ev, const struct decision *d)
{
	bool raw;

	if (d->is_other) {
		if (!json_kv_text(o, "meant", d->meant, d->meant_len)) {
			json_key(o, "meant_raw");
			json_base64(o, d->meant, d->meant_len);
		}
		return;
	}
	raw = record_json_str(o, "meant", ev, &ev->meant);
	put_raw(o, "meant_raw", raw, ev, &ev->meant);
}

/* An exception that would have let it through, had it not ended: what its owner will ask about. */
static void
put_expired(struct json_out *o, const struct decision *d)
{
	struct exception_info x;

	if (d->expired == RULESET_NONE)
		return;
	ruleset_exception(d->set, d->expired, &x);
	json_kv_cstr(o, "expired_exception", x.id);
}

static void
put_postern(struct json_out *o, const struct record_context *ctx, const struct record_alert *a, bool from_raw,
	    bool to_raw)
{
	const struct dp_ev_rcpt *ev = a->ev;
	bool raw;

	json_key(o, "postern");
	json_open(o, '{');
	raw = record_json_str(o, "domain", ev, &ev->domain);
	put_raw(o, "domain_raw", raw, ev, &ev->domain);
	put_meant(o, ev, a->decision);
	json_kv_cstr(o, "technique", rule_technique_name((enum rule_technique)a->decision->technique));
	put_explanation(o, ev, a->decision);
	raw = record_json_str(o, "helo", ev, &ev->helo);
	put_raw(o, "helo_raw", raw, ev, &ev->helo);
	put_full_len(o, "helo_length", &ev->helo);
	put_raw(o, "address_raw", to_raw, ev, &ev->address);
	put_full_len(o, "address_length", &ev->address);
	put_raw(o, "sender_raw", from_raw, ev, &ev->sender);
	put_full_len(o, "sender_length", &ev->sender);
	json_kv_u64(o, "transaction", ev->transaction);
	json_kv_u64(o, "recipient_index", ev->rcpt_index);
	json_kv_cstr(o, "verdict", verdict_name(a->decision->verdict));
	(void)json_kv_text(o, "verdict_by", a->decision->by, strlen(a->decision->by));
	put_expired(o, a->decision);
	json_kv_bool(o, "enforced", a->enforced);
	json_kv_u64(o, "hold_us", a->hold_us);
	json_key(o, "anomalies");
	record_json_anomalies(o, ev->anomalies);
	if (!ctx->is_live)
		json_kv_u64(o, "frame", ev->rec.frame_no);
	if (ev->flow.loop > 0)
		json_kv_u64(o, "loop", ev->flow.loop);
	json_kv_cstr(o, "store_id", ctx->store_id);
	json_close(o, '}');
}

void
record_json_alert(struct json_out *o, const struct record_context *ctx, const struct record_alert *a)
{
	bool from_raw, to_raw;

	put_head(o, a->ev->rec.ts_ns);
	put_event(o, a);
	put_rule(o, a->decision);
	put_network(o, &a->ev->flow.key);
	put_email(o, a->ev, &from_raw, &to_raw);
	put_observer(o, ctx);
	put_postern(o, ctx, a, from_raw, to_raw);
	json_close(o, '}');
}

static const char *
cause_name(unsigned int cause)
{
	static const char *const names[DP_CAUSE_NB] = {
		[DP_CAUSE_CTRL_SLOW] = "ctrl_slow",	[DP_CAUSE_CTRL_GONE] = "ctrl_gone",
		[DP_CAUSE_RING_FULL] = "ring_full",	[DP_CAUSE_MEMORY] = "memory",
		[DP_CAUSE_NO_SYN] = "no_syn",		[DP_CAUSE_TCP_OPTION] = "tcp_option",
		[DP_CAUSE_RESPONDER] = "no_responder",	[DP_CAUSE_STALE_OCTETS] = "stale_octets",
		[DP_CAUSE_SESSION] = "session",
		[DP_CAUSE_BYPASS] = "bypass",
	};

	return cause < DP_CAUSE_NB ? names[cause] : NULL;
}

const char *
record_outcome(const struct open_alert *a)
{
	if (!a->enforced && a->outcome == 0)
		return "observed";
	switch (a->outcome) {
	case DP_OUTCOME_CONFIRMED:
		return "closed";
	case DP_OUTCOME_UNCONFIRMED:
		return "not_confirmed";
	case DP_OUTCOME_DONE:
	case DP_OUTCOME_FALLBACK:
		switch (a->carried_out) {
		case DP_VERDICT_REFUSE:
			return "refused";
		case DP_VERDICT_DIVERT:
			return "diverted";
		case DP_VERDICT_RESET:
			return "not_confirmed";
		default:
			return "passed";
		}
	default:
		return "unknown";
	}
}

/* What was carried out, why not ctrl's verdict, how long it was held, whether both ends were seen closed. */
static void
put_enforcement(struct json_out *o, const struct open_alert *a)
{
	const char *cause = a != NULL && a->outcome != 0 ? cause_name(a->cause) : NULL;
	char by[64];

	if (a != NULL && a->outcome != 0) {
		json_kv_cstr(o, "verdict", verdict_name(a->carried_out));
		json_kv_u64(o, "hold_us", a->hold_us);
	}
	if (cause != NULL) {
		snprintf(by, sizeof(by), "fallback:%s", cause);
		json_kv_cstr(o, "verdict_by", by);
	}
	json_key(o, "close");
	json_open(o, '{');
	if (a != NULL && a->outcome != 0 && a->carried_out == DP_VERDICT_RESET)
		json_kv_bool(o, "confirmed", a->outcome == DP_OUTCOME_CONFIRMED);
	else
		json_kv_null(o, "confirmed");
	if (a != NULL && a->outcome == DP_OUTCOME_CONFIRMED)
		json_kv_u64(o, "us", a->close_us);
	else
		json_kv_null(o, "us");
	json_close(o, '}');
}

void
record_json_update(struct json_out *o, const struct record_context *ctx, const struct record_update *u)
{
	put_head(o, u->ts_ns);
	json_key(o, "event");
	json_open(o, '{');
	json_kv_cstr(o, "kind", "event");
	json_kv_cstr(o, "id", u->event_id);
	json_kv_u64(o, "sequence", u->sequence);
	json_close(o, '}');
	json_key(o, "postern");
	json_open(o, '{');
	json_kv_u64(o, "alert_sequence", u->alert_sequence);
	json_kv_cstr(o, "outcome", u->outcome);
	put_enforcement(o, u->enforcement);
	json_key(o, "leak");
	json_open(o, '{');
	json_kv_u64(o, "command_octets", u->command_octets);
	if (u->reply != 0)
		json_kv_u64(o, "reply", u->reply);
	else
		json_kv_null(o, "reply");
	if (u->data != OPEN_DATA_ASKED)
		json_kv_bool(o, "data_begun", u->data == OPEN_DATA_BEGUN);
	else
		json_kv_null(o, "data_begun");
	json_close(o, '}');
	json_kv_null(o, "incident");
	json_kv_cstr(o, "store_id", ctx->store_id);
	json_close(o, '}');
	json_close(o, '}');
}

void
record_json_lost(struct json_out *o, const struct record_context *ctx, const struct dp_ev_lost *ev, uint64_t sequence)
{
	put_head(o, ev->rec.ts_ns);
	json_key(o, "event");
	json_open(o, '{');
	json_kv_cstr(o, "kind", "pipeline_error");
	json_kv_u64(o, "sequence", sequence);
	json_close(o, '}');
	json_key(o, "postern");
	json_open(o, '{');
	json_key(o, "lost");
	json_open(o, '{');
	json_kv_u64(o, "worker", ev->rec.worker);
	json_kv_u64(o, "from", ev->from_seq);
	json_kv_u64(o, "to", ev->to_seq);
	if (ev->nb_matches > 0) {
		json_kv_u64(o, "recipients", ev->nb_matches);
		json_kv_cstr(o, "verdict", ev->verdict != DP_VERDICT_NONE ? verdict_name(ev->verdict) : "alert");
	}
	json_close(o, '}');
	json_kv_cstr(o, "store_id", ctx->store_id);
	json_close(o, '}');
	json_close(o, '}');
}
