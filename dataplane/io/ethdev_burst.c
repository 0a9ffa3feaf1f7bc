/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>

#include <rte_ether.h>

#include "csum.h"
#include "ethdev_private.h"

static inline void
count(_Atomic uint64_t *c)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The sum over all buffers of @m. */
static uint16_t
chain_sum(const struct rte_mbuf *m, const struct csum_place *at)
{
	uint32_t off = at->l4_off, left = at->l4_len;
	uint64_t sum = 0;
	bool odd = false;

	for (; m != NULL && left > 0; m = m->next) {
		uint32_t len = m->data_len;
		uint16_t part;

		if (off >= len) {
			off -= len;
			continue;
		}
		len = RTE_MIN(len - off, left);
		part = csum_sum(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len);
		sum += odd ? rte_bswap16(part) : part;
		odd ^= len & 1;
		left -= len;
		off = 0;
	}
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* PACKET_IN_CSUM_GOOD when the octets are known to be good now. */
static uint8_t
complete_checksum(struct ethdev_queue *q, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct csum_place at;

	if (!csum_locate(frame, m->data_len, m->pkt_len, &at) || !csum_is_partial(frame, &at))
		return 0;
	csum_put(frame, &at, chain_sum(m, &at));
	count(&q->completed);
	return PACKET_IN_CSUM_GOOD;
}

/* Undo what the driver did to the frame, and say where its octets are. False: it cannot be undone. */
static inline bool
take_in(struct ethdev *e, struct ethdev_queue *q, struct rte_mbuf **pm)
{
	struct rte_mbuf *m = *pm;
	struct io_meta *meta;
	uint8_t csum = 0;

	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)) {
		if (rte_vlan_insert(pm) != 0)
			return false;
		m = *pm;
	}
	if (e->facts.is_virtual)
		csum = complete_checksum(q, m);
	else if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		csum = PACKET_IN_CSUM_GOOD;
	meta = io_meta(m);
	meta->csum = csum;
	meta->joined = NULL;
	meta->pkt.frame = rte_pktmbuf_mtod(m, const uint8_t *);
	meta->pkt.cap_len = m->data_len;
	meta->pkt.wire_len = m->pkt_len;
	meta->pkt.loop = 0;
	meta->pkt.link = PACKET_LINK_ETHERNET;
	meta->pkt.rebuilt = 0;
	return true;
}

static uint16_t
ethdev_rx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	struct ethdev *e = (struct ethdev *)port;
	struct ethdev_queue *q = &e->queues[queue];
	uint16_t n = rte_eth_rx_burst(e->facts.port_id, queue, mbufs, nb), kept = 0, i;

	for (i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + 4], void *));
		if (take_in(e, q, &mbufs[i])) {
			mbufs[kept++] = mbufs[i];
		} else {
			count(&q->refused);
			rte_pktmbuf_free(mbufs[i]);
		}
	}
	return kept;
}

static uint16_t
ethdev_tx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	const struct ethdev *e = (const struct ethdev *)port;

	return rte_eth_tx_burst(e->facts.port_id, queue, mbufs, nb);
}

static void
ethdev_port_close(struct io_port *port)
{
	ethdev_close((struct ethdev *)port);
}

const struct io_ops ethdev_ops = {
	.name = "ethdev",
	.rx_burst = ethdev_rx_burst,
	.tx_burst = ethdev_tx_burst,
	.close = ethdev_port_close,
};
