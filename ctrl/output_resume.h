/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * output_resume - where to go on in a file of JSON lines
 *
 * What:      cuts off half a line at the end, then reads lines from the end back until one is of the given store.
 * Cost:      one line in the common case; the whole file when no line is of this store.
 * Hostile:   text from the wire stands in the lines. A line counts only when it parses as JSON and has the store's id
 *            where it belongs.
 * Errors:    negative errno; -EBADMSG: its last line is half of something that is no record, and nothing was changed.
 */
#ifndef POSTERN_OUTPUT_RESUME_H
#define POSTERN_OUTPUT_RESUME_H

#include <stdint.h>

/* @ret_sequence: of the last line of store @store_id, 0 when there is none. The file offset is at the end afterwards. */
int output_resume(int fd, const char *store_id, uint64_t *ret_sequence);

#endif
