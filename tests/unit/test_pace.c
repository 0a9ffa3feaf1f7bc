/* SPDX-License-Identifier: BSD-3-Clause */
/* When a frame of a replayed capture is due. The clock is the test's own. */
#include "pace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_parse(void **state)
{
	static const struct {
		const char *spec;
		enum pace_kind kind;
		double rate;
	} good[] = {
		{ "max", PACE_MAX, 0 },		  { "MAX", PACE_MAX, 0 },	  { "real", PACE_SCALED, 1 },
		{ "x2.5", PACE_SCALED, 2.5 },	  { "x0.1", PACE_SCALED, 0.1 },	  { "200kpps", PACE_PPS, 2e5 },
		{ "1.5gbps", PACE_BPS, 1.5e9 },	  { "10Mbps", PACE_BPS, 1e7 },	  { "7pps", PACE_PPS, 7 },
	};
	static const char *const bad[] = { "",	   "fast", "x",	    "x0",     "x-1",	"xinf",	   "xnan",  "10",
					   "kpps", "-5pps", "0pps", "1e99bps", "5 kpps", "x2x",	   "2tbps", "realx" };
	struct pace p;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(pace_parse(good[i].spec, &p), 0);
		assert_int_equal(p.kind, good[i].kind);
		assert_true(p.rate > good[i].rate * 0.999 - 1e-9 && p.rate < good[i].rate * 1.001 + 1e-9);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pace_parse(bad[i], &p), -EINVAL);
}

static void
test_max_is_always_due(void **state)
{
	struct pace p;

	assert_int_equal(pace_parse("max", &p), 0);
	assert_int_equal(pace_due(&p, UINT64_MAX, 5), 0);
}

static void
test_scaled(void **state)
{
	const uint64_t start = 1000000, first = UINT64_C(1700000000000000000);
	struct pace p;

	assert_int_equal(pace_parse("x2", &p), 0);
	assert_int_equal(pace_due(&p, first, start), start);
	assert_int_equal(pace_due(&p, first + 4000, start + 50), start + 2000);
	/* A leap of centuries is a long wait, not an overflow. */
	assert_true(pace_due(&p, UINT64_MAX, start) > start);
	assert_true(pace_due(&p, UINT64_MAX, start) <= start + UINT64_C(1000000000000000000));
}

static void
test_rates(void **state)
{
	struct pace p;
	unsigned int i;

	assert_int_equal(pace_parse("1kpps", &p), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(pace_due(&p, 0, 77), 77 + i * 1000000);
		pace_sent(&p, 1500);
	}
	assert_int_equal(pace_parse("8kbps", &p), 0); /* 1000 octets a second */
	assert_int_equal(pace_due(&p, 0, 0), 0);
	pace_sent(&p, 500);
	assert_int_equal(pace_due(&p, 0, 0), 500000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_max_is_always_due),
		cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
