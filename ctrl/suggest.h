/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suggest - "did you mean --speed?"
 *
 * What:      finds the word of a short list that a mistyped word was most likely meant to be.
 * Cost:      O(nb * length^2); for messages to people only.
 * Threads:   pure function.
 */
#ifndef POSTERN_SUGGEST_H
#define POSTERN_SUGGEST_H

#include <stddef.h>

/*
 * The nearest of @nb @words within two slips (a slip: one character too many, missing, wrong, or two neighbours
 * swapped; one slip for words of up to four characters), else the only one that begins with @word, else NULL.
 */
const char *suggest_word(const char *word, const char *const *words, size_t nb);

#endif
