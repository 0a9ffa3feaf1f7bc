/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_event - records from a dataplane worker (or the responder) to ctrl, and their one codec
 *
 * Shape:     every record begins with struct dp_record and is at most DP_RECORD_LEN_MAX octets; variable strings stand
 *            in its tail and are named by struct dp_str. Nothing in a record is a pointer.
 *
 *              | struct dp_record | fixed part of the type | tail: string octets ... | (padding to 64)
 *              0                 40                        sizeof                  rec.len
 *
 * Streaming: a transaction is never gathered in the dataplane. Its parts go out as they complete, joined by
 *            (flow.uid, transaction, rcpt_index):
 *
 *              TXN_BEGIN  RCPT*  RCPT_REPLY*  DATA?  TXN_END  ...  FLOW_END
 *
 *            With DP_RUN_ENVELOPES all of them are sent. Without, RCPT is sent for matches only, and RCPT_REPLY, DATA,
 *            TXN_END and FLOW_END only for connections that had a match.
 * Units:     times in ns since the epoch (capture time in replay); octets; indices from 1; sequence numbers and ports
 *            in host order.
 * Trust:     the writer parses hostile octets. The reader copies a record, then calls dp_event_check(), and only then
 *            looks at the type's fields. Strings are arbitrary octets: no terminator, any value, NUL included.
 * Threads:   pure functions.
 */
#ifndef POSTERN_DP_EVENT_H
#define POSTERN_DP_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"

#define DP_RECORD_MAGIC 0x50525354u /* "PRST" */
#define DP_RULE_NONE UINT32_MAX

enum dp_event_type {
	DP_EV_PAD = 0,	  /* fills the end of the ring; no content */
	DP_EV_TXN_BEGIN,  /* struct dp_ev_txn_begin */
	DP_EV_RCPT,	  /* struct dp_ev_rcpt */
	DP_EV_RCPT_REPLY, /* struct dp_ev_rcpt_reply */
	DP_EV_DATA,	  /* struct dp_ev_data */
	DP_EV_TXN_END,	  /* struct dp_ev_txn_end */
	DP_EV_FLOW_END,	  /* struct dp_ev_flow_end */
	DP_EV_LOST,	  /* struct dp_ev_lost */
	DP_EV_OUTCOME,	  /* struct dp_ev_outcome (live ports) */
	DP_EV_NB,
};

/* Head of every record. */
struct dp_record {
	uint32_t magic;	   /* DP_RECORD_MAGIC */
	uint16_t type;	   /* enum dp_event_type */
	uint16_t len;	   /* octets from here to the end of the tail, <= DP_RECORD_LEN_MAX */
	uint64_t seq;	   /* number of the event in this ring from 0; lost events use up numbers, pads do not */
	uint64_t ts_ns;	   /* when it happened; never decreases within a ring */
	uint64_t frame_no; /* frame that completed it, from 1; never decreases within a ring. Merges rings in replay */
	uint32_t epoch;	   /* of the writer; a restarted writer has a new one */
	uint16_t worker;
	uint16_t reserved; /* zero */
};
_Static_assert(sizeof(struct dp_record) == 40, "record head layout");

/* A string in the tail of its record. A longer one is cut: full_len > len, hash tells cut ones apart. */
struct dp_str {
	uint16_t off;	   /* from the start of the record */
	uint16_t len;	   /* octets present */
	uint32_t full_len; /* octets it had on the wire */
	uint64_t hash;	   /* dp_hash64() of all of it when cut, else 0 */
};
_Static_assert(sizeof(struct dp_str) == 16, "string layout");

/* Longest that is kept of each string; the fixed part and all strings at these lengths fit one record. */
enum {
	DP_STR_ADDRESS_MAX = 512, /* RFC 5321 4.5.3.1.3: a path is 256 at most */
	DP_STR_SENDER_MAX = 384,
	DP_STR_HELO_MAX = 255,
	DP_STR_DOMAIN_MAX = 255,
};

enum dp_data_kind {
	DP_DATA_NONE = 0,
	DP_DATA_DATA,
	DP_DATA_BDAT,
	DP_DATA_NB,
};

/* MAIL was read. */
struct dp_ev_txn_begin {
	struct dp_record rec;
	struct dp_flow_id flow;
	uint32_t transaction; /* from 1, counts MAIL commands of the connection; 0: RCPT without any MAIL */
	uint32_t reserved;
	uint64_t anomalies;
	struct dp_str helo;
	struct dp_str sender; /* between the brackets, undecoded */
};
_Static_assert(sizeof(struct dp_ev_txn_begin) == 160, "txn_begin layout");

enum dp_rcpt_flags {
	DP_RCPT_ALTERNATIVE = 1u << 0, /* stands only in another reading; has no index of its own (rcpt_index 0) */
	DP_RCPT_TLS = 1u << 1,
};

/*
 * A RCPT command is complete. Carries all that a decision needs. When held (hold_id != 0) the worker waits for a
 * verdict naming (epoch, worker, hold_id).
 */
struct dp_ev_rcpt {
	struct dp_record rec;
	struct dp_flow_id flow;
	uint32_t transaction;
	uint32_t rcpt_index; /* from 1 within the transaction */
	uint64_t hold_id;    /* 0: not held */
	uint64_t anomalies;  /* of the connection so far and of this command */
	uint32_t generation; /* of the rule set that judged; 0: none was loaded */
	uint32_t rule;	     /* index in that set, DP_RULE_NONE: no match */
	uint16_t technique;  /* rules/technique.def */
	uint16_t flags;	     /* enum dp_rcpt_flags */
	uint32_t forwarded;  /* octets of this command line that went on before it was complete */
	uint32_t seq_start;  /* sequence number of the first octet of the command line */
	uint32_t seq_end;    /* of the octet after its line end */
	struct dp_str helo;
	struct dp_str sender;
	struct dp_str address; /* between the brackets, or the argument up to a blank; undecoded */
	struct dp_str domain;  /* the reading that matched, normalised; empty without a match */
	struct dp_str meant;   /* domain that was probably meant; empty without a match */
};
_Static_assert(sizeof(struct dp_ev_rcpt) == 240, "rcpt layout");
_Static_assert(sizeof(struct dp_ev_rcpt) + DP_STR_ADDRESS_MAX + DP_STR_SENDER_MAX + DP_STR_HELO_MAX +
			       2 * DP_STR_DOMAIN_MAX <= DP_RECORD_LEN_MAX,
	       "a rcpt record with all strings at their limits fits");

/* The server answered a RCPT. */
struct dp_ev_rcpt_reply {
	struct dp_record rec;
	uint64_t flow_uid;
	uint32_t transaction;
	uint32_t rcpt_index;
	uint16_t reply; /* 200..599 */
	uint16_t reserved[3];
};
_Static_assert(sizeof(struct dp_ev_rcpt_reply) == 64, "rcpt_reply layout");

/* DATA was answered, or a BDAT chunk began. */
struct dp_ev_data {
	struct dp_record rec;
	uint64_t flow_uid;
	uint32_t transaction;
	uint16_t kind;	/* enum dp_data_kind */
	uint16_t reply; /* to DATA (354, or what refused it); 0: unseen, or BDAT */
	uint64_t reserved;
};
_Static_assert(sizeof(struct dp_ev_data) == 64, "data layout");

enum dp_txn_flags {
	DP_TXN_COMPLETE = 1u << 0, /* final reply, RSET or QUIT seen without gap */
};

/* A transaction ended: final reply, RSET, new MAIL, QUIT, or the connection ended. */
struct dp_ev_txn_end {
	struct dp_record rec;
	uint64_t flow_uid;
	uint32_t transaction;
	uint16_t kind;	     /* enum dp_data_kind */
	uint16_t go_reply;   /* to DATA, 0: unseen or none */
	uint16_t data_reply; /* final reply to the message, 0: unseen or none */
	uint16_t flags;	     /* enum dp_txn_flags */
	uint32_t nb_rcpts;   /* RCPT commands of the transaction */
	uint64_t body_octets; /* on the wire, without the end of data */
	uint64_t anomalies;   /* of the transaction */
};
_Static_assert(sizeof(struct dp_ev_txn_end) == 80, "txn_end layout");

enum dp_close {
	DP_CLOSE_FIN = 1, /* both sides finished */
	DP_CLOSE_RST,
	DP_CLOSE_AGED,	  /* nothing for the idle time */
	DP_CLOSE_END,	  /* the capture ended, or the dataplane stopped */
	DP_CLOSE_EVICTED, /* the table was full */
	DP_CLOSE_REPLACED, /* a new connection of the same ends began */
	DP_CLOSE_BYPASSED, /* it went on uninspected, as bypass was on */
	DP_CLOSE_NB,
};

enum dp_flow_flags {
	DP_FLOW_OPAQUE = 1u << 0,   /* went dark: TLS, or nothing that is SMTP */
	DP_FLOW_STARTTLS = 1u << 1, /* by STARTTLS */
	DP_FLOW_SMTP = 1u << 2,	    /* at least one SMTP command or reply was read */
};

struct dp_ev_flow_end {
	struct dp_record rec;
	struct dp_flow_id flow;
	uint32_t nb_transactions;
	uint16_t close; /* enum dp_close */
	uint16_t flags; /* enum dp_flow_flags */
	uint64_t anomalies;
	struct dp_str helo;
};
_Static_assert(sizeof(struct dp_ev_flow_end) == 144, "flow_end layout");

/*
 * Events [from, to] of this ring were never written: it was full. Of them, nb_matches were recipients that matched, with
 * which was done what is configured for that; the last such verdict.
 */
struct dp_ev_lost {
	struct dp_record rec;
	uint64_t from_seq;
	uint64_t to_seq; /* inclusive */
	uint32_t nb_matches;
	uint8_t verdict; /* enum dp_verdict; NONE: observed */
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct dp_ev_lost) == 64, "lost layout");

enum dp_outcome {
	DP_OUTCOME_DONE = 1,	/* carried out as decided */
	DP_OUTCOME_FALLBACK,	/* another verdict was carried out; cause says why */
	DP_OUTCOME_CONFIRMED,	/* reset: both ends were seen closed */
	DP_OUTCOME_UNCONFIRMED, /* reset: not seen within the limit */
	DP_OUTCOME_UNKNOWN,	/* the worker that held it is gone */
	DP_OUTCOME_NB,
};

enum dp_outcome_flags {
	DP_OUTCOME_ALL_SENT = 1u << 0, /* nothing could be withheld: a tap */
};

enum dp_cause {
	DP_CAUSE_NONE = 0,
	DP_CAUSE_CTRL_SLOW,
	DP_CAUSE_CTRL_GONE,
	DP_CAUSE_RING_FULL,
	DP_CAUSE_MEMORY,
	DP_CAUSE_NO_SYN,
	DP_CAUSE_TCP_OPTION, /* MPTCP, TCP-MD5, TCP-AO */
	DP_CAUSE_RESPONDER,
	DP_CAUSE_STALE_OCTETS, /* the server may hold octets beyond the take-over point */
	DP_CAUSE_BYPASS,       /* an operator switched bypass on */
	DP_CAUSE_SESSION, /* no place to take it over: replies unknown, the line is none in every reading, an end is closing */
	DP_CAUSE_NB,
};

/* What became of a held frame (live ports). */
struct dp_ev_outcome {
	struct dp_record rec;
	uint64_t flow_uid;
	uint64_t hold_id;
	uint32_t hold_us;
	uint32_t close_us;	  /* reset: from verdict to both ends closed */
	uint16_t outcome;	  /* enum dp_outcome */
	uint16_t cause;		  /* enum dp_cause */
	uint16_t verdict;	  /* enum dp_verdict, as carried out */
	uint16_t flags;		  /* enum dp_outcome_flags */
	uint32_t command_octets;  /* octets of the RCPT line that had left */
	uint32_t transaction;
	uint32_t rcpt_index;
	uint32_t reserved2;
};
_Static_assert(sizeof(struct dp_ev_outcome) == 88, "outcome layout");

/*
 * Writing. @buf holds DP_RECORD_LEN_MAX octets, 8-aligned. dp_event_begin() zeroes the fixed part and sets magic,
 * type and len; the writer of the ring fills seq and epoch.
 */
void dp_event_begin(void *buf, enum dp_event_type type);

/*
 * Append @len octets at @src (NULL when @len is 0) to the record's tail, at most @max of them, and describe them in
 * @str, a field of the same record. @full_len >= @len when the caller itself kept only a part; @hash is dp_hash64() of
 * the whole, used only when cut (pass 0 when @len is the whole: it is computed).
 */
void dp_event_put_str(void *buf, struct dp_str *str, const void *src, size_t len, size_t max, size_t full_len,
		      uint64_t hash);

/*
 * Reading. @buf is a private copy of @avail octets. 0 when the record can be used: magic, known type, length of the
 * fixed part, every string inside the tail, every enum in range, reserved fields zero. -EBADMSG otherwise.
 */
int dp_event_check(const void *buf, size_t avail);

/* Octets of @str in the checked record @buf. */
static inline const uint8_t *
dp_event_str(const void *buf, const struct dp_str *str)
{
	return (const uint8_t *)buf + str->off;
}

/* Size of the fixed part of @type, 0 when unknown. */
size_t dp_event_fixed_len(uint16_t type);

/* 64-bit hash of octets; not keyed: tells cut strings apart, never indexes a table. Chain by passing the last value. */
#define DP_HASH64_INIT UINT64_C(0xcbf29ce484222325)
uint64_t dp_hash64(uint64_t h, const void *p, size_t n);

#endif
