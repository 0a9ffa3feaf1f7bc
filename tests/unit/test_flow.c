/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow.h"

enum { NB = 64 };

static struct packet
packet_of(uint32_t n, uint64_t ts_ns)
{
	struct packet p = { .frame_no = n, .ts_ns = ts_ns, .hash = n % 7 };

	p.key.lo_port = (uint16_t)n;
	p.key.hi_port = 25;
	p.key.family = DP_FAMILY_IPV4;
	return p;
}

static void *
table_make(struct flow_table *t, uint32_t nb)
{
	size_t len = (flow_table_mem_size(nb) + 63) & ~(size_t)63;
	void *mem = aligned_alloc(64, len);

	assert_non_null(mem);
	memset(mem, 0, len);
	flow_table_init(t, mem, nb);
	return mem;
}

/* All entries share few buckets: chains must keep them apart, in every order of removal. */
static void
test_chains(void **state)
{
	struct flow_table t;
	void *mem = table_make(&t, NB);
	struct flow *f[NB];
	uint32_t i;

	(void)state;
	for (i = 0; i < NB; i++) {
		struct packet p = packet_of(i + 1, i);

		assert_null(flow_lookup(&t, &p));
		f[i] = flow_create(&t, &p);
		assert_non_null(f[i]);
	}
	struct packet more = packet_of(NB + 1, NB);

	assert_null(flow_create(&t, &more));
	for (i = 0; i < NB; i++) {
		uint32_t at = (i * 37) % NB;
		struct packet p = packet_of(at + 1, 0);

		assert_ptr_equal(flow_lookup(&t, &p), f[at]);
		flow_remove(&t, f[at]);
		assert_null(flow_lookup(&t, &p));
	}
	assert_int_equal(t.flows.in_use, 0);
	assert_int_equal(t.open.head, POOL_NONE);
	assert_int_equal(t.order.head, POOL_NONE);
	assert_int_equal(t.order.tail, POOL_NONE);
	free(mem);
}

static void
test_key_parts(void **state)
{
	struct flow_table t;
	void *mem = table_make(&t, NB);
	struct packet p = packet_of(1, 0), q;

	(void)state;
	assert_non_null(flow_create(&t, &p));
	q = p;
	q.key.vlan_outer = 5;
	assert_null(flow_lookup(&t, &q));
	q = p;
	q.key.wire = 1;
	assert_null(flow_lookup(&t, &q));
	q = p;
	q.key.hi_addr[15] = 1;
	assert_null(flow_lookup(&t, &q));
	assert_non_null(flow_lookup(&t, &p));
	free(mem);
}

static void
test_idle_longest(void **state)
{
	const uint64_t slot = UINT64_C(1) << FLOW_AGE_SLOT_EXP;
	struct flow_table t;
	void *mem = table_make(&t, NB);
	struct flow *f[4];
	uint32_t i;

	(void)state;
	assert_null(flow_idle_longest(&t));
	for (i = 0; i < 4; i++) {
		struct packet p = packet_of(i + 1, i * slot);

		f[i] = flow_create(&t, &p);
	}
	assert_ptr_equal(flow_idle_longest(&t), f[0]);
	flow_touch(&t, f[0], 5 * slot, 5);
	assert_ptr_equal(flow_idle_longest(&t), f[1]);
	/* One that ended goes before one that is idle longer. */
	flow_close(&t, f[3]);
	assert_ptr_equal(flow_idle_longest(&t), f[1]);
	f[3]->flags |= FLOW_ENDED;
	assert_ptr_equal(flow_idle_longest(&t), f[3]);
	flow_remove(&t, f[3]);
	flow_remove(&t, f[1]);
	assert_ptr_equal(flow_idle_longest(&t), f[2]);
	flow_remove(&t, f[2]);
	assert_ptr_equal(flow_idle_longest(&t), f[0]);
	flow_remove(&t, f[0]);
	assert_null(flow_idle_longest(&t));
	free(mem);
}

/* Frames that a few others overtook still give a list in order of frames. */
static void
test_order(void **state)
{
	static const uint32_t frames[] = { 3, 5, 4, 1, 9, 8, 2, 7, 6 };
	struct flow_table t;
	void *mem = table_make(&t, NB);
	uint64_t last = 0;
	uint32_t i;

	(void)state;
	for (i = 0; i < 9; i++) {
		struct packet p = packet_of(frames[i], 0);

		flow_create(&t, &p);
	}
	for (i = t.order.head; i != POOL_NONE; i = flow_at(&t, i)->order_next) {
		assert_int_equal(flow_at(&t, i)->uid, last + 1);
		last++;
	}
	assert_int_equal(last, 9);
	free(mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_key_parts),
		cmocka_unit_test(test_idle_longest),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
