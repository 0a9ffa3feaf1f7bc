/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * event_out - what a worker's inspector reports, judged by the matcher and written to the event ring
 *
 * What:      the struct inspector_ops of a worker. Each recipient goes through the matcher; matches (and everything, when
 *            envelope records are wanted) become records.
 * Waiting:   in a replay nothing may be lost, so a full ring is waited for (counted as ring_waits). Live, records of
 *            matches, and of what became of them, are kept in memory, at most EVENT_OUT_KEPT, and go first when there is
 *            room; other records, and those beyond, are lost, counted, and reported in the ring.
 * Holding:   when the inspector enforces, a match is held: the record bears the number that the verdict names. What cannot
 *            be told to ctrl is not waited for.
 * Threads:   one worker.
 */
#ifndef POSTERN_EVENT_OUT_H
#define POSTERN_EVENT_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_ring.h"
#include "inspector.h"
#include "rule_swap.h"

/* Of struct inspector_ops. */
struct event_takeover_ops {
	bool (*tell)(void *ctx, struct flow *f, const struct dp_takeover *rec);
	bool (*inward)(void *ctx, const uint8_t *ip, uint32_t len);
	void (*end)(void *ctx, struct flow *f, uint64_t hold_id);
};

enum {
	EVENT_OUT_KEPT = 256,
};

/* A record that waits. */
struct event_kept {
	_Alignas(8) uint8_t octets[DP_RECORD_LEN_MAX];
};

struct event_out {
	struct dp_ring_writer ring;
	struct dp_counters *counters;
	struct inspector *inspector; /* set after inspector_init() */
	const struct rule_set *rules; /* for this turn, may be NULL */
	unsigned int worker;
	bool replay;	  /* wait for room */
	bool all_events;
	bool own_clock;	  /* ageing and flush: now_ns and now_frame below are the moment, not a packet's */
	uint64_t now_ns;
	uint64_t now_frame;
	uint64_t last_ns; /* of the last record: neither ever decreases within a ring */
	uint64_t last_frame;
	/* Live: records that wait, oldest first, a ring of EVENT_OUT_KEPT; NULL: none is kept. */
	struct event_kept *kept;
	unsigned int kept_head, nb_kept;
	/* Live, enforcing: sends a frame of our making (struct inspector_ops). */
	bool (*originate)(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b);
	void *originate_ctx;
	const struct event_takeover_ops *takeover; /* NULL: nothing is taken over */
	void *takeover_ctx;
	union {
		struct dp_record rec;
		struct dp_ev_txn_begin txn_begin;
		struct dp_ev_rcpt rcpt;
		struct dp_ev_rcpt_reply rcpt_reply;
		struct dp_ev_data data;
		struct dp_ev_txn_end txn_end;
		struct dp_ev_flow_end flow_end;
		struct dp_ev_outcome outcome;
		_Alignas(8) uint8_t octets[DP_RECORD_LEN_MAX];
	} buf;
};

/* Write what was kept, as far as there is room. True: nothing waits. Live, once a turn. */
bool event_out_flush(struct event_out *eo);
/* The oldest that waits, or NULL. */
const struct dp_record *event_out_oldest(const struct event_out *eo);

/* Callbacks for inspector_init(); its ops_ctx is the struct event_out. */
extern const struct inspector_ops event_out_ops;

#endif
