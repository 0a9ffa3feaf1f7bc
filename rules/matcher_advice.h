/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matcher_advice - questions that only the check of rules asks the matcher
 *
 * Threads:   as matcher.h. Cost: as a recipient.
 */
#ifndef POSTERN_MATCHER_ADVICE_H
#define POSTERN_MATCHER_ADVICE_H

#include "lookalike.h"
#include "matcher.h"

/*
 * What would protected name number @name of the image be taken for, were it not protected itself?
 * False: for nothing, or it is legitimate all the same, below another name.
 */
bool matcher_neighbour(const struct matcher *m, uint32_t name, struct lookalike_match *ret);

/* For which protected name is the domain taken? False: for none, or it is right. */
bool matcher_taken_for(const struct matcher *m, const char *domain, struct lookalike_match *ret);

/* Is the name, or one below a protected one? A zone does not count. */
bool matcher_is_protected(const struct matcher *m, const char *domain);

/* Is every name below the domain right, or the domain itself protected? */
bool matcher_is_right_below(const struct matcher *m, const char *domain);

#endif
