/* SPDX-License-Identifier: BSD-3-Clause */
#include "alert_print.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "human.h"
#include "safe_text.h"

/* Sums to 100 with one blank between two columns. */
enum {
	COL_SEQUENCE = 8,
	COL_TIME = 19,
	COL_VERDICT = 7,
	COL_SENDER = 22,
	COL_RECIPIENT = 24,
	COL_MEANT = 15,
};

static void
put(struct json_out *o, const char *s)
{
	json_raw(o, s, strlen(s));
}

/* A path of keys, separated by dots: none of ours has one in it. */
static const json_t *
at(const json_t *obj, const char *path)
{
	char key[32];

	while (obj != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		obj = json_object_get(obj, key);
		path += path[n] == '.' ? n + 1 : n;
	}
	return obj;
}

static void
put_cell(struct json_out *o, const char *s, size_t len, size_t width, bool is_last)
{
	size_t used = human_text(o, s, len, width);

	for (; !is_last && used <= width; used++)
		put(o, " ");
	if (is_last)
		put(o, "\n");
}

static void
put_json_cell(struct json_out *o, const json_t *v, size_t width, bool is_last)
{
	if (json_string_length(v) > 0)
		put_cell(o, json_string_value(v), json_string_length(v), width, is_last);
	else
		put_cell(o, "-", 1, width, is_last);
}

void
alert_print_table_head(struct json_out *o)
{
	put_cell(o, "number", 6, COL_SEQUENCE, false);
	put_cell(o, "time (UTC)", 10, COL_TIME, false);
	put_cell(o, "verdict", 7, COL_VERDICT, false);
	put_cell(o, "from", 4, COL_SENDER, false);
	put_cell(o, "to", 2, COL_RECIPIENT, false);
	put_cell(o, "probably meant", 14, COL_MEANT, true);
}

void
alert_print_table_row(struct json_out *o, uint64_t sequence, const char *json, size_t len)
{
	json_t *r = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
	char tmp[HUMAN_TIME_LEN + 1];
	int n = snprintf(tmp, sizeof(tmp), "%" PRIu64, sequence);

	put_cell(o, tmp, (size_t)n, COL_SEQUENCE, false);
	human_time(json_string_value(at(r, "@timestamp")), tmp);
	put_cell(o, tmp, strlen(tmp) < COL_TIME ? strlen(tmp) : COL_TIME, COL_TIME, false);
	put_json_cell(o, at(r, "postern.verdict"), COL_VERDICT, false);
	put_json_cell(o, at(r, "email.from.address"), COL_SENDER, false);
	put_json_cell(o, at(r, "email.to.address"), COL_RECIPIENT, false);
	put_json_cell(o, at(r, "postern.meant"), COL_MEANT, true);
	json_decref(r);
}

static const struct {
	const char *name, *path;
} csv_columns[] = {
	{ "time", "@timestamp" },
	{ "verdict", "postern.verdict" },
	{ "enforced", "postern.enforced" },
	{ "severity", "event.severity" },
	{ "rule", "rule.id" },
	{ "technique", "postern.technique" },
	{ "sender", "email.from.address" },
	{ "recipient", "email.to.address" },
	{ "domain", "postern.domain" },
	{ "meant", "postern.meant" },
	{ "explanation", "postern.explanation" },
	{ "verdict_by", "postern.verdict_by" },
	{ "source_ip", "source.ip" },
	{ "source_port", "source.port" },
	{ "destination_ip", "destination.ip" },
	{ "destination_port", "destination.port" },
	{ "helo", "postern.helo" },
	{ "transaction", "postern.transaction" },
	{ "recipient_index", "postern.recipient_index" },
	{ "observer", "observer.name" },
	{ "event_id", "event.id" },
};

enum {
	NB_CSV_COLUMNS = sizeof(csv_columns) / sizeof(csv_columns[0]),
};

static void
put_csv_text(struct json_out *o, const char *s, size_t len)
{
	size_t n = safe_text(NULL, 0, s, len), i;
	char *text = malloc(n + 1);

	if (text == NULL) {
		o->failed = true;
		return;
	}
	safe_text(text, n + 1, s, len);
	put(o, "\"");
	/* Blanks before the sign do not stop a spreadsheet. */
	if (strchr("=+-@", text[strspn(text, " ")]) != NULL && n > strspn(text, " "))
		put(o, "'");
	for (i = 0; i < n; i++) {
		json_raw(o, &text[i], 1);
		if (text[i] == '"')
			put(o, "\"");
	}
	put(o, "\"");
	free(text);
}

static void
put_scalar(struct json_out *o, const json_t *v, void (*put_text)(struct json_out *, const char *, size_t))
{
	char tmp[32];

	if (json_is_integer(v)) {
		snprintf(tmp, sizeof(tmp), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		put(o, tmp);
	} else if (json_is_boolean(v)) {
		put(o, json_is_true(v) ? "true" : "false");
	} else if (json_is_string(v)) {
		put_text(o, json_string_value(v), json_string_length(v));
	}
}

void
alert_print_csv_head(struct json_out *o)
{
	int i;

	put(o, "sequence");
	for (i = 0; i < NB_CSV_COLUMNS; i++) {
		put(o, ",");
		put(o, csv_columns[i].name);
	}
	put(o, "\n");
}

void
alert_print_csv_row(struct json_out *o, uint64_t sequence, const char *json, size_t len)
{
	json_t *r = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
	char tmp[24];
	int i;

	snprintf(tmp, sizeof(tmp), "%" PRIu64, sequence);
	put(o, tmp);
	for (i = 0; i < NB_CSV_COLUMNS; i++) {
		put(o, ",");
		put_scalar(o, at(r, csv_columns[i].path), put_csv_text);
	}
	put(o, "\n");
	json_decref(r);
}

static void
put_plain_text(struct json_out *o, const char *s, size_t len)
{
	(void)human_text(o, s, len, 0);
}

/* Our own records nest four deep at most. */
static void
put_tree(struct json_out *o, const char *path, const json_t *v, unsigned int depth)
{
	char sub[160];
	const char *key;
	const json_t *child;
	size_t i;

	if (json_is_object(v) && depth < 8) {
		json_object_foreach ((json_t *)(uintptr_t)v, key, child) {
			snprintf(sub, sizeof(sub), "%s%s%s", path, *path != '\0' ? "." : "", key);
			put_tree(o, sub, child, depth + 1);
		}
		return;
	}
	snprintf(sub, sizeof(sub), "%-28s ", path);
	put(o, sub);
	if (json_is_array(v)) {
		json_array_foreach (v, i, child) {
			put(o, i > 0 ? ", " : "");
			put_scalar(o, child, put_plain_text);
		}
	} else if (json_is_null(v)) {
		put(o, "-");
	} else {
		put_scalar(o, v, put_plain_text);
	}
	put(o, "\n");
}

void
alert_print_full(struct json_out *o, const char *json, size_t len)
{
	json_t *r = json_loadb(json, len, JSON_ALLOW_NUL, NULL);

	put_tree(o, "", r, 0);
	json_decref(r);
}
