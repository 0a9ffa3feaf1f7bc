/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethdev_private.h"

void
ethdev_read_counters(struct ethdev *e, struct ethdev_counters *ret)
{
	struct rte_eth_stats s = { 0 };
	uint16_t q;

	rte_eth_stats_get(e->facts.port_id, &s);
	*ret = (struct ethdev_counters){
		.rx_pkts = s.ipackets,
		.rx_octets = s.ibytes,
		.tx_pkts = s.opackets,
		.tx_octets = s.obytes,
		.rx_missed = s.imissed,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors,
		.rx_nombuf = s.rx_nombuf,
	};
	for (q = 0; q < e->facts.nb_rxq; q++) {
		ret->rx_refused += atomic_load_explicit(&e->queues[q].refused, memory_order_relaxed);
		ret->csum_completed += atomic_load_explicit(&e->queues[q].completed, memory_order_relaxed);
	}
}

/* Flags of the kernel interface behind the port; negative errno. */
static int
kernel_flags(const struct ethdev *e, struct ifreq *ifr, int *ret_sock)
{
	*ret_sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*ret_sock < 0)
		return -errno;
	memset(ifr, 0, sizeof(*ifr));
	if (if_indextoname(e->facts.if_index, ifr->ifr_name) == NULL || ioctl(*ret_sock, SIOCGIFFLAGS, ifr) != 0) {
		int rc = -errno;

		close(*ret_sock);
		return rc;
	}
	return 0;
}

bool
ethdev_link(const struct ethdev *e, uint32_t *ret_mbps)
{
	struct rte_eth_link link = { 0 };
	struct ifreq ifr;
	int sock;

	if (rte_eth_link_get_nowait(e->facts.port_id, &link) != 0)
		link.link_status = RTE_ETH_LINK_UP; /* it has no link to lose */
	*ret_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	/* Drivers over kernel interfaces call theirs up whatever the interface says. */
	if (e->facts.if_index != 0 && kernel_flags(e, &ifr, &sock) == 0) {
		close(sock);
		return (ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
	}
	return link.link_status == RTE_ETH_LINK_UP;
}

int
ethdev_set_link(struct ethdev *e, bool up)
{
	struct ifreq ifr;
	int sock, rc;

	rc = up ? rte_eth_dev_set_link_up(e->facts.port_id) : rte_eth_dev_set_link_down(e->facts.port_id);
	if (rc != -ENOTSUP || e->facts.if_index == 0)
		return rc;
	rc = kernel_flags(e, &ifr, &sock);
	if (rc != 0)
		return rc;
	if (up)
		ifr.ifr_flags |= IFF_UP;
	else
		ifr.ifr_flags = (short)(ifr.ifr_flags & ~IFF_UP);
	rc = ioctl(sock, SIOCSIFFLAGS, &ifr) != 0 ? -errno : 0;
	close(sock);
	return rc;
}
