/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_rules - postern rules check|list|explain
 *
 * What:      rule files checked, listed and asked. Octets from files and addresses reach a terminal through
 *            safe_text() only.
 * Exit code: check 0, 1 (warnings) or 2 (errors); list and explain 0, or 2 when the rules or the usage are wrong.
 */
#ifndef POSTERN_CLI_CMD_RULES_H
#define POSTERN_CLI_CMD_RULES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ruleset.h"

/* @argv[0] is "rules". */
int cmd_rules(int argc, char **argv);

/* @argv[0] is the command's name. */
int rules_diff(int argc, char **argv);
int rules_expand(int argc, char **argv);
int rules_explain(int argc, char **argv);
int rules_test(int argc, char **argv);

/* The value of --at. 0, or 2 with the fault printed. */
int rules_read_at(const char *command, const char *text, uint64_t *ret_ns);

/*
 * What the commands share. Load @path (NULL: the rules that ship); errors and warnings are printed to @out.
 * 0 or negative. *ret_errs is for rule_errors_free() in any case.
 */
int rules_open(const char *path, FILE *out, struct rule_errors *ret_errs, struct ruleset **ret_set);
/* @path, or where the rules that ship stand, in @shipped; NULL: they are not found, which is said on @out. */
const char *rules_path(const char *path, FILE *out, char shipped[PATH_MAX]);
void rules_print_errors(FILE *out, const struct rule_errors *errs);

#endif
