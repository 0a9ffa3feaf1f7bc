/* SPDX-License-Identifier: BSD-3-Clause */
#include "csum.h"

#include <string.h>

enum {
	ETHER_LEN = 14,
	TAG_LEN = 4,
	TAGS_MAX = 4,
	EXTENSIONS_MAX = 8,
	IPV4_LEN = 20,
	IPV6_LEN = 40,
	TCP_LEN = 20,
	UDP_LEN = 8,

	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,

	PROTO_HOPOPTS = 0,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_DSTOPTS = 60,

	IPV4_FRAGMENT = 0x3fff, /* MF and the offset */
};

static uint16_t
get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t
fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sum in network order words; @p may be odd. */
static uint64_t
sum_words(const uint8_t *p, uint32_t len)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get_be16(p + i);
	if (i < len)
		sum += (uint64_t)p[i] << 8;
	return sum;
}

uint16_t
csum_sum(const uint8_t *p, uint32_t len)
{
	return fold(sum_words(p, len));
}

static bool
locate_l4(const uint8_t *frame, uint32_t len, uint32_t frame_len, uint8_t proto, uint64_t addresses,
	  struct csum_place *at)
{
	uint32_t header = proto == PROTO_TCP ? TCP_LEN : UDP_LEN;

	if ((proto != PROTO_TCP && proto != PROTO_UDP) || at->l4_len < header || at->l4_off + header > len ||
	    (uint64_t)at->l4_off + at->l4_len > frame_len)
		return false;
	at->is_udp = proto == PROTO_UDP;
	at->field_off = at->l4_off + (at->is_udp ? 6 : 16);
	at->pseudo = fold(addresses + proto + at->l4_len);
	/* UDP over IPv4 without a checksum. */
	return !at->is_udp || get_be16(frame + at->field_off) != 0;
}

static bool
locate_ipv4(const uint8_t *frame, uint32_t len, uint32_t frame_len, uint32_t off, struct csum_place *at)
{
	const uint8_t *h = frame + off;
	uint32_t header, total;

	if (len - off < IPV4_LEN || h[0] >> 4 != 4)
		return false;
	header = (uint32_t)(h[0] & 15) * 4;
	total = get_be16(h + 2);
	if (header < IPV4_LEN || total < header || get_be16(h + 6) & IPV4_FRAGMENT)
		return false;
	at->l4_off = off + header;
	at->l4_len = total - header;
	return locate_l4(frame, len, frame_len, h[9], sum_words(h + 12, 8), at);
}

static bool
locate_ipv6(const uint8_t *frame, uint32_t len, uint32_t frame_len, uint32_t off, struct csum_place *at)
{
	const uint8_t *h = frame + off;
	uint32_t left, i;
	uint8_t next;

	if (len - off < IPV6_LEN || h[0] >> 4 != 6)
		return false;
	left = get_be16(h + 4);
	next = h[6];
	off += IPV6_LEN;
	for (i = 0; i < EXTENSIONS_MAX; i++) {
		uint32_t ext;

		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_DSTOPTS)
			break;
		/* With a routing header the pseudo header may name another destination: left alone. */
		if (next == PROTO_ROUTING || off + 8 > len)
			return false;
		ext = ((uint32_t)frame[off + 1] + 1) * 8;
		if (ext > left)
			return false;
		next = frame[off];
		off += ext;
		left -= ext;
	}
	at->l4_off = off;
	at->l4_len = left;
	return locate_l4(frame, len, frame_len, next, sum_words(h + 8, 32), at);
}

bool
csum_locate(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct csum_place *ret)
{
	uint32_t off = ETHER_LEN, tags;
	uint16_t type;

	if (len < ETHER_LEN)
		return false;
	type = get_be16(frame + 12);
	for (tags = 0; tags < TAGS_MAX && (type == TYPE_VLAN || type == TYPE_QINQ); tags++) {
		if (off + TAG_LEN > len)
			return false;
		type = get_be16(frame + off + 2);
		off += TAG_LEN;
	}
	if (type == TYPE_IPV4)
		return locate_ipv4(frame, len, frame_len, off, ret);
	return type == TYPE_IPV6 && locate_ipv6(frame, len, frame_len, off, ret);
}

bool
csum_is_partial(const uint8_t *frame, const struct csum_place *at)
{
	return get_be16(frame + at->field_off) == at->pseudo;
}

void
csum_put(uint8_t *frame, const struct csum_place *at, uint16_t sum)
{
	uint16_t c = (uint16_t)~sum;

	/* RFC 768: a computed zero is sent as all ones; zero says that there is none. */
	if (at->is_udp && c == 0)
		c = 0xffff;
	frame[at->field_off] = (uint8_t)(c >> 8);
	frame[at->field_off + 1] = (uint8_t)c;
}
