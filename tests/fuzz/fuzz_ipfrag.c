/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_ipfrag - a script of fragments against a plain model
 *
 * Input:     an octet of settings, two of the datagram's length, then 4 octets per fragment: what, offset (2), length.
 * Checks:    without contradictions the datagram comes out exactly once, when its last octet is in, and equals the
 *            original; with them each reading that comes out is the model's oldest or newest, and the newest comes out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ipfrag.h"

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

enum {
	NB_IDS = 4,
	LEN_MAX = 65536,
	MODEL_PIECES_MAX = 32, /* beyond, limits may apply, which the model does not know */

	/* the first octet of a fragment */
	WHAT_ID = 0x03,
	WHAT_DIFFERENT = 0x04, /* other octets */
	WHAT_FLAG = 0x08,      /* the "more" flag is wrong */
	WHAT_TIME = 0x10,      /* time goes on */
	WHAT_ODD = 0x20,       /* a length that is no multiple of 8 */
	WHAT_FAR = 0x40,       /* a far offset */
	WHAT_DAMAGED = 0x80,   /* checksum, or cut short */
};

struct model {
	uint8_t have[LEN_MAX];
	uint8_t first[LEN_MAX];
	uint8_t last[LEN_MAX];
	uint32_t total[2];
	uint32_t reach;
	uint32_t nb;
	int conflict, given;
};

static const struct packet_hash_seed seed = { .k = { 11, 22 } };

static uint8_t
original(uint32_t id, uint32_t i)
{
	return (uint8_t)((i * 2654435761u + id * 97) >> 11);
}

/* A frame with one fragment; the caller frees it. */
static uint8_t *
make_frame(int v6, uint32_t id, uint32_t off, const uint8_t *octets, uint32_t len, int more, uint32_t *ret_len)
{
	uint32_t hlen = v6 ? 48 : 20, sum = 0, i;
	uint8_t *f = calloc(1, hlen + len);

	CHECK(f != NULL);
	if (v6) {
		f[0] = 0x60;
		f[4] = (uint8_t)((len + 8) >> 8);
		f[5] = (uint8_t)(len + 8);
		f[6] = 44;
		f[7] = 64;
		f[8] = 0x20;
		f[24] = 0x20;
		f[39] = 1;
		f[40] = 6;
		f[42] = (uint8_t)(off >> 8);
		f[43] = (uint8_t)(off | more);
		f[47] = (uint8_t)id;
	} else {
		f[0] = 0x45;
		f[2] = (uint8_t)((len + 20) >> 8);
		f[3] = (uint8_t)(len + 20);
		f[5] = (uint8_t)id;
		f[6] = (uint8_t)(more << 5 | off >> 11);
		f[7] = (uint8_t)(off >> 3);
		f[8] = 64;
		f[9] = 6;
		f[12] = 192;
		f[16] = 198;
		for (i = 0; i < 20; i += 2)
			sum += (uint32_t)(f[i] << 8 | f[i + 1]);
		while (sum >> 16 != 0)
			sum = (sum & 0xffff) + (sum >> 16);
		f[10] = (uint8_t)(~sum >> 8);
		f[11] = (uint8_t)~sum;
	}
	memcpy(f + hlen, octets, len);
	*ret_len = hlen + len;
	return f;
}

static void
model_reset(struct model *m)
{
	memset(m->have, 0, m->reach);
	m->total[0] = m->total[1] = m->reach = m->nb = 0;
	m->conflict = m->given = 0;
}

static void
model_add(struct model *m, uint32_t off, const uint8_t *octets, uint32_t len, int more)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		if (!m->have[off + i]) {
			m->first[off + i] = octets[i];
		} else if (m->first[off + i] != octets[i] || m->last[off + i] != octets[i]) {
			m->conflict = 1;
		}
		m->have[off + i] = 1;
		m->last[off + i] = octets[i];
	}
	if (!more) {
		if (m->total[0] == 0)
			m->total[0] = off + len;
		else if (m->total[1] != off + len)
			m->conflict = 1;
		m->total[1] = off + len;
	}
	if (off + len > m->reach)
		m->reach = off + len;
	if (m->total[0] != 0 && m->reach > m->total[0])
		m->conflict = 1;
	m->nb++;
}

static int
model_whole(const struct model *m, unsigned int r)
{
	return m->total[r] != 0 && memchr(m->have, 0, m->total[r]) == NULL;
}

static int
output_is(const struct packet *p, const uint8_t *octets, uint32_t total)
{
	uint32_t hlen = p->frame[0] >> 4 == 6 ? 40 : 20;

	return p->cap_len == hlen + total && memcmp(p->frame + hlen, octets, total) == 0;
}

static void
check_output(struct ipfrag *t, unsigned int nb, struct model *m)
{
	struct packet out[2];
	uint16_t vlan[2];
	unsigned int i;
	int newest = 0;

	CHECK(nb <= 2);
	for (i = 0; i < nb; i++) {
		ipfrag_get(t, i, &out[i], vlan);
		CHECK(out[i].rebuilt == 1 + i && out[i].cap_len <= IPFRAG_DATAGRAM_MAX);
		packet_decode(&out[i], &seed);
		CHECK(out[i].l3_valid && out[i].missing_len == 0);
	}
	if (m == NULL || m->nb > MODEL_PIECES_MAX)
		return;
	if (!m->conflict) {
		CHECK(nb == (unsigned int)model_whole(m, 0));
		if (nb == 1) {
			CHECK(output_is(&out[0], m->first, m->total[0]));
			model_reset(m);
		}
		return;
	}
	for (i = 0; i < nb; i++) {
		int is_new = model_whole(m, 1) && output_is(&out[i], m->last, m->total[1]);

		CHECK(is_new || (i == 0 && !m->given && output_is(&out[i], m->first, m->total[0])));
		newest |= is_new;
	}
	CHECK(m->given || newest == model_whole(m, 1));
	CHECK(nb == 0 || newest || !model_whole(m, 1));
	m->given |= nb != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model models[NB_IDS];
	static uint8_t octets[LEN_MAX];
	struct ipfrag_config cfg = { .timeout_ns = 1000, .seed = seed };
	struct dp_counters counters = { 0 };
	struct packet p = { .link = PACKET_LINK_RAW, .ts_ns = 1, .frame_no = 1 };
	uint32_t total, id, off, len, i, frame_len;
	struct ipfrag *t;
	int v6, small;
	uint8_t *frame;
	void *mem;

	if (size < 3 || size > 3 + 4 * 600)
		return 0;
	v6 = data[0] & 1;
	small = data[0] >> 1 & 1; /* little memory: givings up, and no model */
	total = (data[1] | (uint32_t)(data[2] & 0x0f) << 8) + 9;
	cfg.datagrams_max = small ? 2 : 16;
	cfg.octets_max = small ? 4096 : 1 << 20;
	mem = aligned_alloc(64, (ipfrag_mem_size(&cfg) + 63) / 64 * 64);
	CHECK(mem != NULL);
	t = ipfrag_init(mem, &cfg, &counters);
	for (i = 0; i < NB_IDS; i++)
		model_reset(&models[i]);
	for (data += 3, size -= 3; size >= 4; data += 4, size -= 4) {
		uint8_t what = data[0];
		int more, damaged = (what & WHAT_DAMAGED) != 0;

		id = what & WHAT_ID;
		off = ((data[1] | (uint32_t)data[2] << 8) * 8) & 0xfff8;
		if ((what & WHAT_FAR) == 0)
			off %= (total + 7) / 8 * 8;
		len = (data[3] % 64 + 1u) * (data[3] >= 192 ? 64 : 8);
		more = 1;
		if (off < total && off + len >= total) {
			len = total - off;
			more = 0;
		}
		if ((what & WHAT_ODD) != 0)
			len -= len > 3 ? 3 : 0;
		if ((what & WHAT_FLAG) != 0)
			more = !more;
		if (off == 0 && !more)
			more = 1; /* no fragment otherwise */
		if ((what & WHAT_TIME) != 0) {
			p.ts_ns += 5000;
			ipfrag_age_step(t, p.ts_ns, data[3] % 3);
			for (i = 0; i < NB_IDS; i++)
				model_reset(&models[i]);
		}
		if (len > 65535u - 8 - 20)
			len = 65535 - 8 - 20;
		for (i = 0; i < len; i++)
			octets[i] = original(id, off + i) ^ ((what & WHAT_DIFFERENT) != 0 ? data[3] | 1 : 0);
		frame = make_frame(v6, id, off, octets, len, more, &frame_len);
		if (damaged && !v6)
			frame[8] ^= 1;
		p.frame = frame;
		p.wire_len = frame_len;
		p.cap_len = frame_len - (damaged && v6);
		CHECK(packet_decode(&p, &seed) == PACKET_FRAGMENT);
		if (more && len % 8 != 0) {
			damaged |= v6;
			len -= len % 8;
		}
		damaged |= len == 0 || off + len > (v6 ? 65535u : 65515u);
		if (!damaged)
			model_add(&models[id], off, octets, len, more);
		i = ipfrag_input(t, &p);
		CHECK(!damaged || i == 0);
		free(frame);
		if (!damaged)
			check_output(t, i, small ? NULL : &models[id]);
		if (!damaged && small && i != 0)
			model_reset(&models[id]);
	}
	free(mem);
	return 0;
}
