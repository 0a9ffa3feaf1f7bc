/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options - strict reading of a command line
 *
 * What:      --name VALUE, --name=VALUE, -n VALUE, -nVALUE, "--" ends options, "-" is an operand; options and operands
 *            may be mixed. Names are never abbreviated: a script that works today works after a new option came.
 *            A mistyped name is answered with the one that was probably meant.
 * Errors:    printed here on standard error, with what was wrong and what is expected: cli_next() is a logging function.
 * Threads:   none; no state outside struct cli_parser.
 */
#ifndef POSTERN_CLI_OPTIONS_H
#define POSTERN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct cli_option {
	const char *name;    /* without the dashes; NULL ends the table */
	char letter;	     /* short form, or 0 */
	const char *metavar; /* name of the value in help texts; NULL: takes no value */
	const char *help;
};

struct cli_parser {
	const char *command; /* "postern replay", for messages */
	const struct cli_option *options;
	char **argv;
	int argc;
	int next;	     /* argument to look at */
	int in_cluster;	     /* position inside -abc, 0: none */
	bool operands_only;  /* "--" was seen */
};

enum {
	CLI_END = -1,
	CLI_OPERAND = -2,
	CLI_ERROR = -3, /* already printed */
};

/* @argv[0] is the command's name and is skipped. */
void cli_init(struct cli_parser *p, const char *command, const struct cli_option *options, int argc, char **argv);

/* Index of the next option in the table with *ret_value (NULL without one), or one of the values above. */
int cli_next(struct cli_parser *p, const char **ret_value);

/* The table, aligned, on standard output. */
void cli_print_options(const struct cli_option *options);

/* "COMMAND: MESSAGE" and where to look further, on standard error. Returns 2, the exit code of wrong usage. */
__attribute__((format(printf, 2, 3))) int cli_usage_error(const char *command, const char *fmt, ...);

#endif
