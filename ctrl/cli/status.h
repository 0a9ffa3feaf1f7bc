/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status - lines that a child writes on its status pipe
 *
 * Shape:     WORD [TAB FIELD]... LF; in a field \\, \t and \n stand for backslash, tab and line feed.
 * Trust:     the dataplane is a client: a line that is too long or has too many fields is dropped whole, an unknown
 *            escape is kept as it is, and fields are escaped by whoever shows them.
 * Threads:   none; the descriptor is non-blocking and the caller polls.
 */
#ifndef POSTERN_CLI_STATUS_H
#define POSTERN_CLI_STATUS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	STATUS_LINE_MAX = 16 * 1024,
	STATUS_FIELDS_MAX = 8,
};

struct status_reader {
	int fd;
	size_t len;
	bool skip; /* the line so far is too long: drop it up to its end */
	char buf[STATUS_LINE_MAX];
};

/* @fields: NUL-terminated, unescaped, valid during the call; fields[0] is the word. */
typedef void (*status_line_fn)(void *ctx, char *const *fields, unsigned int nb);

/* Read what is there and hand out each whole line. */
void status_read(struct status_reader *r, status_line_fn line, void *ctx);

/* The writer is gone: what it left of a line means nothing. */
void status_drop_partial(struct status_reader *r);

#endif
