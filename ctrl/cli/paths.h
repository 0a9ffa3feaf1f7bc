/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * paths - where things that ship are found, from a build tree or installed
 *
 * What:      a program that runs from its build tree uses the source tree beside it; any other one what is installed
 *            with it (PREFIX/share/postern next to PREFIX/bin), then the configured data folder.
 * Trust:     the source tree is used by programs inside the build tree only: an installed program must not read rules
 *            from the folder it was once built in.
 */
#ifndef POSTERN_PATHS_H
#define POSTERN_PATHS_H

#include <stddef.h>

enum paths_program {
	PATHS_DATAPLANE,
	PATHS_DATAPLANE_LIVE,
	PATHS_CTRL,
	PATHS_RESPONDER,
};

/*
 * The program that belongs to this one: in its build tree, in the folder of this program, or in PREFIX/libexec/postern.
 * 0, or -1 with errno set: @buf then names the place looked at first.
 */
int paths_child(enum paths_program program, char *buf, size_t size);

/* The folder of the rules that ship. Length of the path; -ENOENT: there is none; -ENAMETOOLONG: @size is too small. */
int paths_default_rules(char *buf, size_t size);

#endif
