/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "bypass.h"
#include "dp_clock.h"
#include "dp_ring.h"
#include "dp_stats.h"

enum {
	LINE_MAX_LEN = 512,
	NAME_LEN = 96,
};

__attribute__((format(printf, 2, 3))) static void
put(struct json_out *o, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		json_raw(o, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void
put_head(struct json_out *o, const char *name, const char *type, const char *help)
{
	put(o, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: \, " and line ends escaped; what is longer than LINE_MAX_LEN is cut. */
static void
put_label(struct json_out *o, const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0' && i < LINE_MAX_LEN; i++) {
		if (text[i] == '\n')
			json_raw(o, "\\n", 2);
		else if (text[i] == '"' || text[i] == '\\')
			put(o, "\\%c", text[i]);
		else
			json_raw(o, &text[i], 1);
	}
}

/* "rx_octets" is postern_rx_bytes_total. */
static void
counter_name(const char *name, char ret[static NAME_LEN])
{
	static const char octets[] = "_octets";
	size_t len = strlen(name), cut = sizeof(octets) - 1;

	if (len > cut && strcmp(name + len - cut, octets) == 0)
		snprintf(ret, NAME_LEN, "postern_%.*s_bytes_total", (int)(len - cut), name);
	else
		snprintf(ret, NAME_LEN, "postern_%s_total", name);
}

/* Counters of all workers; a worker whose snapshot cannot be had is left out. */
static void
put_counters(struct json_out *o, const struct control_view *v)
{
	static struct dp_counters k[DP_WORKERS_MAX]; /* large; one thread */
	bool fresh[DP_WORKERS_MAX];
	unsigned int i, w, nb = v->dp->geo.nb_workers;
	char name[NAME_LEN];

	for (w = 0; w < nb; w++)
		fresh[w] = control_status_counters(v, w, &k[w]) == 0;
	for (i = 0; i < DP_STAT_NB; i++) {
		counter_name(dp_stat_name((enum dp_stat)i), name);
		put_head(o, name, "counter", dp_stat_help((enum dp_stat)i));
		for (w = 0; w < nb; w++)
			if (fresh[w])
				put(o, "%s{worker=\"%u\"} %" PRIu64 "\n", name, w, k[w].c[i]);
	}
	put_head(o, "postern_anomalies_total", "counter", "connections or recipients with an anomaly, by its name");
	for (i = 0; i < DP_ANOMALY_NB; i++)
		for (w = 0; w < nb; w++)
			if (fresh[w])
				put(o, "postern_anomalies_total{worker=\"%u\",anomaly=\"%s\"} %" PRIu64 "\n", w,
				    dp_anomaly_name((enum dp_anomaly)i), k[w].anomaly[i]);
}

static void
put_rings(struct json_out *o, const struct control_view *v)
{
	unsigned int w, nb = v->dp->geo.nb_workers;

	put_head(o, "postern_ring_unstored_bytes", "gauge", "event records of a worker that are not stored yet");
	for (w = 0; w < nb; w++) {
		uint64_t stored = atomic_load_explicit(&dp_shm_ring_ctrl(v->ctrl, w)->stored, memory_order_relaxed);
		uint64_t head = atomic_load_explicit(&dp_shm_ring_dp(v->dp, w)->head, memory_order_acquire);

		put(o, "postern_ring_unstored_bytes{worker=\"%u\"} %" PRIu64 "\n", w, head > stored ? head - stored : 0);
	}
	put_head(o, "postern_records_refused_total", "counter", "event records that were no valid ones");
	for (w = 0; w < nb; w++)
		put(o, "postern_records_refused_total{worker=\"%u\"} %" PRIu64 "\n", w,
		    atomic_load_explicit(&dp_shm_ring_ctrl(v->ctrl, w)->malformed, memory_order_relaxed));
	put_head(o, "postern_worker_ruleset_generation", "gauge", "generation of the rules that a worker judges by");
	for (w = 0; w < nb; w++)
		put(o, "postern_worker_ruleset_generation{worker=\"%u\"} %" PRIu32 "\n", w,
		    atomic_load_explicit(&dp_shm_ring_dp(v->dp, w)->generation, memory_order_relaxed));
}

/* Alarms hang on these. */
static void
put_modes(struct json_out *o, const struct control_view *v)
{
	unsigned int w, nb = v->dp->geo.nb_workers;

	put_head(o, "postern_worker_overload", "gauge",
		 "0: everything is inspected; 1: new connections are not; 2: nor are messages parsed");
	for (w = 0; w < nb; w++) {
		uint32_t mode = atomic_load_explicit(&dp_shm_ring_dp(v->dp, w)->mode, memory_order_relaxed);

		put(o, "postern_worker_overload{worker=\"%u\"} %d\n", w,
		    (mode & DP_MODE_SHED_NEW ? 1 : 0) + (mode & DP_MODE_SHED_BODIES ? 1 : 0));
	}
}

static void
put_rules(struct json_out *o, const struct control_view *v)
{
	const struct ruleset *set = rule_sets_find(v->sets, v->sets->in_force);
	const struct reload_counts c = reload_counts(v->reload);

	put_head(o, "postern_ruleset_generation", "gauge", "generation of the rules in force in all workers");
	put(o, "postern_ruleset_generation %" PRIu32 "\n", v->sets->in_force);
	put_head(o, "postern_reloads_total", "counter", "times the rules were read again, by what came of it");
	put(o, "postern_reloads_total{outcome=\"done\"} %" PRIu64 "\n", c.done);
	put(o, "postern_reloads_total{outcome=\"unchanged\"} %" PRIu64 "\n", c.unchanged);
	put(o, "postern_reloads_total{outcome=\"failed\"} %" PRIu64 "\n", c.failed);
	if (set == NULL)
		return;
	put_head(o, "postern_ruleset_info", "gauge", "the rules in force: always 1");
	json_raw(o, "postern_ruleset_info{ruleset=\"", 30);
	put_label(o, ruleset_name(set));
	put(o, "\",version=\"%016" PRIx64 "\"} 1\n", ruleset_hash(set));
}

void
metrics_text_write(struct json_out *o, const struct control_view *v)
{
	uint64_t alerts, updates;

	put_head(o, "postern_build_info", "gauge", "version of postern: always 1");
	put(o, "postern_build_info{version=\"" POSTERN_VERSION "\"} 1\n");
	put_head(o, "postern_enforce", "gauge", "1: verdicts are carried out; 0: it only observes");
	put(o, "postern_enforce %d\n", (v->dp->geo.run_flags & DP_RUN_ENFORCE) != 0);
	pipeline_counts(v->pipeline, &alerts, &updates);
	put_head(o, "postern_alerts_total", "counter", "alerts stored");
	put(o, "postern_alerts_total %" PRIu64 "\n", alerts);
	put_head(o, "postern_alert_updates_total", "counter", "updates of alerts stored");
	put(o, "postern_alert_updates_total %" PRIu64 "\n", updates);
	put_head(o, "postern_ctrl_restarts_total", "counter", "times the control process was started again in this run");
	put(o, "postern_ctrl_restarts_total %u\n", v->restarts);
	put_head(o, "postern_bypass_seconds", "gauge",
		 "how long mail still goes on uninspected, as ordered; 0: it is inspected");
	put(o, "postern_bypass_seconds %" PRIu64 "\n",
	    (bypass_left_ns(v->ctrl, dp_clock_ns(CLOCK_MONOTONIC)) + 999999999) / 1000000000);
	put_modes(o, v);
	put_rules(o, v);
	put_rings(o, v);
	put_counters(o, v);
}
