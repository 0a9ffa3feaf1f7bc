/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_private.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_errno.h>

/* Fresh from mmap: zero, and resident only as far as it is used. */
static void *
map_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
set_enforcing(struct worker *w, const struct worker_config *cfg, struct inspector_config *ic)
{
	ic->enforce = true;
	/* Numbers of a predecessor's holds are not given again. */
	ic->inline_cfg.serial = w->out.ring.epoch << 16;
	if (cfg->hold_limit_ms != 0)
		ic->inline_cfg.hold_limit_ns = (uint64_t)cfg->hold_limit_ms * 1000000;
	ic->inline_cfg.takeover = cfg->takeover != NULL;
	memcpy(ic->inline_cfg.fallback, cfg->fallback, sizeof(ic->inline_cfg.fallback));
	ic->inline_cfg.severed = &w->severed;
}

static int
make_inspector(struct worker *w, const struct worker_config *cfg)
{
	struct worker_group *g = cfg->group;
	struct inspector_config ic;

	inspector_config_default(&ic);
	memcpy(ic.ports, g->ports, sizeof(ic.ports));
	ic.nb_ports = g->nb_ports;
	ic.seed = g->seed;
	ic.all_events = w->out.all_events;
	if (cfg->flows_max != 0)
		ic.flows_max = cfg->flows_max;
	if (cfg->sessions_max != 0)
		ic.sessions_max = cfg->sessions_max;
	if (cfg->live != NULL && cfg->dp->geo.run_flags & DP_RUN_ENFORCE) {
		dp_severed_open(&w->severed, dp_shm_severed(cfg->dp, w->index));
		set_enforcing(w, cfg, &ic);
	}
	w->inspector_mem_len = inspector_mem_size(&ic);
	w->inspector_mem = map_memory(w->inspector_mem_len);
	if (w->inspector_mem == NULL)
		return -ENOMEM;
	w->inspector = inspector_init(w->inspector_mem, &ic, &event_out_ops, &w->out, &w->counters);
	if (w->inspector == NULL)
		return -EINVAL;
	w->out.inspector = w->inspector;
	return 0;
}

static int
make_frags(struct worker *w)
{
	const struct ipfrag_config fc = {
		.datagrams_max = 4096,
		.octets_max = UINT64_C(32) << 20,
		.timeout_ns = UINT64_C(60) * 1000000000,
		.seed = w->group->seed,
	};

	w->frags_mem_len = ipfrag_mem_size(&fc);
	w->frags_mem = map_memory(w->frags_mem_len);
	if (w->frags_mem == NULL)
		return -ENOMEM;
	w->frags = ipfrag_init(w->frags_mem, &fc, &w->counters);
	return 0;
}

int
worker_new(const struct worker_config *cfg, struct worker **ret)
{
	struct worker *w = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*w), RTE_CACHE_LINE_SIZE));
	char name[32];
	int rc;

	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->group = cfg->group;
	w->index = cfg->index;
	w->first = cfg->index == 0;
	w->live = cfg->live;
	w->stats = dp_shm_stats(cfg->dp, cfg->index);
	dp_ring_writer_init(&w->out.ring, cfg->dp, cfg->ctrl, cfg->index);
	if (cfg->live != NULL)
		w->out.kept = map_memory(EVENT_OUT_KEPT * sizeof(*w->out.kept)); /* without it more is lost */
	w->out.counters = &w->counters;
	w->out.originate = cfg->originate;
	w->out.originate_ctx = w;
	w->out.takeover = cfg->takeover;
	w->out.takeover_ctx = cfg->takeover_ctx;
	w->out.worker = cfg->index;
	w->out.replay = (cfg->dp->geo.run_flags & DP_RUN_REPLAY) != 0;
	w->out.all_events = (cfg->dp->geo.run_flags & DP_RUN_ENVELOPES) != 0;
	/* Which connections are this worker's, and which are in its list of severed ones, stays as it was. */
	if (cfg->live != NULL)
		dp_shm_keep_seed(cfg->dp, w->group->seed.k);
	rc = make_inspector(w, cfg);
	if (rc == 0 && (w->first || cfg->live != NULL))
		rc = make_frags(w);
	if (rc == 0 && !w->first && cfg->live == NULL) {
		snprintf(name, sizeof(name), "input%u", cfg->index);
		w->input = rte_ring_create(name, HAND_OVER_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (w->input == NULL)
			rc = -rte_errno;
	}
	if (rc != 0) {
		worker_free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	rte_ring_free(w->input);
	if (w->out.kept != NULL)
		munmap(w->out.kept, EVENT_OUT_KEPT * sizeof(*w->out.kept));
	if (w->inspector_mem != NULL)
		munmap(w->inspector_mem, w->inspector_mem_len);
	if (w->frags_mem != NULL)
		munmap(w->frags_mem, w->frags_mem_len);
	free(w);
}

void
worker_set_watermark(struct worker *w, uint64_t frame_no, uint64_t ns)
{
	struct dp_ring_dp *dp = w->out.ring.dp;

	atomic_store_explicit(&dp->watermark_ns, ns, memory_order_relaxed);
	atomic_store_explicit(&dp->watermark_frame, frame_no, memory_order_release);
}

void
worker_begin_turn(struct worker *w)
{
	const struct rule_set *rules = rule_swap_get(w->group->rules);
	uint32_t before = atomic_load_explicit(&w->out.ring.dp->generation, memory_order_relaxed); /* our own */

	w->out.rules = rules;
	if (rules == NULL || rules->generation == before)
		return;
	atomic_store_explicit(&w->out.ring.dp->generation, rules->generation, memory_order_relaxed);
	if (before != 0)
		dp_count(&w->counters, DP_STAT_RULESET_SWAPS, 1);
}

void
worker_age(struct worker *w, uint64_t now_ns, uint64_t frame_no)
{
	w->out.own_clock = true;
	w->out.now_ns = now_ns;
	w->out.now_frame = frame_no;
	inspector_age_step(w->inspector, now_ns, AGE_BUDGET);
	w->out.own_clock = false;
}

void
worker_publish(struct worker *w)
{
	dp_count(&w->counters, DP_STAT_TURNS, 1);
	dp_stats_publish(w->stats, &w->counters);
	atomic_store_explicit(&w->out.ring.dp->heartbeat, ++w->turns, memory_order_relaxed);
	rule_swap_quiescent(w->group->rules, w->index);
}
