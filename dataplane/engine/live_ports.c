/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "service.h"
#include "status.h"
#include "worker_private.h"

enum {
	POOL_CACHE = 256,
	POOL_SPARE = 4096, /* beyond what rings of ports and workers can hold: originated frames, bursts */
};

static int
fail(const struct ethdev *e, const char *dev, int rc)
{
	char text[600];

	snprintf(text, sizeof(text), "port %s: %s", dev, e != NULL ? ethdev_error(e) : strerror(-rc));
	fprintf(stderr, "postern-dataplane: %s\n", text);
	return rc;
}

static int
open_one(struct live_group *g, const struct live_options *o, const char *dev, uint8_t wire, bool is_b,
	 unsigned int nb_workers)
{
	const struct ethdev_ask ask = {
		.dev = dev,
		.nb_queues = (uint16_t)nb_workers,
		.nb_desc = o->nb_desc,
		.mtu = o->mtu,
		.tcp_ports = o->common.ports,
		.nb_tcp_ports = o->common.nb_ports,
	};
	struct live_port *p = &g->ports[g->nb_ports];
	int rc = ethdev_open(&ask, &p->eth);

	if (rc != 0)
		return fail(p->eth, dev, rc);
	p->io = ethdev_io(p->eth);
	if (o->wires[wire].is_tap && is_b) {
		struct rte_ether_addr mac;

		p->sends_only = true;
		if (rte_eth_macaddr_get(ethdev_facts(p->eth)->port_id, &mac) == 0)
			memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	}
	p->wire = wire;
	p->is_b = is_b;
	p->peer = IO_PORT_NONE;
	g->nb_ports++;
	return 0;
}

static int
open_all(struct live_group *g, const struct live_options *o, unsigned int nb_workers)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < o->nb_wires && rc == 0; i++) {
		const struct live_wire *w = &o->wires[i];
		uint8_t first = (uint8_t)g->nb_ports;

		rc = open_one(g, o, w->a, (uint8_t)i, false, nb_workers);
		if (rc == 0 && w->b != NULL)
			rc = open_one(g, o, w->b, (uint8_t)i, true, nb_workers);
		if (rc == 0 && !w->is_tap) {
			g->ports[first].peer = (uint8_t)(first + 1);
			g->ports[first + 1].peer = first;
		}
	}
	return rc;
}

static int
plan_all(struct live_group *g)
{
	unsigned int i;

	for (i = 0; i < g->nb_ports; i++) {
		struct live_port *p = &g->ports[i];
		int rc = ethdev_plan(p->eth, p->peer != IO_PORT_NONE ? g->ports[p->peer].eth : NULL);

		if (rc != 0)
			return fail(p->eth, ethdev_name(p->eth), rc);
	}
	return 0;
}

/* One pool for all: a frame that came by one port goes out by another. On the node of the first port that has one. */
static int
make_pool(struct live_ports *p, unsigned int nb_workers)
{
	const uint16_t priv = RTE_ALIGN_CEIL(sizeof(struct io_meta), RTE_MBUF_PRIV_ALIGN);
	struct live_group *g = p->group;
	unsigned int nb = POOL_SPARE + nb_workers * (2 * LIVE_OUT_MAX + POOL_CACHE) +
			  nb_workers * (nb_workers - 1) * LIVE_RING, i;
	uint32_t room = 0;
	int node = SOCKET_ID_ANY;

	for (i = 0; i < g->nb_ports; i++) {
		nb += ethdev_nb_mbufs(g->ports[i].eth);
		room = RTE_MAX(room, ethdev_room(g->ports[i].eth));
		if (node == SOCKET_ID_ANY && ethdev_facts(g->ports[i].eth)->numa >= 0)
			node = ethdev_facts(g->ports[i].eth)->numa;
	}
	if (room > UINT16_MAX) {
		fprintf(stderr, "postern-dataplane: frames of %u octets do not fit a buffer; set a lower mtu\n", room);
		return -E2BIG;
	}
	p->pool = rte_pktmbuf_pool_create("frames", nb, POOL_CACHE, priv, (uint16_t)room, node);
	if (p->pool == NULL) {
		fprintf(stderr,
			"postern-dataplane: no memory for %u buffers of %u octets (%u MiB): %s; give more hugepages or "
			"memory, or fewer descriptors\n",
			nb, room, (unsigned int)((uint64_t)nb * (room + 512) >> 20), rte_strerror(rte_errno));
		return -rte_errno;
	}
	g->frames = p->pool;
	return 0;
}

static int
start_all(struct live_ports *p)
{
	struct live_group *g = p->group;
	char text[512];
	unsigned int i;

	for (i = 0; i < g->nb_ports; i++) {
		struct ethdev *e = g->ports[i].eth;
		int rc = ethdev_start(e, p->pool);

		if (rc != 0)
			return fail(e, ethdev_name(e), rc);
		status_port(p->status_fd, ethdev_name(e), ethdev_describe(e, text, sizeof(text)));
	}
	for (i = 0; i < g->nb_ports; i++) {
		const struct live_port *a = &g->ports[i];

		if (a->peer != IO_PORT_NONE && !a->is_b &&
		    ethdev_facts(a->eth)->mtu != ethdev_facts(g->ports[a->peer].eth)->mtu)
			status_port(p->status_fd, ethdev_name(a->eth),
				    "WARNING: its MTU is not that of the other port of its pair; larger frames are lost");
	}
	return 0;
}

int
live_ports_open(struct live_ports *p, struct live_group *g, const struct live_options *o, unsigned int nb_workers)
{
	unsigned int i;
	int rc;

	p->group = g;
	p->status_fd = o->common.status_fd;
	rc = open_all(g, o, nb_workers);
	if (rc == 0)
		rc = plan_all(g);
	if (rc == 0)
		rc = make_pool(p, nb_workers);
	if (rc == 0)
		rc = start_all(p);
	/* Up until seen otherwise: a wire that was dead before we came is passed on, too. */
	for (i = 0; i < LIVE_PORTS_MAX; i++)
		p->links[i].up = true;
	return rc;
}

void
live_ports_close(struct live_ports *p)
{
	unsigned int i;

	for (i = 0; i < p->group->nb_ports; i++) {
		/* What we took down for its peer is not left down behind us. */
		if (p->links[i].taken_down)
			ethdev_set_link(p->group->ports[i].eth, true);
		ethdev_close(p->group->ports[i].eth);
	}
}

static void
say(const struct live_ports *p, unsigned int port, const char *text)
{
	status_port(p->status_fd, ethdev_name(p->group->ports[port].eth), text);
}

static void
pass_on(struct live_ports *p, unsigned int port, bool up, uint64_t now_ns)
{
	unsigned int peer = p->group->ports[port].peer;
	struct live_link *l;
	int rc;

	if (peer == IO_PORT_NONE || p->links[peer].taken_down == !up)
		return;
	l = &p->links[peer];
	rc = ethdev_set_link(p->group->ports[peer].eth, up);
	if (rc != 0) {
		say(p, peer, up ? "its link cannot be brought up again" :
				  "its link cannot be taken down: loss of the other port's link is not passed on");
		/* Not tried again at every look. */
	}
	l->taken_down = !up;
	l->ignore_until = up ? now_ns + (uint64_t)LIVE_LINK_SETTLE_MS * 1000000 : UINT64_MAX;
	if (rc == 0)
		say(p, peer, up ? "link brought up again, as the other port's is back" :
				  "link taken down, as the other port has lost its own");
}

void
live_ports_watch(struct live_ports *p, uint64_t now_ns)
{
	unsigned int i;

	for (i = 0; i < p->group->nb_ports; i++) {
		struct live_link *l = &p->links[i];
		bool up;

		if (now_ns < l->ignore_until)
			continue;
		up = ethdev_link(p->group->ports[i].eth, &l->mbps);
		if (up != l->up) {
			say(p, i, up ? "link is up" : "link is down");
			l->up = up;
		}
		pass_on(p, i, up, now_ns);
	}
}

void
live_ports_publish(const struct live_ports *p, const struct dp_shm *dp)
{
	const struct live_group *g = p->group;
	unsigned int i;

	for (i = 0; i < g->nb_ports && i < DP_PORTS_MAX; i++) {
		const struct live_port *port = &g->ports[i];
		const struct ethdev_facts *f = ethdev_facts(port->eth);
		struct dp_port out = { .wire = port->wire, .mtu = f->mtu };
		struct ethdev_counters c;

		ethdev_read_counters(port->eth, &c);
		snprintf(out.name, sizeof(out.name), "%s", ethdev_name(port->eth));
		out.rx_packets = c.rx_pkts;
		out.rx_octets = c.rx_octets;
		out.tx_packets = c.tx_pkts;
		out.tx_octets = c.tx_octets;
		out.rx_missed = c.rx_missed;
		out.rx_nombuf = c.rx_nombuf;
		out.rx_errors = c.rx_errors + c.rx_refused;
		out.tx_errors = c.tx_errors;
		out.csum_completed = c.csum_completed;
		out.mbps = p->links[i].mbps;
		out.flags = (uint8_t)(DP_PORT_PRESENT | (p->links[i].up ? DP_PORT_LINK_UP : 0) |
				      (p->links[i].taken_down ? DP_PORT_TAKEN_DOWN : 0) |
				      (port->peer == IO_PORT_NONE ? DP_PORT_TAP : 0) | (port->is_b ? DP_PORT_B : 0) |
				      (port->rss ? DP_PORT_RSS : 0) | (f->steered ? DP_PORT_STEERED : 0));
		dp_port_publish(dp_shm_port(dp, i), &out);
	}
}
