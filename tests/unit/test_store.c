/* SPDX-License-Identifier: BSD-3-Clause */
/* store, open_alerts, alert_query, output_resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alert_query.h"
#include "open_alerts.h"
#include "output_resume.h"
#include "store.h"
#include "temp_folder.h"

struct place {
	char dir[64], path[96];
};

static int
setup(void **state)
{
	struct place *p = test_calloc(1, sizeof(*p));

	temp_folder_make("store", p->dir, sizeof(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/alerts.sqlite", p->dir);
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

	assert_int_equal(store_open(path, flags, &s), 0);
	return s;
}

static int
add_alert(struct store *s, unsigned int id, uint64_t ts, const char *rule, unsigned int verdict, const char *domain,
	  const char *sender)
{
	uint8_t event[EVENT_ID_OCTETS] = { 0 };
	struct store_alert a = {
		.ts_ns = ts,
		.rule = rule,
		.verdict = verdict,
		.severity = 3,
		.domain = domain,
		.domain_len = strlen(domain),
		.sender = sender,
		.sender_len = strlen(sender),
	};
	char json[64];

	memcpy(event, &id, sizeof(id));
	snprintf(json, sizeof(json), "{\"n\":%u}", id);
	return store_add_alert(s, event, json, strlen(json), &a);
}

static const struct store_run no_run;

static int
note_any(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	char *out = ctx;

	sprintf(out + strlen(out), "%llu ", (unsigned long long)sequence);
	return 0;
}

static void
test_sequence(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);
	uint8_t lost[EVENT_ID_OCTETS] = { 9 };
	char seen[64] = "";
	char first_id[40];

	snprintf(first_id, sizeof(first_id), "%s", store_id(s));
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_next_sequence(s), 1);
	assert_int_equal(add_alert(s, 1, 10, "r", DP_VERDICT_REFUSE, "army.ml", "a@b"), 1);
	/* Once only; its update likewise. */
	assert_int_equal(add_alert(s, 1, 10, "r", DP_VERDICT_REFUSE, "army.ml", "a@b"), 0);
	assert_int_equal(store_next_sequence(s), 2);
	assert_int_equal(store_add_update(s, 1, "{}", 2), 1);
	assert_int_equal(store_add_update(s, 1, "{}", 2), 0);
	assert_int_equal(store_next_sequence(s), 3);
	assert_int_equal(store_add_lost(s, lost, "{}", 2), 1);
	assert_int_equal(store_add_lost(s, lost, "{}", 2), 0);
	assert_int_equal(alert_query_one(s, 1, note_any, seen), 1);
	assert_string_equal(seen, "1 2 ");
	assert_int_equal(alert_query_one(s, 2, note_any, seen), 0);
	assert_int_equal(store_ring_put(s, 3, 4096, 1), 0);
	assert_int_equal(store_commit(s, &no_run), 0);
	/* Not committed: its number is given again. */
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(add_alert(s, 2, 11, "r", DP_VERDICT_REFUSE, "army.ml", "a@b"), 1);
	store_free(s);
	s = open_ok(p->path, 0);
	assert_string_equal(store_id(s), first_id);
	assert_int_equal(store_next_sequence(s), 4);
	{
		uint64_t pos, alerts;

		assert_int_equal(store_ring_get(s, 3, &pos, &alerts), 0);
		assert_int_equal(pos, 4096);
		assert_int_equal(alerts, 1);
		/* A new run knows no positions. */
		assert_int_equal(store_run_begin(s, 5, 6), 0);
		assert_int_equal(store_ring_get(s, 3, &pos, &alerts), 0);
		assert_int_equal(pos, 0);
	}
	store_free(s);
}

static int
nb_question_indices(struct store *s)
{
	sqlite3_stmt *st;
	int nb;

	assert_int_equal(sqlite3_prepare_v2(store_db(s),
					    "SELECT count(*) FROM sqlite_master WHERE type='index' AND tbl_name='alert'",
					    -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	nb = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return nb;
}

/* A scratch store keeps what it is given, for a successor of a process that died, and nothing for those who ask. */
static void
test_scratch(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, STORE_SCRATCH);

	assert_int_equal(nb_question_indices(s), 0);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(add_alert(s, 1, 10, "r", 1, "army.ml", "a@b"), 1);
	assert_int_equal(store_commit(s, &(struct store_run){ 0 }), 0);
	store_free(s);
	s = open_ok(p->path, STORE_SCRATCH);
	assert_int_equal(store_next_sequence(s), 2);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(add_alert(s, 1, 10, "r", 1, "army.ml", "a@b"), 0);
	store_free(s);
}

static void
test_indices(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);

	assert_int_equal(nb_question_indices(s), 5);
	store_free(s);
}

static void
test_refusals(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0), *other;
	FILE *f;

	assert_int_equal(store_open(p->path, 0, &other), -EBUSY);
	assert_non_null(strstr(store_error(other), p->path));
	store_free(other);
	/* Reading is possible beside the writer. */
	other = open_ok(p->path, STORE_READONLY);
	store_free(other);
	assert_int_equal(sqlite3_exec(store_db(s), "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
	store_free(s);
	assert_int_equal(store_open(p->path, 0, &s), -EPROTO);
	assert_non_null(strstr(store_error(s), "newer"));
	store_free(s);
	assert_int_equal(unlink(p->path), 0);
	f = fopen(p->path, "w");
	fputs("this is a text of more than a hundred octets, which is what SQLite looks at before it says that this is no "
	      "database", f);
	fclose(f);
	assert_int_equal(store_open(p->path, 0, &s), -EBADMSG);
	store_free(s);
	assert_int_equal(store_open("/nonexistent/x.sqlite", STORE_READONLY, &s), -ENOENT);
	store_free(s);
}

static int
note(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	char *out = ctx;

	assert_int_equal(kind, STORE_ALERT);
	sprintf(out + strlen(out), "%llu ", (unsigned long long)sequence);
	return 0;
}

static void
check_query(struct store *s, struct alert_filter f, const char *expected)
{
	char found[256] = "";

	assert_int_equal(alert_query(s, &f, note, found), 0);
	assert_string_equal(found, expected);
}

static void
test_query(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);

	assert_int_equal(store_begin(s), 0);
	add_alert(s, 1, 10, "r1", DP_VERDICT_REFUSE, "army.ml", "Jane@Corp.example");
	add_alert(s, 2, 20, "r2", DP_VERDICT_PASS, "hq.army.ml", "joe@mail.corp.example");
	add_alert(s, 3, 30, "r1", DP_VERDICT_REFUSE, "notarmy.ml", "x@acorp.example");
	add_alert(s, 4, 40, "r1", DP_VERDICT_RESET, "ARMY.ML", "");
	assert_int_equal(store_commit(s, &no_run), 0);
	check_query(s, (struct alert_filter){ 0 }, "1 2 3 4 ");
	check_query(s, (struct alert_filter){ .limit = 2 }, "3 4 ");
	check_query(s, (struct alert_filter){ .since_ns = 20, .until_ns = 40 }, "2 3 ");
	check_query(s, (struct alert_filter){ .rule = "r1" }, "1 3 4 ");
	check_query(s, (struct alert_filter){ .rule = "r1", .verdict = DP_VERDICT_RESET }, "4 ");
	check_query(s, (struct alert_filter){ .domain = "army.ml" }, "1 2 4 ");
	check_query(s, (struct alert_filter){ .domain = "hq.army.ml" }, "2 ");
	check_query(s, (struct alert_filter){ .domain = "ml" }, "1 2 3 4 ");
	check_query(s, (struct alert_filter){ .domain = "rmy.ml" }, "");
	check_query(s, (struct alert_filter){ .sender = "jane@corp.example" }, "1 ");
	check_query(s, (struct alert_filter){ .sender = "corp.example" }, "1 2 ");
	check_query(s, (struct alert_filter){ .sender = "@CORP.example" }, "1 2 ");
	check_query(s, (struct alert_filter){ .sender = "ane@corp.example" }, "");
	check_query(s, (struct alert_filter){ .sender = "" }, "4 ");
	check_query(s, (struct alert_filter){ .rule = "' OR 1 --" }, "");
	store_free(s);
}

/* Every filter finds its rows by an index. */
static void
test_plans(void **state)
{
	static const char *const terms[] = { "ts_ns >= 5", "rule = 'x'", "verdict = 3 AND ts_ns > 3",
					     "domain >= x'00' AND domain < x'01'", "sender = x'00'" };
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);
	sqlite3_stmt *st;
	char sql[160];
	size_t i;

	for (i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN SELECT sequence FROM alert WHERE %s", terms[i]);
		assert_int_equal(sqlite3_prepare_v2(store_db(s), sql, -1, &st, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_non_null(strstr((const char *)sqlite3_column_text(st, 3), "INDEX"));
		sqlite3_finalize(st);
	}
	store_free(s);
}

static struct open_alert
open_alert(uint64_t sequence, uint64_t uid, uint32_t txn, uint32_t rcpt)
{
	return (struct open_alert){ .sequence = sequence, .ts_ns = sequence * 1000, .flow_uid = uid, .transaction = txn,
				    .rcpt_index = rcpt, .command_octets = 40 };
}

/*
 * Random events against a plain model, with a queue that is far too small, so that most alerts stand in the store only;
 * now and then all is saved and taken up by a new object, as after a kill.
 */
enum {
	MODEL_MAX = 3000,
	MODEL_FLOWS = 40,
};

struct model {
	struct open_alert a[MODEL_MAX + 1];
	bool open[MODEL_MAX + 1];
	uint64_t nb, oldest;
};

static void
expect_closed(struct open_alerts *oa, struct model *m, uint64_t uid, uint64_t ts)
{
	struct open_alert got;
	uint64_t i;

	assert_int_equal(open_alerts_flow_end(oa, uid, ts), 0);
	for (i = 1; i <= m->nb; i++) {
		if (!m->open[i] || m->a[i].flow_uid != uid)
			continue;
		assert_int_equal(open_alerts_next_closed(oa, &got), 1);
		assert_int_equal(got.sequence, i);
		assert_int_equal(got.reply, m->a[i].reply);
		assert_int_equal(got.data, m->a[i].data);
		assert_int_equal(got.closed_ns, ts);
		m->open[i] = false;
	}
	assert_int_equal(open_alerts_next_closed(oa, &got), 0);
}

static void
expect_due(struct open_alerts *oa, struct model *m, uint64_t now)
{
	struct open_alert got;

	for (; m->oldest <= m->nb; m->oldest++) {
		if (!m->open[m->oldest])
			continue;
		if (m->a[m->oldest].ts_ns + OPEN_ALERT_NS > now)
			break;
		assert_int_equal(open_alerts_next_due(oa, now, &got), 1);
		assert_int_equal(got.sequence, m->oldest);
		assert_int_equal(got.reply, m->a[m->oldest].reply);
		assert_int_equal(got.data, m->a[m->oldest].data);
		m->open[m->oldest] = false;
	}
	assert_int_equal(open_alerts_next_due(oa, now, &got), 0);
}

static void
apply(struct open_alerts *oa, struct model *m, uint64_t uid, uint32_t txn, uint32_t rcpt, enum open_data data)
{
	uint64_t i;

	if (data != OPEN_DATA_NONE)
		assert_int_equal(open_alerts_data(oa, uid, txn, data), 0);
	else
		assert_int_equal(open_alerts_reply(oa, uid, txn, rcpt, 250), 0);
	for (i = 1; i <= m->nb; i++) {
		if (m->a[i].flow_uid != uid || m->a[i].transaction != txn)
			continue;
		if (m->a[i].data < data)
			m->a[i].data = (uint8_t)data;
		if (data == OPEN_DATA_NONE && m->a[i].rcpt_index == rcpt && m->a[i].reply == 0)
			m->a[i].reply = 250;
	}
}

static struct open_alerts *
reopen(struct store *s, struct open_alerts *oa)
{
	assert_int_equal(open_alerts_save(oa), 0);
	assert_int_equal(store_commit(s, &no_run), 0);
	open_alerts_free(oa);
	assert_int_equal(open_alerts_new(s, 1, 16, &oa), 0);
	assert_int_equal(store_begin(s), 0);
	return oa;
}

static void
check_open_alerts(const struct place *p, unsigned int seed)
{
	static struct model m;
	struct store *s = open_ok(p->path, 0);
	uint32_t txn[MODEL_FLOWS] = { 0 }, rcpt[MODEL_FLOWS] = { 0 };
	struct open_alerts *oa;

	srand(seed);
	m = (struct model){ .oldest = 1 };
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(open_alerts_new(s, 1, 16, &oa), 0);
	while (m.nb < MODEL_MAX) {
		unsigned int f = (unsigned int)rand() % MODEL_FLOWS, what = (unsigned int)rand() % 100;

		if (what < 45) {
			if (rand() % 4 == 0 || txn[f] == 0) {
				txn[f]++;
				rcpt[f] = 0;
			}
			m.nb++;
			m.a[m.nb] = open_alert(m.nb, f, txn[f], ++rcpt[f]);
			m.open[m.nb] = true;
			assert_int_equal(open_alerts_add(oa, &m.a[m.nb]), 0);
		} else if (what < 75) {
			apply(oa, &m, f, txn[f], rcpt[f] == 0 ? 1 : 1 + (uint32_t)rand() % rcpt[f], OPEN_DATA_NONE);
		} else if (what < 85) {
			apply(oa, &m, f, txn[f], 0, rand() % 2 == 0 ? OPEN_DATA_ASKED : OPEN_DATA_BEGUN);
		} else if (what < 88) {
			expect_closed(oa, &m, f, m.nb * 1000 + 1);
			txn[f]++; /* numbers of connections are not used again; here the transaction's tell them apart */
			rcpt[f] = 0;
		} else if (what < 92 && m.nb > 100) {
			expect_due(oa, &m, OPEN_ALERT_NS + (m.nb - 60 - (unsigned int)rand() % 40) * 1000);
		} else if (what == 99) {
			oa = reopen(s, oa);
		}
	}
	expect_due(oa, &m, UINT64_MAX - 1);
	assert_int_equal(open_alerts_count(oa), 0);
	oa = reopen(s, oa);
	assert_int_equal(open_alerts_count(oa), 0);
	open_alerts_free(oa);
	store_free(s);
}

static void
test_open_alerts(void **state)
{
	const struct place *p = *state;
	unsigned int seed;

	for (seed = 1; seed <= 5; seed++) {
		check_open_alerts(p, seed);
		unlink(p->path);
	}
}

/* Outcomes reach alerts in memory and those that stand in the store only, and outlive a restart. */
static void
test_outcomes(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);
	struct open_alerts *oa;
	struct open_alert got;
	uint32_t i;

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(open_alerts_new(s, 1, 16, &oa), 0);
	for (i = 1; i <= 40; i++) {
		struct open_alert a = open_alert(i, i, 1, 1);

		a.command_octets = 22;
		a.enforced = true;
		assert_int_equal(open_alerts_add(oa, &a), 0);
	}
	for (i = 1; i <= 40; i++) {
		/* Every second was reset, the others let pass. */
		const struct dp_ev_outcome ev = {
			.rec.ts_ns = 5000 + i,
			.flow_uid = i,
			.hold_id = i,
			.hold_us = 100 + i,
			.close_us = i % 2 ? 300 + i : 0,
			.outcome = i % 2 ? DP_OUTCOME_CONFIRMED : DP_OUTCOME_FALLBACK,
			.cause = i % 2 ? DP_CAUSE_NONE : DP_CAUSE_CTRL_SLOW,
			.verdict = i % 2 ? DP_VERDICT_RESET : DP_VERDICT_ALERT,
			.command_octets = 7,
			.transaction = 1,
			.rcpt_index = 1,
		};

		assert_int_equal(open_alerts_outcome(oa, &ev), 0);
	}
	/* A second one changes nothing. */
	assert_int_equal(open_alerts_outcome(oa, &(const struct dp_ev_outcome){ .flow_uid = 39, .transaction = 1,
			 .rcpt_index = 1, .outcome = DP_OUTCOME_UNKNOWN }), 0);
	for (i = 1; i <= 40; i += 2) {
		assert_int_equal(open_alerts_next_closed(oa, &got), 1);
		assert_int_equal(got.sequence, i);
		assert_int_equal(got.closed_ns, 5000 + i);
		assert_int_equal(got.outcome, DP_OUTCOME_CONFIRMED);
		assert_int_equal(got.carried_out, DP_VERDICT_RESET);
		assert_int_equal(got.command_octets, 7);
		assert_int_equal(got.close_us, 300 + i);
		assert_int_equal(got.hold_us, 100 + i);
		assert_true(got.enforced);
	}
	assert_int_equal(open_alerts_next_closed(oa, &got), 0);
	oa = reopen(s, oa);
	for (i = 2; i <= 40; i += 2) {
		assert_int_equal(open_alerts_next_due(oa, UINT64_MAX, &got), 1);
		assert_int_equal(got.sequence, i);
		assert_int_equal(got.outcome, DP_OUTCOME_FALLBACK);
		assert_int_equal(got.cause, DP_CAUSE_CTRL_SLOW);
		assert_int_equal(got.carried_out, DP_VERDICT_ALERT);
		assert_int_equal(got.command_octets, 22);
		assert_int_equal(got.hold_us, 100 + i);
	}
	assert_int_equal(open_alerts_count(oa), 0);
	open_alerts_free(oa);
	store_free(s);
}

/* A store of version 1 is brought up to date, with what it holds. */
static void
test_upgrade(void **state)
{
	const struct place *p = *state;
	struct store *s = open_ok(p->path, 0);
	struct open_alerts *oa;
	struct open_alert got;

	assert_int_equal(sqlite3_exec(store_db(s),
				      "ALTER TABLE open_alert DROP COLUMN enforcement;"
				      "ALTER TABLE open_alert DROP COLUMN hold_us;"
				      "DROP TABLE span;"
				      "INSERT INTO open_alert VALUES(5, 1, 1000, x'00', 7, 1, 1, 22, 250, 0, NULL);"
				      "PRAGMA user_version=1", NULL, NULL, NULL), SQLITE_OK);
	store_free(s);
	s = open_ok(p->path, STORE_READONLY);
	store_free(s);
	s = open_ok(p->path, 0);
	assert_int_equal(open_alerts_new(s, 1, 16, &oa), 0);
	assert_int_equal(open_alerts_next_due(oa, UINT64_MAX, &got), 1);
	assert_int_equal(got.sequence, 5);
	assert_int_equal(got.reply, 250);
	assert_int_equal(got.outcome, 0);
	assert_false(got.enforced);
	open_alerts_free(oa);
	store_free(s);
	s = open_ok(p->path, 0);
	store_free(s);
}

static void
check_resume(const struct place *p, const char *text, uint64_t sequence, size_t len)
{
	int fd = open(p->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	uint64_t got;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(output_resume(fd, "mine", &got), 0);
	assert_int_equal(got, sequence);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, len);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), len);
	close(fd);
}

static void
test_resume(void **state)
{
	static const char l1[] = "{\"event\":{\"sequence\":7},\"postern\":{\"store_id\":\"mine\"}}\n";
	static const char l2[] = "{\"event\":{\"sequence\":9},\"postern\":{\"store_id\":\"yours\"}}\n";
	static const char l3[] = "{\"event\":{\"sequence\":8},\"x\":\"\\\"store_id\\\":\\\"mine\\\"\"}\n";
	const struct place *p = *state;
	char text[512];

	check_resume(p, "", 0, 0);
	check_resume(p, l1, 7, strlen(l1));
	snprintf(text, sizeof(text), "%s%s", l1, l2);
	check_resume(p, text, 7, strlen(text));
	/* A sender who writes a store's name into a mail changes nothing. */
	snprintf(text, sizeof(text), "%s%s", l1, l3);
	check_resume(p, text, 7, strlen(text));
	/* Half a line. */
	snprintf(text, sizeof(text), "%s%s{\"@timestamp\":\"2026", l1, l2);
	check_resume(p, text, 7, strlen(l1) + strlen(l2));
	check_resume(p, "{\"@time", 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sequence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scratch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_indices, setup, teardown),
		cmocka_unit_test_setup_teardown(test_query, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plans, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_alerts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outcomes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_upgrade, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
