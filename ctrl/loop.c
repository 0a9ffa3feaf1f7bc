/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

struct loop {
	const struct loop_config *cfg;
	uv_loop_t uv;
	uv_idle_t busy;	   /* runs while there is work */
	uv_poll_t timer;   /* libuv's own timers have milliseconds */
	uv_signal_t sigterm;
	int timer_fd;
	long idle_us;
	int result;
};

void
loop_end(struct loop *l, int result)
{
	l->result = result;
	uv_stop(&l->uv);
}

static void
arm(struct loop *l)
{
	struct itimerspec when = { .it_value.tv_nsec = l->idle_us * 1000 };

	(void)timerfd_settime(l->timer_fd, 0, &when, NULL);
	l->idle_us = l->idle_us * 2 < LOOP_IDLE_MAX_US ? l->idle_us * 2 : LOOP_IDLE_MAX_US;
}

static void on_busy(uv_idle_t *h);

static void
step(struct loop *l)
{
	int rc = pipeline_step(l->cfg->pipeline, uv_hrtime());

	if (rc < 0) {
		loop_end(l, rc);
	} else if (rc == PIPELINE_FINISHED) {
		loop_end(l, LOOP_FINISHED);
	} else if (rc == PIPELINE_BUSY) {
		l->idle_us = l->cfg->idle_min_us;
		uv_idle_start(&l->busy, on_busy);
	} else {
		uv_idle_stop(&l->busy);
		arm(l);
	}
}

static void
on_busy(uv_idle_t *h)
{
	step(h->data);
}

static void
on_timer(uv_poll_t *h, int status, int events)
{
	struct loop *l = h->data;
	uint64_t nb;

	if (read(l->timer_fd, &nb, sizeof(nb)) == (ssize_t)sizeof(nb))
		step(l);
}

static void
on_sigterm(uv_signal_t *h, int signum)
{
	struct loop *l = h->data;

	pipeline_drain(l->cfg->pipeline);
	l->idle_us = l->cfg->idle_min_us;
	uv_idle_start(&l->busy, on_busy);
}

static void
close_handle(uv_handle_t *h, void *arg)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

/* libuv gives negative errno, as we do. */
static int
start(struct loop *l)
{
	int rc = uv_idle_init(&l->uv, &l->busy);
	sigset_t held;

	if (rc == 0)
		rc = uv_poll_init(&l->uv, &l->timer, l->timer_fd);
	if (rc == 0)
		rc = uv_signal_init(&l->uv, &l->sigterm);
	l->busy.data = l;
	l->timer.data = l;
	l->sigterm.data = l;
	if (rc == 0)
		rc = uv_poll_start(&l->timer, UV_READABLE, on_timer);
	if (rc == 0)
		rc = uv_signal_start(&l->sigterm, on_sigterm, SIGTERM);
	if (rc == 0)
		rc = l->cfg->open(l->cfg->ctx, &l->uv, l);
	/* The supervisor starts us with them held back: one that came meanwhile is acted on now. */
	if (rc == 0) {
		sigemptyset(&held);
		sigaddset(&held, SIGHUP);
		sigaddset(&held, SIGTERM);
		sigaddset(&held, SIGUSR1);
		sigprocmask(SIG_UNBLOCK, &held, NULL);
	}
	return rc;
}

int
loop_run(const struct loop_config *cfg)
{
	struct loop l = { .cfg = cfg, .idle_us = cfg->idle_min_us };
	int rc;

	l.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l.timer_fd < 0)
		return -errno;
	rc = uv_loop_init(&l.uv);
	if (rc < 0) {
		close(l.timer_fd);
		return rc;
	}
	rc = start(&l);
	if (rc == 0) {
		uv_idle_start(&l.busy, on_busy);
		uv_run(&l.uv, UV_RUN_DEFAULT);
		rc = l.result;
	}
	cfg->close(cfg->ctx);
	uv_walk(&l.uv, close_handle, NULL);
	uv_run(&l.uv, UV_RUN_DEFAULT);
	(void)uv_loop_close(&l.uv);
	close(l.timer_fd);
	return rc;
}
