/* SPDX-License-Identifier: BSD-3-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int
become(int fd, int number)
{
	if (fd == number)
		return fcntl(fd, F_SETFD, 0);
	return dup2(fd, number) < 0 ? -1 : 0;
}

/* In the new process, up to exec: only calls that are safe after fork(). Returns only on failure,
 * with errno. */
static void
child_enter(const struct child_spec *spec, pid_t parent, int null_fd)
{
	sigset_t held;
	unsigned int i;

	setpgid(0, 0);
	/* It must not outlive the supervisor, whatever happens to that; nobody would empty the
	 * rings or end it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	if (getppid() != parent)
		_exit(1);
	/* A background group may otherwise be stopped for writing to the terminal. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	/* Being asked to end must not kill it before it can act on that: it waits until the child lets it in. */
	sigemptyset(&held);
	if (!spec->is_foreign)
		sigaddset(&held, SIGTERM);
	if (spec->holds_control) {
		sigaddset(&held, SIGHUP);
		sigaddset(&held, SIGUSR1);
	}
	sigprocmask(SIG_SETMASK, &held, NULL);
	for (i = 0; i < spec->nb_fds; i++)
		if (fcntl(spec->fds[i], F_SETFD, 0) < 0)
			return;
	if (become(spec->stdin_fd >= 0 ? spec->stdin_fd : null_fd, STDIN_FILENO) < 0 ||
	    (spec->stdout_fd >= 0 && become(spec->stdout_fd, STDOUT_FILENO) < 0) ||
	    (spec->stderr_fd >= 0 && become(spec->stderr_fd, STDERR_FILENO) < 0))
		return;
	if (spec->is_foreign)
		clearenv();
	for (i = 0; spec->envp != NULL && spec->envp[i] != NULL; i++)
		putenv(spec->envp[i]);
	execv(spec->path, spec->argv);
}

int
child_spawn(struct child *c, const struct child_spec *spec)
{
	int error_pipe[2], null_fd, error = 0, rc;
	pid_t parent = getpid(), pid;
	ssize_t n;

	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd < 0)
		return -errno;
	if (pipe2(error_pipe, O_CLOEXEC) < 0) {
		rc = -errno;
		close(null_fd);
		return rc;
	}
	pid = fork();
	if (pid == 0) {
		child_enter(spec, parent, null_fd);
		error = errno;
		n = write(error_pipe[1], &error, sizeof(error));
		_exit(n == (ssize_t)sizeof(error) ? 127 : 126);
	}
	rc = pid < 0 ? -errno : 0;
	close(null_fd);
	close(error_pipe[1]);
	if (pid > 0) {
		/* The other end closes itself at exec; an errno comes only when that failed. */
		do
			n = read(error_pipe[0], &error, sizeof(error));
		while (n < 0 && errno == EINTR);
		if (n == (ssize_t)sizeof(error)) {
			waitpid(pid, NULL, 0);
			rc = -error;
		}
	}
	close(error_pipe[0]);
	if (rc < 0)
		return rc;
	c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c->pidfd < 0) {
		rc = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return rc;
	}
	fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	c->pid = pid;
	c->nb_starts++;
	return 0;
}

void
child_reap(struct child *c)
{
	struct rusage ru;
	pid_t pid;

	if (c->pid == 0)
		return;
	do
		pid = wait4(c->pid, &c->status, 0, &ru);
	while (pid < 0 && errno == EINTR);
	if (pid == c->pid) {
		c->cpu_ns += ((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) *
				     UINT64_C(1000000000) +
			     ((uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec) * 1000;
		if ((uint64_t)ru.ru_maxrss * 1024 > c->peak_octets)
			c->peak_octets = (uint64_t)ru.ru_maxrss * 1024;
	}
	close(c->pidfd);
	c->pid = 0;
	c->pidfd = -1;
}

void
child_signal(const struct child *c, int sig)
{
	/* The group exists from the child's first instruction on; before that only the process can
	 * be reached. */
	if (c->pid != 0 && kill(-c->pid, sig) < 0)
		kill(c->pid, sig);
}

const char *
child_explain(const struct child *c, char *buf, unsigned int size)
{
	if (WIFSIGNALED(c->status))
		snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(c->status),
			 strsignal(WTERMSIG(c->status)));
	else
		snprintf(buf, size, "ended with code %d", WEXITSTATUS(c->status));
	return buf;
}
