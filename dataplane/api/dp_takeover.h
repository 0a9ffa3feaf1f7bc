/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_takeover - all that the responder needs to go on with a live connection
 *
 * What:      one record per connection that is taken over, from the worker that owns it to the responder. The responder
 *            makes one repaired kernel socket (TCP_REPAIR) per side that is taken over, `divert`: the client's side;
 *            `refuse`: both. How the record travels and what answers it: dp_responder.h.
 * Shape:     the fixed part, then the octets it names: unacknowledged octets of both directions, and the head of the
 *            command line that had already left. At most DP_TAKEOVER_LEN_MAX.
 *
 *              | struct dp_takeover | to_client unacked | to_server unacked | line prefix | owed replies |
 *              | helo | sender | struct dp_takeover_hold[] |
 *
 *            Octets of the client around the take-over point; client.snd_nxt is what the socket towards the client
 *            receives next:
 *
 *                    client.snd_nxt
 *                          |<-- through_len -->|<------ known_len ------>|
 *              ... forwarded | read, not forwarded | line | line | line ... | not read yet
 *                  prefix|                         ^ line of the first recipient that waits
 *
 *            through_len octets go to the server as they come, unread: their commands are among the owed ones. Behind
 *            them begins the first line that the responder reads. When the head of that line had left (prefix_len > 0)
 *            there is nothing to pass through. Of known_len octets the worker reported every recipient already, and
 *            what was decided on the matching ones stands in the holds.
 * Units:     sequence numbers in host order; windows in octets, scaled; times in ns of CLOCK_MONOTONIC.
 * Trust:     the writer parses hostile octets: the responder copies, checks (dp_takeover_check()), then uses.
 * Source:    RFC 9293 §3.3.1 (variables), RFC 7323 (window scale, timestamps), RFC 2018 (SACK), tcp(7) TCP_REPAIR.
 */
#ifndef POSTERN_DP_TAKEOVER_H
#define POSTERN_DP_TAKEOVER_H

#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"

#define DP_TAKEOVER_MAGIC 0x454b4154u /* "TAKE" */

enum {
	DP_TAKEOVER_UNACKED_MAX = 16384, /* per direction */
	DP_TAKEOVER_PREFIX_MAX = 4096,
	DP_TAKEOVER_OWED_MAX = 4096,
	DP_TAKEOVER_NAME_MAX = 512,  /* helo, sender */
	DP_TAKEOVER_HOLDS_MAX = 128, /* recipients decided in one record */
	DP_TAKEOVER_AHEAD_MAX = 1 << 20, /* through_len, known_len */
	DP_TAKEOVER_LEN_MAX = 48 << 10,
	DP_TAKEOVER_SERVER_MAX = 20, /* head of a server line that is not whole */
	DP_L2_MAX = 64, /* link layer header that is put before what the responder sends */
};

/* What was observed of one end of the connection. */
struct dp_takeover_end {
	uint32_t isn;
	uint32_t snd_nxt;      /* after the last octet of it that was forwarded */
	uint32_t snd_una;      /* highest acknowledgment that the other end sent for it */
	uint32_t last_ack;     /* last ACK it sent */
	uint32_t wnd;	       /* last window it advertised, octets */
	uint32_t wnd_max;      /* largest */
	uint32_t wnd_seq;      /* sequence number of the segment that brought wnd */
	uint32_t last_tsval;   /* last timestamp it sent */
	uint64_t last_tsval_ns; /* when */
	uint16_t mss;	       /* its MSS option; 536 (IPv4) or 1220 (IPv6) when there was none */
	uint8_t wscale;	       /* its window scale shift, valid with DP_TCP_WSCALE */
	uint8_t ttl;	       /* TTL or hop limit of its last frame */
	uint8_t tos;
	uint8_t l2_len;	       /* octets of l2 */
	uint16_t opts;	       /* enum dp_tcp_opts, as in its SYN */
	uint8_t l2[DP_L2_MAX]; /* link layer header of its last frame, tags included */
};
_Static_assert(sizeof(struct dp_takeover_end) == 112, "take-over end layout");

enum dp_takeover_flags {
	DP_TAKEOVER_CHUNKING = 1u << 0, /* the server offered BDAT */
	DP_TAKEOVER_SMTPUTF8 = 1u << 1, /* the MAIL of the open transaction said SMTPUTF8 */
	DP_TAKEOVER_EHLO = 1u << 2,	/* EHLO or LHLO was seen (without it: HELO, or nothing) */
	DP_TAKEOVER_MULTI = 1u << 3,	/* the server is inside a reply of several lines */
	DP_TAKEOVER_FLAGS = (1u << 4) - 1,
};

/* What a forwarded command without reply was; as core/smtp_session.h has them. */
enum dp_owed {
	DP_OWED_OTHER = 0,
	DP_OWED_MAIL,
	DP_OWED_RCPT,
	DP_OWED_RCPT_OPEN, /* RCPT without MAIL */
	DP_OWED_DATA,
	DP_OWED_END,	   /* end of data, or the last chunk */
	DP_OWED_RESET,	   /* RSET, HELO, XCLIENT */
	DP_OWED_EHLO,
	DP_OWED_LHLO,
	DP_OWED_QUIT,
	DP_OWED_STARTTLS,
	DP_OWED_AUTH,
	DP_OWED_CHUNK,
	DP_OWED_BDAT,
	DP_OWED_TURN,
	DP_OWED_NB,
};

/* A recipient within known_len that matched, and what was decided. In the order of the lines. */
struct dp_takeover_hold {
	uint64_t hold_id; /* 0: it was not held (no room); the verdict is that cause's fallback */
	uint32_t transaction;
	uint32_t rcpt_index; /* 0: it stood in another reading of the octets */
	uint8_t verdict;     /* enum dp_verdict */
	uint8_t reserved[7]; /* zero */
};
_Static_assert(sizeof(struct dp_takeover_hold) == 24, "take-over hold layout");

struct dp_takeover {
	uint32_t magic;
	uint16_t abi_version;
	uint16_t worker;
	uint32_t epoch;	   /* of the worker */
	uint32_t instance; /* of the responder that is meant (dp_responder.h) */
	uint32_t len;	   /* of the whole record */
	uint32_t nb_holds; /* 1 or more */
	uint64_t hold_id;  /* names the take-over: that of the first hold */
	struct dp_flow_id flow;
	struct dp_takeover_end client;
	struct dp_takeover_end server;
	uint8_t verdict;   /* DP_VERDICT_REFUSE or DP_VERDICT_DIVERT */
	uint8_t flags;	   /* enum dp_takeover_flags */
	uint8_t server_line_len; /* octets of server_line */
	uint8_t pad;	   /* zero */
	uint32_t transaction; /* open at the first line that is read, 0: none */
	uint32_t nb_transactions; /* MAIL commands before that line */
	uint32_t nb_rcpts; /* recipients of that transaction before that line */
	uint64_t anomalies; /* of the connection so far */
	uint32_t through_len;
	uint32_t known_len;
	/* Lengths of the variable parts, in the order in which they follow. */
	uint32_t to_client_len; /* server octets forwarded, not acknowledged by the client */
	uint32_t to_server_len; /* client octets forwarded, not acknowledged by the server */
	uint32_t prefix_len;	/* head of the held command line that the server already has */
	uint32_t owed_len;	/* one octet (enum dp_owed) per command without reply before that line, oldest first */
	uint32_t helo_len, sender_len;
	uint8_t server_line[DP_TAKEOVER_SERVER_MAX]; /* server octets since its last line end, the first of them */
	uint8_t reserved[4]; /* zero */
};
_Static_assert(sizeof(struct dp_takeover) == 408, "take-over layout");

/* Where the variable parts of a checked record begin. Holds may be unaligned: copy them. */
struct dp_takeover_parts {
	const uint8_t *to_client, *to_server, *prefix, *owed, *helo, *sender, *holds;
};
void dp_takeover_parts(const struct dp_takeover *t, struct dp_takeover_parts *ret);

/* 0 or -EBADMSG; @buf is a private copy of @len octets, 8-aligned. */
int dp_takeover_check(const void *buf, size_t len);

#endif
