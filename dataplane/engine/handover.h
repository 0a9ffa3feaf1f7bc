/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handover - the dataplane's side of the responder: its socket, its TUN, and the workers' rings to both
 *
 * What:      a thread of its own, for workers make no system call and the service thread may be busy for long with a rule
 *            set. It sends records and receives answers (dp_responder.h), writes the packets of connections taken over into
 *            the TUN, and gives those that come out of it to the worker whose connection it is.
 *
 *              worker --told, ended--> thread --socket--> responder      worker --inward--> thread --TUN--> kernel
 *              worker <---answers----- thread <-------------+            worker <-outward-- thread <--TUN-----+
 *
 * Table:     connections told and not ended, by their ends without tags (the responder's kernel knows no more): packets out
 *            of the TUN that belong to none end here, counted. A second one between the same ends is refused.
 * Instance:  HELLO names it, 0: there is no responder. A worker that sees another one than before gives up what the old one
 *            had, and only then uses the new one.
 * Waiting:   for the socket and the TUN in poll(), at most HANDOVER_NAP_US while there is a responder, since no worker can
 *            wake it. A full ring to a worker costs a packet, or the answer, whose hold then falls back.
 * Threads:   handover_start() and _stop() by the service thread; of a lane each ring has one writer and one reader.
 */
#ifndef POSTERN_HANDOVER_H
#define POSTERN_HANDOVER_H

#include <stdbool.h>

#include "dp_takeover.h"
#include "packet.h"
#include "slot_ring.h"

enum {
	HANDOVER_PACKET_MAX = 2048, /* octets of an IP packet; longer ones go in parts */
	HANDOVER_TOLD = 64,	    /* slots of each ring */
	HANDOVER_ENDED = 4096,
	HANDOVER_ANSWERS = 1024,
	HANDOVER_PACKETS = 512,
	HANDOVER_FLOWS_MAX = 1 << 14, /* connections at once */
	HANDOVER_NAP_US = 100,
};

/* How a worker names a connection of its own. */
struct handover_flow {
	uint64_t uid;
	uint64_t hold_id;
	uint32_t index;
	uint32_t epoch;
};

struct handover_told {
	struct handover_flow flow;
	_Alignas(8) uint8_t record[DP_TAKEOVER_LEN_MAX]; /* times in ns since the epoch */
};

struct handover_ended {
	struct handover_flow flow;
	struct dp_flow_key key;
};

enum handover_answer_type {
	HANDOVER_READY,
	HANDOVER_REFUSED,
	HANDOVER_CLOSED,
};

struct handover_answer {
	struct handover_flow flow;
	enum handover_answer_type type;
};

struct handover_packet {
	struct handover_flow flow; /* outward */
	uint32_t len;
	uint8_t octets[HANDOVER_PACKET_MAX];
};

/* Between a worker and the thread. */
struct handover_lane {
	struct slot_ring told, ended, inward; /* worker to thread */
	struct slot_ring answers, outward;    /* thread to worker */
	_Atomic uint32_t instance;	      /* of the responder, 0: none; the thread's */
};

struct handover;

/* @sock: to the responder (dp_responder.h), the caller's. 0 or negative errno. */
int handover_start(int sock, unsigned int nb_workers, const struct packet_hash_seed *seed, struct handover **ret);
/* After the workers have ended. NULL is fine. */
void handover_stop(struct handover *h);

struct handover_lane *handover_lane(struct handover *h, unsigned int worker);

#endif
