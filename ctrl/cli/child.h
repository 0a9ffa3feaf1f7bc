/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * child - one process that the supervisor runs
 *
 * What:      fork and exec with nothing but the descriptors named, a clean signal mask, its own process group (Ctrl-C
 *            reaches the supervisor alone, which then ends the others in order), and death with the supervisor.
 * Ownership: child_reap() closes what child_spawn() opened. A struct child may be spawned again after that; what it has
 *            used adds up.
 * Threads:   the supervisor has one (PR_SET_PDEATHSIG depends on it).
 */
#ifndef POSTERN_CLI_CHILD_H
#define POSTERN_CLI_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CHILD_FDS_MAX = 12,
};

struct child_spec {
	const char *path;
	char *const *argv;
	char *const *envp;	     /* "NAME=VALUE" added to the environment; NULL-terminated or NULL */
	int fds[CHILD_FDS_MAX];	     /* kept open under the same numbers, beside 0 to 2 */
	unsigned int nb_fds;
	int stdin_fd;		     /* becomes descriptor 0; -1: /dev/null */
	bool is_foreign;	     /* no program of ours: no environment but @envp, no signal waits */
	bool holds_control;	     /* SIGHUP and SIGUSR1, too, wait until it lets them in */
	int stdout_fd, stderr_fd;    /* become descriptors 1 and 2; -1: those of the supervisor */
};

struct child {
	pid_t pid;     /* 0: not running */
	int pidfd;     /* readable when it has ended; valid while running */
	int status;    /* of the last one, as of wait(2) */
	unsigned int nb_starts;
	uint64_t cpu_ns;      /* user and system, of all that ended */
	uint64_t peak_octets; /* largest resident size of any */
};

/* 0 or negative errno: the exec itself failed, or there is no process to be had. */
int child_spawn(struct child *c, const struct child_spec *spec);

/* Wait for the ended child (its pidfd is readable) and add up what it used. */
void child_reap(struct child *c);

/* Send @sig to its process group, when it runs. */
void child_signal(const struct child *c, int sig);

static inline bool
child_runs(const struct child *c)
{
	return c->pid != 0;
}

/* "was killed by signal 9 (Killed)" or "ended with code 3"; @buf of @size octets is returned. */
const char *child_explain(const struct child *c, char *buf, unsigned int size);

#endif
