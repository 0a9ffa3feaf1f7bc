/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loop - runs the pipeline on libuv until the rings are finished
 *
 * What:      while there is work, the pipeline is stepped on every turn; when the rings are dry a timer looks again after
 *            LOOP_IDLE_MIN_US, then twice as long each time up to LOOP_IDLE_MAX_US. Beside it the loop serves the rules
 *            socket and signals. What live mode needs (control socket, metrics, busy polling) is further handles here.
 * Signals:   SIGTERM: the dataplane is gone or wanted no longer; what is in the rings is stored, then the loop ends as usual.
 *            SIGINT, SIGHUP: ignored, the supervisor speaks for the terminal.
 * Threads:   one.
 */
#ifndef POSTERN_LOOP_H
#define POSTERN_LOOP_H

#include "pipeline.h"
#include "rules_offer.h"

enum {
	LOOP_IDLE_MIN_US = 200,
	LOOP_IDLE_MAX_US = 5000,
};

struct loop_config {
	struct pipeline *pipeline;
	struct rules_offer *offer;
	/* Offer the rules again, to a dataplane that was started again. NULL: there is none but the first (replay). */
	int (*offer_again)(void *ctx);
	/* Called once, when every worker has the rules. */
	void (*ready)(void *ctx);
	void *ctx;
};

enum loop_end {
	LOOP_FINISHED = 0,
	LOOP_REFUSED = 1, /* the dataplane refused the rules: see the offer */
};

/* enum loop_end, or negative errno: see pipeline_error(). */
int loop_run(const struct loop_config *cfg);

#endif
