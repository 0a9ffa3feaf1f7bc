/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "humanize.h"
#include "safe_text.h"

enum {
	SHOWN_MAX = 1024,
	ERRORS_SHOWN = 20, /* of the captures; the JSON report lists all that were kept */
};

static double
ratio(double a, double b)
{
	return b > 0 ? a / b : NAN;
}

void
report_rates(const struct supervisor_result *res, struct report_rates *ret)
{
	const uint64_t *c = res->total.c;
	uint64_t cpu = res->dataplane_cpu_ns + res->ctrl_cpu_ns + res->supervisor_cpu_ns;
	double wall_s = res->ended ? (double)res->wall_ns / 1e9 : 0;

	memset(ret, 0, sizeof(*ret));
	ret->packets = c[DP_STAT_RX_PKTS];
	ret->octets = c[DP_STAT_RX_OCTETS];
	ret->opaque = c[DP_STAT_FLOWS_OPAQUE];
	ret->midstream = c[DP_STAT_FLOWS_MIDSTREAM];
	ret->clear = c[DP_STAT_FLOWS] > ret->opaque ? c[DP_STAT_FLOWS] - ret->opaque : 0;
	ret->mpps = ratio((double)ret->packets / 1e6, wall_s);
	ret->gbps = ratio((double)ret->octets * 8 / 1e9, wall_s);
	ret->ns_per_packet = res->ended ? ratio((double)res->cpu_ns, (double)ret->packets) : NAN;
	ret->ns_per_packet_all = ratio((double)cpu, (double)ret->packets);
}

const char *
report_outcome(const struct supervisor_result *res)
{
	int code = supervisor_exit_code(res);

	return code == 0    ? "complete"
	       : code == 3  ? "incomplete"
	       : code > 128 ? "interrupted"
			    : "failed";
}

static void
line(FILE *out, const char *name, uint64_t n, const char *note)
{
	char count[32];

	fprintf(out, "  %-26s %15s%s%s\n", name, humanize_count(count, sizeof(count), n),
		note[0] != '\0' ? "  " : "", note);
}

static void
text_coverage(FILE *out, const struct report_rates *f, uint64_t sessions)
{
	char note[160] = "", clear[32], opaque[32], midstream[32];

	if (sessions != 0)
		snprintf(note, sizeof(note),
			 "%s in clear (%.1f %%), %s opaque (%.1f %%), %s seen from their middle",
			 humanize_count(clear, sizeof(clear), f->clear),
			 100 * (double)f->clear / (double)sessions,
			 humanize_count(opaque, sizeof(opaque), f->opaque),
			 100 * (double)f->opaque / (double)sessions,
			 humanize_count(midstream, sizeof(midstream), f->midstream));
	line(out, "mail sessions", sessions, note);
}

static void
text_named(FILE *out, const struct supervisor_result *res)
{
	uint64_t nb_anomalies = 0, nb_drops = 0;
	int i;

	for (i = 0; i < DP_ANOMALY_NB; i++)
		nb_anomalies += res->total.anomaly[i];
	line(out, "anomalies", nb_anomalies, "");
	for (i = 0; i < DP_ANOMALY_NB; i++)
		if (res->total.anomaly[i] != 0) {
			char name[64];

			snprintf(name, sizeof(name), "  %s", dp_anomaly_name(i));
			line(out, name, res->total.anomaly[i], dp_anomaly_help(i));
		}
	for (i = 0; i < DP_STAT_NB; i++)
		if (dp_stat_kind(i) == DP_STAT_KIND_DROP)
			nb_drops += res->total.c[i];
	line(out, "packets dropped", nb_drops, "");
	for (i = 0; i < DP_STAT_NB; i++)
		if (dp_stat_kind(i) == DP_STAT_KIND_DROP && res->total.c[i] != 0) {
			char name[64];

			snprintf(name, sizeof(name), "  %s", dp_stat_name(i));
			line(out, name, res->total.c[i], dp_stat_help(i));
		}
}

/* Where memory was given up: nothing of it is silent, and some of it can be given more. */
static void
text_limits(FILE *out, const struct supervisor_result *res)
{
	static const enum dp_stat limits[] = {
		DP_STAT_FLOWS_EVICTED, DP_STAT_POOL_SESSION, DP_STAT_POOL_STRING, DP_STAT_POOL_REASM, DP_STAT_FRAG_LIMIT,
	};
	uint64_t nb = 0;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		nb += res->total.c[limits[i]];
	if (nb == 0)
		return;
	line(out, "memory limits met", nb, "see limits: in postern(1)");
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (res->total.c[limits[i]] != 0) {
			char name[64];

			snprintf(name, sizeof(name), "  %s", dp_stat_name(limits[i]));
			line(out, name, res->total.c[limits[i]], dp_stat_help(limits[i]));
		}
}

static void
text_hits(FILE *out, const struct supervisor_result *res)
{
	static const char *const names[RULE_HIT_KIND_NB] = {
		[RULE_HIT_EXCEPTION] = "let through by exceptions",
		[RULE_HIT_EXPIRED] = "exceptions had ended",
		[RULE_HIT_SCOPE] = "rules for other senders",
	};
	uint64_t sums[RULE_HIT_KIND_NB] = {0};
	unsigned int i;
	int kind;

	for (i = 0; i < res->nb_hits; i++)
		sums[res->hits[i].kind] += res->hits[i].nb;
	for (kind = 0; kind < RULE_HIT_KIND_NB; kind++) {
		if (sums[kind] == 0)
			continue;
		line(out, names[kind], sums[kind], "");
		for (i = 0; i < res->nb_hits; i++) {
			char name[64];

			if ((int)res->hits[i].kind != kind)
				continue;
			snprintf(name, sizeof(name), "  %.60s", res->hits[i].id);
			line(out, name, res->hits[i].nb, "");
		}
	}
}

static void
text_captures(FILE *out, const struct report *r)
{
	const struct supervisor_result *res = r->res;
	char path[SHOWN_MAX], text[SHOWN_MAX], note[64], octets[32];
	unsigned int i;

	snprintf(note, sizeof(note), "%s%s",
		 humanize_octets(octets, sizeof(octets), r->file_octets),
		 r->loop > 1 ? " each round" : "");
	line(out, "captures", r->nb_captures, r->file_octets != 0 ? note : "");
	if (r->loop > 1)
		line(out, "rounds", r->loop, "");
	if (res->nb_errors_in_all != 0)
		line(out, "captures with errors", res->nb_errors_in_all, "");
	for (i = 0; i < res->nb_errors && i < ERRORS_SHOWN; i++) {
		const struct supervisor_capture_error *e = &res->errors[i];

		safe_text(path, sizeof(path), e->path, strlen(e->path));
		safe_text(text, sizeof(text), e->text, strlen(e->text));
		if (e->whole)
			fprintf(out, "    %s: not read: %s\n", path, text);
		else
			fprintf(out, "    %s: read up to octet %" PRIu64 ": %s\n", path, e->offset,
				text);
	}
	if (res->nb_errors_in_all > i)
		fprintf(out, "    and %u more\n", res->nb_errors_in_all - i);
}

static void
text_costs(FILE *out, const struct supervisor_result *res, const struct report_rates *f)
{
	char a[32], b[32], c[32];

	if (res->ended && f->packets != 0)
		fprintf(out, "  %-26s %13.3f s  %.3f Mpps, %.3f Gbit/s, %.1f ns CPU per packet\n",
			"time, inspecting", (double)res->wall_ns / 1e9, f->mpps, f->gbps,
			f->ns_per_packet);
	fprintf(out, "  %-26s %13.3f s", "time, in all", (double)res->run_ns / 1e9);
	if (f->packets != 0)
		fprintf(out, "  %.1f ns CPU per packet of all processes, start and end included",
			f->ns_per_packet_all);
	fprintf(out,
		"\n  %-26s %15s  dataplane (mapped captures included); control %s, supervisor %s\n",
		"peak memory", humanize_octets(a, sizeof(a), res->dataplane_peak),
		humanize_octets(b, sizeof(b), res->ctrl_peak),
		humanize_octets(c, sizeof(c), res->supervisor_peak));
	if (res->ctrl_restarts != 0)
		line(out, "control process restarted", res->ctrl_restarts, "");
}

static void
text_outcome(FILE *out, const struct supervisor_result *res, const struct report_rates *f)
{
	const struct supervisor_flaws *w = &res->flaws;
	char octets[32], text[SHOWN_MAX];

	fprintf(out, "  %-26s %15s", "result", report_outcome(res));
	if (w->signal != 0)
		fprintf(out, "  interrupted after %s octets",
			humanize_count(octets, sizeof(octets), f->octets));
	fputc('\n', out);
	if (w->signal != 0 && !res->ended)
		fputs("    the dataplane was ended at once: open connections were given up\n", out);
	if (w->signal != 0 && !res->counted)
		fputs("    the control process was ended at once: alerts may be missing\n", out);
	if (w->rules_wrong)
		fputs("    the rules or the configuration are wrong: nothing was inspected\n", out);
	if (w->ctrl_failed)
		fputs("    the control process failed: alerts may be missing\n", out);
	if (res->ctrl_error != NULL) {
		safe_text(text, sizeof(text), res->ctrl_error, strlen(res->ctrl_error));
		fprintf(out, "    control: %s\n", text);
	}
	if (w->dataplane_failed)
		fputs("    the dataplane failed: what it had not read is not inspected\n", out);
	if (w->unbalanced)
		fputs("    DEFECT: received packets are not those sent, kept and dropped\n", out);
	if (w->lost)
		fputs("    DEFECT: events were lost on their way to the control process\n", out);
}

int
report_text(FILE *out, const struct report *r)
{
	const struct supervisor_result *res = r->res;
	const uint64_t *c = res->total.c;
	struct report_rates f;
	char note[64] = "", octets[32], updates[32];

	report_rates(res, &f);
	fprintf(out, "Postern %s, replay %016" PRIx64 "\n", POSTERN_VERSION, r->run_id);
	text_captures(out, r);
	snprintf(note, sizeof(note), "%s on the wire",
		 humanize_octets(octets, sizeof(octets), f.octets));
	line(out, "packets", f.packets, note);
	text_coverage(out, &f, c[DP_STAT_FLOWS]);
	line(out, "transactions", c[DP_STAT_TRANSACTIONS], "");
	line(out, "recipients", c[DP_STAT_RECIPIENTS], "");
	if (c[DP_STAT_MATCH_ERRORS] != 0)
		line(out, "recipients not judged", c[DP_STAT_MATCH_ERRORS], "");
	if (res->counted) {
		snprintf(note, sizeof(note), "%s updated at close",
			 humanize_count(updates, sizeof(updates), res->updates));
		/* Without this, a second replay into one store would look like one that found
		 * nothing. */
		if (c[DP_STAT_MATCHES] > res->alerts)
			snprintf(note, sizeof(note), "new; %s more were in the store already",
				 humanize_count(updates, sizeof(updates),
						c[DP_STAT_MATCHES] - res->alerts));
		line(out, "alerts", res->alerts, note);
	} else {
		line(out, "matches", c[DP_STAT_MATCHES], "alerts: not known");
	}
	text_hits(out, res);
	text_named(out, res);
	text_limits(out, res);
	text_costs(out, res, &f);
	text_outcome(out, res, &f);
	if (fflush(out) != 0)
		return -errno;
	return ferror(out) ? -EIO : 0;
}
