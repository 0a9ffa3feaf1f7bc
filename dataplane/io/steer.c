/* SPDX-License-Identifier: BSD-3-Clause */
#include "steer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

/* How a rule may be spelt; the first that is taken for the first rule is tried first for the others, too. */
enum spelling {
	SPELL_ETH_PROTO, /* eth / ip proto is 6 / tcp port */
	SPELL_ETH,	 /* eth / ip / tcp port */
	SPELL_PROTO,	 /* ip proto is 6 / tcp port: some want no Ethernet header (e1000 in 22.11) */
	SPELL_NB,
};

struct rule {
	struct rte_flow_item_ipv4 ipv4, ipv4_mask;
	struct rte_flow_item_ipv6 ipv6, ipv6_mask;
	struct rte_flow_item_tcp tcp, tcp_mask;
	struct rte_flow_item pattern[4];
};

static void
set_ip(struct rule *r, struct rte_flow_item *item, bool is_ipv6, bool proto)
{
	item->type = is_ipv6 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4;
	if (!proto)
		return;
	r->ipv4.hdr.next_proto_id = r->ipv6.hdr.proto = IPPROTO_TCP;
	r->ipv4_mask.hdr.next_proto_id = r->ipv6_mask.hdr.proto = 0xff;
	item->spec = is_ipv6 ? (const void *)&r->ipv6 : &r->ipv4;
	item->mask = is_ipv6 ? (const void *)&r->ipv6_mask : &r->ipv4_mask;
}

static void
spell(struct rule *r, enum spelling how, bool is_ipv6, bool is_dst, uint16_t port)
{
	unsigned int n = 0;

	memset(r, 0, sizeof(*r));
	if (how != SPELL_PROTO)
		r->pattern[n++].type = RTE_FLOW_ITEM_TYPE_ETH;
	set_ip(r, &r->pattern[n++], is_ipv6, how != SPELL_ETH);
	if (is_dst) {
		r->tcp.hdr.dst_port = htons(port);
		r->tcp_mask.hdr.dst_port = UINT16_MAX;
	} else {
		r->tcp.hdr.src_port = htons(port);
		r->tcp_mask.hdr.src_port = UINT16_MAX;
	}
	r->pattern[n++] = (struct rte_flow_item){ .type = RTE_FLOW_ITEM_TYPE_TCP, .spec = &r->tcp, .mask = &r->tcp_mask };
	r->pattern[n].type = RTE_FLOW_ITEM_TYPE_END;
}

struct target {
	uint16_t queues[STEER_QUEUES_MAX];
	struct rte_flow_action_queue queue;
	struct rte_flow_action_rss rss;
	struct rte_flow_action actions[2];
};

static void
aim(struct target *t, const struct steer_config *cfg)
{
	uint16_t i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < cfg->nb_queues; i++)
		t->queues[i] = i;
	if (cfg->nb_queues == 1) {
		t->actions[0] = (struct rte_flow_action){ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &t->queue };
	} else {
		t->rss = (struct rte_flow_action_rss){
			/* Not SYMMETRIC_TOEPLITZ: the key makes it so, and some drivers refuse the function. */
			.func = RTE_ETH_HASH_FUNCTION_DEFAULT,
			.types = cfg->rss_types,
			.key = cfg->key,
			.key_len = cfg->key_len,
			.queue = t->queues,
			.queue_num = cfg->nb_queues,
		};
		t->actions[0] = (struct rte_flow_action){ .type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &t->rss };
	}
	t->actions[1].type = RTE_FLOW_ACTION_TYPE_END;
}

/* One rule, in the first spelling from *how on that the driver takes. NULL: in none. */
static struct rte_flow *
install_one(const struct steer_ops *ops, const struct steer_config *cfg, const struct target *t, bool is_ipv6, bool is_dst,
	    uint16_t port, enum spelling *how)
{
	static const struct rte_flow_attr attr = { .ingress = 1 };
	struct rte_flow_error error;
	struct rte_flow *flow = NULL;
	struct rule r;

	for (; *how < SPELL_NB && flow == NULL; ++*how) {
		spell(&r, *how, is_ipv6, is_dst, port);
		memset(&error, 0, sizeof(error));
		/* Some validate what they then do not create. */
		if (ops->validate(cfg->port_id, &attr, r.pattern, t->actions, &error) == 0)
			flow = ops->create(cfg->port_id, &attr, r.pattern, t->actions, &error);
		if (flow != NULL)
			return flow;
	}
	return NULL;
}

int
steer_install(const struct steer_ops *ops, const struct steer_config *cfg, struct steer *ret)
{
	enum spelling how[2] = { SPELL_ETH_PROTO, SPELL_ETH_PROTO }; /* by family */
	struct steer s = { .port_id = cfg->port_id };
	struct target t;
	unsigned int i, way;

	if (cfg->nb_tcp_ports == 0 || cfg->nb_tcp_ports > STEER_PORTS_MAX || cfg->nb_queues == 0 ||
	    cfg->nb_queues > STEER_QUEUES_MAX)
		return -EINVAL;
	aim(&t, cfg);
	for (i = 0; i < cfg->nb_tcp_ports; i++) {
		for (way = 0; way < 4; way++) {
			struct rte_flow *flow = install_one(ops, cfg, &t, way & 1, way & 2, cfg->tcp_ports[i],
							    &how[way & 1]);

			if (flow == NULL) {
				steer_remove(ops, &s);
				return -ENOTSUP;
			}
			s.rules[s.nb++] = flow;
		}
	}
	*ret = s;
	return 0;
}

void
steer_remove(const struct steer_ops *ops, struct steer *s)
{
	struct rte_flow_error error;

	while (s->nb > 0)
		ops->destroy(s->port_id, s->rules[--s->nb], &error);
}
