/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_explain - what the dataplane and ctrl say about an address
 *
 * What:      the address is read as the argument of RCPT is, in all readings; the first that matches is the answer; then
 *            exceptions are applied for the sender and the moment given.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd_rules.h"
#include "json_out.h"
#include "mailbox.h"
#include "matcher.h"
#include "options.h"
#include "rule_date.h"

#define COMMAND "postern rules explain"

enum {
	LINE_MAX_LEN = 1 << 20, /* octets of a line of input that are looked at */
};

enum option {
	OPT_RULES,
	OPT_SENDER,
	OPT_AT,
	OPT_JSON,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_SENDER] = {"sender", 's', "ADDRESS",
			"who writes; some exceptions are for some senders only"},
	[OPT_AT] = {"at", 0, "TIME",
		    "RFC 3339 moment at which exceptions are judged (default: now)"},
	[OPT_JSON] = {"json", 'j', NULL, "one JSON object per address"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct explain {
	struct ruleset *set;
	struct matcher *m;
	struct matcher_scratch *scratch;
	struct json_out json;
	const char *sender;
	size_t sender_len;
	uint64_t ts_ns;
	bool is_json;
};

/* The answer about one address. */
struct answer {
	bool is_match;
	struct matcher_match match;
	struct ruleset_decision decision;
	char text[2048];
};

static void
explain_match(const struct explain *e, const struct mailbox_reading *reading, struct answer *a)
{
	struct ruleset_query q = {
		.sender = e->sender,
		.sender_len = e->sender_len,
		.local = (const char *)reading->local,
		.local_len = reading->local_len,
		.domain = reading->domain,
		.domain_len = reading->domain_len,
		.ts_ns = e->ts_ns,
	};
	const struct rule_info *rule = ruleset_rule(e->set, a->match.rule);
	size_t used;

	a->is_match = true;
	ruleset_decide(e->set, &a->match, &q, &a->decision);
	rule_technique_explain(a->match.technique, a->match.domain, a->match.domain_len,
			       a->match.meant, a->match.meant_len, a->text, sizeof(a->text));
	used = strlen(a->text);
	if (strncmp(a->decision.by, "rule:", 5) != 0)
		snprintf(a->text + used, sizeof(a->text) - used,
			 "; the rule says %s, the %.9s %s lets it through",
			 rule_verdict_name(rule->verdict), a->decision.by,
			 a->decision.by + sizeof("exception:") - 1);
}

static void
explain_no_match(const struct explain *e, const struct mailbox *mb, size_t len, struct answer *a)
{
	const char *why = "no rule matches";
	bool all_legitimate = mb->nb_readings > 0;
	unsigned int i;

	for (i = 0; i < mb->nb_readings; i++)
		all_legitimate =
			all_legitimate && matcher_is_legitimate(e->m, mb->readings[i].domain,
								mb->readings[i].domain_len);
	if (len == 0)
		why = "there is no address";
	else if (mb->nb_readings == 0 || (mb->flags & MAILBOX_NO_DOMAIN) != 0)
		why = "there is no domain in it";
	else if (all_legitimate)
		why = "the domain is a protected one, or a legitimate one below it";
	snprintf(a->text, sizeof(a->text), "%s", why);
}

/* 0 or negative: the scan failed. */
static int
judge(const struct explain *e, const char *address, size_t len, bool is_cut, struct answer *a)
{
	struct mailbox mb;
	unsigned int i;
	int rc;

	memset(a, 0, sizeof(*a));
	mailbox_read((const uint8_t *)address, len, is_cut, &mb);
	for (i = 0; i < mb.nb_readings; i++) {
		const struct mailbox_reading *r = &mb.readings[i];
		struct matcher_query q = {(const char *)r->local, r->local_len, r->domain,
					  r->domain_len};

		rc = matcher_judge(e->m, e->scratch, &q, &a->match);
		if (rc < 0)
			return rc;
		if (rc == 1) {
			explain_match(e, r, a);
			return 0;
		}
	}
	explain_no_match(e, &mb, len, a);
	return 0;
}

static void
write_json(struct explain *e, const char *address, size_t len, const struct answer *a)
{
	struct json_out *o = &e->json;

	json_out_clear(o);
	json_open(o, '{');
	if (!json_kv_text(o, "address", address, len)) {
		json_key(o, "address_raw");
		json_base64(o, address, len);
	}
	json_kv_bool(o, "match", a->is_match);
	if (a->is_match && a->match.meant_len > 0)
		json_kv_text(o, "meant", a->match.meant, a->match.meant_len);
	else
		json_kv_null(o, "meant");
	if (a->is_match) {
		json_kv_cstr(o, "technique", rule_technique_name(a->match.technique));
		json_kv_cstr(o, "rule", ruleset_rule(e->set, a->match.rule)->id);
	} else {
		json_kv_null(o, "technique");
		json_kv_null(o, "rule");
	}
	json_kv_cstr(o, "explanation", a->text);
	json_kv_cstr(o, "verdict", a->is_match ? rule_verdict_name(a->decision.verdict) : "pass");
	if (a->is_match)
		json_kv_cstr(o, "verdict_by", a->decision.by);
	else
		json_kv_null(o, "verdict_by");
	json_close(o, '}');
	json_raw(o, "\n", 1);
	fwrite(o->buf, 1, o->len, stdout);
}

static void
write_text(const char *address, size_t len, const struct answer *a)
{
	rules_print(stdout, address, len);
	if (a->is_match)
		printf(": %s by %s, %s", rule_verdict_name(a->decision.verdict), a->decision.by,
		       rule_technique_name(a->match.technique));
	else
		printf(": no match");
	if (a->is_match && a->match.meant_len > 0) {
		printf(", meant ");
		rules_print(stdout, a->match.meant, a->match.meant_len);
	}
	printf("\n    ");
	rules_print_str(stdout, a->text);
	putchar('\n');
}

static int
explain_one(struct explain *e, const char *address, size_t len, bool is_cut)
{
	struct answer a;

	if (judge(e, address, len, is_cut, &a) < 0) {
		fprintf(stderr,
			COMMAND ": the scan failed; this must not happen, please report it\n");
		return -EIO;
	}
	if (e->is_json)
		write_json(e, address, len, &a);
	else
		write_text(address, len, &a);
	return e->json.failed ? -ENOMEM : 0;
}

/* One line without its end into @buf; false at the end of input. What is beyond @size is read and dropped. */
static bool
read_line(FILE *in, char *buf, size_t size, size_t *ret_len, bool *ret_is_cut)
{
	size_t len = 0;
	int c = getc_unlocked(in);

	if (c == EOF)
		return false;
	*ret_is_cut = false;
	for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
		if (len < size)
			buf[len++] = (char)c;
		else
			*ret_is_cut = true;
	}
	if (!*ret_is_cut && len > 0 && buf[len - 1] == '\r')
		len--;
	*ret_len = len;
	return true;
}

static int
explain_input(struct explain *e)
{
	char *line = malloc(LINE_MAX_LEN);
	bool is_cut;
	size_t len;
	int rc = 0;

	if (line == NULL)
		return -ENOMEM;
	while (rc == 0 && read_line(stdin, line, LINE_MAX_LEN, &len, &is_cut))
		rc = explain_one(e, line, len, is_cut);
	free(line);
	return rc;
}

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...] ADDRESS... | -\n\n"
	       "Says what would be decided about mail to an address, and why. With - addresses are "
	       "read from\n"
	       "standard input, one per line, and each line has its answer, in the same "
	       "order.\n\n");
	cli_print_options(options);
	return fflush(stdout) != 0 ? 2 : 0;
}

/* Operands are answered in order; the set stays loaded. */
static int
answer_all(struct explain *e, const char *path, char *const *addresses, int nb)
{
	struct rule_errors errs;
	const void *image;
	size_t len;
	int rc, i;

	rc = rules_open(path, stderr, &errs, &e->set);
	rule_errors_free(&errs);
	if (rc < 0)
		return rc;
	image = ruleset_image(e->set, &len);
	rc = matcher_load(image, len, &e->m);
	if (rc == 0)
		rc = matcher_scratch_new(e->m, &e->scratch);
	if (rc < 0)
		fprintf(stderr, COMMAND ": the compiled rules can't be used: %s\n", strerror(-rc));
	for (i = 0; i < nb && rc == 0; i++)
		rc = strcmp(addresses[i], "-") == 0
			     ? explain_input(e)
			     : explain_one(e, addresses[i], strlen(addresses[i]), false);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(COMMAND ": standard output");
		rc = -EIO;
	}
	matcher_scratch_free(e->scratch);
	matcher_free(e->m);
	ruleset_free(e->set);
	json_out_free(&e->json);
	return rc;
}

int
rules_explain(int argc, char **argv)
{
	struct explain e = {.sender = ""};
	const char *path = NULL, *value;
	int opt, nb = 0, rc = 0;
	struct timespec now;
	struct cli_parser p;
	char **addresses;

	clock_gettime(CLOCK_REALTIME, &now);
	e.ts_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	addresses = calloc((size_t)argc + 1, sizeof(*addresses));
	if (addresses == NULL)
		return 2;
	cli_init(&p, COMMAND, options, argc, argv);
	while (rc == 0 && (opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_OPERAND) {
			addresses[nb++] = argv[p.next - 1];
		} else if (opt == OPT_RULES) {
			path = value;
		} else if (opt == OPT_SENDER) {
			e.sender = value;
			e.sender_len = strlen(value);
		} else if (opt == OPT_JSON) {
			e.is_json = true;
		} else if (opt == OPT_AT) {
			if (rule_date_read(value, &e.ts_ns, NULL) < 0)
				rc = cli_usage_error(
					COMMAND,
					"--at \"%.100s\" is no date; write 2026-01-31 or "
					"2026-01-31T18:00:00Z",
					value);
		} else {
			free(addresses);
			return opt == OPT_HELP ? print_help() : 2;
		}
	}
	if (rc == 0 && nb == 0)
		rc = cli_usage_error(COMMAND, "which address? - reads them from standard input");
	if (rc == 0 && answer_all(&e, path, addresses, nb) < 0)
		rc = 2;
	free(addresses);
	return rc;
}
