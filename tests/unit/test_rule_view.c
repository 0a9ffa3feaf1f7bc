/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_sets with a view: another thread finds sets while they are added, dropped and retire, and never one that is freed. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rule_sets.h"

enum {
	GENERATIONS = 60,
};

struct fixture {
	struct rule_sets sets;
	struct rule_view view;
	struct dp_shm dp, ctrl;
	int dp_fd, ctrl_fd;
	_Atomic uint32_t newest; /* that a record may name */
	_Atomic bool stop;
	_Atomic uint64_t nb_found;
};

static struct ruleset *
new_set(uint32_t generation)
{
	struct rule_errors errs = { 0 };
	struct ruleset *set = NULL;
	char text[128];

	snprintf(text, sizeof(text), "version: 1\nruleset: set%u\nprotect: [{domain: army.mil}]\n", generation);
	assert_int_equal(ruleset_load_octets("t.yaml", text, strlen(text), generation, &errs, &set), 0);
	rule_errors_free(&errs);
	return set;
}

static int
set_up(void **state)
{
	static struct fixture x; /* large */
	const struct dp_shm_geometry geo = { .nb_workers = 1, .ring_octets = DP_RING_OCTETS_MIN };

	memset(&x, 0, sizeof(x));
	x.dp_fd = dp_shm_create(DP_SHM_DATAPLANE, &geo);
	x.ctrl_fd = dp_shm_create(DP_SHM_CTRL, &geo);
	if (dp_shm_map(x.dp_fd, DP_SHM_DATAPLANE, true, &x.dp) < 0 || dp_shm_map(x.ctrl_fd, DP_SHM_CTRL, true, &x.ctrl) < 0)
		return -1;
	x.sets.view = &x.view;
	*state = &x;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *x = *state;

	rule_sets_free(&x->sets);
	dp_shm_unmap(&x->dp);
	dp_shm_unmap(&x->ctrl);
	close(x->dp_fd);
	close(x->ctrl_fd);
	return 0;
}

static void
test_table(void **state)
{
	struct fixture *x = *state;
	unsigned int i;
	struct ruleset *extra;

	assert_null(rule_view_find(&x->view, 1));
	for (i = 1; i <= RULE_SETS_MAX; i++)
		assert_int_equal(rule_sets_add(&x->sets, new_set(i)), 0);
	for (i = 1; i <= RULE_SETS_MAX; i++)
		assert_ptr_equal(rule_view_find(&x->view, i), rule_sets_find(&x->sets, i));
	extra = new_set(i);
	assert_int_equal(rule_sets_add(&x->sets, extra), -ENOBUFS);
	assert_null(rule_view_find(&x->view, i));
	/* Refused: gone from both, and there is room for it again. */
	rule_sets_drop_newest(&x->sets);
	assert_null(rule_view_find(&x->view, RULE_SETS_MAX));
	assert_int_equal(rule_sets_add(&x->sets, extra), 0);
	assert_ptr_equal(rule_view_find(&x->view, i), extra);
	/* All have the newest, and nothing of the others stands in the ring. */
	rule_sets_acknowledged(&x->sets, i, &x->dp);
	while (rule_sets_release(&x->sets, &x->ctrl) != 0)
		;
	assert_int_equal(x->sets.nb, 1);
	assert_null(rule_view_find(&x->view, 1));
	assert_ptr_equal(rule_view_find(&x->view, i), extra);
}

/* As the decider: one record, one turn. */
static void *
reader(void *arg)
{
	struct fixture *x = arg;
	char want[32];

	while (!atomic_load(&x->stop)) {
		uint32_t generation = atomic_load(&x->newest);
		const struct ruleset *set = rule_view_find(&x->view, generation);

		if (set != NULL) {
			snprintf(want, sizeof(want), "set%u", generation);
			if (strcmp(ruleset_name(set), want) != 0 || ruleset_nb_rules(set) != 1)
				abort();
			atomic_fetch_add(&x->nb_found, 1);
		}
		rule_view_turn(&x->view);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct fixture *x = *state;
	pthread_t thread;
	uint32_t g;

	rule_view_attach(&x->view);
	assert_int_equal(pthread_create(&thread, NULL, reader, x), 0);
	for (g = 1; g <= GENERATIONS; g++) {
		uint64_t before = atomic_load(&x->nb_found);

		assert_int_equal(rule_sets_add(&x->sets, new_set(g)), 0);
		atomic_store(&x->newest, g);
		while (atomic_load(&x->nb_found) == before)
			usleep(10);
		/* Freed while it is looked for: by a refusal, or as a later one is in force. */
		if (g % 3 == 0) {
			rule_sets_drop_newest(&x->sets);
			continue;
		}
		rule_sets_acknowledged(&x->sets, g, &x->dp);
		while (rule_sets_release(&x->sets, &x->ctrl) != 0)
			;
		assert_int_equal(x->sets.nb, 1);
	}
	atomic_store(&x->stop, true);
	pthread_join(thread, NULL);
	rule_view_detach(&x->view);
	assert_true(atomic_load(&x->nb_found) >= GENERATIONS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
