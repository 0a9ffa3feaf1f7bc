/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_orders - bypass: from an operator's word in ctrl's segment to the workers, and what mode they are in
 *
 * What:      the service thread looks at the end of the bypass that was ordered (dp_shm.h) and tells the workers, who look
 *            once a turn; each says in its ring what mode it is in, and the service thread tells people of changes.
 * End:       by the clock, whether or not ctrl runs; the order stands in memory that outlives both processes.
 * Threads:   the service thread.
 */
#ifndef POSTERN_LIVE_ORDERS_H
#define POSTERN_LIVE_ORDERS_H

#include "live.h"

struct live_orders {
	struct live_group *group;
	const struct dp_shm *dp, *ctrl;
	int status_fd;
	uint32_t modes[DP_WORKERS_MAX]; /* as people were told */
};

/* Look at @now_ns (CLOCK_MONOTONIC); once before the workers begin. */
void live_orders_look(struct live_orders *o, uint64_t now_ns);

#endif
