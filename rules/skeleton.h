/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * skeleton - comparing names by what they look like
 *
 * What:      two skeletons. The fine one writes each character as what it is taken for without a second look (skeleton_of():
 *            m is rn, 0 is o). The coarse one makes all the same that can be confused at all (b and d, n and r, a stroke
 *            beside a letter): it finds candidates, and skeleton_distance() counts the confusions between them.
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

/* Write the fine skeleton of a name: 2 * @len octets at most. Its length. */
size_t skeleton_write(const char *name, size_t len, char *dst);

enum {
	SKELETON_RUN = 'n', /* several of it in a row are one in the coarse skeleton */
};

/* The coarse skeleton of a character: none, one, or two, of a kind. */
const char *skeleton_coarse(unsigned char c, char self[2]);

enum {
	SKELETON_NAME_MAX = 255,
	SKELETON_DISTANCE_MAX = 6,
};

/*
 * How many characters of the one, of at most SKELETON_NAME_MAX, have to be taken for others to read
 * the other: 0 when their fine skeletons are the same without hyphens and dots. Each of: r and n, c
 * and e, g and q, 3 and 8, 6 and 9; b and d, k and lc; an r or n more beside one, an l more beside
 * b, h, k or l. More than @max (at most SKELETON_DISTANCE_MAX): @max + 1.
 */
unsigned int skeleton_distance(const char *a, size_t a_len, const char *b, size_t b_len,
			       unsigned int max);

#endif
