/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include "packet_hash.h"
#include "packet_private.h"

enum {
	LINK_LEN_MAX = 20, /* the longest header of a link type: SLL2 */
	IPV4_LEN = 20,
	IPV6_LEN = 40,
	TCP_LEN = 20,

	PROTO_HOPOPTS = 0,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_DSTOPTS = 60,
	PROTO_MOBILITY = 135,

	IPV4_MORE = 0x2000,
	IPV4_OFFSET = 0x1fff,
	IPV6_OFFSET = 0xfff8,
};

/* Each header followed is at most 2,048 octets long (IPv6 extension): offsets fit their 16 bits. */
_Static_assert(LINK_LEN_MAX + PACKET_HEADERS_MAX * 2048 + IPV6_LEN + 60 < UINT16_MAX, "offsets");

static inline uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
key_ports(const struct packet_key *k)
{
	return k->lo_port | (uint64_t)k->hi_port << 16 | (uint64_t)k->vlan_outer << 32 |
	       (uint64_t)k->vlan_inner << 48;
}

static inline uint64_t
key_rest(const struct packet_key *k)
{
	return k->family | (uint64_t)k->wire << 8;
}

static void
key_rehash(struct packet *p, const struct packet_hash_seed *seed)
{
	uint64_t lo[2] = { get_u64(p->key.lo_addr), get_u64(p->key.lo_addr + 8) };
	uint64_t hi[2] = { get_u64(p->key.hi_addr), get_u64(p->key.hi_addr + 8) };

	p->hash = packet_hash_words(lo, hi, key_ports(&p->key), key_rest(&p->key), seed);
}

/*
 * The key and hash of an IPv4 packet whose header is at @h. Which end is lo is as good as random: a branch here (and in
 * key_ipv6()) would be mispredicted every other packet, hence the exchange by mask, which no compiler turns into one.
 */
static inline void
key_ipv4(struct packet *p, const uint8_t *h, uint16_t sport, uint16_t dport, const struct packet_hash_seed *seed)
{
	uint64_t s = (uint64_t)get_be32(h + 12) << 16 | sport;
	uint64_t d = (uint64_t)get_be32(h + 16) << 16 | dport;
	uint64_t swap = (s ^ d) & -(uint64_t)(s > d);
	uint64_t l = s ^ swap, g = d ^ swap;
	uint64_t lo[2] = { htobe64(l >> 16 << 32), 0 }, hi[2] = { htobe64(g >> 16 << 32), 0 };

	memcpy(p->key.lo_addr, lo, sizeof(lo));
	memcpy(p->key.hi_addr, hi, sizeof(hi));
	p->from_lo = s <= d;
	p->key.lo_port = (uint16_t)l;
	p->key.hi_port = (uint16_t)g;
	p->key.family = DP_FAMILY_IPV4;
	p->hash = packet_hash_words(lo, hi, key_ports(&p->key), key_rest(&p->key), seed);
}

static inline void
key_ipv6(struct packet *p, const uint8_t *h, uint16_t sport, uint16_t dport, const struct packet_hash_seed *seed)
{
	uint64_t s0 = get_u64(h + 8), s1 = get_u64(h + 16), d0 = get_u64(h + 24), d1 = get_u64(h + 32);
	unsigned __int128 s = (unsigned __int128)be64toh(s0) << 64 | be64toh(s1);
	unsigned __int128 d = (unsigned __int128)be64toh(d0) << 64 | be64toh(d1);
	bool from_lo = (s < d) | ((s == d) & (sport <= dport));
	uint64_t mask = (uint64_t)from_lo - 1;
	uint64_t swap0 = (s0 ^ d0) & mask, swap1 = (s1 ^ d1) & mask;
	uint16_t swap_port = (uint16_t)((sport ^ dport) & mask);
	uint64_t lo[2] = { s0 ^ swap0, s1 ^ swap1 };
	uint64_t hi[2] = { d0 ^ swap0, d1 ^ swap1 };

	memcpy(p->key.lo_addr, lo, sizeof(lo));
	memcpy(p->key.hi_addr, hi, sizeof(hi));
	p->from_lo = from_lo;
	p->key.lo_port = sport ^ swap_port;
	p->key.hi_port = dport ^ swap_port;
	p->key.family = DP_FAMILY_IPV6;
	p->hash = packet_hash_words(lo, hi, key_ports(&p->key), key_rest(&p->key), seed);
}

static inline enum packet_class
decode_tcp(struct packet *p, const struct cursor *c)
{
	const uint8_t *h = c->f + c->off;
	uint32_t len;

	p->ip_proto = PROTO_TCP;
	p->l4_off = (uint16_t)c->off;
	if (!have(c, TCP_LEN))
		return cut(c, TCP_LEN);
	len = (uint32_t)(h[12] >> 4) * 4;
	if (len < TCP_LEN)
		return PACKET_MALFORMED;
	if (!have(c, len))
		return cut(c, len);
	p->seq = get_be32(h + 4);
	p->ack = get_be32(h + 8);
	p->tcp_flags = h[13];
	p->window = get_be16(h + 14);
	p->payload_off = (uint16_t)(c->off + len);
	p->payload_len = c->cap - c->off - len;
	return PACKET_TCP;
}

/* A fragment whose payload begins at the cursor; @bits: offset in octets, lowest bit set when more follow. */
static enum packet_class
decode_fragment(struct packet *p, const struct cursor *c, uint8_t proto, uint32_t id, uint32_t bits)
{
	p->ip_proto = proto;
	p->frag_proto = proto;
	p->frag_id = id;
	p->frag_off = bits & ~UINT32_C(7);
	p->frag_more = bits & 1;
	p->l4_off = (uint16_t)c->off;
	p->payload_len = c->cap - c->off;
	return PACKET_FRAGMENT;
}

/*
 * From the header after IP to TCP, over extension headers. @proto is what the cursor stands at; @v6: the IPv6 extension
 * headers are possible, else only AH is; @whole: the length was given, not taken from the frame. The cursor comes by
 * value here, so that its address never leaves the common path, which then keeps it in registers.
 */
static enum packet_class
decode_upper(struct packet *p, struct cursor cur, uint8_t proto, bool v6, bool whole)
{
	struct cursor *c = &cur;

	for (;; c->left--) {
		const uint8_t *h = c->f + c->off;
		uint32_t len, bits;

		if (proto == PROTO_TCP)
			return decode_tcp(p, c);
		p->ip_proto = proto;
		p->l4_off = (uint16_t)c->off;
		if (!v6 && proto != PROTO_AH)
			return PACKET_OTHER;
		switch (proto) {
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_FRAGMENT:
		case PROTO_AH:
		case PROTO_DSTOPTS:
		case PROTO_MOBILITY:
			break;
		default:
			return PACKET_OTHER; /* ESP and "no next header" too */
		}
		if (c->left == 0)
			return PACKET_MALFORMED;
		if (!have(c, 8))
			return cut(c, 8);
		len = proto == PROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		if (proto == PROTO_FRAGMENT) {
			len = 8; /* its second octet is reserved */
			bits = get_be16(h + 2);
			if ((bits & (IPV6_OFFSET | 1)) != 0) {
				c->off += len;
				/* A jumbogram is never fragmented (RFC 2675 §3). */
				return whole ? decode_fragment(p, c, h[0], get_be32(h + 4), bits) :
					       PACKET_MALFORMED;
			}
			/* Atomic (RFC 6946): a whole packet that only looks like a fragment. */
		}
		if (!have(c, len))
			return cut(c, len);
		proto = h[0];
		c->off += len;
	}
}

/* The packet ends @len octets after the cursor; what is captured of it may be less, what follows is padding. */
static inline void
set_ip_end(struct packet *p, struct cursor *c, uint32_t len)
{
	c->end = c->off + len;
	if (c->cap > c->end)
		c->cap = c->end;
	p->missing_len = c->end - c->cap;
	p->l3_off = (uint16_t)c->off;
	p->l3_valid = 1;
}

/* No IP header was read: the key is that of the wire and its tags only. */
static enum packet_class
decode_no_ip(struct packet *p, enum packet_class class, const struct packet_hash_seed *seed)
{
	key_rehash(p, seed);
	p->class = (uint8_t)class;
	return class;
}

static inline enum packet_class
decode_ipv4(struct packet *p, uint32_t off, uint32_t left, bool guessed, const struct packet_hash_seed *seed)
{
	struct cursor cur = cursor_at(p, off, left), *c = &cur;
	const uint8_t *h = c->f + c->off;
	uint16_t sport = 0, dport = 0;
	enum packet_class class;
	uint32_t hlen, total, bits;

	if (!have(c, IPV4_LEN)) {
		class = cut(c, IPV4_LEN);
		goto no_ip;
	}
	hlen = (h[0] & 15u) * 4;
	total = get_be16(h + 2);
	bits = get_be16(h + 6) & (IPV4_MORE | IPV4_OFFSET);
	/* Zero: a sender that leaves segmentation to its NIC was captured before the NIC. */
	if (total == 0 && bits == 0)
		total = c->end - c->off;
	if (h[0] >> 4 != 4 || hlen < IPV4_LEN || total < hlen || total > c->end - c->off) {
		class = PACKET_MALFORMED;
		goto no_ip;
	}
	set_ip_end(p, c, total);
	if (!have(c, hlen)) {
		class = cut(c, hlen);
	} else {
		c->off += hlen;
		if (bits != 0) {
			bits = (bits & IPV4_OFFSET) << 3 | (bits & IPV4_MORE) >> 13;
			class = decode_fragment(p, c, h[9], get_be16(h + 4), bits);
		} else if (h[9] == PROTO_TCP) {
			class = decode_tcp(p, c);
		} else {
			class = decode_upper(p, *c, h[9], false, true);
		}
	}
	if (class == PACKET_TCP) {
		sport = get_be16(c->f + p->l4_off);
		dport = get_be16(c->f + p->l4_off + 2);
	}
	key_ipv4(p, h, sport, dport, seed);
	p->class = (uint8_t)class;
	return class;
no_ip:
	return decode_no_ip(p, guessed && class == PACKET_MALFORMED ? PACKET_OTHER : class, seed);
}

static inline enum packet_class
decode_ipv6(struct packet *p, uint32_t off, uint32_t left, bool guessed, const struct packet_hash_seed *seed)
{
	struct cursor cur = cursor_at(p, off, left), *c = &cur;
	const uint8_t *h = c->f + c->off;
	uint16_t sport = 0, dport = 0;
	enum packet_class class;
	uint32_t len;
	bool whole;

	if (!have(c, IPV6_LEN)) {
		class = cut(c, IPV6_LEN);
		goto no_ip;
	}
	len = get_be16(h + 4);
	/* Zero: a jumbogram, or segmentation is left to the NIC. */
	whole = len != 0;
	len = whole ? len + IPV6_LEN : c->end - c->off;
	if (h[0] >> 4 != 6 || len > c->end - c->off) {
		class = PACKET_MALFORMED;
		goto no_ip;
	}
	set_ip_end(p, c, len);
	c->off += IPV6_LEN;
	class = h[6] == PROTO_TCP ? decode_tcp(p, c) : decode_upper(p, *c, h[6], true, whole);
	if (class == PACKET_TCP) {
		sport = get_be16(c->f + p->l4_off);
		dport = get_be16(c->f + p->l4_off + 2);
	}
	key_ipv6(p, h, sport, dport, seed);
	p->class = (uint8_t)class;
	return class;
no_ip:
	return decode_no_ip(p, guessed && class == PACKET_MALFORMED ? PACKET_OTHER : class, seed);
}

/* Everything but IP right behind Ethernet. */
static enum packet_class
decode_other_link(struct packet *p, const struct packet_hash_seed *seed)
{
	struct cursor c = cursor_at(p, 0, PACKET_HEADERS_MAX);
	int step = packet_link_step(p, &c);

	if (seed->ignore_vlan)
		p->key.vlan_outer = p->key.vlan_inner = 0;
	if (step == STEP_IPV4)
		return decode_ipv4(p, c.off, c.left, c.guessed, seed);
	if (step == STEP_IPV6)
		return decode_ipv6(p, c.off, c.left, c.guessed, seed);
	return decode_no_ip(p, (enum packet_class)step, seed);
}

/* In pieces that a compiler turns into vector stores; one memset of this length becomes a slow "rep stos" with gcc. */
static inline void
clear_results(struct packet *p)
{
	enum {
		FROM = offsetof(struct packet, class),
		LEN = sizeof(*p) - FROM,
	};
	uint8_t *z = (uint8_t *)p + FROM;

	_Static_assert(LEN > 64 && LEN <= 96, "three pieces cover it");
	memset(z, 0, 32);
	memset(z + 32, 0, 32);
	memset(z + LEN - 32, 0, 32);
}

enum packet_class
packet_decode(struct packet *p, const struct packet_hash_seed *seed)
{
	uint16_t type;

	clear_results(p);
	p->key.wire = p->wire;
	if (p->link == PACKET_LINK_ETHERNET && p->cap_len >= ETHER_LEN) {
		type = get_be16(p->frame + ETHER_TYPE_OFF);
		if (type == TYPE_IPV4)
			return decode_ipv4(p, ETHER_LEN, PACKET_HEADERS_MAX, false, seed);
		if (type == TYPE_IPV6)
			return decode_ipv6(p, ETHER_LEN, PACKET_HEADERS_MAX, false, seed);
	}
	return decode_other_link(p, seed);
}

void
packet_set_vlan(struct packet *p, const uint16_t vlan[2], const struct packet_hash_seed *seed)
{
	p->key.vlan_outer = vlan[0];
	p->key.vlan_inner = vlan[1];
	key_rehash(p, seed);
}

uint32_t
packet_key_of_ends(const struct dp_flow_key *ends, const struct packet_hash_seed *seed, struct packet_key *ret)
{
	struct packet p = { .key = { .vlan_outer = ends->vlan_outer, .vlan_inner = ends->vlan_inner,
				     .family = ends->family, .wire = ends->wire } };
	int order = memcmp(ends->client_addr, ends->server_addr, sizeof(ends->client_addr));
	bool client_lo = order < 0 || (order == 0 && ends->client_port <= ends->server_port);

	memcpy(p.key.lo_addr, client_lo ? ends->client_addr : ends->server_addr, sizeof(p.key.lo_addr));
	memcpy(p.key.hi_addr, client_lo ? ends->server_addr : ends->client_addr, sizeof(p.key.hi_addr));
	p.key.lo_port = client_lo ? ends->client_port : ends->server_port;
	p.key.hi_port = client_lo ? ends->server_port : ends->client_port;
	key_rehash(&p, seed);
	*ret = p.key;
	return p.hash;
}

bool
packet_has_port(const struct packet *p, const uint16_t *ports, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		if (p->key.lo_port == ports[i] || p->key.hi_port == ports[i])
			return true;
	}
	return false;
}
