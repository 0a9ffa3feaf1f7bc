/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop - runs the pipeline on libuv until the rings are finished
 *
 * What:      while there is work, the pipeline is stepped on every turn; when the rings are dry a timer looks again after
 *            loop_config.idle_min_us, then twice as long each time up to LOOP_IDLE_MAX_US. What else is to be served (rules,
 *            control socket, signals) opens its handles on the same loop by a callback.
 * Signals:   SIGTERM: the dataplane is gone or wanted no longer; what is in the rings is stored, then the loop ends as usual.
 *            SIGINT: ignored, the supervisor speaks for the terminal.
 * Threads:   one.
 */
#ifndef POSTERN_LOOP_H
#define POSTERN_LOOP_H

#include "pipeline.h"

enum {
	LOOP_IDLE_LIVE_US = 200,
	LOOP_IDLE_REPLAY_US = 2500, /* nobody waits for a verdict: fewer and larger batches cost less */
	LOOP_IDLE_MAX_US = 5000,
};

struct loop;
struct uv_loop_s;

struct loop_config {
	struct pipeline *pipeline;
	long idle_min_us;
	/* Open what else is served; negative errno ends the loop with it. @l is good for loop_end(). */
	int (*open)(void *ctx, struct uv_loop_s *uv, struct loop *l);
	/* The loop is over: close it. The loop runs once more afterwards, until all handles are closed. */
	void (*close)(void *ctx);
	void *ctx;
};

enum loop_end {
	LOOP_FINISHED = 0,
	LOOP_REFUSED = 1, /* the dataplane refused the rules */
};

/* To be called by what was opened: end, and let loop_run() return @result. */
void loop_end(struct loop *l, int result);

/* enum loop_end, or negative errno: see pipeline_error(). */
int loop_run(const struct loop_config *cfg);

#endif
