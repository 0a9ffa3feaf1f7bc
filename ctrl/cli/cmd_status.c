/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd_control.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control_ask.h"
#include "dp_clock.h"
#include "options.h"
#include "status_text.h"

#define COMMAND "postern status"

enum option {
	OPT_WATCH,
	OPT_JSON,
	OPT_STATE,
	OPT_RUN,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_WATCH] = {"watch", 'w', NULL, "again every second, with rates, until interrupted or the run ends"},
	[OPT_JSON] = {"json", 'j', NULL, "the answer of the run as it is: one JSON object per line"},
	[OPT_STATE] = {"state", 's', "DIR", "state folder of the run (default: the only run there is)"},
	[OPT_RUN] = {"run", 0, "DIR", "the run's own folder"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct status_args {
	struct control_target target;
	bool watch, json;
};

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...]\n\n"
	       "Shows what a running postern does: rules in force in each worker, packets, sessions,\n"
	       "alerts, what was dropped and why, how far the control process is behind.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 done; 4 no run answers.\n");
	return fflush(stdout) != 0 ? 1 : 0;
}

static double
now_s(void)
{
	return (double)dp_clock_ns(CLOCK_MONOTONIC) / 1e9;
}

/* 0, 4, or -1 when standard output is gone. */
static int
show(const struct status_args *a, const char *dir, struct status_rates *rates)
{
	json_t *answer;
	int rc = control_ask(COMMAND, dir, "{\"command\":\"status\"}", CONTROL_ASK_MS, &answer);

	if (rc != 0)
		return rc;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		status_text_error(stderr, COMMAND, answer);
		rc = 4;
	} else if (a->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		if (a->watch && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		else if (rates->valid)
			putchar('\n');
		status_text_print(stdout, answer, rates, now_s());
	}
	json_decref(answer);
	return fflush(stdout) != 0 || ferror(stdout) ? -1 : rc;
}

/* 0: go on; else *ret_code is the exit code. */
static int
read_args(struct status_args *a, int argc, char **argv, int *ret_code)
{
	struct cli_parser p;
	const char *value;
	int opt;

	*a = (struct status_args){.watch = false};
	cli_init(&p, COMMAND, options, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		*ret_code = 2;
		if (opt == CLI_ERROR)
			return 1;
		if (opt == CLI_OPERAND) {
			cli_usage_error(COMMAND, "what is \"%.200s\"? It takes no operands", argv[p.next - 1]);
			return 1;
		}
		if (opt == OPT_HELP) {
			*ret_code = print_help();
			return 1;
		}
		if (opt == OPT_STATE)
			a->target.state = value;
		else if (opt == OPT_RUN)
			a->target.run = value;
		else if (opt == OPT_WATCH)
			a->watch = true;
		else
			a->json = true;
	}
	return 0;
}

int
cmd_status(int argc, char **argv)
{
	const struct timespec second = {1, 0};
	struct status_rates rates = {.valid = false};
	struct status_args a;
	char dir[PATH_MAX];
	int code, shown = 0;

	if (read_args(&a, argc, argv, &code) != 0)
		return code;
	code = control_choose(COMMAND, &a.target, dir, sizeof(dir));
	if (code != 0)
		return code;
	signal(SIGPIPE, SIG_IGN);
	while ((code = show(&a, dir, &rates)) == 0) {
		shown++;
		if (!a.watch)
			return 0;
		nanosleep(&second, NULL);
	}
	/* A watched run that ends is what was waited for; a reader that has gone had enough. */
	if (a.watch && shown > 0)
		return 0;
	return code < 0 ? 1 : code;
}
