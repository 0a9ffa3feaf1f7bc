/* SPDX-License-Identifier: BSD-3-Clause */
/* worker_private - what worker.c, the loop of a replay (worker_replay.c, worker_rx.c) and that of live ports share */
#ifndef POSTERN_WORKER_PRIVATE_H
#define POSTERN_WORKER_PRIVATE_H

#include "worker.h"

enum {
	HAND_OVER_RING = 2048, /* frames on their way to one worker */
	AGE_BUDGET = 8,	       /* flows looked at per turn */
	FLUSH_BUDGET = 64,
	DATAGRAM_ROOM = UINT16_MAX, /* headroom and octets of a datagram: the most that an mbuf can name */
	DATAGRAMS_TURN_MAX = 2 * IO_BURST_MAX, /* each fragment of a burst may complete one, in two readings */
};

/* mbufs gathered for one purpose within a turn. */
struct worker_batch {
	struct rte_mbuf *mbufs[2 * IO_BURST_MAX];
	unsigned int nb;
};

struct worker {
	struct worker_group *group;
	unsigned int index;
	bool first;			/* polls the port */
	struct inspector *inspector;
	struct event_out out;
	struct dp_counters counters;
	struct dp_stats_shared *stats;
	struct dp_severed severed;	/* enforcing */
	struct rte_ring *input;		/* from worker 0; NULL for worker 0 */
	struct ipfrag *frags;		/* worker 0 */
	uint64_t now_ns;		/* time of the last frame */
	uint64_t now_frame;
	uint64_t turns;
	struct live_worker *live;	/* NULL: a replay */
	struct worker_batch own;	/* to be inspected here */
	struct worker_batch pass;	/* to be sent on uninspected */
	struct worker_batch hand[DP_WORKERS_MAX];
	void *inspector_mem, *frags_mem;
	size_t inspector_mem_len, frags_mem_len;
};

/* --- every turn, whatever the ports are --- */

/* The rule set for this turn. */
void worker_begin_turn(struct worker *w);
/* One ageing step at @now_ns; its events bear @frame_no. */
void worker_age(struct worker *w, uint64_t now_ns, uint64_t frame_no);
/* End of the turn: counters, heartbeat and quiescent state. */
void worker_publish(struct worker *w);
/* No later record of this worker has a lower frame number. */
void worker_set_watermark(struct worker *w, uint64_t frame_no, uint64_t ns);

/* --- replay --- */

/* Worker 0: receive a burst and sort it into own, pass and hand; count what is dropped. Frames received. */
unsigned int worker_rx(struct worker *w);

/* Work through w->own and send it on. */
void worker_inspect(struct worker *w);

/*
 * Give the frames in w->hand to their owners. A replay waits until they have room: nothing may be lost, and there is no
 * wire to keep up with.
 */
void worker_hand_over(struct worker *w);

#endif
