/* SPDX-License-Identifier: BSD-3-Clause */
#include "open_rows.h"

#include <string.h>

#define COLUMNS "sequence, ts_ns, event_id, flow_uid, txn, rcpt, command_octets, reply, data_begun, closed_ns," \
		" enforcement, hold_us"

/* ?1 is @after where there is one. */
static const char *const stmt_texts[OPEN_ROWS_STMT_NB] = {
	[OPEN_ROWS_PUT] = "INSERT OR REPLACE INTO open_alert(" COLUMNS ", run)"
			  " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[OPEN_ROWS_DELETE] = "DELETE FROM open_alert WHERE sequence = ?",
	[OPEN_ROWS_LOAD] = "SELECT " COLUMNS " FROM open_alert WHERE sequence > ? ORDER BY sequence LIMIT ?",
	[OPEN_ROWS_COUNT] = "SELECT count(*) FROM open_alert",
	[OPEN_ROWS_REPLY] = "UPDATE open_alert SET reply = ?5 WHERE flow_uid = ?2 AND txn = ?3 AND data_begun IN (0, 1, 2)"
		       " AND rcpt = ?4 AND reply = 0 AND sequence > ?1",
	[OPEN_ROWS_DATA] = "UPDATE open_alert SET data_begun = ?4 WHERE flow_uid = ?2 AND txn = ?3 AND data_begun < ?4"
		      " AND sequence > ?1",
	[OPEN_ROWS_FLOW_END] = "UPDATE open_alert SET closed_ns = ?3 WHERE flow_uid = ?2 AND sequence > ?1",
	[OPEN_ROWS_OUTCOME] = "UPDATE open_alert SET enforcement = ?5, hold_us = ?6,"
			      " closed_ns = coalesce(closed_ns, nullif(?7, 0)),"
			      " command_octets = CASE WHEN ?8 >= 0 THEN ?8 ELSE command_octets END"
			      " WHERE flow_uid = ?2 AND txn = ?3 AND rcpt = ?4"
			      " AND (enforcement >> 8 & 255) = 0 AND sequence > ?1",
	[OPEN_ROWS_NEXT_CLOSED] = "SELECT " COLUMNS " FROM open_alert WHERE closed_ns IS NOT NULL AND sequence > ?"
			     " ORDER BY sequence LIMIT 1",
};

void
open_rows_init(struct open_rows *r, struct store *store, uint64_t run_id)
{
	*r = (struct open_rows){ .store = store, .run_id = run_id };
}

void
open_rows_fini(struct open_rows *r)
{
	int i;

	for (i = 0; i < OPEN_ROWS_STMT_NB; i++)
		sqlite3_finalize(r->stmts[i]);
}

static int
fail(struct open_rows *r)
{
	return store_fail(r->store, "cannot keep open alerts");
}

static sqlite3_stmt *
stmt_of(struct open_rows *r, enum open_rows_stmt id)
{
	if (r->stmts[id] == NULL &&
	    sqlite3_prepare_v3(store_db(r->store), stmt_texts[id], -1, SQLITE_PREPARE_PERSISTENT, &r->stmts[id],
			       NULL) != SQLITE_OK)
		return NULL;
	return r->stmts[id];
}

/* Run a statement that gives no rows. */
static int
run(struct open_rows *r, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : fail(r);

	sqlite3_reset(st);
	return rc;
}

/* In one number, as the store keeps it. */
static uint64_t
pack_enforcement(const struct open_alert *a)
{
	return (uint64_t)a->close_us << 32 | (uint64_t)a->carried_out << 24 | (uint64_t)a->cause << 16 |
	       (uint64_t)a->outcome << 8 | (a->all_sent ? 2 : 0) | (a->enforced ? 1 : 0);
}

static void
unpack_enforcement(uint64_t e, struct open_alert *a)
{
	a->enforced = e & 1;
	a->all_sent = (e & 2) != 0;
	a->outcome = (uint8_t)(e >> 8);
	a->cause = (uint8_t)(e >> 16);
	a->carried_out = (uint8_t)(e >> 24);
	a->close_us = (uint32_t)(e >> 32);
}

static void
from_row(sqlite3_stmt *st, struct open_alert *ret)
{
	const void *id = sqlite3_column_blob(st, 2);

	*ret = (struct open_alert){
		.sequence = (uint64_t)sqlite3_column_int64(st, 0),
		.ts_ns = (uint64_t)sqlite3_column_int64(st, 1),
		.flow_uid = (uint64_t)sqlite3_column_int64(st, 3),
		.transaction = (uint32_t)sqlite3_column_int64(st, 4),
		.rcpt_index = (uint32_t)sqlite3_column_int64(st, 5),
		.command_octets = (uint32_t)sqlite3_column_int64(st, 6),
		.reply = (uint16_t)sqlite3_column_int(st, 7),
		.data = (uint8_t)sqlite3_column_int(st, 8),
		.closed_ns = (uint64_t)sqlite3_column_int64(st, 9),
		.hold_us = (uint32_t)sqlite3_column_int64(st, 11),
	};
	unpack_enforcement((uint64_t)sqlite3_column_int64(st, 10), ret);
	if (id != NULL && sqlite3_column_bytes(st, 2) == EVENT_ID_OCTETS)
		memcpy(ret->event_id, id, EVENT_ID_OCTETS);
}

int
open_rows_count(struct open_rows *r, size_t *ret)
{
	sqlite3_stmt *st = stmt_of(r, OPEN_ROWS_COUNT);
	int rc = st == NULL || sqlite3_step(st) != SQLITE_ROW ? fail(r) : 0;

	if (rc == 0)
		*ret = (size_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc;
}

int
open_rows_put(struct open_rows *r, const struct open_alert *a)
{
	sqlite3_stmt *st = stmt_of(r, OPEN_ROWS_PUT);

	if (st == NULL)
		return fail(r);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)a->sequence);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)a->ts_ns);
	sqlite3_bind_blob(st, 3, a->event_id, EVENT_ID_OCTETS, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (sqlite3_int64)a->flow_uid);
	sqlite3_bind_int64(st, 5, a->transaction);
	sqlite3_bind_int64(st, 6, a->rcpt_index);
	sqlite3_bind_int64(st, 7, a->command_octets);
	sqlite3_bind_int(st, 8, a->reply);
	sqlite3_bind_int(st, 9, a->data);
	if (a->closed_ns != 0)
		sqlite3_bind_int64(st, 10, (sqlite3_int64)a->closed_ns);
	else
		sqlite3_bind_null(st, 10);
	sqlite3_bind_int64(st, 11, (sqlite3_int64)pack_enforcement(a));
	sqlite3_bind_int64(st, 12, a->hold_us);
	sqlite3_bind_int64(st, 13, (sqlite3_int64)r->run_id);
	return run(r, st);
}

int
open_rows_delete(struct open_rows *r, uint64_t sequence)
{
	sqlite3_stmt *st = stmt_of(r, OPEN_ROWS_DELETE);

	if (st == NULL)
		return fail(r);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)sequence);
	return run(r, st);
}

int
open_rows_load(struct open_rows *r, uint64_t after, size_t max, open_row_fn fn, void *ctx)
{
	sqlite3_stmt *st = stmt_of(r, OPEN_ROWS_LOAD);
	struct open_alert a;
	int rc = 0, step;

	if (st == NULL)
		return fail(r);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		from_row(st, &a);
		fn(ctx, &a);
	}
	if (step != SQLITE_DONE)
		rc = fail(r);
	sqlite3_reset(st);
	return rc;
}

/* An UPDATE on rows above @after; arguments from ?2 on. */
static int
update(struct open_rows *r, enum open_rows_stmt id, uint64_t after, unsigned int nb, const uint64_t *args)
{
	sqlite3_stmt *st = stmt_of(r, id);
	unsigned int i;

	if (st == NULL)
		return fail(r);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
	for (i = 0; i < nb; i++)
		sqlite3_bind_int64(st, (int)i + 2, (sqlite3_int64)args[i]);
	return run(r, st);
}

int
open_rows_reply(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint32_t transaction, uint32_t rcpt_index,
		uint16_t reply)
{
	return update(r, OPEN_ROWS_REPLY, after, 4, (const uint64_t[]){ flow_uid, transaction, rcpt_index, reply });
}

int
open_rows_data(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint32_t transaction, enum open_data data)
{
	return update(r, OPEN_ROWS_DATA, after, 3, (const uint64_t[]){ flow_uid, transaction, data });
}

int
open_rows_flow_end(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint64_t ts_ns)
{
	return update(r, OPEN_ROWS_FLOW_END, after, 2, (const uint64_t[]){ flow_uid, ts_ns });
}

int
open_rows_outcome(struct open_rows *r, uint64_t after, const struct open_alert *a, bool withheld)
{
	return update(r, OPEN_ROWS_OUTCOME, after, 7,
		      (const uint64_t[]){ a->flow_uid, a->transaction, a->rcpt_index, pack_enforcement(a), a->hold_us,
					  a->closed_ns, withheld ? a->command_octets : UINT64_MAX });
}

int
open_rows_next_closed(struct open_rows *r, uint64_t after, struct open_alert *ret)
{
	sqlite3_stmt *st = stmt_of(r, OPEN_ROWS_NEXT_CLOSED);
	int rc = 0, step;

	if (st == NULL)
		return fail(r);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		from_row(st, ret);
		rc = 1;
	} else if (step != SQLITE_DONE) {
		rc = fail(r);
	}
	sqlite3_reset(st);
	if (rc != 1)
		return rc;
	rc = open_rows_delete(r, ret->sequence);
	return rc < 0 ? rc : 1;
}

int
open_alerts_next_stranger(struct store *store, uint64_t run_id, struct open_alert *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = 0, step;
	char sql[64];

	if (sqlite3_prepare_v2(store_db(store), "SELECT " COLUMNS " FROM open_alert WHERE run != ? ORDER BY sequence LIMIT 1",
			       -1, &st, NULL) != SQLITE_OK)
		return store_fail(store, "cannot read");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)run_id);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		from_row(st, ret);
	else if (step != SQLITE_DONE)
		rc = store_fail(store, "cannot read");
	sqlite3_finalize(st);
	if (step != SQLITE_ROW)
		return rc;
	sqlite3_snprintf(sizeof(sql), sql, "DELETE FROM open_alert WHERE sequence = %lld",
			 (long long)ret->sequence);
	if (sqlite3_exec(store_db(store), sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, "cannot write");
	return 1;
}
