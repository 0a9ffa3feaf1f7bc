/* SPDX-License-Identifier: BSD-3-Clause */
#include "segment.h"

#include <ctype.h>
#include <string.h>

enum {
	ETHER_LEN = 14,
	IP4_LEN = 20,
	IP6_LEN = 40,
	TCP_LEN = 20,
	PROTO_TCP = 6,
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	URG = 0x20,
};

static uint16_t
get_be16(const uint8_t *o)
{
	return (uint16_t)(o[0] << 8 | o[1]);
}

static uint32_t
get_be32(const uint8_t *o)
{
	return (uint32_t)get_be16(o) << 16 | get_be16(o + 2);
}

static void
put_be16(uint8_t *o, size_t v)
{
	o[0] = (uint8_t)(v >> 8);
	o[1] = (uint8_t)v;
}

/* The end of the IP datagram, or NULL: no TCP header at *@tcp. */
static const uint8_t *
find_ip(struct frame *f, struct segment *s)
{
	size_t total;

	if (f->len < ETHER_LEN + IP4_LEN + TCP_LEN)
		return NULL;
	s->ip = f->octets + ETHER_LEN;
	s->is_ipv6 = get_be16(f->octets + 12) == 0x86dd;
	if (s->is_ipv6) {
		if (f->len < ETHER_LEN + IP6_LEN + TCP_LEN || s->ip[6] != PROTO_TCP)
			return NULL;
		s->tcp = s->ip + IP6_LEN;
		total = IP6_LEN + get_be16(s->ip + 4);
	} else {
		/* Without options, and whole. */
		if (get_be16(f->octets + 12) != 0x0800 || s->ip[0] != 0x45 || s->ip[9] != PROTO_TCP ||
		    (get_be16(s->ip + 6) & 0x3fff) != 0)
			return NULL;
		s->tcp = s->ip + IP4_LEN;
		total = get_be16(s->ip + 2);
	}
	return total <= f->len - ETHER_LEN ? s->ip + total : NULL;
}

bool
segment_find(struct frame *f, struct segment *ret)
{
	struct segment s = { 0 };
	const uint8_t *end = find_ip(f, &s);
	size_t hlen;

	if (end == NULL || end < s.tcp + TCP_LEN)
		return false;
	hlen = (size_t)(s.tcp[12] >> 4) * 4;
	if (hlen < TCP_LEN || hlen > (size_t)(end - s.tcp))
		return false;
	s.payload = s.tcp + hlen;
	s.payload_len = (size_t)(end - s.payload);
	s.seq = get_be32(s.tcp + 4);
	s.flags = s.tcp[13];
	*ret = s;
	return true;
}

static uint64_t
add_up(uint64_t sum, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get_be16(p + i);
	return len % 2 != 0 ? sum + ((uint64_t)p[len - 1] << 8) : sum;
}

static size_t
folded(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Both checksums anew. */
static void
sum_up(const struct segment *s)
{
	size_t len = (size_t)(s->payload - s->tcp) + s->payload_len;
	uint64_t sum = PROTO_TCP + len;

	if (s->is_ipv6) {
		sum = add_up(sum, s->ip + 8, 32);
	} else {
		put_be16(s->ip + 10, 0);
		put_be16(s->ip + 10, folded(add_up(0, s->ip, IP4_LEN)));
		sum = add_up(sum, s->ip + 12, 8);
	}
	put_be16(s->tcp + 16, 0);
	put_be16(s->tcp + 16, folded(add_up(sum, s->tcp, len)));
}

static bool
same_connection(const struct segment *a, const struct segment *b)
{
	const size_t addr = a->is_ipv6 ? 8 : 12, len = a->is_ipv6 ? 32 : 8;

	return a->is_ipv6 == b->is_ipv6 && memcmp(a->ip + addr, b->ip + addr, len) == 0 && memcmp(a->tcp, b->tcp, 4) == 0;
}

bool
segment_join(struct frame *f, struct frame *next, size_t mtu)
{
	struct segment a, b;
	uint8_t flags;

	if (!segment_find(f, &a) || !segment_find(next, &b) || !same_connection(&a, &b))
		return false;
	flags = a.flags | b.flags;
	if (flags & (SYN | RST | URG) || a.flags & FIN || b.payload_len == 0 || a.seq + a.payload_len != b.seq ||
	    a.payload - a.tcp != b.payload - b.tcp ||
	    (size_t)(a.payload - a.ip) + a.payload_len + b.payload_len > mtu)
		return false;
	memcpy(a.payload + a.payload_len, b.payload, b.payload_len);
	/* Acknowledgment, window and options are those of the later one. */
	memcpy(a.tcp + 8, b.tcp + 8, (size_t)(b.payload - b.tcp) - 8);
	a.tcp[13] = flags;
	a.payload_len += b.payload_len;
	f->len = (size_t)(a.payload + a.payload_len - f->octets);
	put_be16(a.is_ipv6 ? a.ip + 4 : a.ip + 2, f->len - ETHER_LEN - (a.is_ipv6 ? IP6_LEN : 0));
	sum_up(&a);
	return true;
}

void
segment_change(struct frame *f)
{
	struct segment s;
	size_t i;

	if (!segment_find(f, &s))
		return;
	for (i = 0; i < s.payload_len; i++)
		if (isalnum(s.payload[i]))
			s.payload[i] ^= 1;
	sum_up(&s);
}
