/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_check - faults that show only when all files are read: what stands twice, what can never work
 */
#ifndef POSTERN_RULE_CHECK_H
#define POSTERN_RULE_CHECK_H

#include <stdint.h>

#include "rule_errors.h"
#include "rule_model.h"

/* @now_ns: against which exceptions have expired, or will within 30 days (warnings). */
void rule_check(const struct rule_model *m, uint64_t now_ns, struct rule_errors *errs);

#endif
