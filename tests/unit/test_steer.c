/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that are asked of a NIC, recorded by one that is none. */
#include "steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ethdev.h>

/* What was asked, as text; and what is refused. */
static struct {
	char rules[STEER_RULES_MAX][256];
	unsigned int nb, nb_validated, nb_destroyed;
	unsigned int fail_create_at; /* 1: the first create() */
	const char *refuse;	     /* rules whose text contains this are refused by validate() */
	unsigned int destroyed[STEER_RULES_MAX];
} nic;

/* "eth / ipv4 proto 6 / tcp dst 25 -> rss 0 1" */
static void
describe(char *buf, size_t size, const struct rte_flow_item *p, const struct rte_flow_action *a)
{
	size_t n = 0;

	for (; p->type != RTE_FLOW_ITEM_TYPE_END; p++) {
		const struct rte_flow_item_ipv4 *v4 = p->spec, *v4m = p->mask;
		const struct rte_flow_item_ipv6 *v6 = p->spec, *v6m = p->mask;
		const struct rte_flow_item_tcp *tcp = p->spec, *tcpm = p->mask;
		static const struct rte_flow_item_tcp none;
		struct rte_flow_item_tcp left;

		assert_null(p->last);
		n += (size_t)snprintf(buf + n, size - n, n > 0 ? " / " : "");
		switch (p->type) {
		case RTE_FLOW_ITEM_TYPE_ETH:
			assert_null(p->spec);
			assert_null(p->mask);
			n += (size_t)snprintf(buf + n, size - n, "eth");
			break;
		case RTE_FLOW_ITEM_TYPE_IPV4:
			n += (size_t)snprintf(buf + n, size - n, "ipv4");
			if (v4 == NULL)
				break;
			assert_int_equal(v4m->hdr.next_proto_id, 0xff);
			assert_int_equal(v4m->hdr.src_addr | v4m->hdr.dst_addr | v4m->hdr.fragment_offset, 0);
			n += (size_t)snprintf(buf + n, size - n, " proto %u", v4->hdr.next_proto_id);
			break;
		case RTE_FLOW_ITEM_TYPE_IPV6:
			n += (size_t)snprintf(buf + n, size - n, "ipv6");
			if (v6 == NULL)
				break;
			assert_int_equal(v6m->hdr.proto, 0xff);
			assert_int_equal(v6m->hdr.vtc_flow | v6m->hdr.payload_len | v6m->hdr.hop_limits, 0);
			n += (size_t)snprintf(buf + n, size - n, " proto %u", v6->hdr.proto);
			break;
		case RTE_FLOW_ITEM_TYPE_TCP:
			/* Exactly one of the ports is looked at, whole, and nothing else. */
			left = *tcpm;
			assert_true((tcpm->hdr.src_port == UINT16_MAX) != (tcpm->hdr.dst_port == UINT16_MAX));
			left.hdr.src_port = left.hdr.dst_port = 0;
			assert_memory_equal(&left, &none, sizeof(left));
			n += (size_t)snprintf(buf + n, size - n, "%s %u", tcpm->hdr.dst_port != 0 ? "tcp dst" : "tcp src",
					      ntohs(tcpm->hdr.dst_port != 0 ? tcp->hdr.dst_port : tcp->hdr.src_port));
			break;
		default:
			fail_msg("item of type %d", p->type);
		}
	}
	if (a[0].type == RTE_FLOW_ACTION_TYPE_QUEUE) {
		n += (size_t)snprintf(buf + n, size - n, " -> queue %u",
				      ((const struct rte_flow_action_queue *)a[0].conf)->index);
	} else {
		const struct rte_flow_action_rss *rss = a[0].conf;

		assert_int_equal(a[0].type, RTE_FLOW_ACTION_TYPE_RSS);
		assert_int_equal(rss->func, RTE_ETH_HASH_FUNCTION_DEFAULT);
		assert_int_equal(rss->level, 0);
		assert_int_equal(rss->key_len, 40);
		assert_int_equal(rss->key[0] << 8 | rss->key[39], 0x6d5a);
		assert_true(rss->types == (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP));
		n += (size_t)snprintf(buf + n, size - n, " -> rss");
		for (unsigned int i = 0; i < rss->queue_num; i++)
			n += (size_t)snprintf(buf + n, size - n, " %u", rss->queue[i]);
	}
	assert_int_equal(a[1].type, RTE_FLOW_ACTION_TYPE_END);
	assert_true(n < size);
}

static int
fake_validate(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
	      const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	char text[256];

	assert_int_equal(port_id, 7);
	assert_true(attr->ingress && !attr->egress && !attr->transfer && attr->group == 0 && attr->priority == 0);
	describe(text, sizeof(text), pattern, actions);
	nic.nb_validated++;
	return nic.refuse != NULL && strstr(text, nic.refuse) != NULL ? -ENOTSUP : 0;
}

static struct rte_flow *
fake_create(uint16_t port_id, const struct rte_flow_attr *attr, const struct rte_flow_item pattern[],
	    const struct rte_flow_action actions[], struct rte_flow_error *error)
{
	if (nic.fail_create_at == nic.nb + 1)
		return NULL;
	describe(nic.rules[nic.nb], sizeof(nic.rules[0]), pattern, actions);
	/* A handle that nobody may look into. */
	return (struct rte_flow *)(uintptr_t)++nic.nb;
}

static int
fake_destroy(uint16_t port_id, struct rte_flow *flow, struct rte_flow_error *error)
{
	assert_int_equal(port_id, 7);
	nic.destroyed[nic.nb_destroyed++] = (unsigned int)(uintptr_t)flow;
	return 0;
}

static const struct steer_ops fake = { fake_validate, fake_create, fake_destroy };
static const uint16_t mail[] = { 25, 587, 2525 };

static struct steer_config
config(uint16_t nb_queues, unsigned int nb_ports)
{
	static uint8_t key[40];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
	return (struct steer_config){
		.port_id = 7,
		.tcp_ports = mail,
		.nb_tcp_ports = nb_ports,
		.nb_queues = nb_queues,
		.rss_types = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP,
		.key = key,
		.key_len = sizeof(key),
	};
}

static int
reset(void **state)
{
	memset(&nic, 0, sizeof(nic));
	return 0;
}

static void
test_exact(void **state)
{
	static const char *const want[] = {
		"eth / ipv4 proto 6 / tcp src 25 -> rss 0 1",   "eth / ipv6 proto 6 / tcp src 25 -> rss 0 1",
		"eth / ipv4 proto 6 / tcp dst 25 -> rss 0 1",   "eth / ipv6 proto 6 / tcp dst 25 -> rss 0 1",
		"eth / ipv4 proto 6 / tcp src 587 -> rss 0 1",  "eth / ipv6 proto 6 / tcp src 587 -> rss 0 1",
		"eth / ipv4 proto 6 / tcp dst 587 -> rss 0 1",  "eth / ipv6 proto 6 / tcp dst 587 -> rss 0 1",
		"eth / ipv4 proto 6 / tcp src 2525 -> rss 0 1", "eth / ipv6 proto 6 / tcp src 2525 -> rss 0 1",
		"eth / ipv4 proto 6 / tcp dst 2525 -> rss 0 1", "eth / ipv6 proto 6 / tcp dst 2525 -> rss 0 1",
	};
	struct steer_config cfg = config(2, 3);
	struct steer s;

	assert_int_equal(steer_install(&fake, &cfg, &s), 0);
	assert_int_equal(nic.nb, 12);
	assert_int_equal(s.nb, 12);
	for (unsigned int i = 0; i < 12; i++)
		assert_string_equal(nic.rules[i], want[i]);
	steer_remove(&fake, &s);
	assert_int_equal(nic.nb_destroyed, 12);
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(nic.destroyed[i], 12 - i);
}

static void
test_one_queue(void **state)
{
	struct steer_config cfg = config(1, 1);
	struct steer s;

	assert_int_equal(steer_install(&fake, &cfg, &s), 0);
	assert_int_equal(nic.nb, 4);
	assert_string_equal(nic.rules[3], "eth / ipv6 proto 6 / tcp dst 25 -> queue 0");
}

/* Other spellings, by family; and what did not work once is not tried again for every rule. */
static void
test_spellings(void **state)
{
	struct steer_config cfg = config(2, 3);
	struct steer s;

	nic.refuse = "eth / ipv4 proto";
	assert_int_equal(steer_install(&fake, &cfg, &s), 0);
	assert_string_equal(nic.rules[0], "eth / ipv4 / tcp src 25 -> rss 0 1");
	assert_string_equal(nic.rules[1], "eth / ipv6 proto 6 / tcp src 25 -> rss 0 1");
	assert_int_equal(nic.nb_validated, 13);
	reset(state);
	nic.refuse = "eth /";
	assert_int_equal(steer_install(&fake, &cfg, &s), 0);
	assert_string_equal(nic.rules[11], "ipv6 proto 6 / tcp dst 2525 -> rss 0 1");
	assert_int_equal(nic.nb_validated, 12 + 4);
}

/* All or none. */
static void
test_refused(void **state)
{
	struct steer_config cfg = config(2, 3);
	struct steer s = { .nb = 99 };

	nic.refuse = "tcp dst 587";
	assert_int_equal(steer_install(&fake, &cfg, &s), -ENOTSUP);
	assert_int_equal(nic.nb, 6);
	assert_int_equal(nic.nb_destroyed, 6);
	assert_int_equal(nic.destroyed[0], 6);
	assert_int_equal(s.nb, 99);
	/* Validated, but not created: in no spelling. */
	reset(state);
	nic.fail_create_at = 5;
	assert_int_equal(steer_install(&fake, &cfg, &s), -ENOTSUP);
	assert_int_equal(nic.nb_destroyed, 4);
	assert_int_equal(nic.nb_validated, 4 + 3);
}

static void
test_limits(void **state)
{
	struct steer_config cfg = config(2, 0);
	struct steer s;

	assert_int_equal(steer_install(&fake, &cfg, &s), -EINVAL);
	cfg = config(0, 1);
	assert_int_equal(steer_install(&fake, &cfg, &s), -EINVAL);
	cfg = config(STEER_QUEUES_MAX + 1, 1);
	assert_int_equal(steer_install(&fake, &cfg, &s), -EINVAL);
	cfg = config(STEER_QUEUES_MAX, 1);
	assert_int_equal(steer_install(&fake, &cfg, &s), 0);
	cfg.nb_tcp_ports = STEER_PORTS_MAX + 1;
	assert_int_equal(steer_install(&fake, &cfg, &s), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exact, reset),     cmocka_unit_test_setup(test_one_queue, reset),
		cmocka_unit_test_setup(test_spellings, reset), cmocka_unit_test_setup(test_refused, reset),
		cmocka_unit_test_setup(test_limits, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
