/* SPDX-License-Identifier: BSD-3-Clause */
/* rules_explain - postern rules explain: what the dataplane and ctrl say about addresses, and why */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd_rules.h"
#include "dp_clock.h"
#include "options.h"
#include "rules_judge.h"
#include "rules_lines.h"
#include "rules_write.h"

#define COMMAND "postern rules explain"

enum {
	LINE_MAX_LEN = 1 << 20, /* octets of a line of input that are looked at */
};

enum option {
	OPT_RULES,
	OPT_SENDER,
	OPT_CLIENT,
	OPT_AT,
	OPT_JSON,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_SENDER] = {"sender", 's', "ADDRESS",
			"who writes; some rules and exceptions are for some senders only"},
	[OPT_CLIENT] = {"client", 'c', "IP",
			"address of the host that sends; some are for some networks only"},
	[OPT_AT] = {"at", 0, "TIME",
		    "RFC 3339 moment at which exceptions are judged (default: now)"},
	[OPT_JSON] = {"json", 'j', NULL, "one JSON object per address"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct explain {
	struct rules_judge judge;
	struct json_out json;
	const char *sender;
	size_t sender_len;
	uint64_t ts_ns;
	struct rules_client client;
	bool is_json;
};

static int
explain_one(struct explain *e, const char *address, size_t len, bool is_cut)
{
	struct rules_question q = {
		.address = address,
		.len = len,
		.is_cut = is_cut,
		.sender = e->sender,
		.sender_len = e->sender_len,
		.ts_ns = e->ts_ns,
		.client = e->client,
	};
	struct rules_answer a;

	if (rules_judge(&e->judge, &q, &a) < 0) {
		fprintf(stderr,
			COMMAND ": the scan failed; this must not happen, please report it\n");
		return -EIO;
	}
	if (e->is_json) {
		rules_write_json(&e->json, address, len, &a);
		fwrite(e->json.buf, 1, e->json.len, stdout);
	} else {
		rules_write_text(stdout, address, len, &a);
	}
	return e->json.failed ? -ENOMEM : 0;
}

static int
explain_input(struct explain *e)
{
	struct rules_lines lines;
	int rc = 0;

	rules_lines_init(&lines, stdin, LINE_MAX_LEN);
	while (rc == 0 && rules_lines_next(&lines))
		rc = explain_one(e, lines.text, lines.len, lines.is_cut);
	if (rc == 0 && (lines.failed || ferror(stdin))) {
		fprintf(stderr, COMMAND ": standard input: %s\n",
			lines.failed ? "out of memory" : "can't be read");
		rc = -EIO;
	}
	rules_lines_fini(&lines);
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
	int rc = rules_judge_open(&e->judge, COMMAND, path), i;

	for (i = 0; i < nb && rc == 0; i++)
		rc = strcmp(addresses[i], "-") == 0
			     ? explain_input(e)
			     : explain_one(e, addresses[i], strlen(addresses[i]), false);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(COMMAND ": standard output");
		rc = -EIO;
	}
	rules_judge_close(&e->judge);
	json_out_free(&e->json);
	return rc;
}

int
rules_explain(int argc, char **argv)
{
	struct explain e = {.sender = ""};
	const char *path = NULL, *value;
	int opt, nb = 0, rc = 0;
	struct cli_parser p;
	char **addresses;

	e.ts_ns = dp_clock_ns(CLOCK_REALTIME);
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
		} else if (opt == OPT_CLIENT) {
			if (!rules_client_read(value, strlen(value), &e.client))
				rc = cli_usage_error(COMMAND,
						     "--client \"%.100s\" is no IP address", value);
		} else if (opt == OPT_JSON) {
			e.is_json = true;
		} else if (opt == OPT_AT) {
			rc = rules_read_at(COMMAND, value, &e.ts_ns);
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
