/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_run - postern run: inspect live ports
 *
 * What:      reads the configuration, prepares the folder of the run and the store's, and lets the supervisor run the
 * processes until it is told to end.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control_path.h"
#include "live_config.h"
#include "live_supervisor.h"
#include "options.h"
#include "paths.h"
#include "rundir.h"
#include "safe_text.h"

#define COMMAND "postern run"
#define CONFIG_DEFAULT "/etc/postern/postern.yaml"
#define STATE_DEFAULT "/var/lib/postern"
#define STORE_NAME "alerts.sqlite"

enum {
	TOLD_MAX = 256,
};

enum option {
	OPT_CONFIG,
	OPT_CHECK,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_CONFIG] = {"config", 'c', "FILE", "the configuration (default " CONFIG_DEFAULT ")"},
	[OPT_CHECK] = {"check", 0, NULL, "read and check the configuration, then end"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

struct run {
	const char *config_path;
	bool check;
	bool linked; /* the state folder names the run's */
	struct config config;
	struct live_config live;
	struct supervisor_config cfg;
	char run_dir[RUNDIR_PATH_MAX]; /* empty: none was made */
	char rules[PATH_MAX], store[PATH_MAX], dataplane[PATH_MAX], ctrl[PATH_MAX], responder[PATH_MAX];
	char ports[8 * DP_ARGS_PORTS_MAX];
	int state_fd;
};

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...]\n\n"
	       "Inspects live ports as the configuration says, until SIGTERM or SIGINT.\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 ended as told, or the configuration is right (--check); 2 usage,\n"
	       "rules or configuration wrong; 4 ports, store, output or a process failed.\n");
	return fflush(stdout) != 0 ? 1 : 0;
}

/* -1: go on; else the exit code. */
static int
read_options(struct run *r, int argc, char **argv)
{
	struct cli_parser p;
	const char *value;
	int opt;

	cli_init(&p, COMMAND, options, argc, argv);
	r->config_path = CONFIG_DEFAULT;
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == OPT_CONFIG)
			r->config_path = value;
		else if (opt == OPT_CHECK)
			r->check = true;
		else if (opt == OPT_HELP)
			return print_help();
		else if (opt == CLI_OPERAND)
			return cli_usage_error(COMMAND, "\"%.200s\" is not expected here", value);
		else
			return 2;
	}
	return -1;
}

static int
fail(const char *path, const char *what, int error, int code)
{
	char shown[1024];

	safe_text(shown, sizeof(shown), path, strlen(path));
	fprintf(stderr, "postern: %s: %s: %s\n", shown, what, strerror(error));
	return code;
}

/* Places of errors that were told: what is wrong with the file as YAML, both readers find. */
struct told {
	struct {
		int line, column;
	} list[TOLD_MAX];
	unsigned int nb;
};

static void
tell_once(void *ctx, const struct config_error *err)
{
	struct told *t = ctx;
	unsigned int i;

	for (i = 0; i < t->nb; i++)
		if (err->line > 0 && t->list[i].line == err->line && t->list[i].column == err->column)
			return;
	if (t->nb < TOLD_MAX) {
		t->list[t->nb].line = err->line;
		t->list[t->nb++].column = err->column;
	}
	config_error_print(stderr, err);
}

/* Both readers say all that is wrong. 0 or 2. */
static int
read_config(struct run *r)
{
	struct told told = { .nb = 0 };
	int a = config_load(r->config_path, tell_once, &told, &r->config), b;

	if (a < 0 && a != -EINVAL)
		return 2; /* cannot be read: said once is enough */
	b = live_config_load(r->config_path, tell_once, &told, &r->live);
	if (a < 0 || b < 0)
		return 2;
	if (r->live.nb_cores != 0 && r->config.workers > r->live.nb_cores) {
		fprintf(stderr, "%s: error: %u workers need as many CPUs in source.cores, not %u\n", r->config_path,
			r->config.workers, r->live.nb_cores);
		return 2;
	}
	return 0;
}

static int
open_state(struct run *r)
{
	const char *dir = r->config.state != NULL ? r->config.state : STATE_DEFAULT;
	int n;

	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return fail(dir, "the state folder cannot be made; name another with state in the configuration", errno, 4);
	r->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->state_fd < 0)
		return fail(dir, "the state folder cannot be opened", errno, 4);
	if (flock(r->state_fd, LOCK_EX | LOCK_NB) < 0)
		return fail(dir, errno == EWOULDBLOCK ? "another run uses this state folder" : "it cannot be locked", errno,
			    4);
	n = snprintf(r->store, sizeof(r->store), "%s/" STORE_NAME, dir);
	r->cfg.journal_dir = dir;
	return n < 0 || (size_t)n >= sizeof(r->store) ? fail(dir, "store", ENAMETOOLONG, 4) : 0;
}

static int
find_programs(struct run *r)
{
	if (paths_child(PATHS_DATAPLANE_LIVE, r->dataplane, sizeof(r->dataplane)) < 0)
		return fail(r->dataplane, "the dataplane is missing", errno, 4);
	if (paths_child(PATHS_CTRL, r->ctrl, sizeof(r->ctrl)) < 0)
		return fail(r->ctrl, "the control process is missing", errno, 4);
	if (r->live.enforce && r->live.responder.enabled &&
	    paths_child(PATHS_RESPONDER, r->responder, sizeof(r->responder)) < 0)
		return fail(r->responder, "the responder is missing", errno, 4);
	return 0;
}

static int
find_rules(struct run *r)
{
	int rc;

	r->cfg.rules = r->config.rules;
	if (r->cfg.rules != NULL)
		return 0;
	rc = paths_default_rules(r->rules, sizeof(r->rules));
	r->cfg.rules = r->rules;
	return rc < 0 ? fail("the rules that ship", "are missing", -rc, 2) : 0;
}

static void
list_ports(struct run *r)
{
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < r->config.nb_ports && used < sizeof(r->ports); i++)
		used += (size_t)snprintf(r->ports + used, sizeof(r->ports) - used, "%s%u", i > 0 ? "," : "",
					 r->config.ports[i]);
	r->cfg.ports = r->config.nb_ports > 0 ? r->ports : NULL;
}

static int
prepare(struct run *r)
{
	int rc = rundir_make(r->run_dir);

	if (rc < 0) {
		r->run_dir[0] = '\0';
		return fail("a folder for this run", "cannot be made; set TMPDIR", -rc, 4);
	}
	if ((rc = find_programs(r)) != 0 || (rc = find_rules(r)) != 0 || (rc = open_state(r)) != 0)
		return rc;
	rc = control_link(r->cfg.journal_dir, r->run_dir);
	if (rc < 0)
		return fail(r->cfg.journal_dir, "the link to the folder of the run cannot be made", -rc, 4);
	r->linked = true;
	/* Every run is a run of its own: live traffic never comes twice. */
	if (getrandom(&r->cfg.run_id, sizeof(r->cfg.run_id), 0) != (ssize_t)sizeof(r->cfg.run_id))
		return fail("a number for this run", "cannot be had", errno, 4);
	list_ports(r);
	r->cfg.dataplane_path = r->dataplane;
	r->cfg.ctrl_path = r->ctrl;
	r->cfg.responder_path = r->responder[0] != '\0' ? r->responder : NULL;
	r->cfg.nb_workers = r->config.workers != 0 ? r->config.workers : 1;
	r->cfg.flows_max = r->config.flows_max;
	r->cfg.sessions_max = r->config.sessions_max;
	r->cfg.ignore_vlan = r->config.ignore_vlan;
	r->cfg.cache = r->config.cache;
	r->cfg.metrics = r->config.metrics;
	r->cfg.keep_s = r->config.keep_s;
	r->cfg.keep_octets = r->config.keep_octets;
	r->cfg.store = r->store;
	r->cfg.run_dir = r->run_dir;
	r->cfg.alerts = r->live.alerts != NULL ? r->live.alerts : "human";
	r->cfg.observer = r->config.observer;
	r->cfg.live = &r->live;
	return 0;
}

static void
clean_up(struct run *r)
{
	if (r->run_dir[0] != '\0')
		rundir_remove(r->run_dir);
	if (r->linked)
		control_unlink(r->cfg.journal_dir);
	if (r->state_fd >= 0)
		close(r->state_fd);
	config_fini(&r->config);
	live_config_fini(&r->live);
}

int
cmd_run(int argc, char **argv)
{
	struct run r;
	sigset_t held;
	int code;

	memset(&r, 0, sizeof(r));
	r.state_fd = -1;
	code = read_options(&r, argc, argv);
	if (code >= 0)
		return code;
	code = read_config(&r);
	if (code != 0 || r.check) {
		clean_up(&r);
		return code;
	}
	signal(SIGPIPE, SIG_IGN);
	supervisor_hold_signals(&held);
	sigdelset(&held, SIGTSTP);
	r.cfg.signals = &held;
	code = prepare(&r);
	if (code == 0)
		code = live_supervisor_run(&r.cfg);
	clean_up(&r);
	sigprocmask(SIG_UNBLOCK, &held, NULL);
	return code;
}
