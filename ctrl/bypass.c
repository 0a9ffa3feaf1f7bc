/* SPDX-License-Identifier: BSD-3-Clause */
#include "bypass.h"

#include <stdatomic.h>

#define SECOND UINT64_C(1000000000) /* in ns */

void
bypass_order(const struct dp_shm *ctrl, uint64_t for_s, uint64_t now_ns)
{
	uint64_t until = for_s != 0 ? now_ns + for_s * SECOND : 0;

	atomic_store_explicit(&dp_shm_orders(ctrl)->bypass_until_ns, until, memory_order_relaxed);
}

uint64_t
bypass_left_ns(const struct dp_shm *ctrl, uint64_t now_ns)
{
	uint64_t until = atomic_load_explicit(&dp_shm_orders(ctrl)->bypass_until_ns, memory_order_relaxed);

	return until > now_ns ? until - now_ns : 0;
}

unsigned int
bypass_workers(const struct dp_shm *dp)
{
	unsigned int i, nb = 0;

	for (i = 0; i < dp->geo.nb_workers; i++)
		nb += (atomic_load_explicit(&dp_shm_ring_dp(dp, i)->mode, memory_order_relaxed) & DP_MODE_BYPASS) != 0;
	return nb;
}

void
bypass_write(struct json_out *o, const struct dp_shm *dp, const struct dp_shm *ctrl, uint64_t now_ns)
{
	uint64_t left = bypass_left_ns(ctrl, now_ns);

	json_key(o, "bypass");
	json_open(o, '{');
	json_kv_bool(o, "on", left > 0);
	json_kv_u64(o, "left_s", (left + SECOND - 1) / SECOND);
	json_kv_u64(o, "workers", bypass_workers(dp));
	json_close(o, '}');
}
