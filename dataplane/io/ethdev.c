/* SPDX-License-Identifier: BSD-3-Clause */
#include "ethdev.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>

#include "ethdev_private.h"

enum {
	ETHER_OVERHEAD = 14 + 2 * 4, /* header and two tags */
	DESC_DEFAULT = 1024,
	RSS_KEY_MAX = 64,
};

/* What symmetric spreading should look at. */
#define RSS_TYPES                                                                                                       \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_IPV6 |                       \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX)

/* Without these a connection's frames all go by the addresses only, or not at all. */
#define RSS_TYPES_NEEDED (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

__attribute__((format(printf, 3, 4))) static int
fail(struct ethdev *e, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->error, sizeof(e->error), fmt, ap);
	va_end(ap);
	return rc;
}

const char *
ethdev_error(const struct ethdev *e)
{
	return e->error;
}

const char *
ethdev_name(const struct ethdev *e)
{
	return e->name;
}

const struct ethdev_facts *
ethdev_facts(const struct ethdev *e)
{
	return &e->facts;
}

struct io_port *
ethdev_io(struct ethdev *e)
{
	return &e->port;
}

static bool
is_among(const char *driver, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strncmp(driver, *names, strlen(*names)) == 0)
			return true;
	return false;
}

/* Behind these there is a kernel or a guest that hands over partial checksums. */
static const char *const virtual_drivers[] = {
	"net_af_packet", "net_af_xdp", "net_memif", "net_pcap", "net_tap", "net_vhost", "net_virtio", "net_vmxnet3", NULL,
};

/* These give a large frame in several buffers without having an offload of that name (22.11). */
static const char *const chaining_drivers[] = { "net_memif", "net_pcap", "net_vhost", NULL };

static bool
find(struct ethdev *e, const char *dev)
{
	struct rte_dev_iterator it;
	char name[ETHDEV_NAME_MAX];

	snprintf(name, sizeof(name), "%s", dev);
	name[strcspn(name, ",")] = '\0';
	if (rte_eth_dev_get_port_by_name(name, &e->facts.port_id) == 0)
		return true;
	RTE_ETH_FOREACH_MATCHING_DEV (e->facts.port_id, name, &it) {
		rte_eth_iterator_cleanup(&it);
		return true;
	}
	return false;
}

int
ethdev_open(const struct ethdev_ask *ask, struct ethdev **ret)
{
	struct ethdev *e = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(sizeof(*e), RTE_CACHE_LINE_SIZE));
	int rc;

	if (e == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	*ret = e;
	e->port.ops = &ethdev_ops;
	e->ask_queues = ask->nb_queues;
	e->ask_mtu = ask->mtu;
	e->tcp_ports = ask->tcp_ports;
	e->nb_tcp_ports = ask->nb_tcp_ports;
	e->ask_desc = ask->nb_desc != 0 ? ask->nb_desc : DESC_DEFAULT;
	snprintf(e->name, sizeof(e->name), "%s", ask->dev);
	if (strlen(ask->dev) >= sizeof(e->name))
		return fail(e, -ENAMETOOLONG, "the name of the port is longer than %d octets", ETHDEV_NAME_MAX - 1);
	e->found = find(e, ask->dev);
	if (!e->found) {
		rc = rte_dev_probe(ask->dev);
		if (rc != 0)
			return fail(e, rc < 0 ? rc : -ENODEV,
				    "no DPDK port comes up: %s; a PCI device must be bound to a driver for user space "
				    "(dpdk-devbind.py --status), a virtual one needs right devargs and rights on what is "
				    "behind it", rte_strerror(rc < 0 ? -rc : ENODEV));
		e->made = true;
		e->found = find(e, ask->dev);
	}
	if (!e->found)
		return fail(e, -ENODEV, "DPDK accepted it, but no port has that name");
	rc = rte_eth_dev_info_get(e->facts.port_id, &e->info);
	if (rc != 0)
		return fail(e, rc, "it does not say what it can do: %s", rte_strerror(-rc));
	snprintf(e->facts.driver, sizeof(e->facts.driver), "%s",
		 e->info.driver_name != NULL ? e->info.driver_name : "unknown");
	e->facts.is_virtual = is_among(e->facts.driver, virtual_drivers);
	e->facts.numa = rte_eth_dev_socket_id(e->facts.port_id);
	e->facts.if_index = e->info.if_index;
	e->facts.multi_segs = (e->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	e->facts.reta_size = e->info.reta_size;
	return 0;
}

void
ethdev_close(struct ethdev *e)
{
	if (e == NULL)
		return;
	if (e->facts.steered)
		steer_remove(&(const struct steer_ops){ .destroy = rte_flow_destroy }, &e->steer);
	if (e->started)
		rte_eth_dev_stop(e->facts.port_id);
	if (e->found)
		rte_eth_dev_close(e->facts.port_id);
	free(e);
}

static int
plan_mtu(struct ethdev *e, const struct ethdev *peer)
{
	struct ethdev_facts *f = &e->facts;

	f->mtu = e->ask_mtu;
	if (f->mtu == 0 && rte_eth_dev_get_mtu(f->port_id, &f->mtu) != 0)
		f->mtu = RTE_ETHER_MTU;
	if (f->mtu < e->info.min_mtu || (e->info.max_mtu != 0 && f->mtu > e->info.max_mtu))
		return fail(e, -EINVAL, "an MTU of %u is not possible, only %u to %u; set mtu in the configuration", f->mtu,
			    e->info.min_mtu, e->info.max_mtu);
	f->frame_max = (uint32_t)f->mtu + ETHER_OVERHEAD;
	if (f->frame_max <= ETHDEV_BUFFER)
		return 0;
	f->scatter = (e->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER || is_among(f->driver, chaining_drivers)) &&
		     (peer == NULL || peer->facts.multi_segs);
	return 0;
}

int
ethdev_plan(struct ethdev *e, const struct ethdev *peer)
{
	struct ethdev_facts *f = &e->facts;
	int rc;

	f->nb_rxq = RTE_MIN(e->ask_queues, e->info.max_rx_queues);
	f->nb_txq = RTE_MIN(e->ask_queues, e->info.max_tx_queues);
	if (f->nb_rxq == 0 || f->nb_txq == 0)
		return fail(e, -ENODEV, "it has no queues");
	f->nb_inspect = f->nb_rxq;
	/* A queue more for what is no mail, where rules and a table to go with them may be had. */
	if (e->nb_tcp_ports > 0 && f->nb_rxq < e->info.max_rx_queues && f->reta_size > 0 &&
	    f->nb_rxq < ETHDEV_QUEUES_MAX)
		f->nb_rxq++;
	rc = plan_mtu(e, peer);
	if (rc != 0)
		return rc;
	f->nb_rxd = f->nb_txd = e->ask_desc;
	f->checksums = (e->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
	f->rss_types = f->nb_rxq > 1 ? RSS_TYPES & e->info.flow_type_rss_offloads : 0;
	e->port.nb_rxq = f->nb_rxq;
	e->port.nb_txq = f->nb_txq;
	return 0;
}

uint32_t
ethdev_room(const struct ethdev *e)
{
	uint32_t room = e->facts.scatter ? (uint32_t)ETHDEV_BUFFER : RTE_MAX(e->facts.frame_max, (uint32_t)ETHDEV_BUFFER);

	return RTE_ALIGN_CEIL(RTE_MAX(room, e->info.min_rx_bufsize), 64u) + RTE_PKTMBUF_HEADROOM;
}

uint32_t
ethdev_nb_mbufs(const struct ethdev *e)
{
	return (uint32_t)e->facts.nb_rxq * e->facts.nb_rxd + (uint32_t)e->facts.nb_txq * e->facts.nb_txd;
}

void
ethdev_symmetric_key(uint8_t *key, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
}

static int
configure(struct ethdev *e)
{
	struct ethdev_facts *f = &e->facts;
	uint8_t key[RSS_KEY_MAX];
	struct rte_eth_conf conf = {
		.rxmode = { .mtu = f->mtu },
		.link_speeds = RTE_ETH_LINK_SPEED_AUTONEG,
	};
	int rc;

	if (f->scatter)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER & e->info.rx_offload_capa;
	if (f->checksums)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
					(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM & e->info.rx_offload_capa);
	if (f->multi_segs)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (f->rss_types != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = f->rss_types;
		if (e->info.hash_key_size > 0 && e->info.hash_key_size <= RSS_KEY_MAX) {
			ethdev_symmetric_key(key, e->info.hash_key_size);
			conf.rx_adv_conf.rss_conf.rss_key = key;
			conf.rx_adv_conf.rss_conf.rss_key_len = e->info.hash_key_size;
		}
	}
	rc = rte_eth_dev_configure(f->port_id, f->nb_rxq, f->nb_txq, &conf);
	if (rc != 0)
		return fail(e, rc, "it refuses %u queues at MTU %u: %s", f->nb_rxq, f->mtu, rte_strerror(-rc));
	e->configured = true;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(f->port_id, &f->nb_rxd, &f->nb_txd);
	return rc == 0 || rc == -ENOTSUP ? 0 : fail(e, rc, "its rings cannot be sized: %s", rte_strerror(-rc));
}

/* Virtual drivers have an MTU of their own that configure() does not set. */
static void
set_mtu(struct ethdev *e)
{
	uint16_t mtu;

	if (e->ask_mtu == 0)
		return;
	if (rte_eth_dev_get_mtu(e->facts.port_id, &mtu) == 0 && mtu == e->ask_mtu)
		return;
	if (rte_eth_dev_set_mtu(e->facts.port_id, e->ask_mtu) != 0 &&
	    rte_eth_dev_get_mtu(e->facts.port_id, &mtu) == 0)
		e->facts.mtu = mtu;
}

/* Did it take the key and the types? What cannot be read back is not relied on. */
static enum ethdev_rss
check_rss(const struct ethdev *e)
{
	uint8_t key[RSS_KEY_MAX] = { 0 }, want[RSS_KEY_MAX];
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = e->info.hash_key_size };

	if (e->facts.nb_inspect == 1 || e->facts.rss_types == 0)
		return ETHDEV_RSS_NONE;
	if (e->info.hash_key_size == 0 || e->info.hash_key_size > RSS_KEY_MAX ||
	    rte_eth_dev_rss_hash_conf_get(e->facts.port_id, &conf) != 0)
		return ETHDEV_RSS_UNKNOWN;
	ethdev_symmetric_key(want, e->info.hash_key_size);
	if (memcmp(key, want, e->info.hash_key_size) != 0 ||
	    (conf.rss_hf & RSS_TYPES_NEEDED) != RSS_TYPES_NEEDED)
		return ETHDEV_RSS_UNKNOWN;
	return ETHDEV_RSS_SYMMETRIC;
}

int
ethdev_start(struct ethdev *e, struct rte_mempool *pool)
{
	struct ethdev_facts *f = &e->facts;
	int rc = configure(e), socket = f->numa < 0 ? SOCKET_ID_ANY : f->numa;
	struct rte_eth_txconf tx = e->info.default_txconf;
	uint16_t q;

	for (q = 0; rc == 0 && q < f->nb_rxq; q++) {
		rc = rte_eth_rx_queue_setup(f->port_id, q, f->nb_rxd, (unsigned int)socket, NULL, pool);
		if (rc != 0)
			fail(e, rc, "receive queue %u cannot be set up: %s", q, rte_strerror(-rc));
	}
	if (f->multi_segs)
		tx.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	for (q = 0; rc == 0 && q < f->nb_txq; q++) {
		rc = rte_eth_tx_queue_setup(f->port_id, q, f->nb_txd, (unsigned int)socket, &tx);
		if (rc != 0)
			fail(e, rc, "transmit queue %u cannot be set up: %s", q, rte_strerror(-rc));
	}
	if (rc != 0)
		return rc;
	set_mtu(e);
	rc = rte_eth_dev_start(f->port_id);
	if (rc != 0)
		return fail(e, rc, "it does not start: %s", rte_strerror(-rc));
	e->started = true;
	ethdev_steer(e);
	f->rss = check_rss(e);
	/* A driver that cannot be asked (vhost, memif) hands over everything anyway. */
	rc = rte_eth_promiscuous_enable(f->port_id);
	f->promiscuous = rc == 0;
	if (rc != 0 && rc != -ENOTSUP)
		return fail(e, rc, "it does not become promiscuous: %s; frames for others would be lost", rte_strerror(-rc));
	rte_eth_allmulticast_enable(f->port_id);
	return 0;
}

const char *
ethdev_describe(const struct ethdev *e, char *buf, size_t size)
{
	static const char *const rss[] = {
		[ETHDEV_RSS_NONE] = "no RSS, software spreads",
		[ETHDEV_RSS_UNKNOWN] = "RSS not known to be symmetric, software spreads",
		[ETHDEV_RSS_SYMMETRIC] = "symmetric RSS",
	};
	const struct ethdev_facts *f = &e->facts;

	snprintf(buf, size,
		 "driver %s, queues asked %u, got %u rx and %u tx of %u and %u descriptors, %s, %s, MTU %u%s, %s, checksums %s, "
		 "NUMA node %d%s",
		 f->driver, e->ask_queues, f->nb_rxq, f->nb_txq, f->nb_rxd, f->nb_txd,
		 f->nb_rxq == 1 ? "one queue, software spreads" : rss[f->rss],
		 f->steered ? "mail steered to its queues" : "no steering, software classifies", f->mtu,
		 f->mtu == e->ask_mtu || e->ask_mtu == 0 ? "" : " (not as asked)",
		 f->scatter ? "large frames in several buffers" : "frames in one buffer",
		 f->is_virtual ? "completed where partial" : f->checksums ? "verified by the port" : "not verified by the port",
		 f->numa, f->promiscuous ? "" : ", not promiscuous (the driver has no such mode)");
	return buf;
}
