/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_private - what the decoder of the link layer (packet_link.c) and that of IP (packet.c) share
 */
#ifndef POSTERN_PACKET_PRIVATE_H
#define POSTERN_PACKET_PRIVATE_H

#include <endian.h>
#include <string.h>

#include "packet.h"

enum {
	ETHER_TYPE_OFF = 12,
	ETHER_LEN = 14,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
};

/* What a step gives back besides enum packet_class: go on with IP of this version. */
enum step {
	STEP_IPV4 = PACKET_TRUNCATED + 1,
	STEP_IPV6,
};

struct cursor {
	const uint8_t *f;
	uint32_t off;  /* of the header to read next; below 2^16, see the assertion in packet.c */
	uint32_t cap;  /* octets that may be read */
	uint32_t end;  /* where the packet ended on the wire: first the frame's end, then that of IP; >= cap */
	uint32_t left; /* further headers to follow */
	bool guessed;  /* nothing said that this is IP but its first nibble */
};

static inline uint16_t
get_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t
get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline struct cursor
cursor_at(const struct packet *p, uint32_t off, uint32_t left)
{
	return (struct cursor){
		.f = p->frame,
		.off = off,
		.cap = p->cap_len,
		.end = p->wire_len >= p->cap_len ? p->wire_len : p->cap_len,
		.left = left,
	};
}

static inline bool
have(const struct cursor *c, uint32_t n)
{
	return c->off + n <= c->cap;
}

/* @n octets at the cursor can't be read: were they never there, or not captured? */
static inline enum packet_class
cut(const struct cursor *c, uint32_t n)
{
	return c->off + n > c->end ? PACKET_MALFORMED : PACKET_TRUNCATED;
}

/*
 * From the first octet of the frame to IP, whatever p->link is. @c stands at offset 0; it stands at the IP header when
 * this returns enum step, else the result is the frame's enum packet_class. Writes the VLAN ids of p->key.
 */
int packet_link_step(struct packet *p, struct cursor *c);

#endif
