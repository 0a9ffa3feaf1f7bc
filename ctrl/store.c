/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_schema.h"

enum stmt_id {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ADD,
	STMT_ADD_ALERT,
	STMT_ADD_UPDATE,
	STMT_RING_GET,
	STMT_RING_PUT,
	STMT_META_GET,
	STMT_META_PUT,
	STMT_READ,
	STMT_NB,
};

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
	[STMT_READ] = "SELECT sequence, kind, json FROM record WHERE sequence > ? ORDER BY sequence LIMIT 1024",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *stmts[STMT_NB];
	char *path;
	bool readonly;
	int lock_fd;
	bool in_transaction;
	uint64_t next_sequence;
	char id[UUID_LEN + 1];
	char error[512];
};

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

static int
set_error(struct store *s, const char *what, const char *why, int err)
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
		return set_error(s, what, strerror(sys), err);
	return set_error(s, what, s->db == NULL ? "out of memory" : sqlite3_errmsg(s->db), err);
}

static int
exec(struct store *s, const char *sql, const char *what)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, what);
}

static sqlite3_stmt *
stmt_of(struct store *s, enum stmt_id id)
{
	if (s->stmts[id] == NULL &&
	    sqlite3_prepare_v3(s->db, stmt_texts[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id], NULL) != SQLITE_OK)
		return NULL;
	return s->stmts[id];
}

/* Run a statement that gives no rows. */
static int
run(struct store *s, sqlite3_stmt *st, const char *what)
{
	int rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_fail(s, what);

	sqlite3_reset(st);
	return rc;
}

static int
meta_put_u64(struct store *s, const char *key, uint64_t v)
{
	sqlite3_stmt *st = stmt_of(s, STMT_META_PUT);

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)v);
	return run(s, st, "cannot write");
}

/* Absent: 0. */
static int
meta_get_u64(struct store *s, const char *key, uint64_t *ret)
{
	sqlite3_stmt *st = stmt_of(s, STMT_META_GET);
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

static int
load_id(struct store *s)
{
	sqlite3_stmt *st = stmt_of(s, STMT_META_GET);
	const unsigned char *text;
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot read");
	sqlite3_bind_text(st, 1, "store_id", -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	text = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
	if (text == NULL || strlen((const char *)text) != UUID_LEN)
		rc = set_error(s, "damaged", "it has no store_id", EBADMSG);
	else
		rc = snprintf(s->id, sizeof(s->id), "%s", text) == UUID_LEN ? 0 : -EBADMSG;
	sqlite3_reset(st);
	return rc;
}

static int
pragma_int(struct store *s, const char *sql, int *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
		rc = store_fail(s, "cannot open the store");
	else
		*ret = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return rc;
}

static int
create_schema(struct store *s)
{
	char sql[128], uuid[UUID_LEN + 1];
	sqlite3_stmt *st;
	int rc = ids_uuid(uuid);

	if (rc < 0)
		return set_error(s, "cannot make the store", strerror(-rc), -rc);
	rc = exec(s, "BEGIN IMMEDIATE", "cannot make the store");
	if (rc == 0)
		rc = exec(s, store_schema_v1, "cannot make the store");
	if (rc == 0)
		rc = exec(s, store_schema_v2, "cannot make the store");
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d", STORE_APPLICATION_ID,
		 STORE_VERSION);
	if (rc == 0)
		rc = exec(s, sql, "cannot make the store");
	if (rc == 0)
		rc = meta_put_u64(s, "next_sequence", 1);
	if (rc < 0)
		return rc;
	st = stmt_of(s, STMT_META_PUT);
	sqlite3_bind_text(st, 1, "store_id", -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, uuid, -1, SQLITE_STATIC);
	rc = run(s, st, "cannot make the store");
	sqlite3_clear_bindings(st);
	return rc < 0 ? rc : exec(s, "COMMIT", "cannot make the store");
}

/* A store of an older Postern. Readers take it as it is: what they ask for was always there. */
static int
upgrade_schema(struct store *s)
{
	char sql[64];
	int rc = exec(s, "BEGIN IMMEDIATE", "cannot bring the store up to date");

	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", STORE_VERSION);
	if (rc == 0)
		rc = exec(s, store_schema_v2, "cannot bring the store up to date");
	if (rc == 0)
		rc = exec(s, sql, "cannot bring the store up to date");
	return rc < 0 ? rc : exec(s, "COMMIT", "cannot bring the store up to date");
}

static int
check_schema(struct store *s, bool readonly)
{
	int version = 0, application = 0, tables = 0, rc;
	char why[96];

	rc = pragma_int(s, "PRAGMA user_version", &version);
	if (rc == 0)
		rc = pragma_int(s, "PRAGMA application_id", &application);
	if (rc == 0)
		rc = pragma_int(s, "SELECT count(*) FROM sqlite_master", &tables);
	if (rc < 0)
		return rc;
	if (tables == 0 && application == 0 && version == 0 && !readonly)
		return create_schema(s);
	if (application != STORE_APPLICATION_ID)
		return set_error(s, "cannot use it", "not a store of Postern's alerts", EBADMSG);
	if (version > STORE_VERSION) {
		snprintf(why, sizeof(why), "made by a newer Postern (store version %d, this one knows %d)", version,
			 STORE_VERSION);
		return set_error(s, "cannot use it", why, EPROTO);
	}
	if (version < STORE_VERSION && !readonly)
		return upgrade_schema(s);
	return 0;
}

/*
 * SQLite's own locks come and go with transactions; this one holds as long as the process lives, so that two writers
 * never give the same numbers. In a file of its own: closing any descriptor of the database would drop SQLite's.
 */
static int
lock_writer(struct store *s)
{
	char *name;

	if (asprintf(&name, "%s-lock", s->path) < 0)
		return set_error(s, "cannot open the store", strerror(ENOMEM), ENOMEM);
	s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(name);
	if (s->lock_fd < 0)
		return set_error(s, "cannot open the store", strerror(errno), errno);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return set_error(s, "cannot open the store", "locked", errno == EWOULDBLOCK ? EBUSY : errno);
	return 0;
}

static int
setup(struct store *s, unsigned int flags)
{
	int rc;

	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, 10000);
	if (flags & STORE_READONLY)
		return exec(s, "PRAGMA query_only=1", "cannot open the store");
	rc = exec(s, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16000;"
		     "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;",
		  "cannot open the store");
	if (rc == 0)
		rc = exec(s, flags & STORE_DURABLE ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
			  "cannot open the store");
	return rc;
}

/*
 * A store in a folder that cannot be written to is read as it lies there: SQLite would want to make its shared-memory
 * file. Only when no log stands beside it, whose content would be missed.
 */
static char *
immutable_uri(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *wal = NULL, *dir = strdup(path), *uri = NULL, *q, *slash;
	bool usable = false;
	const char *p;

	if (dir != NULL && asprintf(&wal, "%s-wal", path) >= 0) {
		slash = strrchr(dir, '/');
		if (slash != NULL)
			slash[slash == dir] = '\0';
		usable = access(slash != NULL ? dir : ".", W_OK) < 0 && access(path, R_OK) == 0 &&
			 access(wal, F_OK) < 0;
		free(wal);
	}
	free(dir);
	uri = usable ? malloc(strlen(path) * 3 + 32) : NULL;
	if (uri == NULL)
		return NULL;
	q = stpcpy(uri, "file:");
	for (p = path; *p != '\0'; p++) {
		if (strchr(plain, *p) != NULL)
			*q++ = *p;
		else
			q += sprintf(q, "%%%02x", (unsigned char)*p);
	}
	strcpy(q, "?immutable=1");
	return uri;
}

static int
open_db(struct store *s, unsigned int flags)
{
	char *uri = flags & STORE_READONLY ? immutable_uri(s->path) : NULL;
	int mode = flags & STORE_READONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int rc;

	if (uri != NULL)
		mode |= SQLITE_OPEN_URI;
	rc = sqlite3_open_v2(uri != NULL ? uri : s->path, &s->db,
			     mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
	free(uri);
	return rc == SQLITE_OK ? 0 : store_fail(s, "cannot open the store");
}

int
store_open(const char *path, unsigned int flags, struct store **ret)
{
	bool readonly = flags & STORE_READONLY;
	struct store *s = calloc(1, sizeof(*s));
	int rc;

	*ret = s;
	if (s == NULL)
		return -ENOMEM;
	s->lock_fd = -1;
	s->readonly = readonly;
	s->path = strdup(path);
	if (s->path == NULL)
		return -ENOMEM;
	rc = readonly ? 0 : lock_writer(s);
	if (rc == 0)
		rc = open_db(s, flags);
	if (rc == 0)
		rc = setup(s, flags);
	if (rc == 0)
		rc = check_schema(s, readonly);
	if (rc == 0)
		rc = load_id(s);
	if (rc == 0)
		rc = meta_get_u64(s, "next_sequence", &s->next_sequence);
	if (rc == 0 && s->next_sequence == 0)
		rc = set_error(s, "damaged", "it has no next sequence number", EBADMSG);
	return rc;
}

void
store_free(struct store *s)
{
	int i;

	if (s == NULL)
		return;
	for (i = 0; i < STMT_NB; i++)
		sqlite3_finalize(s->stmts[i]);
	/* An open transaction rolls back; the last one to close folds the log into the file. */
	sqlite3_close_v2(s->db);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->path);
	free(s);
}

int
store_begin(struct store *s)
{
	sqlite3_stmt *st;
	int rc;

	if (s->in_transaction)
		return 0;
	st = stmt_of(s, STMT_BEGIN);
	rc = st == NULL ? store_fail(s, "cannot write") : run(s, st, "cannot write");
	s->in_transaction = rc == 0;
	return rc;
}

int
store_commit(struct store *s, const struct store_run *r)
{
	sqlite3_stmt *st = stmt_of(s, STMT_COMMIT);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot write");
	rc = meta_put_u64(s, "next_sequence", s->next_sequence);
	if (rc == 0)
		rc = meta_put_u64(s, "run_alerts", r->alerts);
	if (rc == 0)
		rc = meta_put_u64(s, "run_updates", r->updates);
	if (rc == 0)
		rc = meta_put_u64(s, "run_last_ts", r->last_ts_ns);
	if (rc == 0)
		rc = run(s, st, "cannot write");
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
		rc = meta_get_u64(s, "run", &previous);
	if (rc == 0)
		rc = exec(s, "DELETE FROM ring", "cannot write");
	if (rc == 0)
		rc = meta_put_u64(s, "previous_run", previous);
	if (rc == 0)
		rc = meta_put_u64(s, "run", run_id);
	if (rc == 0)
		rc = meta_put_u64(s, "ruleset", ruleset_hash);
	if (rc == 0)
		rc = meta_put_u64(s, "run_first", s->next_sequence);
	return rc < 0 ? rc : store_commit(s, &none);
}

int
store_run_load(struct store *s, struct store_run *ret)
{
	int rc = meta_get_u64(s, "run_first", &ret->first_sequence);

	if (rc == 0)
		rc = meta_get_u64(s, "ruleset", &ret->ruleset_hash);
	if (rc == 0)
		rc = meta_get_u64(s, "run_alerts", &ret->alerts);
	if (rc == 0)
		rc = meta_get_u64(s, "run_updates", &ret->updates);
	if (rc == 0)
		rc = meta_get_u64(s, "run_last_ts", &ret->last_ts_ns);
	if (rc == 0)
		rc = meta_get_u64(s, "previous_run", &ret->previous_run);
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
	sqlite3_stmt *st = stmt_of(s, STMT_ADD_ALERT);
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
	return run(s, st, "cannot store an alert");
}

/* @event_id: NULL for updates. 1: added; 0: its event id is there. The number is used up by the caller. */
static int
add_record(struct store *s, enum store_kind kind, const uint8_t *event_id, const char *json, size_t json_len)
{
	sqlite3_stmt *st = stmt_of(s, STMT_ADD);
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
	rc = run(s, st, "cannot store a record");
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
	sqlite3_stmt *st = stmt_of(s, STMT_ADD_UPDATE);
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)alert_sequence);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)s->next_sequence);
	rc = run(s, st, "cannot store an update");
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
	sqlite3_stmt *st = stmt_of(s, STMT_RING_GET);
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
	sqlite3_stmt *st = stmt_of(s, STMT_RING_PUT);

	if (st == NULL)
		return store_fail(s, "cannot write");
	sqlite3_bind_int(st, 1, (int)worker);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)pos);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)alerts);
	return run(s, st, "cannot write");
}

int
store_read(struct store *s, uint64_t after, store_record_fn fn, void *ctx)
{
	sqlite3_stmt *st = stmt_of(s, STMT_READ);
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
