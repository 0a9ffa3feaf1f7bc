/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * progress - a line on the terminal that tells how far a replay is
 *
 * What:      drawn over itself, at most a few times a second, not before a second has passed; nothing is left of it
 *            when the run ends.
 * Cost:      one short write per drawing.
 */
#ifndef POSTERN_CLI_PROGRESS_H
#define POSTERN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROGRESS_FIRST_MS = 1000,
	PROGRESS_STEP_MS = 250,
};

struct progress {
	bool on;
	bool drawn;
	uint64_t start_ns;
	uint64_t total; /* octets, 0: unknown */
	uint64_t last_ns, last_octets;
	double rate; /* octets per second, smoothed */
};

void progress_init(struct progress *p, bool on, uint64_t total, uint64_t now_ns);
/* Milliseconds until the next drawing, -1: never. */
int progress_wait_ms(const struct progress *p, uint64_t now_ns);
void progress_draw(struct progress *p, uint64_t octets, uint64_t now_ns);
void progress_clear(struct progress *p);

/* The line itself, for @columns columns, without control characters; snprintf()-like. */
int progress_format(const struct progress *p, uint64_t octets, uint64_t now_ns, int columns, char *buf, size_t size);

#endif
