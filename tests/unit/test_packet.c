/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"

#define MACS "020000000002020000000001"
#define ETH4 MACS "0800"
#define ETH6 MACS "86dd"
#define SLL(proto) "0000000100060200000000010000" proto
#define TAG "81000005"
#define LABEL "00010040"
#define X2(s) s s
#define X4(s) X2(s) X2(s)
#define X16(s) X4(s) X4(s) X4(s) X4(s)
#define DSTOPTS "3c00010400000000" /* followed by destination options */

static const struct packet_hash_seed seed = { .k = { 0x1122334455667788u, 0x99aabbccddeeff00u } };

/* A frame: @head, an IP header, @ext (options of IPv4, extension headers of IPv6), TCP, payload, padding. */
struct shape {
	const char *name;
	uint8_t link;
	const char *head; /* hex */
	uint8_t ip;	  /* version */
	uint8_t proto;	  /* first after IP */
	const char *ext;  /* hex */
	uint8_t payload, pad;
	uint16_t vlan[2];
	enum packet_class class;
};

#define TCP_SHAPE(name_, link_, head_, ip_) { .name = name_, .link = link_, .head = head_, .ip = ip_, .proto = 6, \
					      .ext = "", .payload = 9, .class = PACKET_TCP }
#define EXT_SHAPE(name_, proto_, ext_, class_) { .name = name_, .head = ETH6, .ip = 6, .proto = proto_, .ext = ext_, \
						 .payload = 9, .pad = 3, .class = class_ }
#define TAG_SHAPE(name_, head_, outer_, inner_) { .name = name_, .head = head_, .ip = 4, .proto = 6, .ext = "", \
						  .payload = 9, .vlan = { outer_, inner_ }, .class = PACKET_TCP }

static const struct shape shapes[] = {
	TCP_SHAPE("ethernet, IPv4", PACKET_LINK_ETHERNET, ETH4, 4),
	TCP_SHAPE("ethernet, IPv6", PACKET_LINK_ETHERNET, ETH6, 6),
	{ .name = "padding is no payload", .head = ETH4, .ip = 4, .proto = 6, .ext = "", .pad = 6,
	  .class = PACKET_TCP },
	{ .name = "IPv4 options", .head = ETH4, .ip = 4, .proto = 6, .ext = X2(X4("01010101")) "01010100", .payload = 1,
	  .class = PACKET_TCP },
	{ .name = "IPv4, 40 octets of options", .head = ETH4, .ip = 4, .proto = 6, .ext = X2(X4("01010101"))
	  "0101010001010100", .payload = 1, .class = PACKET_TCP },
	{ .name = "UDP", .head = ETH4, .ip = 4, .proto = 17, .ext = "", .payload = 1, .class = PACKET_OTHER },
	{ .name = "IPv4, an IPv6 extension", .head = ETH4, .ip = 4, .proto = 60, .ext = "", .class = PACKET_OTHER },

	TAG_SHAPE("one tag", MACS "81000005" "0800", 5, 0),
	TAG_SHAPE("priority bits are no id", MACS "8100e005" "0800", 5, 0),
	TAG_SHAPE("QinQ", MACS "88a80fff" "81000006" "0800", 0xfff, 6),
	TAG_SHAPE("old QinQ", MACS "91000007" "81000006" "0800", 7, 6),
	TAG_SHAPE("three tags, two count", MACS "88a80001" "81000002" "81000003" "0800", 1, 2),
	TAG_SHAPE("tags as many as followed", MACS X16(TAG) "0800", 5, 5),
	{ .name = "a tag too many", .head = MACS X16(TAG) TAG "0800", .ip = 4, .proto = 6, .ext = "", .vlan = { 5, 5 },
	  .class = PACKET_MALFORMED },
	TAG_SHAPE("tag, then SNAP", MACS "81000005" "0040" "aaaa03000000" "0800", 5, 0),

	TCP_SHAPE("label", PACKET_LINK_ETHERNET, MACS "8847" "00010140", 4),
	TCP_SHAPE("labels, IPv6", PACKET_LINK_ETHERNET, MACS "8848" LABEL LABEL "00010140", 6),
	TCP_SHAPE("labels as many as followed", PACKET_LINK_ETHERNET, MACS "8847" X4(LABEL) X4(LABEL) X4(LABEL)
		  LABEL LABEL LABEL "00010140", 4),
	{ .name = "a label too many", .head = MACS "8847" X16(LABEL) "00010140", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_MALFORMED },
	{ .name = "pseudowire with control word", .head = MACS "8847" "00010140" "00000000", .ip = 4, .proto = 6,
	  .ext = "", .class = PACKET_OTHER },
	{ .name = "pseudowire that looks like IPv4", .head = MACS "8847" "00010140" "46465a000001" MACS, .ip = 4,
	  .proto = 6, .ext = "", .class = PACKET_OTHER },
	TCP_SHAPE("PPPoE", PACKET_LINK_ETHERNET, MACS "8864" "1100000100330021", 4),
	TCP_SHAPE("PPPoE, IPv6", PACKET_LINK_ETHERNET, MACS "8864" "1100000100470057", 6),
	{ .name = "PPPoE, LCP", .head = MACS "8864" "110000010033c021", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },
	TCP_SHAPE("SNAP", PACKET_LINK_ETHERNET, MACS "0039" "aaaa03000000" "0800", 4),
	TCP_SHAPE("SNAP of a bridge", PACKET_LINK_ETHERNET, MACS "0039" "aaaa030000f8" "86dd", 6),
	TCP_SHAPE("LLC with IP", PACKET_LINK_ETHERNET, MACS "0034" "060603", 4),
	{ .name = "LLC, spanning tree", .head = MACS "0039" "424203", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },
	{ .name = "neither length nor type", .head = MACS "05dd" "060603", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },
	{ .name = "ARP", .head = MACS "0806", .ip = 4, .proto = 6, .ext = "", .class = PACKET_OTHER },
	{ .name = "IPv4 named IPv6", .head = ETH6, .ip = 4, .proto = 6, .ext = "", .class = PACKET_MALFORMED },
	{ .name = "IPv6 named IPv4", .head = ETH4, .ip = 6, .proto = 6, .ext = "", .class = PACKET_MALFORMED },

	TCP_SHAPE("SLL", PACKET_LINK_SLL, SLL("0800"), 4),
	TCP_SHAPE("SLL, IPv6", PACKET_LINK_SLL, SLL("86dd"), 6),
	{ .name = "SLL, tag", .link = PACKET_LINK_SLL, .head = SLL("8100") "0009" "0800", .ip = 4, .proto = 6,
	  .ext = "", .payload = 2, .vlan = { 9, 0 }, .class = PACKET_TCP },
	TCP_SHAPE("SLL, 802.2", PACKET_LINK_SLL, SLL("0004") "aaaa03000000" "0800", 4),
	{ .name = "SLL, 802.3 of Novell", .link = PACKET_LINK_SLL, .head = SLL("0001") "aaaa03000000" "0800", .ip = 4,
	  .proto = 6, .ext = "", .class = PACKET_OTHER },
	{ .name = "SLL, netlink", .link = PACKET_LINK_SLL, .head = "0000" "0338" "00060200000000010000" "0800", .ip = 4,
	  .proto = 6, .ext = "", .class = PACKET_OTHER },
	TCP_SHAPE("SLL2", PACKET_LINK_SLL2, "0800" "0000" "00000002" "0001" "00" "06" "0200000000010000", 4),
	TCP_SHAPE("SLL2, IPv6", PACKET_LINK_SLL2, "86dd" "0000" "00000002" "0001" "00" "06" "0200000000010000", 6),
	TCP_SHAPE("raw IPv4", PACKET_LINK_RAW, "", 4),
	TCP_SHAPE("raw IPv6", PACKET_LINK_RAW, "", 6),
	{ .name = "raw, no IP", .link = PACKET_LINK_RAW, .head = "00", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_MALFORMED },
	TCP_SHAPE("null, IPv4", PACKET_LINK_NULL, "02000000", 4),
	TCP_SHAPE("null, other order", PACKET_LINK_NULL, "00000002", 4),
	TCP_SHAPE("null, IPv6 of Linux", PACKET_LINK_NULL, "0a000000", 6),
	TCP_SHAPE("null, IPv6 of OpenBSD", PACKET_LINK_NULL, "00000018", 6),
	TCP_SHAPE("null, IPv6 of FreeBSD", PACKET_LINK_NULL, "1c000000", 6),
	TCP_SHAPE("null, IPv6 of Darwin", PACKET_LINK_NULL, "1e000000", 6),
	TCP_SHAPE("loop, IPv4", PACKET_LINK_LOOP, "00000002", 4),
	TCP_SHAPE("loop, IPv6", PACKET_LINK_LOOP, "00000018", 6),
	{ .name = "loop has one order", .link = PACKET_LINK_LOOP, .head = "02000000", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },
	{ .name = "null, other family", .link = PACKET_LINK_NULL, .head = "07000000", .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },
	{ .name = "no such link", .link = PACKET_LINK_NB, .head = ETH4, .ip = 4, .proto = 6, .ext = "",
	  .class = PACKET_OTHER },

	EXT_SHAPE("hop-by-hop", 0, "0600010400000000", PACKET_TCP),
	EXT_SHAPE("routing, two units", 43, "0601000000000000" "0000000000000000", PACKET_TCP),
	EXT_SHAPE("AH", 51, "0601000000000001" "00000002", PACKET_TCP),
	EXT_SHAPE("mobility", 135, "0600000000000000", PACKET_TCP),
	EXT_SHAPE("atomic fragment", 44, "06ff000000000007", PACKET_TCP),
	EXT_SHAPE("atomic, reserved bits set", 44, "0600000600000007", PACKET_TCP),
	EXT_SHAPE("fragment with more", 44, "0600000100000007", PACKET_FRAGMENT),
	EXT_SHAPE("fragment with offset", 44, "0600000800000007", PACKET_FRAGMENT),
	EXT_SHAPE("fragment behind others", 0, "2c00010400000000" "0600000100000007", PACKET_FRAGMENT),
	EXT_SHAPE("headers as many as followed", 60, X16(DSTOPTS) "", PACKET_MALFORMED),
	EXT_SHAPE("the last of as many is TCP's", 60, X4(DSTOPTS) X4(DSTOPTS) X4(DSTOPTS) DSTOPTS DSTOPTS DSTOPTS
		  "0600010400000000", PACKET_TCP),
	EXT_SHAPE("ESP", 50, "0000000000000000", PACKET_OTHER),
	EXT_SHAPE("no next header", 59, "", PACKET_OTHER),
	EXT_SHAPE("header longer than the packet", 60, "06ff010400000000", PACKET_MALFORMED),
	{ .name = "AH in IPv4", .head = ETH4, .ip = 4, .proto = 51, .ext = "", .class = PACKET_MALFORMED },
};

static uint32_t
put_hex(uint8_t *out, const char *hex)
{
	uint32_t n;
	char digits[3] = { 0 };

	for (n = 0; hex[2 * n] != 0; n++) {
		memcpy(digits, hex + 2 * n, 2);
		out[n] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

/* Returns the frame's length; *ret_l3 is where IP begins, *ret_end where it ends. */
static uint32_t
build(const struct shape *s, uint8_t *f, uint32_t *ret_l3, uint32_t *ret_end)
{
	uint32_t l3 = put_hex(f, s->head), ext, at;
	uint8_t *h = f + l3;

	if (s->ip == 4) {
		ext = put_hex(h + 20, s->ext);
		put_hex(h, "4500000000004000400600000a0102030a010204");
		h[0] = (uint8_t)(0x45 + ext / 4);
		h[3] = (uint8_t)(20 + ext + 20 + s->payload);
		h[9] = s->proto;
		at = l3 + 20 + ext;
	} else {
		ext = put_hex(h + 40, s->ext);
		put_hex(h, "60000000000006402001" "0db8000000000000000000000001" "20010db8000000000000000000000002");
		h[4] = (uint8_t)((ext + 20 + s->payload) >> 8);
		h[5] = (uint8_t)(ext + 20 + s->payload);
		h[6] = s->proto;
		at = l3 + 40 + ext;
	}
	put_hex(f + at, "d4310019" "01020304" "a1a2a3a4" "50181234" "00000000");
	memset(f + at + 20, 'x', s->payload);
	memset(f + at + 20 + s->payload, 0xee, s->pad);
	*ret_l3 = l3;
	*ret_end = at + 20 + s->payload;
	return at + 20 + s->payload + s->pad;
}

/* Decode a copy that is exactly as long as captured, for the address sanitizer; what is left over is noise. */
static enum packet_class
decode(struct packet *p, const uint8_t *f, uint32_t cap, uint32_t wire, uint8_t link, uint8_t **copy)
{
	*copy = malloc(cap != 0 ? cap : 1);
	assert_non_null(*copy);
	memcpy(*copy, f, cap);
	memset(p, 0x5a, sizeof(*p));
	p->frame = *copy;
	p->cap_len = cap;
	p->wire_len = wire;
	p->link = link;
	p->wire = 2;
	return packet_decode(p, &seed);
}

static void
test_shapes(void **state)
{
	uint8_t f[512], *copy;
	uint32_t len, l3, end;
	struct packet p;
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];

		len = build(s, f, &l3, &end);
		if (decode(&p, f, len, len, s->link, &copy) != s->class || p.class != s->class)
			fail_msg("%s: class %u", s->name, p.class);
		if (p.key.vlan_outer != s->vlan[0] || p.key.vlan_inner != s->vlan[1] || p.key.wire != 2)
			fail_msg("%s: tags %u %u", s->name, p.key.vlan_outer, p.key.vlan_inner);
		if (s->class == PACKET_TCP) {
			assert_int_equal(p.l3_valid, 1);
			assert_int_equal(p.l3_off, l3);
			assert_int_equal(p.key.family, s->ip);
			assert_int_equal(p.ip_proto, 6);
			assert_int_equal(p.payload_off, end - s->payload);
			assert_int_equal(p.l4_off, p.payload_off - 20);
			assert_int_equal(p.payload_len, s->payload);
			assert_int_equal(p.missing_len, 0);
			assert_int_equal(p.seq, 0x01020304);
			assert_int_equal(p.ack, 0xa1a2a3a4);
			assert_int_equal(p.tcp_flags, PACKET_PSH | PACKET_ACK);
			assert_int_equal(p.window, 0x1234);
			assert_int_equal(p.from_lo, 1);
			assert_int_equal(p.key.lo_port, 54321);
			assert_int_equal(p.key.hi_port, 25);
			assert_memory_equal(p.key.lo_addr, f + l3 + (s->ip == 4 ? 12 : 8), s->ip == 4 ? 4 : 16);
			assert_memory_equal(p.key.hi_addr, f + l3 + (s->ip == 4 ? 16 : 24), s->ip == 4 ? 4 : 16);
		} else if (s->class == PACKET_FRAGMENT) {
			assert_int_equal(p.frag_id, 7);
			assert_int_equal(p.frag_proto, 6);
			assert_int_equal(p.payload_len, 29);
			assert_int_equal(p.l4_off + p.payload_len, end);
			assert_int_equal(p.frag_more ? 0 : 8, p.frag_off);
			assert_int_equal(p.key.lo_port + p.key.hi_port, 0);
		}
		free(copy);
	}
}

/* Every frame cut at every octet, by the snapshot length and for real. */
static void
test_truncation(void **state)
{
	uint8_t f[512], *copy;
	uint32_t len, l3, end, n;
	struct packet p;
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];

		len = build(s, f, &l3, &end);
		for (n = 0; n < len; n++) {
			decode(&p, f, n, len, s->link, &copy);
			if (p.class != s->class && p.class != PACKET_TRUNCATED)
				fail_msg("%s, captured %u: class %u", s->name, n, p.class);
			if (s->class == PACKET_TCP) {
				assert_int_equal(p.class == PACKET_TCP, n >= end - s->payload);
				if (p.l3_valid)
					assert_int_equal(p.missing_len, n < end ? end - n : 0);
				if (p.class == PACKET_TCP)
					assert_int_equal(p.payload_len + p.missing_len, s->payload);
			}
			free(copy);
			decode(&p, f, n, n, s->link, &copy);
			if (p.class == PACKET_TRUNCATED ||
			    (s->class == PACKET_TCP && (p.class == PACKET_TCP) != (n >= end)))
				fail_msg("%s, short %u: class %u", s->name, n, p.class);
			free(copy);
		}
	}
}

/* One field of the plain frame changed. */
static void
test_fields(void **state)
{
	static const struct {
		const char *name;
		uint8_t ip;
		int off[2]; /* after the start of IP; negative: none */
		uint8_t value[2];
		uint32_t cap_less; /* of a frame of 9 octets of payload and 6 of padding */
		enum packet_class class;
		uint32_t payload, missing;
	} cases[] = {
		{ "header length 4", 4, { 0, -1 }, { 0x44 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "version 5", 4, { 0, -1 }, { 0x55 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "header reaches to the end of IP", 4, { 0, 3 }, { 0x4f, 60 }, 6, PACKET_MALFORMED, 0, 0 },
		{ "total below the header", 4, { 3, -1 }, { 19 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "total is the header", 4, { 3, -1 }, { 20 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "total ends in TCP's header", 4, { 3, -1 }, { 39 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "total ends with TCP's header", 4, { 3, -1 }, { 40 }, 0, PACKET_TCP, 0, 0 },
		{ "total ends with the frame", 4, { 3, -1 }, { 55 }, 0, PACKET_TCP, 15, 0 },
		{ "total beyond the frame", 4, { 3, -1 }, { 56 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "total beyond what is captured", 4, { 3, -1 }, { 55 }, 7, PACKET_TCP, 8, 7 },
		{ "total zero", 4, { 3, -1 }, { 0 }, 0, PACKET_TCP, 15, 0 },
		{ "total zero, cut", 4, { 3, -1 }, { 0 }, 7, PACKET_TCP, 8, 7 },
		{ "total zero in a fragment", 4, { 3, 6 }, { 0, 0x20 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "don't fragment", 4, { 6, -1 }, { 0x40 }, 0, PACKET_TCP, 9, 0 },
		{ "reserved flag", 4, { 6, -1 }, { 0x80 }, 0, PACKET_TCP, 9, 0 },
		{ "more fragments", 4, { 6, -1 }, { 0x20 }, 0, PACKET_FRAGMENT, 29, 0 },
		{ "fragment offset", 4, { 6, 7 }, { 0, 1 }, 0, PACKET_FRAGMENT, 29, 0 },
		{ "cut fragment", 4, { 6, 7 }, { 0, 1 }, 7, PACKET_FRAGMENT, 28, 1 },
		{ "data offset 4", 4, { 32, -1 }, { 0x40 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "data offset in the payload", 4, { 32, -1 }, { 0x70 }, 0, PACKET_TCP, 1, 0 },
		{ "data offset beyond the payload", 4, { 32, -1 }, { 0x80 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "data offset not captured", 4, { 32, -1 }, { 0x70 }, 8, PACKET_TRUNCATED, 0, 2 },
		{ "version 7", 6, { 0, -1 }, { 0x70 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "length ends in TCP's header", 6, { 5, -1 }, { 19 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "length ends with the frame", 6, { 5, -1 }, { 35 }, 0, PACKET_TCP, 15, 0 },
		{ "length beyond the frame", 6, { 5, -1 }, { 36 }, 0, PACKET_MALFORMED, 0, 0 },
		{ "length zero", 6, { 5, -1 }, { 0 }, 0, PACKET_TCP, 15, 0 },
		{ "data offset beyond", 6, { 52, -1 }, { 0x80 }, 0, PACKET_MALFORMED, 0, 0 },
	};
	struct shape s4 = { .head = ETH4, .ip = 4, .proto = 6, .ext = "", .payload = 9, .pad = 6 };
	struct shape s6 = { .head = ETH6, .ip = 6, .proto = 6, .ext = "", .payload = 9, .pad = 6 };
	uint8_t f[512], *copy;
	uint32_t len, l3, end;
	struct packet p;
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = build(cases[i].ip == 4 ? &s4 : &s6, f, &l3, &end);
		for (k = 0; k < 2 && cases[i].off[k] >= 0; k++)
			f[l3 + (uint32_t)cases[i].off[k]] = cases[i].value[k];
		decode(&p, f, len - cases[i].cap_less, len, PACKET_LINK_ETHERNET, &copy);
		if (p.class != cases[i].class || p.payload_len != cases[i].payload ||
		    p.missing_len != cases[i].missing)
			fail_msg("%s: class %u, payload %u, missing %u", cases[i].name, p.class, p.payload_len,
				 p.missing_len);
		free(copy);
	}
	/* A jumbogram can't be a fragment. */
	s6.proto = 44;
	s6.ext = "0600000100000007";
	len = build(&s6, f, &l3, &end);
	f[l3 + 5] = 0;
	assert_int_equal(decode(&p, f, len, len, PACKET_LINK_ETHERNET, &copy), PACKET_MALFORMED);
	free(copy);
	/* AH in IPv4 leads to TCP. */
	len = put_hex(f, ETH4 "4500003440004000403300000a0102030a010204" "0601000000000001" "00000002"
			      "d4310019" "0102030400000000" "50181234" "00000000");
	assert_int_equal(decode(&p, f, len, len, PACKET_LINK_ETHERNET, &copy), PACKET_TCP);
	assert_int_equal(p.l4_off, 14 + 20 + 12);
	free(copy);
}

static uint64_t
next_random(uint64_t *s)
{
	*s = *s * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *s >> 33;
}

/* Both directions of random ends: one key, one hash, opposite directions. The order is that of octets, then ports. */
static void
test_directions(void **state)
{
	struct shape s = { .head = "", .proto = 6, .ext = "" };
	uint32_t len, l3, end, i, k, n, at, l4;
	uint8_t f[512], g[512], *copy, *copy2;
	struct packet p, q;
	uint64_t rnd = 7;

	for (i = 0; i < 4000; i++) {
		s.ip = i & 1 ? 4 : 6;
		n = s.ip == 4 ? 4 : 16;
		at = s.ip == 4 ? 12 : 8;
		l4 = s.ip == 4 ? 20 : 40;
		len = build(&s, f, &l3, &end);
		for (k = 0; k < 2 * n; k++)
			f[at + k] = (uint8_t)next_random(&rnd);
		for (k = 0; k < 4; k++)
			f[l4 + k] = (uint8_t)next_random(&rnd);
		if (i % 8 < 4)
			memcpy(f + at + n, f + at, n - (i % 8 < 2)); /* same address, or all but the last octet */
		memcpy(g, f, len);
		memcpy(g + at, f + at + n, n);
		memcpy(g + at + n, f + at, n);
		memcpy(g + l4, f + l4 + 2, 2);
		memcpy(g + l4 + 2, f + l4, 2);
		assert_int_equal(decode(&p, f, len, len, PACKET_LINK_RAW, &copy), PACKET_TCP);
		assert_int_equal(decode(&q, g, len, len, PACKET_LINK_RAW, &copy2), PACKET_TCP);
		assert_memory_equal(&p.key, &q.key, sizeof(p.key));
		assert_int_equal(p.hash, q.hash);
		k = (uint32_t)memcmp(p.key.lo_addr, p.key.hi_addr, 16);
		assert_true((int)k < 0 || (k == 0 && p.key.lo_port <= p.key.hi_port));
		if (k != 0 || p.key.lo_port != p.key.hi_port)
			assert_int_not_equal(p.from_lo, q.from_lo);
		assert_memory_equal(p.from_lo ? p.key.lo_addr : p.key.hi_addr, f + at, n);
		free(copy);
		free(copy2);
	}
}

/* A bit of the ends, the tags or the wire flips half of the hash; hashes fill a table evenly, whatever the seed. */
static void
test_hash(void **state)
{
	enum { BUCKETS = 1024, PER_BUCKET = 16 };
	static const struct packet_hash_seed seeds[] = { { .k = { 0, 0 } }, { .k = { 1, 0 } }, { .k = { 0x1234567812345678u, 42 } } };
	struct shape s = { .head = MACS "88a80000" "81000000" "0800", .ip = 4, .proto = 6, .ext = "" };
	static const uint32_t fields[] = { 15, 19, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45 };
	uint32_t len, l3, end, i, bit, flips = 0, nb = 0, same = 0, max, load[BUCKETS], last[3] = { 0 };
	struct packet p = { .link = PACKET_LINK_ETHERNET }, q;
	uint8_t f[512];
	size_t k;

	len = build(&s, f, &l3, &end);
	p.frame = f;
	p.cap_len = p.wire_len = len;
	for (k = 0; k < 3; k++) {
		memset(load, 0, sizeof(load));
		for (i = 0; i < BUCKETS * PER_BUCKET; i++) {
			f[l3 + 20] = (uint8_t)(i >> 8); /* ports and addresses in sequence */
			f[l3 + 21] = (uint8_t)i;
			f[l3 + 15] = (uint8_t)(i >> 11);
			assert_int_equal(packet_decode(&p, &seeds[k]), PACKET_TCP);
			load[p.hash % BUCKETS]++;
		}
		last[k] = p.hash;
		for (max = 0, i = 0; i < BUCKETS; i++)
			max = load[i] > max ? load[i] : max;
		assert_in_range(max, PER_BUCKET, 3 * PER_BUCKET);
	}
	assert_true(last[0] != last[1] && last[1] != last[2]);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (bit = 0; bit < 8; bit++) {
			f[fields[i]] ^= (uint8_t)(1u << bit);
			q = p;
			packet_decode(&q, &seeds[2]);
			f[fields[i]] ^= (uint8_t)(1u << bit);
			same += memcmp(&q.key, &p.key, sizeof(q.key)) != 0 && q.hash == p.hash;
			flips += (uint32_t)__builtin_popcount(q.hash ^ p.hash);
			nb += q.hash != p.hash;
		}
	}
	assert_int_equal(same, 0);
	assert_true(nb >= 80); /* octets of the addresses, ports and ids: the others don't count */
	assert_in_range(flips, nb * 14, nb * 18);
	q = p;
	q.wire = 1;
	packet_decode(&q, &seeds[2]);
	assert_int_not_equal(q.hash, p.hash);
}

/* ::ffff:10.1.2.3 over IPv6 is no IPv4 connection, nor is 0a01:0203:: . */
static void
test_families_apart(void **state)
{
	struct shape s4 = { .head = "", .ip = 4, .proto = 6, .ext = "" };
	struct shape s6 = { .head = "", .ip = 6, .proto = 6, .ext = "" };
	uint8_t f[512], g[512];
	uint32_t l3, end;
	struct packet p = { .frame = f, .link = PACKET_LINK_RAW }, q = { .frame = g, .link = PACKET_LINK_RAW };
	int i;

	p.cap_len = p.wire_len = build(&s4, f, &l3, &end);
	q.cap_len = q.wire_len = build(&s6, g, &l3, &end);
	packet_decode(&p, &seed);
	for (i = 0; i < 2; i++) {
		memset(g + 8, 0, 32);
		memcpy(g + 8 + 12 * i, f + 12, 4);
		memcpy(g + 24 + 12 * i, f + 16, 4);
		if (i == 1)
			memset(g + 18, 0xff, 2), memset(g + 34, 0xff, 2);
		assert_int_equal(packet_decode(&q, &seed), PACKET_TCP);
		assert_memory_not_equal(&p.key, &q.key, sizeof(p.key));
		assert_int_not_equal(p.hash, q.hash);
	}
}

static void
test_set_vlan(void **state)
{
	struct shape s = { .head = MACS "88a80007" "81000008" "0800", .ip = 4, .proto = 6, .ext = "" };
	static const uint16_t vlan[2] = { 7, 8 };
	uint8_t f[512];
	uint32_t l3, end;
	struct packet p = { .frame = f, .link = PACKET_LINK_ETHERNET }, q = { .link = PACKET_LINK_RAW };

	p.cap_len = p.wire_len = build(&s, f, &l3, &end);
	packet_decode(&p, &seed);
	q.frame = f + l3;
	q.cap_len = q.wire_len = end - l3;
	packet_decode(&q, &seed);
	assert_int_not_equal(p.hash, q.hash);
	packet_set_vlan(&q, vlan, &seed);
	assert_memory_equal(&p.key, &q.key, sizeof(p.key));
	assert_int_equal(p.hash, q.hash);
}

static void
test_ports(void **state)
{
	static const uint16_t ports[] = { 587, 25 };
	struct packet p = { .key = { .lo_port = 40000, .hi_port = 25 } };

	assert_true(packet_has_port(&p, ports, 2));
	assert_false(packet_has_port(&p, ports, 1));
	assert_false(packet_has_port(&p, ports, 0));
	p.key.lo_port = 587;
	assert_true(packet_has_port(&p, ports, 1));
}

static void
test_options(void **state)
{
	static const struct {
		const char *hex; /* the TCP options */
		struct packet_tcp_options want;
	} cases[] = {
		{ "", { 0 } },
		{ "020405b40402080a01020304a1a2a3a401030307",
		  { DP_TCP_MSS | DP_TCP_WSCALE | DP_TCP_SACK | DP_TCP_TIMESTAMPS, 1460, 7, 0x01020304,
		    0xa1a2a3a4 } },
		{ "0103030e", { DP_TCP_WSCALE, 0, 14, 0, 0 } },
		{ "0103030f", { DP_TCP_WSCALE, 0, 14, 0, 0 } },
		{ "00020405b4000000", { 0 } },			     /* nothing counts after the end */
		{ "0402010103000000", { DP_TCP_SACK, 0, 0, 0, 0 } }, /* length 0 ends the reading */
		{ "0402010103010000", { DP_TCP_SACK, 0, 0, 0, 0 } }, /* length 1 too */
		{ "04020101020405", { DP_TCP_SACK, 0, 0, 0, 0 } },   /* beyond the header */
		{ "01010102", { 0 } },					     /* no length */
		{ "02030104020101", { DP_TCP_SACK, 0, 0, 0, 0 } }, /* MSS of a wrong length is skipped */
		{ "1e0c0081010203040506070801010101", { DP_TCP_MPTCP, 0, 0, 0, 0 } },
		{ "13120102030405060708090a0b0c0d0e0f100101", { DP_TCP_MD5_AO, 0, 0, 0, 0 } },
		{ "1d100102030405060708090a0b0c0d0e", { DP_TCP_MD5_AO, 0, 0, 0, 0 } },
	};
	struct packet_tcp_options got;
	struct packet p = { 0 };
	uint32_t len;
	uint8_t buf[128], *f;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = 20 + put_hex(buf + 20, cases[i].hex);
		f = malloc(len);
		assert_non_null(f);
		memcpy(f + 20, buf + 20, len - 20);
		p.frame = f;
		p.payload_off = (uint16_t)len;
		packet_tcp_options(&p, &got);
		if (got.flags != cases[i].want.flags || got.mss != cases[i].want.mss ||
		    got.wscale != cases[i].want.wscale || got.tsval != cases[i].want.tsval ||
		    got.tsecr != cases[i].want.tsecr)
			fail_msg("%s: flags %#x", cases[i].hex, got.flags);
		free(f);
	}
}

static void
test_link_types(void **state)
{
	static const int want[][2] = {
		{ 0, PACKET_LINK_NULL }, { 1, PACKET_LINK_ETHERNET }, { 12, PACKET_LINK_RAW },	{ 14, PACKET_LINK_RAW },
		{ 101, PACKET_LINK_RAW }, { 108, PACKET_LINK_LOOP },
		{ 113, PACKET_LINK_SLL }, { 228, PACKET_LINK_RAW },
		{ 229, PACKET_LINK_RAW }, { 276, PACKET_LINK_SLL2 },  { 105, -1 },		{ 147, -1 },
	};
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_int_equal(packet_link_from_pcap((uint32_t)want[i][0]), want[i][1]);
	assert_int_equal(packet_link_from_pcap(UINT32_MAX), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),	      cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_fields),	      cmocka_unit_test(test_directions),
		cmocka_unit_test(test_hash),	      cmocka_unit_test(test_families_apart),
		cmocka_unit_test(test_set_vlan),      cmocka_unit_test(test_ports),
		cmocka_unit_test(test_options),	      cmocka_unit_test(test_link_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
