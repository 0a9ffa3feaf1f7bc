/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_path - where the control socket of a run stands, and how a command finds it
 *
 * What:      RUN/control, in the private folder of the run. A run with a state folder leaves a link there: STATE/run -> RUN.
 *            Without either, the folders of runs below /run/postern (the service) and $TMPDIR are looked at.
 * Paths:     may be longer than a socket's name can be: they are reached through the folder's descriptor.
 * Threads:   none.
 */
#ifndef POSTERN_CLI_CONTROL_PATH_H
#define POSTERN_CLI_CONTROL_PATH_H

#include <stddef.h>

#define CONTROL_SOCKET_NAME "control"
#define CONTROL_LINK_NAME "run"

/* A listening socket (close-on-exec), for this user alone; negative errno. */
int control_listen(const char *run_dir);

/* A connected socket; negative errno: -ECONNREFUSED and -ENOENT: nobody runs there. */
int control_connect(const char *run_dir);

/* STATE/run -> @run_dir, in place of what an earlier run left. 0 or negative errno. */
int control_link(const char *state_dir, const char *run_dir);
void control_unlink(const char *state_dir);

enum {
	CONTROL_RUNS_MAX = 32,
};

/*
 * Folders of runs that answer: at most CONTROL_RUNS_MAX of them, each for free(). Their number. Those of other users are
 * seen by root only.
 */
unsigned int control_find(char *ret[static CONTROL_RUNS_MAX]);

#endif
