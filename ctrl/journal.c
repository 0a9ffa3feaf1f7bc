/* SPDX-License-Identifier: BSD-3-Clause */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_MAGIC UINT64_C(0x314c4e524a545350) /* "PSTJRNL1" in memory */

enum {
	BUF_SIZE = 256 << 10,
};

struct journal {
	int fd;
	struct journal_progress *progress;
	uint64_t end;	   /* of whole entries in the file */
	uint64_t read_pos; /* next octet of the file to be read into buf */
	size_t buf_len, buf_pos;
	uint64_t next_pos[DP_WORKERS_MAX]; /* records of a ring below this are in the file */
	uint8_t buf[BUF_SIZE];
};

static int
write_all(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
		off += (uint64_t)w;
	}
	return 0;
}

int
journal_flush(struct journal *j)
{
	int rc = write_all(j->fd, j->buf, j->buf_len, j->end);

	if (rc < 0)
		return rc;
	j->end += j->buf_len;
	j->buf_len = 0;
	return 0;
}

int
journal_add(struct journal *j, unsigned int worker, uint64_t pos, enum dp_verdict verdict, const struct dp_record *rec)
{
	struct journal_entry e = {
		.len = (uint32_t)(sizeof(e) + ((size_t)rec->len + 7) / 8 * 8),
		.worker = (uint16_t)worker,
		.verdict = (uint8_t)verdict,
		.pos = pos,
	};

	if (pos < j->next_pos[worker])
		return 0;
	if (j->buf_len + e.len > sizeof(j->buf)) {
		int rc = journal_flush(j);

		if (rc < 0)
			return rc;
	}
	memcpy(j->buf + j->buf_len, &e, sizeof(e));
	memset(j->buf + j->buf_len + e.len - 8, 0, 8);
	memcpy(j->buf + j->buf_len + sizeof(e), rec, rec->len);
	j->buf_len += e.len;
	j->next_pos[worker] = pos + 1;
	return 0;
}

void
journal_rewind(struct journal *j)
{
	j->read_pos = JOURNAL_PAGE;
	j->buf_len = 0;
	j->buf_pos = 0;
}

/* @n octets in one piece at buf_pos. 1, or 0 at the end of the file. */
static int
need(struct journal *j, size_t n)
{
	while (j->buf_len - j->buf_pos < n) {
		ssize_t r;

		memmove(j->buf, j->buf + j->buf_pos, j->buf_len - j->buf_pos);
		j->buf_len -= j->buf_pos;
		j->buf_pos = 0;
		r = pread(j->fd, j->buf + j->buf_len, sizeof(j->buf) - j->buf_len, (off_t)j->read_pos);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return 0;
		j->buf_len += (size_t)r;
		j->read_pos += (uint64_t)r;
	}
	return 1;
}

int
journal_read(struct journal *j, struct journal_entry *ret_entry, void *buf)
{
	struct journal_entry e;
	int rc = need(j, sizeof(e));

	if (rc <= 0)
		return rc;
	memcpy(&e, j->buf + j->buf_pos, sizeof(e));
	if (e.len < sizeof(e) + sizeof(struct dp_record) || e.len > sizeof(e) + DP_RECORD_LEN_MAX ||
	    e.worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	rc = need(j, e.len);
	if (rc <= 0)
		return rc;
	memcpy(buf, j->buf + j->buf_pos + sizeof(e), e.len - sizeof(e));
	if (dp_event_check(buf, e.len - sizeof(e)) != 0)
		return -EBADMSG;
	j->buf_pos += e.len;
	*ret_entry = e;
	return 1;
}

/* Take up the entries that are there; a torn one at the end goes. */
static int
recover(struct journal *j)
{
	_Alignas(8) uint8_t rec[DP_RECORD_LEN_MAX];
	struct journal_entry e;
	uint64_t end = JOURNAL_PAGE;
	int rc;

	journal_rewind(j);
	while ((rc = journal_read(j, &e, rec)) == 1) {
		end += e.len;
		j->next_pos[e.worker] = e.pos + 1;
	}
	/* A hole or half an entry at the very end is what an interrupted write leaves. */
	if (rc < 0 && rc != -EBADMSG)
		return rc;
	j->end = end;
	j->buf_len = 0;
	return ftruncate(j->fd, (off_t)end) < 0 ? -errno : 0;
}

int
journal_new(int fd, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL)
		return -ENOMEM;
	j->fd = fd;
	/* Room for the page now: a store into a mapped page that the disk has none for would kill the process. */
	rc = posix_fallocate(fd, 0, JOURNAL_PAGE);
	if (rc != 0) {
		free(j);
		return -rc;
	}
	j->progress = mmap(NULL, JOURNAL_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (j->progress == MAP_FAILED) {
		rc = -errno;
		free(j);
		return rc;
	}
	if (j->progress->magic != PROGRESS_MAGIC) {
		*j->progress = (struct journal_progress){ 0 };
		j->progress->magic = PROGRESS_MAGIC;
	}
	rc = recover(j);
	if (rc < 0) {
		journal_free(j);
		return rc;
	}
	*ret = j;
	return 0;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	munmap(j->progress, JOURNAL_PAGE);
	free(j);
}

struct journal_progress *
journal_progress(struct journal *j)
{
	return j->progress;
}
