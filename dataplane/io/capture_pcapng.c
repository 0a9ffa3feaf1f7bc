/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture_pcapng - pcapng files
 *
 * What:      section header, interface description, enhanced, simple and obsolete packet blocks are read; others are
 *            skipped, whatever their length. A section may change the byte order and forgets all interfaces. Packets of
 *            an interface whose link type cannot be read are skipped, and reported at the end of the file.
 * Source:    draft-ietf-opsawg-pcapng.
 */
#include "capture_private.h"

#include <stdlib.h>

#include "packet.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */

	BLOCK_LEN_MIN = 12, /* type, length, length again */
	SECTION_LEN_MIN = 28,
	INTERFACE_LEN_MIN = 20,
	ENHANCED_LEN_MIN = 32,
	SIMPLE_LEN_MIN = 16,

	OPT_END = 0,
	OPT_TSRESOL = 9,
	OPT_TSOFFSET = 14,
	TSRESOL_US = 6,
	TSRESOL_POW2 = 0x80,
};
#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)

bool
capture_pcapng_begin(struct capture *c)
{
	struct capture_iface *ifaces = c->ng.ifaces;
	uint32_t max = c->ng.max_ifaces;

	memset(&c->ng, 0, sizeof(c->ng));
	c->ng.ifaces = ifaces;
	c->ng.max_ifaces = max;
	return true;
}

uint64_t
capture_pcapng_ns(const struct capture_iface *iface, uint64_t ticks)
{
	unsigned int exp = iface->tsresol & (TSRESOL_POW2 - 1);
	__int128 ns = ticks;

	if ((iface->tsresol & TSRESOL_POW2) != 0) {
		ns = (ns * 1000000000) >> exp; /* < 2^94 */
	} else {
		for (; exp < 9; exp++)
			ns *= 10;
		for (; exp > 9 && ns > 0; exp--)
			ns /= 10;
	}
	ns += (__int128)iface->tsoffset * 1000000000;
	if (ns < 0)
		return 0;
	return ns > (__int128)CAPTURE_TS_MAX ? CAPTURE_TS_MAX : (uint64_t)ns;
}

/* The block at @p of @len octets. */
static bool
read_section(struct capture *c, const uint8_t *p, uint32_t len)
{
	uint16_t major;

	if (len < SECTION_LEN_MIN) {
		capture_fail(c, c->frame_no == c->file_frame_no, capture_here(&c->src),
			     "a section header of %u octets is too short", len);
		return false;
	}
	major = capture_u16(p + 12, c->ng.swapped);
	if (major != 1) {
		capture_fail(c, c->frame_no == c->file_frame_no, capture_here(&c->src),
			     "pcapng version %u.%u is not known (only 1.x)", major,
			     capture_u16(p + 14, c->ng.swapped));
		return false;
	}
	c->ng.nb_ifaces = 0;
	return true;
}

static void
read_iface_options(struct capture_iface *iface, const uint8_t *p, const uint8_t *end, bool swapped)
{
	while (end - p >= 4) {
		uint16_t code = capture_u16(p, swapped), len = capture_u16(p + 2, swapped);

		p += 4;
		if (code == OPT_END || len > end - p)
			return;
		if (code == OPT_TSRESOL && len >= 1) {
			iface->tsresol = *p;
		} else if (code == OPT_TSOFFSET && len >= 8) {
			uint32_t first = capture_u32(p, swapped), second = capture_u32(p + 4, swapped);
			/* A 64-bit number in the section's byte order, which is ours (little-endian) unless swapped. */
			uint64_t hi = swapped ? first : second, lo = swapped ? second : first;

			iface->tsoffset = (int64_t)(hi << 32 | lo);
		}
		p += (end - p) < ((len + 3) & ~3) ? end - p : ((len + 3) & ~3);
	}
}

static bool
read_iface(struct capture *c, const uint8_t *p, uint32_t len)
{
	struct capture_pcapng *ng = &c->ng;
	struct capture_iface *iface;

	if (len < INTERFACE_LEN_MIN || ng->nb_ifaces == CAPTURE_IFACES_MAX) {
		capture_fail(c, false, capture_here(&c->src),
			     len < INTERFACE_LEN_MIN ? "an interface description of %u octets is too short"
						     : "more than %u interfaces in one section",
			     len < INTERFACE_LEN_MIN ? len : (uint32_t)CAPTURE_IFACES_MAX);
		return false;
	}
	if (ng->nb_ifaces == ng->max_ifaces) {
		uint32_t max = ng->max_ifaces > 0 ? ng->max_ifaces * 2 : 16;
		struct capture_iface *ifaces = realloc(ng->ifaces, max * sizeof(*ifaces));

		if (ifaces == NULL) {
			capture_fail(c, false, capture_here(&c->src), "out of memory");
			return false;
		}
		ng->ifaces = ifaces;
		ng->max_ifaces = max;
	}
	iface = &ng->ifaces[ng->nb_ifaces++];
	iface->linktype = capture_u16(p + 8, ng->swapped);
	iface->link = packet_link_from_pcap(iface->linktype);
	iface->snaplen = capture_u32(p + 12, ng->swapped);
	iface->tsresol = TSRESOL_US;
	iface->tsoffset = 0;
	read_iface_options(iface, p + 16, p + len - 4, ng->swapped);
	return true;
}

/* 1: a frame; 0: none in this block; -1: failed. */
static int
read_packet(struct capture *c, uint32_t type, const uint8_t *p, uint32_t len, struct capture_frame *f)
{
	struct capture_pcapng *ng = &c->ng;
	bool simple = type == BLOCK_SIMPLE;
	uint32_t head = simple ? SIMPLE_LEN_MIN - 4 : ENHANCED_LEN_MIN - 4, cap_len, wire_len, idx = 0;
	const struct capture_iface *iface;
	uint64_t ns = c->last_ns;

	if (len < head + 4) {
		capture_fail(c, false, capture_here(&c->src), "a packet block of %u octets is too short", len);
		return -1;
	}
	if (!simple)
		idx = type == BLOCK_PACKET ? capture_u16(p + 8, ng->swapped) : capture_u32(p + 8, ng->swapped);
	if (idx >= ng->nb_ifaces) {
		capture_fail(c, false, capture_here(&c->src), "a packet of interface %u, which is not described", idx);
		return -1;
	}
	iface = &ng->ifaces[idx];
	if (simple) { /* the length captured is not written down: what is least */
		wire_len = capture_u32(p + 8, ng->swapped);
		cap_len = wire_len < len - head - 4 ? wire_len : len - head - 4;
		if (iface->snaplen > 0 && cap_len > iface->snaplen)
			cap_len = iface->snaplen;
	} else {
		cap_len = capture_u32(p + 20, ng->swapped);
		wire_len = capture_u32(p + 24, ng->swapped);
	}
	if (cap_len > len - head - 4 || cap_len > CAPTURE_PACKET_MAX) {
		capture_fail(c, false, capture_here(&c->src),
			     "a packet says that it has %u octets, in a block of %u: the file is damaged from here on",
			     cap_len, len);
		return -1;
	}
	if (iface->link < 0) {
		if (ng->skipped++ == 0) {
			ng->skipped_offset = capture_here(&c->src);
			ng->skipped_linktype = iface->linktype;
		}
		return 0;
	}
	if (!simple)
		ns = capture_clock(c, capture_pcapng_ns(iface, (uint64_t)capture_u32(p + 12, ng->swapped) << 32 |
									capture_u32(p + 16, ng->swapped)));
	capture_frame_set(c, f, p + head, cap_len, wire_len, ns, (uint8_t)iface->link);
	return 1;
}

/* Go on skipping a block. OK when it is over. */
static enum capture_need
skip_block(struct capture *c, bool pinned)
{
	struct capture_source *s = &c->src;
	struct capture_pcapng *ng = &c->ng;

	while (ng->skip_left > 0) {
		enum capture_need need = capture_need(s, 1, pinned);
		uint64_t step = s->len - s->pos;

		if (need == CAPTURE_NEED_END)
			capture_fail_cut(c, false, ng->skip_offset, ng->skip_left, "a block");
		if (need != CAPTURE_NEED_OK)
			return need;
		if (step > ng->skip_left)
			step = ng->skip_left;
		s->pos += step;
		ng->skip_left -= step;
	}
	return CAPTURE_NEED_OK;
}

static bool
is_read(uint32_t type)
{
	return type == BLOCK_ENHANCED || type == BLOCK_INTERFACE || type == BLOCK_SECTION || type == BLOCK_SIMPLE ||
	       type == BLOCK_PACKET;
}

/*
 * Find the next block. OK: either one that is read stands whole at the source's position (@ret_len octets), or one that
 * is not is being skipped (@ret_len is 0).
 */
static enum capture_need
next_block(struct capture *c, bool pinned, uint32_t *ret_type, uint32_t *ret_len)
{
	struct capture_source *s = &c->src;
	enum capture_need need = capture_need(s, BLOCK_LEN_MIN, pinned);
	uint64_t here;
	uint32_t len;

	here = capture_here(s);
	if (need == CAPTURE_NEED_END) {
		c->file_over = true;
		if (s->len > s->pos || s->io_errno != 0 || s->shrunk)
			capture_fail_cut(c, here == 0, here, BLOCK_LEN_MIN - (s->len - s->pos),
					 "the header of a block");
	}
	if (need != CAPTURE_NEED_OK)
		return need;
	*ret_type = capture_u32(s->data + s->pos, c->ng.swapped);
	if (*ret_type == BLOCK_SECTION) {
		uint32_t magic = capture_u32(s->data + s->pos + 8, false);

		if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC)) {
			capture_fail(c, here == 0, here,
				     "a section header without byte order: not a pcapng file, or damaged");
			return CAPTURE_NEED_END;
		}
		c->ng.swapped = magic != BYTE_ORDER_MAGIC;
	}
	len = capture_u32(s->data + s->pos + 4, c->ng.swapped);
	if (len < BLOCK_LEN_MIN || len % 4 != 0 || (is_read(*ret_type) && len > CAPTURE_BLOCK_MAX)) {
		capture_fail(c, here == 0, here,
			     "a block says that it has %u octets: the file is damaged from here on", len);
		return CAPTURE_NEED_END;
	}
	*ret_len = 0;
	if (!is_read(*ret_type)) {
		c->ng.skip_left = len;
		c->ng.skip_offset = here;
		return CAPTURE_NEED_OK;
	}
	need = capture_need(s, len, pinned);
	if (need == CAPTURE_NEED_END)
		capture_fail_cut(c, here == 0, here, len - (s->len - s->pos), "a block");
	if (need != CAPTURE_NEED_OK)
		return need;
	if (capture_u32(s->data + s->pos + len - 4, c->ng.swapped) != len) {
		capture_fail(c, here == 0, here, "the two lengths of a block differ: the file is damaged from here on");
		return CAPTURE_NEED_END;
	}
	*ret_len = len;
	return CAPTURE_NEED_OK;
}

unsigned int
capture_pcapng_read(struct capture *c, struct capture_frame *frames, unsigned int max)
{
	struct capture_source *s = &c->src;
	const uint8_t *ahead = NULL;
	unsigned int n = 0;

	while (n < max) {
		uint32_t type, len;
		const uint8_t *p;
		bool ok = true;

		if (skip_block(c, n > 0) != CAPTURE_NEED_OK || next_block(c, n > 0, &type, &len) != CAPTURE_NEED_OK)
			break;
		if (len == 0)
			continue;
		p = s->data + s->pos;
		if (type == BLOCK_SECTION) {
			ok = read_section(c, p, len);
		} else if (type == BLOCK_INTERFACE) {
			ok = read_iface(c, p, len);
		} else {
			int rc = read_packet(c, type, p, len, &frames[n]);

			ok = rc >= 0;
			n += rc > 0;
		}
		if (!ok)
			break;
		s->pos += len;
		capture_prefetch(s, &ahead);
	}
	return n;
}
