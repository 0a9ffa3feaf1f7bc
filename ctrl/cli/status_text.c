/* SPDX-License-Identifier: BSD-3-Clause */
#include "status_text.h"

#include <string.h>

#include "safe_text.h"

#define INT "%" JSON_INTEGER_FORMAT

static json_int_t
int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void
print_text(FILE *out, const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	char shown[4096];

	if (s == NULL)
		s = "?";
	safe_text(shown, sizeof(shown), s, strlen(s));
	fputs(shown, out);
}

void
status_text_error(FILE *out, const char *command, const json_t *answer)
{
	fprintf(out, "%s: ", command);
	print_text(out, answer, "error");
	fputc('\n', out);
}

static void
print_run(FILE *out, const json_t *s)
{
	json_int_t up = int_of(s, "uptime_s");
	const json_t *rules = json_object_get(s, "rules");

	fputs("run         ", out);
	print_text(out, s, "source");
	fputs(" on ", out);
	print_text(out, s, "observer");
	fprintf(out, ", up " INT ":%02d:%02d", up / 3600, (int)(up / 60 % 60), (int)(up % 60));
	if (int_of(s, "ctrl_restarts") > 0)
		fprintf(out, ", control process restarted " INT " times", int_of(s, "ctrl_restarts"));
	fprintf(out, "\nmode        %s\n", json_is_true(json_object_get(s, "enforce"))
					   ? "enforcing"
					   : "observing: nothing on the wire is changed");
	if (json_is_true(json_object_get(json_object_get(s, "bypass"), "on")))
		fprintf(out, "bypass      ON for another " INT " s: mail goes on uninspected\n",
			int_of(json_object_get(s, "bypass"), "left_s"));
	fputs("rules       ", out);
	print_text(out, rules, "ruleset");
	fprintf(out, ", generation " INT ", " INT " rules, " INT " exceptions, version ", int_of(rules, "generation"),
		int_of(rules, "rules"), int_of(rules, "exceptions"));
	print_text(out, rules, "version");
	fputc('\n', out);
	if (json_object_get(rules, "last_reload") != NULL) {
		fprintf(out, "reloads     " INT " done, " INT " unchanged, " INT " failed; last: ", int_of(rules, "reloads"),
			int_of(rules, "reloads_unchanged"), int_of(rules, "reloads_failed"));
		print_text(out, rules, "last_reload");
		fputc('\n', out);
	}
}

static void
print_traffic(FILE *out, const json_t *s, struct status_rates *r, double now_s)
{
	const json_t *total = json_object_get(s, "total"), *k = json_object_get(total, "counters");
	const json_t *cover = json_object_get(total, "coverage");
	struct status_rates now = {
		.valid = true,
		.at_s = now_s,
		.packets = int_of(k, "rx_packets"),
		.octets = int_of(k, "rx_octets"),
		.recipients = int_of(k, "recipients"),
		.alerts = int_of(s, "alerts"),
	};
	double dt = now_s - r->at_s;

	fprintf(out, "packets     " INT ", " INT " octets\n", now.packets, now.octets);
	if (r->valid && dt > 0)
		fprintf(out, "rates       %.0f packets/s, %.1f Mbit/s, %.1f recipients/s, %.1f alerts/s\n",
			(double)(now.packets - r->packets) / dt, (double)(now.octets - r->octets) * 8 / dt / 1e6,
			(double)(now.recipients - r->recipients) / dt, (double)(now.alerts - r->alerts) / dt);
	*r = now;
	fprintf(out,
		"sessions    " INT ": " INT " in clear, " INT " opaque, " INT " from their middle, " INT " uninspected; " INT
		" open now\n",
		int_of(cover, "sessions"), int_of(cover, "clear"), int_of(cover, "opaque"), int_of(cover, "midstream"),
		int_of(cover, "uninspected"),
		int_of(k, "flows") - int_of(k, "flows_ended"));
	fprintf(out, "mail        " INT " transactions, " INT " recipients, " INT " matches\n",
		int_of(k, "transactions"), now.recipients, int_of(k, "matches"));
	fprintf(out, "alerts      " INT ", " INT " updated\n", now.alerts, int_of(s, "updates"));
}

static void
print_below(FILE *out, const char *label, const json_t *us)
{
	json_int_t n = json_integer_value(us);

	if (!json_is_integer(us))
		fprintf(out, "%s longer than 1 s", label);
	else if (n < 1000)
		fprintf(out, "%s below " INT " us", label, n);
	else
		fprintf(out, "%s below " INT " ms", label, n / 1000);
}

/* Only of runs that hold. */
static void
print_holds(FILE *out, const json_t *total)
{
	const json_t *h = json_object_get(total, "holds");

	if (int_of(h, "held") + int_of(h, "ended") == 0)
		return;
	fprintf(out, "held        " INT " now, " INT " before", int_of(h, "held"), int_of(h, "ended"));
	if (int_of(h, "ended") > 0) {
		print_below(out, ": half", json_object_get(h, "p50_us"));
		print_below(out, ", 90 %", json_object_get(h, "p90_us"));
		print_below(out, ", 99 %", json_object_get(h, "p99_us"));
	}
	fputc('\n', out);
}

static void
print_ports(FILE *out, const json_t *s)
{
	json_t *ports = json_object_get(s, "ports"), *p;
	char name[256];
	size_t i;

	if (json_array_size(ports) == 0)
		return;
	fprintf(out, "\n%-4s %-5s %-10s %14s %14s %12s %12s  %s\n", "WIRE", "PORT", "LINK", "RECEIVED", "SENT", "MISSED",
		"ERRORS", "NAME");
	json_array_foreach(ports, i, p)
	{
		const char *n = json_string_value(json_object_get(p, "name"));
		const char *role = json_string_value(json_object_get(p, "role"));

		safe_text(name, sizeof(name), n != NULL ? n : "?", n != NULL ? strlen(n) : 1);
		fprintf(out, "%-4" JSON_INTEGER_FORMAT " %-5.5s %-10s %14" JSON_INTEGER_FORMAT " %14" JSON_INTEGER_FORMAT
			     " %12" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT "  %s\n",
			int_of(p, "wire"), role != NULL ? role : "?",
			json_is_true(json_object_get(p, "taken_down")) ? "taken down" :
			json_is_true(json_object_get(p, "link"))       ? "up" :
									 "DOWN",
			int_of(p, "rx_packets"), int_of(p, "tx_packets"), int_of(p, "rx_missed") + int_of(p, "rx_nombuf"),
			int_of(p, "rx_errors") + int_of(p, "tx_errors"), name);
	}
}

/* "name N, name N", or nothing at all when there are none. */
static void
print_named(FILE *out, const char *label, json_t *object)
{
	const char *key;
	json_t *value;
	unsigned int nb = 0;

	json_object_foreach(object, key, value)
	{
		char shown[256];

		safe_text(shown, sizeof(shown), key, strlen(key));
		fprintf(out, "%s%s " INT, nb++ == 0 ? label : ", ", shown, json_integer_value(value));
	}
	if (nb > 0)
		fputc('\n', out);
}

static const char *
mode_text(const json_t *w)
{
	const char *mode = json_string_value(json_object_get(w, "mode"));

	if (mode == NULL || strcmp(mode, "inspect") == 0)
		return "working";
	return strcmp(mode, "bypass") == 0 ? "BYPASS" : "OVERLOAD";
}

static void
print_workers(FILE *out, const json_t *s)
{
	json_t *workers = json_object_get(s, "workers"), *w;
	size_t i;

	fprintf(out, "\n%-7s %-10s %-6s %14s %12s %12s %12s\n", "WORKER", "GENERATION", "ACK", "INSPECTED", "RING LAG",
		"UNDECIDED", "STATE");
	json_array_foreach(workers, i, w)
	{
		const json_t *ring = json_object_get(w, "ring");
		const char *state = json_is_true(json_object_get(w, "done"))	  ? "done"
				    : json_is_true(json_object_get(w, "stale"))	  ? "stale"
				    : json_is_false(json_object_get(w, "balanced")) ? "UNBALANCED"
										  : mode_text(w);

		fprintf(out, "%-7" JSON_INTEGER_FORMAT " %-10" JSON_INTEGER_FORMAT " %-6s %14" JSON_INTEGER_FORMAT
			     " %12" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT " %12s\n",
			int_of(w, "worker"), int_of(w, "generation"),
			json_is_true(json_object_get(w, "acknowledged")) ? "yes" : "no",
			int_of(json_object_get(w, "counters"), "inspected_packets"), int_of(ring, "unstored"),
			int_of(ring, "undecided"), state);
	}
}

void
status_text_print(FILE *out, const json_t *status, struct status_rates *rates, double now_s)
{
	const json_t *total = json_object_get(status, "total"), *hits = json_object_get(status, "hits");

	print_run(out, status);
	print_traffic(out, status, rates, now_s);
	print_holds(out, total);
	print_named(out, "dropped     ", json_object_get(total, "drops"));
	print_named(out, "anomalies   ", json_object_get(total, "anomalies"));
	print_named(out, "let through by exceptions: ", json_object_get(hits, "exceptions"));
	print_named(out, "exceptions that had ended: ", json_object_get(hits, "expired_exceptions"));
	print_named(out, "rules for other senders: ", json_object_get(hits, "out_of_scope"));
	print_ports(out, status);
	print_workers(out, status);
}
