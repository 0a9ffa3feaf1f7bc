/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_load - is a worker behind, and what it gives up then
 *
 * What:      a queue that gives a full burst at every look has a backlog that stands. When one stands for overload_ms the
 *            worker sheds, in this order: new connections are not inspected (they go on, or are dropped, as configured);
 *            after LIVE_LOAD_BODIES times as long, octets of messages are not parsed; what then still is too much the
 *            queues themselves drop, which the port counts. A pool of memory that is nearly empty counts as the first step.
 * Back:      one step at a time, after LIVE_LOAD_CALM_MS in which no backlog stood for half of overload_ms, so that a worker
 *            at its limit does not change its mind at every burst.
 * Source:    a standing queue as the sign of overload, rather than a long one: RFC 8289 §3.
 * Threads:   one worker.
 */
#ifndef POSTERN_LIVE_LOAD_H
#define POSTERN_LIVE_LOAD_H

#include "live_private.h"

enum {
	LIVE_LOAD_BODIES = 4,
	LIVE_LOAD_CALM_MS = 1000,
	LIVE_LOAD_POOL_HIGH = 90, /* percent in use */
	LIVE_LOAD_POOL_LOW = 75,
};

/* A look at queue @idx (rings of other workers: LIVE_QUEUES_MAX + worker) gave @nb frames at @now_ns. */
void live_load_note(struct live_load *l, unsigned int idx, unsigned int nb, uint64_t now_ns);

/* Once a turn: how far it is, told to the inspector, counted, published. */
void live_load_turn(struct worker *w);

#endif
