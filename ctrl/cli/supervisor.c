/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "dp_args.h"
#include "dp_clock.h"
#include "dp_shm.h"
#include "due.h"
#include "launch.h"
#include "options.h"
#include "progress.h"
#include "safe_text.h"
#include "status.h"
#include "terminal.h"

#define MS UINT64_C(1000000) /* in ns */

enum {
	ABORT_MS = 1000, /* for a dataplane whose work is of no use any more */
	RELAY_OCTETS = 16 * 1024,
};

struct run {
	const struct supervisor_config *cfg;
	struct supervisor_result *res;
	struct launch l;
	struct child dp, ctrl;
	struct status_reader dp_status, ctrl_status;
	struct dp_shm dp_shm, ctrl_shm;
	struct progress progress;
	int signal_fd;
	bool on_terminal;    /* there was one to begin with */
	bool dp_told;	     /* to stop; how it ends is no news */
	bool ctrl_told;	     /* to stop; it is not started again */
	uint64_t dp_kill_at; /* monotonic ns; 0: no limit */
	uint64_t ctrl_term_at;
	uint64_t ctrl_kill_at;
};

/* One line for people; what came from elsewhere is made fit for a terminal. */
__attribute__((format(printf, 2, 3))) static void
say(struct run *run, const char *fmt, ...)
{
	char text[4096], shown[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe_text(shown, sizeof(shown), text, strlen(text));
	progress_clear(&run->progress);
	fprintf(stderr, "postern: %s\n", shown);
}

/* --- what the children say --- */

static void
capture_error(struct run *run, uint64_t offset, bool whole, const char *path, const char *text)
{
	struct supervisor_result *res = run->res;
	struct supervisor_capture_error *e;

	res->nb_errors_in_all++;
	if (whole)
		say(run, "%s: not read: %s", path, text);
	else
		say(run, "%s: read up to octet %" PRIu64 ": %s", path, offset, text);
	if (res->nb_errors == SUPERVISOR_ERRORS_MAX)
		return;
	if (res->errors == NULL)
		res->errors = calloc(SUPERVISOR_ERRORS_MAX, sizeof(*res->errors));
	if (res->errors == NULL)
		return;
	e = &res->errors[res->nb_errors];
	e->path = strdup(path);
	e->text = strdup(text);
	e->offset = offset;
	e->whole = whole;
	if (e->path != NULL && e->text != NULL) {
		res->nb_errors++;
	} else {
		free(e->path);
		free(e->text);
	}
}

static void
dataplane_line(void *ctx, char *const *f, unsigned int nb)
{
	struct run *run = ctx;
	struct supervisor_result *res = run->res;
	uint64_t a, b;

	if (strcmp(f[0], "begin") == 0) {
		res->begun = true;
		progress_init(&run->progress, run->cfg->progress, run->cfg->octets_total, dp_clock_ns(CLOCK_MONOTONIC));
	} else if (strcmp(f[0], "error") == 0 && nb == 5 &&
		   dp_args_number(f[1], 0, UINT64_MAX, &a) == 0 && dp_args_number(f[2], 0, 1, &b) == 0) {
		capture_error(run, a, b == 1, f[3], f[4]);
	} else if (strcmp(f[0], "end") == 0 && nb == 3 &&
		   dp_args_number(f[1], 0, UINT64_MAX, &a) == 0 &&
		   dp_args_number(f[2], 0, UINT64_MAX, &b) == 0) {
		res->ended = true;
		res->wall_ns = a;
		res->cpu_ns = b;
	}
}

static void
ctrl_line(void *ctx, char *const *f, unsigned int nb)
{
	struct run *run = ctx;
	struct supervisor_result *res = run->res;
	uint64_t a, b;

	if (strcmp(f[0], "error") == 0 && nb == 2) {
		free(res->ctrl_error);
		res->ctrl_error = strdup(f[1]);
	} else if (strcmp(f[0], "hit") == 0 && nb == 4 && rule_hit_kind_from_name(f[1]) >= 0 &&
		   dp_args_number(f[3], 0, UINT64_MAX, &a) == 0) {
		supervisor_result_hit(res, (enum rule_hit_kind)rule_hit_kind_from_name(f[1]), f[2], a);
	} else if (strcmp(f[0], "done") == 0 && nb == 3 &&
		   dp_args_number(f[1], 0, UINT64_MAX, &a) == 0 &&
		   dp_args_number(f[2], 0, UINT64_MAX, &b) == 0) {
		res->alerts = a;
		res->updates = b;
		res->counted = true;
	}
}

/* --- ends --- */

static void
stop_ctrl(struct run *run)
{
	run->ctrl_told = true;
	child_signal(&run->ctrl, SIGTERM);
	run->ctrl_kill_at = dp_clock_ns(CLOCK_MONOTONIC) + SUPERVISOR_STOP_MS * MS;
}

static void
stop_dataplane(struct run *run, unsigned int limit_ms)
{
	run->dp_told = true;
	child_signal(&run->dp, SIGTERM);
	run->dp_kill_at = dp_clock_ns(CLOCK_MONOTONIC) + limit_ms * MS;
}

static void
dataplane_ended(struct run *run)
{
	struct supervisor_result *res = run->res;
	char how[128];

	status_read(&run->dp_status, dataplane_line, run);
	child_reap(&run->dp);
	if (WIFEXITED(run->dp.status) && WEXITSTATUS(run->dp.status) == 0 && res->ended) {
		if (res->flaws.signal != 0 && run->ctrl_term_at == 0)
			run->ctrl_term_at = dp_clock_ns(CLOCK_MONOTONIC) + SUPERVISOR_DRAIN_MS * MS;
		return;
	}
	if (!run->dp_told) {
		res->flaws.dataplane_failed = true;
		say(run, "the dataplane %s%s", child_explain(&run->dp, how, sizeof(how)),
		    res->begun ? "; what it had not read is not inspected" : "");
	}
	if (child_runs(&run->ctrl))
		stop_ctrl(run);
}

static void
ctrl_start(struct run *run)
{
	int rc = launch_ctrl(run->cfg, &run->l, run->ctrl.nb_starts, &run->ctrl);

	if (rc == 0)
		return;
	run->res->flaws.ctrl_failed = true;
	say(run, "%s: cannot be started: %s", run->cfg->ctrl_path, strerror(-rc));
	stop_dataplane(run, ABORT_MS);
}

static void
ctrl_ended(struct run *run)
{
	struct supervisor_result *res = run->res;
	char how[128];
	int code;

	status_read(&run->ctrl_status, ctrl_line, run);
	status_drop_partial(&run->ctrl_status);
	child_reap(&run->ctrl);
	child_explain(&run->ctrl, how, sizeof(how));
	code = WIFEXITED(run->ctrl.status) ? WEXITSTATUS(run->ctrl.status) : -1;
	if (code == 0 && res->counted) {
		/* The dataplane was done before ctrl could be; it has only to leave. */
		run->dp_kill_at = dp_clock_ns(CLOCK_MONOTONIC) + SUPERVISOR_STOP_MS * MS;
	} else if (code == 2) {
		res->flaws.rules_wrong = true;
		stop_dataplane(run, ABORT_MS);
	} else if (code == 4) {
		res->flaws.ctrl_failed = true;
		stop_dataplane(run, ABORT_MS);
	} else if (run->ctrl_told) {
		return;
	} else if (res->ctrl_restarts < SUPERVISOR_RESTARTS) {
		res->ctrl_restarts++;
		say(run, "the control process %s; starting it again (%u of %d)", how,
		    res->ctrl_restarts, SUPERVISOR_RESTARTS);
		ctrl_start(run);
	} else {
		res->flaws.ctrl_failed = true;
		say(run, "the control process %s, and was started %u times: giving up", how,
		    run->ctrl.nb_starts);
		stop_dataplane(run, ABORT_MS);
	}
}

/* Job control: all three stop and go on together. */
static void
suspend(struct run *run)
{
	progress_clear(&run->progress);
	child_signal(&run->dp, SIGSTOP);
	child_signal(&run->ctrl, SIGSTOP);
	raise(SIGSTOP);
	child_signal(&run->dp, SIGCONT);
	child_signal(&run->ctrl, SIGCONT);
}

/* SIGHUP has two meanings: the terminal is gone, or somebody wants the rules to be read again. */
static bool
is_hung_up(const struct run *run)
{
	return run->on_terminal && !terminal_is_there();
}

static void
signalled(struct run *run)
{
	struct signalfd_siginfo si;
	struct supervisor_result *res = run->res;

	if (read(run->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGTSTP) {
		suspend(run);
	} else if (si.ssi_signo == SIGUSR1 || (si.ssi_signo == SIGHUP && !is_hung_up(run))) {
		child_signal(&run->ctrl, (int)si.ssi_signo);
	} else if (res->flaws.signal == 0) {
		res->flaws.signal = (int)si.ssi_signo;
		say(run, "interrupted: finishing what was read (once more to end at once)");
		stop_dataplane(run, SUPERVISOR_STOP_MS);
		if (!child_runs(&run->dp))
			run->ctrl_term_at = dp_clock_ns(CLOCK_MONOTONIC) + SUPERVISOR_DRAIN_MS * MS;
	} else {
		run->dp_told = run->ctrl_told = true;
		child_signal(&run->dp, SIGKILL);
		child_signal(&run->ctrl, SIGKILL);
	}
}

static void
check_limits(struct run *run)
{
	uint64_t now = dp_clock_ns(CLOCK_MONOTONIC);

	if (run->dp_kill_at != 0 && now >= run->dp_kill_at && child_runs(&run->dp)) {
		run->dp_kill_at = 0;
		/* One that waits for room which a failed ctrl will never make is no news. */
		if (!run->res->ended && !run->res->flaws.ctrl_failed)
			say(run, "the dataplane does not end; killing it");
		child_signal(&run->dp, SIGKILL);
	}
	if (run->ctrl_term_at != 0 && now >= run->ctrl_term_at && child_runs(&run->ctrl)) {
		run->ctrl_term_at = 0;
		run->res->flaws.ctrl_failed = true;
		say(run, "the control process does not finish; stopping it");
		stop_ctrl(run);
	}
	if (run->ctrl_kill_at != 0 && now >= run->ctrl_kill_at && child_runs(&run->ctrl)) {
		run->ctrl_kill_at = 0;
		say(run, "the control process does not end; killing it");
		child_signal(&run->ctrl, SIGKILL);
	}
}

/* --- the loop --- */

/* Pass on what the children print, so that it does not run into the progress line. */
static void
relay(struct run *run, int from, int to)
{
	char buf[RELAY_OCTETS];
	ssize_t n, done, w;

	while (from >= 0 && (n = read(from, buf, sizeof(buf))) > 0) {
		progress_clear(&run->progress);
		for (done = 0; done < n; done += w) {
			w = write(to, buf + done, (size_t)(n - done));
			if (w < 0 && errno != EINTR)
				return;
			w = w < 0 ? 0 : w;
		}
	}
}

/* Octets of the files read so far, from what the workers counted; 16 is a pcap record's head. */
static uint64_t
octets_read(const struct run *run)
{
	struct dp_counters k;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < run->cfg->nb_workers; i++)
		if (dp_stats_read(dp_shm_stats(&run->dp_shm, i), &k) == 0)
			sum += k.c[DP_STAT_RX_OCTETS] + 16 * k.c[DP_STAT_RX_PKTS];
	return sum;
}

static void
loop_once(struct run *run)
{
	struct pollfd p[] = {
		{.fd = run->signal_fd, .events = POLLIN},
		{.fd = run->l.dp_status[0], .events = POLLIN},
		{.fd = run->l.ctrl_status[0], .events = POLLIN},
		{.fd = run->l.out[0], .events = POLLIN},
		{.fd = run->l.err[0], .events = POLLIN},
		{.fd = child_runs(&run->dp) ? run->dp.pidfd : -1, .events = POLLIN},
		{.fd = child_runs(&run->ctrl) ? run->ctrl.pidfd : -1, .events = POLLIN},
	};
	bool reading = run->res->begun && !run->res->ended;
	uint64_t now = dp_clock_ns(CLOCK_MONOTONIC);
	int wait_ms = reading ? progress_wait_ms(&run->progress, now) : -1;

	wait_ms = due_sooner(wait_ms, run->dp_kill_at, now);
	wait_ms = due_sooner(wait_ms, run->ctrl_term_at, now);
	wait_ms = due_sooner(wait_ms, run->ctrl_kill_at, now);
	if (poll(p, sizeof(p) / sizeof(p[0]), wait_ms) < 0)
		return;
	if (p[1].revents != 0)
		status_read(&run->dp_status, dataplane_line, run);
	if (p[2].revents != 0)
		status_read(&run->ctrl_status, ctrl_line, run);
	relay(run, run->l.out[0], STDOUT_FILENO);
	relay(run, run->l.err[0], STDERR_FILENO);
	if (p[0].revents != 0)
		signalled(run);
	if (p[5].revents != 0)
		dataplane_ended(run);
	if (p[6].revents != 0)
		ctrl_ended(run);
	check_limits(run);
	now = dp_clock_ns(CLOCK_MONOTONIC);
	if (reading && progress_wait_ms(&run->progress, now) == 0)
		progress_draw(&run->progress, octets_read(run), now);
}

/* --- start and account --- */

void
supervisor_hold_signals(sigset_t *ret_held)
{
	static const int wanted[] = {SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGUSR1};
	struct sigaction sa;
	size_t i;

	sigemptyset(ret_held);
	/* What the caller ignores (nohup, background jobs) stays ignored. */
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (sigaction(wanted[i], NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
			sigaddset(ret_held, wanted[i]);
	sigprocmask(SIG_BLOCK, ret_held, NULL);
}

static int
start(struct run *run)
{
	const struct supervisor_config *cfg = run->cfg;
	const char *what = "signals";
	int rc = 0;

	run->on_terminal = terminal_is_there();
	run->signal_fd = signalfd(-1, cfg->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signal_fd < 0)
		rc = -errno;
	if (rc == 0)
		rc = launch_open(cfg, &run->l, &what);
	if (rc == 0) {
		what = "shared memory";
		rc = dp_shm_map(run->l.dp_ro, DP_SHM_DATAPLANE, false, &run->dp_shm);
	}
	if (rc == 0)
		rc = dp_shm_map(run->l.ctrl_ro, DP_SHM_CTRL, false, &run->ctrl_shm);
	if (rc < 0) {
		say(run, "cannot set up %s: %s", what, strerror(-rc));
		return rc;
	}
	run->dp_status.fd = run->l.dp_status[0];
	run->ctrl_status.fd = run->l.ctrl_status[0];
	rc = launch_dataplane(cfg, &run->l, &run->dp);
	if (rc < 0) {
		say(run, "%s: cannot be started: %s", cfg->dataplane_path, strerror(-rc));
		return rc;
	}
	ctrl_start(run);
	return 0;
}

static void
read_counters(struct run *run)
{
	struct supervisor_result *res = run->res;
	struct dp_counters k;
	unsigned int i;

	res->nb_workers = run->cfg->nb_workers;
	res->have_stats = true;
	for (i = 0; i < run->cfg->nb_workers; i++) {
		res->malformed += dp_shm_ring_ctrl(&run->ctrl_shm, i)->malformed;
		if (dp_stats_read(dp_shm_stats(&run->dp_shm, i), &k) < 0) {
			res->have_stats = false;
			continue;
		}
		if (!dp_stats_balanced(&k))
			res->flaws.unbalanced = true;
		res->worker_packets[i] = k.c[DP_STAT_RX_PKTS];
		dp_stats_add(&res->total, &k);
	}
	if (!res->have_stats && !res->flaws.dataplane_failed && !run->dp_told)
		res->flaws.unbalanced = true;
	if (res->malformed != 0 || res->total.c[DP_STAT_EVENTS_LOST] != 0)
		res->flaws.lost = true;
	if (res->flaws.unbalanced)
		say(run, "DEFECT: the accounting of packets does not come out even; "
			 "please report this");
	if (res->flaws.lost)
		say(run,
		    "DEFECT: %" PRIu64 " events were lost and %" PRIu64 " refused; "
		    "please report this",
		    res->total.c[DP_STAT_EVENTS_LOST], res->malformed);
}

/* Not ru_maxrss: that begins with the size of whoever forked us. */
static uint64_t
own_peak(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t kib = 0;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kib * 1024;
}

static void
account(struct run *run, uint64_t started_ns)
{
	struct supervisor_result *res = run->res;
	struct rusage ru;

	read_counters(run);
	res->run_ns = dp_clock_ns(CLOCK_MONOTONIC) - started_ns;
	res->dataplane_cpu_ns = run->dp.cpu_ns;
	res->dataplane_peak = run->dp.peak_octets;
	res->ctrl_cpu_ns = run->ctrl.cpu_ns;
	res->ctrl_peak = run->ctrl.peak_octets;
	if (getrusage(RUSAGE_SELF, &ru) == 0) {
		res->supervisor_cpu_ns =
			((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) *
				UINT64_C(1000000000) +
			((uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec) * 1000;
	}
	res->supervisor_peak = own_peak();
}

int
supervisor_run(const struct supervisor_config *cfg, struct supervisor_result *ret)
{
	uint64_t started_ns = dp_clock_ns(CLOCK_MONOTONIC);
	struct run *run = calloc(1, sizeof(*run));
	int rc;

	memset(ret, 0, sizeof(*ret));
	if (run == NULL)
		return -ENOMEM;
	run->cfg = cfg;
	run->res = ret;
	memset(&run->l, 0xff, sizeof(run->l));
	run->signal_fd = -1;
	rc = start(run);
	if (rc < 0) {
		ret->flaws.start_failed = true;
	} else {
		while (child_runs(&run->dp) || child_runs(&run->ctrl))
			loop_once(run);
		relay(run, run->l.out[0], STDOUT_FILENO);
		relay(run, run->l.err[0], STDERR_FILENO);
		progress_clear(&run->progress);
		account(run, started_ns);
	}
	dp_shm_unmap(&run->dp_shm);
	dp_shm_unmap(&run->ctrl_shm);
	launch_close(&run->l);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	free(run);
	return rc;
}
