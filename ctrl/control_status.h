/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_status - everything that can be told of a running ctrl and its dataplane, as one JSON object
 *
 * What:      the answer to "status" (the fields: postern-records(5)). Counters are those of dp_stats.def, of a consistent
 *            snapshot per worker; a worker whose snapshot could not be had is left out of the sums and says "stale".
 * Cost:      some microseconds per worker; allocates only what the text needs. Threads: the loop's.
 */
#ifndef POSTERN_CONTROL_STATUS_H
#define POSTERN_CONTROL_STATUS_H

#include <stdint.h>

#include "json_out.h"
#include "pipeline.h"
#include "reload.h"

struct control_view {
	const struct dp_shm *dp, *ctrl;
	const struct rule_sets *sets;
	const struct reload *reload;
	const struct pipeline *pipeline;
	const char *observer;
	const char *rules_path;
	const char *last_reload; /* sentence of the last result, empty: none yet */
	uint64_t run_id;
	uint64_t started_ns;	 /* of this process, monotonic */
	unsigned int restarts;	 /* of ctrl in this run */
	uint64_t clients_refused;
};

/* The counters of a worker. 0, or -EAGAIN: it writes them too often just now, or died while it did. */
int control_status_counters(const struct control_view *v, unsigned int worker, struct dp_counters *ret);

/* Appends one object, without a line end. @now_ns: monotonic. */
void control_status_write(struct json_out *o, const struct control_view *v, uint64_t now_ns);

#endif
