/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * popular_names - domains to which so many people write that a rule which takes one for a slip is hardly meant
 *
 * What:      large mail providers, companies, universities and organisations, put together by hand. It is asked about when
 *            rules are checked, never when mail is judged.
 */
#ifndef POSTERN_POPULAR_NAMES_H
#define POSTERN_POPULAR_NAMES_H

#include <stddef.h>

/* The name of that number; NULL: there is none from here on. */
const char *popular_name(size_t i);

#endif
