/* SPDX-License-Identifier: BSD-3-Clause */
#include "store_private.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "dp_clock.h"

const char *
store_error(const struct store *s)
{
	return s->error;
}

const char *
store_id(const struct store *s)
{
	return s->id;
}

const char *
store_path(const struct store *s)
{
	return s->path;
}

struct sqlite3 *
store_db(struct store *s)
{
	return s->db;
}

uint64_t
store_next_sequence(const struct store *s)
{
	return s->next_sequence;
}

bool
store_in_transaction(const struct store *s)
{
	return s->in_transaction;
}

int
store_begin(struct store *s)
{
	sqlite3_stmt *st;
	int rc;

	if (s->in_transaction)
		return 0;
	st = store_stmt(s, STMT_BEGIN);
	rc = st == NULL ? store_fail(s, "cannot write") : store_stmt_run(s, st, "cannot write");
	s->in_transaction = rc == 0;
	s->begun_sequence = s->next_sequence;
	return rc;
}

/* When were the records of this transaction stored? Known to STORE_SPAN_NS, for retention. */
static int
note_span(struct store *s)
{
	sqlite3_stmt *st;
	uint64_t now_ns;

	now_ns = dp_clock_ns(CLOCK_REALTIME);
	if (s->begun_sequence == s->next_sequence ||
	    (s->span_ns != 0 && now_ns < s->span_ns + STORE_SPAN_NS && now_ns >= s->span_ns))
		return 0;
	st = store_stmt(s, STMT_ADD_SPAN);
	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)s->begun_sequence);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)now_ns);
	s->span_ns = now_ns;
	return store_stmt_run(s, st, "cannot write");
}

int
store_commit(struct store *s, const struct store_run *r)
{
	sqlite3_stmt *st = store_stmt(s, STMT_COMMIT);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot write");
	rc = store_meta_put(s, "next_sequence", s->next_sequence);
	if (rc == 0)
		rc = note_span(s);
	if (rc == 0)
		rc = store_meta_put(s, "run_alerts", r->alerts);
	if (rc == 0)
		rc = store_meta_put(s, "run_updates", r->updates);
	if (rc == 0)
		rc = store_meta_put(s, "run_last_ts", r->last_ts_ns);
	if (rc == 0)
		rc = store_stmt_run(s, st, "cannot write");
	if (rc == 0)
		s->in_transaction = false;
	return rc;
}

int
store_run_begin(struct store *s, uint64_t run_id, uint64_t ruleset_hash)
{
	struct store_run none = { 0 };
	uint64_t previous;
	int rc = store_begin(s);

	if (rc == 0)
		rc = store_meta_get(s, "run", &previous);
	if (rc == 0)
		rc = store_exec(s, "DELETE FROM ring", "cannot write");
	if (rc == 0) /* those of rule_hits.c */
		rc = store_exec(s, "DELETE FROM meta WHERE key >= 'hit:' AND key < 'hit;'", "cannot write");
	if (rc == 0)
		rc = store_meta_put(s, "previous_run", previous);
	if (rc == 0)
		rc = store_meta_put(s, "run", run_id);
	if (rc == 0)
		rc = store_meta_put(s, "ruleset", ruleset_hash);
	if (rc == 0)
		rc = store_meta_put(s, "run_first", s->next_sequence);
	return rc < 0 ? rc : store_commit(s, &none);
}

int
store_run_load(struct store *s, struct store_run *ret)
{
	int rc = store_meta_get(s, "run_first", &ret->first_sequence);

	if (rc == 0)
		rc = store_meta_get(s, "ruleset", &ret->ruleset_hash);
	if (rc == 0)
		rc = store_meta_get(s, "run_alerts", &ret->alerts);
	if (rc == 0)
		rc = store_meta_get(s, "run_updates", &ret->updates);
	if (rc == 0)
		rc = store_meta_get(s, "run_last_ts", &ret->last_ts_ns);
	if (rc == 0)
		rc = store_meta_get(s, "previous_run", &ret->previous_run);
	return rc;
}

void
store_reverse(const void *src_, size_t len, char *dst)
{
	const unsigned char *src = src_;
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = (char)(src[len - 1 - i] < 0x80 ? tolower(src[len - 1 - i]) : src[len - 1 - i]);
}

static int
add_columns(struct store *s, const struct store_alert *a)
{
	sqlite3_stmt *st = store_stmt(s, STMT_ADD_ALERT);
	char domain[DP_RECORD_LEN_MAX], sender[DP_RECORD_LEN_MAX];
	size_t domain_len = a->domain_len < sizeof(domain) ? a->domain_len : sizeof(domain);
	size_t sender_len = a->sender_len < sizeof(sender) ? a->sender_len : sizeof(sender);

	if (st == NULL)
		return store_fail(s, "cannot write");
	store_reverse(a->domain, domain_len, domain);
	store_reverse(a->sender, sender_len, sender);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)s->next_sequence);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)a->ts_ns);
	sqlite3_bind_text(st, 3, a->rule, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 4, (int)a->verdict);
	sqlite3_bind_int(st, 5, (int)a->severity);
	sqlite3_bind_blob(st, 6, domain, (int)domain_len, SQLITE_STATIC);
	sqlite3_bind_blob(st, 7, sender, (int)sender_len, SQLITE_STATIC);
	return store_stmt_run(s, st, "cannot store an alert");
}

/* @event_id: NULL for updates. 1: added; 0: its event id is there. The number is used up by the caller. */
static int
add_record(struct store *s, enum store_kind kind, const uint8_t *event_id, const char *json, size_t json_len)
{
	sqlite3_stmt *st = store_stmt(s, STMT_ADD);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)s->next_sequence);
	sqlite3_bind_int(st, 2, (int)kind);
	if (event_id != NULL)
		sqlite3_bind_blob(st, 3, event_id, EVENT_ID_OCTETS, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 3);
	sqlite3_bind_text(st, 4, json, (int)json_len, SQLITE_STATIC);
	rc = store_stmt_run(s, st, "cannot store a record");
	return rc < 0 ? rc : sqlite3_changes(s->db) > 0;
}

int
store_add_alert(struct store *s, const uint8_t event_id[EVENT_ID_OCTETS], const char *json, size_t json_len,
		const struct store_alert *alert)
{
	int rc = add_record(s, STORE_ALERT, event_id, json, json_len);

	if (rc <= 0)
		return rc;
	rc = add_columns(s, alert);
	if (rc < 0)
		return rc;
	s->next_sequence++;
	return 1;
}

int
store_add_lost(struct store *s, const uint8_t event_id[EVENT_ID_OCTETS], const char *json, size_t json_len)
{
	int rc = add_record(s, STORE_LOST, event_id, json, json_len);

	if (rc == 1)
		s->next_sequence++;
	return rc;
}

int
store_add_update(struct store *s, uint64_t alert_sequence, const char *json, size_t json_len)
{
	sqlite3_stmt *st = store_stmt(s, STMT_ADD_UPDATE);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)alert_sequence);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)s->next_sequence);
	rc = store_stmt_run(s, st, "cannot store an update");
	if (rc < 0 || sqlite3_changes(s->db) == 0)
		return rc;
	rc = add_record(s, STORE_UPDATE, NULL, json, json_len);
	if (rc == 1)
		s->next_sequence++;
	return rc;
}

int
store_ring_get(struct store *s, unsigned int worker, uint64_t *ret_pos, uint64_t *ret_alerts)
{
	sqlite3_stmt *st = store_stmt(s, STMT_RING_GET);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot read");
	sqlite3_bind_int(st, 1, (int)worker);
	rc = sqlite3_step(st);
	*ret_pos = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	*ret_alerts = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_fail(s, "cannot read");
	sqlite3_reset(st);
	return rc;
}

int
store_ring_put(struct store *s, unsigned int worker, uint64_t pos, uint64_t alerts)
{
	sqlite3_stmt *st = store_stmt(s, STMT_RING_PUT);

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int(st, 1, (int)worker);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)pos);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)alerts);
	return store_stmt_run(s, st, "cannot write");
}

int
store_read(struct store *s, uint64_t after, store_record_fn fn, void *ctx)
{
	sqlite3_stmt *st = store_stmt(s, STMT_READ);
	int rc, step, nb;

	if (st == NULL)
		return store_fail(s, "cannot read");
	do {
		sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
		rc = 0;
		for (nb = 0; (step = sqlite3_step(st)) == SQLITE_ROW && rc == 0; nb++) {
			after = (uint64_t)sqlite3_column_int64(st, 0);
			rc = fn(ctx, after, (enum store_kind)sqlite3_column_int(st, 1),
				(const char *)sqlite3_column_text(st, 2), (size_t)sqlite3_column_bytes(st, 2));
		}
		if (rc == 0 && step != SQLITE_DONE)
			rc = store_fail(s, "cannot read");
		sqlite3_reset(st);
	} while (rc == 0 && nb > 0);
	return rc;
}
