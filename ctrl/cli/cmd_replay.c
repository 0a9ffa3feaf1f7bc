/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_replay - postern replay: captures in, alerts and a report out
 *
 * What:      reads the options, prepares the folder of the run, the store and the report file, lets
 * the supervisor run the processes, and writes the report.
 */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control_path.h"
#include "dp_clock.h"
#include "inputs.h"
#include "paths.h"
#include "replay_options.h"
#include "report.h"
#include "rundir.h"
#include "safe_text.h"
#include "supervisor.h"

/* Name of the store in its folder; `postern alerts --state` looks for the same. */
#define STORE_NAME "alerts.sqlite"

struct replay {
	struct replay_options opt;
	struct supervisor_config cfg;
	struct inputs inputs;
	char run_dir[RUNDIR_PATH_MAX]; /* empty: none was made */
	char store[PATH_MAX], alerts[PATH_MAX];
	char dataplane[PATH_MAX], ctrl[PATH_MAX];
	bool linked;		   /* the state folder leads to that of the run */
	int state_fd;		   /* holds the lock of the state folder; -1: none */
	FILE *report;		   /* temporary file that becomes the report file, or NULL */
	char report_tmp[PATH_MAX]; /* its name; empty: written in place */
};

static int
fail_advice(const char *path, const char *what, int error, const char *advice)
{
	char shown[1024];

	safe_text(shown, sizeof(shown), path, strlen(path));
	fprintf(stderr, "postern: %s: %s: %s%s\n", shown, what, strerror(error), advice);
	return 4;
}

static int
fail(const char *path, const char *what, int error)
{
	return fail_advice(path, what, error, "");
}

/* The folder of the store, made if need be and locked against a second run. 0 or an exit code. */
static int
open_state(struct replay *r)
{
	const char *dir = r->opt.state;
	int n;

	if (dir == NULL) {
		n = snprintf(r->store, sizeof(r->store), "%s/" STORE_NAME, r->run_dir);
		r->cfg.journal_dir = r->run_dir;
		return n < 0 || (size_t)n >= sizeof(r->store)
			       ? fail(r->run_dir, "store", ENAMETOOLONG)
			       : 0;
	}
	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return fail_advice(dir, "the state folder cannot be made", errno,
				   "; name another with --state (its parent must exist), or leave "
				   "--state out");
	r->state_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->state_fd < 0)
		return fail_advice(dir, "the state folder cannot be opened", errno,
				   "; name another with --state");
	if (access(dir, W_OK | X_OK) < 0)
		return fail_advice(
			dir, "the state folder cannot be written", errno,
			"; make it writable for this user, or name another with --state");
	if (flock(r->state_fd, LOCK_EX | LOCK_NB) < 0)
		return fail(dir,
			    errno == EWOULDBLOCK ? "another run uses this state folder"
						 : "the state folder cannot be locked",
			    errno);
	n = snprintf(r->store, sizeof(r->store), "%s/" STORE_NAME, dir);
	r->cfg.journal_dir = dir;
	return n < 0 || (size_t)n >= sizeof(r->store) ? fail(dir, "store", ENAMETOOLONG) : 0;
}

/*
 * The report goes to a file of its own beside @path and takes its name at the end; only a plain
 * file, or a name that is free, can be replaced so. A link (/dev/stdout is one), a device and a
 * pipe are written as they stand.
 */
static bool
is_replaceable(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? errno == ENOENT : S_ISREG(st.st_mode);
}

/* Opened before the run: that it cannot be written is known before an hour of work, not after. 0 or
 * an exit code. */
static int
open_report(struct replay *r)
{
	const char *path = r->opt.report_file, *slash;
	mode_t mask;
	int fd, n;

	if (path == NULL)
		return 0;
	if (!is_replaceable(path)) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
	} else {
		slash = strrchr(path, '/');
		n = snprintf(r->report_tmp, sizeof(r->report_tmp), "%.*s.postern-report.XXXXXX",
			     slash != NULL ? (int)(slash - path) + 1 : 0, path);
		if (n < 0 || (size_t)n >= sizeof(r->report_tmp)) {
			r->report_tmp[0] = '\0';
			return fail(path, "the report cannot be written", ENAMETOOLONG);
		}
		fd = mkostemp(r->report_tmp, O_CLOEXEC);
		if (fd < 0)
			r->report_tmp[0] = '\0';
		mask = umask(0);
		umask(mask);
		if (fd >= 0 && fchmod(fd, 0666 & ~mask) < 0)
			return fail(path, "the report cannot be written", errno);
	}
	r->report = fd >= 0 ? fdopen(fd, "w") : NULL;
	return r->report == NULL ? fail(path, "the report cannot be written", errno) : 0;
}

/* A file behind a link holds one report, not a row of them; but /dev/stdout may hold alerts
 * already. */
static void
empty(int fd)
{
	struct stat st, other;
	int i;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
		if (fstat(i, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
			return;
	/* If it fails the report stands behind an older one. */
	if (ftruncate(fd, 0) < 0)
		return;
}

static int
write_to(FILE *out, const struct replay *r, const struct report *rep)
{
	return r->opt.format == REPORT_JSON ? report_json(out, rep) : report_text(out, rep);
}

/* 0 or an exit code. */
static int
write_report(struct replay *r, const struct report *rep)
{
	const char *path = r->opt.report_file;
	FILE *out = r->report;
	int rc;

	if (out == NULL) {
		if (r->opt.quiet)
			return 0;
		/* The reason was printed; a table of zeros would only hide it. */
		if (r->opt.format == REPORT_TEXT &&
		    (rep->res->flaws.rules_wrong || rep->res->flaws.start_failed))
			return 0;
		out = r->opt.takes_stdout ? stderr : stdout;
		rc = write_to(out, r, rep);
		return rc < 0 ? fail("the report", "cannot be written", -rc) : 0;
	}
	if (r->report_tmp[0] == '\0')
		empty(fileno(out));
	rc = write_to(out, r, rep);
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	r->report = NULL;
	if (rc == 0 && r->report_tmp[0] != '\0' && rename(r->report_tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		return fail(path, "the report cannot be written", -rc);
	r->report_tmp[0] = '\0';
	return 0;
}

static int
find_programs(struct replay *r)
{
	if (paths_child(PATHS_DATAPLANE, r->dataplane, sizeof(r->dataplane)) < 0)
		return fail(r->dataplane, "the dataplane is missing", errno);
	if (paths_child(PATHS_CTRL, r->ctrl, sizeof(r->ctrl)) < 0)
		return fail(r->ctrl, "the control process is missing", errno);
	return 0;
}

/* An output of that very name is a file; to ctrl the bare words mean something else. */
static const char *
as_file(struct replay *r, const char *path)
{
	if (path == NULL || strcmp(path, "human") != 0)
		return path;
	snprintf(r->alerts, sizeof(r->alerts), "./%s", path);
	return r->alerts;
}

static int
prepare(struct replay *r)
{
	const struct replay_options *o = &r->opt;
	int rc;

	rc = rundir_make(r->run_dir);
	if (rc < 0) {
		char dir[RUNDIR_PATH_MAX];

		memcpy(dir, r->run_dir, sizeof(dir));
		r->run_dir[0] = '\0';
		return fail_advice(dir, "a folder for this run cannot be made", -rc,
				   "; set TMPDIR to a folder that this user can write to");
	}
	if ((rc = find_programs(r)) != 0 || (rc = open_state(r)) != 0 || (rc = open_report(r)) != 0)
		return rc;
	if (o->state != NULL && (rc = control_link(o->state, r->run_dir)) < 0)
		return fail(o->state, "the link to the folder of the run cannot be made", -rc);
	r->linked = o->state != NULL;
	inputs_examine(o->captures, o->nb_captures,
		       dp_clock_ns(CLOCK_REALTIME),
		       &r->inputs);
	r->cfg.dataplane_path = r->dataplane;
	r->cfg.ctrl_path = r->ctrl;
	r->cfg.captures = o->captures;
	r->cfg.nb_captures = o->nb_captures;
	r->cfg.nb_workers = o->workers;
	r->cfg.flows_max = o->config.flows_max;
	r->cfg.sessions_max = o->config.sessions_max;
	r->cfg.ignore_vlan = o->config.ignore_vlan;
	r->cfg.loop = o->loop;
	r->cfg.ports = o->ports;
	r->cfg.speed = o->speed;
	r->cfg.rules = o->rules;
	r->cfg.store = r->store;
	r->cfg.run_dir = r->run_dir;
	r->cfg.alerts = o->for_people ? "human" : as_file(r, o->alerts);
	r->cfg.envelopes = o->envelopes;
	r->cfg.observer = o->observer;
	r->cfg.cache = o->cache != NULL ? o->cache : o->config.cache;
	r->cfg.metrics = o->config.metrics;
	/* A store that goes away with the run needs no limits. */
	r->cfg.keep_s = o->state != NULL ? o->config.keep_s : 0;
	r->cfg.keep_octets = o->state != NULL ? o->config.keep_octets : 0;
	r->cfg.run_id = r->inputs.run_id;
	r->cfg.octets_total = r->inputs.streams ? 0 : r->inputs.octets * o->loop;
	r->cfg.progress = !o->quiet && !o->no_progress && isatty(STDERR_FILENO);
	return 0;
}

static void
clean_up(struct replay *r)
{
	if (r->report != NULL)
		fclose(r->report);
	if (r->report_tmp[0] != '\0')
		unlink(r->report_tmp);
	if (r->run_dir[0] != '\0')
		rundir_remove(r->run_dir);
	if (r->linked)
		control_unlink(r->opt.state);
	if (r->state_fd >= 0)
		close(r->state_fd);
	replay_options_fini(&r->opt);
}

static int
run(struct replay *r)
{
	struct supervisor_result res;
	struct report rep;
	int code, rc;

	memset(&rep, 0, sizeof(rep));
	supervisor_run(&r->cfg, &res);
	code = supervisor_exit_code(&res);
	rep.res = &res;
	rep.run_id = r->inputs.run_id;
	rep.file_octets = r->inputs.octets;
	rep.nb_captures = r->opt.nb_captures;
	rep.loop = r->opt.loop;
	rep.exit_code = code;
	rc = write_report(r, &rep);
	supervisor_result_fini(&res);
	/* Rules that are wrong explain everything after them; else a failed output is the stronger
	 * fact. */
	return code == 2 || rc == 0 ? code : rc;
}

int
cmd_replay(int argc, char **argv)
{
	struct replay r;
	sigset_t held;
	int rc;

	memset(&r, 0, sizeof(r));
	r.state_fd = -1;
	rc = replay_options_read(&r.opt, argc, argv);
	if (rc != REPLAY_OPTIONS_RUN) {
		replay_options_fini(&r.opt);
		return rc;
	}
	signal(SIGPIPE, SIG_IGN);
	supervisor_hold_signals(&held);
	r.cfg.signals = &held;
	rc = prepare(&r);
	if (rc == 0)
		rc = run(&r);
	clean_up(&r);
	sigprocmask(SIG_UNBLOCK, &held, NULL);
	return rc;
}
