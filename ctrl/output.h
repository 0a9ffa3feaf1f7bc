/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * output - records that are stored, written out in the order of their numbers
 *
 * What:      one of three: a file of JSON lines, JSON lines on standard output, or text for a person on standard output.
 *            Only what was committed comes here, so no line speaks of an alert that is not stored.
 * Resuming:  a file is looked at when it is opened: half a line at its end is cut off, and the number of its last line
 *            of this store says where to go on. A file without any begins with the first number of this run. What went
 *            to standard output cannot be looked at again: its progress, to the octet, is kept in the journal's page,
 *            and writes to pipes are at most PIPE_BUF octets, which the kernel takes whole or not at all. What remains
 *            is a death between a write(2) and the store after it: such a piece comes twice, never not at all.
 * Blocking:  waits for slow readers; in replay that is what is wanted.
 * Errors:    negative errno; output_error() has the sentence for people.
 * Threads:   one.
 */
#ifndef POSTERN_OUTPUT_H
#define POSTERN_OUTPUT_H

#include <stdbool.h>

#include "failpoint.h"
#include "journal.h"
#include "store.h"

struct output;

/*
 * @spec: a file name, "-" or "human". Brings the output up to what @store has. Always gives an object unless there is no
 * memory (-ENOMEM).
 */
int output_open(const char *spec, struct store *store, uint64_t first_sequence, struct journal_progress *progress,
		struct failpoint *fp, struct output **ret);
void output_free(struct output *out);
const char *output_error(const struct output *out);

/* A record that stands in the open transaction; kept until output_write(). */
int output_add(struct output *out, uint64_t sequence, const char *json, size_t len);
/* The transaction was committed: write what was added. */
int output_write(struct output *out);
/*
 * The file was renamed (by logrotate): write what is pending, then go on in a new one of the old name. Nothing when the name
 * still leads to the file that is open, or for standard output. A line is in exactly one of the files. On failure the old
 * file stays open. A restarted ctrl knows of it by @progress (journal.h).
 */
int output_reopen(struct output *out);
bool output_is_file(const struct output *out);

/* Number of the last line that is written as a whole. */
uint64_t output_last(const struct output *out);

/* All is written: make sure that it reached the file. */
int output_finish(struct output *out);

/*
 * Write all of @p to @fd, at most PIPE_BUF octets at a time where @fd is no regular file; @done counts what was written.
 * 0 or negative errno.
 */
int output_write_all(int fd, const char *p, size_t len, size_t *done);

#endif
