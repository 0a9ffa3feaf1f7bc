/* SPDX-License-Identifier: BSD-3-Clause */
/* rules_open - rule sets loaded for a command, with everything that is wrong printed */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmd_rules.h"
#include "db_cache.h"
#include "options.h"
#include "paths.h"
#include "rule_date.h"
#include "rules_judge.h"
#include "rules_write.h"

static void
print_error(FILE *out, const struct rule_error *e)
{
	rules_print_str(out, e->file);
	if (e->line > 0)
		fprintf(out, ":%d:%d", e->line, e->column);
	fprintf(out, "%s%s: ", e->file[0] != '\0' ? ": " : "",
		e->level == RULE_ERROR ? "error" : "warning");
	rules_print_str(out, e->what);
	if (e->hint != NULL) {
		fputs("\n    ", out);
		rules_print_str(out, e->hint);
	}
	fputc('\n', out);
}

void
rules_print_errors(FILE *out, const struct rule_errors *errs)
{
	size_t i;

	for (i = 0; i < errs->nb; i++)
		print_error(out, &errs->list[i]);
}

const char *
rules_path(const char *path, FILE *out, char shipped[PATH_MAX])
{
	if (path != NULL)
		return path;
	if (paths_default_rules(shipped, PATH_MAX) >= 0)
		return shipped;
	fprintf(out, "postern rules: the rules that ship are not found; name yours "
		     "with --rules PATH\n");
	return NULL;
}

int
rules_open(const char *path, FILE *out, struct rule_errors *ret_errs, struct ruleset **ret_set)
{
	char shipped[PATH_MAX];
	struct db_cache cache;
	int rc;

	memset(ret_errs, 0, sizeof(*ret_errs));
	path = rules_path(path, out, shipped);
	if (path == NULL)
		return -ENOENT;
	db_cache_open(&cache, NULL, 0);
	rc = ruleset_load_cached(path, 1, &cache, ret_errs, ret_set);
	rules_print_errors(out, ret_errs);
	if (rc < 0 && ret_errs->nb == 0)
		fprintf(out, "postern rules: %s\n", strerror(-rc));
	return rc;
}

int
rules_judge_open(struct rules_judge *j, const char *command, const char *path)
{
	struct rule_errors errs;
	struct ruleset *set;
	int rc;

	memset(j, 0, sizeof(*j));
	rc = rules_open(path, stderr, &errs, &set);
	rule_errors_free(&errs);
	if (rc < 0)
		return rc;
	rc = rules_judge_take(j, set);
	if (rc < 0)
		fprintf(stderr, "%s: the compiled rules can't be used: %s\n", command,
			strerror(-rc));
	return rc;
}

int
rules_read_at(const char *command, const char *text, uint64_t *ret_ns)
{
	if (rule_date_read(text, ret_ns, NULL) == 0)
		return 0;
	return cli_usage_error(command,
			       "--at \"%.100s\" is no date; write 2026-01-31 or 2026-01-31T18:00:00Z",
			       text);
}
