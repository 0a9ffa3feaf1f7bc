/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_rules_case - any octets as a line of a test file
 *
 * What was read must lie inside the line, and a line put together again from it must be read the
 * same way.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matcher.h"
#include "rules_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static void
check_inside(const struct rules_case_text *t, const char *line, size_t len)
{
	if (t->text != NULL)
		require(t->text >= line && t->text + t->len <= line + len);
}

static bool
same(const struct rules_case_text *a, const struct rules_case_text *b)
{
	return (a->text == NULL) == (b->text == NULL) && a->len == b->len &&
	       (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

static void
put_text(FILE *out, const char *key, const struct rules_case_text *t)
{
	if (t->text == NULL)
		return;
	fprintf(out, "\t%s=", key);
	fwrite(t->text, 1, t->len, out);
}

/* The case as a line again; without at=, whose text is gone. */
static void
check_again(const struct rules_case *c)
{
	struct rules_case_fault fault;
	struct rules_case again;
	char *line = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&line, &len);

	require(out != NULL);
	fwrite(c->address.text, 1, c->address.len, out);
	fputs(c->is_match ? "  match" : "  no-match", out);
	put_text(out, "meant", &c->meant);
	put_text(out, "rule", &c->rule);
	if (c->sender.text != NULL) { /* in brackets: it may look like some already */
		fputs(" sender=<", out);
		fwrite(c->sender.text, 1, c->sender.len, out);
		fputs(">", out);
	}
	if (c->technique >= 0)
		fprintf(out, " technique=%s",
			rule_technique_name((enum rule_technique)c->technique));
	if (c->verdict != 0)
		fprintf(out, " verdict=%s", rule_verdict_name(c->verdict));
	fputs(" # end", out);
	require(fclose(out) == 0);
	require(rules_case_read(line, len, &again, &fault) == 1);
	require(same(&again.address, &c->address) && same(&again.meant, &c->meant) &&
		same(&again.rule, &c->rule) && same(&again.sender, &c->sender));
	require(again.is_match == c->is_match && again.technique == c->technique &&
		again.verdict == c->verdict);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct rules_case_fault fault;
	struct rules_case c;
	int rc;

	rc = rules_case_read(line, size, &c, &fault);
	require(rc >= -1 && rc <= 1);
	if (rc < 0)
		require(fault.offset <= size && fault.what != NULL && fault.hint != NULL);
	if (rc != 1)
		return 0;
	require(c.address.len > 0);
	check_inside(&c.address, line, size);
	check_inside(&c.meant, line, size);
	check_inside(&c.rule, line, size);
	check_inside(&c.sender, line, size);
	check_again(&c);
	return 0;
}
