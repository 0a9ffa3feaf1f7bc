/* SPDX-License-Identifier: BSD-3-Clause */
/* ipfrag_private - one fragment as read from its packet (ipfrag_piece.c), for the table that keeps them (ipfrag.c) */
#ifndef POSTERN_IPFRAG_PRIVATE_H
#define POSTERN_IPFRAG_PRIVATE_H

#include "packet.h"

enum {
	UNIT = 8, /* octets; fragments are cut at multiples of it */
};

/* Compared as octets: every one is written. */
struct frag_key {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t id;
	uint16_t vlan[2];
	uint8_t proto; /* IPv4 only: in IPv6 the first fragment's counts, the others' is ignored (RFC 8200 §4.5) */
	uint8_t family;
	uint8_t wire;
	uint8_t reserved;
};
_Static_assert(sizeof(struct frag_key) == 44, "compared as octets");

/* What the two readings may differ in besides the octets. */
struct outline {
	uint32_t total;	   /* octets of the payload; 0: the last piece is not here yet */
	uint8_t proto;	   /* of the piece at offset 0, and so: */
	uint8_t tos;
	uint8_t ttl;
	uint8_t first_seen;
	uint32_t flow;	   /* IPv6: first 4 octets of the header */
};

/* A piece on its way in. */
struct piece {
	const uint8_t *data;
	uint32_t off, len;
	uint64_t now_ns;
	bool last;
	struct outline outline; /* as if it were the whole: taken when its offset is 0 */
};

/* Fill @ret_key and @ret from @p; false when no receiver takes such a fragment. */
bool frag_read(const struct packet *p, struct frag_key *ret_key, struct piece *ret);

/* May TCP come after @proto? */
bool frag_leads_to_tcp(uint8_t proto, uint8_t family);

/*
 * Write the IP header for a payload of @o->total octets at @h: without options, without the extension headers that stood
 * before the fragment's. Returns its length.
 */
uint32_t frag_put_header(uint8_t *h, const struct frag_key *key, const struct outline *o);

#endif
