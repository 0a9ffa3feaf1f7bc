/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "capture_private.h"
#include "packet.h"

/* ---- making files ---- */

struct buf {
	uint8_t *p;
	size_t len, size;
	bool swapped; /* byte order of numbers: not the host's */
};

static void
put(struct buf *b, const void *p, size_t len)
{
	while (b->p == NULL || b->len + len > b->size) {
		b->size = b->size > 0 ? b->size * 2 : 4096;
		b->p = realloc(b->p, b->size);
		assert_non_null(b->p);
	}
	if (p != NULL)
		memcpy(b->p + b->len, p, len);
	else if (len > 0)
		memset(b->p + b->len, 0, len);
	b->len += len;
}

static void
put16(struct buf *b, uint16_t v)
{
	v = b->swapped ? __builtin_bswap16(v) : v;
	put(b, &v, sizeof(v));
}

static void
put32(struct buf *b, uint32_t v)
{
	v = b->swapped ? __builtin_bswap32(v) : v;
	put(b, &v, sizeof(v));
}

static void
put64(struct buf *b, uint64_t v)
{
	v = b->swapped ? __builtin_bswap64(v) : v;
	put(b, &v, sizeof(v));
}

static void
put_pcap(struct buf *b, uint32_t magic, uint16_t major, uint16_t minor, uint32_t linktype)
{
	put32(b, magic);
	put16(b, major);
	put16(b, minor);
	put(b, NULL, 8);
	put32(b, 0xffffffff); /* a snapshot length that means nothing */
	put32(b, linktype);
}

/* A record whose octets are all @fill. */
static void
put_record(struct buf *b, uint32_t sec, uint32_t frac, uint32_t len, uint32_t wire_len, uint8_t fill)
{
	put32(b, sec);
	put32(b, frac);
	put32(b, len);
	put32(b, wire_len);
	put(b, NULL, len);
	memset(b->p + b->len - len, fill, len);
}

static size_t
block_begin(struct buf *b, uint32_t type)
{
	put32(b, type);
	put32(b, 0);
	return b->len - 8;
}

static void
block_end(struct buf *b, size_t start)
{
	struct buf tmp = { .p = b->p + start + 4, .size = 4, .swapped = b->swapped };
	uint32_t len;

	while (b->len % 4 != 0)
		put(b, NULL, 1);
	len = (uint32_t)(b->len - start) + 4;
	tmp.p = b->p + start + 4;
	put32(&tmp, len);
	put32(b, len);
}

static void
put_section(struct buf *b)
{
	size_t at = block_begin(b, 0x0a0d0d0a);

	put32(b, 0x1a2b3c4d);
	put16(b, 1);
	put16(b, 0);
	put64(b, UINT64_MAX);
	block_end(b, at);
}

/* @tsresol < 0: without it. */
static void
put_iface(struct buf *b, uint16_t linktype, uint32_t snaplen, int tsresol, int64_t tsoffset)
{
	size_t at = block_begin(b, 1);

	put16(b, linktype);
	put16(b, 0);
	put32(b, snaplen);
	put16(b, 2); /* if_name, of a length that is padded */
	put16(b, 5);
	put(b, "eth0\0\0\0", 8);
	if (tsresol >= 0) {
		uint8_t v[4] = { (uint8_t)tsresol };

		put16(b, 9);
		put16(b, 1);
		put(b, v, 4);
	}
	if (tsoffset != 0) {
		put16(b, 14);
		put16(b, 8);
		put64(b, (uint64_t)tsoffset);
	}
	put32(b, 0);
	block_end(b, at);
}

static void
put_packet(struct buf *b, uint32_t type, uint32_t iface, uint64_t ticks, uint32_t len, uint32_t wire_len, uint8_t fill)
{
	size_t at = block_begin(b, type);

	if (type == 6) {
		put32(b, iface);
	} else {
		put16(b, (uint16_t)iface);
		put16(b, 7); /* drops */
	}
	put32(b, (uint32_t)(ticks >> 32));
	put32(b, (uint32_t)ticks);
	put32(b, len);
	put32(b, wire_len);
	put(b, NULL, len);
	memset(b->p + b->len - len, fill, len);
	block_end(b, at);
}

static void
put_simple(struct buf *b, uint32_t wire_len, uint32_t len, uint8_t fill)
{
	size_t at = block_begin(b, 3);

	put32(b, wire_len);
	put(b, NULL, len);
	memset(b->p + b->len - len, fill, len);
	block_end(b, at);
}

/* ---- reading them ---- */

enum { FRAMES_MAX = 4096, ERRORS_MAX = 8 };

struct got {
	struct capture_frame frames[FRAMES_MAX]; /* data is not valid any more */
	uint8_t first[FRAMES_MAX];		 /* octet of it, all others were the same */
	unsigned int nb;
	struct capture_error errors[ERRORS_MAX];
	unsigned int nb_errors;
	struct capture_progress progress;
};

static char dir[] = "test_capture.XXXXXX";

static char *
path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static char *
write_file(const char *name, const void *p, size_t len)
{
	char *path = path_of(name);
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_true(len == 0 || fwrite(p, 1, len, f) == len);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void
on_error(void *ctx, const struct capture_error *err)
{
	struct got *g = ctx;

	assert_true(g->nb_errors < ERRORS_MAX);
	assert_true(strlen(err->text) > 0);
	g->errors[g->nb_errors++] = *err;
}

static void
take(struct got *g, const struct capture_frame *f)
{
	uint32_t i;

	assert_true(g->nb < FRAMES_MAX);
	for (i = 1; i < f->cap_len; i++)
		assert_int_equal(f->data[i], f->data[0]);
	assert_true(f->wire_len >= f->cap_len);
	assert_int_equal(f->frame_no, g->nb + 1);
	if (g->nb > 0) {
		assert_true(f->ts_ns >= g->frames[g->nb - 1].ts_ns);
		assert_true(f->loop >= g->frames[g->nb - 1].loop);
	}
	g->first[g->nb] = f->cap_len > 0 ? f->data[0] : 0;
	g->frames[g->nb++] = *f;
}

/* Read everything, @burst frames at a time. The frames of a burst are looked at when the burst is there. */
static void
read_paths(const char *const *paths, unsigned int nb, unsigned int rounds, unsigned int burst, struct got *g)
{
	struct capture_config cfg = {
		.paths = paths, .nb_paths = nb, .rounds = rounds, .error = on_error, .error_ctx = g,
	};
	struct capture_frame frames[64];
	struct capture *c;
	unsigned int n, i;

	memset(g, 0, sizeof(*g));
	assert_int_equal(capture_open(&cfg, &c), 0);
	while ((n = capture_read(c, frames, burst)) > 0) {
		assert_true(n <= burst);
		for (i = 0; i < n; i++)
			take(g, &frames[i]);
	}
	assert_int_equal(capture_read(c, frames, burst), 0);
	capture_progress(c, &g->progress);
	capture_close(c);
}

static void
read_path(const char *path, struct got *g)
{
	read_paths(&path, 1, 1, 64, g);
}

static struct got *
read_buf(struct buf *b, struct got *g)
{
	char *path = write_file("capture", b->p, b->len);

	read_path(path, g);
	assert_int_equal(unlink(path), 0);
	free(path);
	free(b->p);
	b->p = NULL;
	b->len = b->size = 0;
	return g;
}

static void
assert_whole_error(struct buf *b, const char *text)
{
	static struct got g;

	read_buf(b, &g);
	assert_int_equal(g.nb, 0);
	assert_int_equal(g.nb_errors, 1);
	assert_true(g.errors[0].whole);
	if (strstr(g.errors[0].text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, g.errors[0].text);
}

/* ---- pcap ---- */

static void
test_pcap(void **state)
{
	static struct got g;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		bool ns = i & 1;
		struct buf b = { .swapped = i & 2 };

		put_pcap(&b, ns ? 0xa1b23c4d : 0xa1b2c3d4, 2, 4, 1);
		put_record(&b, 1700000000, 123456, 60, 60, 1);
		put_record(&b, 1700000001, 999999, 100, 1500, 2);
		put_record(&b, 1700000002, 0, 0, 0, 0);
		read_buf(&b, &g);
		assert_int_equal(g.nb_errors, 0);
		assert_int_equal(g.nb, 3);
		assert_int_equal(g.frames[0].ts_ns, 1700000000000000000 + (ns ? 123456 : 123456000));
		assert_int_equal(g.frames[0].cap_len, 60);
		assert_int_equal(g.frames[0].link, PACKET_LINK_ETHERNET);
		assert_int_equal(g.frames[0].loop, 0);
		assert_true(g.frames[0].mapped);
		assert_int_equal(g.first[0], 1);
		assert_int_equal(g.frames[1].ts_ns, 1700000001000000000 + (ns ? 999999 : 999999000));
		assert_int_equal(g.frames[1].cap_len, 100);
		assert_int_equal(g.frames[1].wire_len, 1500);
		assert_int_equal(g.first[1], 2);
		assert_int_equal(g.frames[2].cap_len, 0);
		assert_int_equal(g.progress.octets, 24 + 3 * 16 + 160);
		assert_int_equal(g.progress.octets_total, 24 + 3 * 16 + 160);
	}
}

static void
test_pcap_headers(void **state)
{
	static const struct {
		uint32_t linktype;
		int link;
	} links[] = {
		{ 1, PACKET_LINK_ETHERNET }, { 113, PACKET_LINK_SLL },	{ 276, PACKET_LINK_SLL2 },
		{ 101, PACKET_LINK_RAW },    { 228, PACKET_LINK_RAW },	{ 229, PACKET_LINK_RAW },
		{ 12, PACKET_LINK_RAW },     { 0, PACKET_LINK_NULL },	{ 108, PACKET_LINK_LOOP },
		{ 0x24000001, PACKET_LINK_ETHERNET }, /* a frame check sequence of 2 words */
		{ 0xf4000001, PACKET_LINK_ETHERNET },
	};
	static struct got g;
	struct buf b = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		put_pcap(&b, 0xa1b2c3d4, 2, 4, links[i].linktype);
		put_record(&b, 1, 0, 20, 20, 1);
		read_buf(&b, &g);
		assert_int_equal(g.nb, 1);
		assert_int_equal(g.frames[0].link, links[i].link);
	}
	/* Header alone: nothing to read, nothing wrong. */
	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	read_buf(&b, &g);
	assert_int_equal(g.nb + g.nb_errors, 0);
	/* Lengths in the old order: always up to 2.2, in some 2.3. */
	for (i = 2; i <= 3; i++) {
		put_pcap(&b, 0xa1b2c3d4, 2, (uint16_t)i, 1);
		put_record(&b, 1, 0, 20, 1000, 1);
		memcpy(b.p + 24 + 8, (uint32_t[]){ 1000, 20 }, 8);
		read_buf(&b, &g);
		assert_int_equal(g.nb, 1);
		assert_int_equal(g.nb_errors, 0);
		assert_int_equal(g.frames[0].cap_len, 20);
		assert_int_equal(g.frames[0].wire_len, 1000);
	}
	/* Captured more than was on the wire: what is there counts. */
	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 1, 0, 64, 60, 1);
	read_buf(&b, &g);
	assert_int_equal(g.frames[0].wire_len, 64);

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 105);
	put_record(&b, 1, 0, 64, 60, 1);
	assert_whole_error(&b, "link type 105");
	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1 << 16 | 1);
	assert_whole_error(&b, "link type 65537");
	put_pcap(&b, 0xa1b2c3d4, 3, 0, 1);
	assert_whole_error(&b, "version 3.0");
	put_pcap(&b, 0xa1b2cd34, 2, 4, 1);
	assert_whole_error(&b, "editcap");
	b.swapped = true;
	put_pcap(&b, 0xa1b2cd34, 2, 4, 1);
	assert_whole_error(&b, "editcap");
}

static void
test_not_captures(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *text;
	} cases[] = {
		{ "", 0, "empty" },
		{ "x", 1, "1 octets" },
		{ "\xd4\xc3\xb2", 3, "3 octets" },
		{ "\x1f\x8b\x08\0\0\0\0\0\0\0", 10, "zcat" },
		{ "\x1f\x8b", 2, "gzip" },
		{ "\x28\xb5\x2f\xfd\x24\0\0\0", 8, "zstdcat" },
		{ "\xfd" "7zXZ\0\0\0", 8, "xzcat" },
		{ "BZh91AY&SY", 10, "bzcat" },
		{ "\x04\x22\x4d\x18\x64\x40\xa7\0", 8, "lz4cat" },
		{ "snoop\0\0\0\0\0\0\2\0\0\0\4", 16, "not a capture file" },
		{ "GET / HTTP/1.0\r\n\r\n", 18, "not a capture file" },
		{ "\0\0\0\0\0\0\0\0", 8, "not a capture file" },
	};
	static struct got g;
	unsigned int i;
	char *path;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		put(&b, cases[i].octets, cases[i].len);
		assert_whole_error(&b, cases[i].text);
	}
	path = path_of("missing");
	read_path(path, &g);
	assert_int_equal(g.nb_errors, 1);
	assert_true(g.errors[0].whole);
	assert_string_equal(g.errors[0].path, path);
	assert_non_null(strstr(g.errors[0].text, "No such file"));
	free(path);
	read_path(dir, &g);
	assert_int_equal(g.nb_errors, 1);
	assert_non_null(strstr(g.errors[0].text, "directory"));
}

static void
test_unreadable(void **state)
{
	static struct got g;
	uid_t uid = geteuid();
	char *path;

	path = write_file("unreadable", "x", 1);
	assert_int_equal(chmod(path, 0), 0);
	if (uid == 0) /* who may read it all the same */
		assert_int_equal(seteuid(65534), 0);
	read_path(path, &g);
	if (uid == 0)
		assert_int_equal(seteuid(uid), 0);
	assert_int_equal(g.nb_errors, 1);
	assert_non_null(strstr(g.errors[0].text, "Permission denied"));
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
test_record_limit(void **state)
{
	static struct got g;
	struct buf b = { 0 };
	size_t bad;

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 1, 0, CAPTURE_PACKET_MAX, CAPTURE_PACKET_MAX, 3);
	bad = b.len;
	put_record(&b, 1, 0, CAPTURE_PACKET_MAX + 1, CAPTURE_PACKET_MAX + 1, 3);
	put_record(&b, 1, 0, 10, 10, 3);
	read_buf(&b, &g);
	assert_int_equal(g.nb, 1);
	assert_int_equal(g.frames[0].cap_len, CAPTURE_PACKET_MAX);
	assert_int_equal(g.nb_errors, 1);
	assert_false(g.errors[0].whole);
	assert_int_equal(g.errors[0].offset, bad);
	assert_non_null(strstr(g.errors[0].text, "262145 octets"));
}

/* ---- pcapng ---- */

static void
test_pcapng(void **state)
{
	static struct got g;
	unsigned int swapped;

	for (swapped = 0; swapped < 2; swapped++) {
		struct buf b = { .swapped = swapped };
		size_t at;

		put_section(&b);
		put_iface(&b, 1, 0, -1, 0);
		put_iface(&b, 113, 96, 9, 0);
		put_packet(&b, 6, 0, 1700000000123456, 61, 61, 1);
		at = block_begin(&b, 5); /* statistics: skipped */
		put(&b, NULL, 100);
		block_end(&b, at);
		put_packet(&b, 6, 1, 1700000000200000001, 62, 1500, 2);
		put_simple(&b, 1000, 64, 3); /* no time */
		put_packet(&b, 2, 1, 1700000000300000000, 63, 63, 4);
		put_packet(&b, 6, 0, 1600000000000000, 10, 10, 5); /* before: takes the last time */
		at = block_begin(&b, 0x0bad0bad); /* longer than what is read of a block */
		put(&b, NULL, CAPTURE_BLOCK_MAX);
		block_end(&b, at);
		/* A new section in the other byte order: its interfaces are its own. */
		b.swapped = !b.swapped;
		put_section(&b);
		put_iface(&b, 276, 30, 3, 0);
		put_packet(&b, 6, 0, 1700000001000, 11, 11, 6);
		put_simple(&b, 40, 40, 7); /* cut by the interface's snapshot length */
		read_buf(&b, &g);
		assert_int_equal(g.nb_errors, 0);
		assert_int_equal(g.nb, 7);
		assert_int_equal(g.frames[0].ts_ns, 1700000000123456000);
		assert_int_equal(g.frames[0].cap_len, 61);
		assert_int_equal(g.frames[0].link, PACKET_LINK_ETHERNET);
		assert_int_equal(g.first[0], 1);
		assert_int_equal(g.frames[1].ts_ns, 1700000000200000001);
		assert_int_equal(g.frames[1].wire_len, 1500);
		assert_int_equal(g.frames[1].link, PACKET_LINK_SLL);
		assert_int_equal(g.frames[2].ts_ns, 1700000000200000001);
		assert_int_equal(g.frames[2].cap_len, 64);
		assert_int_equal(g.frames[2].wire_len, 1000);
		assert_int_equal(g.frames[2].link, PACKET_LINK_ETHERNET);
		assert_int_equal(g.frames[3].ts_ns, 1700000000300000000);
		assert_int_equal(g.first[3], 4);
		assert_int_equal(g.frames[4].ts_ns, 1700000000300000000);
		assert_int_equal(g.frames[5].ts_ns, 1700000001000000000);
		assert_int_equal(g.frames[5].link, PACKET_LINK_SLL2);
		assert_int_equal(g.frames[6].cap_len, 30);
		assert_int_equal(g.frames[6].wire_len, 40);
		assert_int_equal(g.first[6], 7);
	}
}

static void
test_pcapng_times(void **state)
{
	static const struct {
		uint8_t tsresol;
		int64_t tsoffset;
		uint64_t ticks, ns;
	} cases[] = {
		{ 0, 0, 1700000000, 1700000000000000000 },
		{ 3, 0, 1700000000001, 1700000000001000000 },
		{ 6, 0, 1700000000000001, 1700000000000001000 },
		{ 9, 0, 1700000000000000001, 1700000000000000001 },
		{ 9, 0, UINT64_MAX, CAPTURE_TS_MAX },
		{ 12, 0, 1999999, 1999 },
		{ 28, 0, UINT64_MAX, 1 },
		{ 29, 0, UINT64_MAX, 0 },
		{ 127, 0, UINT64_MAX, 0 },
		{ 0, 0, UINT64_MAX, CAPTURE_TS_MAX },
		{ 6, 0, UINT64_MAX, CAPTURE_TS_MAX },
		{ 0x80, 0, 5, 5000000000 },
		{ 0x80 | 1, 0, 3, 1500000000 },
		{ 0x80 | 30, 0, (UINT64_C(7) << 30) + (1 << 29), 7500000000 },
		{ 0x80 | 32, 0, UINT64_MAX, 4294967295999999999 },
		{ 0x80 | 64, 0, UINT64_MAX, 999999999 },
		{ 0x80 | 127, 0, UINT64_MAX, 0 },
		{ 0x80, 0, UINT64_MAX, CAPTURE_TS_MAX },
		{ 6, 1700000000, 1, 1700000000000001000 },
		{ 6, -1, 1500000, 500000000 },
		{ 6, -2, 1500000, 0 },
		{ 6, INT64_MAX, UINT64_MAX, CAPTURE_TS_MAX },
		{ 6, INT64_MIN, UINT64_MAX, 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct got g;
		struct buf b = { .swapped = i & 1 };

		put_section(&b);
		put_iface(&b, 1, 0, cases[i].tsresol, cases[i].tsoffset);
		put_packet(&b, 6, 0, cases[i].ticks, 10, 10, 1);
		read_buf(&b, &g);
		assert_int_equal(g.nb, 1);
		assert_int_equal(g.frames[0].ts_ns, cases[i].ns);
	}
}

static void
test_pcapng_skipped(void **state)
{
	static struct got g;
	struct buf b = { 0 };
	size_t at;

	put_section(&b);
	put_iface(&b, 1, 0, -1, 0);
	put_iface(&b, 105, 0, -1, 0);
	put_packet(&b, 6, 0, 1, 10, 10, 1);
	at = b.len;
	put_packet(&b, 6, 1, 2, 10, 10, 2);
	put_packet(&b, 6, 0, 3, 10, 10, 3);
	put_packet(&b, 6, 1, 4, 10, 10, 4);
	read_buf(&b, &g);
	assert_int_equal(g.nb, 2);
	assert_int_equal(g.first[1], 3);
	assert_int_equal(g.nb_errors, 1);
	assert_false(g.errors[0].whole);
	assert_int_equal(g.errors[0].offset, at);
	assert_non_null(strstr(g.errors[0].text, "2 packets of link type 105"));

	/* Nothing but such: the file as a whole. */
	put_section(&b);
	put_iface(&b, 105, 0, -1, 0);
	put_packet(&b, 6, 0, 2, 10, 10, 2);
	assert_whole_error(&b, "link type 105");

	/* Described, but without packets: nothing is lost. */
	put_section(&b);
	put_iface(&b, 105, 0, -1, 0);
	read_buf(&b, &g);
	assert_int_equal(g.nb + g.nb_errors, 0);

	/* Damaged as well: one report says both. */
	put_section(&b);
	put_iface(&b, 1, 0, -1, 0);
	put_iface(&b, 105, 0, -1, 0);
	put_packet(&b, 6, 0, 1, 10, 10, 1);
	put_packet(&b, 6, 1, 2, 10, 10, 2);
	at = b.len;
	put32(&b, 6);
	read_buf(&b, &g);
	assert_int_equal(g.nb, 1);
	assert_int_equal(g.nb_errors, 1);
	assert_int_equal(g.errors[0].offset, at);
	assert_non_null(strstr(g.errors[0].text, "8 octets are missing"));
	assert_non_null(strstr(g.errors[0].text, "1 packets of link type 105"));
}

static void
test_pcapng_damaged(void **state)
{
	enum { NB = 10 };
	static struct got g;
	unsigned int i;

	for (i = 0; i < NB; i++) {
		struct buf b = { .swapped = i & 1 };
		struct buf edit;
		size_t at;

		put_section(&b);
		put_iface(&b, 1, 0, -1, 0);
		put_packet(&b, 6, 0, 1, 10, 10, 1);
		at = b.len;
		put_packet(&b, 6, 0, 2, 12, 12, 2);
		put_packet(&b, 6, 0, 3, 10, 10, 3);
		edit = (struct buf){ .p = b.p + at, .size = 64, .swapped = b.swapped };
		switch (i) {
		case 0: /* length no multiple of 4 */
			edit.len = 4;
			put32(&edit, 45);
			break;
		case 1:
			edit.len = 4;
			put32(&edit, 8);
			break;
		case 2: /* the second length differs */
			edit.len = 40;
			put32(&edit, 48);
			break;
		case 3: /* longer than any packet block */
			edit.len = 4;
			put32(&edit, CAPTURE_BLOCK_MAX + 4);
			break;
		case 4: /* an interface that is not there */
			edit.len = 8;
			put32(&edit, 1);
			break;
		case 5: /* more octets than the block has */
			edit.len = 20;
			put32(&edit, 13);
			break;
		case 6:
			edit.len = 20;
			put32(&edit, UINT32_MAX);
			break;
		case 7: /* too short for what it is */
			edit.len = 0;
			put32(&edit, 6);
			put32(&edit, 28);
			edit.len = 24;
			put32(&edit, 28);
			break;
		case 8: /* a section without byte order */
			edit.len = 0;
			put32(&edit, 0x0a0d0d0a);
			break;
		case 9: /* a block that is skipped, beyond the end */
			edit.len = 0;
			put32(&edit, 4);
			put32(&edit, 0xfffffff0);
			break;
		}
		read_buf(&b, &g);
		assert_int_equal(g.nb, 1);
		assert_int_equal(g.nb_errors, 1);
		assert_false(g.errors[0].whole);
		assert_int_equal(g.errors[0].offset, at);
	}
	for (i = 0; i < 3; i++) {
		struct buf b = { 0 };

		put_section(&b);
		if (i == 0)
			b.p[8] = 0; /* byte order magic */
		else if (i == 1)
			b.p[12] = 2; /* version */
		else
			b.p[4] = 24; /* length */
		assert_whole_error(&b, i == 0 ? "byte order" : i == 1 ? "version 2.0" : "");
	}
}

/* ---- cut files ---- */

/* @ends[k]: octets of the file up to the end of packet k - 1; ends[0]: of what stands before the first one. */
static void
cut_everywhere(const struct buf *b, const size_t *ends, unsigned int nb, size_t header_len)
{
	static struct got g;
	size_t cut;

	for (cut = 1; cut <= b->len; cut++) {
		char *path = write_file("cut", b->p, cut);
		unsigned int want = 0, i;
		size_t record = 0;

		for (i = 0; i <= nb; i++)
			if (cut >= ends[i]) {
				want = i;
				record = ends[i];
			}
		read_path(path, &g);
		assert_int_equal(g.nb, want);
		if (cut == record || cut == header_len) {
			assert_int_equal(g.nb_errors, 0);
		} else {
			assert_int_equal(g.nb_errors, 1);
			assert_int_equal(g.errors[0].whole, cut < header_len);
			if (cut > ends[0])
				assert_int_equal(g.errors[0].offset, record);
			if (cut >= 8)
				assert_non_null(strstr(g.errors[0].text, "missing"));
		}
		free(path);
	}
}

static void
test_cut_pcap(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct buf b = { .swapped = i };
		size_t ends[4];

		put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
		ends[0] = b.len;
		put_record(&b, 1, 0, 60, 60, 1);
		ends[1] = b.len;
		put_record(&b, 2, 0, 61, 61, 2);
		ends[2] = b.len;
		put_record(&b, 3, 0, 62, 62, 3);
		ends[3] = b.len;
		cut_everywhere(&b, ends, 3, 24);
		free(b.p);
	}
}

static void
test_cut_pcapng(void **state)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct buf b = { .swapped = i };
		size_t ends[4], section;

		put_section(&b);
		section = b.len;
		put_iface(&b, 1, 0, 9, 0);
		ends[0] = b.len;
		put_packet(&b, 6, 0, 1, 60, 60, 1);
		ends[1] = b.len;
		put_simple(&b, 61, 61, 2);
		ends[2] = b.len;
		put_packet(&b, 2, 0, 3, 62, 62, 3);
		ends[3] = b.len;
		cut_everywhere(&b, ends, 3, section);
		free(b.p);
	}
}

/* What octets are missing is said, from the header of the packet on. */
static void
test_cut_text(void **state)
{
	static struct got g;
	struct buf b = { 0 };

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 1, 0, 60, 60, 1);
	b.len -= 7;
	read_buf(&b, &g);
	assert_int_equal(g.errors[0].offset, 24);
	assert_non_null(strstr(g.errors[0].text, "inside a packet: 7 octets are missing"));
	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put(&b, NULL, 15);
	read_buf(&b, &g);
	assert_int_equal(g.errors[0].offset, 24);
	assert_non_null(strstr(g.errors[0].text, "1 octets are missing"));
}

/* ---- streams ---- */

/* A child writes @b into @fd, in pieces of odd sizes. */
static pid_t
write_in_child(const struct buf *b, int fd, const char *path)
{
	pid_t pid = fork();
	size_t off = 0, step = 1;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (path != NULL)
		fd = open(path, O_WRONLY);
	while (fd >= 0 && off < b->len) {
		size_t len = step < b->len - off ? step : b->len - off;
		ssize_t n = write(fd, b->p + off, len);

		if (n <= 0)
			_exit(1);
		off += (size_t)n;
		step = step * 3 % 100003 + 1;
	}
	_exit(fd < 0);
}

static void
wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Several times the buffer, with frames of all sizes up to the largest. */
static unsigned int
put_many(struct buf *b, bool ng)
{
	static const uint32_t sizes[] = { 60, 1514, 0, 9000, CAPTURE_PACKET_MAX, 64, 262143, 1, 65535 };
	unsigned int i, nb = 150;

	if (ng) {
		put_section(b);
		put_iface(b, 1, 0, -1, 0);
	} else {
		put_pcap(b, 0xa1b2c3d4, 2, 4, 1);
	}
	for (i = 0; i < nb; i++) {
		uint32_t len = sizes[i % (sizeof(sizes) / sizeof(sizes[0]))];

		if (ng && i % 40 == 20) {
			size_t at = block_begin(b, 0x0bad0bad);

			put(b, NULL, 3 * CAPTURE_BUF_SIZE);
			block_end(b, at);
		}
		if (ng)
			put_packet(b, 6, 0, i, len, len, (uint8_t)i);
		else
			put_record(b, i, 0, len, len, (uint8_t)i);
	}
	return nb;
}

static void
test_fifo(void **state)
{
	static struct got g, mapped;
	unsigned int i, k;

	for (i = 0; i < 2; i++) {
		char *path = path_of("fifo"), *file;
		struct buf b = { 0 };
		unsigned int nb = put_many(&b, i);
		pid_t pid;

		file = write_file("file", b.p, b.len);
		read_path(file, &mapped);
		assert_int_equal(mapped.nb, nb);

		assert_int_equal(mkfifo(path, 0600), 0);
		pid = write_in_child(&b, -1, path);
		read_path(path, &g);
		wait_for(pid);
		assert_int_equal(g.nb_errors, 0);
		assert_int_equal(g.nb, nb);
		assert_int_equal(g.progress.octets, b.len);
		assert_int_equal(g.progress.octets_total, 0);
		for (k = 0; k < nb; k++) {
			assert_false(g.frames[k].mapped);
			assert_int_equal(g.frames[k].cap_len, mapped.frames[k].cap_len);
			assert_int_equal(g.frames[k].ts_ns, mapped.frames[k].ts_ns);
			assert_int_equal(g.first[k], mapped.first[k]);
			assert_true(mapped.frames[k].mapped);
		}
		/* Cut in the last packet. */
		b.len -= 5;
		pid = write_in_child(&b, -1, path);
		read_path(path, &g);
		wait_for(pid);
		assert_int_equal(g.nb, nb - 1);
		assert_int_equal(g.nb_errors, 1);
		assert_non_null(strstr(g.errors[0].text, "5 octets are missing"));
		assert_false(g.errors[0].whole);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(unlink(file), 0);
		free(path);
		free(file);
		free(b.p);
	}
}

/* Two streams and a file between them, in two rounds: streams come in the first only. */
static void
test_stdin(void **state)
{
	static struct got g;
	struct buf b = { 0 }, b2 = { 0 };
	const char *paths[3] = { "-" };
	int saved = dup(STDIN_FILENO), fds[2], fd;
	pid_t pid, pid2;
	char *file, *fifo = path_of("fifo");

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 10, 0, 60, 60, 1);
	put_record(&b, 11, 0, 60, 60, 2);
	file = write_file("file", b.p, b.len);
	put_pcap(&b2, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b2, 5, 0, 70, 70, 3);

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[0], STDIN_FILENO) >= 0);
	pid = write_in_child(&b, fds[1], NULL);
	close(fds[0]);
	close(fds[1]);
	pid2 = write_in_child(&b2, -1, fifo);
	paths[1] = file;
	paths[2] = fifo;
	read_paths(paths, 3, 2, 64, &g);
	wait_for(pid);
	wait_for(pid2);
	assert_int_equal(g.nb_errors, 0);
	assert_int_equal(g.nb, 7);
	assert_int_equal(g.first[4], 3);
	assert_int_equal(g.frames[4].loop, 0);
	assert_int_equal(g.frames[5].loop, 1);
	assert_true(g.frames[5].mapped);
	assert_int_equal(g.progress.octets_total, 0);

	/* A file as standard input is a file like others. */
	fd = open(file, O_RDONLY);
	assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) >= 0);
	read_paths(paths, 1, 2, 64, &g);
	assert_int_equal(g.nb, 4);
	assert_true(g.frames[0].mapped);
	assert_int_equal(g.progress.octets_total, 2 * b.len);
	assert_int_equal(g.progress.octets, 2 * b.len);

	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
	close(fd);
	unlink(file);
	unlink(fifo);
	free(file);
	free(fifo);
	free(b.p);
	free(b2.p);
}

/* ---- several files, rounds, the clock ---- */

static void
test_rounds(void **state)
{
	static const uint64_t s = 1000000000;
	static struct got g;
	struct buf b = { 0 };
	char *first, *second, *missing = path_of("missing"), *bad;
	const char *paths[4];
	unsigned int i, burst;

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 100, 0, 60, 60, 1);
	put_record(&b, 99, 0, 60, 60, 2); /* backwards */
	put_record(&b, 103, 0, 60, 60, 3);
	first = write_file("first", b.p, b.len);
	b.len = 0;
	put_section(&b);
	put_iface(&b, 1, 0, -1, 0);
	put_simple(&b, 60, 60, 4);
	put_packet(&b, 6, 0, 50000000, 60, 60, 5); /* before the first file */
	put_packet(&b, 6, 0, 110000000, 60, 60, 6);
	second = write_file("second", b.p, b.len);
	b.len = 0;
	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	put_record(&b, 111, 0, 60, 60, 7);
	put(&b, NULL, 3);
	bad = write_file("bad", b.p, b.len);
	paths[0] = first;
	paths[1] = missing;
	paths[2] = second;
	paths[3] = bad;
	for (burst = 1; burst <= 64; burst += 63) {
		read_paths(paths, 4, 3, burst, &g);
		assert_int_equal(g.nb, 21);
		assert_int_equal(g.nb_errors, 2); /* once, not once a round */
		assert_string_equal(g.errors[0].path, missing);
		assert_true(g.errors[0].whole);
		assert_string_equal(g.errors[1].path, bad);
		assert_int_equal(g.errors[1].offset, 24 + 76);
		for (i = 0; i < g.nb; i++) {
			static const uint64_t times[] = { 100, 100, 103, 103, 103, 110, 111 };
			/* 11 s and a microsecond a round */
			uint64_t want = times[i % 7] * s + i / 7 * (11 * s + 1000);

			assert_int_equal(g.first[i], i % 7 + 1);
			assert_int_equal(g.frames[i].loop, i / 7);
			assert_int_equal(g.frames[i].ts_ns, want);
		}
		assert_int_equal(g.progress.octets, g.progress.octets_total);
	}
	/* Nothing in any round: it ends all the same. */
	read_paths(&paths[1], 1, UINT32_MAX, 64, &g);
	assert_int_equal(g.nb, 0);
	assert_int_equal(g.nb_errors, 1);
	unlink(first);
	unlink(second);
	unlink(bad);
	free(first);
	free(second);
	free(bad);
	free(missing);
	free(b.p);
}

static void
test_config(void **state)
{
	const char *path = "x";
	struct capture_config cfg = { .paths = &path, .nb_paths = 0, .rounds = 1 };
	struct capture *c;

	assert_true(capture_open(&cfg, &c) < 0);
	cfg.nb_paths = 1;
	cfg.rounds = 0;
	assert_true(capture_open(&cfg, &c) < 0);
	capture_close(NULL);
}

/* ---- large files ---- */

enum { SPARSE_RECORDS = 600 };

/* A file of records of the largest size, of which only the headers take room on the disk. */
static char *
write_sparse(void)
{
	struct buf b = { 0 };
	char *path;
	int fd;
	unsigned int i;
	off_t off = 24;

	put_pcap(&b, 0xa1b2c3d4, 2, 4, 1);
	path = write_file("sparse", b.p, b.len);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (i = 0; i < SPARSE_RECORDS; i++, off += 16 + CAPTURE_PACKET_MAX) {
		b.len = 0;
		put_record(&b, i, 0, 0, CAPTURE_PACKET_MAX, 0);
		memcpy(b.p + 8, &(uint32_t){ CAPTURE_PACKET_MAX }, 4);
		assert_int_equal(pwrite(fd, b.p, 16, off), 16);
	}
	assert_int_equal(ftruncate(fd, off), 0);
	close(fd);
	free(b.p);
	return path;
}

/* Octets of files that this process has mapped and in memory. */
static size_t
mapped_octets(void)
{
	unsigned long size, resident, shared = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu %lu", &size, &resident, &shared), 3);
	fclose(f);
	return shared * (size_t)sysconf(_SC_PAGESIZE);
}

/* A file larger than memory must not fill it; frames given out long ago are still there. */
static void
test_memory(void **state)
{
	static struct got g;
	char *path = write_sparse();
	const char *paths[1] = { path };
	struct capture_config cfg = { .paths = paths, .nb_paths = 1, .rounds = 1, .error = on_error, .error_ctx = &g };
	struct capture_frame frames[8], first = { 0 };
	size_t before = mapped_octets(), most = 0;
	unsigned int n, i, nb = 0;
	struct capture *c;

	assert_int_equal(capture_open(&cfg, &c), 0);
	while ((n = capture_read(c, frames, 8)) > 0) {
		size_t now;

		if (nb == 0)
			first = frames[0];
		for (i = 0; i < n; i++)
			assert_int_equal(frames[i].data[frames[i].cap_len - 1], 0);
		nb += n;
		now = mapped_octets();
		most = now > most ? now : most;
	}
	assert_int_equal(nb, SPARSE_RECORDS);
	assert_true(most - before > 8 << 20); /* else it measures nothing */
	assert_true(most - before < 48 << 20);
	for (i = 0; i < first.cap_len; i += 4096)
		assert_int_equal(first.data[i], 0);
	capture_close(c);
	unlink(path);
	free(path);
}

static void
test_shrunk(void **state)
{
	static struct got g;
	char *path = write_sparse();
	const char *paths[1] = { path };
	struct capture_config cfg = { .paths = paths, .nb_paths = 1, .rounds = 1, .error = on_error, .error_ctx = &g };
	struct capture_frame frames[1];
	unsigned int nb = 0;
	struct capture *c;

	memset(&g, 0, sizeof(g));
	assert_int_equal(capture_open(&cfg, &c), 0);
	while (capture_read(c, frames, 1) > 0)
		if (++nb == 1)
			assert_int_equal(truncate(path, 10 << 20), 0);
	assert_int_equal(nb, ((10 << 20) - 24) / (CAPTURE_PACKET_MAX + 16));
	assert_int_equal(g.nb_errors, 1);
	assert_false(g.errors[0].whole);
	assert_int_equal(g.errors[0].offset, 24 + (uint64_t)nb * (CAPTURE_PACKET_MAX + 16));
	assert_non_null(strstr(g.errors[0].text, "became shorter"));
	capture_close(c);
	unlink(path);
	free(path);
}

static int
setup(void **state)
{
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const left[] = { "cut" };
	unsigned int i;

	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		char *path = path_of(left[i]);

		unlink(path);
		free(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap),	       cmocka_unit_test(test_pcap_headers),
		cmocka_unit_test(test_not_captures),   cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_record_limit),   cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_pcapng_times),   cmocka_unit_test(test_pcapng_skipped),
		cmocka_unit_test(test_pcapng_damaged), cmocka_unit_test(test_cut_pcap),
		cmocka_unit_test(test_cut_pcapng),     cmocka_unit_test(test_cut_text),
		cmocka_unit_test(test_fifo),	       cmocka_unit_test(test_stdin),
		cmocka_unit_test(test_rounds),	       cmocka_unit_test(test_config),
		cmocka_unit_test(test_memory),	       cmocka_unit_test(test_shrunk),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
