/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd_alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alert_print.h"
#include "alert_query.h"
#include "config.h"
#include "decide.h"
#include "dp_args.h"
#include "human.h"
#include "options.h"
#include "rfc3339.h"
#include "safe_text.h"
#include "store.h"

#define COMMAND "postern alerts"
#define STATE_DEFAULT "/var/lib/postern"
#define CONFIG_DEFAULT "/etc/postern/postern.yaml"
#define STORE_NAME "alerts.sqlite"

enum {
	OPT_STATE,
	OPT_CONFIG,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_RULE,
	OPT_DOMAIN,
	OPT_SENDER,
	OPT_VERDICT,
	OPT_LIMIT,
	OPT_JSON,
	OPT_CSV,
	OPT_SINCE_SEQUENCE,
	OPT_HELP,
};

enum {
	LIMIT_DEFAULT = 100, /* rows of the table; JSON and CSV give all */
	EXIT_NOT_FOUND = 1,
	EXIT_STORE = 4,
	WRITE_SIZE = 64 << 10,
};

static const struct cli_option options[] = {
	[OPT_STATE] = { "state", 0, "DIR", "folder of the store (default: as configured, else " STATE_DEFAULT ")" },
	[OPT_CONFIG] = { "config", 0, "FILE", "configuration (default: " CONFIG_DEFAULT ")" },
	[OPT_SINCE] = { "since", 0, "TIME", "from this moment on: 2026-03-01 or 2026-03-01T10:00:00Z" },
	[OPT_UNTIL] = { "until", 0, "TIME", "before this moment" },
	[OPT_RULE] = { "rule", 0, "ID", "found by this rule" },
	[OPT_DOMAIN] = { "domain", 0, "NAME", "written to this domain or one below it" },
	[OPT_SENDER] = { "sender", 0, "ADDRESS", "sent by this address, or from this domain; <>: by none" },
	[OPT_VERDICT] = { "verdict", 0, "VERDICT", "pass, alert, refuse, divert or reset" },
	[OPT_LIMIT] = { "limit", 'n', "N", "the newest N; 0: all (default: 100 in the table, else all)" },
	[OPT_JSON] = { "json", 0, NULL, "JSON lines, as they are stored" },
	[OPT_CSV] = { "csv", 0, NULL, "CSV, safe to open in a spreadsheet" },
	[OPT_SINCE_SEQUENCE] = { "since-sequence", 0, "N", "export: what came after number N (default 0: all)" },
	[OPT_HELP] = { "help", 'h', NULL, "this text" },
	{ NULL, 0, NULL, NULL },
};

enum format {
	FORMAT_PEOPLE,
	FORMAT_JSON,
	FORMAT_CSV,
};

struct alerts_args {
	enum {
		ACTION_LIST,
		ACTION_SHOW,
		ACTION_EXPORT,
	} action;
	const char *state, *config;
	struct alert_filter filter;
	char domain[256], sender[512]; /* of the filter */
	bool has_filter, has_limit, has_since_sequence;
	enum format format;
	uint64_t number; /* show N */
	uint64_t since_sequence;
};

struct printer {
	struct json_out out;
	enum format format;
	bool full;
	uint64_t nb;
};

static int
print_help(void)
{
	printf("postern alerts - list, show and export stored alerts\n\n"
	       "Usage: postern alerts [list] [OPTION...]      newest last\n"
	       "       postern alerts show N [OPTION...]      everything about alert N and what became of it\n"
	       "       postern alerts export [OPTION...]      all records as JSON lines, in the order of their numbers\n"
	       "\nOptions:\n");
	cli_print_options(options);
	printf("\nTimes are UTC unless they say otherwise. Exit: 0 done, 1 no such alert, 2 usage, 4 store unreadable.\n");
	return fflush(stdout) != 0 ? EXIT_STORE : 0;
}

static int
take_time(const char *name, const char *value, uint64_t *ret)
{
	if (rfc3339_parse(value, ret) == 0)
		return 0;
	return cli_usage_error(COMMAND, "--%s: \"%s\" is no time; write 2026-03-01 or 2026-03-01T10:00:00Z", name, value);
}

/* As people copy it: "@Army.ml.", ".army.ml" and "x@army.ml" are army.ml. */
static int
take_domain(const char *value, struct alerts_args *a)
{
	const char *at = strrchr(value, '@');
	size_t n;

	value = at != NULL ? at + 1 : value;
	value += strspn(value, ".");
	for (n = strlen(value); n > 0 && (value[n - 1] == '.' || value[n - 1] == '>'); n--)
		;
	if (n == 0 || n >= sizeof(a->domain))
		return cli_usage_error(COMMAND, "--domain: expected a name such as army.ml");
	memcpy(a->domain, value, n);
	a->domain[n] = '\0';
	a->filter.domain = a->domain;
	return 0;
}

/* With or without brackets; <> is the sender of bounces. */
static int
take_sender(const char *value, struct alerts_args *a)
{
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '<' && value[n - 1] == '>') {
		value++;
		n -= 2;
	} else if (n == 0) {
		return cli_usage_error(COMMAND, "--sender: expected an address, a domain, or <> for none");
	}
	if (n >= sizeof(a->sender))
		return cli_usage_error(COMMAND, "--sender: longer than any that is stored");
	memcpy(a->sender, value, n);
	a->sender[n] = '\0';
	a->filter.sender = a->sender;
	return 0;
}

static int
take_filter(int opt, const char *value, struct alerts_args *a)
{
	a->has_filter = true;
	switch (opt) {
	case OPT_SINCE:
		return take_time("since", value, &a->filter.since_ns);
	case OPT_UNTIL:
		return take_time("until", value, &a->filter.until_ns);
	case OPT_RULE:
		a->filter.rule = value;
		return 0;
	case OPT_DOMAIN:
		return take_domain(value, a);
	case OPT_SENDER:
		return take_sender(value, a);
	case OPT_VERDICT:
		a->filter.verdict = verdict_from_name(value);
		if (a->filter.verdict != DP_VERDICT_NONE)
			return 0;
		return cli_usage_error(COMMAND, "--verdict: \"%s\" is none of pass, alert, refuse, divert, reset", value);
	default:
		a->has_limit = true;
		if (dp_args_number(value, 0, INT64_MAX, &a->filter.limit) == 0)
			return 0;
		return cli_usage_error(COMMAND, "--limit: \"%s\" is no number", value);
	}
}

static int
take_format(struct alerts_args *a, enum format format)
{
	if (a->format != FORMAT_PEOPLE && a->format != format)
		return cli_usage_error(COMMAND, "--json and --csv exclude each other");
	a->format = format;
	return 0;
}

static int
take_option(int opt, const char *value, struct alerts_args *a)
{
	switch (opt) {
	case OPT_STATE:
		a->state = value;
		return 0;
	case OPT_CONFIG:
		a->config = value;
		return 0;
	case OPT_JSON:
		return take_format(a, FORMAT_JSON);
	case OPT_CSV:
		return take_format(a, FORMAT_CSV);
	case OPT_SINCE_SEQUENCE:
		a->has_since_sequence = true;
		if (dp_args_number(value, 0, INT64_MAX, &a->since_sequence) == 0)
			return 0;
		return cli_usage_error(COMMAND, "--since-sequence: \"%s\" is no number", value);
	default:
		return take_filter(opt, value, a);
	}
}

/* Operands: the action, and the number of show. */
static int
take_operand(const char *text, unsigned int nb, struct alerts_args *a)
{
	if (nb == 0 && strcmp(text, "list") == 0)
		a->action = ACTION_LIST;
	else if (nb == 0 && strcmp(text, "show") == 0)
		a->action = ACTION_SHOW;
	else if (nb == 0 && strcmp(text, "export") == 0)
		a->action = ACTION_EXPORT;
	else if (nb == 1 && a->action == ACTION_SHOW) {
		/* #12 is how alerts are shown elsewhere. */
		if (dp_args_number(text[0] == '#' ? text + 1 : text, 1, INT64_MAX, &a->number) < 0)
			return cli_usage_error(COMMAND, "show: \"%s\" is no number of an alert", text);
	} else
		return cli_usage_error(COMMAND, "\"%s\" is not understood here", text);
	return 0;
}

static int
check_args(const struct alerts_args *a)
{
	if (a->action == ACTION_SHOW && a->number == 0)
		return cli_usage_error(COMMAND, "show: which alert? Give its number, as the list shows it");
	if (a->action != ACTION_LIST && (a->has_filter || a->has_limit))
		return cli_usage_error(COMMAND, "filters are for the list only");
	if (a->action != ACTION_EXPORT && a->has_since_sequence)
		return cli_usage_error(COMMAND, "--since-sequence is for export only");
	if (a->action != ACTION_LIST && a->format == FORMAT_CSV)
		return cli_usage_error(COMMAND, "--csv is for the list only");
	return 0;
}

/* 0: go on; 1: help was printed; 2: wrong usage, said. */
static int
parse(int argc, char **argv, struct alerts_args *a)
{
	struct cli_parser p;
	const char *value;
	unsigned int nb_operands = 0;
	int opt, rc;

	cli_init(&p, COMMAND, options, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_ERROR)
			return 2;
		if (opt == OPT_HELP)
			return 1;
		rc = opt == CLI_OPERAND ? take_operand(value, nb_operands++, a) : take_option(opt, value, a);
		if (rc != 0)
			return rc;
	}
	return check_args(a);
}

static int
store_file(const struct alerts_args *a, char **ret_path)
{
	const char *config = a->config != NULL ? a->config : CONFIG_DEFAULT, *state = a->state;
	struct config cfg = { 0 };
	int n;

	/* Without --config its absence is no error. */
	if (state == NULL && (a->config != NULL || access(config, F_OK) == 0)) {
		if (config_load(config, config_error_print, stderr, &cfg) < 0)
			return 2;
		state = cfg.state;
	}
	n = asprintf(ret_path, "%s/%s", state != NULL ? state : STATE_DEFAULT, STORE_NAME);
	config_fini(&cfg);
	return n < 0 ? EXIT_STORE : 0;
}

static int
open_store(const char *path, struct store **ret)
{
	char safe[1024];

	safe_text(safe, sizeof(safe), path, strlen(path));
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		fprintf(stderr, COMMAND ": there is no store %s; name its folder with --state, or make one with "
				"\"postern replay --state DIR CAPTURE\"\n", safe);
		return EXIT_STORE;
	}
	if (store_open(path, STORE_READONLY, ret) == 0)
		return 0;
	if (*ret == NULL) {
		fprintf(stderr, COMMAND ": out of memory\n");
		return EXIT_STORE;
	}
	safe_text(safe, sizeof(safe), store_error(*ret), strlen(store_error(*ret)));
	fprintf(stderr, COMMAND ": %s\n", safe);
	return EXIT_STORE;
}

static int
flush(struct printer *p)
{
	size_t n = p->out.len;

	if (p->out.failed)
		return -ENOMEM;
	json_out_clear(&p->out);
	if (n == 0)
		return 0; /* nothing was ever put in: there is no buffer */
	return fwrite(p->out.buf, 1, n, stdout) == n ? 0 : -errno;
}

static int
print_record(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len)
{
	struct printer *p = ctx;

	if (p->format == FORMAT_JSON) {
		json_raw(&p->out, json, len);
		json_raw(&p->out, "\n", 1);
	} else if (p->format == FORMAT_CSV) {
		if (p->nb == 0)
			alert_print_csv_head(&p->out);
		alert_print_csv_row(&p->out, sequence, json, len);
	} else if (p->full) {
		if (p->nb > 0)
			json_raw(&p->out, "\n", 1);
		human_record(&p->out, json, len, isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL);
		json_raw(&p->out, "\n", 1);
		alert_print_full(&p->out, json, len);
	} else {
		if (p->nb == 0)
			alert_print_table_head(&p->out);
		alert_print_table_row(&p->out, sequence, json, len);
	}
	p->nb++;
	return p->out.len < WRITE_SIZE ? 0 : flush(p);
}

static int
not_found(struct store *s, uint64_t number)
{
	uint64_t alert = alert_query_updated(s, number);

	if (alert != 0)
		fprintf(stderr, COMMAND ": %llu is what became of alert %llu: show %llu\n", (unsigned long long)number,
			(unsigned long long)alert, (unsigned long long)alert);
	else
		fprintf(stderr, COMMAND ": no alert has the number %llu\n", (unsigned long long)number);
	return EXIT_NOT_FOUND;
}

static int
run(struct store *s, const struct alerts_args *a, struct printer *p)
{
	struct alert_filter filter = a->filter;
	int rc;

	if (a->action == ACTION_SHOW) {
		rc = alert_query_one(s, a->number, print_record, p);
		return rc == 0 ? not_found(s, a->number) : rc < 0 ? rc : 0;
	}
	if (a->action == ACTION_EXPORT)
		return store_read(s, a->since_sequence, print_record, p);
	if (!a->has_limit && p->format == FORMAT_PEOPLE)
		filter.limit = LIMIT_DEFAULT;
	rc = alert_query(s, &filter, print_record, p);
	if (rc == 0 && p->nb == 0 && p->format == FORMAT_PEOPLE)
		fprintf(stderr, "no alerts%s\n", a->has_filter ? " match" : "");
	else if (rc == 0 && p->nb == 0 && p->format == FORMAT_CSV)
		alert_print_csv_head(&p->out);
	else if (rc == 0 && p->nb == LIMIT_DEFAULT && !a->has_limit && p->format == FORMAT_PEOPLE)
		fprintf(stderr, "the newest %d; all: --limit 0\n", LIMIT_DEFAULT);
	return rc;
}

int
cmd_alerts(int argc, char **argv)
{
	struct alerts_args a = { .action = ACTION_LIST };
	struct store *s = NULL;
	struct printer p = { 0 };
	char *path = NULL;
	int rc = parse(argc, argv, &a);

	if (rc == 1)
		return print_help();
	if (rc == 0)
		rc = store_file(&a, &path);
	if (rc == 0)
		rc = open_store(path, &s);
	if (rc == 0) {
		p.format = a.action == ACTION_EXPORT ? FORMAT_JSON : a.format;
		p.full = a.action == ACTION_SHOW;
		rc = run(s, &a, &p);
		if (rc == 0)
			rc = flush(&p);
		if (rc == 0 && fflush(stdout) != 0)
			rc = -errno;
		if (rc < 0) {
			/* A reader like head(1) that has seen enough is no failure worth a word. */
			if (rc != -EPIPE)
				fprintf(stderr, COMMAND ": %s\n", store_error(s)[0] != '\0' ? store_error(s) : strerror(-rc));
			rc = EXIT_STORE;
		}
	}
	json_out_free(&p.out);
	store_free(s);
	free(path);
	return rc;
}
