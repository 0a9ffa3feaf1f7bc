/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record_json - alert, update and lost records as one line of JSON each
 *
 * What:      nested keys with the names of the Elastic Common Schema where it has them. The number in event.severity is
 *            1 low, 2 medium, 3 high, 4 critical, as in rule files.
 * Octets:    what is no UTF-8 is shown as \xHH, and the raw value stands in base64 beside it, under postern.: address_raw,
 *            sender_raw, helo_raw, domain_raw. A string that was cut has its full length there: address_length, ...
 * Threads:   pure functions on the given buffer.
 */
#ifndef POSTERN_RECORD_JSON_H
#define POSTERN_RECORD_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "decide.h"
#include "json_out.h"
#include "open_alerts.h"

/* What stands in every record of a run. */
struct record_context {
	const char *store_id;
	const char *observer; /* observer.name */
	bool is_live;	      /* frames have no numbers that mean anything to people */
};

struct record_alert {
	const struct dp_ev_rcpt *ev; /* checked */
	const struct decision *decision;
	uint64_t sequence;
	const char *event_id; /* 32 hex digits */
	bool enforced;
	uint32_t hold_us;
};

struct record_update {
	uint64_t ts_ns;
	uint64_t sequence;
	uint64_t alert_sequence; /* of the alert that it updates */
	const char *event_id;
	const char *outcome;
	const struct open_alert *enforcement; /* NULL: nothing was enforced */
	uint32_t command_octets; /* of the RCPT line that had left */
	uint16_t reply;		 /* 0: unseen */
	enum open_data data;
};

/* What became of an alert, in one word; see postern-records(5). */
const char *record_outcome(const struct open_alert *a);

/* Each appends one object, without a line end. */
void record_json_alert(struct json_out *o, const struct record_context *ctx, const struct record_alert *a);
void record_json_update(struct json_out *o, const struct record_context *ctx, const struct record_update *u);
void record_json_lost(struct json_out *o, const struct record_context *ctx, const struct dp_ev_lost *ev,
		      uint64_t sequence);

/* The names of the bits of @anomalies, as an array. */
void record_json_anomalies(struct json_out *o, uint64_t anomalies);

/* A string of a record under @key; when needed NAME_raw is put beside it. true when it is needed. */
bool record_json_str(struct json_out *o, const char *key, const void *rec, const struct dp_str *str);

#endif
