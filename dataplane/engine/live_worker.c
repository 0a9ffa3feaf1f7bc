/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include <rte_errno.h>

#include "live_enforce.h"
#include "live_frag.h"
#include "live_load.h"
#include "live_takeover.h"

enum {
	FRAME_STEP = DP_WORKERS_MAX, /* numbers of one worker are this far apart */
	IDLE_TURNS = 64,	     /* without work before a worker sleeps, if it may */
	REPORT_TRIES = 5000,	     /* 1 ms each, at the end */
	HOPS_MAX = 3,		     /* rings that a frame goes through: its fragment's owner, its flow's, who can send it */
};

/* --- one burst --- */

/* Time and number of the frames of a burst. */
static void
stamp(struct worker *w, struct rte_mbuf *const mbufs[], unsigned int nb, const struct live_queue *q)
{
	const struct live_port *port = &w->live->group->ports[q->port];
	uint64_t now = live_now(w), frame = (now & ~(uint64_t)(FRAME_STEP - 1)) | w->index;
	unsigned int i;

	if (frame <= w->now_frame)
		frame = w->now_frame + FRAME_STEP;
	for (i = 0; i < nb; i++, frame += FRAME_STEP) {
		struct io_meta *meta = io_meta(mbufs[i]);

		meta->pkt.ts_ns = now;
		meta->pkt.frame_no = frame;
		meta->pkt.wire = port->wire;
		meta->in_port = q->port;
		meta->out_port = port->peer;
	}
	w->now_frame = frame - FRAME_STEP;
}

/* Frames of our own that follow packet @p. */
static void
send_originated(struct worker *w, const struct packet *p, unsigned int *next)
{
	const struct live_worker *l = w->live;

	while (*next < l->nb_originated && l->originated[*next].after == p)
		live_send(w, l->originated[(*next)++].mbuf);
}

static void
finish(struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = &io_meta(m)->pkt;

	if (p->fate == PACKET_DROP) {
		live_free(m);
		return;
	}
	live_send(w, p->fate == PACKET_CUT ? live_cut(m) : m);
}

/* Inspect what is to be inspected, and send everything on in its order. */
static void
work(struct worker *w, struct rte_mbuf *const mbufs[], unsigned int nb)
{
	struct live_worker *l = w->live;
	struct packet *pkts[INSPECTOR_BURST_MAX];
	unsigned int done, n, nb_pkts, next, i;

	for (done = 0; done < nb; done += n) {
		n = RTE_MIN(nb - done, (unsigned int)INSPECTOR_BURST_MAX);
		for (i = 0, nb_pkts = 0; i < n; i++)
			if (io_meta(mbufs[done + i])->stage == LIVE_STAGE_INSPECT)
				pkts[nb_pkts++] = &io_meta(mbufs[done + i])->pkt;
		l->nb_originated = next = 0;
		l->in_burst = true;
		if (l->bypass)
			inspector_bypass_burst(w->inspector, pkts, nb_pkts);
		else
			inspector_burst(w->inspector, pkts, nb_pkts);
		l->in_burst = false;
		for (i = 0; i < n; i++) {
			const struct packet *p = &io_meta(mbufs[done + i])->pkt;

			finish(w, mbufs[done + i]);
			send_originated(w, p, &next);
		}
		/* Of none of these packets: of the end of a flow, perhaps. */
		while (next < l->nb_originated)
			live_send(w, l->originated[next++].mbuf);
	}
}

static void
work_burst(struct worker *w, struct live_burst *b)
{
	/* A datagram is whole before its last fragment goes on. */
	work(w, b->datagrams, b->nb_datagrams);
	work(w, b->mbufs, b->nb);
	live_flush(w);
}

unsigned int
live_rx(struct worker *w, const struct live_queue *q)
{
	struct rte_mbuf *mbufs[IO_BURST_MAX];
	struct live_burst b;
	unsigned int nb, i;

	nb = io_rx_burst(w->live->group->ports[q->port].io, q->queue, mbufs, IO_BURST_MAX);
	if (nb == 0)
		return 0;
	dp_count(&w->counters, DP_STAT_RX_PKTS, nb);
	if (w->live->group->ports[q->port].sends_only) {
		dp_count(&w->counters, DP_STAT_COPIES_DONE, nb);
		rte_pktmbuf_free_bulk(mbufs, nb);
		return nb;
	}
	b.nb = b.nb_datagrams = 0;
	stamp(w, mbufs, nb, q);
	for (i = 0; i < nb; i++)
		live_sort(w, &b, mbufs[i]);
	work_burst(w, &b);
	return nb;
}

unsigned int
live_take(struct worker *w, unsigned int from)
{
	struct rte_mbuf *mbufs[IO_BURST_MAX];
	struct live_burst b;
	unsigned int nb, i, counted = 0;

	nb = rte_ring_sc_dequeue_burst(w->live->group->rings[from][w->index], (void **)mbufs, IO_BURST_MAX, NULL);
	if (nb == 0)
		return 0;
	b.nb = b.nb_datagrams = 0;
	live_now(w);
	for (i = 0; i < nb; i++) {
		const struct io_meta *meta = io_meta(mbufs[i]);

		counted += meta->pkt.rebuilt < 2;
		if (meta->stage == LIVE_STAGE_FRAGMENT)
			live_fragment(w, &b, mbufs[i]);
		else
			b.mbufs[b.nb++] = mbufs[i];
	}
	dp_count(&w->counters, DP_STAT_HANDED_IN, counted);
	work_burst(w, &b);
	return nb;
}

/* --- the loop --- */

/* For people, and for whoever waits for an order to be followed. */
static void
publish_mode(const struct worker *w)
{
	const struct live_worker *l = w->live;
	uint32_t mode = l->bypass ? DP_MODE_BYPASS : 0;

	if (l->load.shed >= INSPECTOR_SHED_NEW)
		mode |= DP_MODE_SHED_NEW;
	if (l->load.shed >= INSPECTOR_SHED_BODIES)
		mode |= DP_MODE_SHED_BODIES;
	atomic_store_explicit(&w->out.ring.dp->mode, mode, memory_order_relaxed);
}

static void
end_turn(struct worker *w)
{
	uint64_t now = live_now(w), frame = now & ~(uint64_t)(FRAME_STEP - 1);
	const struct dp_record *kept;

	/* Frames handed in bear the numbers of who received them; records never go back. */
	if (frame < w->now_frame)
		frame = w->now_frame;
	worker_age(w, now, frame);
	ipfrag_age_step(w->frags, now, AGE_BUDGET);
	live_frag_age(w, now);
	live_flush(w);
	if (w->out.last_frame > frame)
		frame = w->out.last_frame;
	w->out.last_frame = frame;
	w->out.last_ns = RTE_MAX(w->out.last_ns, now);
	if (event_out_flush(&w->out))
		dp_ring_report_lost(&w->out.ring, w->out.last_ns, w->out.last_frame); /* no room: at a later turn */
	kept = event_out_oldest(&w->out);
	/* What is kept bears the number of its own moment. */
	worker_set_watermark(w, kept != NULL ? kept->frame_no : frame, kept != NULL ? kept->ts_ns : now);
	publish_mode(w);
	worker_publish(w);
}

static void
rest(struct worker *w, unsigned int nb_done)
{
	struct live_worker *l = w->live;
	struct timespec ts = { .tv_nsec = (long)l->group->idle_us * 1000 };

	l->nb_idle = nb_done > 0 ? 0 : l->nb_idle + 1;
	if (l->group->idle_us != 0 && l->nb_idle > IDLE_TURNS)
		nanosleep(&ts, NULL);
}

static unsigned int
turn(struct worker *w, bool receiving)
{
	struct live_worker *l = w->live;
	unsigned int nb = 0, n, i;

	worker_begin_turn(w);
	live_commands(w, live_now(w), w->out.last_frame);
	nb += live_takeover_turn(w, w->now_ns, w->out.last_frame);
	live_bypass_turn(w);
	for (i = 0; receiving && i < l->nb_rx; i++) {
		n = live_rx(w, &l->rx[i]);
		live_load_note(&l->load, i, n, w->now_ns);
		nb += n;
	}
	for (i = 0; i < w->group->nb; i++) {
		if (i == w->index)
			continue;
		n = live_take(w, i);
		live_load_note(&l->load, LIVE_QUEUES_MAX + i, n, w->now_ns);
		nb += n;
	}
	live_load_turn(w);
	end_turn(w);
	return nb;
}

/* What is on its way between workers is worked through before the first of them ends. */
static void
quiesce(struct worker *w)
{
	struct live_group *g = w->live->group;
	unsigned int left = HOPS_MAX, nb;

	atomic_fetch_add_explicit(&g->nb_quiet, 1, memory_order_acq_rel);
	while (left > 0) {
		unsigned int round = HOPS_MAX + 1 - left;
		bool all = atomic_load_explicit(&g->nb_quiet, memory_order_acquire) >= w->group->nb * round;

		nb = turn(w, false);
		if (nb == 0 && all) {
			left--;
			if (left > 0)
				atomic_fetch_add_explicit(&g->nb_quiet, 1, memory_order_acq_rel);
		}
		rest(w, nb);
	}
}

static void
flush_flows(struct worker *w)
{
	const struct timespec wait = { .tv_nsec = 1000 * 1000 };
	bool more = true;
	unsigned int i;

	while (more) {
		worker_begin_turn(w);
		w->out.own_clock = true;
		w->out.now_ns = live_now(w);
		w->out.now_frame = w->out.last_frame;
		more = !inspector_flush_step(w->inspector, FLUSH_BUDGET);
		w->out.own_clock = false;
		live_flush(w);
		rule_swap_quiescent(w->group->rules, w->index);
	}
	live_frag_age(w, UINT64_MAX);
	/* The last word must not be that nothing was lost, if something was: ctrl gets a while to make room. */
	for (i = 0; i < REPORT_TRIES; i++) {
		end_turn(w);
		if (w->out.ring.nb_lost == 0 && w->out.nb_kept == 0)
			break;
		nanosleep(&wait, NULL);
	}
}

int
live_run(void *arg)
{
	struct worker *w = arg;
	struct worker_group *g = w->group;

	rule_swap_online(g->rules, w->index);
	inspector_restore_severed(w->inspector, live_now(w));
	while (!atomic_load_explicit(w->live->group->stop, memory_order_relaxed))
		rest(w, turn(w, true));
	quiesce(w);
	flush_flows(w);
	atomic_store_explicit(&w->out.ring.dp->done, 1, memory_order_release);
	rule_swap_offline(g->rules, w->index);
	atomic_fetch_add_explicit(&g->nb_done, 1, memory_order_release);
	eventfd_write(g->done_fd, 1);
	return 0;
}

/* --- set-up --- */

int
live_group_init(struct live_group *g, unsigned int nb_workers)
{
	char name[32];
	unsigned int i, k;

	for (i = 0; i < nb_workers; i++) {
		for (k = 0; k < nb_workers; k++) {
			if (i == k)
				continue;
			snprintf(name, sizeof(name), "hand%u-%u", i, k);
			g->rings[i][k] = rte_ring_create(name, LIVE_RING, SOCKET_ID_ANY,
							 RING_F_SP_ENQ | RING_F_SC_DEQ);
			if (g->rings[i][k] == NULL)
				return -rte_errno;
		}
	}
	for (i = 0; i < g->nb_ports; i++) {
		struct live_port *p = &g->ports[i];
		const struct live_port *peer = p->peer != IO_PORT_NONE ? &g->ports[p->peer] : p;

		p->rss = p->eth != NULL && peer->eth != NULL &&
			 ethdev_facts(p->eth)->rss == ETHDEV_RSS_SYMMETRIC &&
			 ethdev_facts(peer->eth)->rss == ETHDEV_RSS_SYMMETRIC &&
			 ethdev_facts(p->eth)->nb_inspect == ethdev_facts(peer->eth)->nb_inspect &&
			 ethdev_facts(p->eth)->nb_inspect <= nb_workers;
	}
	return 0;
}

int
live_worker_new(struct live_group *g, unsigned int index, unsigned int nb_workers, bool enforce, struct live_worker **ret)
{
	struct live_worker *l = calloc(1, sizeof(*l));
	unsigned int i, q;

	if (l == NULL)
		return -ENOMEM;
	l->group = g;
	if (enforce) {
		l->frags = calloc(1, sizeof(*l->frags));
		if (l->frags == NULL) {
			free(l);
			return -ENOMEM;
		}
	}
	for (i = 0; i < g->nb_ports; i++) {
		for (q = index; q < g->ports[i].io->nb_rxq; q += nb_workers) {
			if (l->nb_rx == LIVE_QUEUES_MAX) {
				free(l->frags);
				free(l);
				return -E2BIG;
			}
			l->rx[l->nb_rx++] = (struct live_queue){ .port = (uint8_t)i, .queue = (uint16_t)q };
		}
	}
	*ret = l;
	return 0;
}
