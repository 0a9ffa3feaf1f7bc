/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipfrag.h"

enum {
	VLAN = 7,
	TIMEOUT = 1000,
	WHOLE_MAX = 70000,
};

static const struct packet_hash_seed seed = { .k = { 3, 5 } };

struct fixture {
	struct ipfrag *t;
	void *mem;
	struct dp_counters k;
	uint64_t now;
	uint8_t v6;
	uint8_t proto;
	uint8_t src;   /* last octet of the address */
	uint8_t vlan;
	uint8_t wire;
	uint16_t cut;  /* octets not captured */
	uint16_t sum;  /* added to the checksum */
	uint32_t id;
	uint32_t hbh;  /* IPv6: units of 8 octets before the fragment header; IPv4: words of options */
	struct packet out[2];
};

static void
setup(struct fixture *x, uint8_t v6, uint32_t datagrams, uint64_t octets)
{
	struct ipfrag_config cfg = {
		.datagrams_max = datagrams,
		.octets_max = octets,
		.timeout_ns = TIMEOUT,
		.seed = seed,
	};

	memset(x, 0, sizeof(*x));
	x->mem = aligned_alloc(64, (ipfrag_mem_size(&cfg) + 63) / 64 * 64);
	assert_non_null(x->mem);
	memset(x->mem, 0xdd, ipfrag_mem_size(&cfg));
	x->t = ipfrag_init(x->mem, &cfg, &x->k);
	x->v6 = v6;
	x->proto = 6;
	x->src = 1;
	x->vlan = VLAN;
	x->now = 1000000;
	x->id = 0x1234;
}

static void
teardown(struct fixture *x)
{
	free(x->mem);
}

static uint64_t
count(const struct fixture *x, enum dp_stat id)
{
	return x->k.c[id];
}

static void
put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The frame of a fragment (bits: offset | more) or, with bits < 0, of the whole packet. Returns its length. */
static uint32_t
make_frame(const struct fixture *x, uint8_t *f, int bits, const uint8_t *octets, uint32_t len)
{
	uint32_t at, i, sum = x->sum;

	memset(f, 0, 100);
	put_be16(f + 12, 0x8100);
	f[15] = x->vlan;
	put_be16(f + 16, x->v6 ? 0x86dd : 0x0800);
	f += 18;
	if (x->v6) {
		at = 40;
		f[0] = 0x60;
		f[7] = 63;
		f[8] = 0x20;
		f[23] = x->src;
		f[24] = 0x20;
		f[39] = 9;
		f[6] = bits < 0 ? x->proto : 44;
		if (bits >= 0 && x->hbh != 0) {
			f[6] = 0;
			f[at] = 44;
			f[at + 1] = (uint8_t)(x->hbh - 1);
			at += 8 * x->hbh;
		}
		if (bits >= 0) {
			f[at] = x->proto;
			put_be16(f + at + 2, (uint32_t)bits);
			put_be16(f + at + 4, x->id >> 16);
			put_be16(f + at + 6, x->id);
			at += 8;
		}
		put_be16(f + 4, at - 40 + len);
	} else {
		at = 20 + 4 * x->hbh;
		f[0] = (uint8_t)(0x45 + x->hbh);
		memset(f + 20, 1, 4 * x->hbh);
		put_be16(f + 2, at + len);
		put_be16(f + 4, x->id);
		if (bits >= 0)
			put_be16(f + 6, (uint32_t)((bits & 1) << 13 | bits >> 3));
		f[8] = 63;
		f[9] = x->proto;
		f[12] = 10;
		f[15] = x->src;
		f[16] = 10;
		f[19] = 9;
		for (i = 0; i < at; i += 2)
			sum += (uint32_t)(f[i] << 8 | f[i + 1]);
		while (sum >> 16 != 0)
			sum = (sum & 0xffff) + (sum >> 16);
		put_be16(f + 10, ~sum);
	}
	memcpy(f + at, octets, len);
	return 18 + at + len;
}

/* Give in one fragment; decodes what comes out. */
static unsigned int
input(struct fixture *x, uint32_t off, int more, const uint8_t *octets, uint32_t len)
{
	uint8_t *f = malloc(len + 100);
	struct packet p = { .link = PACKET_LINK_ETHERNET, .wire = x->wire, .frame_no = x->now, .loop = 4 };
	unsigned int nb, i;
	uint16_t vlan[2];

	assert_non_null(f);
	p.frame = f;
	p.ts_ns = x->now;
	p.wire_len = make_frame(x, f, (int)off | more, octets, len);
	p.cap_len = p.wire_len - x->cut;
	assert_int_equal(packet_decode(&p, &seed), PACKET_FRAGMENT);
	nb = ipfrag_input(x->t, &p);
	free(f);
	assert_true(nb <= 2);
	for (i = 0; i < nb; i++) {
		memset(&x->out[i], 0x77, sizeof(x->out[i]));
		ipfrag_get(x->t, i, &x->out[i], vlan);
		assert_int_equal(x->out[i].rebuilt, 1 + i);
		assert_int_equal(x->out[i].ts_ns, x->now);
		assert_int_equal(x->out[i].frame_no, x->now);
		assert_int_equal(x->out[i].loop, 4);
		assert_int_equal(x->out[i].wire, x->wire);
		assert_int_equal(vlan[0], x->vlan);
		assert_int_equal(vlan[1], 0);
		packet_decode(&x->out[i], &seed);
		packet_set_vlan(&x->out[i], vlan, &seed);
	}
	return nb;
}

/* A TCP segment: header and @len - 20 octets that all differ from their neighbours. */
static void
make_segment(uint8_t *s, uint32_t len)
{
	uint32_t i;

	memset(s, 0, 20);
	put_be16(s, 40000);
	put_be16(s + 2, 25);
	s[7] = 9;
	s[12] = 0x50;
	s[13] = PACKET_ACK;
	for (i = 20; i < len; i++)
		s[i] = (uint8_t)(i * 7 + (i >> 8));
}

static void
assert_is_segment(const struct packet *p, const uint8_t *s, uint32_t len)
{
	assert_int_equal(p->class, PACKET_TCP);
	assert_int_equal(p->payload_len, len - 20);
	assert_int_equal(p->missing_len, 0);
	assert_int_equal(p->cap_len, p->l4_off + len);
	assert_memory_equal(p->frame + p->l4_off, s, len);
}

/* Every way to split 5 units into fragments, in every order: out once, with the last piece, as the unsplit packet. */
static void
run_orders(struct fixture *x, const uint8_t *s, uint32_t len, const struct packet *whole)
{
	uint32_t split, nb, i, j, off[6], order[5], rest, picked, perm, nb_perms;

	for (split = 1; split < 16; split++) {
		for (off[0] = 0, nb = 1, i = 0; i < 4; i++) {
			if ((split >> i & 1) != 0)
				off[nb++] = 8 * (i + 1);
		}
		off[nb] = len;
		for (nb_perms = 1, i = 2; i <= nb; i++)
			nb_perms *= i;
		for (perm = 0; perm < nb_perms; perm++) {
			for (rest = perm, picked = 0, i = nb; i > 0; i--) {
				uint32_t k = rest % i;

				rest /= i;
				for (j = 0; (picked >> j & 1) != 0 || k-- > 0; j++)
					;
				picked |= 1u << j;
				order[nb - i] = j;
			}
			x->now++;
			for (i = 0; i < nb; i++) {
				j = order[i];
				assert_int_equal(input(x, off[j], j + 1 < nb, s + off[j], off[j + 1] - off[j]),
						 i + 1 == nb);
			}
			assert_is_segment(&x->out[0], s, len);
			assert_memory_equal(&x->out[0].key, &whole->key, sizeof(whole->key));
			assert_int_equal(x->out[0].hash, whole->hash);
			assert_int_equal(x->out[0].from_lo, whole->from_lo);
		}
	}
}

static void
test_all_orders(void **state)
{
	uint8_t s[40], f[200];
	struct packet whole = { .frame = f, .link = PACKET_LINK_ETHERNET };
	struct fixture x;
	uint32_t len;
	uint8_t v6, hbh;

	make_segment(s, sizeof(s));
	for (v6 = 0; v6 < 2; v6++) {
		for (hbh = 0; hbh < 2; hbh++) {
			for (len = 33; len <= 40; len++) {
				setup(&x, v6, 4, 8192);
				whole.cap_len = whole.wire_len = make_frame(&x, f, -1, s, len);
				assert_int_equal(packet_decode(&whole, &seed), PACKET_TCP);
				x.hbh = hbh;
				run_orders(&x, s, len, &whole);
				assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS) + count(&x, DP_STAT_FRAG_LIMIT) +
							 count(&x, DP_STAT_FRAG_TIMEOUTS) +
							 count(&x, DP_STAT_FRAG_REFUSED) +
							 count(&x, DP_STAT_FRAG_IGNORED),
						 0);
				teardown(&x);
			}
		}
	}
}

/* The rebuilt IPv4 header is right to the checksum. */
static void
test_header(void **state)
{
	struct fixture x;
	uint32_t i, sum = 0;
	uint8_t s[48];

	make_segment(s, sizeof(s));
	setup(&x, 0, 4, 8192);
	x.hbh = 10;
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 0);
	assert_int_equal(input(&x, 0, 1, s, 24), 1);
	assert_int_equal(x.out[0].frame[0], 0x45);
	assert_int_equal(x.out[0].frame[8], 63);
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)(x.out[0].frame[i] << 8 | x.out[0].frame[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	teardown(&x);
}

static void
test_overlap_both_readings(void **state)
{
	uint8_t s[48], alt[48], v6;
	struct fixture x;

	make_segment(s, sizeof(s));
	memcpy(alt, s, sizeof(s));
	memset(alt + 24, '!', 16);
	for (v6 = 0; v6 < 2; v6++) {
		setup(&x, v6, 4, 8192);
		assert_int_equal(input(&x, 0, 1, s, 40), 0);
		assert_int_equal(input(&x, 24, 1, alt + 24, 16), 0);
		assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
		assert_int_equal(input(&x, 40, 0, s + 40, 8), 2);
		assert_is_segment(&x.out[0], s, sizeof(s));
		assert_is_segment(&x.out[1], alt, sizeof(s));
		assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
		/* It can't be lost any more, and is not counted as such. */
		ipfrag_age_step(x.t, x.now + TIMEOUT + 1, 9);
		assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 0);
		teardown(&x);

		/* Equal octets, in part or in whole, are no event. */
		setup(&x, v6, 4, 8192);
		assert_int_equal(input(&x, 24, 1, s + 24, 16), 0);
		assert_int_equal(input(&x, 24, 1, s + 24, 16), 0);
		assert_int_equal(input(&x, 16, 1, s + 16, 16), 0);
		assert_int_equal(input(&x, 32, 0, s + 32, 16), 0);
		assert_int_equal(input(&x, 32, 0, s + 32, 16), 0);
		assert_int_equal(input(&x, 0, 1, s, 24), 1);
		assert_is_segment(&x.out[0], s, sizeof(s));
		assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 0);
		teardown(&x);
	}
}

/*
 * Pieces first, last, first' (a receiver discards all), middle (whole for us), then first' and last again: the datagram
 * of that receiver is among ours, although we had given one out before.
 */
static void
test_receiver_that_discards(void **state)
{
	uint8_t s[48], alt[48];
	struct fixture x;

	make_segment(s, sizeof(s));
	memcpy(alt, s, sizeof(s));
	alt[23] = '!';
	alt[47] = '?';
	setup(&x, 0, 4, 8192);
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	assert_int_equal(input(&x, 40, 0, s + 40, 8), 0);
	assert_int_equal(input(&x, 0, 1, alt, 24), 0);
	assert_int_equal(input(&x, 24, 1, s + 24, 16), 2);
	assert_int_equal(input(&x, 0, 1, alt, 24), 1);
	assert_int_equal(input(&x, 40, 0, alt + 40, 8), 1);
	assert_is_segment(&x.out[0], alt, sizeof(alt));
	assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
	teardown(&x);
}

/* Two last pieces with different ends, and a piece beyond the end. */
static void
test_two_ends(void **state)
{
	struct fixture x;
	uint8_t s[64];

	make_segment(s, sizeof(s));
	setup(&x, 0, 4, 8192);
	assert_int_equal(input(&x, 40, 0, s + 40, 24), 0);
	assert_int_equal(input(&x, 40, 0, s + 40, 5), 0);
	assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
	assert_int_equal(input(&x, 0, 1, s, 40), 2);
	assert_is_segment(&x.out[0], s, 64);
	assert_is_segment(&x.out[1], s, 45);
	teardown(&x);

	setup(&x, 0, 4, 8192);
	assert_int_equal(input(&x, 56, 1, s + 56, 8), 0);
	assert_int_equal(input(&x, 40, 0, s + 40, 8), 0);
	assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
	assert_int_equal(input(&x, 0, 1, s, 40), 1); /* one: the readings are equal */
	assert_is_segment(&x.out[0], s, 48);
	teardown(&x);
}

/* Each field of the key keeps datagrams apart; only the protocol of IPv6 is no part of it. */
static void
test_keys(void **state)
{
	struct fixture x;
	uint8_t s[48], v6;
	int i;

	make_segment(s, sizeof(s));
	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < 6; i++) {
			setup(&x, v6, 16, 65536);
			assert_int_equal(input(&x, 0, 1, s, 24), 0);
			if (i == 0)
				x.id++;
			else if (i == 1)
				x.src++;
			else if (i == 2)
				x.vlan++;
			else if (i == 3)
				x.wire++;
			else if (i == 4)
				x.proto = 51;
			assert_int_equal(input(&x, 24, 0, s + 24, 24), i == 5 || (v6 && i == 4));
			teardown(&x);
		}
	}
	/* The identification of IPv6 has 32 bits. */
	setup(&x, 1, 16, 65536);
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	x.id += 0x10000;
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 0);
	teardown(&x);
}

static void
test_refused(void **state)
{
	static uint8_t s[WHOLE_MAX];
	struct fixture x;
	uint8_t v6;

	make_segment(s, sizeof(s));
	for (v6 = 0; v6 < 2; v6++) {
		uint32_t max = v6 ? 65535 : 65515;

		setup(&x, v6, 4, 1 << 20);
		x.cut = 1;
		assert_int_equal(input(&x, 0, 1, s, 24), 0);
		assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 1);
		x.cut = 0;
		assert_int_equal(input(&x, 24, 1, s, 0), 0);
		assert_int_equal(input(&x, 24, 0, s, 0), 0);
		assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 3);
		assert_int_equal(input(&x, 65528 - 80, 0, s, max - (65528 - 80) + 1), 0);
		assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 4);
		/* Nothing of all that was kept: */
		ipfrag_age_step(x.t, x.now + TIMEOUT + 1, 9);
		assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 0);
		/* The longest there may be. */
		assert_int_equal(input(&x, 65528 - 80, 0, s + 65528 - 80, max - (65528 - 80)), 0);
		assert_int_equal(input(&x, 32760, 1, s + 32760, 65528 - 80 - 32760), 0);
		assert_int_equal(input(&x, 0, 1, s, 32760), 1);
		assert_is_segment(&x.out[0], s, max);
		assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 4);
		/* Twelve octets and more to come: IPv6 refuses, of IPv4 the whole unit counts. */
		assert_int_equal(input(&x, 0, 1, s, 28), 0);
		assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), v6 ? 5 : 4);
		assert_int_equal(input(&x, 24, 0, s + 24, 24), !v6);
		if (!v6) {
			assert_is_segment(&x.out[0], s, 48);
			assert_int_equal(input(&x, 0, 1, s, 7), 0);
			assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 5);
			x.sum = 1;
			assert_int_equal(input(&x, 0, 1, s, 24), 0);
			assert_int_equal(count(&x, DP_STAT_FRAG_REFUSED), 6);
		}
		teardown(&x);
	}
}

/* What can't be TCP: IPv4 by fragment, IPv6 by datagram, where only the first fragment's word counts. */
static void
test_ignored(void **state)
{
	struct fixture x;
	uint8_t s[48];

	make_segment(s, sizeof(s));
	setup(&x, 0, 4, 8192);
	x.proto = 17;
	assert_int_equal(input(&x, 0, 1, s, 24) + input(&x, 24, 0, s + 24, 24), 0);
	assert_int_equal(count(&x, DP_STAT_FRAG_IGNORED), 2);
	teardown(&x);
	setup(&x, 1, 4, 8192);
	x.proto = 17;
	assert_int_equal(input(&x, 0, 1, s, 24) + input(&x, 24, 0, s + 24, 24), 0);
	assert_int_equal(count(&x, DP_STAT_FRAG_IGNORED), 1);
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 0);
	x.proto = 6;
	assert_int_equal(input(&x, 0, 1, s, 24), 1);
	/* An extension header is the first of the fragmented part. */
	memset(s, 0, 8);
	s[0] = 6;
	make_segment(s + 8, 40);
	x.proto = 60;
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 1);
	assert_is_segment(&x.out[0], s + 8, 40);
	teardown(&x);
	/* Two first fragments that differ in the protocol only. */
	setup(&x, 1, 4, 8192);
	make_segment(s, sizeof(s));
	x.proto = 17;
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	x.proto = 6;
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 1);
	assert_is_segment(&x.out[0], s, 48);
	assert_int_equal(count(&x, DP_STAT_FRAG_OVERLAPS), 1);
	teardown(&x);
}

static void
test_pieces_limit(void **state)
{
	static uint8_t s[8 * (IPFRAG_PIECES_MAX + 1)];
	struct fixture x;
	uint32_t i, n;

	make_segment(s, sizeof(s));
	for (n = IPFRAG_PIECES_MAX; n <= IPFRAG_PIECES_MAX + 1; n++) {
		setup(&x, 0, 4, 1 << 20);
		for (i = 0; i < n - 1; i++) {
			assert_int_equal(input(&x, 8 * i, 1, s + 8 * i, 8), 0);
			assert_int_equal(input(&x, 8 * (i / 2), 1, s + 8 * (i / 2), 8), 0); /* duplicates are free */
		}
		assert_int_equal(input(&x, 8 * i, 0, s + 8 * i, 8), n == IPFRAG_PIECES_MAX);
		assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), n - IPFRAG_PIECES_MAX);
		/* Given up is not locked out. */
		if (n > IPFRAG_PIECES_MAX) {
			assert_int_equal(input(&x, 0, 1, s, 8 * (n - 1)), 1);
			assert_is_segment(&x.out[0], s, 8 * n);
		}
		teardown(&x);
	}
}

/* Contradictory octets of one datagram are bounded too, and so is how often it is given out. */
static void
test_contradictions_limit(void **state)
{
	static uint8_t s[60000];
	struct fixture x;
	uint32_t i, nb = 0;

	make_segment(s, sizeof(s));
	setup(&x, 0, 4, 1 << 22);
	for (i = 0; i < 3; i++) {
		s[100] = (uint8_t)i;
		assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 0);
		assert_int_equal(input(&x, 0, 1, s, 56000), 0);
	}
	assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 1);
	teardown(&x);

	setup(&x, 0, 4, 1 << 20);
	assert_int_equal(input(&x, 0, 1, s, 48), 0);
	s[40] ^= 1;
	assert_int_equal(input(&x, 40, 1, s + 40, 8), 0);
	assert_int_equal(input(&x, 48, 0, s + 48, 8), 2);
	for (i = 0; i < 100; i++) {
		s[41] = (uint8_t)(i + 1);
		nb += input(&x, 40, 1, s + 40, 8);
	}
	assert_int_equal(nb, 31);
	assert_true(count(&x, DP_STAT_FRAG_LIMIT) >= 1);
	teardown(&x);
}

static void
test_timeout(void **state)
{
	struct fixture x;
	uint8_t s[48];
	uint32_t late;

	make_segment(s, sizeof(s));
	for (late = 0; late < 2; late++) {
		setup(&x, 0, 4, 8192);
		assert_int_equal(input(&x, 0, 1, s, 24), 0);
		x.now += TIMEOUT + late;
		assert_int_equal(input(&x, 24, 0, s + 24, 24), !late);
		assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), late);
		teardown(&x);
	}
	setup(&x, 0, 8, 65536);
	for (x.id = 0; x.id < 5; x.id++) {
		assert_int_equal(input(&x, 0, 1, s, 24), 0);
		x.now++;
	}
	ipfrag_age_step(x.t, 1000000 + TIMEOUT, 99);
	assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 0);
	ipfrag_age_step(x.t, 1000000 + TIMEOUT + 1, 99);
	assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 1);
	ipfrag_age_step(x.t, 1000000 + TIMEOUT + 99, 3);
	assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 4);
	x.id = 4;
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 1);
	ipfrag_age_step(x.t, 1000000 + 9 * TIMEOUT, 99);
	assert_int_equal(count(&x, DP_STAT_FRAG_TIMEOUTS), 4);
	teardown(&x);
}

/* Datagrams at once, and octets in all: the oldest goes first. */
static void
test_room(void **state)
{
	static uint8_t s[8000];
	struct fixture x;

	make_segment(s, sizeof(s));
	setup(&x, 0, 3, 1 << 20);
	for (x.id = 0; x.id < 4; x.id++) {
		assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 0);
		assert_int_equal(input(&x, 0, 1, s, 24), 0);
	}
	assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 1);
	for (x.id = 1; x.id < 4; x.id++)
		assert_int_equal(input(&x, 24, 0, s + 24, 24), 1);
	x.id = 0;
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 0);
	teardown(&x);

	setup(&x, 0, 16, 8192); /* 16 blocks of 504 octets */
	x.id = 1;
	assert_int_equal(input(&x, 0, 1, s, 4032), 0);
	x.id = 2;
	assert_int_equal(input(&x, 0, 1, s, 3528), 0);
	x.id = 3;
	assert_int_equal(input(&x, 0, 1, s, 504), 0);
	assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 0);
	assert_int_equal(input(&x, 504, 1, s + 504, 8), 0); /* one block too many: 1 goes */
	assert_int_equal(count(&x, DP_STAT_FRAG_LIMIT), 1);
	x.id = 2;
	assert_int_equal(input(&x, 3528, 0, s + 3528, 8), 1);
	x.id = 3;
	assert_int_equal(input(&x, 512, 0, s + 512, 8), 1);
	/* Larger than all there is: given up itself, the memory is whole again. */
	x.id = 4;
	assert_int_equal(input(&x, 0, 1, s, 7992), 0);
	assert_int_equal(input(&x, 7992, 1, s, 512), 0);
	assert_true(count(&x, DP_STAT_FRAG_LIMIT) >= 2);
	x.id = 5;
	assert_int_equal(input(&x, 0, 1, s, 15 * 504), 0);
	assert_int_equal(input(&x, 15 * 504, 0, s + 15 * 504, 8), 1);
	assert_is_segment(&x.out[0], s, 15 * 504 + 8);
	teardown(&x);
	/* No memory at all. */
	setup(&x, 0, 0, 0);
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	assert_true(count(&x, DP_STAT_FRAG_LIMIT) >= 1);
	teardown(&x);
}

/* Resident memory follows use: nothing but the head of the table is written before it is needed. */
static void
test_untouched_memory(void **state)
{
	struct ipfrag_config cfg = { .datagrams_max = 1024, .octets_max = 1 << 20 };
	struct fixture x;
	size_t i, touched = 0, size = ipfrag_mem_size(&cfg);
	uint8_t s[48];

	make_segment(s, sizeof(s));
	setup(&x, 0, 1024, 1 << 20);
	assert_int_equal(input(&x, 0, 1, s, 24), 0);
	assert_int_equal(input(&x, 24, 0, s + 24, 24), 1);
	for (i = 0; i < size; i++)
		touched += ((const uint8_t *)x.mem)[i] != 0xdd;
	assert_true(size > 2000000);
	assert_in_range(touched, 1, 8192); /* 4 KiB of buckets, 1.3 KiB of datagram */
	teardown(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_orders),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_overlap_both_readings),
		cmocka_unit_test(test_receiver_that_discards),
		cmocka_unit_test(test_two_ends),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_pieces_limit),
		cmocka_unit_test(test_contradictions_limit),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_untouched_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
