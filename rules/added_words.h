/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * added_words - words that are put before or behind a protected label to make it look official
 *
 * What:      the words that everybody has, and lists of words from rule files, each for some names only. Asked for what is
 *            left of a label without one of them and the hyphen beside it.
 * Shape:     a table says how long the words are that begin, or end, with two characters: none, nearly always. Else the
 *            label's front or back is hashed character by character, and at those lengths looked up in an open-addressed table.
 * Threads:   immutable once built.
 * Cost:      O(length of the label), and one comparison for each word that is found.
 * Hostile:   the label. Words are root's; the hash is seeded.
 */
#ifndef POSTERN_ADDED_WORDS_H
#define POSTERN_ADDED_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "image.h"

enum {
	ADDED_WORDS_FOUND_MAX = 16,
	ADDED_WORDS_CLASSES = 40,
	ADDED_WORD_MAX = 63, /* octets of a word */
	ADDED_WORDS_LONG = 15, /* words of as many octets and more share a bit of a set of lengths */
};

/* What is left of a label: octets [from, to) of it; the word stands in list @list, 0: everybody's. */
struct added_words_rest {
	size_t from, to;
	uint32_t list;
};

struct added_words_slot {
	uint32_t tag;  /* of the hash */
	uint32_t word; /* + 1, own words behind everybody's; 0: free */
};

struct added_words {
	const struct image_word *words;
	const char *strings;
	uint64_t seed;
	struct added_words_slot *slots;
	size_t mask;
	size_t longest;
	uint8_t classes[256];
	/* Sets of the lengths of words that begin, or end, with these two characters, in the order of the text. */
	uint16_t begins[ADDED_WORDS_CLASSES][ADDED_WORDS_CLASSES],
		ends[ADDED_WORDS_CLASSES][ADDED_WORDS_CLASSES];
};

/* @words and @strings are checked and must outlive it. 0, -ENOMEM. */
int added_words_init(struct added_words *a, const struct image_word *words, uint32_t nb,
		     const char *strings, uint64_t seed);
void added_words_fini(struct added_words *a);

/* The number of ways, at most ADDED_WORDS_FOUND_MAX; the longest words may then be missing. */
size_t added_words_find(const struct added_words *a, const char *label, size_t len,
			struct added_words_rest ret[ADDED_WORDS_FOUND_MAX]);

/* Everybody's words, one after the other; NULL after the last. */
const char *added_words_get(size_t i);

#endif
