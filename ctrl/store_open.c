/* SPDX-License-Identifier: BSD-3-Clause */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store_schema.h"

static int
load_id(struct store *s)
{
	sqlite3_stmt *st = store_stmt(s, STMT_META_GET);
	const unsigned char *text;
	int rc;

	if (st == NULL)
		return store_fail(s, "cannot read");
	sqlite3_bind_text(st, 1, "store_id", -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	text = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
	if (text == NULL || strlen((const char *)text) != UUID_LEN)
		rc = store_set_error(s, "damaged", "it has no store_id", EBADMSG);
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

_Static_assert(sizeof(store_schema_steps) / sizeof(store_schema_steps[0]) == STORE_VERSION, "a step for each version");

/* From @version to ours, in the open transaction. */
static int
take_steps(struct store *s, int version, const char *what)
{
	char sql[64];
	int rc = 0;

	for (; rc == 0 && version < STORE_VERSION; version++)
		rc = store_exec(s, store_schema_steps[version], what);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", STORE_VERSION);
	return rc == 0 ? store_exec(s, sql, what) : rc;
}

/* A store of an older version: whole afterwards, or as it was. */
static int
migrate(struct store *s, int version)
{
	static const char what[] = "cannot bring the store up to date";
	int rc = store_exec(s, "BEGIN IMMEDIATE", what);

	if (rc == 0)
		rc = take_steps(s, version, what);
	if (rc == 0)
		rc = store_exec(s, "COMMIT", what);
	if (rc < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static int
create_schema(struct store *s, bool scratch)
{
	char sql[128], uuid[UUID_LEN + 1];
	sqlite3_stmt *st;
	int rc = ids_uuid(uuid);

	if (rc < 0)
		return store_set_error(s, "cannot make the store", strerror(-rc), -rc);
	rc = store_exec(s, "BEGIN IMMEDIATE", "cannot make the store");
	if (rc == 0)
		rc = take_steps(s, 0, "cannot make the store");
	if (rc == 0 && scratch)
		rc = store_exec(s, store_schema_scratch, "cannot make the store");
	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d", STORE_APPLICATION_ID);
	if (rc == 0)
		rc = store_exec(s, sql, "cannot make the store");
	if (rc == 0)
		rc = store_meta_put(s, "next_sequence", 1);
	if (rc < 0)
		return rc;
	st = store_stmt(s, STMT_META_PUT);
	sqlite3_bind_text(st, 1, "store_id", -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, uuid, -1, SQLITE_STATIC);
	rc = store_stmt_run(s, st, "cannot make the store");
	sqlite3_clear_bindings(st);
	return rc < 0 ? rc : store_exec(s, "COMMIT", "cannot make the store");
}

static int
check_schema(struct store *s, unsigned int flags)
{
	bool readonly = flags & STORE_READONLY;
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
		return create_schema(s, flags & STORE_SCRATCH);
	if (application != STORE_APPLICATION_ID)
		return store_set_error(s, "cannot use it", "not a store of Postern's alerts", EBADMSG);
	if (version < 1)
		return store_set_error(s, "damaged", "it has no version", EBADMSG);
	if (version > STORE_VERSION) {
		snprintf(why, sizeof(why), "made by a newer Postern (store version %d, this one knows %d)", version,
			 STORE_VERSION);
		return store_set_error(s, "cannot use it", why, EPROTO);
	}
	return version < STORE_VERSION && !readonly ? migrate(s, version) : 0;
}

/* When the last span began. */
static int
load_span(struct store *s)
{
	sqlite3_stmt *st = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(s->db, "SELECT max(stored_ns) FROM span", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		rc = store_fail(s, "cannot open the store");
	else
		s->span_ns = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
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
		return store_set_error(s, "cannot open the store", strerror(ENOMEM), ENOMEM);
	s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(name);
	if (s->lock_fd < 0)
		return store_set_error(s, "cannot open the store", strerror(errno), errno);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return store_set_error(s, "cannot open the store", "locked", errno == EWOULDBLOCK ? EBUSY : errno);
	return 0;
}

/* The death of a process loses nothing with any of them: see store.h on the death of the machine. */
static const char *
synchronous(unsigned int flags)
{
	if (flags & STORE_DURABLE)
		return "PRAGMA synchronous=FULL";
	return flags & STORE_SCRATCH ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=NORMAL";
}

static int
setup(struct store *s, unsigned int flags)
{
	int rc;

	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, 10000);
	if (flags & STORE_READONLY)
		return store_exec(s, "PRAGMA query_only=1", "cannot open the store");
	/* Nobody opens a scratch store after us: what its log holds need not go into the file at the end. */
	if (flags & STORE_SCRATCH)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* auto_vacuum first: once the file has a page it is decided. Without effect on a store that is there. */
	rc = store_exec(s, "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=4000;"
			   "PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;",
			"cannot open the store");
	if (rc == 0)
		rc = store_exec(s, synchronous(flags), "cannot open the store");
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
		rc = check_schema(s, flags);
	if (rc == 0 && !readonly)
		rc = load_span(s);
	if (rc == 0)
		rc = load_id(s);
	if (rc == 0)
		rc = store_meta_get(s, "next_sequence", &s->next_sequence);
	if (rc == 0 && s->next_sequence == 0)
		rc = store_set_error(s, "damaged", "it has no next sequence number", EBADMSG);
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
