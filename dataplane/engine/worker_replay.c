/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_private.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

/* @nb of them are packets: the second reading of a datagram is none. */
static void
send_on(struct worker *w, struct worker_batch *b, unsigned int nb)
{
	unsigned int done = 0;

	while (done < b->nb)
		done += io_tx_burst(w->group->port, 0, b->mbufs + done, (uint16_t)(b->nb - done));
	dp_count(&w->counters, DP_STAT_SENT, nb);
	b->nb = 0;
}

void
worker_inspect(struct worker *w)
{
	struct packet *pkts[INSPECTOR_BURST_MAX];
	unsigned int done, nb, i, nb_sent = 0;

	for (done = 0; done < w->own.nb; done += nb) {
		nb = RTE_MIN(w->own.nb - done, (unsigned int)INSPECTOR_BURST_MAX);
		for (i = 0; i < nb; i++) {
			pkts[i] = &io_meta(w->own.mbufs[done + i])->pkt;
			nb_sent += pkts[i]->rebuilt < 2;
		}
		inspector_burst(w->inspector, pkts, nb);
	}
	send_on(w, &w->own, nb_sent);
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
	worker_begin_turn(w);
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
	send_on(w, &w->pass, w->pass.nb);
	worker_inspect(w);
	worker_set_watermark(w, w->now_frame, w->now_ns);
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
		worker_set_watermark(w, handed, handed_ns);
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
	worker_set_watermark(w, w->now_frame, w->now_ns);
	return true;
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
		worker_begin_turn(w);
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
		worker_begin_turn(w);
		more = w->first ? poll_port(w) : poll_input(w);
		worker_age(w, w->now_ns, w->now_frame);
		worker_publish(w);
	}
	if (w->first) {
		publish_handed(w);
		atomic_store_explicit(&g->reader_done, true, memory_order_release);
	}
	flush(w);
	worker_set_watermark(w, w->now_frame, w->now_ns);
	atomic_store_explicit(&w->out.ring.dp->done, 1, memory_order_release);
	rule_swap_offline(g->rules, w->index);
	atomic_fetch_add_explicit(&g->nb_done, 1, memory_order_release);
	eventfd_write(g->done_fd, 1);
	return 0;
}
