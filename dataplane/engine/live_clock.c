/* SPDX-License-Identifier: BSD-3-Clause */
/* live_clock - the time of day from the TSC: no system call per turn */
#include <stdatomic.h>
#include <time.h>

#include <rte_cycles.h>

#include "live_private.h"
#include "dp_clock.h"
#include "service.h"

enum {
	SLEW_NS = 100 * 1000 * 1000, /* backwards, per adjustment */
};

static int64_t
tsc_ns(const struct live_clock *c)
{
	return (int64_t)((double)rte_rdtsc() * c->ns_per_tick);
}

void
live_clock_init(struct live_clock *c)
{
	c->ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
	atomic_store(&c->offset_ns, (int64_t)dp_clock_ns(CLOCK_REALTIME) - tsc_ns(c));
}

/*
 * Forwards at once: the TSC runs a little slow, or the clock of the machine was set. Backwards in small steps: a worker
 * does not let its time go back, and one that stood still for long would hold up ageing and alerts.
 */
void
live_clock_adjust(struct live_clock *c)
{
	int64_t had = atomic_load_explicit(&c->offset_ns, memory_order_relaxed);
	int64_t want = (int64_t)dp_clock_ns(CLOCK_REALTIME) - tsc_ns(c);

	if (want < had - SLEW_NS)
		want = had - SLEW_NS;
	atomic_store_explicit(&c->offset_ns, want, memory_order_relaxed);
}

uint64_t
live_now(struct worker *w)
{
	const struct live_clock *c = &w->live->group->clock;
	int64_t ns = tsc_ns(c) + atomic_load_explicit(&c->offset_ns, memory_order_relaxed);

	if (ns > 0 && (uint64_t)ns > w->now_ns)
		w->now_ns = (uint64_t)ns;
	return w->now_ns;
}
