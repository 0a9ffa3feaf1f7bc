/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live - the loop of a worker on live ports: pairs (bump in the wire) and taps
 *
 * What:      every worker polls its queues of every port, inspects the flows it owns, and sends every frame on, unchanged
 *            and in the order in which it came, by the other port of the pair, unless the inspector says otherwise.
 *
 *              port A queue k --rx--> decode --+-- own mail flow --> inspect --+--> port B queue k
 *                                              |                               |
 *                                              +-- other's mail flow, --> ring of worker m --> inspect --> its tx
 *                                              |   fragment of other's
 *                                              +-- anything else --------------+--> port B queue k
 *
 * Owner:     with symmetric RSS on both ports of a pair, the worker that received an untagged TCP frame; else a hash of
 *            the connection says (software spreading). Fragments belong to the worker that their two addresses say; the
 *            datagram that comes of them goes to the owner of its flow.
 * Sending:   a worker without a transmit queue of its own gives finished frames to the one that has. A ring or a port that
 *            stays full for LIVE_TRIES tries costs the frame, counted: a worker never waits.
 * Order:     frames of a connection take the same way, through queues and rings that keep order.
 * Large:     a mail frame in several buffers is copied into one for the inspector; the frame itself goes on as it is.
 * Clock:     TSC, set by the service thread to the time of day; never backwards. All frames of a burst have its time.
 *            Frame numbers: nanoseconds, the lowest 6 bits being the worker that received the frame, always growing; so
 *            they are unique over workers and restarts, and ctrl merges by them.
 * Turn:      rules; orders; poll; rings; inspect; send; one ageing step; load; publish. The accounting equation holds at each
 *            publication.
 * Threads:   a struct live_worker belongs to its worker.
 */
#ifndef POSTERN_LIVE_H
#define POSTERN_LIVE_H

#include "ethdev.h"
#include "worker.h"

enum {
	LIVE_PORTS_MAX = 16,
	LIVE_TRIES = 256,	/* of a full port or ring before frames are dropped */
	LIVE_RING = 1024,	/* frames on their way from one worker to another */
	LIVE_OUT_MAX = 256,	/* frames gathered for one port, or one worker */
	LIVE_ORIGINATED_MAX = 256, /* frames of our own within a burst */
	LIVE_QUEUES_MAX = 64,	/* that one worker polls */
};

/* What a frame that comes by a ring is for. */
enum live_stage {
	LIVE_STAGE_SEND,     /* nothing more than that */
	LIVE_STAGE_INSPECT,
	LIVE_STAGE_FRAGMENT,
};

struct live_port {
	struct io_port *io;
	struct ethdev *eth; /* NULL when it is none */
	uint8_t peer;	    /* where its frames go; IO_PORT_NONE: a tap */
	uint8_t wire;	    /* pair or tap, from 0 */
	bool is_b;	    /* second of its pair */
	bool sends_only;    /* of a tap: resets leave by it, what it receives is nothing */
	uint8_t mac[6];	    /* its own; with sends_only */
	bool rss;	    /* symmetric, here and at the peer: the receiver owns what it receives */
};

/* See "Clock" above. Written by the service thread. */
struct live_clock {
	double ns_per_tick;
	_Atomic int64_t offset_ns; /* to be added to TSC time */
};

struct live_group {
	struct live_port ports[LIVE_PORTS_MAX];
	unsigned int nb_ports;
	struct live_clock clock;
	struct rte_ring *rings[DP_WORKERS_MAX][DP_WORKERS_MAX]; /* [from][to] */
	struct rte_mempool *frames; /* for frames of our own */
	const _Atomic bool *stop;
	_Atomic unsigned int nb_quiet; /* workers that have stopped receiving */
	uint32_t idle_us;	       /* sleep when there is nothing to do; 0: poll on */
	uint32_t overload_ms;	       /* a backlog that stands so long is overload; 0: never */
	bool overload_open;	       /* new connections then go on uninspected; else they are dropped */
	_Atomic bool bypass;	       /* written by the service thread: inspect nothing */
};

/* Frames gathered for a port or a worker. */
struct live_out {
	struct rte_mbuf *mbufs[LIVE_OUT_MAX];
	unsigned int nb;
};

struct live_queue {
	uint8_t port;
	uint16_t queue;
};

struct live_frags;
struct live_takeover;

/* How far a worker is behind, see live_load.h. */
struct live_load {
	uint64_t full_since_ns[LIVE_QUEUES_MAX + DP_WORKERS_MAX]; /* by queue, then by worker; 0: not full */
	uint64_t calm_since_ns; /* 0: it is not calm */
	uint32_t shed;		/* enum inspector_shed */
};

struct live_originated {
	const struct packet *after; /* the packet of the burst that it follows */
	struct rte_mbuf *mbuf;
};

struct live_worker {
	struct live_group *group;
	struct live_queue rx[LIVE_QUEUES_MAX];
	unsigned int nb_rx;
	struct live_out out[LIVE_PORTS_MAX];
	struct live_out hand[DP_WORKERS_MAX];
	struct live_originated originated[LIVE_ORIGINATED_MAX];
	unsigned int nb_originated;
	bool in_burst; /* the inspector is at work on one */
	unsigned int nb_idle;
	struct live_frags *frags; /* NULL: not enforcing */
	struct live_takeover *takeover; /* NULL: nothing is taken over */
	bool bypass;		  /* in this turn nothing is inspected */
	struct live_load load;
	uint32_t ctrl_beat;    /* of ctrl, as last seen to change */
	uint64_t ctrl_beat_ns; /* when */
};

/* Service thread: the clock starts at the time of day; then once a second or so. */
void live_clock_init(struct live_clock *c);
void live_clock_adjust(struct live_clock *c);

/* Rings and each worker's queues; the ports are started. 0 or negative errno. */
int live_group_init(struct live_group *g, unsigned int nb_workers);
int live_worker_new(struct live_group *g, unsigned int index, unsigned int nb_workers, bool enforce,
		    struct live_worker **ret);

/* rte_eal_remote_launch() function; @arg is a struct worker made with worker_config.live. Returns 0. */
int live_run(void *arg);

/*
 * A frame of our own, @len octets copied, to leave by port @port (number in the group): after the packet that the
 * inspector is at work on, before the next one. False when there is no buffer; counted by the caller.
 */
bool live_originate(struct worker *w, const uint8_t *octets, uint32_t len, unsigned int port);

#endif
