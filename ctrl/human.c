/* SPDX-License-Identifier: BSD-3-Clause */
#include "human.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "safe_text.h"

#define BOLD "\033[1m"
#define RED "\033[31m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

enum {
	TEXT_MAX = 4 * 2048 + 1, /* the longest string of a record, all of it escaped */
};

static void
put(struct json_out *o, const char *s)
{
	json_raw(o, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void
putf(struct json_out *o, const char *fmt, ...)
{
	char tmp[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(tmp, sizeof(tmp), fmt, ap);
	va_end(ap);
	put(o, tmp);
}

/* Columns of the character that begins with @c. Far Eastern ones take two; no locale's table is asked for the rest. */
static size_t
columns_of_char(unsigned char c)
{
	if ((c & 0xc0) == 0x80)
		return 0;
	return c >= 0xe1 ? 2 : 1;
}

/* At most so many columns do @n octets take that safe_text() made. */
static size_t
columns_of(const char *s, size_t n)
{
	size_t i, columns = 0;

	for (i = 0; i < n; i++)
		columns += columns_of_char((unsigned char)s[i]);
	return columns;
}

size_t
human_text(struct json_out *o, const char *s, size_t len, size_t max)
{
	char text[TEXT_MAX];
	size_t n = safe_text(text, sizeof(text), s, len), columns;

	if (n >= sizeof(text))
		n = strlen(text);
	columns = columns_of(text, n);
	if (max == 0 || columns <= max) {
		json_raw(o, text, n);
		return columns;
	}
	/* Cut between characters, with three columns for the dots. */
	for (columns = 0, n = 0; text[n] != '\0'; n++) {
		size_t more = columns_of_char((unsigned char)text[n]);

		if (more > 0 && columns + more > (max > 3 ? max - 3 : 0))
			break;
		columns += more;
	}
	json_raw(o, text, n);
	put(o, "...");
	return columns + 3;
}

void
human_time(const char *rfc3339, char ret[HUMAN_TIME_LEN + 1])
{
	/* 2026-03-01T10:00:00.123456789Z */
	if (rfc3339 == NULL || strlen(rfc3339) != 30) {
		snprintf(ret, HUMAN_TIME_LEN + 1, "%s", "(no time)");
		return;
	}
	memcpy(ret, rfc3339, 26);
	ret[10] = ' ';
	ret[26] = 'Z';
	ret[27] = '\0';
}

/* A string by its path of keys, "" when it is not there. */
static const json_t *
at(const json_t *obj, const char *k1, const char *k2, const char *k3)
{
	obj = json_object_get(obj, k1);
	if (k2 != NULL)
		obj = json_object_get(obj, k2);
	if (k3 != NULL)
		obj = json_object_get(obj, k3);
	return obj;
}

static void
put_json_str(struct json_out *o, const json_t *s)
{
	const char *text = json_string_value(s);

	if (text == NULL || json_string_length(s) == 0)
		put(o, "<>");
	else
		human_text(o, text, json_string_length(s), 0);
}

static void
put_endpoint(struct json_out *o, const json_t *end)
{
	const char *ip = json_string_value(json_object_get(end, "ip"));
	bool v6 = ip != NULL && strchr(ip, ':') != NULL;

	put(o, v6 ? "[" : "");
	put_json_str(o, json_object_get(end, "ip"));
	putf(o, "%s:%" JSON_INTEGER_FORMAT, v6 ? "]" : "", json_integer_value(json_object_get(end, "port")));
}

static const char *
verdict_words(const char *verdict, bool enforced)
{
	static const struct {
		const char *verdict, *done, *would;
	} words[] = {
		{ "pass", "passed", "would pass" },	{ "alert", "alerted", "alert" },
		{ "refuse", "refused", "would refuse" }, { "divert", "diverted", "would divert" },
		{ "reset", "reset", "would reset" },
	};
	size_t i;

	for (i = 0; verdict != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(verdict, words[i].verdict) == 0)
			return enforced ? words[i].done : words[i].would;
	return "(unknown verdict)";
}

static void
put_anomalies(struct json_out *o, const json_t *list)
{
	const json_t *name;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	put(o, "    odd     ");
	json_array_foreach (list, i, name) {
		put(o, i > 0 ? ", " : "");
		put_json_str(o, name);
	}
	put(o, "\n");
}

static void
put_alert(struct json_out *o, const json_t *r, bool colour)
{
	const char *verdict = json_string_value(at(r, "postern", "verdict", NULL));
	bool enforced = json_is_true(at(r, "postern", "enforced", NULL));
	const json_t *meant = at(r, "postern", "meant", NULL);
	char when[HUMAN_TIME_LEN + 1];

	human_time(json_string_value(json_object_get(r, "@timestamp")), when);
	putf(o, "%s  %s%s%s  ", when, colour ? RED : "", verdict_words(verdict, enforced), colour ? PLAIN : "");
	put_json_str(o, at(r, "email", "from", "address"));
	put(o, " -> ");
	put(o, colour ? BOLD : "");
	put_json_str(o, at(r, "email", "to", "address"));
	put(o, colour ? PLAIN : "");
	if (json_is_integer(at(r, "postern", "address_length", NULL)))
		putf(o, "... (%" JSON_INTEGER_FORMAT " octets)",
		     json_integer_value(at(r, "postern", "address_length", NULL)));
	put(o, "\n");
	if (json_string_length(meant) > 0) {
		put(o, "    meant   ");
		put_json_str(o, meant);
		put(o, " (probably)\n");
	}
	put(o, "    why     ");
	put_json_str(o, at(r, "postern", "explanation", NULL));
	put(o, "\n");
	put_anomalies(o, at(r, "postern", "anomalies", NULL));
	putf(o, "    #%-6" JSON_INTEGER_FORMAT " %sby ", json_integer_value(at(r, "event", "sequence", NULL)),
	     colour ? DIM : "");
	put_json_str(o, at(r, "postern", "verdict_by", NULL));
	putf(o, ", severity %" JSON_INTEGER_FORMAT ", ", json_integer_value(at(r, "event", "severity", NULL)));
	put_endpoint(o, json_object_get(r, "source"));
	put(o, " -> ");
	put_endpoint(o, json_object_get(r, "destination"));
	putf(o, ", transaction %" JSON_INTEGER_FORMAT ", recipient %" JSON_INTEGER_FORMAT "%s\n",
	     json_integer_value(at(r, "postern", "transaction", NULL)),
	     json_integer_value(at(r, "postern", "recipient_index", NULL)), colour ? PLAIN : "");
}

/* What was done, where something was. */
static void
put_outcome(struct json_out *o, const json_t *r)
{
	const char *outcome = json_string_value(at(r, "postern", "outcome", NULL));
	const json_t *by = at(r, "postern", "verdict_by", NULL), *us = at(r, "postern", "close", "us");

	if (outcome == NULL || strcmp(outcome, "observed") == 0)
		return;
	if (strcmp(outcome, "closed") == 0 && json_is_integer(us))
		putf(o, ": reset, both ends seen closed after %" JSON_INTEGER_FORMAT " us", json_integer_value(us));
	else if (strcmp(outcome, "not_confirmed") == 0)
		put(o, ": reset, not seen closed");
	else if (strcmp(outcome, "refused") == 0)
		put(o, ": refused, the rest of the connection goes on");
	else if (strcmp(outcome, "diverted") == 0)
		put(o, ": refused, the connection was taken from the server");
	else
		putf(o, ": %s", strcmp(outcome, "passed") == 0 ? "let pass" : "outcome unknown");
	if (json_string_length(by) > 0) {
		put(o, " (");
		put_json_str(o, by);
		put(o, ")");
	}
}

static void
put_update(struct json_out *o, const json_t *r, bool colour)
{
	const json_t *leak = at(r, "postern", "leak", NULL), *reply = json_object_get(leak, "reply");
	const json_t *data = json_object_get(leak, "data_begun");
	char when[HUMAN_TIME_LEN + 1];

	human_time(json_string_value(json_object_get(r, "@timestamp")), when);
	putf(o, "%s  %s#%" JSON_INTEGER_FORMAT, when, colour ? DIM : "",
	     json_integer_value(at(r, "postern", "alert_sequence", NULL)));
	put_outcome(o, r);
	if (json_is_integer(reply))
		putf(o, ": server answered %" JSON_INTEGER_FORMAT, json_integer_value(reply));
	else
		put(o, ": no answer seen");
	putf(o, ", message data %s, %" JSON_INTEGER_FORMAT " octets of the command had left%s\n",
	     json_is_true(data)	   ? "began"
	     : json_is_false(data) ? "did not begin"
				   : "may have begun (the answer to DATA was not seen)",
	     json_integer_value(json_object_get(leak, "command_octets")), colour ? PLAIN : "");
}

static void
put_lost(struct json_out *o, const json_t *r, const json_t *lost)
{
	char when[HUMAN_TIME_LEN + 1];

	human_time(json_string_value(json_object_get(r, "@timestamp")), when);
	putf(o, "%s  LOST events %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT " of worker %" JSON_INTEGER_FORMAT
		": they never reached the store\n",
	     when, json_integer_value(json_object_get(lost, "from")), json_integer_value(json_object_get(lost, "to")),
	     json_integer_value(json_object_get(lost, "worker")));
}

void
human_record(struct json_out *o, const char *json, size_t len, bool colour)
{
	json_t *r = json_loadb(json, len, JSON_ALLOW_NUL, NULL);
	const json_t *lost = at(r, "postern", "lost", NULL);

	if (json_is_object(lost))
		put_lost(o, r, lost);
	else if (json_is_object(at(r, "postern", "leak", NULL)))
		put_update(o, r, colour);
	else if (json_is_object(json_object_get(r, "email")))
		put_alert(o, r, colour);
	else {
		human_text(o, json, len, 0);
		put(o, "\n");
	}
	json_decref(r);
}
