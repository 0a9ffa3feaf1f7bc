/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture_private - what the parts of the capture reader share
 *
 *              capture.c          files, rounds, errors, the clock
 *                 |  \
 *                 |   capture_pcap.c, capture_pcapng.c   one burst of frames out of the source
 *                 |        |
 *              capture_source.c   octets of a file: mapped, or streamed through a buffer
 */
#ifndef POSTERN_CAPTURE_PRIVATE_H
#define POSTERN_CAPTURE_PRIVATE_H

#include <string.h>
#include <sys/types.h>

#include "capture.h"

enum {
	CAPTURE_PACKET_MAX = 262144,	   /* captured octets of one packet: MAXIMUM_SNAPLEN of libpcap */
	CAPTURE_BLOCK_MAX = 1024 * 1024,   /* pcapng blocks that are read; others are skipped, of any length */
	CAPTURE_BUF_SIZE = 2 * CAPTURE_BLOCK_MAX, /* of a stream: any block or record fits in */
	CAPTURE_IFACES_MAX = 65536,	   /* of one pcapng section */
};
#define CAPTURE_TS_MAX ((uint64_t)INT64_MAX) /* year 2262; later times are taken for it */

/*
 * The octets of the file that is being read. A stream has a window of them, which moves only while no frame in it is
 * in the hands of the caller.
 */
struct capture_source {
	const uint8_t *data; /* octet @offset of the file */
	size_t pos, len;     /* of data: read so far, present */
	uint64_t offset;
	int fd;
	bool mapped;
	bool at_end;  /* there is nothing behind len */
	bool shrunk;  /* the file became shorter while it was read */
	int io_errno; /* reading failed: that is why it ended */
	size_t populated, released; /* mapped: pages fetched up to here, given back up to here */
	uint8_t *buf; /* stream: CAPTURE_BUF_SIZE octets, kept for the next one */
	bool (*interrupted)(void *ctx);
	void *ctx;
};

enum capture_need {
	CAPTURE_NEED_OK,
	CAPTURE_NEED_LATER, /* frames given out are in the way: hand them over first */
	CAPTURE_NEED_END,
};

/* Maps [0, @size) of @fd; -errno. */
int capture_source_map(struct capture_source *s, const uint8_t *map, size_t size, int fd);
/* Begins a stream; -ENOMEM. */
int capture_source_stream(struct capture_source *s, int fd);
/* Once per burst on a mapped file: fetch the pages ahead, let those far behind go, see whether the file shrank. */
void capture_source_window(struct capture_source *s);
/* The slow half of capture_need(). */
enum capture_need capture_source_fill(struct capture_source *s, size_t n, bool pinned);

static inline enum capture_need
capture_need(struct capture_source *s, size_t n, bool pinned)
{
	return s->len - s->pos >= n ? CAPTURE_NEED_OK : capture_source_fill(s, n, pinned);
}

struct capture_iface {
	int32_t link; /* enum packet_link, -1: cannot be read */
	uint32_t linktype;
	uint32_t snaplen;
	uint8_t tsresol; /* if_tsresol as in the file */
	int64_t tsoffset;
};

struct capture_pcap {
	bool swapped, nanoseconds;
	uint16_t version_minor;
	uint8_t link;
};

struct capture_pcapng {
	bool swapped;
	struct capture_iface *ifaces; /* of the current section; memory kept */
	uint32_t nb_ifaces, max_ifaces;
	uint64_t skip_left, skip_offset; /* of a block that is skipped: octets to go, where it began */
	uint64_t skipped;	  /* packets of interfaces that cannot be read */
	uint64_t skipped_offset;  /* of the first */
	uint32_t skipped_linktype; /* of the first */
};

/* One path of the run. */
struct capture_file {
	const uint8_t *map; /* NULL: not mapped (yet) */
	size_t map_len;
	dev_t dev;
	ino_t ino;
	uint64_t size;	 /* for progress; 0: a stream */
	bool is_stream;	 /* or cannot be read: not again in the next round */
	bool is_reported;
};

struct capture {
	/* read and written per frame */
	uint64_t frame_no;
	uint64_t last_ns;
	uint64_t shift_ns;
	bool shift_known; /* false: the next time in a file begins this round */
	uint32_t round;
	struct capture_source src;
	unsigned int (*read)(struct capture *c, struct capture_frame *frames, unsigned int max);
	struct capture_pcap pcap;
	struct capture_pcapng ng;

	struct capture_config cfg;
	struct capture_file *files;
	unsigned int file_idx; /* the one that is open, or comes next */
	bool is_open, is_over;
	bool file_over;	      /* set by read(): nothing more comes out of this file */
	uint64_t file_frame_no; /* frame_no when it was begun */
	uint64_t round_frame_no;
	uint64_t done_octets; /* of files before this one */
	uint64_t total_octets;
};

/* Both set c->file_over; @offset in the file. The second one words what capture_need() says about octets missing. */
void capture_fail(struct capture *c, bool whole, uint64_t offset, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void capture_fail_cut(struct capture *c, bool whole, uint64_t offset, uint64_t missing, const char *what);
/* " (we read link types ...)" */
extern const char capture_links_text[];

/* The file header was seen to be of this kind (4 octets are there). False: failed. */
bool capture_pcap_begin(struct capture *c);
bool capture_pcapng_begin(struct capture *c);
unsigned int capture_pcap_read(struct capture *c, struct capture_frame *frames, unsigned int max);
unsigned int capture_pcapng_read(struct capture *c, struct capture_frame *frames, unsigned int max);
/* Ticks of @iface since 1970 as nanoseconds, within [0, CAPTURE_TS_MAX]. */
uint64_t capture_pcapng_ns(const struct capture_iface *iface, uint64_t ticks);

static inline uint64_t
capture_here(const struct capture_source *s)
{
	return s->offset + s->pos;
}

/*
 * The length of each record or block stands in its header, so that finding the next one waits for memory each time.
 * Fetching the lines in between ahead lets these waits overlap; they are the lines that inspection needs next. Measured
 * with every octet summed, 670 a frame: 325 ns per frame without, 200 ns with; 2 to 16 KiB ahead make no difference.
 */
static inline void
capture_prefetch(const struct capture_source *s, const uint8_t **ahead)
{
	enum { AHEAD_OCTETS = 4096, LINE_OCTETS = 64 };
	const uint8_t *p = s->data + s->pos, *end = s->data + s->len;
	const uint8_t *to = end - p > AHEAD_OCTETS ? p + AHEAD_OCTETS : end;

	for (p = *ahead > p ? *ahead : p; p < to; p += LINE_OCTETS)
		__builtin_prefetch(p);
	*ahead = p;
}

static inline uint16_t
capture_u16(const uint8_t *p, bool swapped)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t
capture_u32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

/* The first time of round k > 0 comes 1 us after the last one of round k - 1; the others keep their distance. */
static inline uint64_t
capture_clock(struct capture *c, uint64_t ns)
{
	if (!c->shift_known) {
		c->shift_known = true;
		c->shift_ns = c->last_ns + 1000 > ns ? c->last_ns + 1000 - ns : 0;
	}
	ns += c->shift_ns;
	if (ns > CAPTURE_TS_MAX)
		ns = CAPTURE_TS_MAX;
	if (ns > c->last_ns)
		c->last_ns = ns;
	return c->last_ns;
}

static inline void
capture_frame_set(struct capture *c, struct capture_frame *f, const uint8_t *data, uint32_t cap_len, uint32_t wire_len,
		  uint64_t ts_ns, uint8_t link)
{
	f->data = data;
	f->ts_ns = ts_ns;
	f->frame_no = ++c->frame_no;
	f->cap_len = cap_len;
	f->wire_len = wire_len > cap_len ? wire_len : cap_len;
	f->loop = c->round;
	f->link = link;
	f->mapped = c->src.mapped;
}

#endif
