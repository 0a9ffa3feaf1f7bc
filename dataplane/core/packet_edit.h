/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_edit - checksums of a frame, a frame with a part of its payload only, and frames made from nothing
 *
 * What:      what an enforcing inspector needs to withhold octets and to send them on later: verify, cut in place, build.
 * Units:     sequence numbers and ports in host order; addresses and link layer headers as on the wire.
 * Ownership: packet_cut() writes into the caller's frame, which must be writable; packet_build() into the caller's buffer.
 * Threads:   pure functions. Cost: linear in the octets of the TCP segment.
 * Source:    RFC 1071 (checksum), RFC 9293 §3.1, RFC 8200 §8.1 (pseudo header), RFC 7323 §3.2 (timestamps).
 */
#ifndef POSTERN_PACKET_EDIT_H
#define POSTERN_PACKET_EDIT_H

#include "packet.h"

enum {
	PACKET_BUILD_HEAD_MAX = 64 + 40 + 32, /* link layer, IP and TCP header with timestamps */
};

/*
 * Are the checksums of @p (PACKET_TCP, whole) right? That of the IPv4 header (a rebuilt datagram has none), and of TCP
 * unless the port knows better (PACKET_IN_CSUM_*).
 */
bool packet_checksums_ok(const struct packet *p);

/*
 * Keep payload octets [@from, @from + @len) of @p only, with the sequence number that belongs to them, and clear
 * @clear_flags (enum packet_tcp_flags). Lengths and checksums are made anew; the caller's frame is written to.
 * A SYN keeps its own sequence number: cut only its end (@from == 0).
 */
void packet_cut(struct packet *p, uint32_t from, uint32_t len, uint8_t clear_flags);
/* The same with no payload at all, and @seq instead of its own number: what is left is its ACK, window and options. */
void packet_cut_to_ack(struct packet *p, uint32_t seq);

/* A segment to be built. */
struct packet_build {
	const uint8_t *l2; /* link layer header, its type fits family */
	uint8_t l2_len;	   /* <= 64 */
	uint8_t family;	   /* enum dp_family */
	uint8_t ttl, tos;
	uint32_t flow_label; /* IPv6 */
	uint16_t ip_id;	     /* IPv4 */
	bool dont_fragment;  /* IPv4 */
	bool has_ts;	     /* with a timestamps option */
	uint8_t flags;	     /* enum packet_tcp_flags */
	uint16_t src_port, dst_port;
	uint16_t window; /* as on the wire, not scaled */
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	const uint8_t *src_addr, *dst_addr; /* 4 or 16 octets */
	const uint8_t *payload;
	uint32_t len;
};

/* The frame's octets at @out, which has room for PACKET_BUILD_HEAD_MAX + @b->len. Returns its length. */
uint32_t packet_build(const struct packet_build *b, uint8_t *out);

#endif
