/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real postern-ctrl on real rings: what is stored and written does not depend on the number of workers, on the size
 * of the rings, or on how often and where it was killed.
 *
 * "test_ctrl_run bench [FLOWS]" measures instead: CPU per alert, all of ctrl included.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "ring_feeder.h"
#include "store.h"
#include "temp_folder.h"

enum {
	NB_FLOWS = 250,
};

struct text {
	char *s;
	size_t len;
	uint64_t next; /* number that the next record must have */
	unsigned int nb[4]; /* by kind */
};

struct place {
	char dir[64], rules[96], store[96], alerts[96], envelopes[96];
};

static int
setup(void **state)
{
	struct place *p = test_calloc(1, sizeof(*p));

	temp_folder_make("ctrl-run", p->dir, sizeof(p->dir));
	snprintf(p->rules, sizeof(p->rules), "%s/rules.yaml", p->dir);
	snprintf(p->store, sizeof(p->store), "%s/alerts.sqlite", p->dir);
	snprintf(p->alerts, sizeof(p->alerts), "%s/alerts.json", p->dir);
	snprintf(p->envelopes, sizeof(p->envelopes), "%s/envelopes.json", p->dir);
	temp_folder_write(p->rules, "version: 1\nruleset: test\ndefaults:\n  verdict: refuse\nprotect:\n  - domain: \"*.mil\"\n"
			     "    known:\n      - army.mil\nrules:\n  - id: ml\n    name: ml for mil\n    suffix: ml\n"
			     "    meant: mil\n    match: protected\n");
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

static void
clear(const struct place *p)
{
	char name[128];

	unlink(p->store);
	snprintf(name, sizeof(name), "%s-wal", p->store);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", p->store);
	unlink(name);
	unlink(p->alerts);
	unlink(p->envelopes);
}

static struct feeder_config
config_of(const struct place *p)
{
	return (struct feeder_config){
		.nb_workers = 3,
		.ring_octets = 256 << 10,
		.nb_flows = NB_FLOWS,
		.seed = 4711,
		.run_id = UINT64_C(0x0123456789abcdef),
		.envelopes = true,
		.dir = p->dir,
		.rules = p->rules,
		.store = p->store,
		.alerts = p->alerts,
		.envelopes_to = p->envelopes,
	};
}

static void
add(struct text *t, const char *s, size_t len)
{
	t->s = realloc(t->s, t->len + len + 1);
	assert_non_null(t->s);
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

static int
add_record(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	struct text *t = ctx;

	assert_int_equal(sequence, t->next);
	t->next++;
	t->nb[kind]++;
	add(t, json, len);
	add(t, "\n", 1);
	return 0;
}

/* All records of the store, their numbers without a gap from 1. */
static struct text
dump_store(const char *path, char id[40])
{
	struct text t = { .next = 1 };
	struct store *s;

	assert_int_equal(store_open(path, STORE_READONLY, &s), 0);
	snprintf(id, 40, "%s", store_id(s));
	assert_int_equal(store_read(s, 0, add_record, &t), 0);
	store_free(s);
	return t;
}

static struct text
read_all(const char *path)
{
	struct text t = { 0 };
	char buf[65536];
	size_t n;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		add(&t, buf, n);
	fclose(f);
	return t;
}

/* Stores have different names; all else must be equal. */
static void
blank_id(struct text *t, const char *id)
{
	char *p = t->s;

	while (p != NULL && (p = strstr(p, id)) != NULL)
		memset(p, '0', strlen(id));
}

struct outcome {
	struct text records, envelopes;
	unsigned int starts, kills;
	uint64_t alerts, updates;
};

static void
outcome_fini(struct outcome *o)
{
	free(o->records.s);
	free(o->envelopes.s);
}

/* Run, look whether file and store agree, and give what stands in them. */
static void
run(const struct place *p, const struct feeder_config *cfg, struct outcome *ret)
{
	struct feeder_result res;
	struct text written;
	char id[40];

	assert_int_equal(feeder_run(cfg, &res), 0);
	if (res.exit_code != 0)
		print_message("exit %d: %s\n", res.exit_code, res.error);
	assert_int_equal(res.exit_code, 0);
	ret->records = dump_store(p->store, id);
	if (strcmp(cfg->alerts, p->alerts) == 0)
		written = read_all(p->alerts);
	else
		written = (struct text){ .s = res.out, .len = res.out_len };
	if (strcmp(cfg->alerts, "human") != 0) {
		assert_int_equal(written.len, ret->records.len);
		assert_memory_equal(written.s, ret->records.s, written.len);
	}
	if (written.s != res.out)
		free(written.s);
	blank_id(&ret->records, id);
	ret->envelopes = cfg->envelopes_to != NULL ? read_all(p->envelopes) : (struct text){ 0 };
	ret->starts = res.starts;
	ret->kills = res.kills;
	ret->alerts = res.alerts;
	ret->updates = res.updates;
	assert_int_equal(ret->alerts, ret->records.nb[STORE_ALERT]);
	assert_int_equal(ret->updates, ret->records.nb[STORE_UPDATE]);
	assert_int_equal(ret->alerts, res.nb_matches);
	assert_int_equal(ret->updates, ret->alerts);
	feeder_result_fini(&res);
}

static void
assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->records.len, b->records.len);
	assert_memory_equal(a->records.s, b->records.s, a->records.len);
	assert_int_equal(a->envelopes.len, b->envelopes.len);
	assert_memory_equal(a->envelopes.s, b->envelopes.s, a->envelopes.len);
}

static int
compare_keys(json_t *a, json_t *b, const char *ts)
{
	return strcmp(json_string_value(json_object_get(a, ts)), json_string_value(json_object_get(b, ts)));
}

/* Every line is JSON of the right shape, alerts in the order of time. */
static void
test_records(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct outcome o;
	json_t *before = NULL, *rec;
	char *line, *end;
	unsigned int nb_raw = 0, nb_cut = 0, nb_late = 0;

	run(p, &cfg, &o);
	assert_true(o.records.nb[STORE_ALERT] > 100);
	for (line = o.records.s; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_t *postern;

		*end = '\0';
		rec = json_loads(line, 0, NULL);
		assert_non_null(rec);
		postern = json_object_get(rec, "postern");
		if (json_object_get(postern, "leak") != NULL) {
			nb_late += json_is_null(json_object_get(json_object_get(postern, "leak"), "reply"));
			json_decref(rec);
			continue;
		}
		assert_string_equal(json_string_value(json_object_get(json_object_get(rec, "event"), "kind")), "alert");
		assert_string_equal(json_string_value(json_object_get(postern, "meant")), "army.mil");
		assert_string_equal(json_string_value(json_object_get(postern, "verdict")), "refuse");
		assert_true(json_is_false(json_object_get(postern, "enforced")));
		nb_raw += json_object_get(postern, "address_raw") != NULL;
		nb_cut += json_object_get(postern, "address_length") != NULL;
		if (before != NULL)
			assert_true(compare_keys(before, rec, "@timestamp") <= 0);
		json_decref(before);
		before = rec;
	}
	json_decref(before);
	assert_true(nb_raw > 0 && nb_cut > 0 && nb_late > 0);
	before = NULL;
	for (line = o.envelopes.s; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		rec = json_loads(line, 0, NULL);
		assert_non_null(rec);
		if (before != NULL)
			assert_true(compare_keys(before, rec, "ts") <= 0);
		json_decref(before);
		before = rec;
	}
	json_decref(before);
	outcome_fini(&o);
}

static void
test_workers(void **state)
{
	static const struct {
		unsigned int nb_workers;
		uint32_t ring_octets;
	} cases[] = { { 1, 64 << 10 }, { 2, 64 << 10 }, { 7, 1 << 20 }, { 1, 4 << 20 } };
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct outcome a, b;
	size_t i;

	run(p, &cfg, &a);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clear(p);
		cfg.nb_workers = cases[i].nb_workers;
		cfg.ring_octets = cases[i].ring_octets;
		run(p, &cfg, &b);
		assert_same(&a, &b);
		outcome_fini(&b);
	}
	outcome_fini(&a);
}

/* To a file, or to standard output, which cannot be repaired. */
static void
check_fail_points(const struct place *p, const char *alerts)
{
	struct feeder_config cfg = config_of(p);
	struct outcome a, b;
	char spec[64];
	int i, n;

	cfg.alerts = alerts;
	run(p, &cfg, &a);
	for (i = 0; i < FAILPOINT_NB; i++) {
		for (n = alerts == p->alerts ? 1 : 4; n <= 4; n += 3) {
			snprintf(spec, sizeof(spec), "%s:%d", failpoint_name((enum failpoint_id)i), n);
			/* After the write and before its progress is noted a stream may get a piece twice: documented. */
			if (alerts != p->alerts && i == FAILPOINT_AFTER_OUTPUT)
				continue;
			clear(p);
			cfg.failpoint = spec;
			run(p, &cfg, &b);
			/* The last three are passed but once. */
			if (n == 1 || i < FAILPOINT_BEFORE_ENVELOPES)
				assert_int_equal(b.starts, 2);
			assert_same(&a, &b);
			outcome_fini(&b);
		}
	}
	outcome_fini(&a);
}

static void
test_fail_points(void **state)
{
	const struct place *p = *state;

	check_fail_points(p, p->alerts);
}

static void
test_fail_points_stdout(void **state)
{
	check_fail_points(*state, "-");
}

static void
test_random_kills(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	const char *rounds = getenv("CTRL_KILL_ROUNDS");
	struct outcome a, b;
	int i, nb = rounds != NULL ? atoi(rounds) : 4;

	cfg.ring_octets = 64 << 10;
	if (rounds != NULL)
		cfg.nb_flows = 2500;
	run(p, &cfg, &a);
	for (i = 1; i <= nb; i++) {
		clear(p);
		cfg.kill_seed = (uint64_t)i;
		cfg.kills_max = 20;
		run(p, &cfg, &b);
		if (nb > 4)
			print_message("round %d: %u kills\n", i, b.kills);
		assert_same(&a, &b);
		outcome_fini(&b);
	}
	outcome_fini(&a);
}

/* The same input again: nothing is added, not to the store, not to the file. */
static void
test_second_replay(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct feeder_result res;
	struct text before, after;
	char id[40];

	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	feeder_result_fini(&res);
	before = read_all(p->alerts);
	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	assert_int_equal(res.alerts, 0);
	assert_int_equal(res.updates, 0);
	feeder_result_fini(&res);
	after = read_all(p->alerts);
	assert_int_equal(before.len, after.len);
	free(after.s);
	after = dump_store(p->store, id);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.s, after.s, after.len);
	free(after.s);
	/* Another input: its numbers follow. */
	cfg.seed++;
	cfg.run_id++;
	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	feeder_result_fini(&res);
	free(before.s);
	before = read_all(p->alerts);
	after = dump_store(p->store, id);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.s, after.s, after.len);
	free(before.s);
	free(after.s);
}

/* The disk is full half-way: exit 4 with the reason; afterwards there is room, and nothing is missing or double. */
static void
test_no_room(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct feeder_result res;
	struct outcome a, b;
	off_t limit;

	cfg.envelopes_to = NULL;
	run(p, &cfg, &a);
	for (limit = 20000; limit < 220000; limit += 40000) {
		clear(p);
		cfg.file_size_limit = limit;
		assert_int_equal(feeder_run(&cfg, &res), 0);
		assert_int_equal(res.exit_code, 4);
		assert_int_equal(res.alerts, UINT64_MAX);
		if (strstr(res.error, "File too large") == NULL)
			print_message("limit %d: %s\n", (int)limit, res.error);
		assert_non_null(strstr(res.error, p->dir));
		assert_non_null(strstr(res.error, "File too large"));
		feeder_result_fini(&res);
	}
	cfg.file_size_limit = 0;
	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	feeder_result_fini(&res);
	{
		char id[40];
		struct text written = read_all(p->alerts);

		b = (struct outcome){ .records = dump_store(p->store, id) };
		assert_int_equal(written.len, b.records.len);
		assert_memory_equal(written.s, b.records.s, written.len);
		assert_int_equal(b.records.nb[STORE_ALERT], a.records.nb[STORE_ALERT]);
		assert_int_equal(b.records.nb[STORE_UPDATE], a.records.nb[STORE_UPDATE]);
		free(written.s);
	}
	outcome_fini(&a);
	outcome_fini(&b);
}

static void
expect_failure(struct feeder_config *cfg, int code, const char *word)
{
	struct feeder_result res;

	assert_int_equal(feeder_run(cfg, &res), 0);
	if (res.exit_code != code || strstr(res.error, word) == NULL)
		print_message("exit %d: %s\n", res.exit_code, res.error);
	assert_int_equal(res.exit_code, code);
	assert_non_null(strstr(res.error, word));
	assert_int_equal(res.starts, 1);
	feeder_result_fini(&res);
}

static void
test_errors(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	char path[128];

	cfg.alerts = "/nonexistent/alerts.json";
	expect_failure(&cfg, 4, "/nonexistent/alerts.json");
	cfg = config_of(p);
	cfg.store = "/nonexistent/alerts.sqlite";
	expect_failure(&cfg, 4, "/nonexistent/alerts.sqlite");
	cfg = config_of(p);
	cfg.store = p->rules; /* a file that is no store: left as it is */
	expect_failure(&cfg, 4, "rules.yaml");
	cfg = config_of(p);
	cfg.envelopes_to = "/nonexistent/envelopes.json";
	expect_failure(&cfg, 4, "/nonexistent/envelopes.json");
	cfg = config_of(p);
	snprintf(path, sizeof(path), "%s/wrong.yaml", p->dir);
	temp_folder_write(path, "version: 1\nrules:\n  - id: x\n    nonsense: 1\n");
	cfg.rules = path;
	expect_failure(&cfg, 2, "wrong.yaml:4:");
	clear(p);
	cfg = config_of(p);
	cfg.break_ring = true;
	expect_failure(&cfg, 4, "is no record");
}

/* The dataplane died: what it left in the rings is stored. */
static void
test_drain(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct feeder_result res;
	struct text t, written;
	char id[40];

	cfg.stop_early = true;
	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	t = dump_store(p->store, id);
	written = read_all(p->alerts);
	assert_int_equal(t.nb[STORE_ALERT], res.alerts);
	assert_int_equal(t.nb[STORE_UPDATE], res.alerts);
	assert_true(res.alerts > 20 && res.alerts < res.nb_matches);
	assert_int_equal(t.len, written.len);
	free(t.s);
	free(written.s);
	feeder_result_fini(&res);
}

/* What a person reads has no control character but the line end, though the mail had. */
static void
test_human(void **state)
{
	const struct place *p = *state;
	struct feeder_config cfg = config_of(p);
	struct feeder_result res;
	size_t i;

	cfg.alerts = "human";
	assert_int_equal(feeder_run(&cfg, &res), 0);
	assert_int_equal(res.exit_code, 0);
	assert_non_null(strstr(res.out, "would refuse  sender"));
	assert_non_null(strstr(res.out, "\\x1B[31mred\\x07"));
	assert_non_null(strstr(res.out, "army.mil (probably)"));
	for (i = 0; i < res.out_len; i++)
		assert_true(res.out[i] == '\n' || (unsigned char)res.out[i] >= 0x20);
	feeder_result_fini(&res);
}

static int
bench(unsigned int nb_flows)
{
	struct feeder_result res, base;
	struct feeder_config cfg;
	void *state;
	struct place *p;

	setup(&state);
	p = state;
	cfg = config_of(p);
	cfg.envelopes = false;
	cfg.envelopes_to = NULL;
	cfg.alerts_only = true;
	cfg.ring_octets = 4 << 20;
	cfg.nb_flows = 1;
	if (feeder_run(&cfg, &base) != 0)
		return 1;
	clear(p);
	cfg.nb_flows = nb_flows;
	if (feeder_run(&cfg, &res) != 0)
		return 1;
	printf("%llu alerts, %llu updates: %.2f us CPU per alert with its update (start and end of %.1f ms taken off)\n",
	       (unsigned long long)res.alerts, (unsigned long long)res.updates,
	       ((double)res.cpu_ns - (double)base.cpu_ns) / 1e3 / (double)res.alerts, (double)base.cpu_ns / 1e6);
	feeder_result_fini(&res);
	feeder_result_fini(&base);
	return teardown(&state);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_workers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_points, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_points_stdout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_kills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_human, setup, teardown),
	};

	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return bench(argc > 2 ? (unsigned int)atoi(argv[2]) : 20000);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
