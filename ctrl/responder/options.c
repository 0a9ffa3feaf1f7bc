/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "dp_args.h"
#include "reply_text.h"

enum {
	OPT_TAKEOVER_FD = 256,
	OPT_ANSWER_FD,
	OPT_DP_FD,
	OPT_CTRL_FD,
	OPT_RULES_FD,
	OPT_STATUS_FD,
	OPT_MTU,
	OPT_LIMIT,
	OPT_LIMIT_SOURCE,
	OPT_ANSWER_MS,
	OPT_UID,
	OPT_GID,
	OPT_TEXT,
	OPT_HELP,
	OPT_VERSION,
};

enum {
	LIMIT_DEFAULT = 4096,
	LIMIT_MAX = 100000,
	LIMIT_SOURCE_DEFAULT = 256,
	ANSWER_MS_DEFAULT = 1000,
	ID_NOBODY = 65534,
};

static const struct option options[] = {
	{ "takeover-fd", required_argument, NULL, OPT_TAKEOVER_FD },
	{ "answer-fd", required_argument, NULL, OPT_ANSWER_FD },
	{ "dp-fd", required_argument, NULL, OPT_DP_FD },
	{ "ctrl-fd", required_argument, NULL, OPT_CTRL_FD },
	{ "rules-fd", required_argument, NULL, OPT_RULES_FD },
	{ "status-fd", required_argument, NULL, OPT_STATUS_FD },
	{ "mtu", required_argument, NULL, OPT_MTU },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "limit-source", required_argument, NULL, OPT_LIMIT_SOURCE },
	{ "answer-ms", required_argument, NULL, OPT_ANSWER_MS },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "gid", required_argument, NULL, OPT_GID },
	{ "text", required_argument, NULL, OPT_TEXT },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"postern-responder answers in connections that were taken over. It is started by `postern`, not by hand:\n"
	"  postern-responder --takeover-fd N --answer-fd N --dp-fd N --ctrl-fd N --rules-fd N --status-fd N\n"
	"                    [--mtu OCTETS] [--limit CONNECTIONS] [--limit-source CONNECTIONS]\n"
	"                    [--answer-ms MS] [--uid N --gid N] [--text TEMPLATE]\n";

static int
take_number(const char *arg, uint64_t min, uint64_t max, uint32_t *ret)
{
	uint64_t n;
	int rc = dp_args_number(arg, min, max, &n);

	if (rc == 0)
		*ret = (uint32_t)n;
	return rc;
}

static int
take_mtu(const char *arg, uint16_t *ret)
{
	uint32_t n = 0;
	int rc = take_number(arg, 1280, 65535, &n); /* RFC 8200 §5: IPv6 needs as much */

	if (rc == 0)
		*ret = (uint16_t)n;
	return rc;
}

static int
take_option(int opt, const char *arg, struct responder_options *o)
{
	const char *why;
	size_t at;

	switch (opt) {
	case OPT_TAKEOVER_FD:
		return dp_args_fd(arg, &o->takeover_fd);
	case OPT_ANSWER_FD:
		return dp_args_fd(arg, &o->answer_fd);
	case OPT_DP_FD:
		return dp_args_fd(arg, &o->dp_fd);
	case OPT_CTRL_FD:
		return dp_args_fd(arg, &o->ctrl_fd);
	case OPT_RULES_FD:
		return dp_args_fd(arg, &o->rules_fd);
	case OPT_STATUS_FD:
		return dp_args_fd(arg, &o->status_fd);
	case OPT_MTU:
		return take_mtu(arg, &o->mtu);
	case OPT_LIMIT:
		return take_number(arg, 1, LIMIT_MAX, &o->limit);
	case OPT_LIMIT_SOURCE:
		return take_number(arg, 1, LIMIT_MAX, &o->limit_source);
	case OPT_ANSWER_MS:
		return take_number(arg, 1, 60000, &o->answer_ms);
	case OPT_UID:
		return take_number(arg, 1, UINT32_MAX - 1, &o->uid);
	case OPT_GID:
		return take_number(arg, 1, UINT32_MAX - 1, &o->gid);
	case OPT_TEXT:
		o->text = arg;
		return reply_text_check(arg, &at, &why);
	default:
		return -EINVAL;
	}
}

int
responder_options_parse(int argc, char **argv, struct responder_options *ret)
{
	struct responder_options o = {
		.takeover_fd = -1,
		.answer_fd = -1,
		.dp_fd = -1,
		.ctrl_fd = -1,
		.rules_fd = -1,
		.status_fd = -1,
		.mtu = 1500,
		.limit = LIMIT_DEFAULT,
		.limit_source = LIMIT_SOURCE_DEFAULT,
		.answer_ms = ANSWER_MS_DEFAULT,
		.uid = ID_NOBODY,
		.gid = ID_NOBODY,
		.text = REPLY_TEXT_DEFAULT,
	};
	int opt, index = 0;

	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (opt == OPT_HELP || opt == OPT_VERSION) {
			fputs(opt == OPT_HELP ? usage : "postern-responder " POSTERN_VERSION "\n", stdout);
			return 1;
		}
		if (opt == '?')
			return -EINVAL;
		if (take_option(opt, optarg, &o) < 0) {
			fprintf(stderr, "postern-responder: --%s %s: not usable\n", options[index].name, optarg);
			return -EINVAL;
		}
	}
	if (optind != argc || o.takeover_fd < 0 || o.answer_fd < 0 || o.dp_fd < 0 || o.ctrl_fd < 0 || o.rules_fd < 0 ||
	    o.status_fd < 0) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	*ret = o;
	return 0;
}
