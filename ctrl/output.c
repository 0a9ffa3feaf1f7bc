/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "human.h"
#include "json_out.h"
#include "output_resume.h"

enum {
	PROGRESS_SHIFT = 24, /* a line is shorter than 16 MiB */
	LINES_MAX = 4096,    /* written at once */
	FLUSH_SIZE = 256 << 10,
};

struct line {
	uint64_t sequence;
	size_t end; /* in the buffer */
};

struct output {
	char *name;
	int fd;
	bool is_file, is_human, colour;
	struct store *store;
	struct failpoint *fp;
	_Atomic uint64_t *progress; /* NULL for files */
	_Atomic uint64_t *rotated;  /* of files */
	uint64_t last;		    /* number of the last whole line */
	size_t part;		    /* octets of the line after it that are out already */
	struct json_out buf;
	struct line *lines;
	size_t nb_lines, cap_lines;
	char error[512];
};

const char *
output_error(const struct output *out)
{
	return out->error;
}

static int
fail(struct output *out, int rc)
{
	const char *hint = "";

	if (rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG)
		hint = "; make room there and run it again: it goes on after the last whole line";
	else if (rc == -EACCES || rc == -EPERM || rc == -EROFS)
		hint = "; make it writable for this user, or name another file with --alerts";
	else if (rc == -ENOENT || rc == -ENOTDIR)
		hint = "; the folder must exist";
	else if (rc == -EBADMSG)
		hint = "; its last line is no record: name another file with --alerts";
	else if (rc == -EPIPE)
		hint = "; its reader has gone";
	snprintf(out->error, sizeof(out->error), "%s: cannot write alerts: %s%s", out->name, strerror(-rc), hint);
	return rc;
}

int
output_write_all(int fd, const char *p, size_t len, size_t *done)
{
	struct stat st;
	size_t max = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? SSIZE_MAX : PIPE_BUF;

	while (len > 0) {
		ssize_t w = write(fd, p, len < max ? len : max);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		len -= (size_t)w;
		*done += (size_t)w;
	}
	return 0;
}

int
output_add(struct output *out, uint64_t sequence, const char *json, size_t len)
{
	if (sequence <= out->last)
		return 0;
	if (out->nb_lines == out->cap_lines) {
		size_t cap = out->cap_lines == 0 ? 256 : out->cap_lines * 2;
		struct line *lines = reallocarray(out->lines, cap, sizeof(*lines));

		if (lines == NULL)
			return fail(out, -ENOMEM);
		out->lines = lines;
		out->cap_lines = cap;
	}
	if (out->is_human) {
		human_record(&out->buf, json, len, out->colour);
	} else {
		json_raw(&out->buf, json, len);
		json_raw(&out->buf, "\n", 1);
	}
	if (out->buf.failed)
		return fail(out, -ENOMEM);
	out->lines[out->nb_lines++] = (struct line){ sequence, out->buf.len };
	return 0;
}

/* @done octets of the buffer are out: which lines is that? */
static void
account(struct output *out, size_t done)
{
	size_t i, start = 0;

	for (i = 0; i < out->nb_lines && out->lines[i].end <= done; i++) {
		out->last = out->lines[i].sequence;
		start = out->lines[i].end;
	}
	out->part = done - start;
	if (out->progress != NULL)
		atomic_store_explicit(out->progress, out->last << PROGRESS_SHIFT | out->part, memory_order_release);
}

/* Die after half of the first line, as a kill in the middle of a write does. */
static void
mid_output(struct output *out, size_t done)
{
	size_t half = out->lines[0].end / 2;

	if (half > done && output_write_all(out->fd, out->buf.buf + done, half - done, &done) == 0)
		account(out, done);
	failpoint_die();
}

/* Pieces no larger than what a pipe takes at once, so that progress can be noted after each. */
static int
write_pieces(struct output *out, size_t *done)
{
	int rc = 0;

	if (out->progress == NULL)
		return output_write_all(out->fd, out->buf.buf + *done, out->buf.len - *done, done);
	while (rc == 0 && *done < out->buf.len) {
		size_t n = out->buf.len - *done < PIPE_BUF ? out->buf.len - *done : PIPE_BUF;

		rc = output_write_all(out->fd, out->buf.buf + *done, n, done);
		account(out, *done);
	}
	return rc;
}

int
output_write(struct output *out)
{
	size_t done = out->part;
	int rc;

	if (out->nb_lines == 0)
		return 0;
	if (failpoint_due(out->fp, FAILPOINT_MID_OUTPUT))
		mid_output(out, done);
	rc = write_pieces(out, &done);
	failpoint_hit(out->fp, FAILPOINT_AFTER_OUTPUT);
	account(out, done);
	if (rc < 0)
		return fail(out, rc);
	json_out_clear(&out->buf);
	out->nb_lines = 0;
	out->part = 0;
	return 0;
}

static int
catch_up(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	struct output *out = ctx;
	int rc = output_add(out, sequence, json, len);

	if (rc == 0 && (out->nb_lines >= LINES_MAX || out->buf.len >= FLUSH_SIZE))
		rc = output_write(out);
	return rc;
}

/* File, standard output: open and find out where to go on. */
static int
open_target(struct output *out, const char *spec, uint64_t first_sequence, struct journal_progress *progress)
{
	bool is_stream = !out->is_file;
	uint64_t seen = 0;
	struct stat st;
	int rc;

	out->last = first_sequence - 1;
	/* A FIFO or a device cannot be read back: it is written to like standard output. */
	if (out->is_file && stat(spec, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		is_stream = true;
	if (is_stream) {
		out->fd = out->is_file ? open(spec, O_WRONLY | O_CLOEXEC | O_APPEND) : STDOUT_FILENO;
		if (out->fd < 0)
			return fail(out, -errno);
		out->progress = &progress->alerts;
		seen = atomic_load_explicit(out->progress, memory_order_acquire);
		if (seen != 0) {
			out->last = seen >> PROGRESS_SHIFT;
			out->part = (size_t)(seen & ((UINT64_C(1) << PROGRESS_SHIFT) - 1));
		}
		out->colour = out->is_human && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
		return 0;
	}
	out->fd = open(spec, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	if (out->fd < 0)
		return fail(out, -errno);
	rc = output_resume(out->fd, store_id(out->store), &seen);
	if (rc < 0)
		return fail(out, rc);
	/* Also from before this run: a file that lost its end is made whole from the store. */
	if (seen != 0)
		out->last = seen;
	/* What stands in a file that was renamed is not written again into the one that came after it. */
	out->rotated = &progress->rotated;
	seen = atomic_load_explicit(out->rotated, memory_order_acquire);
	if (seen > out->last)
		out->last = seen;
	return 0;
}

bool
output_is_file(const struct output *out)
{
	return out->is_file && out->progress == NULL;
}

uint64_t
output_last(const struct output *out)
{
	return out->last;
}

/* Does the name still lead to the file that is open? */
static bool
is_in_place(const struct output *out)
{
	struct stat named, opened;

	return stat(out->name, &named) == 0 && fstat(out->fd, &opened) == 0 && named.st_dev == opened.st_dev &&
	       named.st_ino == opened.st_ino;
}

int
output_reopen(struct output *out)
{
	uint64_t seen;
	int fd, rc;

	if (!output_is_file(out) || is_in_place(out))
		return 0;
	rc = output_write(out);
	if (rc < 0)
		return rc;
	fd = open(out->name, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
	if (fd < 0)
		return fail(out, -errno);
	/* One that somebody put there may have lines, or half a line. */
	rc = output_resume(fd, store_id(out->store), &seen);
	if (rc < 0) {
		close(fd);
		return fail(out, rc);
	}
	atomic_store_explicit(out->rotated, out->last, memory_order_release);
	close(out->fd);
	out->fd = fd;
	return 0;
}

int
output_open(const char *spec, struct store *store, uint64_t first_sequence, struct journal_progress *progress,
	    struct failpoint *fp, struct output **ret)
{
	struct output *out = calloc(1, sizeof(*out));
	int rc;

	*ret = out;
	if (out == NULL)
		return -ENOMEM;
	out->fd = -1;
	out->is_human = strcmp(spec, "human") == 0;
	out->is_file = !out->is_human && strcmp(spec, "-") != 0;
	out->store = store;
	out->fp = fp;
	out->name = strdup(out->is_file ? spec : "standard output");
	if (out->name == NULL)
		return -ENOMEM;
	rc = open_target(out, spec, first_sequence, progress);
	if (rc == 0)
		rc = store_read(store, out->last, catch_up, out);
	if (rc < 0 && out->error[0] == '\0')
		snprintf(out->error, sizeof(out->error), "%s", store_error(store));
	return rc < 0 ? rc : output_write(out);
}

int
output_finish(struct output *out)
{
	int rc = output_write(out);

	if (rc == 0 && out->is_file && fdatasync(out->fd) < 0 && errno != EINVAL && errno != EROFS)
		rc = fail(out, -errno);
	return rc;
}

void
output_free(struct output *out)
{
	if (out == NULL)
		return;
	if (out->is_file && out->fd >= 0)
		close(out->fd);
	json_out_free(&out->buf);
	free(out->lines);
	free(out->name);
	free(out);
}
