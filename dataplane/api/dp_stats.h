/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_stats - counters of a worker, and the snapshot it publishes
 *
 * What:      a worker counts in its private struct dp_counters and publishes a whole copy once per turn under a sequence
 *            lock, so that the accounting equation of dp_stats.def holds at every snapshot that a reader gets.
 * Threads:   dp_stats_publish() by the one writer; dp_stats_read() by any process, lock-free; it retries while the
 *            writer is at work and gives up after a bounded number of tries (a dead writer may leave it odd).
 */
#ifndef POSTERN_DP_STATS_H
#define POSTERN_DP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_abi.h"

enum dp_stat {
#define DP_STAT(id, name, kind, help) DP_STAT_##id,
#include "dp_stats.def"
#undef DP_STAT
	DP_STAT_NB,
};

enum dp_stat_kind {
	DP_STAT_KIND_RX,
	DP_STAT_KIND_TX,
	DP_STAT_KIND_DROP,
	DP_STAT_KIND_INFO,
};

struct dp_counters {
	uint64_t c[DP_STAT_NB];
	uint64_t anomaly[64]; /* connections or recipients with it, by enum dp_anomaly */
};

/* In shared memory, written by the worker only. */
struct dp_stats_shared {
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t lock; /* odd while written */
	_Atomic uint64_t c[DP_STAT_NB + 64];
};

static inline void
dp_count(struct dp_counters *k, enum dp_stat id, uint64_t n)
{
	k->c[id] += n;
}

void dp_stats_publish(struct dp_stats_shared *s, const struct dp_counters *k);

/* 0, or -EAGAIN when no consistent snapshot was had; @ret untouched then. */
int dp_stats_read(const struct dp_stats_shared *s, struct dp_counters *ret);

/* received + originated + taken over == sent + held + handed over + copies done + dropped ? */
bool dp_stats_balanced(const struct dp_counters *k);

/* Add @b to @a, counter by counter. */
void dp_stats_add(struct dp_counters *a, const struct dp_counters *b);

const char *dp_stat_name(enum dp_stat id);
const char *dp_stat_help(enum dp_stat id);
enum dp_stat_kind dp_stat_kind(enum dp_stat id);

const char *dp_anomaly_name(enum dp_anomaly id);
const char *dp_anomaly_help(enum dp_anomaly id);

#endif
