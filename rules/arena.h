/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arena - memory that is given back all at once: everything read from rule files lives as long as its set
 *
 * Errors:    NULL when memory is out; the arena remembers it (@failed), so that a reader may go on and
 *            ask once at its end.
 */
#ifndef POSTERN_ARENA_H
#define POSTERN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	bool failed;
};

void *arena_alloc(struct arena *a, size_t len); /* zeroed, aligned for anything */
char *arena_string(struct arena *a, const char *s, size_t len);
void arena_free(struct arena *a);

#endif
