/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_case - one line of a file for `postern rules test`: an address and the answer that is expected
 *
 * Form:      ADDRESS match|no-match [KEY=VALUE ...], separated by blanks and tabs; "#" at the start of a word begins a
 *            comment; empty lines are nothing. A blank inside double quotes belongs to the address, and so does all
 *            between < and >. Keys: meant, technique, rule, verdict (what the answer must say) and sender, client, at (what
 *            is asked). See the manual page.
 * Ownership: texts point into the line, which must outlive the case.
 * Threads:   pure functions.
 * Hostile:   any octets (fuzzed); a test file is its author's.
 */
#ifndef POSTERN_CLI_RULES_CASE_H
#define POSTERN_CLI_RULES_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules_judge.h"

struct rules_case_text {
	const char *text; /* NULL: not given */
	size_t len;
};

struct rules_case {
	struct rules_case_text address, meant, rule, sender;
	bool is_match;
	int technique;		   /* enum rule_technique, -1: any */
	enum rule_verdict verdict; /* 0: any */
	struct rules_client client; /* family 0: not given */
	bool has_at;
	uint64_t at_ns;
};

struct rules_case_fault {
	size_t offset;	  /* octets of the line before it */
	const char *what; /* static texts */
	const char *hint;
};

/* 1: a case; 0: nothing on the line; -1: a fault, *ret_fault filled. */
int rules_case_read(const char *line, size_t len, struct rules_case *ret,
		    struct rules_case_fault *ret_fault);

/* Is the answer the one expected? */
bool rules_case_holds(const struct rules_case *c, const struct rules_answer *a);

#endif
