/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suffix_slips - how public suffixes are mistyped, and where one that looks mistyped is another registry's own
 *
 * What:      for a suffix: a small list of slips that lead to real suffixes (ml for mil, co for com), every single edit of
 *            it that leads to none, and the suffix with "com" or itself once more behind it. What the public suffix list
 *            has below other countries (mil.ph) is told too.
 * Source:    the Public Suffix List, as libpsl carries it.
 * Cost:      about 80 look-ups in the list per octet of the suffix, and 676 for a suffix of one label.
 */
#ifndef POSTERN_SUFFIX_SLIPS_H
#define POSTERN_SUFFIX_SLIPS_H

#include <stdbool.h>
#include <stddef.h>

#include "image.h"

struct suffix_list; /* the public suffixes */

const struct suffix_list *suffix_list_get(void); /* NULL, when libpsl has no data: nothing is public */

/* Octets of the public suffix of a domain that has a dot: at least its last label, never the whole. */
size_t suffix_list_suffix_len(const struct suffix_list *list, const char *domain);

/* Is it a public suffix by a rule of its own (not by a wildcard)? */
bool suffix_list_has(const struct suffix_list *list, const char *suffix);

/* Call @add for each slip of @suffix; stop when it returns a negative number, and return that; else
 * 0. */
int suffix_slips(const struct suffix_list *list, const char *suffix,
		 int (*add)(void *ctx, const char *typed, const char *meant,
			    enum image_suffix_kind kind),
		 void *ctx);

/*
 * Call @take for slips in a suffix that has labels of other letters ("xn--p1ai"), written as A-labels; some are made twice,
 * some are real suffixes. None of others. 0, or what @take returned when that was not 0.
 */
int suffix_letters(const char *suffix, int (*take)(void *ctx, const char *typed), void *ctx);

#endif
