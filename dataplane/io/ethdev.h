/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ethdev - a DPDK port as a port of ours: found, asked, set up, and what it granted
 *
 * What:      any DPDK ethdev, a PCI device by its address or a virtual one by its devargs. Start-up asks for what the
 *            inspector needs and keeps what it got, to be said in one line:
 *
 *              ethdev_open()          ethdev_plan()                 (caller makes the pool)      ethdev_start()
 *              find or make it  -->   what it can do, what of it    room and number of     -->   configure, queues, start,
 *                                     will be used                  buffers                      promiscuous
 *
 * Frames:    go on as they came. Promiscuous; no offload that changes a frame is switched on (no tag stripping, no
 *            merging). What a driver does all the same is undone: a tag it took out is put back, a partial checksum of a
 *            virtual port (csum.h) is completed.
 * Large:     a frame larger than a buffer comes in several (scatter) if this port can receive and the other can send
 *            that; else buffers are as large as the largest frame.
 * Threads:   set up by the service thread; then one worker per (port, queue).
 * Errors:    negative errno, and why in ethdev_error(): a sentence with what to do.
 */
#ifndef POSTERN_ETHDEV_H
#define POSTERN_ETHDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io.h"

enum {
	ETHDEV_NAME_MAX = 256,	  /* octets of what names a port */
	ETHDEV_QUEUES_MAX = DP_WORKERS_MAX,
	ETHDEV_BUFFER = 2048,	  /* data room of a buffer when frames may come in several */
};

enum ethdev_rss {
	ETHDEV_RSS_NONE,      /* one queue, or the sender chooses: software spreads */
	ETHDEV_RSS_UNKNOWN,   /* it spreads, but not known to be symmetric: software spreads */
	ETHDEV_RSS_SYMMETRIC, /* both directions of a connection come by queues of the same number */
};

struct ethdev_ask {
	const char *dev;     /* "0000:3b:00.0", or devargs of a virtual one: "net_af_packet0,iface=eth1" */
	uint16_t nb_queues;  /* wanted, of each kind: the number of workers */
	uint16_t nb_desc;    /* wanted in each ring; 0: the driver's choice */
	uint16_t mtu;	     /* 0: leave it as it is */
	const uint16_t *tcp_ports; /* to be steered to queues 0 .. nb_queues-1 (steer.h), host order; valid for good */
	unsigned int nb_tcp_ports; /* 0: no steering */
};

/* What was found and granted; valid after ethdev_plan(), rss after ethdev_start(). */
struct ethdev_facts {
	char driver[64];
	uint16_t port_id;
	uint16_t nb_rxq, nb_txq;
	uint16_t nb_inspect; /* receive queues that mail comes by: all, or all but the last when steered */
	uint16_t nb_rxd, nb_txd;
	uint16_t mtu;
	uint32_t frame_max;  /* octets of the largest frame, tags included */
	bool scatter;	     /* frames may come in several buffers */
	bool multi_segs;     /* can send frames in several buffers */
	bool checksums;	     /* verifies them */
	bool is_virtual;     /* frames may have partial checksums */
	bool promiscuous;
	bool steered;	     /* rules bring mail to the first queues, the rest comes by the last */
	enum ethdev_rss rss;
	uint64_t rss_types;  /* RTE_ETH_RSS_* */
	uint16_t reta_size;
	int numa;	     /* node, -1: unknown */
	uint32_t if_index;   /* kernel interface behind it, 0: none */
};

struct ethdev;

/* Counters of the port itself, reported beside the accounting of the workers. */
struct ethdev_counters {
	uint64_t rx_pkts, rx_octets, tx_pkts, tx_octets;
	uint64_t rx_missed; /* no descriptor was free */
	uint64_t rx_errors, tx_errors;
	uint64_t rx_nombuf; /* no buffer was free */
	uint64_t rx_refused; /* a tag could not be put back: dropped here */
	uint64_t csum_completed;
};

/* *ret is set in any case but -ENOMEM, so that ethdev_error() can be asked. */
int ethdev_open(const struct ethdev_ask *ask, struct ethdev **ret);
/* Stops it, too. NULL is fine. */
void ethdev_close(struct ethdev *e);
const char *ethdev_error(const struct ethdev *e);

/* @peer: where its frames go out, or NULL (tap). Both are open. */
int ethdev_plan(struct ethdev *e, const struct ethdev *peer);
const struct ethdev_facts *ethdev_facts(const struct ethdev *e);
/* Data room that a buffer needs, and how many buffers its rings can hold at once. */
uint32_t ethdev_room(const struct ethdev *e);
uint32_t ethdev_nb_mbufs(const struct ethdev *e);

/* @pool: buffers with a struct io_meta and ethdev_room() octets. */
int ethdev_start(struct ethdev *e, struct rte_mempool *pool);
struct io_port *ethdev_io(struct ethdev *e);

/* One line: what was asked for and what was granted. Returns @buf. */
const char *ethdev_describe(const struct ethdev *e, char *buf, size_t size);

/* Service thread. Does not wait. */
void ethdev_read_counters(struct ethdev *e, struct ethdev_counters *ret);
bool ethdev_link(const struct ethdev *e, uint32_t *ret_mbps);
/* Take the port's link down, or bring it up; 0 or negative errno (-ENOTSUP: nothing behind it has a link). */
int ethdev_set_link(struct ethdev *e, bool up);

const char *ethdev_name(const struct ethdev *e);

#endif
