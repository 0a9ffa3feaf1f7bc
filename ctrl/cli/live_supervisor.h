/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_supervisor - runs the dataplane and ctrl on live ports, for as long as it takes
 *
 * What:      makes the shared memory, pipes and socket pair (launch.h), starts both processes, and starts each again when it
 *            dies; the other one, the rings and what lies in them stay.
 *
 *              a child dies -> again after 0 ms, then 100 ms, twice as long each time up to 5 s; after 30 s of life it is
 *                              new again. A first start that fails (ports, rules) ends the run: people are there to read why.
 *              a worker that does not turn for LIVE_STUCK_LOOKS looks, LIVE_LOOK_MS apart, while its process runs
 *                              -> the dataplane is killed, and so started again. Looks, not time: when the whole machine
 *                              stood still, nobody looked.
 *              SIGTERM, SIGINT -> the dataplane stops receiving, finishes what it has and ends its flows (limit
 *                              LIVE_DRAIN_MS); ctrl empties the rings and ends. A second one ends both at once.
 *              The operator's program, when there is one, is told of each (hook.h).
 *              SIGHUP, SIGUSR1 -> ctrl reads the rules again, or opens its output file again. SIGHUP of a terminal that is
 *                              gone ends the run as SIGTERM does.
 *
 * Threads:   one, in poll(); signals come by signalfd.
 * Errors:    a logging function: messages for people go to standard error as they happen.
 */
#ifndef POSTERN_CLI_LIVE_SUPERVISOR_H
#define POSTERN_CLI_LIVE_SUPERVISOR_H

#include "supervisor.h"

enum {
	LIVE_DRAIN_MS = 30 * 1000,
	LIVE_RESTART_MS = 100,
	LIVE_RESTART_MAX_MS = 5000,
	LIVE_SETTLED_MS = 30 * 1000,
	LIVE_LOOK_MS = 500,
	LIVE_STUCK_LOOKS = 10,
};

/* cfg->live is set. Exit code: 0 ended as told; 2 rules or configuration wrong; 4 a process could not be started or kept. */
int live_supervisor_run(const struct supervisor_config *cfg);

#endif
