/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_error_print - one fault of a rule file as one line: "file:line:column: error: what; hint"
 */
#ifndef POSTERN_RULE_ERROR_PRINT_H
#define POSTERN_RULE_ERROR_PRINT_H

#include <stdio.h>

#include "ruleset.h"

void rule_error_print(FILE *out, const struct rule_error *e);

#endif
