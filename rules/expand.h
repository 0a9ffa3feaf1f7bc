/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * expand - names that may look like a protected one, made rather than judged
 *
 * What:      every single edit, dots elsewhere, mistyped suffixes and both together, a level less, characters that look
 *            alike, in ASCII and of other scripts, added words, other top-level domains. They are candidates only: some are
 *            made twice, some do not match (labels too short, techniques that are off, neighbours): the caller asks the
 *            matcher about each. Not made: what has no end, such as a protected name before anybody's domain
 *            (army.mil.example.com), and a sub-domain of a lookalike.
 * Cost:      about 80 candidates per octet, as many again for each of some hundred mistyped suffixes, and at most
 *            EXPAND_GLYPHS_MAX for characters that look alike in ASCII; of other scripts as many as the caller wants, and some
 *            milliseconds to find which do. No allocation that grows with them.
 * Threads:   pure function over an immutable image.
 */
#ifndef POSTERN_EXPAND_H
#define POSTERN_EXPAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXPAND_GLYPHS_MAX = 1 << 16, /* combinations of characters that look alike, fewest first */
	EXPAND_LETTERS_MAX = 1 << 16, /* names with letters of other scripts, fewest exchanges first */
	EXPAND_NAME_MAX = 253,	     /* octets of a candidate; longer ones are left out */
};

/* Takes one candidate, lower case, letters that are no ASCII in UTF-8; false ends it all. */
typedef bool (*expand_take)(void *ctx, const char *name, size_t len);

/*
 * @domain: lower case, with a dot in it, no trailing dot, at most EXPAND_NAME_MAX octets,
 * NUL-terminated. @techniques: set of 1 << enum rule_technique: parts that can only lead to others
 * are left out. @max_letters: names with letters of other scripts that look alike, at most; EXPAND_LETTERS_MAX or fewer.
 * @image as from ruleset_image(). 0, or -ECANCELED when @take ended it or memory is short, or what
 * image_check() returns.
 */
int expand_names(const void *image, size_t image_len, const char *domain, uint64_t techniques,
		 unsigned int max_letters, expand_take take, void *ctx);

#endif
