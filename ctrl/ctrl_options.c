/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp_args.h"
#include "reply_text.h"

enum {
	OPT_DP_FD = 256,
	OPT_CTRL_FD,
	OPT_RULES_FD,
	OPT_STATUS_FD,
	OPT_JOURNAL_FD,
	OPT_CONTROL_FD,
	OPT_RULES,
	OPT_RUN_DIR,
	OPT_RUN_ID,
	OPT_CACHE,
	OPT_KEEP_AGE,
	OPT_METRICS,
	OPT_KEEP_SIZE,
	OPT_STORE,
	OPT_ALERTS,
	OPT_ENVELOPES,
	OPT_OBSERVER,
	OPT_CONFIG,
	OPT_RESPONDER_DP_FD,
	OPT_RESPONDER_CTRL_FD,
	OPT_RESPONDER_RULES_FD,
	OPT_ANSWER_FD,
	OPT_REFUSE_TEXT,
	OPT_REFUSE_TEXT_RULE,
	OPT_REFUSE_TEXT_SENDER,
	OPT_REFUSE_CONTACT,
	OPT_REFUSE_LIMIT,
	OPT_REFUSE_BEYOND,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "dp-fd", required_argument, NULL, OPT_DP_FD },
	{ "ctrl-fd", required_argument, NULL, OPT_CTRL_FD },
	{ "rules-fd", required_argument, NULL, OPT_RULES_FD },
	{ "status-fd", required_argument, NULL, OPT_STATUS_FD },
	{ "journal-fd", required_argument, NULL, OPT_JOURNAL_FD },
	{ "control-fd", required_argument, NULL, OPT_CONTROL_FD },
	{ "rules", required_argument, NULL, OPT_RULES },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "run-id", required_argument, NULL, OPT_RUN_ID },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "keep-age", required_argument, NULL, OPT_KEEP_AGE },
	{ "keep-size", required_argument, NULL, OPT_KEEP_SIZE },
	{ "store", required_argument, NULL, OPT_STORE },
	{ "alerts", required_argument, NULL, OPT_ALERTS },
	{ "envelopes", required_argument, NULL, OPT_ENVELOPES },
	{ "observer", required_argument, NULL, OPT_OBSERVER },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "responder-dp-fd", required_argument, NULL, OPT_RESPONDER_DP_FD },
	{ "responder-ctrl-fd", required_argument, NULL, OPT_RESPONDER_CTRL_FD },
	{ "responder-rules-fd", required_argument, NULL, OPT_RESPONDER_RULES_FD },
	{ "answer-fd", required_argument, NULL, OPT_ANSWER_FD },
	{ "refuse-text", required_argument, NULL, OPT_REFUSE_TEXT },
	{ "refuse-text-rule", required_argument, NULL, OPT_REFUSE_TEXT_RULE },
	{ "refuse-text-sender", required_argument, NULL, OPT_REFUSE_TEXT_SENDER },
	{ "refuse-contact", required_argument, NULL, OPT_REFUSE_CONTACT },
	{ "refuse-limit", required_argument, NULL, OPT_REFUSE_LIMIT },
	{ "refuse-beyond", required_argument, NULL, OPT_REFUSE_BEYOND },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"postern-ctrl decides, stores and writes alerts. It is started by `postern`, not by hand:\n"
	"  postern-ctrl replay|live --dp-fd N --ctrl-fd N --rules-fd N --status-fd N --journal-fd N\n"
	"                      --rules PATH --run-dir DIR --run-id HEX16 --store FILE [--control-fd N]\n"
	"                      [--alerts FILE|-|human] [--envelopes FILE|-] [--observer NAME] [--config FILE]\n"
	"                      [--cache DIR|off] [--keep-age SECONDS] [--keep-size OCTETS]\n"
	"                      [--metrics ADDRESS:PORT]\n"
	"                      [--responder-dp-fd N --responder-ctrl-fd N --responder-rules-fd N --answer-fd N]\n"
	"                      [--refuse-text TEMPLATE] [--refuse-text-rule ID=TEMPLATE]...\n"
	"                      [--refuse-text-sender DOMAIN=TEMPLATE]... [--refuse-contact TEXT]\n"
	"                      [--refuse-limit PER_MINUTE --refuse-beyond alert|reset]\n";

static int
take_hex(const char *text, uint64_t *ret)
{
	char *end;

	if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
		return -EINVAL;
	*ret = strtoull(text, &end, 16);
	return 0;
}

static int
take_text(const char *arg, const char **ret)
{
	const char *why;
	size_t at;

	*ret = arg;
	return reply_text_check(arg, &at, &why);
}

/* "ID=TEMPLATE". */
static int
take_text_for(char *arg, enum answers_for kind, struct answers_config *a)
{
	char *sign = strchr(arg, '=');
	struct answers_text *t = &a->texts[a->nb_texts];

	if (sign == NULL || a->nb_texts == ANSWERS_TEXTS_MAX || take_text(sign + 1, &t->template) < 0)
		return -EINVAL;
	*sign = '\0';
	t->kind = kind;
	t->name = arg;
	a->nb_texts++;
	return 0;
}

static int
take_refuse(int opt, char *arg, struct answers_config *a)
{
	uint64_t n;

	switch (opt) {
	case OPT_REFUSE_TEXT:
		return take_text(arg, &a->template);
	case OPT_REFUSE_TEXT_RULE:
		return take_text_for(arg, ANSWERS_FOR_RULE, a);
	case OPT_REFUSE_TEXT_SENDER:
		return take_text_for(arg, ANSWERS_FOR_SENDER, a);
	case OPT_REFUSE_CONTACT:
		a->contact = arg;
		return 0;
	case OPT_REFUSE_LIMIT:
		if (dp_args_number(arg, 1, UINT16_MAX - 1, &n) < 0)
			return -EINVAL;
		a->per_minute = (unsigned int)n;
		return 0;
	case OPT_REFUSE_BEYOND:
		a->beyond = verdict_from_name(arg);
		return a->beyond == DP_VERDICT_ALERT || a->beyond == DP_VERDICT_RESET ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

static int
take_option(int opt, char *arg, struct ctrl_options *o)
{
	switch (opt) {
	case OPT_RESPONDER_DP_FD:
		return dp_args_fd(arg, &o->responder_dp_fd);
	case OPT_RESPONDER_CTRL_FD:
		return dp_args_fd(arg, &o->responder_ctrl_fd);
	case OPT_RESPONDER_RULES_FD:
		return dp_args_fd(arg, &o->responder_rules_fd);
	case OPT_ANSWER_FD:
		return dp_args_fd(arg, &o->answers.sock);
	case OPT_DP_FD:
		return dp_args_fd(arg, &o->dp_fd);
	case OPT_CTRL_FD:
		return dp_args_fd(arg, &o->ctrl_fd);
	case OPT_RULES_FD:
		return dp_args_fd(arg, &o->rules_fd);
	case OPT_STATUS_FD:
		return dp_args_fd(arg, &o->status_fd);
	case OPT_JOURNAL_FD:
		return dp_args_fd(arg, &o->journal_fd);
	case OPT_CONTROL_FD:
		return dp_args_fd(arg, &o->control_fd);
	case OPT_RUN_ID:
		return take_hex(arg, &o->run_id);
	case OPT_RULES:
		o->rules = arg;
		return 0;
	case OPT_RUN_DIR:
		o->run_dir = arg;
		return 0;
	case OPT_CACHE:
		o->cache = arg;
		return 0;
	case OPT_METRICS:
		o->metrics = arg;
		return 0;
	case OPT_KEEP_AGE:
		return dp_args_number(arg, 1, UINT64_MAX / UINT64_C(1000000000), &o->keep_s);
	case OPT_KEEP_SIZE:
		return dp_args_number(arg, 1, UINT64_MAX >> 1, &o->keep_octets);
	case OPT_STORE:
		o->store = arg;
		return 0;
	case OPT_ALERTS:
		o->alerts = arg;
		return 0;
	case OPT_ENVELOPES:
		o->envelopes = arg;
		return 0;
	case OPT_OBSERVER:
		o->observer = arg;
		return 0;
	case OPT_CONFIG:
		o->config = arg;
		return 0;
	default:
		return take_refuse(opt, arg, &o->answers);
	}
}

int
ctrl_options_parse(int argc, char **argv, struct ctrl_options *ret)
{
	struct ctrl_options o = {
		.dp_fd = -1,
		.ctrl_fd = -1,
		.rules_fd = -1,
		.status_fd = -1,
		.journal_fd = -1,
		.control_fd = -1,
		.responder_dp_fd = -1,
		.responder_ctrl_fd = -1,
		.responder_rules_fd = -1,
		.answers = { .sock = -1, .beyond = DP_VERDICT_RESET },
		.alerts = "human",
	};
	int opt, index = 0;

	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			fputs(opt == OPT_HELP ? usage : "postern-ctrl " POSTERN_VERSION "\n", stdout);
			return 1;
		}
		if (opt == '?')
			return -EINVAL;
		if (take_option(opt, optarg, &o) < 0) {
			fprintf(stderr, "postern-ctrl: --%s %s: not usable\n", options[index].name, optarg);
			return -EINVAL;
		}
	}
	if (optind + 1 != argc || (strcmp(argv[optind], "replay") != 0 && strcmp(argv[optind], "live") != 0) ||
	    o.dp_fd < 0 || o.ctrl_fd < 0 || o.rules_fd < 0 || o.status_fd < 0 || o.journal_fd < 0 || o.rules == NULL ||
	    o.store == NULL || o.run_dir == NULL) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	o.answers.run_id = o.run_id;
	*ret = o;
	return 0;
}
