/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_telemetry.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_telemetry.h>

/* DPDK's callbacks have no context of the caller's; there is one dataplane in a process. */
static _Atomic(const struct dp_shm *) segment;

static int
on_stats(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct dp_shm *dp = atomic_load(&segment);
	struct dp_counters k, sum = { 0 };
	unsigned int i, first = 0, nb = dp->geo.nb_workers;
	unsigned long n;
	char *end;

	if (params != NULL && params[0] != '\0') {
		n = strtoul(params, &end, 10);
		if (*end != '\0' || n >= nb)
			return -EINVAL;
		first = (unsigned int)n;
		nb = first + 1;
	}
	for (i = first; i < nb; i++) {
		if (dp_stats_read(dp_shm_stats(dp, i), &k) != 0)
			return -EAGAIN;
		dp_stats_add(&sum, &k);
	}
	rte_tel_data_start_dict(d);
	for (i = 0; i < DP_STAT_NB; i++)
		rte_tel_data_add_dict_u64(d, dp_stat_name(i), sum.c[i]);
	return 0;
}

int
live_telemetry_init(const struct dp_shm *dp)
{
	atomic_store(&segment, dp);
	return rte_telemetry_register_cmd("/postern/stats", on_stats,
					  "Counters of the workers. Parameters: number of a worker, or none for all");
}
