/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hook - a program of the operator's that is told what becomes of the wire: it switches a bypass NIC, say
 *
 * What:      PROGRAM EVENT WANTED PORT...
 *
 *              EVENT   up     workers inspect, the wire carries mail through them
 *                      dead   the dataplane died, or was killed as it stood still; another one is started
 *                      drain  told to end: what is under way is finished
 *                      down   the dataplane has ended in order
 *              WANTED  open or closed: what the wire is to be while no dataplane runs (setting "down")
 *              PORT    names of the ports of all pairs, as configured: a, b, a, b, ...
 *
 *            One at a time, in the order in which things happened; when more than HOOK_QUEUE wait, the oldest are left out,
 *            and it says so. The environment holds PATH and LC_ALL alone; standard output goes to standard error.
 * Limits:    after limit_ms it is killed, with its process group. Its exit code is logged.
 * Threads:   the supervisor's one. Errors: a logging module.
 */
#ifndef POSTERN_CLI_HOOK_H
#define POSTERN_CLI_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "live_config.h"

enum {
	HOOK_QUEUE = 8,
};

enum hook_event {
	HOOK_UP,
	HOOK_DEAD,
	HOOK_DRAIN,
	HOOK_DOWN,
};

struct hook {
	const struct live_config *cfg;
	struct child child;
	enum hook_event running;
	enum hook_event queue[HOOK_QUEUE];
	unsigned int nb;
	uint64_t began_ns;
	uint64_t kill_at; /* monotonic ns, 0: it does not run, or was killed */
};

/* @cfg outlives it; without a program in it nothing is ever run. */
void hook_init(struct hook *h, const struct live_config *cfg);

/* @event happened; the program is started when it does not run. */
void hook_tell(struct hook *h, enum hook_event event);

/* It runs, or is to. */
bool hook_is_busy(const struct hook *h);

/* For poll(): readable when it has ended, -1 while it does not run. */
int hook_fd(const struct hook *h);
/* It has ended. */
void hook_ended(struct hook *h);
/* Is its time over? Once a round. */
void hook_limits(struct hook *h, uint64_t now_ns);

#endif
