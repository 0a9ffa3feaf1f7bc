/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd_control.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "control_ask.h"
#include "options.h"
#include "safe_text.h"

enum {
	RELOAD_LIMIT_MS = 10 * 60 * 1000, /* tens of thousands of expressions may take minutes to compile */
	EXIT_WRONG = 2,
	EXIT_FAILED = 4,
};

enum option {
	OPT_STATE,
	OPT_RUN,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_STATE] = {"state", 's', "DIR", "state folder of the run (default: the only run there is)"},
	[OPT_RUN] = {"run", 0, "DIR", "the run's own folder"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

static void
print_text(FILE *out, const char *text)
{
	char shown[8192];

	safe_text(shown, sizeof(shown), text, strlen(text));
	fputs(shown, out);
}

static const char *
string_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s != NULL ? s : "";
}

/* "file:line:column: error: what; hint" */
static void
print_errors(const json_t *answer)
{
	json_int_t omitted = json_integer_value(json_object_get(answer, "errors_omitted"));
	json_t *errors = json_object_get(answer, "errors"), *e;
	size_t i;

	json_array_foreach(errors, i, e)
	{
		json_int_t line = json_integer_value(json_object_get(e, "line"));
		json_int_t column = json_integer_value(json_object_get(e, "column"));

		print_text(stderr, string_of(e, "file"));
		if (line > 0)
			fprintf(stderr, ":%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT, line, column);
		fputs(": ", stderr);
		print_text(stderr, string_of(e, "level"));
		fputs(": ", stderr);
		print_text(stderr, string_of(e, "what"));
		if (string_of(e, "hint")[0] != '\0') {
			fputs("; ", stderr);
			print_text(stderr, string_of(e, "hint"));
		}
		fputc('\n', stderr);
	}
	if (omitted > 0)
		fprintf(stderr, "%" JSON_INTEGER_FORMAT " more are not shown\n", omitted);
}

/* The options of @command. 0: go on; else *ret_code is the exit code. */
static int
read_options(const char *command, const char *what, int argc, char **argv, struct control_target *ret, int *ret_code)
{
	struct cli_parser p;
	const char *value;
	int opt;

	*ret = (struct control_target){NULL, NULL};
	cli_init(&p, command, options, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		*ret_code = 2;
		if (opt == CLI_ERROR)
			return 1;
		if (opt == CLI_OPERAND) {
			cli_usage_error(command, "what is \"%.200s\"? It takes no operands", argv[p.next - 1]);
			return 1;
		}
		if (opt == OPT_HELP) {
			printf("Usage: %s [OPTION...]\n\n%s\n\n", command, what);
			cli_print_options(options);
			*ret_code = fflush(stdout) != 0 ? 1 : 0;
			return 1;
		}
		if (opt == OPT_STATE)
			ret->state = value;
		else
			ret->run = value;
	}
	return 0;
}

static int
ask(const char *command, const struct control_target *t, const char *question, int limit_ms, json_t **ret)
{
	char dir[PATH_MAX];
	int rc = control_choose(command, t, dir, sizeof(dir));

	return rc != 0 ? rc : control_ask(command, dir, question, limit_ms, ret);
}

static int
print_reload(const json_t *answer)
{
	bool ok = json_is_true(json_object_get(answer, "ok"));

	print_errors(answer);
	if (!ok) {
		fputs("postern reload: ", stderr);
		print_text(stderr, string_of(answer, "error"));
		fputc('\n', stderr);
		return strcmp(string_of(answer, "outcome"), "wrong") == 0 ? EXIT_WRONG : EXIT_FAILED;
	}
	fputs("rules ", stdout);
	print_text(stdout, string_of(answer, "outcome"));
	fputs(": ", stdout);
	print_text(stdout, string_of(answer, "text"));
	printf(" (%.1f ms, of which compiling %.1f ms)\n",
	       (double)json_integer_value(json_object_get(answer, "all_us")) / 1e3,
	       (double)json_integer_value(json_object_get(answer, "compile_us")) / 1e3);
	return fflush(stdout) != 0 ? EXIT_FAILED : 0;
}

int
cmd_reload(int argc, char **argv)
{
	static const char command[] = "postern reload";
	struct control_target t;
	json_t *answer;
	int code;

	if (read_options(command,
			 "Reads the rules of a run again. What is wrong with them is printed with its place, and the\n"
			 "rules before stay in force. Exit codes: 0 every worker has them; 2 they are wrong; 4 no run\n"
			 "answers, or the dataplane did not take them.",
			 argc, argv, &t, &code) != 0)
		return code;
	code = ask(command, &t, "{\"command\":\"reload\"}", RELOAD_LIMIT_MS, &answer);
	if (code != 0)
		return code;
	code = print_reload(answer);
	json_decref(answer);
	return code;
}

int
cmd_reopen(int argc, char **argv)
{
	static const char command[] = "postern reopen";
	struct control_target t;
	json_t *answer;
	int code;

	if (read_options(command,
			 "Lets a run open its file of alerts again, after it was renamed (by logrotate): what comes next\n"
			 "is written into a new file of the old name. Exit codes: 0 done; 4 no run answers, or the new\n"
			 "file cannot be opened, and the old one is still written to.",
			 argc, argv, &t, &code) != 0)
		return code;
	code = ask(command, &t, "{\"command\":\"reopen\"}", CONTROL_ASK_MS, &answer);
	if (code != 0)
		return code;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fputs("postern reopen: ", stderr);
		print_text(stderr, string_of(answer, "error"));
		fputc('\n', stderr);
		code = EXIT_FAILED;
	}
	json_decref(answer);
	return code;
}
