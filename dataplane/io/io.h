/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * io - where packets come from and go to: one small table of functions per kind of port
 *
 * What:      captures and DPDK ports; AF_XDP sockets plug in here. A received mbuf carries a struct io_meta in its private
 *            area; the first group of fields of its struct packet is set (frame, lengths, link; by a capture also time and
 *            number, which a live worker gives itself), so that the worker can decode it wherever it came from. A live
 *            frame in several buffers: frame and cap_len are the first one's, wire_len is that of all.
 * Ownership: rx_burst() gives mbufs to the caller; tx_burst() takes those it accepted, the caller frees the rest and
 *            counts them.
 * Threads:   one worker per (port, queue).
 */
#ifndef POSTERN_IO_H
#define POSTERN_IO_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "packet.h"

enum {
	IO_BURST_MAX = 64,
};

enum {
	IO_PORT_NONE = UINT8_MAX,
};

/* Private area of every mbuf. */
struct io_meta {
	struct packet pkt;
	struct rte_mbuf_ext_shared_info shinfo; /* of an attached frame */
	/* Live ports only. */
	struct rte_mbuf *joined; /* copy of a chained frame that pkt.frame points into, or NULL */
	uint8_t csum;		 /* enum packet_in_flags that the port found out: PACKET_IN_CSUM_* */
	uint8_t in_port;	 /* number of the port in the engine */
	uint8_t out_port;	 /* where it goes to; IO_PORT_NONE: nowhere, it is a copy */
	uint8_t stage;		 /* what the worker that gets it by a ring has to do */
};

static inline struct io_meta *
io_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

struct io_port;

struct io_ops {
	const char *name;
	/* Up to @nb frames. 0: nothing now, or the end (see exhausted). */
	uint16_t (*rx_burst)(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb);
	/* Send on; returns how many were taken. */
	uint16_t (*tx_burst)(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb);
	/* True when nothing will ever come again; NULL: never. */
	bool (*exhausted)(const struct io_port *port);
	void (*close)(struct io_port *port);
};

struct io_port {
	const struct io_ops *ops;
	uint16_t nb_rxq, nb_txq; /* live ports */
	bool may_wait; /* rx_burst() may wait for long: for the writer of a pipe that is replayed */
};

static inline uint16_t
io_rx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	return port->ops->rx_burst(port, queue, mbufs, nb);
}

static inline uint16_t
io_tx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	return port->ops->tx_burst(port, queue, mbufs, nb);
}

#endif
