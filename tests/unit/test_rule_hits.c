/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_hits: counting, going on after a restart, a new run, the limit. */
#include "rule_hits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char rules[] = "version: 1\n"
			    "protect: [{domain: army.mil, lookalikes: {id: own}, senders: a.example}]\n"
			    "allow:\n"
			    "  - {id: one, domain: amry.mil}\n"
			    "  - {id: two, domain: army.mli, until: 2001-01-01}\n";

struct place {
	char path[64];
	struct store *store;
	struct ruleset *set;
};

static void
remove_store(const char *path)
{
	char file[96];

	unlink(path);
	snprintf(file, sizeof(file), "%s-wal", path);
	unlink(file);
	snprintf(file, sizeof(file), "%s-shm", path);
	unlink(file);
	snprintf(file, sizeof(file), "%s-lock", path);
	unlink(file);
}

static int
set_up(void **state)
{
	struct place *p = test_calloc(1, sizeof(*p));
	struct rule_errors errs;
	int fd;

	*state = p;
	strcpy(p->path, "/tmp/postern-hits-XXXXXX");
	fd = mkstemp(p->path);
	if (fd < 0 || close(fd) < 0 || unlink(p->path) < 0 || store_open(p->path, 0, &p->store) < 0)
		return -1;
	if (ruleset_load_octets("t.yaml", rules, sizeof(rules) - 1, 1, &errs, &p->set) < 0)
		return -1;
	rule_errors_free(&errs);
	return store_run_begin(p->store, 1, 2);
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	store_free(p->store);
	ruleset_free(p->set);
	remove_store(p->path);
	test_free(p);
	return 0;
}

static void
count(struct rule_hits *h, const struct ruleset *set, uint32_t exception, uint32_t expired, uint32_t scope)
{
	const struct decision d = {.set = set, .exception = exception, .expired = expired, .scope = scope};

	assert_int_equal(rule_hits_count(h, &d), 0);
}

static void
check(const struct rule_hits *h, size_t i, enum rule_hit_kind kind, const char *id, uint64_t nb)
{
	const struct rule_hit *hit = rule_hits_get(h, i);

	assert_int_equal(hit->kind, kind);
	assert_string_equal(hit->id, id);
	assert_int_equal(hit->nb, nb);
}

static void
save(struct place *p, struct rule_hits *h)
{
	struct store_run run;

	assert_int_equal(store_run_load(p->store, &run), 0);
	assert_int_equal(store_begin(p->store), 0);
	assert_int_equal(rule_hits_save(h), 0);
	assert_int_equal(store_commit(p->store, &run), 0);
}

static void
test_counts(void **state)
{
	struct place *p = *state;
	struct rule_hits *h;

	assert_int_equal(rule_hits_new(p->store, &h), 0);
	count(h, p->set, RULESET_NONE, RULESET_NONE, RULESET_NONE);
	assert_int_equal(rule_hits_nb(h), 0);
	count(h, p->set, RULESET_NONE, RULESET_NONE, 0);
	count(h, p->set, 0, RULESET_NONE, RULESET_NONE);
	count(h, p->set, RULESET_NONE, 1, RULESET_NONE);
	count(h, p->set, 0, RULESET_NONE, 0);
	assert_int_equal(rule_hits_nb(h), 3);
	check(h, 0, RULE_HIT_EXCEPTION, "one", 2);
	check(h, 1, RULE_HIT_EXPIRED, "two", 1);
	check(h, 2, RULE_HIT_SCOPE, "own", 2);
	save(p, h);
	count(h, p->set, 0, RULESET_NONE, RULESET_NONE); /* not stored: as if it died now */
	rule_hits_free(h);
	assert_int_equal(rule_hits_new(p->store, &h), 0);
	assert_int_equal(rule_hits_nb(h), 3);
	check(h, 0, RULE_HIT_EXCEPTION, "one", 2);
	check(h, 1, RULE_HIT_EXPIRED, "two", 1);
	check(h, 2, RULE_HIT_SCOPE, "own", 2);
	count(h, p->set, 0, RULESET_NONE, RULESET_NONE);
	save(p, h);
	rule_hits_free(h);
	assert_int_equal(rule_hits_new(p->store, &h), 0);
	check(h, 0, RULE_HIT_EXCEPTION, "one", 3);
	rule_hits_free(h);
	/* Another run, of the same input too, begins at nothing. */
	assert_int_equal(store_run_begin(p->store, 1, 2), 0);
	assert_int_equal(rule_hits_new(p->store, &h), 0);
	assert_int_equal(rule_hits_nb(h), 0);
	rule_hits_free(h);
}

/* Ids of many rule sets in one run do not grow without bound. */
static void
test_limit(void **state)
{
	struct place *p = *state;
	char *text = malloc(64 + (RULE_HITS_MAX + 10) * 48);
	struct rule_errors errs;
	struct rule_hits *h;
	struct ruleset *set;
	uint64_t others = 0;
	size_t used, i;

	assert_non_null(text);
	used = (size_t)sprintf(text, "version: 1\nallow:\n");
	for (i = 0; i < RULE_HITS_MAX + 10; i++)
		used += (size_t)sprintf(text + used, "  - {id: x%zu, domain: d%zu.example}\n", i, i);
	assert_int_equal(ruleset_load_octets("t.yaml", text, used, 1, &errs, &set), 0);
	rule_errors_free(&errs);
	assert_int_equal(rule_hits_new(p->store, &h), 0);
	for (i = 0; i < RULE_HITS_MAX + 10; i++)
		count(h, set, (uint32_t)i, RULESET_NONE, RULESET_NONE);
	assert_int_equal(rule_hits_nb(h), RULE_HITS_MAX + 1);
	for (i = 0; i < rule_hits_nb(h); i++)
		if (strcmp(rule_hits_get(h, i)->id, "(others)") == 0)
			others += rule_hits_get(h, i)->nb;
	assert_int_equal(others, 10);
	rule_hits_free(h);
	ruleset_free(set);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
