/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dp_clock.h"
#include "options.h"
#include "rule_date.h"
#include "rules_write.h"

enum option {
	OPT_RULES,
	OPT_AT,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_AT] = {"at", 0, "TIME", "moment at which exceptions are judged (default: now)"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

enum check_option {
	CHECK_AT,
	CHECK_HELP,
	CHECK_NB,
};

static const struct cli_option check_options[] = {
	[CHECK_AT] = {"at", 0, "TIME", "moment at which exceptions are judged (default: now)"},
	[CHECK_HELP] = {"help", 'h', NULL, "this text"},
	[CHECK_NB] = {NULL, 0, NULL, NULL},
};

static int
end_output(int rc)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("postern rules: standard output");
		return 2;
	}
	return rc;
}

static const char *
plural(size_t nb)
{
	return nb == 1 ? "" : "s";
}

/* Errors, and all that is doubtful when there are none. */
static int
check_load(const char *path, uint64_t at_ns, struct rule_errors *errs, struct ruleset **ret_set)
{
	char shipped[PATH_MAX];
	int rc;

	memset(errs, 0, sizeof(*errs));
	path = rules_path(path, stdout, shipped);
	if (path == NULL)
		return -ENOENT;
	rc = ruleset_load_at(path, 1, at_ns, errs, ret_set);
	if (rc == 0 && (rc = ruleset_advise(*ret_set, errs)) < 0)
		ruleset_free(*ret_set);
	rules_print_errors(stdout, errs);
	if (rc < 0 && errs->nb == 0)
		printf("postern rules: %s\n", strerror(-rc));
	return rc;
}

static int
check_path(const char *path, uint64_t at_ns)
{
	struct rule_errors errs;
	struct ruleset *set;
	size_t warnings;
	int rc;

	rc = check_load(path, at_ns, &errs, &set);
	warnings = errs.nb - (errs.nb_errors < errs.nb ? errs.nb_errors : errs.nb);
	if (rc == 0) {
		rules_print_str(stdout, path != NULL ? path : ruleset_name(set));
		printf(": good: %zu rule%s, %zu exception%s, %zu warning%s\n",
		       ruleset_nb_rules(set), plural(ruleset_nb_rules(set)),
		       ruleset_nb_exceptions(set), plural(ruleset_nb_exceptions(set)), warnings,
		       plural(warnings));
		ruleset_free(set);
	} else if (errs.nb_errors > 0) {
		rules_print_str(stdout, path != NULL ? path : "rules");
		printf(": wrong: %zu error%s, %zu warning%s; nothing of it would be loaded\n",
		       errs.nb_errors, plural(errs.nb_errors), warnings, plural(warnings));
	}
	rule_errors_free(&errs);
	return rc < 0 ? 2 : warnings > 0 ? 1 : 0;
}

static int
check_help(void)
{
	printf("Usage: postern rules check [OPTION...] [PATH...]\n\n"
	       "Reads rule files or folders and prints every error and warning with its place.\n"
	       "Without PATH: the rules that ship.\n\n");
	cli_print_options(check_options);
	printf("\nExit codes: 0 good; 1 warnings; 2 errors.\n");
	return end_output(0);
}

static int
cmd_check(int argc, char **argv)
{
	struct cli_parser p;
	const char *value, **paths;
	int opt, rc = 0, one, nb = 0, i;
	uint64_t at_ns = 0;

	paths = calloc((size_t)argc + 1, sizeof(*paths));
	if (paths == NULL)
		return 2;
	cli_init(&p, "postern rules check", check_options, argc, argv);
	while (rc == 0 && (opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_OPERAND) {
			paths[nb++] = argv[p.next - 1];
		} else if (opt == CHECK_AT) {
			rc = rules_read_at("postern rules check", value, &at_ns);
		} else {
			free(paths);
			return opt == CHECK_HELP ? check_help() : 2;
		}
	}
	if (rc != 0) {
		free(paths);
		return rc;
	}
	if (nb == 0)
		rc = check_path(NULL, at_ns);
	for (i = 0; i < nb; i++) {
		one = check_path(paths[i], at_ns);
		rc = one > rc ? one : rc;
	}
	free(paths);
	return end_output(rc);
}

static const char *
severity_name(uint8_t severity)
{
	static const char *const names[] = {"default", "low", "medium", "high", "critical"};

	return severity < 5 ? names[severity] : "?";
}

static void
list_rules(const struct ruleset *set)
{
	char techniques[512];
	uint32_t i;
	int t;

	printf("%-24s %-8s %-9s %-8s %-24s %s\n", "RULE", "VERDICT", "SEVERITY", "ENABLED",
	       "TECHNIQUES", "WHERE");
	for (i = 0; i < ruleset_nb_rules(set); i++) {
		const struct rule_info *r = ruleset_rule(set, i);
		size_t used = 0;

		techniques[0] = '\0';
		for (t = 0; t < RULE_TECHNIQUE_NB && used < sizeof(techniques); t++)
			if ((ruleset_rule_techniques(set, i) & UINT64_C(1) << t) != 0)
				used += (size_t)snprintf(
					techniques + used, sizeof(techniques) - used, "%s%s",
					used > 0 ? "," : "", rule_technique_name(t));
		printf("%-24s %-8s %-9s %-8s %-24s ", r->id, rule_verdict_name(r->verdict),
		       severity_name(r->severity), r->enabled ? "yes" : "no", techniques);
		rules_print_str(stdout, r->file);
		printf(":%d%s\n", r->line, ruleset_rule_is_scoped(set, i) ? ", some senders only" : "");
	}
}

static void
print_date(uint64_t ns, bool is_limit)
{
	char date[RULE_DATE_LEN] = "-";

	if (is_limit)
		rule_date_write(ns, date);
	printf("%-21s ", date);
}

static const char *
state_name(const struct exception_info *x, uint64_t at_ns)
{
	return at_ns >= x->until_ns ? "ended" : at_ns < x->from_ns ? "not yet" : "works";
}

static void
list_exceptions(const struct ruleset *set, uint64_t at_ns)
{
	struct exception_info x;
	size_t i;

	if (ruleset_nb_exceptions(set) == 0)
		return;
	printf("\n%-24s %-8s %-21s %-21s %s\n", "EXCEPTION", "STATE", "FROM", "UNTIL", "FOR");
	for (i = 0; i < ruleset_nb_exceptions(set); i++) {
		ruleset_exception(set, i, &x);
		printf("%-24s %-8s ", x.id, state_name(&x, at_ns));
		print_date(x.from_ns, x.from_ns != 0);
		print_date(x.until_ns, x.until_ns != UINT64_MAX);
		printf("%s ", x.kind);
		if (x.local != NULL) {
			rules_print_str(stdout, x.local);
			putchar('@');
		}
		rules_print_str(stdout, x.domain);
		printf("%s (", x.has_sender ? ", some senders only" : "");
		rules_print_str(stdout, x.file);
		printf(":%d)\n", x.line);
	}
}

static int
cmd_list(int argc, char **argv)
{
	const char *path = NULL, *value;
	struct rule_errors errs;
	struct ruleset *set;
	struct cli_parser p;
	uint64_t at_ns;
	int opt;

	at_ns = dp_clock_ns(CLOCK_REALTIME);
	cli_init(&p, "postern rules list", options, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_ERROR)
			return 2;
		if (opt == CLI_OPERAND)
			return cli_usage_error(
				"postern rules list",
				"what is \"%.200s\"? Rules are named with --rules PATH",
				argv[p.next - 1]);
		if (opt == OPT_RULES) {
			path = value;
			continue;
		}
		if (opt == OPT_AT) {
			if (rules_read_at("postern rules list", value, &at_ns) != 0)
				return 2;
			continue;
		}
		printf("Usage: postern rules list [OPTION...]\n\nLists rules and exceptions, and "
		       "where they stand.\n\n");
		cli_print_options(options);
		return end_output(0);
	}
	if (rules_open(path, stderr, &errs, &set) < 0) {
		rule_errors_free(&errs);
		return 2;
	}
	list_rules(set);
	list_exceptions(set, at_ns);
	ruleset_free(set);
	rule_errors_free(&errs);
	return end_output(0);
}

static int
print_help(void)
{
	printf("Usage: postern rules COMMAND [OPTION...]\n\nCommands:\n"
	       "  check     read rule files, print every error and warning with its place\n"
	       "  list      list rules and exceptions\n"
	       "  explain   say what is decided about an address, and why\n"
	       "  expand    list the lookalikes of a protected domain\n"
	       "  test      compare answers with those that are expected\n"
	       "  diff      say which recipients of a log or capture two rule sets judge differently\n\n"
	       "\"postern rules COMMAND --help\" tells more.\n");
	return end_output(0);
}

int
cmd_rules(int argc, char **argv)
{
	if (argc < 2)
		return cli_usage_error("postern rules",
				       "which command? There are check, list, explain, expand, test, diff");
	if (strcmp(argv[1], "check") == 0)
		return cmd_check(argc - 1, argv + 1);
	if (strcmp(argv[1], "list") == 0)
		return cmd_list(argc - 1, argv + 1);
	if (strcmp(argv[1], "explain") == 0)
		return rules_explain(argc - 1, argv + 1);
	if (strcmp(argv[1], "expand") == 0)
		return rules_expand(argc - 1, argv + 1);
	if (strcmp(argv[1], "test") == 0)
		return rules_test(argc - 1, argv + 1);
	if (strcmp(argv[1], "diff") == 0)
		return rules_diff(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help();
	return cli_usage_error("postern rules",
			       "unknown command \"%.200s\"; there are check, list, explain, expand, test, diff",
			       argv[1]);
}
