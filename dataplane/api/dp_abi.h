/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_abi - the constants and small types that every record between two processes uses
 *
 * What:      ABI version, limits, verdicts, flow identity. libc only: the dataplane, ctrl, the responder, the tools
 *            and the XDP loader all include it.
 * Units:     fixed-width fields in host order (all ends run on one host); addresses in network order octets.
 * Change:    a field that moves or changes meaning needs a new DP_ABI_VERSION. Ends of different versions refuse
 *            each other at the segment header; no record is read before that check.
 */
#ifndef POSTERN_DP_ABI_H
#define POSTERN_DP_ABI_H

#include <stdint.h>

#define DP_ABI_VERSION 2u

enum {
	DP_CACHE_LINE = 64,
	DP_RECORD_ALIGN = 64,	   /* a record starts at a multiple of this in its ring */
	DP_RECORD_LEN_MAX = 2048,  /* octets of one record, header included */
	DP_WORKERS_MAX = 64,
	DP_RCPT_LISTED_MAX = 1000, /* recipients an envelope record lists; later ones are counted */
};

/* Ordered by strength: the strongest verdict of the lines of a frame wins for the connection. */
enum dp_verdict {
	DP_VERDICT_NONE = 0, /* not decided, or nothing matched */
	DP_VERDICT_PASS,
	DP_VERDICT_ALERT,
	DP_VERDICT_REFUSE,
	DP_VERDICT_DIVERT,
	DP_VERDICT_RESET,
	DP_VERDICT_NB,
};

enum dp_family {
	DP_FAMILY_IPV4 = 4,
	DP_FAMILY_IPV6 = 6,
};

/* What a SYN offered. */
enum dp_tcp_opts {
	DP_TCP_MSS = 1u << 0,
	DP_TCP_WSCALE = 1u << 1,
	DP_TCP_SACK = 1u << 2,
	DP_TCP_TIMESTAMPS = 1u << 3,
	DP_TCP_ECN = 1u << 4,	 /* by its flags */
	DP_TCP_MPTCP = 1u << 5,	 /* can't be taken over */
	DP_TCP_MD5_AO = 1u << 6, /* can't be taken over: signed segments */
};

/*
 * The two ends of a connection by role. An IPv4 address stands in the first 4 octets, the rest is zero.
 * The client is the side that sent the SYN; in a connection seen from its middle, the side not on a mail port.
 */
struct dp_flow_key {
	uint8_t client_addr[16];
	uint8_t server_addr[16];
	uint16_t client_port;
	uint16_t server_port;
	uint16_t vlan_outer; /* VLAN id, 0 when untagged */
	uint16_t vlan_inner; /* second tag of QinQ, else 0 */
	uint8_t family;	     /* enum dp_family */
	uint8_t wire;	     /* port pair (or tap) it was seen on, from 0 */
	uint8_t reserved[2]; /* zero */
};
_Static_assert(sizeof(struct dp_flow_key) == 44, "flow key layout");

/*
 * What names one connection in every record. (key, first_seq, start_ns, loop) is what event.id is hashed from;
 * uid is short and unique within one run, for joining records.
 */
struct dp_flow_id {
	uint64_t uid;	    /* replay: number of the frame that opened it; live: worker << 48 | count */
	uint64_t start_ns;  /* time of its first packet, ns since the epoch */
	struct dp_flow_key key;
	uint32_t first_seq; /* client's first sequence number seen (the ISN when the SYN was), host order */
	uint32_t loop;	    /* round of replay --loop, from 0 */
	uint32_t reserved;  /* zero */
};
_Static_assert(sizeof(struct dp_flow_id) == 72, "flow id layout");

/* Anomalies: a bit each, named and explained in dp_anomaly.def; a set travels as uint64_t. */
enum dp_anomaly {
#define DP_ANOMALY(id, name, help) DP_ANOMALY_##id,
#include "dp_anomaly.def"
#undef DP_ANOMALY
	DP_ANOMALY_NB,
};
_Static_assert(DP_ANOMALY_NB <= 64, "anomalies are a 64-bit set");

#define DP_ANOMALY_BIT(id) (UINT64_C(1) << DP_ANOMALY_##id)

#endif
