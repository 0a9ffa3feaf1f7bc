/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "dp_clock.h"
#include "dp_shm.h"
#include "hook.h"
#include "due.h"
#include "launch.h"
#include "live_config.h"
#include "ready.h"
#include "safe_text.h"
#include "status.h"
#include "terminal.h"

#define MS UINT64_C(1000000) /* in ns */

/* A child, and when it is to be started again. */
struct part {
	const char *name;
	const char *path;
	int (*start)(struct part *p);
	struct live *run;
	struct child child;
	uint64_t started_ns;
	uint64_t start_at;  /* monotonic ns; 0: runs, or is not to be started */
	uint64_t kill_at;   /* 0: no limit */
	uint64_t delay_ms;  /* before the next start */
	uint64_t dead_ns;   /* when it died */
};

struct live {
	const struct supervisor_config *cfg;
	struct launch l;
	struct part dp, ctrl, responder; /* the last one: with cfg->responder_path */
	struct hook hook;
	struct status_reader dp_status, ctrl_status, responder_status;
	struct dp_shm dp_shm;
	uint64_t look_at;			 /* next look of the watchdog */
	uint64_t heartbeats[DP_WORKERS_MAX];	 /* as last seen */
	unsigned int nb_still[DP_WORKERS_MAX]; /* looks since it moved */
	int signal_fd;
	bool on_terminal; /* there was one to begin with */
	bool watching;	 /* the workers run */
	bool begun;	 /* the ports were open once */
	bool dp_ended;	 /* said so */
	bool stopping;
	int exit_code;
};

__attribute__((format(printf, 1, 2))) static void
say(const char *fmt, ...)
{
	char text[4096], shown[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe_text(shown, sizeof(shown), text, strlen(text));
	fprintf(stderr, "postern: %s\n", shown);
}

/* --- start and end of a part --- */

static int
start_dataplane(struct part *p)
{
	p->run->dp_ended = false;
	return launch_live(p->run->cfg, &p->run->l, &p->child);
}

static int
start_ctrl(struct part *p)
{
	return launch_ctrl(p->run->cfg, &p->run->l, p->child.nb_starts, &p->child);
}

static int
start_responder(struct part *p)
{
	return launch_responder(p->run->cfg, &p->run->l, &p->child);
}

static void
part_stop(struct part *p, unsigned int limit_ms)
{
	p->start_at = 0;
	if (!child_runs(&p->child))
		return;
	child_signal(&p->child, SIGTERM);
	p->kill_at = dp_clock_ns(CLOCK_MONOTONIC) + limit_ms * MS;
}

static void
stop(struct live *run, int exit_code)
{
	if (run->stopping)
		return;
	run->stopping = true;
	run->exit_code = exit_code;
	ready_notify("STOPPING=1");
	if (run->begun)
		hook_tell(&run->hook, HOOK_DRAIN);
	part_stop(&run->dp, LIVE_DRAIN_MS);
	if (child_runs(&run->dp.child))
		return;
	part_stop(&run->responder, SUPERVISOR_STOP_MS);
	part_stop(&run->ctrl, SUPERVISOR_STOP_MS);
}

static void
part_start(struct part *p)
{
	int rc = p->start(p);

	p->start_at = 0;
	p->kill_at = 0;
	p->started_ns = dp_clock_ns(CLOCK_MONOTONIC);
	if (rc == 0)
		return;
	say("%s: cannot be started: %s", p->path, strerror(-rc));
	stop(p->run, 4);
}

/* It died and shall not have: again, soon. */
static void
part_again(struct part *p)
{
	uint64_t now = dp_clock_ns(CLOCK_MONOTONIC);
	char how[128];

	if (now - p->started_ns >= LIVE_SETTLED_MS * MS)
		p->delay_ms = 0;
	p->dead_ns = now;
	p->start_at = now + p->delay_ms * MS;
	say("the %s %s; starting it again%s", p->name, child_explain(&p->child, how, sizeof(how)),
	    p->delay_ms > 0 ? " after a while" : "");
	p->delay_ms = p->delay_ms == 0 ? LIVE_RESTART_MS : p->delay_ms * 2;
	if (p->delay_ms > LIVE_RESTART_MAX_MS)
		p->delay_ms = LIVE_RESTART_MAX_MS;
}

/* --- what the children say --- */

static void
dataplane_line(void *ctx, char *const *f, unsigned int nb)
{
	struct live *run = ctx;

	if (strcmp(f[0], "begin") == 0) {
		say("inspecting%s",
		    run->cfg->live->enforce ? "" : "; observing: nothing is held, changed or refused (enforce: false)");
		if (run->begun)
			say("the wire was down for %" PRIu64 " ms", (dp_clock_ns(CLOCK_MONOTONIC) - run->dp.dead_ns) / MS);
		run->begun = run->watching = true;
		memset(run->nb_still, 0, sizeof(run->nb_still));
		hook_tell(&run->hook, HOOK_UP);
		ready_notify("READY=1");
	} else if (strcmp(f[0], "port") == 0 && nb == 3) {
		say("port %s: %s", f[1], f[2]);
	} else if (strcmp(f[0], "note") == 0 && nb == 2) {
		say("%s", f[1]);
	} else if (strcmp(f[0], "end") == 0) {
		run->dp_ended = true;
	}
}

static void
ctrl_line(void *ctx, char *const *f, unsigned int nb)
{
	struct live *run = ctx;

	if (strcmp(f[0], "done") == 0 && nb == 3 && run->stopping)
		say("%s alerts and %s updates were written", f[1], f[2]);
}

static void
responder_line(void *ctx, char *const *f, unsigned int nb)
{
	if (strcmp(f[0], "begin") == 0)
		say("the responder is there: connections can be taken over");
	else if (strcmp(f[0], "note") == 0 && nb == 2)
		say("%s", f[1]);
	else if (strcmp(f[0], "end") == 0 && nb >= 4)
		say("the responder took %s connections over, refused %s, and %s recipients in them", f[1], f[2], f[3]);
}

static void
responder_ended(struct live *run)
{
	status_read(&run->responder_status, responder_line, run);
	status_drop_partial(&run->responder_status);
	child_reap(&run->responder.child);
	/* Without it refuse is reset; the rest goes on. */
	if (!run->stopping)
		part_again(&run->responder);
}

static void
dataplane_ended(struct live *run)
{
	char how[128];

	status_read(&run->dp_status, dataplane_line, run);
	status_drop_partial(&run->dp_status);
	child_reap(&run->dp.child);
	run->watching = false;
	if (run->begun)
		hook_tell(&run->hook, run->stopping && run->dp_ended ? HOOK_DOWN : HOOK_DEAD);
	if (run->stopping) {
		/* Nothing goes through it any more. */
		part_stop(&run->responder, SUPERVISOR_STOP_MS);
		/* Whose flows were ended in order is done with its rings: ctrl sees that and ends by itself. */
		if (!run->dp_ended)
			part_stop(&run->ctrl, SUPERVISOR_STOP_MS);
		else
			run->ctrl.kill_at = dp_clock_ns(CLOCK_MONOTONIC) + LIVE_DRAIN_MS * MS;
	} else if (!run->begun) {
		say("the dataplane %s before it could begin", child_explain(&run->dp.child, how, sizeof(how)));
		stop(run, 4);
	} else {
		part_again(&run->dp);
	}
}

static void
ctrl_ended(struct live *run)
{
	int code;

	status_read(&run->ctrl_status, ctrl_line, run);
	status_drop_partial(&run->ctrl_status);
	child_reap(&run->ctrl.child);
	code = WIFEXITED(run->ctrl.child.status) ? WEXITSTATUS(run->ctrl.child.status) : -1;
	if (run->stopping) {
		if (code != 0 && run->exit_code == 0)
			run->exit_code = 4;
		return;
	}
	if ((code == 2 || code == 4) && !run->begun)
		stop(run, code);
	else
		part_again(&run->ctrl);
}

static void
signalled(struct live *run)
{
	struct signalfd_siginfo si;

	if (read(run->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	if (si.ssi_signo == SIGUSR1 || (si.ssi_signo == SIGHUP && !(run->on_terminal && !terminal_is_there()))) {
		child_signal(&run->ctrl.child, (int)si.ssi_signo);
		return;
	}
	if (!run->stopping) {
		say("ending: finishing what is under way (once more to end at once)");
		stop(run, 0);
	} else {
		run->exit_code = 4;
		child_signal(&run->dp.child, SIGKILL);
		child_signal(&run->ctrl.child, SIGKILL);
		child_signal(&run->responder.child, SIGKILL);
	}
}

/* Does every worker turn? */
static void
look(struct live *run, uint64_t now)
{
	unsigned int i;

	if (!run->watching || now < run->look_at)
		return;
	run->look_at = now + LIVE_LOOK_MS * MS;
	for (i = 0; i < run->cfg->nb_workers; i++) {
		uint64_t beat = atomic_load_explicit(&dp_shm_ring_dp(&run->dp_shm, i)->heartbeat, memory_order_relaxed);

		run->nb_still[i] = beat == run->heartbeats[i] ? run->nb_still[i] + 1 : 0;
		run->heartbeats[i] = beat;
		if (run->nb_still[i] < LIVE_STUCK_LOOKS || run->stopping)
			continue;
		say("worker %u has stood still for %d s; killing the dataplane", i, LIVE_LOOK_MS * LIVE_STUCK_LOOKS / 1000);
		run->watching = false;
		child_signal(&run->dp.child, SIGKILL);
		return;
	}
}

/* --- the loop --- */

static void
part_limits(struct part *p, uint64_t now)
{
	if (p->kill_at != 0 && now >= p->kill_at && child_runs(&p->child)) {
		p->kill_at = 0;
		say("the %s does not end; killing it", p->name);
		child_signal(&p->child, SIGKILL);
	}
	if (p->start_at != 0 && now >= p->start_at && !child_runs(&p->child))
		part_start(p);
}

static void
loop_once(struct live *run)
{
	struct pollfd p[] = {
		{.fd = run->signal_fd, .events = POLLIN},
		{.fd = run->l.dp_status[0], .events = POLLIN},
		{.fd = run->l.ctrl_status[0], .events = POLLIN},
		{.fd = child_runs(&run->dp.child) ? run->dp.child.pidfd : -1, .events = POLLIN},
		{.fd = child_runs(&run->ctrl.child) ? run->ctrl.child.pidfd : -1, .events = POLLIN},
		{.fd = run->l.responder_status[0], .events = POLLIN},
		{.fd = child_runs(&run->responder.child) ? run->responder.child.pidfd : -1, .events = POLLIN},
		{.fd = hook_fd(&run->hook), .events = POLLIN},
	};
	uint64_t now = dp_clock_ns(CLOCK_MONOTONIC);
	int wait_ms = -1;

	wait_ms = due_sooner(wait_ms, run->dp.start_at, now);
	wait_ms = due_sooner(wait_ms, run->dp.kill_at, now);
	wait_ms = due_sooner(wait_ms, run->ctrl.start_at, now);
	wait_ms = due_sooner(wait_ms, run->ctrl.kill_at, now);
	wait_ms = due_sooner(wait_ms, run->responder.start_at, now);
	wait_ms = due_sooner(wait_ms, run->responder.kill_at, now);
	wait_ms = due_sooner(wait_ms, run->hook.kill_at, now);
	wait_ms = due_sooner(wait_ms, run->watching ? run->look_at : 0, now);
	if (poll(p, sizeof(p) / sizeof(p[0]), wait_ms) < 0)
		return;
	if (p[1].revents != 0)
		status_read(&run->dp_status, dataplane_line, run);
	if (p[2].revents != 0)
		status_read(&run->ctrl_status, ctrl_line, run);
	if (p[0].revents != 0)
		signalled(run);
	if (p[3].revents != 0)
		dataplane_ended(run);
	if (p[4].revents != 0)
		ctrl_ended(run);
	if (p[5].revents != 0)
		status_read(&run->responder_status, responder_line, run);
	if (p[6].revents != 0)
		responder_ended(run);
	if (p[7].revents != 0)
		hook_ended(&run->hook);
	now = dp_clock_ns(CLOCK_MONOTONIC);
	part_limits(&run->dp, now);
	part_limits(&run->ctrl, now);
	part_limits(&run->responder, now);
	hook_limits(&run->hook, now);
	look(run, now);
}

static int
start(struct live *run)
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
	if (rc < 0) {
		say("cannot set up %s: %s", what, strerror(-rc));
		return rc;
	}
	run->dp_status.fd = run->l.dp_status[0];
	run->ctrl_status.fd = run->l.ctrl_status[0];
	run->responder_status.fd = run->l.responder_status[0];
	part_start(&run->dp);
	if (!run->stopping)
		part_start(&run->ctrl);
	if (!run->stopping && cfg->responder_path != NULL)
		part_start(&run->responder);
	return 0;
}

/* What went by, and whether it comes out even. */
static void
account(struct live *run)
{
	struct dp_counters k, sum = { 0 };
	bool even = true;
	unsigned int i;

	for (i = 0; i < run->cfg->nb_workers; i++) {
		if (dp_stats_read(dp_shm_stats(&run->dp_shm, i), &k) != 0)
			continue; /* it died while it wrote */
		even &= dp_stats_balanced(&k);
		dp_stats_add(&sum, &k);
	}
	say("%" PRIu64 " packets received, %" PRIu64 " sent, %" PRIu64 " mail packets inspected, %" PRIu64 " matches",
	    sum.c[DP_STAT_RX_PKTS], sum.c[DP_STAT_SENT], sum.c[DP_STAT_INSPECTED], sum.c[DP_STAT_MATCHES]);
	if (!even)
		say("DEFECT: the accounting of packets does not come out even; please report this");
	for (i = 0; i < DP_STAT_NB; i++)
		if (sum.c[i] != 0 && (dp_stat_kind(i) == DP_STAT_KIND_DROP || i == DP_STAT_EVENTS_LOST))
			say("%s: %" PRIu64 " (%s)", dp_stat_name(i), sum.c[i], dp_stat_help(i));
}

int
live_supervisor_run(const struct supervisor_config *cfg)
{
	struct live *run = calloc(1, sizeof(*run));
	int code;

	if (run == NULL)
		return 4;
	run->cfg = cfg;
	run->signal_fd = -1;
	memset(&run->l, 0xff, sizeof(run->l));
	hook_init(&run->hook, cfg->live);
	run->dp = (struct part){
		.name = "dataplane", .path = cfg->dataplane_path, .start = start_dataplane, .run = run};
	run->ctrl = (struct part){
		.name = "control process", .path = cfg->ctrl_path, .start = start_ctrl, .run = run};
	run->responder = (struct part){
		.name = "responder", .path = cfg->responder_path, .start = start_responder, .run = run};
	if (start(run) < 0) {
		run->exit_code = 4;
	} else {
		while (!run->stopping || child_runs(&run->dp.child) || child_runs(&run->ctrl.child) ||
		       child_runs(&run->responder.child) || hook_is_busy(&run->hook))
			loop_once(run);
		if (run->begun)
			account(run);
	}
	dp_shm_unmap(&run->dp_shm);
	launch_close(&run->l);
	if (run->signal_fd >= 0)
		close(run->signal_fd);
	code = run->exit_code;
	free(run);
	return code;
}
