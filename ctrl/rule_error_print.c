/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_error_print.h"

#include <string.h>

#include "safe_text.h"

void
rule_error_print(FILE *out, const struct rule_error *e)
{
	const char *level = e->level == RULE_ERROR ? "error" : "warning";
	char file[1024], what[1024], hint[1024] = "";

	safe_text(file, sizeof(file), e->file != NULL ? e->file : "", e->file != NULL ? strlen(e->file) : 0);
	safe_text(what, sizeof(what), e->what, strlen(e->what));
	if (e->hint != NULL)
		safe_text(hint, sizeof(hint), e->hint, strlen(e->hint));
	fputs(file, out);
	if (e->line > 0)
		fprintf(out, ":%d:%d", e->line, e->column);
	fprintf(out, ": %s: %s%s%s\n", level, what, hint[0] != '\0' ? "; " : "", hint);
}
