/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet_edit.h"

#include <string.h>

enum {
	IPV4_LEN_AT = 2,
	IPV4_CSUM_AT = 10,
	IPV6_LEN_AT = 4,
	IPV6_HEADER = 40,
	IPV4_HEADER = 20,
	TCP_HEADER = 20,
	TCP_SEQ_AT = 4,
	TCP_FLAGS_AT = 13,
	TCP_CSUM_AT = 16,
	TCP_URGENT_AT = 18,
	TS_OPTION = 12, /* NOP, NOP, kind 8, length 10, TSval, TSecr */
	PROTO_TCP = 6,
	DONT_FRAGMENT = 0x40,
};

static void
put_be16(uint8_t *o, uint32_t v)
{
	o[0] = (uint8_t)(v >> 8);
	o[1] = (uint8_t)v;
}

static void
put_be32(uint8_t *o, uint32_t v)
{
	put_be16(o, v >> 16);
	put_be16(o + 2, v);
}

/* Ones' complement sum of @len octets added to @sum, in the order of the memory; folded by csum_fold(). */
static uint64_t
csum_add(uint64_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&v64, p, 8);
		sum += v64 & UINT32_MAX;
		sum += v64 >> 32;
	}
	if (len >= 4) {
		memcpy(&v32, p, 4);
		sum += v32;
		p += 4;
		len -= 4;
	}
	if (len >= 2) {
		memcpy(&v16, p, 2);
		sum += v16;
		p += 2;
		len -= 2;
	}
	if (len > 0) {
		const uint8_t last[2] = { *p, 0 };

		memcpy(&v16, last, 2);
		sum += v16;
	}
	return sum;
}

static uint16_t
csum_fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sum over pseudo header and segment, its checksum field included. 0xffff: right. */
static uint16_t
tcp_sum(const uint8_t *src, const uint8_t *dst, uint32_t addr_len, const uint8_t *tcp, uint32_t len)
{
	uint8_t tail[8] = { 0 };
	uint64_t sum;

	put_be32(tail, len);
	tail[7] = PROTO_TCP;
	sum = csum_add(0, src, addr_len);
	sum = csum_add(sum, dst, addr_len);
	sum = csum_add(sum, tail, sizeof(tail));
	return csum_fold(csum_add(sum, tcp, len));
}

/* Addresses of the packet whose IP header is at @ip. */
static const uint8_t *
src_of(const uint8_t *ip, uint8_t family)
{
	return ip + (family == DP_FAMILY_IPV4 ? 12 : 8);
}

static uint32_t
addr_len_of(uint8_t family)
{
	return family == DP_FAMILY_IPV4 ? 4 : 16;
}

static uint16_t
packet_tcp_sum(const struct packet *p)
{
	const uint8_t *src = src_of(p->frame + p->l3_off, p->key.family);
	uint32_t n = addr_len_of(p->key.family);

	return tcp_sum(src, src + n, n, p->frame + p->l4_off, p->payload_off - p->l4_off + p->payload_len);
}

static uint32_t
ipv4_header_len(const uint8_t *ip)
{
	return (uint32_t)(ip[0] & 0x0f) * 4;
}

bool
packet_checksums_ok(const struct packet *p)
{
	const uint8_t *ip = p->frame + p->l3_off;

	if (p->in_flags & PACKET_IN_CSUM_GOOD)
		return true;
	if (p->key.family == DP_FAMILY_IPV4 && !p->rebuilt && csum_fold(csum_add(0, ip, ipv4_header_len(ip))) != 0xffff)
		return false;
	return p->in_flags & PACKET_IN_CSUM_PARTIAL || packet_tcp_sum(p) == 0xffff;
}

static uint8_t *
writable(struct packet *p)
{
	return (uint8_t *)(uintptr_t)p->frame;
}

/* Lengths and checksums of what the frame holds now. */
static void
seal(struct packet *p)
{
	uint8_t *ip = writable(p) + p->l3_off, *tcp = writable(p) + p->l4_off;
	uint32_t end = p->payload_off + p->payload_len;
	uint16_t sum;

	if (p->key.family == DP_FAMILY_IPV4) {
		put_be16(ip + IPV4_LEN_AT, end - p->l3_off);
		memset(ip + IPV4_CSUM_AT, 0, 2);
		sum = (uint16_t)~csum_fold(csum_add(0, ip, ipv4_header_len(ip)));
		memcpy(ip + IPV4_CSUM_AT, &sum, 2);
	} else {
		put_be16(ip + IPV6_LEN_AT, end - p->l3_off - IPV6_HEADER);
	}
	memset(tcp + TCP_CSUM_AT, 0, 2);
	sum = (uint16_t)~packet_tcp_sum(p);
	memcpy(tcp + TCP_CSUM_AT, &sum, 2);
	p->cap_len = end;
	p->wire_len = end;
	p->in_flags = (uint8_t)(p->in_flags & ~PACKET_IN_CSUM_PARTIAL);
	p->fate = PACKET_CUT;
}

void
packet_cut(struct packet *p, uint32_t from, uint32_t len, uint8_t clear_flags)
{
	uint8_t *tcp = writable(p) + p->l4_off, *data = writable(p) + p->payload_off;

	if (from > 0)
		memmove(data, data + from, len);
	p->payload_len = len;
	p->seq += from;
	p->tcp_flags &= (uint8_t)~clear_flags;
	put_be32(tcp + TCP_SEQ_AT, p->seq);
	if (clear_flags & PACKET_URG)
		put_be16(tcp + TCP_URGENT_AT, 0);
	tcp[TCP_FLAGS_AT] = p->tcp_flags;
	seal(p);
}

void
packet_cut_to_ack(struct packet *p, uint32_t seq)
{
	p->seq = seq;
	packet_cut(p, 0, 0, PACKET_FIN | PACKET_PSH | PACKET_URG);
}

static uint32_t
build_ip(const struct packet_build *b, uint8_t *ip, uint32_t tcp_len)
{
	uint16_t sum;

	if (b->family == DP_FAMILY_IPV4) {
		memset(ip, 0, IPV4_HEADER);
		ip[0] = 0x45;
		ip[1] = b->tos;
		put_be16(ip + IPV4_LEN_AT, IPV4_HEADER + tcp_len);
		put_be16(ip + 4, b->ip_id);
		ip[6] = b->dont_fragment ? DONT_FRAGMENT : 0;
		ip[8] = b->ttl;
		ip[9] = PROTO_TCP;
		memcpy(ip + 12, b->src_addr, 4);
		memcpy(ip + 16, b->dst_addr, 4);
		sum = (uint16_t)~csum_fold(csum_add(0, ip, IPV4_HEADER));
		memcpy(ip + IPV4_CSUM_AT, &sum, 2);
		return IPV4_HEADER;
	}
	put_be32(ip, UINT32_C(6) << 28 | (uint32_t)b->tos << 20 | (b->flow_label & 0xfffff));
	put_be16(ip + IPV6_LEN_AT, tcp_len);
	ip[6] = PROTO_TCP;
	ip[7] = b->ttl;
	memcpy(ip + 8, b->src_addr, 16);
	memcpy(ip + 24, b->dst_addr, 16);
	return IPV6_HEADER;
}

uint32_t
packet_build(const struct packet_build *b, uint8_t *out)
{
	uint32_t head = TCP_HEADER + (b->has_ts ? TS_OPTION : 0), ip_len;
	uint32_t addr_len = addr_len_of(b->family);
	uint8_t *tcp;
	uint16_t sum;

	if (b->l2_len > 0)
		memcpy(out, b->l2, b->l2_len);
	ip_len = build_ip(b, out + b->l2_len, head + b->len);
	tcp = out + b->l2_len + ip_len;
	memset(tcp, 0, TCP_HEADER);
	put_be16(tcp, b->src_port);
	put_be16(tcp + 2, b->dst_port);
	put_be32(tcp + TCP_SEQ_AT, b->seq);
	put_be32(tcp + 8, b->ack);
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[TCP_FLAGS_AT] = b->flags;
	put_be16(tcp + 14, b->window);
	if (b->has_ts) {
		const uint8_t kind[4] = { 1, 1, 8, 10 };

		memcpy(tcp + TCP_HEADER, kind, sizeof(kind));
		put_be32(tcp + TCP_HEADER + 4, b->tsval);
		put_be32(tcp + TCP_HEADER + 8, b->tsecr);
	}
	if (b->len > 0)
		memcpy(tcp + head, b->payload, b->len);
	sum = (uint16_t)~tcp_sum(b->src_addr, b->dst_addr, addr_len, tcp, head + b->len);
	memcpy(tcp + TCP_CSUM_AT, &sum, 2);
	return b->l2_len + ip_len + head + b->len;
}
