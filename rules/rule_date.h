/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_date - dates in rule files and on the command line
 *
 * What:      an RFC 3339 full-date (UTC) or date-time with its offset, as ns since the epoch. Years 1970 to 2553.
 * Source:    RFC 3339 §5.6. A leap second (:60) counts as the second after :59.
 */
#ifndef POSTERN_RULE_DATE_H
#define POSTERN_RULE_DATE_H

#include <stdint.h>

/*
 * 0: *ret_from is the first ns of what @text names and *ret_until the first ns after it (a day; for a date-time
 * the moment itself, both times). -EINVAL: no such date. Either output may be NULL.
 */
int rule_date_read(const char *text, uint64_t *ret_from_ns, uint64_t *ret_until_ns);

/* YYYY-MM-DDTHH:MM:SSZ, the fraction cut. */
enum {
	RULE_DATE_LEN = 32,
};
void rule_date_write(uint64_t ts_ns, char buf[RULE_DATE_LEN]);

#endif
