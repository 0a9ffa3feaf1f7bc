/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * steer - rte_flow rules that bring mail to the inspection queues, and everything else to a queue of its own
 *
 * What:      for each mail port, both families and both directions one rule: TCP from or to that port goes to inspection
 *            queues 0 .. nb_queues-1, spread by the symmetric key; what no rule takes goes by the port's own table, which
 *            the caller points at the queue behind them. Drivers differ in the patterns they take, so several spellings of
 *            a rule are tried. All rules or none: half of them would tear connections apart.
 * Trust:     a driver that accepts a rule may still not follow it. Nothing hangs on it: every worker classifies what it
 *            gets, whichever queue it came by.
 * Threads:   the service thread.
 * Testing:   through struct steer_ops; no NIC here can follow the rules, so what is tested is exactly what is asked for.
 */
#ifndef POSTERN_STEER_H
#define POSTERN_STEER_H

#include <stddef.h>
#include <stdint.h>

#include <rte_flow.h>

enum {
	STEER_PORTS_MAX = 16,
	STEER_RULES_MAX = STEER_PORTS_MAX * 4,
	STEER_QUEUES_MAX = 64,
};

/* rte_flow's functions, or a recorder's. */
struct steer_ops {
	int (*validate)(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
			const struct rte_flow_action actions[], struct rte_flow_error *error);
	struct rte_flow *(*create)(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
				   const struct rte_flow_action actions[], struct rte_flow_error *error);
	int (*destroy)(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error);
};

struct steer_config {
	uint16_t port_id;
	const uint16_t *tcp_ports; /* host order */
	unsigned int nb_tcp_ports; /* <= STEER_PORTS_MAX */
	uint16_t nb_queues;	   /* inspection queues, from 0; <= STEER_QUEUES_MAX */
	uint64_t rss_types;	   /* RTE_ETH_RSS_* */
	const uint8_t *key;
	uint32_t key_len;
};

struct steer {
	uint16_t port_id;
	struct rte_flow *rules[STEER_RULES_MAX];
	unsigned int nb;
};

/*
 * 0 with all rules in place. -ENOTSUP: the driver takes none of the spellings of a rule; nothing is left behind.
 * -EINVAL: the configuration is out of range.
 */
int steer_install(const struct steer_ops *ops, const struct steer_config *cfg, struct steer *ret);
/* Take them away, the last first. */
void steer_remove(const struct steer_ops *ops, struct steer *s);

#endif
