/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_link - the layers below IP: link types of captures, tags, labels, LLC */
#include "packet_private.h"

enum {
	SLL_LEN = 16,
	SLL2_LEN = 20,
	NULL_LEN = 4,
	LLC_LEN = 3,
	SNAP_LEN = 8,
	PPPOE_LEN = 8, /* with the PPP protocol behind it */

	ETHER_LLC_MAX = 1500, /* up to here it is a length, and LLC follows */
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTICAST = 0x8848,
	TYPE_PPPOE = 0x8864,
	TYPE_SLL_LLC = 0x0004,
	ARPHRD_NETLINK = 824, /* the protocol field of SLL is a netlink family there, no ethertype */
	LSAP_IP = 0x06,
	LSAP_SNAP = 0xaa,
	LLC_UI = 0x03,
};

/* Nothing names what follows; only the first nibble tells (RFC 4928 §2 on how far that goes). */
static int
step_nibble(struct cursor *c, bool guessed)
{
	if (!have(c, 1))
		return cut(c, 1);
	c->guessed = guessed;
	switch (c->f[c->off] >> 4) {
	case 4:
		return STEP_IPV4;
	case 6:
		return STEP_IPV6;
	default:
		return guessed ? PACKET_OTHER : PACKET_MALFORMED;
	}
}

static int
step_mpls(struct cursor *c)
{
	bool bottom;

	do {
		if (c->left == 0)
			return PACKET_MALFORMED;
		c->left--;
		if (!have(c, 4))
			return cut(c, 4);
		bottom = (c->f[c->off + 2] & 1) != 0;
		c->off += 4;
	} while (!bottom);
	return step_nibble(c, true);
}

static int
step_pppoe(struct cursor *c)
{
	const uint8_t *h = c->f + c->off;

	if (!have(c, PPPOE_LEN))
		return cut(c, PPPOE_LEN);
	if (h[0] != 0x11 || h[1] != 0)
		return PACKET_OTHER;
	c->off += PPPOE_LEN;
	switch (get_be16(h + 6)) {
	case 0x0021:
		return STEP_IPV4;
	case 0x0057:
		return STEP_IPV6;
	default:
		return PACKET_OTHER;
	}
}

/* IEEE 802.2. Returns a step, or sets *@type and returns -1 when SNAP names an ethertype. */
static int
step_llc(struct cursor *c, uint16_t *type)
{
	const uint8_t *h = c->f + c->off;

	if (!have(c, LLC_LEN))
		return cut(c, LLC_LEN);
	if (h[0] == LSAP_IP && h[1] == LSAP_IP && h[2] == LLC_UI) {
		c->off += LLC_LEN;
		return STEP_IPV4;
	}
	if (h[0] != LSAP_SNAP || h[1] != LSAP_SNAP || h[2] != LLC_UI)
		return PACKET_OTHER;
	if (!have(c, SNAP_LEN))
		return cut(c, SNAP_LEN);
	/* 00-00-00: an ethertype follows (RFC 1042); 00-00-f8: the same, of bridges (802.1H). */
	if (h[3] != 0 || h[4] != 0 || (h[5] != 0 && h[5] != 0xf8))
		return PACKET_OTHER;
	*type = get_be16(h + 6);
	if (*type <= ETHER_LLC_MAX)
		return PACKET_OTHER;
	c->off += SNAP_LEN;
	return -1;
}

/* From an ethertype to IP: tags, labels, LLC. The cursor stands behind the type. */
static int
step_ethertype(struct packet *p, struct cursor *c, uint16_t type)
{
	unsigned int nb_tags = 0;
	uint16_t id;
	int step;

	for (;; c->left--) {
		if (type == TYPE_IPV4)
			return STEP_IPV4;
		if (type == TYPE_IPV6)
			return STEP_IPV6;
		switch (type) {
		case TYPE_VLAN:
		case TYPE_QINQ:
		case TYPE_QINQ_OLD:
			if (c->left == 0)
				return PACKET_MALFORMED;
			if (!have(c, 4))
				return cut(c, 4);
			id = get_be16(c->f + c->off) & 0xfff;
			if (nb_tags == 0)
				p->key.vlan_outer = id;
			else if (nb_tags == 1)
				p->key.vlan_inner = id;
			nb_tags++;
			type = get_be16(c->f + c->off + 2);
			c->off += 4;
			break;
		case TYPE_MPLS:
		case TYPE_MPLS_MULTICAST:
			return step_mpls(c);
		case TYPE_PPPOE:
			return step_pppoe(c);
		default:
			if (type > ETHER_LLC_MAX)
				return PACKET_OTHER;
			if (c->left == 0)
				return PACKET_MALFORMED;
			step = step_llc(c, &type);
			if (step >= 0)
				return step;
			break;
		}
	}
}

/* BSD loopback: the address family of the capturing host; AF_INET6 has four values among the systems that write it. */
static int
step_family(struct cursor *c, bool either_order)
{
	uint32_t family;

	if (!have(c, NULL_LEN))
		return cut(c, NULL_LEN);
	family = get_be32(c->f + c->off);
	if (either_order && family > UINT16_MAX)
		family = __builtin_bswap32(family);
	c->off += NULL_LEN;
	switch (family) {
	case 2:
		return STEP_IPV4;
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* Darwin */
		return STEP_IPV6;
	default:
		return PACKET_OTHER;
	}
}

/* Linux cooked capture: @type_off and @arphrd_off are where its header of @len octets has protocol and device type. */
static int
step_sll(struct packet *p, struct cursor *c, uint32_t len, uint32_t type_off, uint32_t arphrd_off)
{
	uint16_t type;

	if (!have(c, len))
		return cut(c, len);
	type = get_be16(c->f + type_off);
	if (get_be16(c->f + arphrd_off) == ARPHRD_NETLINK)
		return PACKET_OTHER;
	c->off += len;
	/* Values below the ethertypes are Linux' own numbers, no lengths; 4 is 802.2. */
	if (type <= ETHER_LLC_MAX && type != TYPE_SLL_LLC)
		return PACKET_OTHER;
	return step_ethertype(p, c, type);
}

int
packet_link_step(struct packet *p, struct cursor *c)
{
	switch (p->link) {
	case PACKET_LINK_ETHERNET:
		if (!have(c, ETHER_LEN))
			return cut(c, ETHER_LEN);
		c->off = ETHER_LEN;
		return step_ethertype(p, c, get_be16(c->f + ETHER_TYPE_OFF));
	case PACKET_LINK_SLL:
		return step_sll(p, c, SLL_LEN, 14, 2);
	case PACKET_LINK_SLL2:
		return step_sll(p, c, SLL2_LEN, 0, 8);
	case PACKET_LINK_RAW:
		return step_nibble(c, false);
	case PACKET_LINK_NULL:
		return step_family(c, true);
	case PACKET_LINK_LOOP:
		return step_family(c, false);
	default:
		return PACKET_OTHER;
	}
}

int
packet_link_from_pcap(uint32_t linktype)
{
	switch (linktype) {
	case 0:
		return PACKET_LINK_NULL;
	case 1:
		return PACKET_LINK_ETHERNET;
	case 12:
	case 14:
	case 101:
	case 228:
	case 229:
		return PACKET_LINK_RAW;
	case 108:
		return PACKET_LINK_LOOP;
	case 113:
		return PACKET_LINK_SLL;
	case 276:
		return PACKET_LINK_SLL2;
	default:
		return -1;
	}
}
