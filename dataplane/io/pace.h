/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pace - when a frame of a replayed capture is due
 *
 * What:      `max` (at once), `real` (as captured), `x2.5` (that much faster), `200kpps` (frames per second), `1.5gbps`
 *            (bits per second on the wire, link layer and payload).
 * Threads:   one reader. Units: ns of CLOCK_MONOTONIC for now, capture time for frames.
 */
#ifndef POSTERN_PACE_H
#define POSTERN_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum pace_kind {
	PACE_MAX,
	PACE_SCALED, /* factor: 1 is real time */
	PACE_PPS,
	PACE_BPS,
};

struct pace {
	enum pace_kind kind;
	double rate; /* factor, frames/s or bits/s */
	bool started;
	uint64_t start_ns; /* when the first frame went */
	uint64_t first_ts_ns;
	uint64_t frames;
	uint64_t octets;
};

/* Parse @spec; -EINVAL when it is none of the above or out of range (0 < rate <= 1e12). */
int pace_parse(const char *spec, struct pace *ret);

/* When (CLOCK_MONOTONIC, ns) the next frame is due; 0: at once. */
uint64_t pace_due(struct pace *p, uint64_t frame_ts_ns, uint64_t now_ns);

/* The frame went. */
void pace_sent(struct pace *p, uint32_t wire_len);

#endif
