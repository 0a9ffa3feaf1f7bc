/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_reasm - put both directions of a connection in order, and in step with each other
 *
 * What:      segments in, octets in order out, to a struct tcp_sink. In order: without copy. What is beyond a gap, what the
 *            consumer does not take yet, and server octets that answer client octets not seen yet are copied into blocks
 *            of a bounded pool and go on when their time comes. Nothing is lost silently: every octet is delivered, or
 *            reported by gap(), or was delivered before.
 * Shape:     one direction (head..: list of struct tcp_seg, ascending, without overlaps):
 *
 *              delivered | waits, contiguous |  hole  | waits |
 *                      next                 rcv
 *
 * In step:   the ACK number of a server segment says which client octets it can answer. It is held back until these
 *            are there, so the result does not depend on which direction was captured first.
 * Gaps:      a hole that something waits behind is given up when the other side acknowledged beyond it and
 *            TCP_EVIDENCE_PKTS later packets did not fill it; when give_up_octets wait; when memory is short; at the end.
 *            An acknowledgement of server octets with nothing behind the hole proves nothing: the client may lie.
 * Memory:    blocks of TCP_SEG_LEN; nothing else is allocated.
 * Threads:   one worker.
 * Cost:      in order O(1); otherwise linear in the blocks that the flow holds (<= flow_blocks), O(1) at the ends.
 * Hostile:   all. The first copy of an octet is the stream; copies of client octets that differ are judged too
 *            (tcp_keep.h).
 * Source:    RFC 9293 §3.4, §3.10.7.4.
 */
#ifndef POSTERN_TCP_REASM_H
#define POSTERN_TCP_REASM_H

#include "dp_stats.h"
#include "flow.h"
#include "pool.h"
#include "smtp_body.h"
#include "tcp_seq.h"

enum {
	TCP_SEG_LEN = 576,	/* a block of the pool */
	TCP_EVIDENCE_PKTS = 32, /* later packets of a flow that a proven hole is waited for */
	TCP_ONE_SIDED_PKTS = 4, /* packets of one side and none of the other, whose octets are acknowledged */
	TCP_KEEP_UNACKED_BLOCKS = 15, /* kept per flow where nobody acknowledges: 8 KiB */
	TCP_RIVALS_MAX = 24,	/* blocks of conflicting copies kept per flow */
	TCP_ALT_LINE_MAX = 4608, /* octets of an unfinished line in another reading */
	TCP_SCRATCH_HEAD = 8192, /* octets before, and after, a differing segment that its text may take */
	TCP_SCRATCH_LEN = 65536 + 2 * TCP_SCRATCH_HEAD,
};

/* Who wants the octets. Functions may not call back in. */
struct tcp_sink {
	size_t (*client)(void *ctx, struct flow *f, const uint8_t *p, size_t len);
	void (*server)(void *ctx, struct flow *f, const uint8_t *p, size_t len);
	void (*give_up)(void *ctx, struct flow *f);
	void (*gap)(void *ctx, struct flow *f, enum flow_side side, uint64_t octets);
	void (*alternative)(void *ctx, struct flow *f, const uint8_t *p, size_t len, bool at_line_start);
	void (*note)(void *ctx, struct flow *f, uint64_t anomalies);
};

enum tcp_seg_kind {
	TCP_SEG_DATA,
	TCP_SEG_GAP, /* given up, or never captured; len octets, none present */
};

struct tcp_seg {
	uint32_t next; /* in its list */
	uint32_t seq;
	uint32_t len;
	uint32_t ack; /* server: client octets this may answer end here; client: 0 */
	uint16_t off; /* of the first octet in data[] */
	uint16_t kind;
	uint32_t reserved;
	uint8_t data[TCP_SEG_LEN - 24];
};
_Static_assert(sizeof(struct tcp_seg) == TCP_SEG_LEN, "block layout");

/* Per worker. All but the pool's memory is set by the owner. */
struct tcp_reasm {
	const struct tcp_sink *sink;
	void *sink_ctx;
	struct dp_counters *counters;
	struct pool segs; /* struct tcp_seg */
	uint32_t flow_blocks;
	uint32_t give_up_octets;
	smtp_body_find_fn body_find;
	uint8_t *scratch; /* TCP_SCRATCH_LEN octets */
	uint32_t piece_seq; /* of the octets being given to the consumer */
};

/* One segment as the reassembly sees it. */
struct tcp_input {
	const uint8_t *p;
	uint32_t len;
	uint32_t missing; /* octets after them that were cut off when captured */
	uint32_t seq;	  /* of p[0] */
	uint32_t ack;
	bool has_ack;
};

/* Work through one segment of @side. The flow's FLOW_BASE of this side is set by now. */
void tcp_reasm_input(struct tcp_reasm *r, struct flow *f, enum flow_side side, const struct tcp_input *in);

/* Deliver what can be, give up what need not be waited for. Called after each packet of a flow where octets wait. */
void tcp_reasm_settle(struct tcp_reasm *r, struct flow *f, bool force);

/* The consumer waits for what will not come: end that, and deliver what waits for it. */
void tcp_reasm_end_wait(struct tcp_reasm *r, struct flow *f);

/* The next @octets of @side, of which nothing waits, will never be seen. */
void tcp_reasm_skip(struct tcp_reasm *r, struct flow *f, enum flow_side side, uint32_t octets);

/* End of the connection: everything that waits is delivered or given up, all memory given back. */
void tcp_reasm_finish(struct tcp_reasm *r, struct flow *f);

static inline bool
tcp_reasm_waits(const struct flow *f)
{
	return f->dir[FLOW_CLIENT].head != POOL_NONE || f->dir[FLOW_SERVER].head != POOL_NONE;
}

/* First octet of @side not seen yet. */
static inline uint32_t
tcp_rcv(const struct flow *f, enum flow_side side)
{
	return f->dir[side].head == POOL_NONE ? f->dir[side].next : f->cold[side].rcv;
}

static inline struct tcp_seg *
tcp_seg_at(const struct tcp_reasm *r, uint32_t idx)
{
	return idx == POOL_NONE ? NULL : pool_at(&r->segs, idx);
}

#endif
