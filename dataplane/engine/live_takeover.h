/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_takeover - a worker's end of the rings to the hand-over thread (handover.h)
 *
 * What:      what the inspector says of connections that are taken over, into the rings; what comes by them, to the inspector.
 * Threads:   one worker.
 */
#ifndef POSTERN_LIVE_TAKEOVER_H
#define POSTERN_LIVE_TAKEOVER_H

#include "event_out.h"
#include "handover.h"

enum {
	LIVE_TAKEOVER_BURST = 32, /* answers, and packets, of one turn */
};

struct worker;

struct live_takeover {
	struct handover_lane *lane;
	uint32_t instance; /* of the responder that the inspector uses, 0: none */
	struct worker *worker;
};

/* For event_out.takeover; the context is a struct live_takeover. */
extern const struct event_takeover_ops live_takeover_ops;

/* Answers and packets; time @now_ns, frame number @frame_no for what they cause. What was done. */
unsigned int live_takeover_turn(struct worker *w, uint64_t now_ns, uint64_t frame_no);

#endif
