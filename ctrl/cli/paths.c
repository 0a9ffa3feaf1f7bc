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

int
paths_default_rules(char *buf, size_t size)
{
	size_t build_len = strlen(POSTERN_BUILD_DIR);
	char folder[PATH_MAX];
	int rc = 0;

	if (program_folder(folder, sizeof(folder))) {
		if (strncmp(folder, POSTERN_BUILD_DIR, build_len) == 0 &&
		    (folder[build_len] == '/' || folder[build_len] == '\0'))
			rc = try_folder(buf, size, POSTERN_RULES_SOURCE_DIR, "");
		if (rc == 0)
			rc = try_folder(buf, size, folder, "/../share/postern/rules");
	}
	if (rc == 0)
		rc = try_folder(buf, size, POSTERN_DATADIR, "/rules");
	return rc != 0 ? rc : -ENOENT;
}
