/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture_source - the octets of a file, mapped or streamed
 *
 * Mapped:    pages are fetched a window ahead (MADV_POPULATE_READ): one system call instead of a fault each 64 KiB in
 *            the midst of the workers' code, and a file that cannot be read, or became shorter, is met as an error code
 *            there instead of SIGBUS. What lies far behind is let go, so that files larger than memory do not fill it;
 *            frames in it stay valid (they would be fetched again).
 *            A window of single reads into one buffer measured 8 % less CPU than this (700 MB of 670-octet frames, each
 *            octet summed), but frames must outlive the next read when workers hold them, and buffers enough for that
 *            measured 20 % more.
 * Streamed:  one buffer in which any record fits; it is filled by reads as large as there is room.
 */
#include "capture_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WINDOW_OCTETS = 2 * 1024 * 1024,
	/* Workers may hold frames this far back without faults; it is what of a file counts as ours at most. */
	LAG_OCTETS = 32 * 1024 * 1024,
	PAGE_OCTETS = 4096,
};

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

static void
source_init(struct capture_source *s, int fd)
{
	s->data = NULL;
	s->pos = s->len = 0;
	s->offset = 0;
	s->fd = fd;
	s->mapped = s->at_end = s->shrunk = false;
	s->io_errno = 0;
	s->populated = s->released = 0;
}

int
capture_source_map(struct capture_source *s, const uint8_t *map, size_t size, int fd)
{
	source_init(s, fd);
	s->data = map;
	s->len = size;
	s->mapped = true;
	s->at_end = true;
	capture_source_window(s);
	return 0;
}

int
capture_source_stream(struct capture_source *s, int fd)
{
	source_init(s, fd);
	if (s->buf == NULL)
		s->buf = malloc(CAPTURE_BUF_SIZE);
	if (s->buf == NULL)
		return -ENOMEM;
	s->data = s->buf;
	return 0;
}

static void
check_size(struct capture_source *s)
{
	struct stat st;

	if (fstat(s->fd, &st) == 0 && (uint64_t)st.st_size < s->len) {
		s->len = (uint64_t)st.st_size > s->pos ? (size_t)st.st_size : s->pos;
		s->shrunk = true;
	}
}

void
capture_source_window(struct capture_source *s)
{
	uint8_t *data = (uint8_t *)(uintptr_t)s->data;
	size_t len, to;

	if (s->len - s->populated == 0 || s->populated > s->pos + WINDOW_OCTETS / 2)
		return;
	check_size(s);
	/* A jump over a large block: what was jumped over is not fetched. */
	if (s->populated < s->pos)
		s->populated = s->pos & ~(size_t)(PAGE_OCTETS - 1);
	if (s->populated >= s->len)
		return;
	len = s->len - s->populated < WINDOW_OCTETS ? s->len - s->populated : WINDOW_OCTETS;
	if (madvise(data + s->populated, len, MADV_POPULATE_READ) != 0 && errno != EINVAL && errno != EINTR &&
	    errno != EAGAIN && errno != ENOMEM) {
		int error = errno;

		check_size(s);
		if (!s->shrunk) { /* a page that cannot be read */
			s->io_errno = error == EFAULT ? EIO : error;
			s->len = s->populated > s->pos ? s->populated : s->pos;
			return;
		}
	}
	s->populated = s->populated + len < s->len ? s->populated + len : s->len;
	if (s->pos > s->released + LAG_OCTETS + WINDOW_OCTETS) {
		to = (s->pos - LAG_OCTETS) & ~(size_t)(PAGE_OCTETS - 1);
		madvise(data + s->released, to - s->released, MADV_DONTNEED);
		s->released = to;
	}
}

enum capture_need
capture_source_fill(struct capture_source *s, size_t n, bool pinned)
{
	if (s->at_end)
		return CAPTURE_NEED_END;
	if (pinned)
		return CAPTURE_NEED_LATER;
	if (s->pos + n > CAPTURE_BUF_SIZE || s->pos == s->len) {
		memmove(s->buf, s->buf + s->pos, s->len - s->pos);
		s->offset += s->pos;
		s->len -= s->pos;
		s->pos = 0;
	}
	while (s->len - s->pos < n) {
		ssize_t got = read(s->fd, s->buf + s->len, CAPTURE_BUF_SIZE - s->len);

		if (got < 0 && errno == EINTR && (s->interrupted == NULL || !s->interrupted(s->ctx)))
			continue;
		if (got <= 0) {
			s->io_errno = got < 0 ? errno : 0;
			s->at_end = true;
			return CAPTURE_NEED_END;
		}
		s->len += (size_t)got;
	}
	return CAPTURE_NEED_OK;
}
