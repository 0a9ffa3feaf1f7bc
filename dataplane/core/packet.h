/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet - headers of one frame, from link layer to TCP
 *
 * What:      turns (pointer, lengths, link type) into struct packet: offsets, addresses, TCP fields, a canonical flow
 *            key and its hash. VLAN, QinQ and more tags, MPLS labels, IPv4 with options, IPv6 with extension headers,
 *            fragments; Ethernet (with LLC/SNAP), Linux cooked v1 and v2, raw IP, BSD loopback.
 * Units:     lengths and offsets in octets, sequence numbers and ports in host order, addresses as on the wire.
 * Ownership: struct packet points into the caller's frame and owns nothing.
 * Threads:   pure functions.
 * Cost:      one pass over the headers; no loop longer than PACKET_HEADERS_MAX.
 * Hostile:   every octet. Lengths are checked against what is present before they are used; what the IP header claims
 *            beyond the frame is missing_len, never read.
 * Source:    RFC 791, RFC 8200 §4, RFC 9293 §3.1, RFC 3032 (MPLS), IEEE 802.1Q, LINKTYPE_* of pcap.
 */
#ifndef POSTERN_PACKET_H
#define POSTERN_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"

enum {
	PACKET_HEADERS_MAX = 16, /* tags, labels and extension headers followed before giving up */
};

enum packet_link {
	PACKET_LINK_ETHERNET = 0, /* LINKTYPE_ETHERNET 1 */
	PACKET_LINK_SLL,	  /* LINKTYPE_LINUX_SLL 113 */
	PACKET_LINK_SLL2,	  /* LINKTYPE_LINUX_SLL2 276 */
	PACKET_LINK_RAW,	  /* LINKTYPE_RAW 101, IPV4 228, IPV6 229, DLT_RAW 12 and 14 */
	PACKET_LINK_NULL,	  /* LINKTYPE_NULL 0: family in the capturing host's order, either is tried */
	PACKET_LINK_LOOP,	  /* LINKTYPE_LOOP 108: family in network order */
	PACKET_LINK_NB,
};

enum packet_class {
	PACKET_TCP,	  /* all TCP fields are valid */
	PACKET_FRAGMENT,  /* IP fragment: frag_* valid, TCP fields not */
	PACKET_OTHER,	  /* valid as far as it goes, nothing for us (no IP, no TCP, unknown encapsulation) */
	PACKET_MALFORMED, /* headers contradict themselves or the frame's real length */
	PACKET_TRUNCATED, /* headers are cut by the capture's snapshot length */
};

enum packet_tcp_flags {
	PACKET_FIN = 0x01,
	PACKET_SYN = 0x02,
	PACKET_RST = 0x04,
	PACKET_PSH = 0x08,
	PACKET_ACK = 0x10,
	PACKET_URG = 0x20,
	PACKET_ECE = 0x40,
	PACKET_CWR = 0x80,
};

/* What becomes of a frame that an inspector of live ports has seen. */
enum packet_fate {
	PACKET_SEND = 0, /* sent on as it is */
	PACKET_CUT,	 /* sent on; its octets were changed in place and it is cap_len octets long; checksums are whole */
	PACKET_DROP,	 /* not sent on; counted */
};

enum packet_in_flags {
	PACKET_IN_PORT_B = 1u << 0,	  /* came in by the second port of its pair */
	PACKET_IN_CSUM_GOOD = 1u << 1,	  /* the port verified the checksums */
	PACKET_IN_CSUM_PARTIAL = 1u << 2, /* a virtual port: the TCP checksum is still to be filled in */
	PACKET_IN_TAP = 1u << 3,	  /* a copy: it has gone on already */
};

/*
 * Both ends of a connection in an order that does not depend on direction: the end with the lower (address, port) is
 * "lo". Compared as octets, hence no padding: every octet is written by packet_decode().
 */
struct packet_key {
	uint8_t lo_addr[16]; /* IPv4 in the first 4, rest zero */
	uint8_t hi_addr[16];
	uint16_t lo_port; /* host order */
	uint16_t hi_port;
	uint16_t vlan_outer;
	uint16_t vlan_inner;
	uint8_t family; /* enum dp_family */
	uint8_t wire;
	uint8_t reserved[2];
};
_Static_assert(sizeof(struct packet_key) == 44, "compared as octets");

struct packet {
	/* set by the caller before packet_decode() */
	const uint8_t *frame; /* first octet of the link layer header */
	uint64_t ts_ns;
	uint64_t frame_no;    /* from 1, over all sources of a run */
	uint32_t cap_len;     /* octets present */
	uint32_t wire_len;    /* octets on the wire, >= cap_len */
	uint32_t loop;
	uint8_t link; /* enum packet_link */
	uint8_t wire;
	uint8_t rebuilt;      /* 1: put together from fragments; 2: the other reading of overlapping fragments */

	/* set by packet_decode() */
	uint8_t class;	      /* enum packet_class */
	uint8_t from_lo;      /* 1: sent by the lo end of the key */
	uint8_t tcp_flags;    /* enum packet_tcp_flags */
	uint8_t ip_proto;     /* last protocol reached; valid when l3_off is */
	uint8_t l3_valid;     /* an IP header was read: addresses in key are valid */
	uint16_t l3_off;      /* of the IP header */
	uint16_t l4_off;      /* of the TCP header, or of the fragment's payload */
	uint16_t payload_off; /* of TCP payload */
	uint16_t window;
	uint32_t payload_len; /* TCP payload octets present; for a fragment: its payload octets present */
	uint32_t missing_len; /* octets the IP header promises beyond cap_len */
	uint32_t seq;
	uint32_t ack;
	uint32_t hash;	      /* of key, with the caller's seed; equal in both directions */
	/* fragments */
	uint32_t frag_id;
	uint32_t frag_off;    /* octets */
	uint8_t frag_more;
	uint8_t frag_proto;   /* IPv4: protocol; IPv6: next header of the fragment header */
	/* live ports; zero after packet_decode() */
	uint8_t fate;	      /* enum packet_fate, from inspector_burst() */
	uint8_t in_flags;     /* enum packet_in_flags, set by the caller after packet_decode() */
	struct packet_key key; /* ports zero unless PACKET_TCP */
};

/* What packet_decode() needs to know besides the packet. */
struct packet_hash_seed {
	uint64_t k[2];
	bool ignore_vlan; /* tags are passed over and stand in no key: a mirror port may give each copy another */
};

/*
 * Decode @p, whose first group of fields is set. Returns p->class. Octets after the IP packet's end (Ethernet padding)
 * are not payload. The hash is keyed by @seed (SipHash-like strength is not needed per packet, but the seed must
 * matter: nobody may choose the bucket without knowing it).
 */
enum packet_class packet_decode(struct packet *p, const struct packet_hash_seed *seed);

/*
 * Put VLAN ids (outer, inner) into the key of a decoded packet and hash it anew: for a datagram put together from
 * fragments, which has no link layer of its own but belongs to the flow of its tags.
 */
void packet_set_vlan(struct packet *p, const uint16_t vlan[2], const struct packet_hash_seed *seed);

/* The key of the connection between @ends, and its hash. */
uint32_t packet_key_of_ends(const struct dp_flow_key *ends, const struct packet_hash_seed *seed, struct packet_key *ret);

/* Is either port of @p one of the @nb ports at @ports (host order)? Only for PACKET_TCP. */
bool packet_has_port(const struct packet *p, const uint16_t *ports, unsigned int nb);

/* Pointer to the TCP payload. */
static inline const uint8_t *
packet_payload(const struct packet *p)
{
	return p->frame + p->payload_off;
}

/* TCP options that matter from a SYN. Absent ones are 0; flags say what was there. */
struct packet_tcp_options {
	uint16_t flags; /* enum dp_tcp_opts, without DP_TCP_ECN */
	uint16_t mss;
	uint8_t wscale;
	uint32_t tsval, tsecr;
};
/* Read the TCP options of @p (PACKET_TCP); malformed options end the reading, what was read before stands. */
void packet_tcp_options(const struct packet *p, struct packet_tcp_options *ret);

/* pcap LINKTYPE number to enum packet_link, or -1 when we cannot read it. */
int packet_link_from_pcap(uint32_t linktype);

#endif
