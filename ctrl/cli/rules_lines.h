/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_lines - input for `postern rules`, line by line
 *
 * What:      a line without its LF or CR LF; what is beyond the limit is read and dropped. The last line may lack its end.
 * Ownership: the buffer belongs to the struct and grows to the longest line seen, never beyond the limit.
 */
#ifndef POSTERN_CLI_RULES_LINES_H
#define POSTERN_CLI_RULES_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rules_lines {
	FILE *in;
	size_t max; /* octets kept of a line */
	char *text; /* the line, with a NUL behind it */
	size_t len, cap;
	bool is_cut;	 /* the line was longer */
	bool failed;	 /* out of memory */
	uint64_t number; /* of the line, from 1 */
};

/* The caller keeps and closes @in. */
void rules_lines_init(struct rules_lines *l, FILE *in, size_t max);
void rules_lines_fini(struct rules_lines *l);

/* False at the end of input, on a read error (ferror()) or when memory is short (@failed). */
bool rules_lines_next(struct rules_lines *l);

#endif
