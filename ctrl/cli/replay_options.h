/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * replay_options - the command line of postern replay, read, checked and joined with the configuration file
 *
 * What:      what stands on the command line wins over the file, the file over what is built in.
 * Ownership: strings point into argv or into the struct; replay_options_fini() frees the rest.
 * Errors:    printed here, all that can be told at once; logging functions.
 */
#ifndef POSTERN_CLI_REPLAY_OPTIONS_H
#define POSTERN_CLI_REPLAY_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "config.h"

enum report_format {
	REPORT_TEXT,
	REPORT_JSON,
};

struct replay_options {
	const char *rules, *config_path, *ports, *speed, *state;
	const char *alerts, *envelopes, *report_file; /* NULL: not given */
	const char *observer;
	const char *cache; /* NULL: the default */
	char **captures; /* allocated array of pointers into argv */
	unsigned int nb_captures;
	unsigned int workers, loop;
	enum report_format format;
	bool no_progress, quiet;

	bool takes_stdout; /* alerts or envelopes are written there */
	bool for_people;   /* alerts are printed for people */

	struct config config;
	char default_rules[PATH_MAX];
	char ports_text[DP_ARGS_PORTS_MAX * 6 + 1];
};

enum {
	REPLAY_OPTIONS_RUN = -1, /* go on */
};

/* REPLAY_OPTIONS_RUN, or the exit code: 0 after --help, 2 after an error. replay_options_fini() is due in all cases. */
int replay_options_read(struct replay_options *o, int argc, char **argv);
void replay_options_fini(struct replay_options *o);

/* Is @text one of max, real, x2.5, 200kpps, 1.5gbps? */
bool replay_speed_is_valid(const char *text);

#endif
