/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern - the one command that people use
 *
 * What:      finds the command and calls it; everything else is in cmd_*.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "cmd_alerts.h"
#include "cmd_control.h"
#include "cmd_rules.h"
#include "cmd_store.h"
#include "options.h"
#include "suggest.h"
#include "version.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"replay", cmd_replay, "inspect captures and write down what was found"},
	{"run", cmd_run, "inspect live ports"},
	{"alerts", cmd_alerts, "list, show and export stored alerts"},
	{"status", cmd_status, "show what a running postern does"},
	{"bypass", cmd_bypass, "let mail go on uninspected for a while, for maintenance"},
	{"reload", cmd_reload, "let a running postern read its rules again"},
	{"reopen", cmd_reopen, "let a running postern open its alert file again, after rotation"},
	{"store", cmd_store, "copy the store of alerts, look at it, delete old records"},
	{"rules", cmd_rules, "check rule files, explain what they say about an address"},
};

enum {
	NB_COMMANDS = sizeof(commands) / sizeof(commands[0]),
};

static int
print_help(void)
{
	int i;

	printf("postern - finds mail to lookalikes of protected domains on its way out\n\n"
	       "Usage: postern COMMAND [OPTION...]\n\nCommands:\n");
	for (i = 0; i < NB_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\nOptions:\n"
	       "  -h, --help     this text; \"postern COMMAND --help\" tells more\n"
	       "  -V, --version  versions of postern and of the libraries it uses\n\n"
	       "Try: postern replay capture.pcap\n");
	return fflush(stdout) != 0 ? 1 : 0;
}

static const struct command *
find(const char *name)
{
	int i;

	for (i = 0; i < NB_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int
unknown(const char *name)
{
	const char *names[NB_COMMANDS], *meant;
	int i;

	if (name[0] == '-')
		return cli_usage_error("postern", "unknown option %.200s", name);
	for (i = 0; i < NB_COMMANDS; i++)
		names[i] = commands[i].name;
	meant = suggest_word(name, names, NB_COMMANDS);
	if (meant != NULL)
		return cli_usage_error(
			"postern", "unknown command \"%.200s\"; did you mean \"%s\"?", name, meant);
	return cli_usage_error("postern", "unknown command \"%.200s\"", name);
}

static int
which_command(void)
{
	char names[256] = "";
	size_t used = 0;
	int i;

	for (i = 0; i < NB_COMMANDS && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "", commands[i].name);
	return cli_usage_error("postern", "which command? There are %s", names);
}

/*
 * A caller may have closed some of descriptors 0 to 2: the next thing opened, a store perhaps,
 * would take the number and be written over by messages. Such a number is filled with something
 * that fails when it is used.
 */
static int
fill_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	char help[] = "--help", *help_argv[] = {NULL, help, NULL};
	const struct command *cmd;

	if (fill_standard() < 0)
		return 4;
	if (argc < 2)
		return which_command();
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    (strcmp(argv[1], "help") == 0 && argc == 2))
		return print_help();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return version_print();
	if (strcmp(argv[1], "help") == 0) {
		cmd = find(argv[2]);
		help_argv[0] = argv[2];
		return cmd != NULL ? cmd->run(2, help_argv) : unknown(argv[2]);
	}
	cmd = find(argv[1]);
	return cmd != NULL ? cmd->run(argc - 1, argv + 1) : unknown(argv[1]);
}
