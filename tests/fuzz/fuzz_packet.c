/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_packet - one frame through packet_decode()
 *
 * Input:     link type, then flags (octets on the wire beyond those captured, address of the seed), then the frame.
 * Checks:    all that a result points to lies in the frame; the answer to a cut frame is that of the whole or
 *            "truncated"; the other direction has the same key and hash; a second look gives the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static enum packet_class
decode(struct packet *p, const uint8_t *frame, uint32_t cap, uint32_t wire, uint8_t link, uint8_t **copy)
{
	static const struct packet_hash_seed seed = { .k = { 0x0123456789abcdefu, 0xfedcba9876543210u } };

	*copy = malloc(cap != 0 ? cap : 1);
	CHECK(*copy != NULL);
	if (cap != 0)
		memcpy(*copy, frame, cap);
	memset(p, 0xa5, sizeof(*p));
	p->frame = *copy;
	p->cap_len = cap;
	p->wire_len = wire;
	p->link = link;
	p->wire = 3;
	return packet_decode(p, &seed);
}

static void
check_bounds(const struct packet *p)
{
	struct packet_tcp_options opts;
	volatile uint8_t sum = 0; /* the reads are what counts */
	uint32_t i;

	CHECK(p->class <= PACKET_TRUNCATED && p->fate == 0 && p->in_flags == 0);
	CHECK(p->key.reserved[0] == 0 && p->key.reserved[1] == 0 && p->key.wire == 3);
	CHECK(p->l3_valid ? p->key.family == 4 || p->key.family == 6 : p->key.family == 0);
	CHECK(!p->l3_valid || p->l3_off + (p->key.family == 4 ? 20u : 40u) <= p->cap_len);
	CHECK(p->missing_len <= p->wire_len - p->cap_len);
	if (p->class == PACKET_TCP) {
		CHECK(p->l4_off + 20u <= p->payload_off && p->payload_off + p->payload_len <= p->cap_len);
		for (i = 0; i < p->payload_len; i++)
			sum = packet_payload(p)[i];
		(void)sum;
		packet_tcp_options(p, &opts);
		CHECK(opts.wscale <= 14);
	} else {
		CHECK(p->key.lo_port == 0 && p->key.hi_port == 0);
	}
	if (p->class == PACKET_FRAGMENT) {
		CHECK(p->l4_off + p->payload_len <= p->cap_len);
		CHECK(p->frag_more || p->frag_off != 0);
		CHECK(p->frag_off % 8 == 0 && p->frag_off <= 65528);
	}
}

/* Exchange source and destination of a decoded TCP packet in the frame itself. */
static void
turn_round(const struct packet *p, uint8_t *f)
{
	uint32_t n = p->key.family == 4 ? 4 : 16, at = p->l3_off + (p->key.family == 4 ? 12 : 8);
	uint8_t tmp[16];

	memcpy(tmp, f + at, n);
	memmove(f + at, f + at + n, n);
	memcpy(f + at + n, tmp, n);
	memcpy(tmp, f + p->l4_off, 2);
	memmove(f + p->l4_off, f + p->l4_off + 2, 2);
	memcpy(f + p->l4_off + 2, tmp, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p, q;
	uint32_t cap, wire, n;
	uint8_t link, *copy, *copy2;

	if (size < 2 || size > 4096)
		return 0;
	link = data[0];
	wire = data[1] * 7u;
	data += 2;
	cap = (uint32_t)size - 2;
	wire += cap;
	decode(&p, data, cap, wire, link, &copy);
	check_bounds(&p);
	if (p.class == PACKET_TCP) {
		turn_round(&p, copy);
		decode(&q, copy, cap, wire, link, &copy2);
		CHECK(q.class == PACKET_TCP && q.hash == p.hash && memcmp(&p.key, &q.key, sizeof(p.key)) == 0);
		CHECK(q.from_lo != p.from_lo ||
		      (memcmp(p.key.lo_addr, p.key.hi_addr, 16) == 0 && p.key.lo_port == p.key.hi_port));
		free(copy2);
	}
	free(copy);
	for (n = 0; n < cap && n < 400; n++) {
		decode(&q, data, n, wire, link, &copy);
		check_bounds(&q);
		CHECK(q.class == p.class || q.class == PACKET_TRUNCATED);
		if (q.class == PACKET_TCP)
			CHECK(q.hash == p.hash && q.payload_len + q.missing_len == p.payload_len + p.missing_len);
		free(copy);
	}
	return 0;
}
