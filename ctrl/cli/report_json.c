/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "safe_text.h"

enum {
	TEXT_MAX = 16 * 1024,
};

/* jansson's functions accept NULL for a value that could not be made; the dump then fails as a whole. */

static json_t *
number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *
count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
text(const char *s)
{
	char shown[TEXT_MAX];

	if (s == NULL)
		return json_null();
	safe_text(shown, sizeof(shown), s, strlen(s));
	return json_string(shown);
}

static json_t *
captures(const struct report *r)
{
	const struct supervisor_result *res = r->res;
	json_t *errors = json_array();
	unsigned int i;

	for (i = 0; i < res->nb_errors; i++) {
		const struct supervisor_capture_error *e = &res->errors[i];

		json_array_append_new(errors, json_pack("{s:o, s:o, s:b, s:o}", "path", text(e->path),
							"offset", count(e->offset), "whole",
							(int)e->whole, "text", text(e->text)));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "files", count(r->nb_captures), "octets",
			 count(r->file_octets), "rounds", count(r->loop), "nb_errors",
			 count(res->nb_errors_in_all), "errors", errors);
}

static json_t *
anomalies(const struct supervisor_result *res)
{
	json_t *o = json_object();
	int i;

	for (i = 0; i < DP_ANOMALY_NB; i++)
		if (res->total.anomaly[i] != 0)
			json_object_set_new(o, dp_anomaly_name(i), count(res->total.anomaly[i]));
	return o;
}

/* How often exceptions and sender scope decided, by id. */
static json_t *
hits(const struct supervisor_result *res)
{
	json_t *o = json_object(), *kinds[RULE_HIT_KIND_NB];
	unsigned int i;

	for (i = 0; i < RULE_HIT_KIND_NB; i++) {
		kinds[i] = json_object();
		json_object_set_new(o, rule_hit_kind_name((enum rule_hit_kind)i), kinds[i]);
	}
	for (i = 0; i < res->nb_hits; i++)
		json_object_set_new(kinds[res->hits[i].kind], res->hits[i].id, count(res->hits[i].nb));
	return o;
}

/* Counters of one kind, or all of them with @kind -1. */
static json_t *
counters(const struct supervisor_result *res, int kind)
{
	json_t *o = json_object();
	int i;

	for (i = 0; i < DP_STAT_NB; i++)
		if (kind < 0 || dp_stat_kind(i) == (enum dp_stat_kind)kind)
			json_object_set_new(o, dp_stat_name(i), count(res->total.c[i]));
	return o;
}

static json_t *
time_and_cpu(const struct supervisor_result *res, const struct report_rates *f)
{
	uint64_t all = res->dataplane_cpu_ns + res->ctrl_cpu_ns + res->supervisor_cpu_ns;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "inspecting_s", number(res->ended ? (double)res->wall_ns / 1e9 : NAN),
			 "in_all_s", number((double)res->run_ns / 1e9),
			 "cpu_inspecting_s", number(res->ended ? (double)res->cpu_ns / 1e9 : NAN),
			 "cpu_dataplane_s", number((double)res->dataplane_cpu_ns / 1e9),
			 "cpu_ctrl_s", number((double)res->ctrl_cpu_ns / 1e9),
			 "cpu_supervisor_s", number((double)res->supervisor_cpu_ns / 1e9),
			 "cpu_all_s", number((double)all / 1e9),
			 "mpps", number(f->mpps),
			 "gbit_per_s", number(f->gbps),
			 "ns_per_packet", number(f->ns_per_packet),
			 "ns_per_packet_all", number(f->ns_per_packet_all));
}

static json_t *
workers(const struct supervisor_result *res)
{
	json_t *a = json_array();
	unsigned int i;

	for (i = 0; i < res->nb_workers; i++)
		json_array_append_new(a, json_pack("{s:o}", "packets", count(res->worker_packets[i])));
	return a;
}

static json_t *
health(const struct supervisor_result *res)
{
	const struct supervisor_flaws *w = &res->flaws;

	return json_pack("{s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}",
			 "balanced", (int)(res->have_stats && !w->unbalanced),
			 "rules_wrong", (int)w->rules_wrong,
			 "ctrl_failed", (int)w->ctrl_failed,
			 "dataplane_failed", (int)w->dataplane_failed,
			 "signal", w->signal != 0 ? count((uint64_t)w->signal) : json_null(),
			 "ctrl_restarts", count(res->ctrl_restarts),
			 "events_lost", count(res->total.c[DP_STAT_EVENTS_LOST]),
			 "events_refused", count(res->malformed),
			 "ctrl_error", text(res->ctrl_error));
}

static json_t *
sessions(const struct supervisor_result *res, const struct report_rates *f)
{
	const uint64_t *c = res->total.c;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
			 "all", count(c[DP_STAT_FLOWS]),
			 "clear", count(f->clear),
			 "opaque", count(f->opaque),
			 "midstream", count(f->midstream),
			 "anomalous", count(c[DP_STAT_SESSIONS_ANOMALOUS]),
			 "clear_share",
			 number(c[DP_STAT_FLOWS] != 0 ?
					(double)f->clear / (double)c[DP_STAT_FLOWS] : NAN));
}

static json_t *
build(const struct report *r)
{
	const struct supervisor_result *res = r->res;
	const uint64_t *c = res->total.c;
	struct report_rates f;
	char run_id[24];
	json_t *o = json_object();

	report_rates(res, &f);
	snprintf(run_id, sizeof(run_id), "%016" PRIx64, r->run_id);
	json_object_set_new(o, "schema", count(REPORT_SCHEMA));
	json_object_set_new(o, "version", json_string(POSTERN_VERSION));
	json_object_set_new(o, "run_id", json_string(run_id));
	json_object_set_new(o, "result", json_string(report_outcome(res)));
	json_object_set_new(o, "exit_code", json_integer(r->exit_code));
	json_object_set_new(o, "captures", captures(r));
	json_object_set_new(o, "packets", count(f.packets));
	json_object_set_new(o, "octets", count(f.octets));
	json_object_set_new(o, "sessions", sessions(res, &f));
	json_object_set_new(o, "transactions", count(c[DP_STAT_TRANSACTIONS]));
	json_object_set_new(o, "recipients", count(c[DP_STAT_RECIPIENTS]));
	json_object_set_new(o, "matches", count(c[DP_STAT_MATCHES]));
	json_object_set_new(o, "alerts", res->counted ? count(res->alerts) : json_null());
	json_object_set_new(o, "updates", res->counted ? count(res->updates) : json_null());
	json_object_set_new(o, "hits", hits(res));
	json_object_set_new(o, "anomalies", anomalies(res));
	json_object_set_new(o, "drops", counters(res, DP_STAT_KIND_DROP));
	json_object_set_new(o, "time", time_and_cpu(res, &f));
	json_object_set_new(o, "memory",
			    json_pack("{s:o, s:o, s:o}", "dataplane_peak", count(res->dataplane_peak),
				      "ctrl_peak", count(res->ctrl_peak), "supervisor_peak",
				      count(res->supervisor_peak)));
	json_object_set_new(o, "health", health(res));
	json_object_set_new(o, "workers", workers(res));
	json_object_set_new(o, "counters", counters(res, -1));
	return o;
}

int
report_json(FILE *out, const struct report *r)
{
	json_t *o = build(r);
	int rc = o != NULL && json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 ?
			 0 : -EIO;

	json_decref(o);
	if (rc == 0 && (fputc('\n', out) == EOF || fflush(out) != 0 || ferror(out)))
		rc = -EIO;
	return rc;
}
