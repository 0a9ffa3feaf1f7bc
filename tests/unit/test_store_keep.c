/* SPDX-License-Identifier: BSD-3-Clause */
/* Retention, room given back, copies made under way, older versions brought up to date: on real SQLite files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dp_abi.h"
#include "store_keep.h"
#include "store_schema.h"
#include "temp_folder.h"
#include "units.h"

#define HOUR UINT64_C(3600000000000)
#define NOW (UINT64_C(400000) * HOUR) /* in 2015: before what the clock says */

struct place {
	char dir[64], path[96], copy[96];
};

static int
setup(void **state)
{
	struct place *p = test_calloc(1, sizeof(*p));

	temp_folder_make("keep", p->dir, sizeof(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/alerts.sqlite", p->dir);
	snprintf(p->copy, sizeof(p->copy), "%s/copy.sqlite", p->dir);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	temp_folder_remove(p->dir);
	test_free(p);
	return 0;
}

static struct store *
open_ok(const char *path, unsigned int flags)
{
	struct store *s;

	if (store_open(path, flags, &s) != 0)
		fail_msg("%s", store_error(s));
	return s;
}

static void
run_sql(struct store *s, const char *sql)
{
	if (sqlite3_exec(store_db(s), sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(store_db(s)));
}

static uint64_t
number(struct store *s, const char *sql)
{
	sqlite3_stmt *st;
	uint64_t n;

	assert_int_equal(sqlite3_prepare_v2(store_db(s), sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

/* @nb alerts, each with its update, in one transaction. */
static void
add(struct store *s, unsigned int nb)
{
	static const struct store_run none;
	static unsigned int id;
	char json[1000];

	memset(json, 'x', sizeof(json));
	assert_int_equal(store_begin(s), 0);
	for (unsigned int i = 0; i < nb; i++) {
		uint8_t event[EVENT_ID_OCTETS] = { 0 };
		uint64_t sequence = store_next_sequence(s);
		const struct store_alert a = { .ts_ns = 1, .rule = "r", .verdict = DP_VERDICT_REFUSE, .severity = 3,
					       .domain = "army.ml", .domain_len = 7, .sender = "a@b", .sender_len = 3 };

		id++;
		memcpy(event, &id, sizeof(id));
		assert_int_equal(store_add_alert(s, event, json, sizeof(json), &a), 1);
		assert_int_equal(store_add_update(s, sequence, "{}", 2), 1);
	}
	assert_int_equal(store_commit(s, &none), 0);
}

/* What has been stored so far was stored at @ns; what comes next begins a span of its own. */
static struct store *
stored_at(struct store *s, const struct place *p, uint64_t ns)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "UPDATE span SET stored_ns = %llu WHERE stored_ns > %llu", (unsigned long long)ns,
		 (unsigned long long)NOW);
	run_sql(s, sql);
	store_free(s);
	return open_ok(p->path, 0);
}

static void
prune(struct store *s, const struct store_limits *l, uint64_t written)
{
	int rc, steps = 0;

	while ((rc = store_keep_step(s, l, written, NOW, 7)) == 1)
		assert_true(++steps < 10000);
	assert_int_equal(rc, 0);
}

static struct store_kept
look(struct store *s)
{
	struct store_kept k;

	assert_int_equal(store_keep_look(s, &k), 0);
	return k;
}

static void
test_age(void **state)
{
	const struct place *p = *state;
	const struct store_limits none = { 0 }, day = { .age_ns = 24 * HOUR };
	struct store *s = open_ok(p->path, 0);

	assert_int_equal(look(s).records, 0);
	prune(s, &day, UINT64_MAX - 1);
	add(s, 10);
	s = stored_at(s, p, NOW - 50 * HOUR);
	add(s, 20);
	s = stored_at(s, p, NOW - 30 * HOUR);
	add(s, 5);
	s = stored_at(s, p, NOW - 24 * HOUR);
	add(s, 1);
	s = stored_at(s, p, NOW - HOUR);
	assert_int_equal(number(s, "SELECT count(*) FROM span"), 4);
	prune(s, &none, UINT64_MAX - 1);
	assert_int_equal(look(s).records, 72);
	prune(s, &day, UINT64_MAX - 1);
	/* What is exactly at the limit stays. */
	assert_int_equal(look(s).records, 12);
	assert_int_equal(look(s).first_sequence, 61);
	assert_int_equal(look(s).deleted, 60);
	assert_int_equal(number(s, "SELECT count(*) FROM span"), 2);
	assert_int_equal(number(s, "SELECT count(*) FROM alert"), 6);
	assert_int_equal(number(s, "SELECT count(*) FROM alert_update"), 6);
	/* The next numbers go on. */
	add(s, 1);
	assert_int_equal(number(s, "SELECT max(sequence) FROM record"), 74);
	/* All of it old: nothing stays, and the numbers go on all the same. */
	run_sql(s, "UPDATE span SET stored_ns = 1");
	prune(s, &day, UINT64_MAX - 1);
	assert_int_equal(look(s).records, 0);
	store_free(s);
	s = open_ok(p->path, 0);
	assert_int_equal(store_next_sequence(s), 75);
	add(s, 1);
	assert_int_equal(look(s).first_sequence, 75);
	store_free(s);
}

/* Neither what no output has yet, nor from an alert on that waits for its update. */
static void
test_guards(void **state)
{
	const struct place *p = *state;
	const struct store_limits day = { .age_ns = 24 * HOUR };
	struct store *s = open_ok(p->path, 0);

	add(s, 20);
	s = stored_at(s, p, NOW - 50 * HOUR);
	prune(s, &day, 10);
	assert_int_equal(look(s).first_sequence, 11);
	run_sql(s, "INSERT INTO open_alert(sequence, run, ts_ns, event_id, flow_uid, txn, rcpt, command_octets, reply,"
		   " data_begun) VALUES(15, 1, 1, x'00', 1, 1, 1, 1, 1, 1)");
	prune(s, &day, UINT64_MAX - 1);
	assert_int_equal(look(s).first_sequence, 15);
	run_sql(s, "DELETE FROM open_alert");
	prune(s, &day, 0);
	assert_int_equal(look(s).first_sequence, 15);
	prune(s, &day, UINT64_MAX - 1);
	assert_int_equal(look(s).records, 0);
	store_free(s);
}

static void
test_size(void **state)
{
	const struct place *p = *state;
	const struct store_limits mib = { .octets = 1 << 20 };
	struct store *s = open_ok(p->path, 0);
	struct store_kept before, after;
	struct stat st;
	int rc;

	add(s, 4000);
	before = look(s);
	assert_true(before.pages * before.page_size > 4 << 20);
	prune(s, &mib, UINT64_MAX - 1);
	after = look(s);
	assert_true((after.pages - after.free_pages) * after.page_size <= 1 << 20);
	assert_true(after.records > 500); /* no more than needed */
	assert_int_equal(after.first_sequence + after.records, before.first_sequence + before.records);
	assert_true(after.free_pages > 0);
	while ((rc = store_keep_vacuum(s, 100)) == 1)
		;
	assert_int_equal(rc, 0);
	assert_int_equal(look(s).free_pages, 0);
	run_sql(s, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(stat(p->path, &st), 0);
	assert_true(st.st_size < 2 << 20);
	assert_int_equal(store_keep_rewrite(s), 0);
	assert_int_equal(look(s).records, after.records);
	store_free(s);
}

/* A store as version @version left it, with two alerts, one of them open. */
static void
make_old(const char *path, int version)
{
	sqlite3 *db;
	char sql[256];
	int i;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (i = 0; i < version; i++)
		assert_int_equal(sqlite3_exec(db, store_schema_steps[i], NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=WAL; PRAGMA application_id=%d; PRAGMA user_version=%d",
		 STORE_APPLICATION_ID, version);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			     "INSERT INTO meta VALUES('next_sequence', 4);"
			     "INSERT INTO meta VALUES('store_id', '01234567-89ab-4def-8123-456789abcdef');"
			     "INSERT INTO record VALUES(1, 1, x'01', '{\"n\":1}'), (2, 2, NULL, '{}'), (3, 1, x'02', '{\"n\":2}');"
			     "INSERT INTO alert_update VALUES(1, 2);"
			     "INSERT INTO alert VALUES(1, 10, 'r', 3, 3, 'lm.ymra', ''), (3, 11, 'r', 3, 3, 'lm.ymra', '');"
			     "INSERT INTO open_alert(sequence, run, ts_ns, event_id, flow_uid, txn, rcpt, command_octets,"
			     " reply, data_begun) VALUES(3, 1, 11, x'02', 1, 1, 1, 23, 250, 1);",
			     NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int
count(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	++*(unsigned int *)ctx;
	return 0;
}

static void
test_migration(void **state)
{
	const struct place *p = *state;
	const struct store_limits day = { .age_ns = 24 * HOUR };
	struct stat st;
	struct store *s;
	unsigned int nb;
	int version;

	for (version = 1; version < STORE_VERSION; version++) {
		make_old(p->path, version);
		/* Read only: as it is. */
		s = open_ok(p->path, STORE_READONLY);
		nb = 0;
		assert_int_equal(store_read(s, 0, count, &nb), 0);
		assert_int_equal(nb, 3);
		assert_int_equal(number(s, "PRAGMA user_version"), version);
		store_free(s);
		s = open_ok(p->path, 0);
		assert_int_equal(number(s, "PRAGMA user_version"), STORE_VERSION);
		assert_string_equal(store_id(s), "01234567-89ab-4def-8123-456789abcdef");
		assert_int_equal(store_next_sequence(s), 4);
		assert_int_equal(number(s, "SELECT sequence FROM span"), 1);
		assert_true(number(s, "SELECT stored_ns FROM span") > UINT64_C(1700000000000000000));
		assert_int_equal(number(s, "SELECT enforcement + hold_us FROM open_alert WHERE sequence = 3"), 0);
		add(s, 2);
		assert_int_equal(number(s, "SELECT max(sequence) FROM record"), 7);
		prune(s, &day, UINT64_MAX - 1);
		assert_int_equal(look(s).records, 7);
		store_free(s);
		/* Once is enough. */
		s = open_ok(p->path, 0);
		assert_int_equal(look(s).records, 7);
		store_free(s);
		assert_int_equal(unlink(p->path), 0);
	}
	/* Empty, and of a version of tomorrow. */
	make_old(p->path, 1);
	s = open_ok(p->path, 0);
	run_sql(s, "PRAGMA user_version=99");
	store_free(s);
	assert_int_equal(store_open(p->path, 0, &s), -EPROTO);
	store_free(s);
	assert_int_equal(stat(p->path, &st), 0);
}

/* A step that fails leaves the store as it was. */
static void
test_migration_fails(void **state)
{
	const struct place *p = *state;
	sqlite3 *db;
	struct store *s;

	make_old(p->path, 2);
	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE span(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(store_open(p->path, 0, &s) < 0);
	assert_non_null(strstr(store_error(s), "cannot bring the store up to date"));
	store_free(s);
	s = open_ok(p->path, STORE_READONLY);
	assert_int_equal(number(s, "PRAGMA user_version"), 2);
	store_free(s);
}

struct writer {
	const struct place *p;
	_Atomic bool stop;
	_Atomic unsigned int rounds;
};

static void *
write_on(void *arg)
{
	struct writer *w = arg;
	struct store *s = open_ok(w->p->path, 0);

	while (!atomic_load(&w->stop)) {
		add(s, 20);
		atomic_fetch_add(&w->rounds, 1);
	}
	store_free(s);
	return NULL;
}

/* Let the writer write between two pieces, so that a copy which began anew at each change would never end. */
static void
wait_for_writer(void *ctx, uint64_t done, uint64_t all)
{
	struct writer *w = ctx;
	unsigned int before = atomic_load(&w->rounds);
	int i;

	for (i = 0; i < 2000 && atomic_load(&w->rounds) == before; i++)
		usleep(1000);
}

static void
test_backup(void **state)
{
	const struct place *p = *state;
	struct writer w = { .p = p };
	struct store *s = open_ok(p->path, 0), *copy;
	struct store_kept k;
	pthread_t thread;
	struct stat st;

	add(s, 3000);
	store_free(s);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
	wait_for_writer(&w, 0, 0);
	s = open_ok(p->path, STORE_READONLY);
	assert_int_equal(store_keep_backup(s, p->copy, wait_for_writer, &w), 0);
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(stat(p->copy, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	copy = open_ok(p->copy, STORE_READONLY);
	assert_string_equal(store_id(copy), store_id(s));
	k = look(copy);
	/* Of one moment: whole transactions, and an update for each alert. */
	assert_int_equal(k.first_sequence, 1);
	assert_true(k.records >= 6000 && k.records % 40 == 0);
	assert_int_equal(number(copy, "SELECT count(*) FROM alert"), k.records / 2);
	assert_int_equal(number(copy, "SELECT count(*) FROM record"), k.records);
	assert_true(number(s, "SELECT count(*) FROM record") > k.records);
	store_free(copy);
	/* It can be used in place of the other. */
	copy = open_ok(p->copy, 0);
	add(copy, 1);
	store_free(copy);
	/* A second one takes the place of the first. */
	assert_int_equal(store_keep_backup(s, p->copy, NULL, NULL), 0);
	store_free(s);
}

static void
test_backup_fails(void **state)
{
	const struct place *p = *state;
	struct rlimit old, small = { .rlim_cur = 1 << 20 };
	struct store *s = open_ok(p->path, 0);
	char copy[160];

	signal(SIGXFSZ, SIG_IGN);
	add(s, 3000);
	assert_int_equal(store_keep_backup(s, "/nonexistent/copy", NULL, NULL), -ENOENT);
	assert_non_null(strstr(store_error(s), "/nonexistent/copy: the copy cannot be written"));
	snprintf(copy, sizeof(copy), "%s/sub", p->dir);
	assert_int_equal(mkdir(copy, 0700), 0);
	snprintf(copy, sizeof(copy), "%s/sub/copy", p->dir);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_true(store_keep_backup(s, copy, NULL, NULL) < 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	/* Nothing half-made is left. */
	assert_int_equal(access(copy, F_OK), -1);
	snprintf(copy, sizeof(copy), "%s/sub", p->dir);
	assert_int_equal(rmdir(copy), 0);
	add(s, 1);
	store_free(s);
}

static void
test_units(void **state)
{
	static const char *const bad[] = { "",    "0d",  "d",	"-1d",	 "1",  "1D",  "1.5d", "1dd", " 1d", "01d",
					   "1 d", "99999999999999999999w", "70000w", "1GB", "1gib", "5PiB" };
	uint64_t n = 77;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(units_age(bad[i], &n), -EINVAL);
		assert_int_equal(units_size(bad[i], &n), -EINVAL);
	}
	assert_int_equal(n, 77);
	assert_int_equal(units_age("90d", &n), 0);
	assert_int_equal(n, 90 * 24 * 3600);
	assert_int_equal(units_age("12w", &n), 0);
	assert_int_equal(n, 12 * 7 * 24 * 3600);
	assert_int_equal(units_size("2GiB", &n), 0);
	assert_true(n == UINT64_C(2) << 30);
	assert_int_equal(units_size("500MiB", &n), 0);
	assert_true(n == UINT64_C(500) << 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_migration_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup_fails, setup, teardown),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
