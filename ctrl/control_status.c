/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_status.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bypass.h"
#include "dp_ring.h"
#include "dp_stats.h"
#include "status_wire.h"

enum {
	COUNTER_TRIES = 20,
};
#include "rule_hits.h"

int
control_status_counters(const struct control_view *v, unsigned int worker, struct dp_counters *ret)
{
	int i, rc = -EAGAIN;

	/* An idle worker publishes all the time: let it sleep in between. */
	for (i = 0; i < COUNTER_TRIES && (rc = dp_stats_read(dp_shm_stats(v->dp, worker), ret)) < 0; i++)
		sched_yield();
	return rc;
}

static void
put_hex(struct json_out *o, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%016" PRIx64, v);
	json_kv_cstr(o, key, text);
}

static void
put_run(struct json_out *o, const struct control_view *v, uint64_t now_ns)
{
	const uint32_t flags = v->dp->geo.run_flags;

	json_kv_bool(o, "ok", true);
	json_kv_cstr(o, "version", POSTERN_VERSION);
	json_kv_cstr(o, "source", (flags & DP_RUN_REPLAY) != 0 ? "replay" : "live");
	json_kv_bool(o, "enforce", (flags & DP_RUN_ENFORCE) != 0);
	json_kv_cstr(o, "observer", v->observer);
	put_hex(o, "run_id", v->run_id);
	json_kv_u64(o, "pid", (uint64_t)getpid());
	json_kv_u64(o, "uptime_s", (now_ns - v->started_ns) / UINT64_C(1000000000));
	json_kv_u64(o, "ctrl_restarts", v->restarts);
	json_kv_u64(o, "clients_refused", v->clients_refused);
	bypass_write(o, v->dp, v->ctrl, now_ns);
}

static void
put_rules(struct json_out *o, const struct control_view *v)
{
	static const char *const states[] = {
		[RELOAD_IDLE] = "idle",
		[RELOAD_COMPILING] = "compiling",
		[RELOAD_OFFERED] = "offered",
	};
	const struct ruleset *newest = rule_sets_newest(v->sets), *set = rule_sets_find(v->sets, v->sets->in_force);
	const struct reload_counts counts = reload_counts(v->reload);

	json_key(o, "rules");
	json_open(o, '{');
	json_kv_text(o, "path", v->rules_path, strlen(v->rules_path));
	json_kv_u64(o, "generation", v->sets->in_force);
	json_kv_u64(o, "newest_generation", ruleset_generation(newest));
	json_kv_u64(o, "sets_in_use", v->sets->nb);
	set = set != NULL ? set : newest;
	json_kv_text(o, "ruleset", ruleset_name(set), strlen(ruleset_name(set)));
	put_hex(o, "version", ruleset_hash(set));
	json_kv_u64(o, "rules", ruleset_nb_rules(set));
	json_kv_u64(o, "exceptions", ruleset_nb_exceptions(set));
	json_kv_cstr(o, "reload", states[reload_state(v->reload)]);
	json_kv_u64(o, "reloads", counts.done);
	json_kv_u64(o, "reloads_unchanged", counts.unchanged);
	json_kv_u64(o, "reloads_failed", counts.failed);
	if (v->last_reload[0] != '\0')
		json_kv_text(o, "last_reload", v->last_reload, strlen(v->last_reload));
	json_close(o, '}');
}

static void
put_ring(struct json_out *o, const struct control_view *v, unsigned int worker)
{
	const struct dp_ring_dp *dp = dp_shm_ring_dp(v->dp, worker);
	const struct dp_ring_ctrl *ctrl = dp_shm_ring_ctrl(v->ctrl, worker);
	uint64_t decided = atomic_load_explicit(&ctrl->decided, memory_order_relaxed);
	uint64_t stored = atomic_load_explicit(&ctrl->stored, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&dp->head, memory_order_acquire);

	json_key(o, "ring");
	json_open(o, '{');
	json_kv_u64(o, "octets", v->dp->geo.ring_octets);
	json_kv_u64(o, "written", head);
	/* What a client writes may be anything. */
	json_kv_u64(o, "undecided", head > decided ? head - decided : 0);
	json_kv_u64(o, "unstored", head > stored ? head - stored : 0);
	json_kv_u64(o, "malformed", atomic_load_explicit(&ctrl->malformed, memory_order_relaxed));
	json_close(o, '}');
}

static void
put_counters(struct json_out *o, const struct dp_counters *k)
{
	unsigned int i;

	json_key(o, "counters");
	json_open(o, '{');
	for (i = 0; i < DP_STAT_NB; i++)
		json_kv_u64(o, dp_stat_name((enum dp_stat)i), k->c[i]);
	json_close(o, '}');
}

static const char *
mode_name(uint32_t mode)
{
	if (mode & DP_MODE_BYPASS)
		return "bypass";
	if (mode & DP_MODE_SHED_BODIES)
		return "overload_messages";
	return mode & DP_MODE_SHED_NEW ? "overload_connections" : "inspect";
}

static void
put_worker(struct json_out *o, const struct control_view *v, unsigned int i, struct dp_counters *total)
{
	const struct dp_ring_dp *dp = dp_shm_ring_dp(v->dp, i);
	struct dp_counters k;
	bool fresh = control_status_counters(v, i, &k) == 0;

	json_open(o, '{');
	json_kv_u64(o, "worker", i);
	json_kv_u64(o, "epoch", atomic_load_explicit(&dp->epoch, memory_order_relaxed));
	json_kv_u64(o, "generation", atomic_load_explicit(&dp->generation, memory_order_relaxed));
	json_kv_bool(o, "acknowledged", reload_acked(v->reload, i));
	json_kv_u64(o, "heartbeat", atomic_load_explicit(&dp->heartbeat, memory_order_relaxed));
	json_kv_bool(o, "done", atomic_load_explicit(&dp->done, memory_order_relaxed) != 0);
	json_kv_bool(o, "stale", !fresh);
	json_kv_cstr(o, "mode", mode_name(atomic_load_explicit(&dp->mode, memory_order_relaxed)));
	put_ring(o, v, i);
	if (fresh) {
		json_kv_bool(o, "balanced", dp_stats_balanced(&k));
		put_counters(o, &k);
		dp_stats_add(total, &k);
	}
	json_close(o, '}');
}

/* What share of the mail could be read at all. */
static void
put_coverage(struct json_out *o, const struct dp_counters *k)
{
	uint64_t all = k->c[DP_STAT_FLOWS], opaque = k->c[DP_STAT_FLOWS_OPAQUE];

	json_key(o, "coverage");
	json_open(o, '{');
	json_kv_u64(o, "sessions", all);
	json_kv_u64(o, "clear", all > opaque ? all - opaque : 0);
	json_kv_u64(o, "opaque", opaque);
	json_kv_u64(o, "midstream", k->c[DP_STAT_FLOWS_MIDSTREAM]);
	json_kv_u64(o, "uninspected", k->c[DP_STAT_BYPASSED_FLOWS] + k->c[DP_STAT_BYPASS_LET_GO] + k->c[DP_STAT_SHED_FLOWS]);
	json_close(o, '}');
}

static void
put_named(struct json_out *o, const struct dp_counters *k)
{
	unsigned int i;

	json_key(o, "drops");
	json_open(o, '{');
	for (i = 0; i < DP_STAT_NB; i++)
		if (dp_stat_kind((enum dp_stat)i) == DP_STAT_KIND_DROP && k->c[i] != 0)
			json_kv_u64(o, dp_stat_name((enum dp_stat)i), k->c[i]);
	json_close(o, '}');
	json_key(o, "anomalies");
	json_open(o, '{');
	for (i = 0; i < DP_ANOMALY_NB; i++)
		if (k->anomaly[i] != 0)
			json_kv_u64(o, dp_anomaly_name((enum dp_anomaly)i), k->anomaly[i]);
	json_close(o, '}');
}

/* How often exceptions, ended exceptions and sender scope decided, by id. */
static void
put_hits(struct json_out *o, const struct rule_hits *hits)
{
	size_t i;
	int kind;

	for (kind = 0; kind < RULE_HIT_KIND_NB; kind++) {
		json_key(o, rule_hit_kind_name((enum rule_hit_kind)kind));
		json_open(o, '{');
		for (i = 0; i < rule_hits_nb(hits); i++) {
			const struct rule_hit *h = rule_hits_get(hits, i);

			if ((int)h->kind == kind)
				json_kv_u64(o, h->id, h->nb);
		}
		json_close(o, '}');
	}
}

void
control_status_write(struct json_out *o, const struct control_view *v, uint64_t now_ns)
{
	struct dp_counters total = { 0 };
	uint64_t alerts, updates;
	unsigned int i;

	json_open(o, '{');
	put_run(o, v, now_ns);
	put_rules(o, v);
	status_wire_ports(o, v->dp);
	json_key(o, "workers");
	json_open(o, '[');
	for (i = 0; i < v->dp->geo.nb_workers; i++)
		put_worker(o, v, i, &total);
	json_close(o, ']');
	json_key(o, "total");
	json_open(o, '{');
	put_counters(o, &total);
	put_coverage(o, &total);
	status_wire_holds(o, &total);
	put_named(o, &total);
	json_close(o, '}');
	pipeline_counts(v->pipeline, &alerts, &updates);
	json_kv_u64(o, "alerts", alerts);
	json_kv_u64(o, "updates", updates);
	json_key(o, "hits");
	json_open(o, '{');
	put_hits(o, pipeline_hits(v->pipeline));
	json_close(o, '}');
	json_close(o, '}');
}
