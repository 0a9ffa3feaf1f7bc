/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_diff_table - recipients that two rule sets judge differently, counted
 *
 * What:      one row for each recipient and pair of judgements, with how often it was seen. The rows lie in a temporary
 *            SQLite database that goes to disk when it is large: memory is bounded, whatever the input.
 * Ownership: texts given are copied; texts handed out live until the next row.
 * Errors:    negative errno; rules_diff_table_error() says more.
 */
#ifndef POSTERN_CLI_RULES_DIFF_TABLE_H
#define POSTERN_CLI_RULES_DIFF_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "rules_judge.h"

struct rules_diff_table;

/* What one rule set says. */
struct rules_judgement {
	bool is_match;
	int technique; /* enum rule_technique */
	enum rule_verdict verdict;
	const char *by; /* "rule:ID" and so on; "" without a match */
	const char *meant;
	size_t meant_len;
};

void rules_judgement_of(const struct rules_answer *a, struct rules_judgement *ret);
/* Verdict, technique and what is meant; who decides is a detail. */
bool rules_judgement_equal(const struct rules_judgement *a, const struct rules_judgement *b);

int rules_diff_table_open(struct rules_diff_table **ret);
void rules_diff_table_close(struct rules_diff_table *t);
const char *rules_diff_table_error(const struct rules_diff_table *t);

int rules_diff_table_add(struct rules_diff_table *t, const char *address, size_t len,
			 const struct rules_judgement *was, const struct rules_judgement *is);

/* Number of different recipients. */
int rules_diff_table_count(struct rules_diff_table *t, uint64_t *ret_nb);

/* Call @each for every row, the most frequent first, then by address. Negative of @each ends it. */
int rules_diff_table_each(struct rules_diff_table *t,
			  int (*each)(void *ctx, const char *address, size_t len, uint64_t count,
				      const struct rules_judgement *was,
				      const struct rules_judgement *is),
			  void *ctx);

#endif
