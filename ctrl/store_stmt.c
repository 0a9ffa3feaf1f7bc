/* SPDX-License-Identifier: BSD-3-Clause */
#include "store_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const stmt_texts[STMT_NB] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ADD] = "INSERT INTO record(sequence, kind, event_id, json) VALUES(?, ?, ?, ?)"
		     " ON CONFLICT(event_id) WHERE event_id IS NOT NULL DO NOTHING",
	[STMT_ADD_UPDATE] = "INSERT INTO alert_update(alert, sequence) VALUES(?, ?) ON CONFLICT(alert) DO NOTHING",
	[STMT_ADD_ALERT] = "INSERT INTO alert(sequence, ts_ns, rule, verdict, severity, domain, sender)"
			   " VALUES(?, ?, ?, ?, ?, ?, ?)",
	[STMT_RING_GET] = "SELECT position, alerts FROM ring WHERE worker = ?",
	[STMT_RING_PUT] = "INSERT OR REPLACE INTO ring(worker, position, alerts) VALUES(?, ?, ?)",
	[STMT_META_GET] = "SELECT value FROM meta WHERE key = ?",
	[STMT_META_PUT] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)",
	[STMT_ADD_SPAN] = "INSERT OR IGNORE INTO span(sequence, stored_ns) VALUES(?, ?)",
	[STMT_READ] = "SELECT sequence, kind, json FROM record WHERE sequence > ? ORDER BY sequence LIMIT 1024",
};

/* What to do about @err, as the end of a sentence. */
static const char *
advice(int err, bool readonly)
{
	switch (err) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "; make room there (or name another folder with --state), then run it again";
	case EACCES:
	case EPERM:
	case EROFS:
		return readonly ? "; this user may not read it: see to the modes of the folder and the file"
				: "; make it writable for this user, or name another folder with --state";
	case ENOENT:
	case ENOTDIR:
		return "; the folder must exist";
	case EBUSY:
		return "; another postern uses it: wait for it, or name another folder with --state";
	case EPROTO:
		return "; use that version, or another folder with --state";
	case EBADMSG:
		return "; move it away, or name another folder with --state";
	default:
		return "";
	}
}

int
store_set_error(struct store *s, const char *what, const char *why, int err)
{
	snprintf(s->error, sizeof(s->error), "%s: %s: %s%s", s->path, what, why, advice(err, s->readonly));
	return -err;
}

int
store_fail(struct store *s, const char *what)
{
	int code = s->db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(s->db);
	int sys = s->db == NULL ? 0 : sqlite3_system_errno(s->db), err = errno;

	/* SQLite forgets the cause on some paths; what its last failed call left in errno names it. */
	if (sys == 0 && (code & 0xff) == SQLITE_IOERR && (err == ENOSPC || err == EFBIG || err == EDQUOT || err == EROFS))
		sys = err;
	switch (code & 0xff) {
	case SQLITE_FULL:
		err = sys == EFBIG || sys == EDQUOT ? sys : ENOSPC;
		break;
	case SQLITE_NOMEM:
		err = ENOMEM;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err = EBUSY;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		err = EACCES;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		err = EBADMSG;
		break;
	case SQLITE_CANTOPEN:
		err = sys != 0 ? sys : ENOENT;
		break;
	default:
		err = sys != 0 ? sys : EIO;
		break;
	}
	if (sys != 0 && (code & 0xff) != SQLITE_CORRUPT && (code & 0xff) != SQLITE_NOTADB)
		return store_set_error(s, what, strerror(sys), err);
	return store_set_error(s, what, s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db), err);
}

int
store_exec(struct store *s, const char *sql, const char *what)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, what);
}

sqlite3_stmt *
store_stmt(struct store *s, enum stmt_id id)
{
	if (s->stmts[id] == NULL &&
	    sqlite3_prepare_v3(s->db, stmt_texts[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id], NULL) != SQLITE_OK)
		return NULL;
	return s->stmts[id];
}

int
store_stmt_run(struct store *s, sqlite3_stmt *st, const char *what)
{
	int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_fail(s, what);

	sqlite3_reset(st);
	return rc;
}

int
store_meta_put(struct store *s, const char *key, uint64_t v)
{
	sqlite3_stmt *st = store_stmt(s, STMT_META_PUT);

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)v);
	return store_stmt_run(s, st, "cannot write");
}

int
store_meta_get(struct store *s, const char *key, uint64_t *ret)
{
	sqlite3_stmt *st = store_stmt(s, STMT_META_GET);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot read");
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	*ret = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_fail(s, "cannot read");
	sqlite3_reset(st);
	return rc;
}
