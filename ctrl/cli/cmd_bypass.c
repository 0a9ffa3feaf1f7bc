/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_bypass - postern bypass on --for 10m | off | status: let mail go on uninspected, for a while
 *
 * What:      orders it through the control socket and waits until every worker follows.
 */
#include "cmd_control.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bypass.h"
#include "control_ask.h"
#include "options.h"
#include "status_text.h"
#include "units.h"

#define COMMAND "postern bypass"

enum {
	FOLLOW_TRIES = 100, /* until every worker follows */
	FOLLOW_MS = 50,
	EXIT_FAILED = 4,
};

enum option {
	OPT_FOR,
	OPT_STATE,
	OPT_RUN,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_FOR] = {"for", 'f', "TIME", "on: how long, as 90s, 10m or 2h; at most a day"},
	[OPT_STATE] = {"state", 's', "DIR", "state folder of the run (default: the only run there is)"},
	[OPT_RUN] = {"run", 0, "DIR", "the run's own folder"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct bypass_args {
	struct control_target target;
	const char *word, *time;
	uint64_t for_s;
};

static int
print_help(void)
{
	printf("Usage: " COMMAND " on --for TIME | off | status [OPTION...]\n\n"
	       "For maintenance: mail goes on uninspected, counted, until the time is over or \"off\" is\n"
	       "said. What is held at that moment goes on; connections that were reset stay so.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 done; 2 usage; 4 no run answers, or a worker does not follow.\n");
	return fflush(stdout) != 0 ? 1 : 0;
}

/* 0: go on; else *ret_code is the exit code. */
static int
read_args(struct bypass_args *a, int argc, char **argv, int *ret_code)
{
	struct cli_parser p;
	const char *value;
	int opt;

	*a = (struct bypass_args){.word = NULL};
	cli_init(&p, COMMAND, options, argc, argv);
	*ret_code = 2;
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_ERROR)
			return 1;
		if (opt == OPT_HELP) {
			*ret_code = print_help();
			return 1;
		}
		if (opt == CLI_OPERAND && a->word == NULL) {
			a->word = value;
		} else if (opt == CLI_OPERAND) {
			cli_usage_error(COMMAND, "what is \"%.200s\"?", value);
			return 1;
		} else if (opt == OPT_FOR) {
			a->time = value;
		} else if (opt == OPT_STATE) {
			a->target.state = value;
		} else {
			a->target.run = value;
		}
	}
	return 0;
}

/* What is wrong with the words, said; 0: nothing. */
static int
check_args(struct bypass_args *a)
{
	if (a->word == NULL || (strcmp(a->word, "on") != 0 && strcmp(a->word, "off") != 0 && strcmp(a->word, "status") != 0))
		return cli_usage_error(COMMAND, "say on, off or status");
	if (strcmp(a->word, "on") != 0)
		return a->time != NULL ? cli_usage_error(COMMAND, "--for goes with on") : 0;
	if (a->time == NULL)
		return cli_usage_error(COMMAND, "for how long? As: " COMMAND " on --for 10m");
	if (units_age(a->time, &a->for_s) < 0 || a->for_s > BYPASS_MAX_S)
		return cli_usage_error(COMMAND, "--for \"%.200s\": not a time as 90s, 10m or 2h, at most a day", a->time);
	return 0;
}

static int
ask_status(const char *dir, json_t **ret)
{
	return control_ask(COMMAND, dir, "{\"command\":\"status\"}", CONTROL_ASK_MS, ret);
}

static json_int_t
int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* 0: every worker does as ordered; 1: not yet; else an exit code. */
static int
look(const char *dir, bool want, json_int_t *ret_left_s)
{
	const json_t *bypass;
	json_t *answer;
	int rc = ask_status(dir, &answer);

	if (rc != 0)
		return rc;
	bypass = json_object_get(answer, "bypass");
	*ret_left_s = int_of(bypass, "left_s");
	rc = int_of(bypass, "workers") == (want ? (json_int_t)json_array_size(json_object_get(answer, "workers")) : 0) ? 0 : 1;
	json_decref(answer);
	return rc;
}

static int
follow(const char *dir, bool want)
{
	const struct timespec wait = {0, FOLLOW_MS * 1000000L};
	json_int_t left = 0;
	int rc = 1, i;

	for (i = 0; i < FOLLOW_TRIES && (rc = look(dir, want, &left)) == 1; i++)
		nanosleep(&wait, NULL);
	if (rc == 1) {
		fprintf(stderr, COMMAND ": it is ordered, but not every worker follows yet; see postern status\n");
		return EXIT_FAILED;
	}
	if (rc == 0 && want)
		printf("bypass is on: mail goes on uninspected for %" JSON_INTEGER_FORMAT " s\n", left);
	else if (rc == 0)
		printf("bypass is off: mail is inspected\n");
	return rc;
}

static int
order(const struct bypass_args *a, const char *dir)
{
	char question[64];
	json_t *answer;
	int rc;

	snprintf(question, sizeof(question), "{\"command\":\"bypass\",\"for_s\":%" PRIu64 "}", a->for_s);
	rc = control_ask(COMMAND, dir, question, CONTROL_ASK_MS, &answer);
	if (rc != 0)
		return rc;
	if (!json_is_true(json_object_get(answer, "ok"))) {
		status_text_error(stderr, COMMAND, answer);
		rc = EXIT_FAILED;
	}
	json_decref(answer);
	return rc != 0 ? rc : follow(dir, a->for_s > 0);
}

static int
show(const char *dir)
{
	const json_t *bypass, *k;
	json_t *answer;
	int rc = ask_status(dir, &answer);

	if (rc != 0)
		return rc;
	bypass = json_object_get(answer, "bypass");
	k = json_object_get(json_object_get(answer, "total"), "counters");
	if (json_is_true(json_object_get(bypass, "on")))
		printf("bypass is on for another %" JSON_INTEGER_FORMAT " s\n", int_of(bypass, "left_s"));
	else
		printf("bypass is off\n");
	printf("%" JSON_INTEGER_FORMAT " mail packets went on uninspected, of %" JSON_INTEGER_FORMAT
	       " connections that began meanwhile, and %" JSON_INTEGER_FORMAT " that had begun before\n",
	       int_of(k, "bypassed_mail_packets"), int_of(k, "bypassed_connections"), int_of(k, "bypass_let_go"));
	json_decref(answer);
	return 0;
}

int
cmd_bypass(int argc, char **argv)
{
	struct bypass_args a;
	char dir[PATH_MAX];
	int code;

	if (read_args(&a, argc, argv, &code) != 0)
		return code;
	code = check_args(&a);
	if (code == 0)
		code = control_choose(COMMAND, &a.target, dir, sizeof(dir));
	if (code == 0)
		code = strcmp(a.word, "status") == 0 ? show(dir) : order(&a, dir);
	return code == 0 && fflush(stdout) != 0 ? 1 : code;
}
