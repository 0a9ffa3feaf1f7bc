/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status_text - the answer to "status" for people
 *
 * Trust:     text of the answer is made fit for a terminal; a figure that is missing is shown as 0.
 * Errors:    none; the caller looks at the stream. Threads: none.
 */
#ifndef POSTERN_CLI_STATUS_TEXT_H
#define POSTERN_CLI_STATUS_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Figures of the time before, for rates. */
struct status_rates {
	bool valid;
	double at_s;
	json_int_t packets, octets, recipients, alerts;
};

/* @rates: those of the last call, and of this one afterwards. @now_s: a clock that only goes forward. */
void status_text_print(FILE *out, const json_t *status, struct status_rates *rates, double now_s);

/* Why the answer is none. */
void status_text_error(FILE *out, const char *command, const json_t *answer);

#endif
