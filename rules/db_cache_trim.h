/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * db_cache_trim - keeps the folder of compiled databases within its limits
 *
 * What:      removes the longest unused files (by time of modification, which a use renews) until octets and number are
 *            within their limits, and what writers left that died an hour ago. Other files are left alone.
 * Threads:   none; two processes at it remove the same files, or each one more than needed.
 */
#ifndef POSTERN_DB_CACHE_TRIM_H
#define POSTERN_DB_CACHE_TRIM_H

#include <stdint.h>

#include "db_cache.h"

#define DB_CACHE_SUFFIX ".db"
#define DB_CACHE_TMP_PREFIX ".tmp-"

enum {
	DB_CACHE_NAME_LEN = 2 * DB_CACHE_KEY_LEN + sizeof(DB_CACHE_SUFFIX), /* with NUL */
	DB_CACHE_TMP_AGE_S = 3600,
};

/* @dir: descriptor of the folder. @keep: a name that stays. */
void db_cache_trim(int dir, uint64_t octets_max, const char *keep);

#endif
