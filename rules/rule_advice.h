/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_advice - what is doubtful in a set that loads: rules that can't find anything, names that
 * lie near each other or near names of others, exceptions that nobody answers for
 *
 * Cost:      one question to the matcher for each protected and each popular name, and sorts of
 * what the files have.
 */
#ifndef POSTERN_RULE_ADVICE_H
#define POSTERN_RULE_ADVICE_H

#include "matcher.h"
#include "rule_errors.h"
#include "rule_model.h"

/* @m and @matcher are of the same set. Warnings only. 0 or -ENOMEM. */
int rule_advice(const struct rule_model *m, const struct matcher *matcher,
		struct rule_errors *errs);
/* The part of it about what can never match (rule_unused.c). */
int rule_advice_unused(const struct rule_model *m, const struct matcher *matcher,
		       struct rule_errors *errs);

#endif
