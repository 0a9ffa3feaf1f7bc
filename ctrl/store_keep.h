/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_keep - how long records are kept: retention by age and size, room given back, copies made while it is written to
 *
 * What:      records go from the front, in the order of their numbers: what is left begins at `first_sequence` and has no
 *            gaps, so a reader can still prove that nothing after that is missing. Age counts from when a record was stored
 *            (to STORE_SPAN_NS), not from the moment it speaks of: a capture of last year is not deleted as it is replayed.
 *            Size is that of the pages in use.
 * Kept:      whatever the limits, what an output has not written yet, and from the first alert on that waits for its update.
 * A second replay: an event id that was deleted is forgotten; the same input would be stored anew.
 * Cost:      store_keep_step() deletes at most @rows records in one transaction; callers repeat it.
 * Errors:    negative errno, store_error(). Threads: the store's.
 */
#ifndef POSTERN_STORE_KEEP_H
#define POSTERN_STORE_KEEP_H

#include <stdint.h>

#include "store.h"

struct store_limits {
	uint64_t age_ns; /* 0: no limit */
	uint64_t octets; /* 0: no limit */
};

struct store_kept {
	uint64_t first_sequence; /* of what is there; the next number when there is nothing */
	uint64_t records;
	uint64_t pages, free_pages, page_size;
	uint64_t deleted; /* by retention, ever */
};

int store_keep_look(struct store *s, struct store_kept *ret);

/*
 * Delete what is beyond @limits, but nothing after number @written. Not inside a transaction. 1: there may be more to do;
 * 0: nothing was, or is left.
 */
int store_keep_step(struct store *s, const struct store_limits *limits, uint64_t written, uint64_t now_ns,
		    unsigned int rows);

/* Give at most @pages free ones back to the file system; 1: there are more. A store made before version 3 has none to give. */
int store_keep_vacuum(struct store *s, unsigned int pages);

/* Everything in order and as small as it gets: rewrites the file, needs as much room again. */
int store_keep_rewrite(struct store *s);

/*
 * A copy of the store as it is at one moment, into @to, which takes its name when it is whole and checked. The store may be
 * written to meanwhile: @s is best opened with STORE_READONLY. Calls @progress now and then, when there is one.
 */
int store_keep_backup(struct store *s, const char *to, void (*progress)(void *ctx, uint64_t done, uint64_t all), void *ctx);

#endif
