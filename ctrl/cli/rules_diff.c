/* SPDX-License-Identifier: BSD-3-Clause */
/* rules_diff - postern rules diff: which recipients of real mail two rule sets judge differently */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd_rules.h"
#include "dp_args.h"
#include "dp_clock.h"
#include "json_out.h"
#include "matcher.h"
#include "options.h"
#include "rules_capture.h"
#include "rules_diff_table.h"
#include "rules_judge.h"
#include "rules_recipients.h"
#include "rules_write.h"

#define COMMAND "postern rules diff"

enum {
	EXIT_OTHER = 1, /* some are judged otherwise */
	EXIT_WRONG = 2,
	EXIT_INPUT = 3,
	EXIT_FAILED = 4,
	NB_OPERANDS = 3,
};

enum option {
	OPT_FORMAT,
	OPT_PORTS,
	OPT_AT,
	OPT_JSON,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_FORMAT] = {"format", 'f', "NAME",
			"list, envelopes, postfix or capture (default: as it looks)"},
	[OPT_PORTS] = {"ports", 'p', "LIST", "mail ports in a capture (default: 25,587,2525)"},
	[OPT_AT] = {"at", 0, "TIME", "RFC 3339 moment where the input has none (default: now)"},
	[OPT_JSON] = {"json", 'j', NULL, "one JSON object per recipient, then one with the sums"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

/* Kinds of difference, for the summary. */
enum change {
	CHANGE_NEW,	/* matches now */
	CHANGE_GONE,	/* does not match any more */
	CHANGE_VERDICT, /* another verdict */
	CHANGE_REASON,	/* the same verdict for another reason */
	CHANGE_NB,
};

struct diff {
	struct rules_judge was, is;
	struct rules_diff_table *table;
	struct json_out json;
	enum rules_format format;
	const char *ports;
	uint64_t ts_ns;
	bool is_json;
	uint64_t nb, nb_matches[2], changes[CHANGE_NB];
	uint64_t nb_distinct, nb_omitted, nb_bad;
};

static enum change
kind_of(const struct rules_judgement *was, const struct rules_judgement *is)
{
	if (was->is_match != is->is_match)
		return is->is_match ? CHANGE_NEW : CHANGE_GONE;
	return was->verdict != is->verdict ? CHANGE_VERDICT : CHANGE_REASON;
}

static int
take(void *ctx, const struct rules_question *question)
{
	struct rules_judgement was, is;
	struct rules_question q = *question;
	struct rules_answer answers[2];
	struct diff *d = ctx;

	if (q.ts_ns == 0)
		q.ts_ns = d->ts_ns;
	if (rules_judge(&d->was, &q, &answers[0]) < 0 || rules_judge(&d->is, &q, &answers[1]) < 0) {
		fprintf(stderr,
			COMMAND ": the scan failed; this must not happen, please report it\n");
		return -EPROTO;
	}
	d->nb++;
	d->nb_matches[0] += answers[0].is_match;
	d->nb_matches[1] += answers[1].is_match;
	rules_judgement_of(&answers[0], &was);
	rules_judgement_of(&answers[1], &is);
	if (rules_judgement_equal(&was, &is))
		return 0;
	d->changes[kind_of(&was, &is)]++;
	if (rules_diff_table_add(d->table, q.address, q.len, &was, &is) < 0) {
		fprintf(stderr, COMMAND ": the temporary table: %s\n",
			rules_diff_table_error(d->table));
		return -EPROTO;
	}
	return 0;
}

static void
print_judgement(const struct rules_judgement *j)
{
	if (!j->is_match) {
		printf("no match");
		return;
	}
	printf("%s by %s, %s", rule_verdict_name(j->verdict), j->by,
	       rule_technique_name((enum rule_technique)j->technique));
	if (j->meant_len > 0) {
		printf(", meant ");
		rules_print(stdout, j->meant, j->meant_len);
	}
}

static void
put_judgement(struct json_out *o, const char *key, const struct rules_judgement *j)
{
	json_key(o, key);
	json_open(o, '{');
	json_kv_bool(o, "match", j->is_match);
	json_kv_cstr(o, "verdict", rule_verdict_name(j->verdict));
	if (j->is_match) {
		json_kv_cstr(o, "verdict_by", j->by);
		json_kv_cstr(o, "technique",
			     rule_technique_name((enum rule_technique)j->technique));
	} else {
		json_kv_null(o, "verdict_by");
		json_kv_null(o, "technique");
	}
	if (j->is_match && j->meant_len > 0)
		json_kv_text(o, "meant", j->meant, j->meant_len);
	else
		json_kv_null(o, "meant");
	json_close(o, '}');
}

static int
print_json_line(struct json_out *o)
{
	json_raw(o, "\n", 1);
	if (o->failed)
		return -ENOMEM;
	fwrite(o->buf, 1, o->len, stdout);
	return 0;
}

static int
print_row(void *ctx, const char *address, size_t len, uint64_t count,
	  const struct rules_judgement *was, const struct rules_judgement *is)
{
	struct diff *d = ctx;
	struct json_out *o = &d->json;

	if (d->is_json) {
		json_out_clear(o);
		json_open(o, '{');
		rules_json_address(o, address, len);
		json_kv_u64(o, "count", count);
		put_judgement(o, "old", was);
		put_judgement(o, "new", is);
		json_close(o, '}');
		return print_json_line(o);
	}
	rules_print(stdout, address, len);
	printf(" (%" PRIu64 ")\n    old  ", count);
	print_judgement(was);
	printf("\n    new  ");
	print_judgement(is);
	putchar('\n');
	return 0;
}

static uint64_t
nb_changed(const struct diff *d)
{
	return d->changes[CHANGE_NEW] + d->changes[CHANGE_GONE] + d->changes[CHANGE_VERDICT] +
	       d->changes[CHANGE_REASON];
}

static int
print_summary(struct diff *d)
{
	static const char *const keys[CHANGE_NB] = {"newly_matched", "no_longer_matched",
						    "other_verdict", "other_reason"};
	struct json_out *o = &d->json;
	int i;

	if (!d->is_json) {
		printf("%" PRIu64 " recipients, %" PRIu64 " matched by the old rules, %" PRIu64
		       " by the new; %" PRIu64 " judged otherwise (%" PRIu64 " different): %" PRIu64
		       " newly matched, %" PRIu64 " no longer, %" PRIu64
		       " with another verdict, %" PRIu64 " for another reason\n",
		       d->nb, d->nb_matches[0], d->nb_matches[1], nb_changed(d), d->nb_distinct,
		       d->changes[CHANGE_NEW], d->changes[CHANGE_GONE], d->changes[CHANGE_VERDICT],
		       d->changes[CHANGE_REASON]);
		if (d->nb_omitted > 0)
			printf("%" PRIu64 " recipients are only counted in the envelope records "
			       "and were not judged\n",
			       d->nb_omitted);
		return 0;
	}
	json_out_clear(o);
	json_open(o, '{');
	json_key(o, "summary");
	json_open(o, '{');
	json_kv_u64(o, "recipients", d->nb);
	json_kv_u64(o, "old_matches", d->nb_matches[0]);
	json_kv_u64(o, "new_matches", d->nb_matches[1]);
	json_kv_u64(o, "judged_otherwise", nb_changed(d));
	json_kv_u64(o, "different", d->nb_distinct);
	for (i = 0; i < CHANGE_NB; i++)
		json_kv_u64(o, keys[i], d->changes[i]);
	json_kv_u64(o, "omitted", d->nb_omitted);
	json_kv_u64(o, "bad_lines", d->nb_bad);
	json_close(o, '}');
	json_close(o, '}');
	return print_json_line(o);
}

/* 0, or the exit code of what went wrong; the rest was read all the same. */
static int
read_lines(struct diff *d, const char *path, FILE *in)
{
	struct rules_recipients r;
	int rc;

	rules_recipients_init(&r, d->format, take, d);
	rc = rules_recipients_read(&r, in);
	d->nb_omitted = r.nb_omitted;
	d->nb_bad = r.nb_bad;
	rules_recipients_fini(&r);
	if (rc == -EPROTO) /* printed */
		return EXIT_FAILED;
	if (rc < 0) {
		fprintf(stderr, COMMAND ": ");
		rules_print_str(stderr, path);
		fprintf(stderr, ": %s\n", strerror(-rc));
		return rc == -ENOMEM ? EXIT_FAILED : EXIT_INPUT;
	}
	if (r.nb_bad == 0)
		return 0;
	fprintf(stderr, COMMAND ": ");
	rules_print_str(stderr, path);
	fprintf(stderr, ":%" PRIu64 ": no envelope record; %" PRIu64 " such line%s left out\n",
		r.first_bad, r.nb_bad, r.nb_bad == 1 ? "" : "s");
	return EXIT_INPUT;
}

static int
read_input(struct diff *d, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = NULL;
	int code = 0, one;

	if (d->format == RULES_FORMAT_AUTO && rules_capture_is(path))
		d->format = RULES_FORMAT_CAPTURE;
	if (d->format == RULES_FORMAT_CAPTURE) {
		code = rules_capture_read(path, d->ports, &in);
		d->format = RULES_FORMAT_ENVELOPES;
		if (in == NULL)
			return code;
		path = "envelope records of the capture";
	} else {
		in = is_stdin ? stdin : fopen(path, "re");
	}
	if (in == NULL) {
		fprintf(stderr, COMMAND ": ");
		rules_print_str(stderr, path);
		fprintf(stderr, ": %s\n", strerror(errno));
		return EXIT_INPUT;
	}
	one = read_lines(d, path, in);
	if (in != stdin)
		fclose(in);
	return one != 0 ? one : code;
}

/* An exit code. */
static int
run(struct diff *d, char *const paths[NB_OPERANDS])
{
	int code, rc;

	if (rules_judge_open(&d->was, COMMAND, paths[0]) < 0 ||
	    rules_judge_open(&d->is, COMMAND, paths[1]) < 0)
		return EXIT_WRONG;
	rc = rules_diff_table_open(&d->table);
	if (rc < 0) {
		fprintf(stderr, COMMAND ": the temporary table: %s\n",
			rules_diff_table_error(d->table));
		return EXIT_FAILED;
	}
	code = read_input(d, paths[2]);
	if (code == EXIT_WRONG || code > EXIT_INPUT)
		return code;
	rc = rules_diff_table_count(d->table, &d->nb_distinct);
	if (rc == 0)
		rc = rules_diff_table_each(d->table, print_row, d);
	if (rc == 0)
		rc = print_summary(d);
	if (rc < 0) {
		fprintf(stderr, COMMAND ": the temporary table: %s\n",
			rules_diff_table_error(d->table));
		return EXIT_FAILED;
	}
	return code != 0 ? code : nb_changed(d) > 0 ? EXIT_OTHER : 0;
}

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...] OLD NEW LOGFILE|CAPTURE|-\n\n"
	       "Says which recipients would be judged otherwise by the rules NEW than by OLD "
	       "(files or folders).\n"
	       "LOGFILE: addresses, one per line; envelope records of postern replay; or a mail "
	       "log of Postfix.\n"
	       "CAPTURE: a pcap or pcapng file.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 no difference; 1 some are judged otherwise; 2 usage or rules "
	       "wrong; 3 the input could\n"
	       "not be read, or not all of it; 4 a process or the temporary table failed.\n");
	return fflush(stdout) != 0 ? EXIT_WRONG : 0;
}

static int
read_format(struct diff *d, const char *name)
{
	static const char *const names[] = {
		[RULES_FORMAT_LIST] = "list",
		[RULES_FORMAT_ENVELOPES] = "envelopes",
		[RULES_FORMAT_POSTFIX] = "postfix",
		[RULES_FORMAT_CAPTURE] = "capture",
	};
	int i;

	for (i = RULES_FORMAT_LIST; i <= RULES_FORMAT_CAPTURE; i++) {
		if (strcmp(names[i], name) == 0) {
			d->format = (enum rules_format)i;
			return 0;
		}
	}
	return cli_usage_error(
		COMMAND, "--format \"%.100s\"? There are list, envelopes, postfix and capture",
		name);
}

static int
read_ports(struct diff *d, const char *value)
{
	uint16_t ports[DP_ARGS_PORTS_MAX];
	unsigned int nb;
	const char *why;

	d->ports = value;
	return dp_args_ports(value, ports, &nb, &why) == 0
		       ? 0
		       : cli_usage_error(COMMAND, "--ports: %s, not \"%.100s\"", why, value);
}

static int
read_arguments(struct diff *d, int argc, char **argv, char *paths[NB_OPERANDS])
{
	const char *value;
	struct cli_parser p;
	int opt, nb = 0, rc = 0;

	cli_init(&p, COMMAND, options, argc, argv);
	while (rc == 0 && (opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_OPERAND && nb < NB_OPERANDS)
			paths[nb++] = argv[p.next - 1];
		else if (opt == CLI_OPERAND)
			rc = cli_usage_error(
				COMMAND, "what is \"%.200s\"? OLD, NEW and one input are enough",
				argv[p.next - 1]);
		else if (opt == OPT_FORMAT)
			rc = read_format(d, value);
		else if (opt == OPT_PORTS)
			rc = read_ports(d, value);
		else if (opt == OPT_AT)
			rc = rules_read_at(COMMAND, value, &d->ts_ns);
		else if (opt == OPT_JSON)
			d->is_json = true;
		else
			rc = opt == OPT_HELP ? -1 : EXIT_WRONG;
	}
	if (rc == 0 && nb < NB_OPERANDS)
		rc = cli_usage_error(COMMAND,
				     "give the old rules, the new rules, and a log or capture");
	return rc;
}

int
rules_diff(int argc, char **argv)
{
	struct diff d = {.format = RULES_FORMAT_AUTO};
	char *paths[NB_OPERANDS] = {NULL};
	int code;

	d.ts_ns = dp_clock_ns(CLOCK_REALTIME);
	code = read_arguments(&d, argc, argv, paths);
	if (code != 0)
		return code < 0 ? print_help() : code;
	code = run(&d, paths);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(COMMAND ": standard output");
		code = EXIT_FAILED;
	}
	rules_diff_table_close(d.table);
	rules_judge_close(&d.was);
	rules_judge_close(&d.is);
	json_out_free(&d.json);
	return code;
}
