/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	FIELD_MAX = 1200, /* of an escaped field: two of them and the numbers fit PIPE_BUF */
};
_Static_assert(2 * FIELD_MAX + 128 <= PIPE_BUF, "a line is written whole");

static void
put_line(int fd, const char *line, int len)
{
	ssize_t n;

	if (len <= 0)
		return;
	do {
		n = write(fd, line, (size_t)len);
	} while (n < 0 && errno == EINTR);
}

static void
escape(char *dst, const char *src)
{
	size_t used = 0;

	for (; *src != '\0' && used + 3 < FIELD_MAX; src++) {
		if (*src == '\\' || *src == '\t' || *src == '\n') {
			dst[used++] = '\\';
			dst[used++] = *src == '\\' ? '\\' : *src == '\t' ? 't' : 'n';
		} else {
			dst[used++] = *src;
		}
	}
	dst[used] = '\0';
}

void
status_begin(int fd)
{
	put_line(fd, "begin\n", 6);
}

void
status_capture_error(int fd, const struct capture_error *err)
{
	char path[FIELD_MAX], text[FIELD_MAX], line[PIPE_BUF];

	escape(path, err->path);
	escape(text, err->text);
	put_line(fd, line,
		 snprintf(line, sizeof(line), "error\t%" PRIu64 "\t%d\t%s\t%s\n", err->offset, err->whole, path, text));
}

void
status_port(int fd, const char *name, const char *text)
{
	char n[FIELD_MAX], t[FIELD_MAX], line[PIPE_BUF];

	escape(n, name);
	escape(t, text);
	put_line(fd, line, snprintf(line, sizeof(line), "port\t%s\t%s\n", n, t));
}

void
status_note(int fd, const char *text)
{
	char t[FIELD_MAX], line[PIPE_BUF];

	escape(t, text);
	put_line(fd, line, snprintf(line, sizeof(line), "note\t%s\n", t));
}

void
status_end(int fd, uint64_t wall_ns, uint64_t cpu_ns)
{
	char line[96];

	put_line(fd, line, snprintf(line, sizeof(line), "end\t%" PRIu64 "\t%" PRIu64 "\n", wall_ns, cpu_ns));
}
