/* SPDX-License-Identifier: BSD-3-Clause */
#include "store_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_private.h"

enum {
	BACKUP_PAGES = 256, /* copied at once */
};

/* The number that @sql gives, with @arg for its first ?. NULL: @absent. */
static int
query(struct store *s, const char *sql, uint64_t arg, uint64_t absent, uint64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		return store_fail(s, "cannot read");
	if (sqlite3_bind_parameter_count(st) > 0)
		sqlite3_bind_int64(st, 1, (sqlite3_int64)arg);
	if (sqlite3_step(st) != SQLITE_ROW)
		rc = store_fail(s, "cannot read");
	else
		*ret = sqlite3_column_type(st, 0) == SQLITE_NULL ? absent : (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc;
}

int
store_keep_look(struct store *s, struct store_kept *ret)
{
	uint64_t last = 0;
	int rc = query(s, "SELECT min(sequence) FROM record", 0, s->next_sequence, &ret->first_sequence);

	if (rc == 0)
		rc = query(s, "SELECT max(sequence) FROM record", 0, ret->first_sequence - 1, &last);
	if (rc == 0)
		rc = query(s, "PRAGMA page_count", 0, 0, &ret->pages);
	if (rc == 0)
		rc = query(s, "PRAGMA freelist_count", 0, 0, &ret->free_pages);
	if (rc == 0)
		rc = query(s, "PRAGMA page_size", 0, 0, &ret->page_size);
	if (rc == 0)
		rc = store_meta_get(s, "deleted", &ret->deleted);
	ret->records = last + 1 - ret->first_sequence;
	return rc;
}

/* The first number that must stay. */
static int
find_cut(struct store *s, const struct store_limits *l, const struct store_kept *k, uint64_t written, uint64_t now_ns,
	 unsigned int rows, uint64_t *ret)
{
	uint64_t cut = k->first_sequence, open = 0;
	int rc = 0;

	/* All before the first span that is young enough is older than the limit. */
	if (l->age_ns != 0 && now_ns > l->age_ns && now_ns - l->age_ns > STORE_SPAN_NS)
		rc = query(s, "SELECT min(sequence) FROM span WHERE stored_ns >= ?", now_ns - l->age_ns - STORE_SPAN_NS,
			   s->next_sequence, &cut);
	if (l->octets != 0 && (k->pages - k->free_pages) * k->page_size > l->octets && cut < k->first_sequence + rows)
		cut = k->first_sequence + rows;
	if (rc == 0)
		rc = query(s, "SELECT min(sequence) FROM open_alert", 0, UINT64_MAX >> 1, &open);
	if (rc < 0)
		return rc;
	cut = cut < open ? cut : open;
	cut = cut < written + 1 ? cut : written + 1;
	/* The last span may be young while nothing of it is there yet. */
	cut = cut < s->next_sequence ? cut : s->next_sequence;
	*ret = cut < k->first_sequence + rows ? cut : k->first_sequence + rows;
	return 0;
}

static int
delete_before(struct store *s, const struct store_kept *k, uint64_t cut)
{
	static const char what[] = "cannot delete old records";
	char sql[640];
	int rc;

	snprintf(sql, sizeof(sql),
		 "DELETE FROM alert WHERE sequence < %llu; DELETE FROM alert_update WHERE alert < %llu;"
		 "DELETE FROM record WHERE sequence < %llu;"
		 "DELETE FROM span WHERE sequence < (SELECT max(sequence) FROM span WHERE sequence <= %llu);",
		 (unsigned long long)cut, (unsigned long long)cut, (unsigned long long)cut, (unsigned long long)cut);
	rc = store_exec(s, "BEGIN IMMEDIATE", what);
	if (rc == 0)
		rc = store_exec(s, sql, what);
	if (rc == 0)
		rc = store_meta_put(s, "deleted", k->deleted + (cut - k->first_sequence));
	if (rc == 0)
		rc = store_exec(s, "COMMIT", what);
	if (rc < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int
store_keep_step(struct store *s, const struct store_limits *limits, uint64_t written, uint64_t now_ns,
		unsigned int rows)
{
	struct store_kept k;
	uint64_t cut = 0;
	int rc = store_keep_look(s, &k);

	if (rc == 0)
		rc = find_cut(s, limits, &k, written, now_ns, rows, &cut);
	if (rc < 0 || cut <= k.first_sequence)
		return rc;
	rc = delete_before(s, &k, cut);
	return rc < 0 ? rc : 1;
}

int
store_keep_vacuum(struct store *s, unsigned int pages)
{
	uint64_t before = 0, after = 0;
	char sql[64];
	int rc = query(s, "PRAGMA freelist_count", 0, 0, &before);

	if (rc < 0 || before == 0)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%u)", pages);
	rc = store_exec(s, sql, "cannot give room back");
	if (rc == 0)
		rc = query(s, "PRAGMA freelist_count", 0, 0, &after);
	return rc < 0 ? rc : after > 0 && after < before;
}

int
store_keep_rewrite(struct store *s)
{
	/* With this a store of an early version, too, can give room back later. */
	int rc = store_exec(s, "PRAGMA auto_vacuum=INCREMENTAL", "cannot rewrite the store");

	if (rc == 0)
		rc = store_exec(s, "VACUUM", "cannot rewrite the store");
	return rc == 0 ? store_exec(s, "PRAGMA wal_checkpoint(TRUNCATE)", "cannot rewrite the store") : rc;
}

static int
fail_copy(struct store *s, const char *to, int err)
{
	snprintf(s->error, sizeof(s->error), "%.300s: the copy cannot be written: %s", to, strerror(err));
	return -err;
}

static int
errno_of(int code, sqlite3 *db)
{
	int sys = db != NULL ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EBADMSG;
	case SQLITE_CANTOPEN:
		return sys != 0 ? sys : EACCES;
	default:
		return sys != 0 ? sys : EIO;
	}
}

/* One moment of the source: in a read transaction a writer beside it neither waits nor makes the copy begin anew. */
static int
copy_pages(struct store *s, sqlite3 *to, void (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx)
{
	sqlite3_backup *b;
	int rc;

	if (sqlite3_exec(s->db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) != SQLITE_OK)
		return sqlite3_errcode(s->db);
	b = sqlite3_backup_init(to, "main", s->db, "main");
	rc = b != NULL ? SQLITE_OK : sqlite3_errcode(to);
	while (rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		if (progress != NULL) {
			uint64_t all = (uint64_t)sqlite3_backup_pagecount(b);

			progress(ctx, all - (uint64_t)sqlite3_backup_remaining(b), all);
		}
	}
	sqlite3_backup_finish(b);
	sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Is what was written a whole database, and all of it on the disk? */
static int
check_copy(sqlite3 *to)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(to, "PRAGMA quick_check", -1, &st, NULL);

	if (rc == SQLITE_OK && (sqlite3_step(st) != SQLITE_ROW ||
				strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0))
		rc = SQLITE_CORRUPT;
	sqlite3_finalize(st);
	/* A copy is one file: no log beside it that could be forgotten. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	return rc;
}

static int
sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* With what SQLite may have left beside it. */
static void
remove_copy(const char *path)
{
	static const char *const ends[] = { "", "-journal", "-wal", "-shm" };
	char name[PATH_MAX + 16];
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

int
store_keep_backup(struct store *s, const char *to, void (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx)
{
	char tmp[PATH_MAX];
	sqlite3 *db = NULL;
	int n = snprintf(tmp, sizeof(tmp), "%s.new.XXXXXX", to), fd, rc, err = 0;

	if (n < 0 || (size_t)n >= sizeof(tmp))
		return fail_copy(s, to, ENAMETOOLONG);
	fd = mkostemp(tmp, O_CLOEXEC); /* for this user alone, whatever the umask */
	if (fd < 0)
		return fail_copy(s, to, errno);
	close(fd);
	rc = sqlite3_open_v2(tmp, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	/* A copy that is broken off is thrown away: it needs no journal. What is whole is synced below. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = copy_pages(s, db, progress, ctx);
	if (rc == SQLITE_OK)
		rc = check_copy(db);
	if (rc != SQLITE_OK)
		err = errno_of(rc, db);
	sqlite3_close(db);
	if (err == 0)
		err = -sync_file(tmp);
	if (err == 0 && rename(tmp, to) < 0)
		err = errno;
	if (err == 0)
		return 0;
	remove_copy(tmp);
	return fail_copy(s, to, err);
}
