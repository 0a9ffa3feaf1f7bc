/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of severed connections, and an inspector that comes after one that died. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet_edit.h"
#include "wire_session.h"

static struct dp_severed_area *area; /* large */
static struct dp_severed list;

static struct dp_severed_flow
flow_of(uint16_t port)
{
	return (struct dp_severed_flow){
		.since_ns = 7,
		.why = DP_SEVERED_TAKEN,
		.key = { .client_addr = { 198, 18, 0, 7 }, .server_addr = { 198, 18, 0, 25 }, .client_port = port,
			 .server_port = 25, .family = DP_FAMILY_IPV4, .wire = 1 },
	};
}

static int
make_area(void **state)
{
	area = aligned_alloc(DP_CACHE_LINE, sizeof(*area));
	memset(area, 0, sizeof(*area));
	dp_severed_open(&list, area);
	return 0;
}

static int
free_area(void **state)
{
	free(area);
	return 0;
}

static void
test_list(void **state)
{
	struct dp_severed_flow f = flow_of(1000), got;
	struct dp_severed next;
	uint32_t a, b;

	assert_int_equal(dp_severed_used(&list), 0);
	a = dp_severed_add(&list, &f);
	f = flow_of(1001);
	b = dp_severed_add(&list, &f);
	assert_int_equal(dp_severed_used(&list), 2);
	assert_true(dp_severed_get(&list, b, &got));
	assert_memory_equal(&got.key, &f.key, sizeof(f.key));
	assert_int_equal(got.since_ns, 7);
	assert_int_equal(got.why, DP_SEVERED_TAKEN);
	dp_severed_remove(&list, a);
	dp_severed_remove(&list, DP_SEVERED_NONE);
	assert_false(dp_severed_get(&list, a, &got));
	/* Whoever comes after finds the other one, and the free place. */
	dp_severed_open(&next, area);
	assert_int_equal(next.nb, 1);
	assert_int_equal(next.nb_torn, 0);
	assert_true(dp_severed_get(&next, b, &got));
	assert_int_equal(dp_severed_add(&next, &f), a);
	assert_int_equal(dp_severed_used(&next), 2);
}

static void
test_full(void **state)
{
	struct dp_severed_flow f = flow_of(1);
	uint32_t i;

	for (i = 0; i < DP_SEVERED_MAX; i++)
		assert_int_equal(dp_severed_add(&list, &f), i);
	assert_int_equal(dp_severed_add(&list, &f), DP_SEVERED_NONE);
	dp_severed_remove(&list, 77);
	assert_int_equal(dp_severed_add(&list, &f), 77);
	assert_int_equal(dp_severed_add(&list, &f), DP_SEVERED_NONE);
	assert_int_equal(list.nb, DP_SEVERED_MAX);
}

/* Its writer died while it wrote, or wrote nonsense. */
static void
test_torn(void **state)
{
	struct dp_severed_flow f = flow_of(1), got;
	uint32_t i;

	for (i = 0; i < 4; i++)
		dp_severed_add(&list, &f);
	area->entries[1].key.client_port++;
	f.key.family = 5;
	dp_severed_remove(&list, 2);
	dp_severed_add(&list, &f);
	dp_severed_open(&list, area);
	assert_int_equal(list.nb, 2);
	assert_int_equal(list.nb_torn, 2);
	assert_false(dp_severed_get(&list, 1, &got));
	assert_false(dp_severed_get(&list, 2, &got));
	/* A count beyond all entries is not followed. */
	area->used = UINT32_MAX;
	dp_severed_open(&list, area);
	assert_int_equal(dp_severed_used(&list), DP_SEVERED_MAX);
	assert_int_equal(list.nb, 2);
}

static void
begin_listed(void)
{
	struct model_config cfg;

	model_config_default(&cfg);
	cfg.ins.inline_cfg.severed = &list;
	begin_with(&cfg, ehlo);
}

static void
reset_one(void)
{
	client(PACKET_ACK, at, MAIL);
	client(PACKET_ACK, at + (uint32_t)strlen(MAIL), BAD);
	inspector_verdict(m.ins, FIRST_HOLD, 1, DP_VERDICT_RESET, m.now_ns);
	assert_int_equal(count(DP_STAT_RESETS), 1);
	assert_int_equal(list.nb, 1);
}

/* Reset, and the inspector dies before anybody knows whether both ends believed it: not an octet goes on after that. */
static void
test_restart(void **state)
{
	uint32_t behind = (uint32_t)strlen(MAIL);

	begin_listed();
	reset_one();
	dp_severed_open(&list, area);
	model_restart(&m);
	assert_int_equal(count(DP_STAT_SEVERED_RESTORED), 1);
	client(PACKET_ACK, at + behind, "RSET\r\n");
	assert_int_equal(m.last_flags[MODEL_CLIENT], PACKET_RST);
	assert_int_equal(m.last_seq[MODEL_CLIENT], m.end[MODEL_CLIENT].rcv_nxt);
	assert_true(nothing_went_on(at + behind, 100));
	server(PACKET_ACK, at + behind, "250 ok\r\n");
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_RST);
	assert_int_equal(m.last_seq[MODEL_SERVER], at + behind);
	assert_int_equal(count(DP_STAT_DROP_KILLED), 2);
	assert_int_equal(count(DP_STAT_FLOWS_MIDSTREAM), 0);
	/* Another one that dies: the same again. */
	dp_severed_open(&list, area);
	model_restart(&m);
	client(PACKET_ACK, at + behind, "RSET\r\n");
	assert_int_equal(count(DP_STAT_DROP_KILLED), 3);
	/* Its time is over: the place is free. */
	inspector_age_step(m.ins, m.now_ns + m.cfg.ins.inline_cfg.tombstone_ns + 1, 8);
	assert_int_equal(list.nb, 0);
	end();
}

/* The same ends begin anew: another connection, and no list knows them any more. */
static void
test_new_connection(void **state)
{
	begin_listed();
	reset_one();
	server(PACKET_RST, 0, "");
	client(PACKET_SYN, at + 100000, "");
	assert_int_equal(list.nb, 0);
	end();
	begin_listed();
	reset_one();
	dp_severed_open(&list, area);
	model_restart(&m);
	client(PACKET_SYN, at + 100000, "");
	assert_int_equal(m.last_flags[MODEL_SERVER], PACKET_SYN);
	assert_int_equal(list.nb, 0);
	end();
}

/* A tombstone that goes for room goes from the list, too; a flow that is given up leaves one. */
static void
test_room(void **state)
{
	begin_listed();
	reset_one();
	client(PACKET_RST, at, "");
	server(PACKET_RST, 0, "");
	assert_int_equal(m.outcomes[0].outcome, DP_OUTCOME_CONFIRMED);
	assert_int_equal(list.nb, 1);
	end();
	assert_int_equal(list.nb, 1); /* nobody took it off: it stands for whoever comes after */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, make_area, free_area),
		cmocka_unit_test_setup_teardown(test_full, make_area, free_area),
		cmocka_unit_test_setup_teardown(test_torn, make_area, free_area),
		cmocka_unit_test_setup_teardown(test_restart, make_area, free_area),
		cmocka_unit_test_setup_teardown(test_new_connection, make_area, free_area),
		cmocka_unit_test_setup_teardown(test_room, make_area, free_area),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
