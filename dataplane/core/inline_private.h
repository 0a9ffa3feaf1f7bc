/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_private - what the files of the enforcing side share
 *
 *              inline.c       packets: what goes on, what waits
 *              inline_feed.c  what waits and may go: to the SMTP machine, and on
 *              inline_send.c  frames of our making
 *              inline_hold.c  verdicts, limits, fallbacks
 *              inline_kill.c  resets, their confirmation, tombstones
 *              inline_takeover.c  connections that the responder goes on with: before, and while it does
 *              inline_record.c    what it is told of them
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
#include "dp_takeover.h"
#include "tombstone.h"

enum {
	INLINE_L2_MAX = 64,
	INLINE_MSS_MIN = 536,	       /* RFC 9293 §3.7.1: what every end takes */
	INLINE_MSS_MAX = 1400,	       /* what every common link takes */
	INLINE_INWARD_MAX = 2048,      /* octets of an IP packet to the responder */
	INLINE_WINDOW_MAX = 1 << 26,   /* octets beyond what went on; no window is larger in use */
};

enum inline_flags {
	INLINE_BASED = 1u << 0,	    /* fwd and base are known */
	INLINE_OPEN = 1u << 1,	    /* opaque: nothing can be inspected, all goes on */
	INLINE_FIN = 1u << 2,	    /* the client's FIN was seen, fin says where */
	INLINE_FIN_SENT = 1u << 3,
	INLINE_RST = 1u << 4,	    /* the client's RST waits behind what is withheld */
	INLINE_UNTOLD = 1u << 5,    /* a recipient passed that could not be held: no hold tells of it */
	INLINE_CLOSED = 1u << 6,    /* the end is closed; shifted by enum flow_side */
	INLINE_OVER = 1u << 9,	    /* nothing will go on any more: what is read now is read for the record */
	INLINE_TAP = 1u << 10,	    /* seen by copies only: all has gone on */
	INLINE_SERVER = 1u << 8,    /* something of the server went on: end[FLOW_SERVER].next is known */
	INLINE_SERVER_FIN = 1u << 11, /* kept for the responder */
	INLINE_SERVER_RST = 1u << 12,
	INLINE_COUNTED = 1u << 13,    /* reset, and whether it was believed is counted */
};

/* Who decides about the flow's packets; the lists of struct inline_gate are by this. */
enum inline_care {
	INLINE_CARE_NONE = 0, /* in no list */
	INLINE_CARE_KILLED,   /* being closed */
	INLINE_CARE_WAIT,     /* to be taken over as soon as its state can be told */
	INLINE_CARE_TOLD,     /* the responder was told; nothing goes on, what comes is kept */
	INLINE_CARE_TAKEN,    /* the responder's */
	INLINE_CARE_NB,
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
	/* For a take-over. */
	bool syn;	 /* its SYN was seen: the next four are valid */
	uint8_t wscale;
	uint16_t opts;	 /* enum dp_tcp_opts */
	uint16_t mss;
	uint32_t isn;
	uint16_t window_max; /* largest, as on the wire, but for a SYN's */
	uint32_t window_seq; /* of the segment that brought window; valid when windowed */
	bool windowed;
	uint8_t reserved;
	uint64_t tsval_ns; /* when tsval came */
	uint8_t l2[INLINE_L2_MAX];
};

struct inline_flow {
	struct inline_buf buf;
	uint32_t base;	   /* first octet known */
	uint32_t fwd;	   /* first octet that has not gone on; all before it has */
	uint32_t seen_end; /* after the highest octet that the client was seen to send */
	uint32_t fin, rst_seq;
	uint32_t server_fin, server_rst; /* with INLINE_SERVER_FIN, _RST */
	uint32_t mss;	   /* longest payload of the client so far */
	uint32_t holds;	   /* struct hold, by flow_next; newest first */
	uint16_t nb_holds;
	uint16_t nb_undecided;
	uint16_t flags;	   /* enum inline_flags */
	uint8_t strongest; /* enum dp_verdict, of those decided */
	uint8_t nb_probes;
	uint8_t care;	   /* enum inline_care */
	uint8_t takeover;  /* enum dp_verdict: refuse or divert, from CARE_WAIT on */
	bool is_listed;	   /* severed is valid */
	uint8_t reserved;
	uint32_t care_prev, care_next; /* the list of its care, oldest first */
	uint64_t care_ns;  /* since when */
	uint32_t severed;  /* place in the list of severed connections */
	uint32_t line_seq; /* octets from here on are not given up: a line may be taken over that begins here */
	struct inline_buf back; /* the server's octets that the client has not acknowledged */
	uint64_t takeover_id;	/* the number of the hold that names it, from CARE_TOLD on */
	uint32_t kill_client_seq, kill_server_seq; /* the RSTs' numbers */
	uint64_t kill_ns;
	struct inline_end end[2]; /* by enum flow_side */
};

struct inline_list {
	uint32_t head, tail; /* flows; POOL_NONE: none */
};

struct inline_gate {
	struct inspector_inline cfg;
	struct inline_flow *flows; /* by index in the flow table */
	struct pool blocks;
	struct hold_table holds;
	struct tombstone_table stones;
	struct inline_list lists[INLINE_CARE_NB];
	bool responder; /* there is one */
	bool crowded;	/* some in CARE_WAIT could not be told of for want of room */
	bool ctrl_gone;
	bool in_burst;
	bool originated; /* a frame was sent in the name of the client since the packet began */
	uint16_t ip_id;
	uint64_t now_ns;
	uint8_t out[PACKET_BUILD_HEAD_MAX + INLINE_BLOCK_LEN];
	_Alignas(8) uint8_t record[DP_TAKEOVER_LEN_MAX];
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

/* A SYN: whoever sends it has nothing open any more. */
static inline bool
inline_opens(const struct packet *p)
{
	return (p->tcp_flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == PACKET_SYN;
}

static inline void
inline_drop(struct inspector *ins, struct packet *p, enum dp_stat why)
{
	dp_count(ins->counters, why, 1);
	p->fate = PACKET_DROP;
}

/* inline.c */
/* Packets of @f are not inspected any more: inline_cared_packet() deals with @p. */
bool inline_has_care(const struct inspector *ins, const struct flow *f, const struct packet *p);
/* False: @p opens another connection, @f is gone. */
bool inline_cared_packet(struct inspector *ins, struct flow *f, struct packet *p);

/* inline_feed.c */
/* Give the SMTP machine what is there in order and may be read. */
void inline_feed(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* First octet that may not go on. */
uint32_t inline_limit(const struct flow *f, const struct inline_flow *x);
/* Send what waits before @limit. */
void inline_send_to(struct inspector *ins, struct flow *f, struct inline_flow *x, uint32_t limit);
/* Send what waits and may go, then the FIN and the RST that waited behind it. */
void inline_drain(struct inspector *ins, struct flow *f, struct inline_flow *x);

/* inline_send.c */
void inline_note_headers(struct inline_end *e, const struct packet *p);
/* Of these, what is below TCP. */
void inline_note_link(struct inline_end *e, const struct packet *p);
/* A segment in the name of side @from of @f. */
void inline_originate(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
		      uint8_t flags, uint32_t seq, const uint8_t *payload, uint32_t len);
/* The same, to the responder. */
void inline_originate_inward(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
			     uint8_t flags, uint32_t seq, const uint8_t *payload, uint32_t len);
/* An IP packet, @len octets, that the responder sent as @from. False: it cannot go on. */
bool inline_originate_ip(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
			 const uint8_t *ip, uint32_t len);
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
/* What to do when @cause keeps a verdict from being had or carried out. */
enum dp_verdict inline_fallback_of(const struct inline_gate *g, enum dp_cause cause);

/* inline_takeover.c */
/* All that wait are decided, and the strongest verdict is @verdict: refuse or divert. */
void inline_takeover(struct inspector *ins, struct flow *f, struct inline_flow *x, enum dp_verdict verdict);
/* A packet of a flow in CARE_TOLD or CARE_TAKEN. True: it was dealt with; false: it opens another connection. */
bool inline_takeover_packet(struct inspector *ins, struct flow *f, struct packet *p);
/* CARE_WAIT: a packet went by; can it be told now? */
void inline_takeover_try(struct inspector *ins, struct flow *f, struct inline_flow *x);
void inline_takeover_age(struct inspector *ins, unsigned int budget);
/* @f's entry goes. */
void inline_takeover_forget(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* Octets of the client before this are needed no more; @acked: the server has them. */
uint32_t inline_takeover_keep(const struct inspector *ins, const struct flow *f, struct inline_flow *x, uint32_t acked);
/* Keep what the server sends, until the client acknowledges it. */
void inline_takeover_keep_server(struct inspector *ins, const struct flow *f, struct inline_flow *x, const struct packet *p);

/* inline_record.c */
/*
 * The record of @f, in the gate's own memory; it begins at the line of @first, up to which all has gone on. NULL: it cannot
 * be told, *ret_error is -EAGAIN (not now) or another (never).
 */
const struct dp_takeover *inline_record_make(struct inspector *ins, struct flow *f, const struct inline_flow *x,
					     const struct hold *first, int *ret_error);

/* inline_kill.c */
/* @x into the list of @care, at its end, out of the one it is in. */
void inline_care(struct inspector *ins, struct inline_flow *x, enum inline_care care);
/* RFC 9293 §3.5.2: a reset to who sent @p, unless it is one. @p is dropped. */
void inline_refuse_packet(struct inspector *ins, struct packet *p);
void inline_kill(struct inspector *ins, struct flow *f, struct inline_flow *x);
/* A packet of a flow that is being closed. True: it was dealt with; false: it opens another connection, @f is gone. */
bool inline_killed_packet(struct inspector *ins, struct flow *f, struct packet *p);
/* A packet of no flow. True: it was dealt with. */
bool inline_tombstone_packet(struct inspector *ins, struct packet *p);
void inline_kill_age(struct inspector *ins, unsigned int budget);
/* @f's entry goes while it is being closed: a tombstone answers from here on. */
void inline_kill_forget(struct inspector *ins, const struct flow *f, struct inline_flow *x);
/* A tombstone for @f, whose entry goes. */
void inline_leave_stone(struct inspector *ins, const struct flow *f, const struct inline_flow *x);
/* List @f for a dataplane to come, unless it is. */
void inline_list_severed(struct inspector *ins, const struct flow *f, struct inline_flow *x, enum dp_severed_why why);
/* The ends have begun anew: @x is off the list, and nothing will answer in its place. */
void inline_unlist_severed(struct inspector *ins, struct inline_flow *x);

#endif
