/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp - the command and reply machine of one connection
 *
 * What:      reads both directions of an SMTP session as octets in order, in pieces of any size, and calls back for each
 *            transaction, recipient, reply and end. Commands and replies are matched up in order (PIPELINING), so it
 *            knows whether DATA was accepted, BDAT refused, STARTTLS begun; bodies are skipped at memory speed by
 *            looking for their end only.
 * Shape:     struct smtp (24 octets) lies in the flow's hot cache lines and is all that body octets touch; the rest is
 *            a struct smtp_session from a pool, made when the first command or reply comes.
 *
 *              COMMAND --DATA--> WAIT --354--> BODY --end of data--> COMMAND
 *                 |                |--other--> COMMAND
 *                 |--BDAT n--> CHUNK(n octets) --> COMMAND
 *                 |--STARTTLS--> WAIT --220--> COMMAND (lines are other readings) --TLS of the server--> OPAQUE
 *                 |--AUTH--> WAIT --334--> AUTH_LINE --> WAIT ...
 *                 |--TURN--> WAIT --250--> CHUNK without end: what the server says now are lines of another reading
 *              SYNC: not in step (after a gap, or begun mid-connection): whatever reads as a command is taken for one
 *
 * Waiting:   where only the reply can tell what the next client octets are (after DATA, STARTTLS, AUTH) they are not
 *            consumed: the caller keeps them and offers them again after server octets. smtp_client_give_up() ends the
 *            wait without the reply (limit reached, one-sided capture, end of the connection).
 * Dark:      only TLS records of the server make a connection OPAQUE. Until then, and for ever when the server is not in
 *            the capture, client octets that look like TLS are read as lines of another reading; a reply in clear ends it.
 * Doubt:     where the server may count the octets of a chunk otherwise, or sees an end of data that we do not, what
 *            follows is read as lines of another reading, too (BDAT_DOUBT, BAD_REPLY).
 * Bodies:    body_octets are those from the first after the DATA line to the line end before the dot, included; the
 *            dot and its line end are not. Of BDAT: the octets of all chunks.
 * Decisions: DATA answered 3xx begins a body (as senders do), any other code does not; 1xx to 3xx but 354 is BAD_REPLY.
 *            A MAIL inside a transaction ends that one as not complete (NESTED_MAIL). A RCPT outside any opens
 *            transaction 0, never complete; its indices go on through the connection. After an end of data, RSET,
 *            EHLO, HELO, QUIT there is no transaction, whatever they were answered; after a refused DATA there is.
 *            kind in txn_end: what was sent; a refused DATA is DP_DATA_NONE with its go_reply.
 * Ends:      a transaction ends when what closed it was answered, so the next may begin before; of SMTP_TXNS_MAX (4,
 *            smtp_session.h) without an answer the oldest is ended with REPLY_UNSEEN.
 * Anomalies: those that depend on replies are in txn_end and the summary only, never in rcpt() or txn_begin(), whose
 *            order against replies is open. First occurrences are counted in counters->anomaly[] here.
 * Invariant: the same octets give the same callbacks however they are cut into pieces, and however the two directions
 *            interleave as long as no reply overtakes its command.
 * Ownership: spans in callbacks are valid during the call only.
 * Threads:   one worker; contexts are not shared.
 * Hostile:   both directions. Limits: SMTP_* below; each with a counter or an anomaly. Constant cost per recipient.
 * Source:    RFC 5321 §4.1.1, §4.5.2; RFC 2920; RFC 3030; RFC 3207; RFC 4954; RFC 6531; RFC 1870.
 */
#ifndef POSTERN_SMTP_H
#define POSTERN_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_event.h"
#include "dp_stats.h"
#include "mailbox.h"
#include "pool.h"
#include "smtp_body.h"

enum {
	SMTP_LINE_HEAD_MAX = 4096, /* octets kept of a command line; more: LONG_LINE, the last SMTP_LINE_TAIL_MAX too,
				    * and the domains in what lies between are read as it passes (smtp_middle.c) */
	SMTP_LINE_TAIL_MAX = 512,
	SMTP_PENDING_MAX = 4096,   /* commands without reply remembered */
};

enum smtp_phase {
	SMTP_PHASE_START = 0, /* nothing seen */
	SMTP_PHASE_COMMAND,
	SMTP_PHASE_WAIT,      /* client octets wait for a reply */
	SMTP_PHASE_BODY,
	SMTP_PHASE_CHUNK,     /* BDAT octets */
	SMTP_PHASE_AUTH_LINE, /* one line that is no command */
	SMTP_PHASE_SYNC,
	SMTP_PHASE_OPAQUE,    /* cannot be read: nothing more is looked at */
};

/* In the flow's hot lines. Zero-initialised by the caller (cold = POOL_NONE). */
struct smtp {
	uint8_t phase;	     /* enum smtp_phase */
	uint8_t eod;	     /* how much of an end of data was just seen (smtp_body.c) */
	uint16_t flags;	     /* private */
	uint32_t cold;	     /* struct smtp_session in ctx->sessions, POOL_NONE: none yet */
	uint64_t chunk_left; /* CHUNK: octets to come */
	uint64_t body_octets; /* of the current message */
};
_Static_assert(sizeof(struct smtp) == 24, "lies in the hot lines of a flow");

struct smtp_str {
	const uint8_t *p;
	uint32_t len;	   /* octets at p */
	uint32_t full_len; /* octets on the wire; > len: cut */
	uint64_t hash;	   /* when cut: dp_hash64() of the whole; beyond SMTP_LINE_HEAD_MAX, of the head, then of
			    * each 8 octets chained */
};

/* A RCPT command. */
struct smtp_rcpt {
	uint32_t transaction;
	uint32_t index;	     /* from 1; 0 for another reading (flags) */
	uint32_t line_octets; /* of the whole command line with its end */
	uint32_t line_back;   /* octets of it that lie in earlier pieces (0: the line came whole) */
	int32_t line_end;     /* where in the piece being given the line ends; 0 or less: before it */
	uint64_t anomalies;   /* of the connection so far and of this command */
	uint16_t flags;	      /* enum dp_rcpt_flags */
	const struct mailbox *mailbox; /* all readings */
	bool only_match; /* of no interest when no rule matches: one of many pieces of a line */
	struct smtp_str address, sender, helo;
};

struct smtp_txn_end {
	uint32_t transaction;
	uint32_t nb_rcpts;
	uint64_t body_octets;
	uint64_t anomalies;
	uint16_t kind, go_reply, data_reply; /* enum dp_data_kind; replies as in struct dp_ev_txn_end */
	bool complete;
};

/*
 * Called during smtp_client_data() and its siblings; @owner is what the caller passed there. They may not call back in.
 * rcpt() returns true when it wants to hear the replies of this recipient and the rest of the transaction even when
 * smtp_ctx.all_events is off.
 */
struct smtp_ops {
	void (*txn_begin)(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo,
			  const struct smtp_str *sender, uint64_t anomalies);
	bool (*rcpt)(void *ctx, void *owner, const struct smtp_rcpt *rcpt);
	void (*rcpt_reply)(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply);
	void (*data)(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply);
	void (*txn_end)(void *ctx, void *owner, const struct smtp_txn_end *end);
};

/* Per worker. Filled by the caller but for the pools, which smtp_ctx_init() lays out. */
struct smtp_ctx {
	const struct smtp_ops *ops;
	void *ops_ctx;
	struct dp_counters *counters;
	bool all_events; /* call back for every transaction (envelope records), not only for matched ones */
	struct pool sessions; /* struct smtp_session */
	struct pool strings;  /* lines and names up to 256 octets */
	smtp_body_find_fn body_find; /* smtp_ctx_init(): the fastest this processor has */
	struct pool big;      /* lines up to SMTP_LINE_HEAD_MAX + SMTP_LINE_TAIL_MAX; long lists of pending commands */
};

struct smtp_limits {
	uint32_t sessions;
	uint32_t strings;
	uint32_t big;
};

size_t smtp_ctx_mem_size(const struct smtp_limits *limits);
void smtp_ctx_init(struct smtp_ctx *ctx, void *mem, const struct smtp_limits *limits);

/* Fetch into the cache what octets of this connection will touch. */
static inline void
smtp_prefetch(const struct smtp_ctx *ctx, const struct smtp *s)
{
	uint32_t i;

	if (s->cold == POOL_NONE)
		return;
	for (i = 0; i < ctx->sessions.object_len; i += DP_CACHE_LINE)
		__builtin_prefetch((const uint8_t *)pool_at(&ctx->sessions, s->cold) + i, 1);
}

/* How the connection was met. */
enum smtp_open_flags {
	SMTP_OPEN_MIDSTREAM = 1u << 0, /* no SYN: begin in SYNC */
};
void smtp_open(struct smtp_ctx *ctx, struct smtp *s, unsigned int flags);

/*
 * Client octets in order. Returns how many were consumed; fewer than @len only in phase WAIT (see above). The rest must
 * be offered again, with whatever came after it, once smtp_server_data() was called or the wait is given up, and before
 * further octets of either side. @len may be 0.
 */
size_t smtp_client_data(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len);
void smtp_server_data(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len);

/*
 * Does it wait for a word of a server that may itself wait for the octets behind? So it is with a chunk that was not offered
 * and with a client that begins with TLS. Who withholds those octets has to give the wait up in the end.
 */
bool smtp_wait_is_mutual(const struct smtp_ctx *ctx, const struct smtp *s);

/* End a wait without its reply: the most likely reading is taken, SMTP_ANOMALY REPLY_UNSEEN set. No-op elsewhere. */
void smtp_client_give_up(struct smtp_ctx *ctx, struct smtp *s, void *owner);

/* @octets are missing in this direction (0: unknown number). */
void smtp_client_gap(struct smtp_ctx *ctx, struct smtp *s, void *owner, uint64_t octets);
void smtp_server_gap(struct smtp_ctx *ctx, struct smtp *s, void *owner, uint64_t octets);

/*
 * Client octets that may be what the server reads instead of ones given before (retransmission with other octets,
 * overlapping segments or fragments). @p is given as far back as the caller has it and @len octets long; every line in
 * it that reads as RCPT is reported with DP_RCPT_ALTERNATIVE. The state of the machine does not change.
 * @at_line_start: octet 0 begins a line.
 */
void smtp_client_alternative(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len,
			     bool at_line_start);

/* Add to the anomalies of the connection (bits of enum dp_anomaly), for what TCP and IP saw. */
void smtp_note(struct smtp_ctx *ctx, struct smtp *s, uint64_t anomalies);

/* What is known at the end, for struct dp_ev_flow_end. */
struct smtp_summary {
	uint32_t nb_transactions;
	uint16_t flags; /* enum dp_flow_flags */
	bool reported;	/* a recipient matched (rcpt() said true): the end is wanted */
	uint64_t anomalies;
	struct smtp_str helo; /* valid until smtp_close() */
};
void smtp_summary(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_summary *ret);

/* The connection ended: an open transaction is ended (txn_end), memory given back. @s may be opened again. */
void smtp_close(struct smtp_ctx *ctx, struct smtp *s, void *owner);

#endif
