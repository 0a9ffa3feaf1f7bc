/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker_private.h"

#include <sched.h>
#include <string.h>

enum {
	PREFETCH_AHEAD = 4,
};

static void
drop(struct worker *w, struct rte_mbuf *m, enum dp_stat reason)
{
	dp_count(&w->counters, reason, 1);
	rte_pktmbuf_free(m);
}

static void
batch_add(struct worker_batch *b, struct rte_mbuf *m)
{
	b->mbufs[b->nb++] = m;
}

/*
 * Which worker a flow belongs to. The upper half of the hash: the flow table indexes by the lower. Both directions have
 * the same hash.
 */
static unsigned int
owner_of(const struct worker_group *g, uint32_t hash)
{
	return (unsigned int)((uint64_t)hash * g->nb >> 32);
}

static void
sort_tcp(struct worker *w, struct rte_mbuf *m, const struct packet *p)
{
	struct worker_group *g = w->group;
	unsigned int owner;

	if (!packet_has_port(p, g->ports, g->nb_ports)) {
		dp_count(&w->counters, DP_STAT_BYPASS, 1);
		batch_add(&w->pass, m);
		return;
	}
	owner = owner_of(g, p->hash);
	if (owner == w->index) {
		batch_add(&w->own, m);
		return;
	}
	if (p->rebuilt < 2)
		dp_count(&w->counters, DP_STAT_SPREAD, 1);
	batch_add(&w->hand[owner], m);
}

/*
 * An mbuf for a whole datagram. All may be with other workers: a replay waits for one to come back, after handing over
 * what it holds itself. The pool is larger than what one turn can hold (engine main.c), so one does.
 */
static struct rte_mbuf *
datagram_alloc(struct worker *w)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->group->datagrams);

	while (m == NULL && w->out.replay) {
		worker_hand_over(w);
		sched_yield();
		m = rte_pktmbuf_alloc(w->group->datagrams);
	}
	return m;
}

/*
 * A datagram that came together is copied into an mbuf of its own: it goes through rings like any frame, and the
 * fragment table uses its memory again at the next call. Fragments are rare, so the copy does not matter.
 */
static struct rte_mbuf *
datagram_mbuf(struct worker *w, unsigned int i)
{
	struct rte_mbuf *m = datagram_alloc(w);
	uint16_t vlan[2];
	struct packet *p;

	if (m == NULL)
		return NULL;
	p = &io_meta(m)->pkt;
	memset(p, 0, sizeof(*p));
	ipfrag_get(w->frags, i, p, vlan);
	if (p->cap_len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), p->frame, p->cap_len);
	p->frame = rte_pktmbuf_mtod(m, const uint8_t *);
	m->data_len = (uint16_t)p->cap_len;
	m->pkt_len = p->cap_len;
	packet_decode(p, &w->group->seed);
	packet_set_vlan(p, vlan, &w->group->seed);
	return m;
}

static void
sort_fragment(struct worker *w, struct rte_mbuf *m, const struct packet *p)
{
	unsigned int nb = ipfrag_input(w->frags, p), i;

	for (i = 0; i < nb; i++) {
		struct rte_mbuf *d = datagram_mbuf(w, i);
		const struct packet *dp;

		/* The other reading of overlapping fragments (i == 1, rebuilt == 2) is no packet of its own: not counted. */
		if (i == 0)
			dp_count(&w->counters, DP_STAT_DATAGRAMS, 1);
		if (d == NULL) {
			if (i == 0)
				dp_count(&w->counters, DP_STAT_DROP_NO_BUFFER, 1);
			continue;
		}
		dp = &io_meta(d)->pkt;
		if (dp->class == PACKET_TCP && (i == 0 || packet_has_port(dp, w->group->ports, w->group->nb_ports))) {
			sort_tcp(w, d, dp);
		} else if (i == 0 && dp->class != PACKET_TCP) {
			dp_count(&w->counters, DP_STAT_BYPASS, 1);
			batch_add(&w->pass, d);
		} else {
			rte_pktmbuf_free(d);
		}
	}
	dp_count(&w->counters, DP_STAT_FRAGMENTS, 1);
	batch_add(&w->pass, m);
}

static void
sort_frame(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = &io_meta(m)->pkt;

	dp_count(&w->counters, DP_STAT_RX_OCTETS, p->wire_len);
	switch (packet_decode(p, &w->group->seed)) {
	case PACKET_TCP:
		sort_tcp(w, m, p);
		break;
	case PACKET_FRAGMENT:
		sort_fragment(w, m, p);
		break;
	case PACKET_OTHER:
		dp_count(&w->counters, DP_STAT_BYPASS, 1);
		batch_add(&w->pass, m);
		break;
	case PACKET_TRUNCATED:
		drop(w, m, DP_STAT_DROP_TRUNCATED);
		break;
	default:
		drop(w, m, DP_STAT_DROP_MALFORMED);
		break;
	}
}

unsigned int
worker_rx(struct worker *w)
{
	struct rte_mbuf *mbufs[IO_BURST_MAX];
	unsigned int nb, i;

	nb = io_rx_burst(w->group->port, 0, mbufs, IO_BURST_MAX);
	if (nb == 0)
		return 0;
	dp_count(&w->counters, DP_STAT_RX_PKTS, nb);
	for (i = 0; i < nb && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(io_meta(mbufs[i])->pkt.frame);
	for (i = 0; i < nb; i++) {
		if (i + PREFETCH_AHEAD < nb)
			rte_prefetch0(io_meta(mbufs[i + PREFETCH_AHEAD])->pkt.frame);
		sort_frame(w, mbufs[i]);
	}
	w->now_ns = io_meta(mbufs[nb - 1])->pkt.ts_ns;
	w->now_frame = io_meta(mbufs[nb - 1])->pkt.frame_no;
	return nb;
}
