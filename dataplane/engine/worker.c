/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_private.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <rte_errno.h>

/* Fresh from mmap: zero, and resident only as far as it is used. */
static void *
map_memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
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
	w->stats = dp_shm_stats(cfg->dp, cfg->index);
	dp_ring_writer_init(&w->out.ring, cfg->dp, cfg->ctrl, cfg->index);
	w->out.counters = &w->counters;
	w->out.worker = cfg->index;
	w->out.replay = (cfg->dp->geo.run_flags & DP_RUN_REPLAY) != 0;
	w->out.all_events = (cfg->dp->geo.run_flags & DP_RUN_ENVELOPES) != 0;
	rc = make_inspector(w, cfg);
	if (rc == 0 && w->first)
		rc = make_frags(w);
	if (rc == 0 && !w->first) {
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
	if (w->inspector_mem != NULL)
		munmap(w->inspector_mem, w->inspector_mem_len);
	if (w->frags_mem != NULL)
		munmap(w->frags_mem, w->frags_mem_len);
	free(w);
}

static void
send_on(struct worker *w, struct worker_batch *b)
{
	unsigned int done = 0;

	while (done < b->nb)
		done += io_tx_burst(w->group->port, 0, b->mbufs + done, (uint16_t)(b->nb - done));
	b->nb = 0;
}

void
worker_inspect(struct worker *w)
{
	struct packet *pkts[INSPECTOR_BURST_MAX];
	unsigned int done, nb, i;

	for (done = 0; done < w->own.nb; done += nb) {
		nb = RTE_MIN(w->own.nb - done, (unsigned int)INSPECTOR_BURST_MAX);
		for (i = 0; i < nb; i++)
			pkts[i] = &io_meta(w->own.mbufs[done + i])->pkt;
		inspector_burst(w->inspector, pkts, nb);
	}
	send_on(w, &w->own);
}

void
worker_hand_over(struct worker *w)
{
	struct worker_group *g = w->group;
	unsigned int k;

	for (k = 1; k < g->nb; k++) {
		struct worker_batch *b = &w->hand[k];
		unsigned int done = 0;

		while (done < b->nb) {
			unsigned int n = rte_ring_sp_enqueue_burst(g->workers[k]->input, (void **)(b->mbufs + done),
								   b->nb - done, NULL);

			done += n;
			if (n == 0)
				sched_yield();
		}
		b->nb = 0;
	}
}

/* Everything up to the last frame received is with its owner. */
static void
publish_handed(struct worker *w)
{
	struct worker_group *g = w->group;

	atomic_store_explicit(&g->handed_ns, w->now_ns, memory_order_relaxed);
	atomic_store_explicit(&g->handed_frame, w->now_frame, memory_order_release);
}

static void
set_watermark(struct worker *w, uint64_t frame_no, uint64_t ns)
{
	struct dp_ring_dp *dp = w->out.ring.dp;

	atomic_store_explicit(&dp->watermark_ns, ns, memory_order_relaxed);
	atomic_store_explicit(&dp->watermark_frame, frame_no, memory_order_release);
}

static void
begin_turn(struct worker *w)
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

/* While it waits for a writer it uses no rules: who exchanges them does not wait for it. */
static unsigned int
receive(struct worker *w)
{
	unsigned int nb;

	if (!w->group->port->may_wait)
		return worker_rx(w);
	rule_swap_offline(w->group->rules, w->index);
	nb = worker_rx(w);
	rule_swap_online(w->group->rules, w->index);
	begin_turn(w);
	return nb;
}

/* Worker 0. False at the end of the captures. */
static bool
poll_port(struct worker *w)
{
	if (receive(w) == 0 && w->group->port->ops->exhausted(w->group->port))
		return false;
	if (w->group->nb > 1) {
		worker_hand_over(w);
		publish_handed(w);
	}
	send_on(w, &w->pass);
	worker_inspect(w);
	set_watermark(w, w->now_frame, w->now_ns);
	ipfrag_age_step(w->frags, w->now_ns, AGE_BUDGET);
	return true;
}

/* Other workers. False when nothing is left and nothing will come. */
static bool
poll_input(struct worker *w)
{
	struct worker_group *g = w->group;
	bool over = atomic_load_explicit(&g->reader_done, memory_order_acquire);
	uint64_t handed = atomic_load_explicit(&g->handed_frame, memory_order_acquire);
	uint64_t handed_ns = atomic_load_explicit(&g->handed_ns, memory_order_relaxed);
	unsigned int nb, i;

	nb = rte_ring_sc_dequeue_burst(w->input, (void **)w->own.mbufs, IO_BURST_MAX, NULL);
	if (nb == 0) {
		/* Whatever was handed out up to the moment before has been worked through. */
		set_watermark(w, handed, handed_ns);
		if (!over)
			sched_yield();
		return !over;
	}
	w->own.nb = nb;
	for (i = 0; i < nb; i++)
		if (io_meta(w->own.mbufs[i])->pkt.rebuilt < 2)
			dp_count(&w->counters, DP_STAT_HANDED_IN, 1);
	w->now_ns = io_meta(w->own.mbufs[nb - 1])->pkt.ts_ns;
	w->now_frame = io_meta(w->own.mbufs[nb - 1])->pkt.frame_no;
	worker_inspect(w);
	set_watermark(w, w->now_frame, w->now_ns);
	return true;
}

static void
end_turn(struct worker *w)
{
	w->out.own_clock = true;
	w->out.now_ns = w->now_ns;
	w->out.now_frame = w->now_frame;
	inspector_age_step(w->inspector, w->now_ns, AGE_BUDGET);
	w->out.own_clock = false;
	dp_count(&w->counters, DP_STAT_TURNS, 1);
	dp_stats_publish(w->stats, &w->counters);
	atomic_store_explicit(&w->out.ring.dp->heartbeat, ++w->turns, memory_order_relaxed);
	rule_swap_quiescent(w->group->rules, w->index);
}

/* The captures are over: end what is open. All rings put these events at the same, last, moment. */
static void
flush(struct worker *w)
{
	struct worker_group *g = w->group;
	bool more = true;

	w->now_ns = atomic_load_explicit(&g->handed_ns, memory_order_relaxed);
	w->now_frame = atomic_load_explicit(&g->handed_frame, memory_order_relaxed);
	while (more) {
		begin_turn(w);
		w->out.own_clock = true;
		w->out.now_ns = w->now_ns;
		w->out.now_frame = w->now_frame;
		more = !inspector_flush_step(w->inspector, FLUSH_BUDGET);
		w->out.own_clock = false;
		rule_swap_quiescent(g->rules, w->index);
	}
	dp_stats_publish(w->stats, &w->counters);
}

int
worker_run(void *arg)
{
	struct worker *w = arg;
	struct worker_group *g = w->group;
	bool more = true;

	if (w->first)
		atomic_store_explicit(&g->reader, pthread_self(), memory_order_release);
	rule_swap_online(g->rules, w->index);
	while (more) {
		begin_turn(w);
		more = w->first ? poll_port(w) : poll_input(w);
		end_turn(w);
	}
	if (w->first) {
		publish_handed(w);
		atomic_store_explicit(&g->reader_done, true, memory_order_release);
	}
	flush(w);
	set_watermark(w, w->now_frame, w->now_ns);
	atomic_store_explicit(&w->out.ring.dp->done, 1, memory_order_release);
	rule_swap_offline(g->rules, w->index);
	atomic_fetch_add_explicit(&g->nb_done, 1, memory_order_release);
	eventfd_write(g->done_fd, 1);
	return 0;
}
