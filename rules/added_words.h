/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * added_words - words that are put before or behind a protected label to make it look official
 */
#ifndef POSTERN_ADDED_WORDS_H
#define POSTERN_ADDED_WORDS_H

#include <stddef.h>

enum {
	ADDED_WORDS_FOUND_MAX = 8,
};

/* What is left of a label without one word and the hyphen beside it: octets [from, to) of the label. */
struct added_words_rest {
	size_t from, to;
};

/* The number of ways, at most ADDED_WORDS_FOUND_MAX. */
size_t added_words_find(const char *label, size_t len, struct added_words_rest ret[ADDED_WORDS_FOUND_MAX]);

/* The words, one after the other; NULL after the last. */
const char *added_words_get(size_t i);

#endif
