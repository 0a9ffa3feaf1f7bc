/* SPDX-License-Identifier: BSD-3-Clause */
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 0: it does not exist; negative: it does not fit. */
static int
try_folder(char *buf, size_t size, const char *base, const char *below)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s", base, below);

	if (len < 0 || (size_t)len >= sizeof(path) || access(path, R_OK | X_OK) != 0)
		return 0;
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, path, (size_t)len + 1);
	return len;
}

/* Folder of the running program. */
static bool
program_folder(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);
	char *slash;

	if (len <= 0 || (size_t)len >= size - 1)
		return false;
	buf[len] = '\0';
	slash = strrchr(buf, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

/* Does the program in @folder run from its build tree? */
static bool
is_build_tree(const char *folder)
{
	size_t len = strlen(POSTERN_BUILD_DIR);

	return strncmp(folder, POSTERN_BUILD_DIR, len) == 0 &&
	       (folder[len] == '/' || folder[len] == '\0');
}

static bool
try_program(char *buf, size_t size, const char *base, const char *below, const char *name)
{
	int len = snprintf(buf, size, "%s%s/%s", base, below, name);

	if (len < 0 || (size_t)len >= size) {
		errno = ENAMETOOLONG;
		return false;
	}
	return access(buf, X_OK) == 0;
}

int
paths_child(enum paths_program program, char *buf, size_t size)
{
	static const struct {
		const char *name;
		const char *build_folder;
	} programs[] = {
		[PATHS_DATAPLANE] = {"postern-dataplane", "/dataplane/engine"},
		[PATHS_DATAPLANE_LIVE] = {"postern-dataplane-live", "/dataplane/engine"},
		[PATHS_CTRL] = {"postern-ctrl", "/ctrl"},
		[PATHS_RESPONDER] = {"postern-responder", "/ctrl/responder"},
	};
	const char *name = programs[program].name;
	char folder[PATH_MAX];
	int err;

	if (size > 0)
		buf[0] = '\0';
	if (!program_folder(folder, sizeof(folder))) {
		errno = ENOENT;
		return -1;
	}
	if (is_build_tree(folder) &&
	    try_program(buf, size, POSTERN_BUILD_DIR, programs[program].build_folder, name))
		return 0;
	if (try_program(buf, size, folder, "", name) ||
	    try_program(buf, size, folder, "/../libexec/postern", name))
		return 0;
	err = errno;
	if (is_build_tree(folder))
		try_program(buf, size, POSTERN_BUILD_DIR, programs[program].build_folder, name);
	else
		try_program(buf, size, folder, "", name);
	errno = err;
	return -1;
}

int
paths_default_rules(char *buf, size_t size)
{
	char folder[PATH_MAX];
	int rc = 0;

	if (program_folder(folder, sizeof(folder))) {
		if (is_build_tree(folder))
			rc = try_folder(buf, size, POSTERN_RULES_SOURCE_DIR, "");
		if (rc == 0)
			rc = try_folder(buf, size, folder, "/../share/postern/rules");
	}
	if (rc == 0)
		rc = try_folder(buf, size, POSTERN_DATADIR, "/rules");
	return rc != 0 ? rc : -ENOENT;
}
