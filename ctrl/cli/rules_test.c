/* SPDX-License-Identifier: BSD-3-Clause */
/* rules_test - postern rules test: addresses with the answers that are expected, compared with
 * those the rules give */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd_rules.h"
#include "dp_clock.h"
#include "matcher.h"
#include "options.h"
#include "rule_date.h"
#include "rules_case.h"
#include "rules_lines.h"
#include "rules_write.h"

#define COMMAND "postern rules test"

enum {
	LINE_MAX_LEN = 64 << 10,
	EXIT_MISMATCH = 1,
	EXIT_WRONG = 2,
};

enum option {
	OPT_RULES,
	OPT_AT,
	OPT_QUIET,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_AT] = {"at", 0, "TIME", "RFC 3339 moment for lines without at= (default: now)"},
	[OPT_QUIET] = {"quiet", 'q', NULL, "no summary; mismatches only"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct test {
	struct rules_judge judge;
	uint64_t ts_ns;
	uint64_t nb_cases, nb_mismatches, nb_faults;
};

static void
print_place(const char *file, uint64_t line, size_t column)
{
	rules_print_str(stdout, file);
	printf(":%" PRIu64 ":%zu: ", line, column);
}

static void
print_expected(const struct rules_case *c)
{
	printf("%s", c->is_match ? "match" : "no match");
	if (c->verdict != 0)
		printf(", verdict %s", rule_verdict_name(c->verdict));
	if (c->rule.text != NULL) {
		printf(" by rule ");
		rules_print(stdout, c->rule.text, c->rule.len);
	}
	if (c->technique >= 0)
		printf(", %s", rule_technique_name((enum rule_technique)c->technique));
	if (c->meant.text != NULL) {
		printf(", meant ");
		rules_print(stdout, c->meant.text, c->meant.len);
	}
}

static void
print_answer(const struct rules_answer *a)
{
	if (!a->is_match) {
		printf("no match");
		return;
	}
	printf("match, verdict %s by %s, %s", rule_verdict_name(a->decision.verdict),
	       a->decision.by, rule_technique_name((enum rule_technique)a->match.technique));
	if (a->match.meant_len > 0) {
		printf(", meant ");
		rules_print(stdout, a->match.meant, a->match.meant_len);
	}
}

static int
run_case(struct test *t, const char *file, uint64_t line, size_t column, const struct rules_case *c)
{
	struct rules_question q = {
		.address = c->address.text,
		.len = c->address.len,
		.sender = c->sender.text != NULL ? c->sender.text : "",
		.sender_len = c->sender.len,
		.ts_ns = c->has_at ? c->at_ns : t->ts_ns,
		.client = c->client,
	};
	struct rules_answer a;

	t->nb_cases++;
	if (rules_judge(&t->judge, &q, &a) < 0) {
		fprintf(stderr,
			COMMAND ": the scan failed; this must not happen, please report it\n");
		return -EIO;
	}
	if (rules_case_holds(c, &a))
		return 0;
	t->nb_mismatches++;
	print_place(file, line, column);
	rules_print(stdout, c->address.text, c->address.len);
	printf(": expected ");
	print_expected(c);
	printf("\n    got ");
	print_answer(&a);
	putchar('\n');
	return 0;
}

static int
run_line(struct test *t, const char *file, const struct rules_lines *l)
{
	struct rules_case_fault fault = {LINE_MAX_LEN, "the line is too long",
					 "65,536 octets are the limit"};
	struct rules_case c;
	int rc = l->is_cut ? -1 : rules_case_read(l->text, l->len, &c, &fault);

	if (rc == 1)
		return run_case(t, file, l->number, (size_t)(c.address.text - l->text) + 1, &c);
	if (rc < 0) {
		t->nb_faults++;
		print_place(file, l->number, fault.offset + 1);
		printf("error: %s\n    %s\n", fault.what, fault.hint);
	}
	return 0;
}

static int
run_file(struct test *t, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *file = is_stdin ? "standard input" : path;
	struct rules_lines lines;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	int rc = 0;

	if (in == NULL) {
		fprintf(stderr, COMMAND ": ");
		rules_print_str(stderr, path);
		fprintf(stderr, ": %s\n", strerror(errno));
		return -EIO;
	}
	rules_lines_init(&lines, in, LINE_MAX_LEN);
	while (rc == 0 && rules_lines_next(&lines))
		rc = run_line(t, file, &lines);
	if (rc == 0 && (lines.failed || ferror(in))) {
		fprintf(stderr, COMMAND ": ");
		rules_print_str(stderr, file);
		fprintf(stderr, ": %s\n", lines.failed ? "out of memory" : strerror(errno));
		rc = -EIO;
	}
	rules_lines_fini(&lines);
	if (!is_stdin)
		fclose(in);
	return rc;
}

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...] FILE... | -\n\n"
	       "Asks the rules about addresses and compares the answers with those that are "
	       "expected. A line of\n"
	       "FILE: ADDRESS match|no-match [meant=DOMAIN] [technique=NAME] [rule=ID] "
	       "[verdict=NAME]\n"
	       "[sender=ADDRESS] [client=IP] [at=TIME]; # begins a comment. Each mismatch is "
	       "printed with its "
	       "place.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 all as expected; 1 mismatches; 2 a file, the rules or the usage "
	       "are wrong.\n");
	return fflush(stdout) != 0 ? EXIT_WRONG : 0;
}

/* An exit code. */
static int
run(struct test *t, const char *rules, char *const *paths, int nb, bool is_quiet)
{
	int rc = rules_judge_open(&t->judge, COMMAND, rules), i, one;

	for (i = 0; i < nb && t->judge.scratch != NULL; i++) {
		one = run_file(t, paths[i]);
		rc = rc == 0 ? one : rc;
	}
	if (rc == 0 && t->nb_cases == 0 && t->nb_faults == 0) {
		fprintf(stderr, COMMAND ": there is no case to test\n");
		rc = -EINVAL;
	}
	if (rc == 0 && !is_quiet)
		printf("%" PRIu64 " as expected, %" PRIu64 " mismatch%s, %" PRIu64
		       " wrong line%s\n",
		       t->nb_cases - t->nb_mismatches, t->nb_mismatches,
		       t->nb_mismatches == 1 ? "" : "es", t->nb_faults,
		       t->nb_faults == 1 ? "" : "s");
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(COMMAND ": standard output");
		rc = -EIO;
	}
	rules_judge_close(&t->judge);
	if (rc < 0 || t->nb_faults > 0)
		return EXIT_WRONG;
	return t->nb_mismatches > 0 ? EXIT_MISMATCH : 0;
}

int
rules_test(int argc, char **argv)
{
	struct test t = {.nb_cases = 0};
	const char *rules = NULL, *value;
	bool is_quiet = false;
	struct cli_parser p;
	int opt, nb = 0, rc = 0;
	char **paths;

	t.ts_ns = dp_clock_ns(CLOCK_REALTIME);
	paths = calloc((size_t)argc + 1, sizeof(*paths));
	if (paths == NULL)
		return EXIT_WRONG;
	cli_init(&p, COMMAND, options, argc, argv);
	while (rc == 0 && (opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_OPERAND)
			paths[nb++] = argv[p.next - 1];
		else if (opt == OPT_RULES)
			rules = value;
		else if (opt == OPT_QUIET)
			is_quiet = true;
		else if (opt == OPT_AT)
			rc = rules_read_at(COMMAND, value, &t.ts_ns);
		else if (opt == OPT_HELP) {
			free(paths);
			return print_help();
		} else
			rc = EXIT_WRONG;
	}
	if (rc == 0 && nb == 0)
		rc = cli_usage_error(COMMAND, "which file? - reads the cases from standard input");
	if (rc == 0)
		rc = run(&t, rules, paths, nb, is_quiet);
	free(paths);
	return rc;
}
