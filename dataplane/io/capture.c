/* SPDX-License-Identifier: BSD-3-Clause */
/* capture - files one after the other, rounds, errors; see capture_private.h for the parts */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_private.h"

const char capture_links_text[] = "; the ones that can are 1 (Ethernet), 113 and 276 (Linux cooked), 12, 14, 101, 228 "
				  "and 229 (raw IP), 0 and 108 (loopback)";

static void __attribute__((format(printf, 4, 0)))
report(struct capture *c, bool whole, uint64_t offset, const char *fmt, va_list ap)
{
	struct capture_file *file = &c->files[c->file_idx];
	struct capture_error err = { .path = c->cfg.paths[c->file_idx], .offset = offset, .whole = whole };
	int len;

	c->file_over = true;
	if (file->is_reported)
		return;
	file->is_reported = true;
	len = vsnprintf(err.text, sizeof(err.text), fmt, ap);
	if (c->ng.skipped > 0 && c->read == capture_pcapng_read && len >= 0 && (size_t)len < sizeof(err.text))
		snprintf(err.text + len, sizeof(err.text) - (size_t)len,
			 "; before that, %llu packets of link type %u were skipped", (unsigned long long)c->ng.skipped,
			 c->ng.skipped_linktype);
	c->ng.skipped = 0;
	if (c->cfg.error != NULL)
		c->cfg.error(c->cfg.error_ctx, &err);
}

void
capture_fail(struct capture *c, bool whole, uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(c, whole, offset, fmt, ap);
	va_end(ap);
}

void
capture_fail_cut(struct capture *c, bool whole, uint64_t offset, uint64_t missing, const char *what)
{
	const struct capture_source *s = &c->src;

	if (s->io_errno == EINTR)
		capture_fail(c, whole, offset, "reading was stopped");
	else if (s->io_errno != 0)
		capture_fail(c, whole, offset, "reading failed: %s", strerror(s->io_errno));
	else if (s->shrunk)
		capture_fail(c, whole, offset, "the file became shorter while it was read");
	else
		capture_fail(c, whole, offset, "the file ends inside %s: %llu octets are missing", what,
			     (unsigned long long)missing);
}

/* What the file is, from its first octets. False: failed. */
static bool
begin_format(struct capture *c)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *name, *unpack;
	} packed[] = {
		{ "\x1f\x8b", 2, "gzip", "zcat" },
		{ "\x28\xb5\x2f\xfd", 4, "zstd", "zstdcat" },
		{ "\xfd" "7zXZ", 5, "xz", "xzcat" },
		{ "BZh", 3, "bzip2", "bzcat" },
		{ "\x04\x22\x4d\x18", 4, "lz4", "lz4cat" },
	};
	struct capture_source *s = &c->src;
	enum capture_need need = capture_need(s, 8, false);
	const uint8_t *p = s->data + s->pos;
	size_t len = s->len - s->pos, i;
	uint32_t magic;

	if (len == 0) {
		if (s->io_errno != 0 || s->shrunk)
			capture_fail_cut(c, true, 0, 0, "");
		else
			capture_fail(c, true, 0, "the file is empty");
		return false;
	}
	for (i = 0; i < sizeof(packed) / sizeof(packed[0]); i++)
		if (len >= packed[i].len && memcmp(p, packed[i].magic, packed[i].len) == 0) {
			capture_fail(c, true, 0, "compressed with %s: unpack it first (%s FILE | postern replay -)",
				     packed[i].name, packed[i].unpack);
			return false;
		}
	if (need == CAPTURE_NEED_END && len < 4) {
		capture_fail(c, true, 0, "not a capture file: it has %zu octets only", len);
		return false;
	}
	magic = capture_u32(p, false);
	if (magic == 0x0a0d0d0a) {
		c->read = capture_pcapng_read;
		return capture_pcapng_begin(c);
	}
	if (magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d || magic == 0x4d3cb2a1) {
		c->read = capture_pcap_read;
		return capture_pcap_begin(c);
	}
	if (magic == 0xa1b2cd34 || magic == 0x34cdb2a1)
		capture_fail(c, true, 0,
			     "a \"modified\" pcap file: convert it first (editcap FILE - | postern replay -)");
	else
		capture_fail(c, true, 0, "not a capture file: neither pcap nor pcapng (editcap converts other kinds)");
	return false;
}

/* Open or reuse the mapping of a regular file. 0, or -errno: it cannot be mapped. */
static int
begin_map(struct capture *c, int fd, const struct stat *st)
{
	struct capture_file *file = &c->files[c->file_idx];

	if (file->map == NULL) {
		void *map = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (map == MAP_FAILED)
			return -errno;
		madvise(map, (size_t)st->st_size, MADV_SEQUENTIAL);
		file->map = map;
		file->map_len = (size_t)st->st_size;
		file->dev = st->st_dev;
		file->ino = st->st_ino;
	}
	return capture_source_map(&c->src, file->map, file->map_len, fd);
}

static int
open_path(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : -1;

	if (strcmp(path, "-") == 0)
		return fd < 0 ? -errno : fd;
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Begin the file at file_idx. False: it gives nothing (reported), or is not read in this round. */
static bool
begin_file(struct capture *c)
{
	struct capture_file *file = &c->files[c->file_idx];
	struct stat st;
	int fd, rc;

	c->file_over = false;
	c->file_frame_no = c->frame_no;
	c->read = NULL;
	c->src.fd = -1;
	if (c->round > 0 && file->is_stream)
		return false;
	fd = open_path(c->cfg.paths[c->file_idx]);
	if (fd < 0 || fstat(fd, &st) != 0) {
		file->is_stream = true;
		capture_fail(c, true, 0, "cannot be opened: %s", strerror(fd < 0 ? -fd : errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	c->src.fd = fd;
	c->is_open = true;
	if (S_ISDIR(st.st_mode)) {
		file->is_stream = true;
		capture_fail(c, true, 0, "is a directory: name the captures in it");
		return false;
	}
	if (file->map != NULL &&
	    ((uint64_t)st.st_size != file->map_len || st.st_dev != file->dev || st.st_ino != file->ino)) {
		capture_fail(c, true, 0, "the file was changed between two rounds");
		return false;
	}
	/* Standard input may be a file that was read in part. */
	if (S_ISREG(st.st_mode) && st.st_size > 0 && lseek(fd, 0, SEEK_CUR) == 0 && begin_map(c, fd, &st) == 0)
		return begin_format(c);
	file->is_stream = true;
	rc = capture_source_stream(&c->src, fd);
	if (rc != 0) {
		capture_fail(c, true, 0, "cannot be read: %s", strerror(-rc));
		return false;
	}
#ifdef F_SETPIPE_SZ
	if (S_ISFIFO(st.st_mode)) /* fewer turns; refused is as good */
		(void)fcntl(fd, F_SETPIPE_SZ, 1024 * 1024);
#endif
	return begin_format(c);
}

/* Packets of unknown interfaces were left out; the rest of the file was read. */
static void
report_skipped(struct capture *c)
{
	uint64_t skipped = c->ng.skipped;

	if (c->read != capture_pcapng_read || skipped == 0)
		return;
	c->ng.skipped = 0;
	capture_fail(c, c->frame_no == c->file_frame_no, c->ng.skipped_offset,
		     "%llu packets of link type %u were skipped%s", (unsigned long long)skipped, c->ng.skipped_linktype,
		     capture_links_text);
}

static void
end_file(struct capture *c)
{
	struct capture_file *file = &c->files[c->file_idx];

	report_skipped(c);
	if (file->size > 0)
		c->done_octets += file->size;
	else if (c->is_open)
		c->done_octets += capture_here(&c->src);
	if (c->is_open)
		close(c->src.fd);
	c->is_open = false;
	c->src.fd = -1;
	c->src.data = NULL;
	c->src.pos = c->src.len = 0;
	c->src.offset = 0;
	c->file_idx++;
}

/* After the last file of a round. A round that gave nothing is the last: the next would give nothing either. */
static void
next_round(struct capture *c)
{
	c->round++;
	if (c->round >= c->cfg.rounds || c->frame_no == c->round_frame_no) {
		c->is_over = true;
		c->round--;
		return;
	}
	c->file_idx = 0;
	c->round_frame_no = c->frame_no;
	c->shift_known = false;
}

static void
stat_files(struct capture *c)
{
	bool known = true;
	unsigned int i;

	for (i = 0; i < c->cfg.nb_paths; i++) {
		const char *path = c->cfg.paths[i];
		struct stat st;

		if ((strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st)) != 0 || S_ISDIR(st.st_mode))
			continue;
		if (S_ISREG(st.st_mode))
			c->files[i].size = (uint64_t)st.st_size;
		else
			known = false;
		c->total_octets += c->files[i].size * c->cfg.rounds;
	}
	if (!known)
		c->total_octets = 0;
}

int
capture_open(const struct capture_config *cfg, struct capture **ret)
{
	struct capture *c;

	if (cfg->nb_paths == 0 || cfg->rounds == 0)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->files = calloc(cfg->nb_paths, sizeof(*c->files));
	if (c->files == NULL) {
		free(c);
		return -ENOMEM;
	}
	c->cfg = *cfg;
	c->src.fd = -1;
	c->src.interrupted = cfg->interrupted;
	c->src.ctx = cfg->error_ctx;
	c->shift_known = true; /* none in the first round */
	stat_files(c);
	*ret = c;
	return 0;
}

unsigned int
capture_read(struct capture *c, struct capture_frame *frames, unsigned int max)
{
	while (!c->is_over && max > 0) {
		unsigned int n;

		if (c->file_idx == c->cfg.nb_paths) {
			next_round(c);
			continue;
		}
		if (!c->is_open && !begin_file(c)) {
			end_file(c);
			continue;
		}
		/* Only now: a stream's frames, given out last time, lay in the buffer that the next stream uses. */
		if (c->file_over) {
			end_file(c);
			continue;
		}
		if (c->src.mapped)
			capture_source_window(&c->src);
		n = c->read(c, frames, max);
		if (n > 0)
			return n;
	}
	return 0;
}

void
capture_progress(const struct capture *c, struct capture_progress *ret)
{
	ret->octets = c->done_octets + (c->is_open ? capture_here(&c->src) : 0);
	ret->octets_total = c->total_octets;
}

void
capture_close(struct capture *c)
{
	unsigned int i;

	if (c == NULL)
		return;
	if (c->is_open)
		close(c->src.fd);
	for (i = 0; i < c->cfg.nb_paths; i++)
		if (c->files[i].map != NULL)
			munmap((void *)(uintptr_t)c->files[i].map, c->files[i].map_len);
	free(c->src.buf);
	free(c->ng.ifaces);
	free(c->files);
	free(c);
}
