/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void
unescape(char *text)
{
	char *from = text, *to = text;

	while (*from != '\0') {
		if (from[0] == '\\' && from[1] != '\0' && strchr("\\tn", from[1]) != NULL) {
			*to++ = from[1] == 't' ? '\t' : from[1] == 'n' ? '\n' : '\\';
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static void
hand_out(char *text, size_t len, status_line_fn line, void *ctx)
{
	char *fields[STATUS_FIELDS_MAX], *tab;
	unsigned int nb = 0, i;

	if (memchr(text, '\0', len) != NULL)
		return;
	text[len] = '\0';
	for (;;) {
		if (nb == STATUS_FIELDS_MAX)
			return;
		fields[nb++] = text;
		tab = strchr(text, '\t');
		if (tab == NULL)
			break;
		*tab = '\0';
		text = tab + 1;
	}
	for (i = 0; i < nb; i++)
		unescape(fields[i]);
	line(ctx, fields, nb);
}

static void
split_lines(struct status_reader *r, status_line_fn line, void *ctx)
{
	size_t start = 0;
	char *end;

	while ((end = memchr(r->buf + start, '\n', r->len - start)) != NULL) {
		size_t at = (size_t)(end - r->buf);

		if (!r->skip)
			hand_out(r->buf + start, at - start, line, ctx);
		r->skip = false;
		start = at + 1;
	}
	memmove(r->buf, r->buf + start, r->len - start);
	r->len -= start;
	if (r->len == sizeof(r->buf)) {
		r->skip = true;
		r->len = 0;
	}
}

void
status_read(struct status_reader *r, status_line_fn line, void *ctx)
{
	ssize_t n;

	for (;;) {
		n = read(r->fd, r->buf + r->len, sizeof(r->buf) - r->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		r->len += (size_t)n;
		split_lines(r, line, ctx);
	}
}

void
status_drop_partial(struct status_reader *r)
{
	r->len = 0;
	r->skip = false;
}
