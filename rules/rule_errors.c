/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
rule_errors_add(struct rule_errors *errs, enum rule_level level, const struct rule_place *at,
		const char *hint, const char *fmt, ...)
{
	struct rule_error e = {.level = level, .line = at->line, .column = at->column}, *list;
	va_list ap;

	errs->nb_errors += level == RULE_ERROR;
	if (errs->nb > RULE_ERRORS_MAX)
		return;
	list = realloc(errs->list, (errs->nb + 1) * sizeof(*list));
	if (list == NULL)
		return;
	errs->list = list;
	e.file = strdup(at->file != NULL ? at->file : "");
	if (errs->nb == RULE_ERRORS_MAX) {
		e.what = strdup("too many errors: the rest is not shown");
		e.line = e.column = 0;
		hint = NULL;
	} else {
		va_start(ap, fmt);
		if (vasprintf(&e.what, fmt, ap) < 0)
			e.what = NULL;
		va_end(ap);
	}
	e.hint = hint != NULL ? strdup(hint) : NULL;
	if (e.file == NULL || e.what == NULL || (hint != NULL && e.hint == NULL)) {
		free(e.file);
		free(e.what);
		free(e.hint);
		return;
	}
	errs->list[errs->nb++] = e;
}

static int
compare(const struct rule_error *a, const struct rule_error *b)
{
	int c = strcmp(a->file, b->file);

	if (c == 0)
		c = (a->line > b->line) - (a->line < b->line);
	if (c == 0)
		c = (a->column > b->column) - (a->column < b->column);
	return c;
}

/* Insertion sort: stable, and the list is short and nearly in order. */
void
rule_errors_sort(struct rule_errors *errs)
{
	struct rule_error e;
	size_t i, j;

	for (i = 1; i < errs->nb; i++) {
		e = errs->list[i];
		for (j = i; j > 0 && compare(&errs->list[j - 1], &e) > 0; j--)
			errs->list[j] = errs->list[j - 1];
		errs->list[j] = e;
	}
}

void
rule_errors_free(struct rule_errors *errs)
{
	size_t i;

	for (i = 0; i < errs->nb; i++) {
		free(errs->list[i].file);
		free(errs->list[i].what);
		free(errs->list[i].hint);
	}
	free(errs->list);
	memset(errs, 0, sizeof(*errs));
}
