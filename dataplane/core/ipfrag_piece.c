/* SPDX-License-Identifier: BSD-3-Clause */
/* ipfrag_piece - fragments as they come in, and the header of what goes out */
#include <endian.h>
#include <string.h>

#include "ipfrag_private.h"

enum {
	IPV4_LEN = 20,
	IPV6_LEN = 40,

	PROTO_HOPOPTS = 0,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_DSTOPTS = 60,
	PROTO_MOBILITY = 135,
};

/* RFC 1071 over an IPv4 header of @len octets (even). 0xffff when its checksum field is right. */
static uint16_t
header_sum(const uint8_t *h, uint32_t len)
{
	uint32_t sum = 0, i;

	for (i = 0; i < len; i += 2)
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

bool
frag_leads_to_tcp(uint8_t proto, uint8_t family)
{
	switch (proto) {
	case PROTO_TCP:
	case PROTO_AH:
		return true;
	case PROTO_HOPOPTS:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_DSTOPTS:
	case PROTO_MOBILITY:
		return family == DP_FAMILY_IPV6;
	default:
		return false;
	}
}

bool
frag_read(const struct packet *p, struct frag_key *ret_key, struct piece *ret)
{
	const uint8_t *h = p->frame + p->l3_off;
	bool v4 = p->key.family == DP_FAMILY_IPV4;
	uint32_t max = v4 ? 65535 - IPV4_LEN : 65535;

	*ret_key = (struct frag_key){
		.id = p->frag_id,
		.vlan = { p->key.vlan_outer, p->key.vlan_inner },
		.proto = v4 ? p->frag_proto : 0,
		.family = p->key.family,
		.wire = p->wire,
	};
	memcpy(ret_key->src, p->from_lo ? p->key.lo_addr : p->key.hi_addr, 16);
	memcpy(ret_key->dst, p->from_lo ? p->key.hi_addr : p->key.lo_addr, 16);
	*ret = (struct piece){
		.data = p->frame + p->l4_off,
		.off = p->frag_off,
		.len = p->payload_len,
		.now_ns = p->ts_ns,
		.last = !p->frag_more,
		.outline.proto = p->frag_proto,
		.outline.first_seen = 1,
	};
	if (v4) {
		ret->outline.tos = h[1];
		ret->outline.ttl = h[8];
		if (header_sum(h, (h[0] & 15u) * 4) != 0xffff)
			return false;
	} else {
		memcpy(&ret->outline.flow, h, sizeof(ret->outline.flow));
		ret->outline.ttl = h[7];
	}
	if (p->frag_more && ret->len % UNIT != 0) {
		/* RFC 8200 §4.5 has it refused. Of IPv4, Linux takes the whole units, and so must we. */
		if (!v4)
			return false;
		ret->len -= ret->len % UNIT;
	}
	return p->missing_len == 0 && ret->len != 0 && ret->off <= max && ret->len <= max - ret->off;
}

uint32_t
frag_put_header(uint8_t *h, const struct frag_key *key, const struct outline *o)
{
	uint16_t len = htobe16((uint16_t)(o->total + (key->family == DP_FAMILY_IPV4 ? IPV4_LEN : 0)));
	uint16_t sum, id = htobe16((uint16_t)key->id);

	if (key->family == DP_FAMILY_IPV6) {
		memcpy(h, &o->flow, 4);
		memcpy(h + 4, &len, 2);
		h[6] = o->proto;
		h[7] = o->ttl;
		memcpy(h + 8, key->src, 16);
		memcpy(h + 24, key->dst, 16);
		return IPV6_LEN;
	}
	memset(h, 0, IPV4_LEN);
	h[0] = 0x45;
	h[1] = o->tos;
	memcpy(h + 2, &len, 2);
	memcpy(h + 4, &id, 2);
	h[8] = o->ttl;
	h[9] = o->proto;
	memcpy(h + 12, key->src, 4);
	memcpy(h + 16, key->dst, 4);
	sum = htobe16((uint16_t)~header_sum(h, IPV4_LEN));
	memcpy(h + 10, &sum, 2);
	return IPV4_LEN;
}
