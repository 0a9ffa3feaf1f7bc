/* SPDX-License-Identifier: BSD-3-Clause */
/* live_private - what the parts of the live loop share */
#ifndef POSTERN_LIVE_PRIVATE_H
#define POSTERN_LIVE_PRIVATE_H

#include "live.h"
#include "worker_private.h"

/* Frames of a burst in the order in which they came, sorted. */
struct live_burst {
	struct rte_mbuf *mbufs[2 * IO_BURST_MAX]; /* to be finished here */
	unsigned int nb;
	struct rte_mbuf *datagrams[DATAGRAMS_TURN_MAX]; /* came together in this burst and belong to this worker */
	unsigned int nb_datagrams;
};

/* Receive from queue @q and work it through. Frames received. */
unsigned int live_rx(struct worker *w, const struct live_queue *q);
/* Take over what worker @from has handed over, and work it through. Frames taken. */
unsigned int live_take(struct worker *w, unsigned int from);

/* Decode @m and say what it is for; hand it over when it is another worker's, else add it to @b. */
void live_sort(struct worker *w, struct live_burst *b, struct rte_mbuf *m);
/* A fragment that belongs to this worker. */
void live_fragment(struct worker *w, struct live_burst *b, struct rte_mbuf *m);

/* Gathered; sent by live_flush(). Takes the mbuf. */
void live_send(struct worker *w, struct rte_mbuf *m);
void live_hand(struct worker *w, struct rte_mbuf *m, unsigned int to, enum live_stage stage);
/* Give gathered frames to ports and workers; what they do not take is dropped and counted. */
void live_flush(struct worker *w);
/* The frame ends here; with what was joined for it. */
void live_free(struct rte_mbuf *m);

/* Orders for this turn: bypass begins, goes on, ends. */
void live_bypass_turn(struct worker *w);

/* Time now, ns since the epoch; never less than the last answer of this worker. */
uint64_t live_now(struct worker *w);

#endif
