/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_pause.h>

#include "live_private.h"

void
live_free(struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);

	rte_pktmbuf_free(meta->joined);
	meta->joined = NULL;
	rte_pktmbuf_free(m);
}

static void
drop(struct worker *w, struct rte_mbuf *const mbufs[], unsigned int nb, enum dp_stat reason)
{
	unsigned int i, counted = 0;

	for (i = 0; i < nb; i++) {
		counted += io_meta(mbufs[i])->pkt.rebuilt < 2;
		live_free(mbufs[i]);
	}
	dp_count(&w->counters, reason, counted);
}

static void
flush_port(struct worker *w, unsigned int port)
{
	struct live_out *out = &w->live->out[port];
	struct io_port *io = w->live->group->ports[port].io;
	unsigned int done = 0, tries, i;
	uint64_t octets = 0;

	for (i = 0; i < out->nb; i++)
		octets += out->mbufs[i]->pkt_len;
	for (tries = 0; done < out->nb && tries < LIVE_TRIES; tries++) {
		uint16_t n = io_tx_burst(io, (uint16_t)w->index, out->mbufs + done, (uint16_t)(out->nb - done));

		done += n;
		if (n == 0)
			rte_pause();
	}
	dp_count(&w->counters, DP_STAT_SENT, done);
	for (i = done; i < out->nb; i++)
		octets -= out->mbufs[i]->pkt_len;
	dp_count(&w->counters, DP_STAT_TX_OCTETS, octets);
	drop(w, out->mbufs + done, out->nb - done, DP_STAT_DROP_TX_FULL);
	out->nb = 0;
}

static void
flush_hand(struct worker *w, unsigned int to)
{
	struct live_out *out = &w->live->hand[to];
	struct rte_ring *ring = w->live->group->rings[w->index][to];
	unsigned int done = 0, tries, i, counted = 0;

	/* Which of them are packets must be known before they are another worker's. */
	for (tries = 0; done < out->nb && tries < LIVE_TRIES; tries++) {
		unsigned int n = RTE_MIN(out->nb - done, rte_ring_free_count(ring));

		for (i = 0; i < n; i++)
			counted += io_meta(out->mbufs[done + i])->pkt.rebuilt < 2;
		done += rte_ring_sp_enqueue_burst(ring, (void **)(out->mbufs + done), n, NULL);
		if (n == 0)
			rte_pause();
	}
	dp_count(&w->counters, DP_STAT_SPREAD, counted);
	drop(w, out->mbufs + done, out->nb - done, DP_STAT_DROP_HAND_OVER_FULL);
	out->nb = 0;
}

void
live_flush(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < w->live->group->nb_ports; i++)
		if (w->live->out[i].nb > 0)
			flush_port(w, i);
	for (i = 0; i < w->group->nb; i++)
		if (w->live->hand[i].nb > 0)
			flush_hand(w, i);
}

void
live_hand(struct worker *w, struct rte_mbuf *m, unsigned int to, enum live_stage stage)
{
	struct live_out *out = &w->live->hand[to];

	io_meta(m)->stage = (uint8_t)stage;
	if (out->nb == LIVE_OUT_MAX)
		flush_hand(w, to);
	out->mbufs[out->nb++] = m;
}

void
live_send(struct worker *w, struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);
	uint8_t port = meta->out_port;
	struct live_out *out;

	if (meta->joined != NULL) {
		rte_pktmbuf_free(meta->joined);
		meta->joined = NULL;
	}
	if (port == IO_PORT_NONE) {
		dp_count(&w->counters, DP_STAT_COPIES_DONE, meta->pkt.rebuilt < 2);
		rte_pktmbuf_free(m);
		return;
	}
	if (w->index >= w->live->group->ports[port].io->nb_txq) {
		live_hand(w, m, w->index % w->live->group->ports[port].io->nb_txq, LIVE_STAGE_SEND);
		return;
	}
	out = &w->live->out[port];
	if (out->nb == LIVE_OUT_MAX)
		flush_port(w, port);
	out->mbufs[out->nb++] = m;
}

bool
live_originate(struct worker *w, const uint8_t *octets, uint32_t len, unsigned int port)
{
	struct live_worker *l = w->live;
	const struct packet *current = inspector_current(w->inspector);
	struct rte_mbuf *m;
	struct io_meta *meta;

	if (port >= l->group->nb_ports || (l->in_burst && l->nb_originated == LIVE_ORIGINATED_MAX))
		return false;
	m = rte_pktmbuf_alloc(l->group->frames);
	if (m == NULL)
		return false;
	if (len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return false;
	}
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), octets, len);
	meta = io_meta(m);
	memset(meta, 0, sizeof(*meta));
	meta->in_port = IO_PORT_NONE;
	meta->out_port = (uint8_t)port;
	if (l->in_burst)
		l->originated[l->nb_originated++] = (struct live_originated){ .after = current, .mbuf = m };
	else
		live_send(w, m);
	return true;
}
