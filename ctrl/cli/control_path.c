/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RUN_PREFIX "postern."
#define SYSTEM_RUN "/run/postern"

enum {
	BACKLOG = 16,
};

/* A socket and the name that leads to RUN/control; *ret_dir is to be closed after it was used. */
static int
open_socket(const char *run_dir, struct sockaddr_un *ret, int *ret_dir)
{
	int fd;

	*ret_dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" CONTROL_SOCKET_NAME, *ret_dir);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		return fd;
	fd = -errno;
	close(*ret_dir);
	return fd;
}

int
control_listen(const char *run_dir)
{
	struct sockaddr_un name;
	int dir, fd = open_socket(run_dir, &name, &dir), rc = 0;

	if (fd < 0)
		return fd;
	/* The mode of a socket file is that of the socket. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, BACKLOG) < 0)
		rc = -errno;
	close(dir);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int
control_connect(const char *run_dir)
{
	struct sockaddr_un name;
	int dir, fd = open_socket(run_dir, &name, &dir), rc = 0;

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		rc = -errno;
	close(dir);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

static int
link_path(const char *state_dir, const char *name, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", state_dir, name);

	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int
control_link(const char *state_dir, const char *run_dir)
{
	char path[PATH_MAX];
	struct stat st;
	int rc = link_path(state_dir, CONTROL_LINK_NAME, path);

	if (rc < 0)
		return rc;
	/* The state folder is locked: what stands there is of a run that was killed. Only a link is taken for that. */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		unlink(path);
	return symlink(run_dir, path) < 0 ? -errno : 0;
}

void
control_unlink(const char *state_dir)
{
	char path[PATH_MAX];
	struct stat st;

	if (link_path(state_dir, CONTROL_LINK_NAME, path) == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		unlink(path);
}

static void
take_if_running(const char *dir, char *ret[static CONTROL_RUNS_MAX], unsigned int *nb)
{
	struct stat st;
	int fd;

	/* Anybody can make a folder of such a name. */
	if (*nb == CONTROL_RUNS_MAX || lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    (st.st_uid != geteuid() && geteuid() != 0))
		return;
	fd = control_connect(dir);
	if (fd < 0)
		return;
	close(fd);
	ret[*nb] = strdup(dir);
	if (ret[*nb] != NULL)
		(*nb)++;
}

/* Runs in folders below @parent. */
static void
take_below(const char *parent, char *ret[static CONTROL_RUNS_MAX], unsigned int *nb)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(parent);

	while (d != NULL && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, RUN_PREFIX, strlen(RUN_PREFIX)) == 0 && link_path(parent, e->d_name, path) == 0)
			take_if_running(path, ret, nb);
	if (d != NULL)
		closedir(d);
}

unsigned int
control_find(char *ret[static CONTROL_RUNS_MAX])
{
	const char *tmp = getenv("TMPDIR");
	unsigned int nb = 0;

	take_below(SYSTEM_RUN, ret, &nb);
	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	if (strcmp(tmp, SYSTEM_RUN) != 0)
		take_below(tmp, ret, &nb);
	return nb;
}
