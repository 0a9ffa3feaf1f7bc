/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_private - what the files of the enforcing side share
 *
 *              inline.c       packets: what goes on, what waits
 *              inline_feed.c  what waits and may go: to the SMTP machine, and on
 *              inline_send.c  frames of our making
 *              inline_hold.c  verdicts, limits, fallbacks
 *              inline_kill.c  resets, their confirmation, tombstones
 *              inline_pass.c  what goes on uninspected: bypass, overload
 *              inline_tap.c   copies of a mirror port
 */
#ifndef POSTERN_INLINE_PRIVATE_H
#define POSTERN_INLINE_PRIVATE_H

#include "hold.h"
#include "inline.h"
#include "inline_buf.h"
#include "inspector_private.h"
#include "packet_edit.h"
#include "tcp_keep.h"
#include "tcp_track.h"
#include "tombstone.h"

enum {
	INLINE_L2_MAX = 64,
	INLINE_MSS_MIN = 536,	       /* RFC 9293 §3.7.1: what every end takes */
	INLINE_MSS_MAX = 1400,	       /* what every common link takes */
	INLINE_WINDOW_MAX = 1 << 26,   /* octets beyond what went on; no window is larger in use */
};

enum inline_flags {
	INLINE_BASED = 1u << 0,	    /* fwd and base are known */
	INLINE_OPEN = 1u << 1,	    /* opaque: nothing can be inspected, all goes on */
	INLINE_FIN = 1u << 2,	    /* the client's FIN was seen, fin says where */
	INLINE_FIN_SENT = 1u << 3,
	INLINE_RST = 1u << 4,	    /* the client's RST waits behind what is withheld */
	INLINE_KILLED = 1u << 5,    /* reset; closing */
	INLINE_CLOSED = 1u << 6,    /* the end is closed; shifted by enum flow_side */
	INLINE_OVER = 1u << 9,	    /* nothing will go on any more: what is read now is read for the record */
	INLINE_TAP = 1u << 10,	    /* seen by copies only: all has gone on */
	INLINE_SERVER = 1u << 8,    /* something of the server went on: end[FLOW_SERVER].next is known */
};

/* What frames from one end look like, for those made in its name. */
struct inline_end {
	uint32_t next; /* after the highest octet of it (SYN and FIN count) that went on */
	uint32_t ack;  /* its last acknowledgment */
	uint32_t tsval, tsecr;
	uint16_t window;
	uint8_t ttl, tos;
	uint32_t flow_label;
	uint8_t l2_len;
	bool seen, has_ts, dont_fragment;
	bool port_b; /* where its frames come in */
	uint8_t reserved[3];
	uint8_t l2[INLINE_L2_MAX];
};

struct inline_flow {
	struct inline_buf buf;
	uint32_t base;	   /* first octet known */
	uint32_t fwd;	   /* first octet that has not gone on; all before it has */
	uint32_t seen_end; /* after the highest octet that the client was seen to send */
	uint32_t fin, rst_seq;
	uint32_t mss;	   /* longest payload of the client so far */
	uint32_t holds;	   /* struct hold, by flow_next; newest first */
	uint16_t nb_holds;
	uint16_t nb_undecided;
	uint16_t flags;	   /* enum inline_flags */
	uint8_t strongest; /* enum dp_verdict, of those decided */
	uint8_t nb_probes;
	uint32_t kill_prev, kill_next;
	uint32_t severed; /* place in the list of severed connections, when INLINE_KILLED */
	uint32_t kill_client_seq, kill_server_seq; /* the RSTs' numbers */
	uint64_t kill_ns;
	struct inline_end end[2]; /* by enum flow_side */
};

struct inline_gate {
	struct inspector_inline cfg;
	struct inline_flow *flows; /* by index in the flow table */
	struct pool blocks;
	struct hold_table holds;
	struct tombstone_table stones;
	uint32_t kill_head, kill_tail; /* flows being closed, oldest first */
	uint32_t nb_killed;
	bool ctrl_gone;
	bool in_burst;
	bool originated; /* a frame was sent in the name of the client since the packet began */
	uint16_t ip_id;
	uint64_t now_ns;
	uint8_t out[PACKET_BUILD_HEAD_MAX + INLINE_BLOCK_LEN];
};

static inline uint32_t
inline_flow_idx(const struct inspector *ins, const struct flow *f)
{
	return (uint32_t)(((const uint8_t *)f - ins->table.flows.base) / sizeof(struct flow));
}

static inline struct inline_flow *
inline_at(const struct inspector *ins, const struct flow *f)
{
	return &ins->gate->flows[inline_flow_idx(ins, f)];
}

static inline void
inline_drop(struct inspector *ins, struct packet *p, enum dp_stat why)
{
	dp_count(ins->counters, why, 1);
	p->fate = PACKET_DROP;
}

/* inline_feed.c */
/* Give the SMTP machine what is there in order and may be read. */
void inline_feed(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* First octet that may not go on. */
uint32_t inline_limit(const struct flow *f, const struct inline_flow *x);
/* Send what waits and may go, then the FIN and the RST that waited behind it. */
void inline_drain(struct inspector *ins, struct flow *f, struct inline_flow *x);

/* inline_send.c */
void inline_note_headers(struct inline_end *e, const struct packet *p);
/* A segment in the name of side @from of @f. */
void inline_originate(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
		      uint8_t flags, uint32_t seq, const uint8_t *payload, uint32_t len);
/* A segment without timestamps, back to the sender of @p. @x: NULL when its flow is gone. */
void inline_answer(struct inspector *ins, const struct packet *p, uint8_t flags, uint32_t seq, uint32_t ack);

/* inline_pass.c */
/* All that is held or withheld of @f goes on: bypass. */
void inline_let_go(struct inspector *ins, struct flow *f);
/* A packet while bypass is on, @f: its entry or NULL. True: it is of a connection that was reset, and was dealt with. */
bool inline_bypass_packet(struct inspector *ins, struct flow *f, struct packet *p);
/* The connection whose recipient has been held longest, or NULL. */
struct flow *inline_first_held(const struct inspector *ins);
/* Overload: the octets of @p, [@seq, @end), may go on unparsed. True: they do. */
bool inline_skip_body(struct inspector *ins, struct flow *f, struct inline_flow *x, const struct packet *p, uint32_t seq,
		      uint32_t end);

/* inline_tap.c */
void inline_tap_packet(struct inspector *ins, struct packet *p);

/* inline_hold.c */
void inline_settle(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* All holds of @f end like this. */
void inline_report(struct inspector *ins, struct flow *f, struct inline_flow *x, enum dp_outcome outcome,
		   uint64_t close_ns);
void inline_hold_age(struct inspector *ins, unsigned int budget);

/* inline_kill.c */
void inline_kill(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* A packet of a flow that is being closed. True: it was dealt with; false: it opens another connection, @f is gone. */
bool inline_killed_packet(struct inspector *ins, struct flow *f, struct packet *p);
/* A packet of no flow. True: it was dealt with. */
bool inline_tombstone_packet(struct inspector *ins, struct packet *p);
void inline_kill_age(struct inspector *ins, unsigned int budget);
/* @f's entry goes: when it is being closed, a tombstone answers from here on. */
void inline_kill_forget(struct inspector *ins, const struct flow *f, struct inline_flow *x);

#endif
