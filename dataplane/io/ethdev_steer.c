/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "ethdev_private.h"

enum {
	KEY_LEN = 40, /* of Toeplitz over IPv6 addresses and ports; some ports have longer ones */
	RETA_GROUPS_MAX = 32,
};

static const struct steer_ops rte_ops = {
	.validate = rte_flow_validate,
	.create = rte_flow_create,
	.destroy = rte_flow_destroy,
};

/* The port's own table: everything to queues [first, first + nb). 0 or negative errno. */
static int
spread(const struct ethdev *e, uint16_t first, uint16_t nb)
{
	struct rte_eth_rss_reta_entry64 reta[RETA_GROUPS_MAX];
	unsigned int size = e->facts.reta_size, i;

	if (size == 0 || size > RETA_GROUPS_MAX * RTE_ETH_RETA_GROUP_SIZE)
		return -ENOTSUP;
	memset(reta, 0, sizeof(reta));
	for (i = 0; i < size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(first + i % nb);
	}
	return rte_eth_dev_rss_reta_update(e->facts.port_id, reta, (uint16_t)size);
}

void
ethdev_steer(struct ethdev *e)
{
	struct ethdev_facts *f = &e->facts;
	uint8_t key[KEY_LEN];
	const struct steer_config cfg = {
		.port_id = f->port_id,
		.tcp_ports = e->tcp_ports,
		.nb_tcp_ports = e->nb_tcp_ports,
		.nb_queues = f->nb_inspect,
		.rss_types = f->rss_types,
		.key = key,
		.key_len = sizeof(key),
	};

	if (f->nb_inspect == f->nb_rxq)
		return;
	ethdev_symmetric_key(key, sizeof(key));
	/* The table first: a rule without it would leave the rest on the inspection queues, which is where it may stay. */
	if (spread(e, f->nb_inspect, 1) == 0 && steer_install(&rte_ops, &cfg, &e->steer) == 0) {
		f->steered = true;
		return;
	}
	/* No rules: all queues are alike again. A table that cannot be set is as the driver made it, over all of them. */
	if (spread(e, 0, f->nb_inspect) != 0)
		f->nb_inspect = f->nb_rxq;
}
