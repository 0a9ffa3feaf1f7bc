/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_stats.h"

#include <errno.h>
#include <stdatomic.h>

enum {
	READ_TRIES = 1000,
};

struct stat_info {
	const char *name, *help;
	enum dp_stat_kind kind;
};

static const struct stat_info stat_infos[DP_STAT_NB] = {
#define DP_STAT(id, name_, kind_, help_) \
	[DP_STAT_##id] = { .name = (name_), .help = (help_), .kind = DP_STAT_KIND_##kind_ },
#include "dp_stats.def"
#undef DP_STAT
};

static const char *const anomaly_names[DP_ANOMALY_NB][2] = {
#define DP_ANOMALY(id, name, help) [DP_ANOMALY_##id] = { (name), (help) },
#include "dp_anomaly.def"
#undef DP_ANOMALY
};

void
dp_stats_publish(struct dp_stats_shared *s, const struct dp_counters *k)
{
	uint64_t lock = atomic_load_explicit(&s->lock, memory_order_relaxed);
	unsigned int i;

	/* A predecessor that died while writing left it odd: start from the next even value. */
	lock += lock & 1;
	atomic_store_explicit(&s->lock, lock + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (i = 0; i < DP_STAT_NB; i++)
		atomic_store_explicit(&s->c[i], k->c[i], memory_order_relaxed);
	for (i = 0; i < DP_ANOMALY_NB; i++)
		atomic_store_explicit(&s->c[DP_STAT_NB + i], k->anomaly[i], memory_order_relaxed);
	atomic_store_explicit(&s->lock, lock + 2, memory_order_release);
}

int
dp_stats_read(const struct dp_stats_shared *s, struct dp_counters *ret)
{
	struct dp_counters k = { 0 };
	unsigned int try, i;

	for (try = 0; try < READ_TRIES; try++) {
		uint64_t before = atomic_load_explicit(&s->lock, memory_order_acquire);

		if (before & 1)
			continue;
		for (i = 0; i < DP_STAT_NB; i++)
			k.c[i] = atomic_load_explicit(&s->c[i], memory_order_relaxed);
		for (i = 0; i < DP_ANOMALY_NB; i++)
			k.anomaly[i] = atomic_load_explicit(&s->c[DP_STAT_NB + i], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->lock, memory_order_relaxed) == before) {
			*ret = k;
			return 0;
		}
	}
	return -EAGAIN;
}

bool
dp_stats_balanced(const struct dp_counters *k)
{
	uint64_t in = 0, out = 0;
	unsigned int i;

	for (i = 0; i < DP_STAT_NB; i++) {
		switch (stat_infos[i].kind) {
		case DP_STAT_KIND_RX:
			in += k->c[i];
			break;
		case DP_STAT_KIND_TX:
		case DP_STAT_KIND_DROP:
			out += k->c[i];
			break;
		case DP_STAT_KIND_INFO:
			break;
		}
	}
	return in == out;
}

void
dp_stats_add(struct dp_counters *a, const struct dp_counters *b)
{
	unsigned int i;

	for (i = 0; i < DP_STAT_NB; i++)
		a->c[i] += b->c[i];
	for (i = 0; i < 64; i++)
		a->anomaly[i] += b->anomaly[i];
}

const char *
dp_stat_name(enum dp_stat id)
{
	return id < DP_STAT_NB ? stat_infos[id].name : "unknown";
}

const char *
dp_stat_help(enum dp_stat id)
{
	return id < DP_STAT_NB ? stat_infos[id].help : "";
}

enum dp_stat_kind
dp_stat_kind(enum dp_stat id)
{
	return id < DP_STAT_NB ? stat_infos[id].kind : DP_STAT_KIND_INFO;
}

const char *
dp_anomaly_name(enum dp_anomaly id)
{
	return id < DP_ANOMALY_NB ? anomaly_names[id][0] : "unknown";
}

const char *
dp_anomaly_help(enum dp_anomaly id)
{
	return id < DP_ANOMALY_NB ? anomaly_names[id][1] : "";
}
