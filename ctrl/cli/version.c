/* SPDX-License-Identifier: BSD-3-Clause */
#include "version.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hs.h>
#include <jansson.h>
#include <libfyaml.h>
#include <sqlite3.h>

#include "paths.h"
#include "safe_text.h"

extern char **environ;

/* DPDK and what else only the dataplane is linked with: its own answer, line by line. */
static void
print_dataplane(void)
{
	char path[PATH_MAX], line[256], shown[512];
	char name[] = "postern-dataplane", option[] = "--version", *argv[] = {name, option, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2], rc;
	pid_t pid;
	FILE *in;

	if (paths_child(PATHS_DATAPLANE, path, sizeof(path)) < 0) {
		printf("  postern-dataplane: not found\n");
		return;
	}
	if (pipe(ends) < 0)
		return;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	rc = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	in = rc == 0 ? fdopen(ends[0], "r") : NULL;
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		safe_text(shown, sizeof(shown), line, strlen(line));
		if (shown[0] != '\0' && strncmp(shown, "Hyperscan ", 10) != 0)
			printf("  %s\n", shown + strspn(shown, " "));
	}
	if (in != NULL)
		fclose(in);
	else
		close(ends[0]);
	if (rc == 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	else
		printf("  postern-dataplane: %s\n", strerror(rc));
}

int
version_print(void)
{
	printf("postern %s\n", POSTERN_VERSION);
	fflush(stdout);
	print_dataplane();
	printf("  Hyperscan %s\n", hs_version());
	printf("  SQLite %s\n", sqlite3_libversion());
	printf("  libfyaml %s\n", fy_library_version());
	printf("  jansson %s\n", jansson_version_str());
	return fflush(stdout) != 0 ? 1 : 0;
}
