/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * worker - one lcore: a burst in, inspected, and on
 *
 * What:      the state of a worker, whatever the ports are, and the loop of a replay; the loop of live ports is live.h.
 *            In a replay worker 0 polls the port's queue; frames of another worker's flows are handed over through a ring
 *            (software spreading, where a port has one queue). IP fragments are put together by the worker that polls
 *            the queue, before the flow is known, and the datagram goes the same way.
 *
 *              port --rx--> decode --+-- own flow --------------------> inspect --> tx
 *                                    +-- other's flow --> ring --> (worker k) inspect --> tx
 *                                    +-- fragment --> ipfrag --> datagram --> (as above)
 *                                    +-- nothing for us ----------------------------> tx
 *
 * Order:     frames of a flow reach its worker in the order of the wire, because one reader hands them out; so what is
 *            found does not depend on the number of workers.
 * Threads:   worker_run() is the lcore's function; everything in struct worker belongs to it, but for the rings.
 * Turn:      poll; inspect; one ageing step; publish statistics and watermark; report the quiescent state.
 */
#ifndef POSTERN_WORKER_H
#define POSTERN_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "event_out.h"
#include "inspector.h"
#include "io.h"
#include "ipfrag.h"
#include "rule_swap.h"

struct worker;
struct live_worker; /* live.h */

/* What the workers of a run share; set up before the first starts, read-only then but for the atomics. */
struct worker_group {
	unsigned int nb;
	struct worker *workers[DP_WORKERS_MAX];
	struct io_port *port;
	struct rule_swap *rules;
	struct rte_mempool *datagrams; /* mbufs whose data room takes a whole datagram */
	struct packet_hash_seed seed;
	uint16_t ports[INSPECTOR_PORTS_MAX];
	unsigned int nb_ports;
	/* Frames up to this one have been handed out; an empty input ring means they are worked through. */
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic uint64_t handed_frame;
	_Atomic uint64_t handed_ns;
	_Atomic bool reader_done;
	_Atomic pthread_t reader; /* worker 0's thread, 0 before it runs: a read of a stream is interrupted by a signal */
	_Atomic unsigned int nb_done; /* workers that have ended */
	int done_fd;		      /* eventfd: each adds 1 at its end */
};

struct worker_config {
	struct worker_group *group;
	unsigned int index;
	const struct dp_shm *dp;
	const struct dp_shm *ctrl;
	uint32_t flows_max, sessions_max; /* 0: as inspector_config_default() has it */
	struct live_worker *live; /* NULL: a replay */
	/* Live, when verdicts are carried out (DP_RUN_ENFORCE) */
	bool (*originate)(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b); /* ctx: the worker */
	uint32_t hold_limit_ms;		/* 0: the inspector's own */
	const struct event_takeover_ops *takeover; /* NULL: nothing is taken over */
	void *takeover_ctx;
	uint8_t fallback[DP_CAUSE_NB];	/* enum dp_verdict; NONE: the inspector's own */
};

int worker_new(const struct worker_config *cfg, struct worker **ret);
void worker_free(struct worker *w);

/* rte_eal_remote_launch() function; @arg is the struct worker. Returns 0. */
int worker_run(void *arg);

#endif
