/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report - what a replay found and cost, for people and for programs
 *
 * What:      text: aligned lines. JSON: one object with keys that stay ("schema" counts up when one changes its meaning;
 *            a figure that is not known is null, never 0).
 * Hostile:   file names and texts of the captures: made fit for a terminal.
 * Errors:    0, or negative errno of the stream.
 */
#ifndef POSTERN_CLI_REPORT_H
#define POSTERN_CLI_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "supervisor.h"

enum {
	REPORT_SCHEMA = 1,
};

struct report {
	const struct supervisor_result *res;
	uint64_t run_id;
	uint64_t file_octets; /* of the regular files, one round */
	unsigned int nb_captures;
	unsigned int loop;
	int exit_code;
};

int report_text(FILE *out, const struct report *r);
int report_json(FILE *out, const struct report *r);

/* Figures both are made of. NAN: not known. */
struct report_rates {
	uint64_t packets;      /* frames of the captures, each once */
	uint64_t octets;       /* on the wire */
	uint64_t opaque, midstream, clear; /* mail sessions */
	double mpps, gbps;
	double ns_per_packet;	  /* CPU of the dataplane between first and last frame */
	double ns_per_packet_all; /* CPU of all processes, start and end included */
};
void report_rates(const struct supervisor_result *res, struct report_rates *ret);

/* "complete", "incomplete" (a capture was not read whole), "interrupted" or "failed". */
const char *report_outcome(const struct supervisor_result *res);

#endif
