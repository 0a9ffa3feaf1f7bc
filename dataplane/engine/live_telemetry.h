/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_telemetry - the workers' counters on DPDK's telemetry socket (dpdk-telemetry.py)
 *
 * What:      /postern/stats: all workers together; /postern/stats,N: worker N. The ports' own are DPDK's: /ethdev/stats.
 * Threads:   DPDK's telemetry thread reads the published snapshots; workers take no part.
 */
#ifndef POSTERN_LIVE_TELEMETRY_H
#define POSTERN_LIVE_TELEMETRY_H

#include "dp_shm.h"

/* @dp stays mapped for good. 0 or negative errno. */
int live_telemetry_init(const struct dp_shm *dp);

#endif
