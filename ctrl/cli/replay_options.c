/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay_options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dp_abi.h"
#include "dp_args.h"
#include "options.h"
#include "paths.h"

#define COMMAND "postern replay"
#define PORTS_DEFAULT "25,587,2525"

_Static_assert((int)CONFIG_WORKERS_MAX == (int)DP_WORKERS_MAX,
	       "as many workers as there are rings");

enum {
	LOOP_MAX = 1000000,
};

enum option {
	OPT_RULES,
	OPT_CONFIG,
	OPT_PORTS,
	OPT_ALERTS,
	OPT_ENVELOPES,
	OPT_STATE,
	OPT_CACHE,
	OPT_REPORT,
	OPT_REPORT_FILE,
	OPT_WORKERS,
	OPT_SPEED,
	OPT_LOOP,
	OPT_NO_PROGRESS,
	OPT_QUIET,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_CONFIG] = {"config", 'c', "FILE", "settings from a postern.yaml; options win over it"},
	[OPT_PORTS] = {"ports", 'p', "LIST",
		       "TCP ports that speak SMTP (default " PORTS_DEFAULT ")"},
	[OPT_ALERTS] = {"alerts", 'a', "FILE", "write alerts as JSON lines; - is standard output"},
	[OPT_ENVELOPES] = {"envelopes", 'e', "FILE",
			   "write every transaction as a JSON line; - likewise"},
	[OPT_STATE] = {"state", 's', "DIR", "keep the store there (default: none is kept)"},
	[OPT_CACHE] = {"cache", 0, "DIR|off", "folder of compiled rules (default: see the manual)"},
	[OPT_REPORT] = {"report", 0, "text|json", "form of the report (default text)"},
	[OPT_REPORT_FILE] = {"report-file", 0, "FILE", "write the report there"},
	[OPT_WORKERS] = {"workers", 'w', "N", "threads that inspect, 1 to 64 (default 1)"},
	[OPT_SPEED] = {"speed", 0, "SPEED", "max, real, x2.5, 200kpps or 1.5gbps (default max)"},
	[OPT_LOOP] = {"loop", 0, "N", "read the captures N times, as fresh connections"},
	[OPT_NO_PROGRESS] = {"no-progress", 0, NULL, "no progress bar"},
	[OPT_QUIET] = {"quiet", 'q', NULL, "nothing for people: errors only"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...] CAPTURE...\n\n"
	       "Inspects pcap and pcapng captures (- is standard input) as if they came from\n"
	       "the wire, prints the alerts, then a report.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 all read; 2 usage, rules or configuration wrong; 3 a capture\n"
	       "could not be read; 4 store, output or a process failed; 128 + N interrupted by\n"
	       "signal N.\n");
	return fflush(stdout) != 0 ? 1 : 0;
}

/* A decimal number above zero; the octet after it, NULL when there is none. */
static const char *
skip_decimal(const char *p)
{
	const char *start = p;
	bool above_zero = false;

	for (; (*p >= '0' && *p <= '9') || (*p == '.' && p != start); p++) {
		if (*p == '.' && (strchr(start, '.') != p || p[1] < '0' || p[1] > '9'))
			return NULL;
		if (*p >= '1' && *p <= '9')
			above_zero = true;
	}
	return above_zero && p - start <= 15 ? p : NULL;
}

bool
replay_speed_is_valid(const char *text)
{
	static const char *const units[] = {"pps", "kpps", "mpps", "gpps",
					    "bps", "kbps", "mbps", "gbps"};
	size_t i;

	if (strcmp(text, "max") == 0 || strcmp(text, "real") == 0)
		return true;
	if (text[0] == 'x') {
		text = skip_decimal(text + 1);
		return text != NULL && *text == '\0';
	}
	text = skip_decimal(text);
	for (i = 0; text != NULL && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i]) == 0)
			return true;
	return false;
}

static int
take_number(const char *name, const char *value, unsigned int max, unsigned int *ret)
{
	uint64_t n;

	if (dp_args_number(value, 1, max, &n) < 0)
		return cli_usage_error(COMMAND,
				       "--%s: expected a whole number from 1 to %u, not \"%.100s\"",
				       name, max, value);
	*ret = (unsigned int)n;
	return 0;
}

static int
take_ports(struct replay_options *o, const char *value)
{
	uint16_t ports[DP_ARGS_PORTS_MAX];
	unsigned int nb;
	const char *why;

	if (dp_args_ports(value, ports, &nb, &why) < 0)
		return cli_usage_error(COMMAND, "--ports: %s, not \"%.100s\"", why, value);
	o->ports = value;
	return 0;
}

/* 0 or an exit code. */
static int
take_option(struct replay_options *o, int opt, const char *value)
{
	if (value != NULL && value[0] == '\0')
		return cli_usage_error(COMMAND, "--%s: the value is empty", options[opt].name);
	switch (opt) {
	case OPT_RULES:
		o->rules = value;
		return 0;
	case OPT_CONFIG:
		o->config_path = value;
		return 0;
	case OPT_PORTS:
		return take_ports(o, value);
	case OPT_ALERTS:
		o->alerts = value;
		return 0;
	case OPT_ENVELOPES:
		o->envelopes = value;
		return 0;
	case OPT_STATE:
		o->state = value;
		return 0;
	case OPT_CACHE:
		o->cache = value;
		return 0;
	case OPT_REPORT:
		if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
			return cli_usage_error(
				COMMAND, "--report: expected text or json, not \"%.100s\"", value);
		o->format = value[0] == 'j' ? REPORT_JSON : REPORT_TEXT;
		return 0;
	case OPT_REPORT_FILE:
		o->report_file = value;
		return 0;
	case OPT_WORKERS:
		return take_number("workers", value, DP_WORKERS_MAX, &o->workers);
	case OPT_SPEED:
		if (!replay_speed_is_valid(value))
			return cli_usage_error(COMMAND,
					       "--speed: expected max, real, x2.5, 200kpps or "
					       "1.5gbps, not \"%.100s\"",
					       value);
		o->speed = value;
		return 0;
	case OPT_LOOP:
		return take_number("loop", value, LOOP_MAX, &o->loop);
	case OPT_NO_PROGRESS:
		o->no_progress = true;
		return 0;
	default:
		o->quiet = true;
		return 0;
	}
}

/* The folder of @path, false when there is none; *ret_name is its last part. */
static bool
stat_parent(const char *path, struct stat *ret, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int n = slash == NULL ? snprintf(dir, sizeof(dir), ".")
			      : snprintf(dir, sizeof(dir), "%.*s", (int)(slash + 1 - path), path);

	*ret_name = slash == NULL ? path : slash + 1;
	return n > 0 && (size_t)n < sizeof(dir) && stat(dir, ret) == 0;
}

/* Do the two paths name one thing, be it there or not yet? */
static bool
same_file(const char *a, const char *b)
{
	const char *name_a, *name_b;
	struct stat sa, sb;

	if (strcmp(a, b) == 0)
		return true;
	if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
		return false;
	if (stat(a, &sa) == 0)
		return stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino &&
		       S_ISREG(sa.st_mode);
	return stat(b, &sb) < 0 && stat_parent(a, &sa, &name_a) && stat_parent(b, &sb, &name_b) &&
	       sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino && strcmp(name_a, name_b) == 0;
}

/* Each thing is written by one, and no capture is written over. */
static int
check_outputs(const struct replay_options *o)
{
	const struct {
		const char *option, *path;
	} out[] = {
		{"alerts", o->alerts},
		{"envelopes", o->envelopes},
		{"report-file", o->report_file},
	};
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		if (out[i].path == NULL)
			continue;
		for (j = 0; j < i; j++)
			if (out[j].path != NULL && same_file(out[i].path, out[j].path))
				return cli_usage_error(
					COMMAND, "--%s and --%s cannot both be %.200s",
					out[j].option, out[i].option,
					strcmp(out[i].path, "-") == 0 ? "standard output"
								      : out[i].path);
		for (j = 0; j < o->nb_captures; j++)
			if (strcmp(o->captures[j], "-") != 0 &&
			    same_file(out[i].path, o->captures[j]))
				return cli_usage_error(COMMAND,
						       "--%s would write into the capture %.200s",
						       out[i].option, o->captures[j]);
	}
	return 0;
}

static int
check_captures(const struct replay_options *o)
{
	unsigned int i, standard = 0;

	if (o->nb_captures == 0)
		return cli_usage_error(COMMAND, "no capture was named");
	for (i = 0; i < o->nb_captures; i++)
		standard += strcmp(o->captures[i], "-") == 0;
	if (standard > 1)
		return cli_usage_error(COMMAND, "standard input (-) can be read once only");
	if (standard == 1 && isatty(STDIN_FILENO))
		return cli_usage_error(COMMAND, "standard input is a terminal, not a capture");
	return 0;
}

/* What the file sets and the command line does not. */
static int
join_config(struct replay_options *o)
{
	unsigned int i;
	size_t used = 0;

	if (o->config_path != NULL &&
	    config_load(o->config_path, config_error_print, stderr, &o->config) < 0)
		return 2;
	for (i = 0; i < o->config.nb_ports; i++)
		used += (size_t)snprintf(o->ports_text + used, sizeof(o->ports_text) - used, "%s%u",
					 i != 0 ? "," : "", o->config.ports[i]);
	if (o->ports == NULL)
		o->ports = used != 0 ? o->ports_text : PORTS_DEFAULT;
	if (o->rules == NULL)
		o->rules = o->config.rules;
	if (o->state == NULL)
		o->state = o->config.state;
	if (o->workers == 0)
		o->workers = o->config.workers != 0 ? o->config.workers : 1;
	o->observer = o->config.observer;
	if (o->rules == NULL) {
		if (paths_default_rules(o->default_rules, sizeof(o->default_rules)) < 0)
			return cli_usage_error(COMMAND,
					       "the rules that ship are not installed; name "
					       "others with --rules");
		o->rules = o->default_rules;
	}
	return 0;
}

static bool
is_standard(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

int
replay_options_read(struct replay_options *o, int argc, char **argv)
{
	struct cli_parser p;
	const char *value;
	int opt, rc;

	memset(o, 0, sizeof(*o));
	o->speed = "max";
	o->loop = 1;
	o->captures = calloc((size_t)argc + 1, sizeof(*o->captures));
	if (o->captures == NULL)
		return 4;
	cli_init(&p, COMMAND, options, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_ERROR)
			return 2;
		if (opt == OPT_HELP)
			return print_help();
		if (opt == CLI_OPERAND)
			o->captures[o->nb_captures++] = argv[p.next - 1];
		else if ((rc = take_option(o, opt, value)) != 0)
			return rc;
	}
	if ((rc = check_captures(o)) != 0 || (rc = check_outputs(o)) != 0 ||
	    (rc = join_config(o)) != 0)
		return rc;
	if (is_standard(o->report_file))
		o->report_file = NULL;
	o->takes_stdout = is_standard(o->alerts) || is_standard(o->envelopes);
	/* A program that reads the JSON report from standard output wants nothing else there. */
	o->for_people = o->alerts == NULL && !o->quiet && !o->takes_stdout &&
			(o->format == REPORT_TEXT || o->report_file != NULL);
	return REPLAY_OPTIONS_RUN;
}

void
replay_options_fini(struct replay_options *o)
{
	free(o->captures);
	config_fini(&o->config);
}
