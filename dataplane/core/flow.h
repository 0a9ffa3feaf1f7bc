/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow - the table of connections of one worker
 *
 * What:      finds the entry of a packet's connection by its canonical key, makes and removes entries, knows which has
 *            been idle longest and in which order they began.
 * Shape:     an entry is 256 octets. Its first two cache lines are all that an in-order packet touches; the other two
 *            are for the command phase, for what is out of order, and for beginning and end.
 *
 *              line 0: key, hash, chain, flags    line 1: SMTP state, both directions, last packet    lines 2, 3: cold
 *
 *            Buckets are chains of entry numbers; the hash is seeded (packet.h), so nobody can choose a chain.
 * Ageing:    two lists (open and closed) by last use, in steps of FLOW_AGE_SLOT_EXP so that a busy flow is moved a few
 *            times a second and not with each packet. Exactness does not hang on them: flow_expired() is asked at lookup.
 * Memory:    one block given by the caller, zero; untouched until used.
 * Threads:   one worker. Cost: O(1) expected.
 */
#ifndef POSTERN_FLOW_H
#define POSTERN_FLOW_H

#include "dp_event.h"
#include "packet.h"
#include "pool.h"
#include "smtp.h"

enum {
	FLOW_AGE_SLOT_EXP = 28, /* 2^28 ns, about a quarter of a second */
};

enum flow_side {
	FLOW_CLIENT = 0,
	FLOW_SERVER = 1,
};

/* Flags that exist for each direction are shifted by enum flow_side. */
enum flow_flags {
	FLOW_SEEN = 1u << 0,	    /* a packet of this side was seen */
	FLOW_BASE = 1u << 2,	    /* where its octets begin is known */
	FLOW_SOFT = 1u << 4,	    /* ... but only from the other side's acknowledgement: an earlier segment moves it */
	FLOW_FIN = 1u << 6,	    /* FIN seen, flow.cold fin says where */
	FLOW_CLIENT_LO = 1u << 8,   /* the client is the lo end of the key */
	FLOW_MIDSTREAM = 1u << 9,   /* no SYN */
	FLOW_RST = 1u << 10,
	FLOW_CLOSED = 1u << 11,	    /* in the list of closed ones */
	FLOW_ENDED = 1u << 12,	    /* its end was reported; only late segments still come */
	FLOW_DATA = 1u << 13,	    /* some octet of payload was seen */
	FLOW_KEPT = 1u << 14,	    /* copies of client octets exist */
	FLOW_KEPT_LINE = 1u << 15,  /* they begin with a line */
	FLOW_AT_LINE = 1u << 16,    /* the next client octet begins a line */
	FLOW_ONE_SIDED = 1u << 17,  /* decided: the other side is not in the capture */
	FLOW_STALL = 1u << 18,	    /* client octets wait for a reply; counted */
	FLOW_ALT_LINE = 1u << 19,   /* a line of another reading waits for its rest */
	FLOW_ALT_BODY = 1u << 20,   /* in another reading the message is over already */
	FLOW_CHUNKED = 1u << 21,    /* the octets before body_end are a BDAT chunk */
	FLOW_BY_PORT = 1u << 22,    /* one side alone is on a mail port: it is the server */
	FLOW_SKIPPING = 1u << 23,   /* overload: the message is not parsed until the server speaks */
	FLOW_SKIPPED = 1u << 24,    /* ... or was not, once */
};

/* One direction, what in-order segments need. */
struct flow_dir {
	uint32_t next;	/* first octet not yet given to the consumer */
	uint32_t acked; /* first octet not acknowledged by the other side */
	uint32_t head;	/* octets that wait, in order of sequence; POOL_NONE: none */
};

/* One direction, the rest. */
struct flow_dir_cold {
	uint32_t tail;	   /* last of the waiting; valid when head is */
	uint32_t rcv;	   /* first octet not seen; valid when head is (else it is next) */
	uint32_t queued;   /* octets in the waiting list */
	uint32_t fin;	   /* sequence number of the FIN */
	uint32_t hole_pkt; /* flow.nb_pkts when the present hole was proven, 0: not */
};

struct flow {
	struct packet_key key;
	uint32_t hash;
	uint32_t chain; /* next entry + 1 in the bucket, 0: last */
	uint32_t flags;
	uint32_t nb_pkts;
	uint32_t loop;

	struct smtp smtp;
	struct flow_dir dir[2];
	uint64_t last_ns;
	uint64_t last_frame;

	uint64_t start_ns;
	uint64_t uid;
	uint32_t piece_seq; /* of the octets that the recipient being reported ends in; valid in smtp_ops.rcpt() only */
	uint32_t age_prev, age_next;	 /* by last use */
	uint32_t order_prev, order_next; /* by beginning */
	struct flow_dir_cold cold[2];
	uint32_t kept_head, kept_tail; /* copies of client octets [kept_seq, kept_end), see tcp_keep.h */
	uint32_t kept_seq, kept_end;
	uint32_t rival_head;		 /* copies of segments that differ from waiting ones, see tcp_keep.h */
	uint32_t alt_head;		 /* begin of a line in another reading */
	uint32_t body_end;		 /* first client octet after the last end of data */
	uint32_t first_seq;
	uint32_t command_end;		 /* after the last client octet that was no message */
	uint32_t copy_end;		 /* after the last octet of a message that came again */
	uint16_t nb_blocks;		 /* of the reassembly pool held by this flow */
	uint8_t copy_eod;		 /* octets of an end of data before copy_end */
	uint8_t reserved[9];
};
_Static_assert(sizeof(struct flow) == 256, "DESIGN: a flow entry is at most 256 octets");
_Static_assert(offsetof(struct flow, smtp) == 64 && offsetof(struct flow, start_ns) == 128,
	       "in-order packets touch the first two cache lines only");

struct flow_list {
	uint32_t head, tail;
};

struct flow_table {
	struct pool flows;
	uint32_t *buckets; /* entry + 1, 0: empty */
	uint32_t mask;
	struct flow_list open, closed, order;
};

size_t flow_table_mem_size(uint32_t flows_max);
/* @mem: 64-aligned, zero. */
void flow_table_init(struct flow_table *t, void *mem, uint32_t flows_max);

/* Stages of a burst lookup: bucket, entry, entry of the chain. */
static inline void
flow_prefetch_bucket(const struct flow_table *t, uint32_t hash)
{
	__builtin_prefetch(&t->buckets[hash & t->mask]);
}

static inline void
flow_prefetch_entry(const struct flow_table *t, uint32_t hash)
{
	uint32_t e = t->buckets[hash & t->mask];

	if (e != 0) {
		const uint8_t *f = pool_at(&t->flows, e - 1);

		__builtin_prefetch(f, 1);
		__builtin_prefetch(f + DP_CACHE_LINE, 1);
	}
}

/* The first entry of the bucket of @hash, or NULL; most often the one that is looked for. */
static inline const struct flow *
flow_at_bucket(const struct flow_table *t, uint32_t hash)
{
	uint32_t e = t->buckets[hash & t->mask];

	return e == 0 ? NULL : pool_at(&t->flows, e - 1);
}

/* The entry of @p's connection, or NULL. */
struct flow *flow_lookup(const struct flow_table *t, const struct packet *p);

/*
 * A new entry for @p, at the end of both lists, all zero but for identity, time and empty lists. NULL when the table is
 * full: end flow_idle_longest() and call again.
 */
struct flow *flow_create(struct flow_table *t, const struct packet *p);
void flow_remove(struct flow_table *t, struct flow *f);

/* @f was used at @now_ns (of packet @frame_no). */
void flow_age_move(struct flow_table *t, struct flow *f);
static inline void
flow_touch(struct flow_table *t, struct flow *f, uint64_t now_ns, uint64_t frame_no)
{
	bool moves = f->last_ns >> FLOW_AGE_SLOT_EXP != now_ns >> FLOW_AGE_SLOT_EXP;

	f->last_ns = now_ns;
	f->last_frame = frame_no;
	if (moves)
		flow_age_move(t, f);
}

/* Move @f to the list of closed ones; no-op when it is there. */
void flow_close(struct flow_table *t, struct flow *f);

static inline struct flow *
flow_at(const struct flow_table *t, uint32_t idx)
{
	return idx == POOL_NONE ? NULL : pool_at(&t->flows, idx);
}

/* What tells connections of one run apart, as in struct dp_flow_id. */
static inline uint64_t
flow_uid(const struct flow *f)
{
	return f->uid;
}

/* The one to give up for room: of those that ended, else of all, idle longest. NULL when the table is empty. */
struct flow *flow_idle_longest(const struct flow_table *t);

#endif
