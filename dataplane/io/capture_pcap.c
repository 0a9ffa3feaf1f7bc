/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture_pcap - classic pcap files
 *
 * Source:    draft-ietf-opsawg-pcap; the oddities of old files as libpcap reads them (sf-pcap.c).
 */
#include "capture_private.h"
#include "packet.h"

enum {
	FILE_HEADER_LEN = 24,
	RECORD_HEADER_LEN = 16,
	/* Above it: presence and length of a frame check sequence, which the IP length excludes anyway. */
	LINKTYPE_MASK = 0x03ffffff,
};
#define MAGIC_US UINT32_C(0xa1b2c3d4)
#define MAGIC_NS UINT32_C(0xa1b23c4d)

bool
capture_pcap_begin(struct capture *c)
{
	struct capture_source *s = &c->src;
	struct capture_pcap *h = &c->pcap;
	uint32_t magic = capture_u32(s->data + s->pos, false), linktype;
	uint16_t major;
	int link;

	h->swapped = magic != MAGIC_US && magic != MAGIC_NS;
	h->nanoseconds = (h->swapped ? __builtin_bswap32(magic) : magic) == MAGIC_NS;
	if (capture_need(s, FILE_HEADER_LEN, false) != CAPTURE_NEED_OK) {
		capture_fail_cut(c, true, 0, FILE_HEADER_LEN - (s->len - s->pos), "the file header");
		return false;
	}
	major = capture_u16(s->data + s->pos + 4, h->swapped);
	h->version_minor = capture_u16(s->data + s->pos + 6, h->swapped);
	linktype = capture_u32(s->data + s->pos + 20, h->swapped) & LINKTYPE_MASK;
	if (major != 2) {
		capture_fail(c, true, 4, "pcap version %u.%u is not known (only 2.x)", major, h->version_minor);
		return false;
	}
	link = packet_link_from_pcap(linktype);
	if (link < 0) {
		capture_fail(c, true, 20, "link type %u cannot be read%s", linktype, capture_links_text);
		return false;
	}
	h->link = (uint8_t)link;
	s->pos += FILE_HEADER_LEN;
	return true;
}

unsigned int
capture_pcap_read(struct capture *c, struct capture_frame *frames, unsigned int max)
{
	struct capture_source *s = &c->src;
	const struct capture_pcap h = c->pcap;
	const uint8_t *ahead = NULL;
	unsigned int n;

	for (n = 0; n < max; n++) {
		uint32_t sec, frac, cap_len, wire_len;
		enum capture_need need;
		const uint8_t *p;
		uint64_t ns;

		need = capture_need(s, RECORD_HEADER_LEN, n > 0);
		if (need == CAPTURE_NEED_LATER)
			break;
		if (need == CAPTURE_NEED_END) {
			c->file_over = true;
			if (s->len > s->pos || s->io_errno != 0 || s->shrunk)
				capture_fail_cut(c, false, capture_here(s), RECORD_HEADER_LEN - (s->len - s->pos),
						 "the header of a packet");
			break;
		}
		p = s->data + s->pos;
		sec = capture_u32(p, h.swapped);
		frac = capture_u32(p + 4, h.swapped);
		cap_len = capture_u32(p + 8, h.swapped);
		wire_len = capture_u32(p + 12, h.swapped);
		/* Both lengths changed places in version 2.3, but not in all that say so. */
		if (h.version_minor < 3 || (h.version_minor == 3 && cap_len > wire_len)) {
			uint32_t tmp = cap_len;

			cap_len = wire_len;
			wire_len = tmp;
		}
		if (cap_len > CAPTURE_PACKET_MAX) {
			capture_fail(c, false, capture_here(s),
				     "a packet says that it has %u octets (at most %u can be right): the file is "
				     "damaged from here on", cap_len, (unsigned int)CAPTURE_PACKET_MAX);
			break;
		}
		need = capture_need(s, (size_t)RECORD_HEADER_LEN + cap_len, n > 0);
		if (need == CAPTURE_NEED_LATER)
			break;
		if (need == CAPTURE_NEED_END) {
			capture_fail_cut(c, false, capture_here(s),
					 RECORD_HEADER_LEN + (uint64_t)cap_len - (s->len - s->pos), "a packet");
			break;
		}
		p = s->data + s->pos + RECORD_HEADER_LEN;
		s->pos += (size_t)RECORD_HEADER_LEN + cap_len;
		capture_prefetch(s, &ahead);
		ns = (uint64_t)sec * 1000000000 + (uint64_t)frac * (h.nanoseconds ? 1 : 1000);
		capture_frame_set(c, &frames[n], p, cap_len, wire_len, capture_clock(c, ns), h.link);
	}
	return n;
}
