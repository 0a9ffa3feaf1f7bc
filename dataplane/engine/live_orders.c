/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_orders.h"

#include <stdatomic.h>
#include <stdio.h>

#include "status.h"

static const char *
overload_text(uint32_t mode, bool open)
{
	if (mode & DP_MODE_SHED_BODIES)
		return open ? "new connections go on uninspected, messages are not parsed" :
			      "new connections are dropped, messages are not parsed";
	if (mode & DP_MODE_SHED_NEW)
		return open ? "new connections go on uninspected" : "new connections are dropped";
	return "over; everything is inspected";
}

static void
tell(struct live_orders *o, unsigned int worker, uint32_t mode)
{
	const uint32_t shed = DP_MODE_SHED_NEW | DP_MODE_SHED_BODIES;
	uint32_t was = o->modes[worker];
	char text[160];

	if ((was ^ mode) & DP_MODE_BYPASS) {
		snprintf(text, sizeof(text), "worker %u: bypass: %s", worker,
			 mode & DP_MODE_BYPASS ? "mail goes on uninspected" : "over; mail is inspected");
		status_note(o->status_fd, text);
	}
	if ((was ^ mode) & shed) {
		snprintf(text, sizeof(text), "worker %u: overload: %s", worker,
			 overload_text(mode, o->group->overload_open));
		status_note(o->status_fd, text);
	}
	o->modes[worker] = mode;
}

void
live_orders_look(struct live_orders *o, uint64_t now_ns)
{
	uint64_t until = atomic_load_explicit(&dp_shm_orders(o->ctrl)->bypass_until_ns, memory_order_relaxed);
	unsigned int i;

	atomic_store_explicit(&o->group->bypass, now_ns < until, memory_order_relaxed);
	for (i = 0; i < o->dp->geo.nb_workers; i++) {
		uint32_t mode = atomic_load_explicit(&dp_shm_ring_dp(o->dp, i)->mode, memory_order_relaxed);

		if (mode != o->modes[i])
			tell(o, i, mode);
	}
}
