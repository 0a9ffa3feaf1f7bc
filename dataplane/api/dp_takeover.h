/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_takeover - all that the responder needs to go on with a live connection
 *
 * What:      one record per connection that is taken over, from the worker that owns it to the responder. The responder
 *            makes one repaired kernel socket (TCP_REPAIR) per side that is taken over, `divert`: the client's side;
 *            `refuse`: both.
 * Shape:     the fixed part, then the octets it names: unacknowledged octets of both directions, and the head of the
 *            command line that had already left. At most DP_TAKEOVER_LEN_MAX.
 *
 *              | struct dp_takeover | to_client unacked | to_server unacked | line prefix | owed replies |
 *
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
	DP_TAKEOVER_LEN_MAX = 48 << 10,
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

struct dp_takeover {
	uint32_t magic;
	uint16_t abi_version;
	uint16_t worker;
	uint32_t epoch;
	uint32_t len; /* of the whole record */
	uint64_t hold_id;
	struct dp_flow_id flow;
	struct dp_takeover_end client;
	struct dp_takeover_end server;
	uint8_t verdict;   /* DP_VERDICT_REFUSE or DP_VERDICT_DIVERT */
	uint8_t flags;	   /* zero */
	uint16_t pad;	   /* zero */
	uint32_t transaction;
	/* Lengths of the variable parts, in the order in which they follow. */
	uint32_t to_client_len; /* server octets forwarded, not acknowledged by the client */
	uint32_t to_server_len; /* client octets forwarded, not acknowledged by the server */
	uint32_t prefix_len;	/* head of the held command line that the server already has */
	uint32_t owed_len;	/* one octet per forwarded command without reply, oldest first (enum of core/smtp) */
};
_Static_assert(sizeof(struct dp_takeover) == 344, "take-over layout");

/* 0 or -EBADMSG; @buf is a private copy of @len octets, 8-aligned. */
int dp_takeover_check(const void *buf, size_t len);

#endif
