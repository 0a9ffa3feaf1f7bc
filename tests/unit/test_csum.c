/* SPDX-License-Identifier: BSD-3-Clause */
/* Partial checksums of virtual ports: found where they are, and nowhere else; completed to what a receiver computes. */
#include "csum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct frame {
	uint8_t octets[512];
	uint32_t len, l3, l4;
};

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Written apart from csum.c: one octet at a time, high and low. */
static uint16_t
plain_sum(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

static uint16_t
pseudo_sum(const struct frame *f, bool is_ipv6, uint8_t proto)
{
	const uint8_t *h = f->octets + f->l3;

	return is_ipv6 ? plain_sum(h + 8, 32, proto + f->len - f->l4) : plain_sum(h + 12, 8, proto + f->len - f->l4);
}

/* A frame with @tags VLAN tags, @ext octets of destination options (IPv6), and a partial checksum. */
static void
build(struct frame *f, bool is_ipv6, uint8_t proto, unsigned int tags, unsigned int ext, unsigned int payload)
{
	uint8_t *p = f->octets;
	unsigned int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < sizeof(f->octets); i++)
		p[i] = (uint8_t)(i * 37 + payload);
	p += 12;
	for (i = 0; i < tags; i++, p += 4) {
		put16(p, i == 0 && tags > 1 ? 0x88a8 : 0x8100);
		put16(p + 2, 5 + i);
	}
	put16(p, is_ipv6 ? 0x86dd : 0x0800);
	p += 2;
	f->l3 = (uint32_t)(p - f->octets);
	f->l4 = f->l3 + (is_ipv6 ? 40 + ext : 20);
	f->len = f->l4 + (proto == 6 ? 20 : 8) + payload;
	if (is_ipv6) {
		p[0] = 0x60;
		put16(p + 4, f->len - f->l3 - 40);
		p[6] = ext > 0 ? 60 : proto;
		p[40] = proto;
		p[41] = (uint8_t)(ext / 8 - (ext > 0));
	} else {
		p[0] = 0x45;
		put16(p + 2, f->len - f->l3);
		put16(p + 6, 0x4000);
		p[9] = proto;
	}
	put16(f->octets + f->l4 + (proto == 6 ? 16 : 6), pseudo_sum(f, is_ipv6, proto));
}

/* What a receiver does: the sum over everything is all ones. */
static bool
is_good(const struct frame *f, bool is_ipv6, uint8_t proto)
{
	return plain_sum(f->octets + f->l4, f->len - f->l4, pseudo_sum(f, is_ipv6, proto)) == 0xffff;
}

static void
test_completed(void **state)
{
	static const struct {
		bool is_ipv6;
		uint8_t proto;
		unsigned int tags, ext, payload;
	} cases[] = {
		{ false, 6, 0, 0, 0 },	{ false, 6, 0, 0, 1 },	 { false, 6, 1, 0, 101 }, { false, 6, 2, 0, 64 },
		{ false, 17, 0, 0, 3 }, { false, 17, 1, 0, 0 },	 { true, 6, 0, 0, 7 },	  { true, 6, 0, 8, 33 },
		{ true, 6, 2, 16, 50 }, { true, 17, 0, 0, 200 }, { true, 17, 0, 24, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct csum_place at;
		struct frame f;

		build(&f, cases[i].is_ipv6, cases[i].proto, cases[i].tags, cases[i].ext, cases[i].payload);
		assert_false(is_good(&f, cases[i].is_ipv6, cases[i].proto));
		assert_true(csum_locate(f.octets, f.len, f.len, &at));
		assert_int_equal(at.l4_off, f.l4);
		assert_int_equal(at.l4_len, f.len - f.l4);
		assert_true(csum_is_partial(f.octets, &at));
		csum_put(f.octets, &at, csum_sum(f.octets + at.l4_off, at.l4_len));
		assert_true(is_good(&f, cases[i].is_ipv6, cases[i].proto));
		/* A whole one is left alone. */
		assert_true(csum_locate(f.octets, f.len, f.len, &at));
		assert_false(csum_is_partial(f.octets, &at));
	}
}

/* Padding behind the packet, and a packet of which only the head is at hand, in several buffers. */
static void
test_lengths(void **state)
{
	struct csum_place at;
	struct frame f;

	build(&f, false, 6, 0, 0, 2);
	assert_true(csum_locate(f.octets, 60, 60, &at));
	assert_int_equal(at.l4_len, 22);
	build(&f, false, 6, 0, 0, 300);
	assert_true(csum_locate(f.octets, 54, f.len, &at));
	assert_false(csum_locate(f.octets, 53, f.len, &at));
	/* The IP header promises more than there is. */
	assert_false(csum_locate(f.octets, f.len - 1, f.len - 1, &at));
	for (uint32_t len = 0; len < 54; len++)
		assert_false(csum_locate(f.octets, len, len, &at));
}

static void
test_left_alone(void **state)
{
	struct csum_place at;
	struct frame f;

	build(&f, false, 6, 0, 0, 8);
	put16(f.octets + f.l3 + 6, 0x2000); /* first fragment */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	put16(f.octets + f.l3 + 6, 0x0001); /* last */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	build(&f, false, 6, 0, 0, 8);
	f.octets[f.l3 + 9] = 132; /* SCTP has none of this kind */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	build(&f, false, 17, 0, 0, 8);
	put16(f.octets + f.l4 + 6, 0); /* UDP without a checksum */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	build(&f, true, 6, 0, 8, 8);
	f.octets[f.l3 + 6] = 44; /* fragment header */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	f.octets[f.l3 + 6] = 43; /* routing header: another destination in the pseudo header */
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
	build(&f, false, 6, 0, 0, 8);
	put16(f.octets + 12, 0x0806);
	assert_false(csum_locate(f.octets, f.len, f.len, &at));
}

/* A UDP sum of zero is sent as all ones. */
static void
test_udp_zero(void **state)
{
	struct csum_place at;
	struct frame f;

	build(&f, false, 17, 0, 0, 2);
	assert_true(csum_locate(f.octets, f.len, f.len, &at));
	csum_put(f.octets, &at, 0xffff);
	assert_int_equal(f.octets[at.field_off] << 8 | f.octets[at.field_off + 1], 0xffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completed),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_udp_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
