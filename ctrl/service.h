/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service - what ctrl does beside working the rings: rules into the workers, the control socket, signals
 *
 * What:      opened on the loop that runs the pipeline (loop.h). SIGHUP and the request "reload" read the rules again;
 *            SIGUSR1 and "reopen" open the output file again; "status" tells what there is to tell. While no transaction is
 *            open, old records are deleted in small steps (store_keep.h).
 * Threads:   the loop's.
 * Logs:      results of reloads, with every error and its place, on standard error: logging functions.
 */
#ifndef POSTERN_SERVICE_H
#define POSTERN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "db_cache.h"
#include "pipeline.h"
#include "rule_sets.h"
#include "store_keep.h"

struct uv_loop_s;
struct service;

enum {
	SERVICE_TICK_MS = 100,
	SERVICE_KEEP_MS = 10 * 1000, /* between looks at what may be deleted */
};

struct service_config {
	struct pipeline *pipeline;
	const struct dp_shm *dp, *ctrl;
	struct rule_sets *sets;
	struct db_cache *cache;
	struct store *store;
	struct store_limits limits; /* of the store */
	struct output *output;	 /* or NULL */
	const char *rules_path, *run_dir, *observer;
	uint64_t run_id;
	unsigned int restarts;
	int rules_fd;
	int responder_rules_fd;	 /* -1: there is no responder */
	int control_fd;		 /* listening; -1: no control socket */
	const char *metrics;	 /* address of the endpoint for Prometheus, or NULL */
	void (*ready)(void *ctx); /* every worker has the first rule set */
	void (*refused)(void *ctx, const char *why); /* the dataplane will not have it */
	void *ctx;
};

/* Always gives an object unless there is no memory. Negative errno with *ret_what, a constant, saying what failed. */
int service_open(struct uv_loop_s *uv, const struct service_config *cfg, struct service **ret, const char **ret_what);
/* Before the loop's handles are closed; the loop runs once more before service_free(). */
void service_close(struct service *s);
void service_free(struct service *s);

#endif
