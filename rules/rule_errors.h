/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_errors - what is wrong in rule files, collected (struct rule_errors: ruleset.h)
 */
#ifndef POSTERN_RULE_ERRORS_H
#define POSTERN_RULE_ERRORS_H

#include "ruleset.h"

enum {
	RULE_ERRORS_MAX = 1000, /* errors kept; one more says how it ended */
};

/* Where something stands in a rule file. */
struct rule_place {
	const char *file;
	int line, column;
};

/* Add one entry. @hint may be NULL. Out of memory: the entry is lost, the count of errors is not. */
void rule_errors_add(struct rule_errors *errs, enum rule_level level, const struct rule_place *at,
		     const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* By file, line and column; what came first stays first. */
void rule_errors_sort(struct rule_errors *errs);

#endif
