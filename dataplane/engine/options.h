/* SPDX-License-Identifier: BSD-3-Clause */
/* options - command line of postern-dataplane, as the supervisor gives it */
#ifndef POSTERN_OPTIONS_H
#define POSTERN_OPTIONS_H

#include "common_options.h"
#include "pace.h"

struct options {
	struct common_options common;
	struct pace pace;
	unsigned int rounds;
	const char *const *paths; /* captures */
	unsigned int nb_paths;
};

/*
 * 0: go on; 1: a question was answered (--help, --version), exit 0; -EINVAL: wrong, and said so on standard error.
 */
int options_parse(int argc, char **argv, struct options *ret);

#endif
