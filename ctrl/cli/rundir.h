/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rundir - the private folder of one run, and the nameless file beside the store
 *
 * What:      a folder below $TMPDIR with mode 0700 that holds the store of a run without --state and the run-time files
 *            of the dataplane; removed with all that is in it when the run ends.
 * Threads:   none.
 */
#ifndef POSTERN_CLI_RUNDIR_H
#define POSTERN_CLI_RUNDIR_H

enum {
	RUNDIR_PATH_MAX = 4096,
};

/* Make the folder; its path goes into @path. 0 or negative errno. */
int rundir_make(char path[static RUNDIR_PATH_MAX]);

/* Remove the folder and everything in it; never follows a link. */
void rundir_remove(const char *path);

/* A file without a name in folder @dir, for reading and writing; a descriptor (close-on-exec) or negative errno. */
int rundir_nameless(const char *dir);

#endif
