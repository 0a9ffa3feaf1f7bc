/* SPDX-License-Identifier: BSD-3-Clause */
/* options - command line of postern-dataplane, as the supervisor gives it */
#ifndef POSTERN_OPTIONS_H
#define POSTERN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_args.h"
#include "inspector.h"
#include "pace.h"

struct options {
	int dp_fd;     /* dataplane's segment, read and write */
	int ctrl_fd;   /* ctrl's segment, read only */
	int rules_fd;  /* SOCK_SEQPACKET to ctrl */
	int status_fd; /* pipe to the supervisor */
	uint16_t ports[DP_ARGS_PORTS_MAX];
	unsigned int nb_ports;
	struct pace pace;
	unsigned int rounds;
	bool ignore_vlan;
	unsigned int flows_max, sessions_max; /* of each worker; 0: as inspector_config_default() has it */
	const char *const *paths; /* captures */
	unsigned int nb_paths;
};

/*
 * 0: go on; 1: a question was answered (--help, --version), exit 0; -EINVAL: wrong, and said so on standard error.
 */
int options_parse(int argc, char **argv, struct options *ret);

#endif
