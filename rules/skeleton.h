/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skeleton - comparing names by what they look like
 */
#ifndef POSTERN_SKELETON_H
#define POSTERN_SKELETON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Are both the same without the characters of @without, and, with @fold, with characters that look
 * alike made the same (skeleton_of())?
 */
bool skeleton_equal(const char *a, size_t a_len, const char *b, size_t b_len, const char *without,
		    bool fold);

/* Write the skeleton of a name: 2 * @len octets at most. Its length. */
size_t skeleton_write(const char *name, size_t len, char *dst);

#endif
