/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_lines.h"

#include <stdlib.h>
#include <string.h>

enum {
	CAP_FIRST = 256,
};

void
rules_lines_init(struct rules_lines *l, FILE *in, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->in = in;
	l->max = max;
}

void
rules_lines_fini(struct rules_lines *l)
{
	free(l->text);
	l->text = NULL;
}

/* Room for one more octet and the NUL. */
static bool
grow(struct rules_lines *l)
{
	size_t cap = l->cap > 0 ? 2 * l->cap : CAP_FIRST;
	char *bigger;

	if (l->len + 1 < l->cap)
		return true;
	bigger = realloc(l->text, cap);
	if (bigger == NULL) {
		l->failed = true;
		return false;
	}
	l->text = bigger;
	l->cap = cap;
	return true;
}

bool
rules_lines_next(struct rules_lines *l)
{
	int c = getc_unlocked(l->in);

	l->len = 0;
	l->is_cut = false;
	if (c == EOF || !grow(l))
		return false;
	l->number++;
	for (; c != EOF && c != '\n'; c = getc_unlocked(l->in)) {
		if (l->len == l->max) {
			l->is_cut = true;
			continue;
		}
		if (!grow(l))
			return false;
		l->text[l->len++] = (char)c;
	}
	if (ferror(l->in))
		return false;
	if (!l->is_cut && l->len > 0 && l->text[l->len - 1] == '\r')
		l->len--;
	l->text[l->len] = '\0';
	return true;
}
