/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipfrag - put IP fragments together
 *
 * What:      keyed by (source, destination, id, protocol, family, VLAN); gives out a whole IP packet (raw, without link
 *            layer) as soon as no octet is missing. Keeps fragments of both families; first fragment last is fine.
 *            The packet has a plain header: IPv4 options, and IPv6 headers before the fragment header, are left out.
 *            IPv4 fragments of protocols that can't lead to TCP are not kept; IPv6 datagrams of such are put together
 *            (the first fragment alone says what they are) and not given out.
 * Overlaps:  octets seen twice and equal are no event. Where they differ, receivers differ: some keep the first octets,
 *            some the last, most today (RFC 5722, Linux since 4.18) discard the datagram. Both readings are given out,
 *            and again when later pieces change the newest reading: a receiver that discarded may begin from any piece.
 *            Pieces beyond the end, two ends, and two protocols are contradictions of the same kind.
 * Memory:    one block given at init; datagrams at once and octets in all are bounded; the oldest is given up first.
 * Threads:   one worker. Time:  ns, given by the caller.
 * Hostile:   all. Limits: IPFRAG_DATAGRAM_MAX octets, IPFRAG_PIECES_MAX pieces per datagram (exact duplicates are
 *            free); every refusal is counted: FRAG_REFUSED what no receiver takes (a wrong IPv4 header checksum is
 *            such), FRAG_IGNORED, FRAG_LIMIT, FRAG_TIMEOUTS, FRAG_OVERLAPS. DATAGRAMS is left to the caller, who
 *            originates them.
 * Source:    RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 6946 (atomic fragments).
 */
#ifndef POSTERN_IPFRAG_H
#define POSTERN_IPFRAG_H

#include "dp_stats.h"
#include "packet.h"

enum {
	IPFRAG_DATAGRAM_MAX = 65535 + 40, /* header of IPv6 and the longest payload */
	IPFRAG_PIECES_MAX = 256,
};

struct ipfrag; /* opaque; lives in the caller's memory */

struct ipfrag_config {
	uint32_t datagrams_max; /* at once */
	uint64_t octets_max;	/* kept in all */
	uint64_t timeout_ns;	/* from the first piece; RFC 8200: 60 s, Linux: 30 s */
	struct packet_hash_seed seed;
};

size_t ipfrag_mem_size(const struct ipfrag_config *cfg);
/* @mem: ipfrag_mem_size() octets, 64-aligned, kept by the caller until the table is no longer used. Never fails. */
struct ipfrag *ipfrag_init(void *mem, const struct ipfrag_config *cfg, struct dp_counters *counters);

/*
 * Take in fragment @p (PACKET_FRAGMENT; its octets are copied). Returns how many whole datagrams came out: 0, 1, or 2
 * (overlap with different octets: reading 0 keeps the octets seen first, reading 1 those seen last).
 * They stay valid until the next call on this table: fetch them with ipfrag_get().
 */
unsigned int ipfrag_input(struct ipfrag *t, const struct packet *p);

/*
 * Datagram @i of the last ipfrag_input(): fills the caller's group of fields of @ret (frame, cap_len, wire_len, link =
 * PACKET_LINK_RAW, rebuilt = 1 + i, and ts_ns, frame_no, loop, wire of the piece that completed it), ready for
 * packet_decode(). The VLAN ids are set in @ret_vlan[0..1] (outer, inner): the caller puts them into the key with
 * packet_set_vlan(), which hashes it anew.
 */
void ipfrag_get(const struct ipfrag *t, unsigned int i, struct packet *ret, uint16_t ret_vlan[2]);

/* Give up datagrams older than the time limit; at most @budget of them. */
void ipfrag_age_step(struct ipfrag *t, uint64_t now_ns, unsigned int budget);

#endif
