/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmd_store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dp_clock.h"
#include "options.h"
#include "safe_text.h"
#include "store_keep.h"
#include "units.h"

#define STATE_DEFAULT "/var/lib/postern"
#define STORE_NAME "alerts.sqlite"

enum {
	EXIT_STORE = 4,
	PRUNE_ROWS = 10000,
	VACUUM_PAGES = 10000,
};

enum option {
	OPT_STATE,
	OPT_HELP,
	OPT_NB,
	OPT_KEEP = OPT_NB,
	OPT_SIZE,
	OPT_REWRITE,
};

static const struct cli_option options[] = {
	[OPT_STATE] = {"state", 's', "DIR", "folder of the store (default " STATE_DEFAULT ")"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

static const struct cli_option prune_options[] = {
	[OPT_STATE] = {"state", 's', "DIR", "folder of the store (default " STATE_DEFAULT ")"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_KEEP] = {"keep", 0, "AGE", "delete what was stored longer ago: 90d, 12w, 36h"},
	[OPT_SIZE] = {"size", 0, "SIZE", "delete the oldest until it takes no more than 2GiB, 500MiB"},
	[OPT_REWRITE] = {"rewrite", 0, NULL, "write the file anew afterwards; takes as much room again"},
	{NULL, 0, NULL, NULL},
};

struct store_args {
	const char *state, *file;
	struct store_limits limits;
	bool rewrite;
};

static int
fail(const char *command, const struct store *s)
{
	char shown[1024];

	safe_text(shown, sizeof(shown), store_error(s), strlen(store_error(s)));
	fprintf(stderr, "%s: %s\n", command, shown);
	return EXIT_STORE;
}

static int
take_option(const char *command, struct store_args *a, int opt, const char *value)
{
	switch (opt) {
	case OPT_STATE:
		a->state = value;
		return 0;
	case OPT_KEEP:
		if (units_age(value, &a->limits.age_ns) < 0)
			return cli_usage_error(command, "--keep: expected an age like 90d, 12w or 36h, not \"%.100s\"", value);
		a->limits.age_ns *= UINT64_C(1000000000);
		return 0;
	case OPT_SIZE:
		if (units_size(value, &a->limits.octets) < 0)
			return cli_usage_error(command, "--size: expected a size like 2GiB or 500MiB, not \"%.100s\"", value);
		return 0;
	default:
		a->rewrite = true;
		return 0;
	}
}

static int
print_help(const char *command, const char *operand, const char *what, const struct cli_option *table)
{
	printf("Usage: %s [OPTION...]%s\n\n%s\n\n", command, operand, what);
	cli_print_options(table);
	return fflush(stdout) != 0 ? 1 : 0;
}

/* 0: go on; else *ret_code is the exit code. */
static int
read_args(const char *command, const char *operand, const char *what, const struct cli_option *table, int argc,
	  char **argv, struct store_args *a, int *ret_code)
{
	struct cli_parser p;
	const char *value;
	int opt;

	*a = (struct store_args){.state = STATE_DEFAULT};
	cli_init(&p, command, table, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		*ret_code = 2;
		if (opt == CLI_ERROR)
			return 1;
		if (opt == OPT_HELP) {
			*ret_code = print_help(command, operand, what, table);
			return 1;
		}
		if (opt == CLI_OPERAND && operand[0] != '\0' && a->file == NULL) {
			a->file = argv[p.next - 1];
		} else if (opt == CLI_OPERAND) {
			cli_usage_error(command, "what is \"%.200s\"?", argv[p.next - 1]);
			return 1;
		} else if (take_option(command, a, opt, value) != 0) {
			return 1;
		}
	}
	return 0;
}

static int
open_store(const struct store_args *a, unsigned int flags, struct store **ret)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" STORE_NAME, a->state);

	*ret = NULL;
	return n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : store_open(path, flags, ret);
}

static int
print_kept(struct store *s)
{
	struct store_kept k;
	int rc = store_keep_look(s, &k);

	if (rc < 0)
		return rc;
	printf("store       %s\n", store_id(s));
	if (k.records > 0)
		printf("records     %" PRIu64 ", numbers %" PRIu64 " to %" PRIu64 "\n", k.records, k.first_sequence,
		       k.first_sequence + k.records - 1);
	else
		printf("records     0\n");
	printf("deleted     %" PRIu64 " by retention\n", k.deleted);
	printf("octets      %" PRIu64 " in use, %" PRIu64 " free in the file\n", (k.pages - k.free_pages) * k.page_size,
	       k.free_pages * k.page_size);
	return 0;
}

static int
cmd_info(int argc, char **argv)
{
	static const char command[] = "postern store info";
	struct store_args a;
	struct store *s;
	int code;

	if (read_args(command, "", "Says what is in the store and how much room it takes.", options, argc, argv, &a,
		      &code) != 0)
		return code;
	code = open_store(&a, STORE_READONLY, &s);
	if (code == 0)
		code = print_kept(s);
	if (code == 0 && fflush(stdout) != 0)
		code = -EIO;
	if (code < 0 && s != NULL)
		code = fail(command, s);
	store_free(s);
	return code == 0 ? 0 : EXIT_STORE;
}

static int
cmd_backup(int argc, char **argv)
{
	static const char command[] = "postern store backup";
	struct store_args a;
	struct store *s;
	int code;

	if (read_args(command, " FILE",
		      "Copies the store as it is at one moment into FILE, while it is written to or not. FILE takes its\n"
		      "name when the copy is whole and checked; it is itself a store: \"postern alerts\" reads it as\n"
		      STORE_NAME " in a folder.",
		      options, argc, argv, &a, &code) != 0)
		return code;
	if (a.file == NULL)
		return cli_usage_error(command, "which file is the copy to be written to?");
	code = open_store(&a, STORE_READONLY, &s);
	if (code == 0)
		code = store_keep_backup(s, a.file, NULL, NULL);
	if (code < 0 && s != NULL)
		fail(command, s);
	store_free(s);
	return code == 0 ? 0 : EXIT_STORE;
}

static int
prune(struct store *s, const struct store_args *a)
{
	int rc;

	do {
		rc = store_keep_step(s, &a->limits, UINT64_MAX - 1,
				     dp_clock_ns(CLOCK_REALTIME), PRUNE_ROWS);
	} while (rc == 1);
	while (rc == 0 && (rc = store_keep_vacuum(s, VACUUM_PAGES)) == 1)
		rc = 0;
	if (rc == 0 && a->rewrite)
		rc = store_keep_rewrite(s);
	return rc == 0 ? print_kept(s) : rc;
}

static int
cmd_prune(int argc, char **argv)
{
	static const char command[] = "postern store prune";
	struct store_args a;
	struct store *s;
	int code;

	if (read_args(command, "",
		      "Deletes old records and gives their room back. The store must not be in use: a running postern\n"
		      "does the same by itself, as its settings say.",
		      prune_options, argc, argv, &a, &code) != 0)
		return code;
	code = open_store(&a, STORE_DURABLE, &s);
	if (code == 0)
		code = prune(s, &a);
	if (code == 0 && fflush(stdout) != 0)
		code = -EIO;
	if (code < 0 && s != NULL)
		fail(command, s);
	store_free(s);
	return code == 0 ? 0 : EXIT_STORE;
}

int
cmd_store(int argc, char **argv)
{
	if (argc < 2)
		return cli_usage_error("postern store", "which command? There are info, backup, prune");
	if (strcmp(argv[1], "info") == 0)
		return cmd_info(argc - 1, argv + 1);
	if (strcmp(argv[1], "backup") == 0)
		return cmd_backup(argc - 1, argv + 1);
	if (strcmp(argv[1], "prune") == 0)
		return cmd_prune(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)
		return cli_usage_error("postern store", "unknown command \"%.200s\"; there are info, backup, prune",
				       argv[1]);
	printf("Usage: postern store COMMAND [OPTION...]\n\nCommands:\n"
	       "  info      what is in it, and how much room it takes\n"
	       "  backup    copy it, while it is written to or not\n"
	       "  prune     delete old records\n\n"
	       "\"postern store COMMAND --help\" tells more.\n");
	return fflush(stdout) != 0 ? 1 : 0;
}
