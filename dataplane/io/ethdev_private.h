/* SPDX-License-Identifier: BSD-3-Clause */
/* ethdev_private - what the parts of ethdev share: set-up (ethdev.c), frames (ethdev_burst.c), links (ethdev_link.c) */
#ifndef POSTERN_ETHDEV_PRIVATE_H
#define POSTERN_ETHDEV_PRIVATE_H

#include <rte_ethdev.h>

#include "ethdev.h"
#include "steer.h"

/* Written by the worker that polls the queue, read by the service thread. */
struct ethdev_queue {
	_Alignas(RTE_CACHE_LINE_SIZE) _Atomic uint64_t refused;
	_Atomic uint64_t completed;
};

struct ethdev {
	struct io_port port;
	struct ethdev_facts facts;
	struct rte_eth_dev_info info;
	uint16_t ask_queues, ask_mtu, ask_desc;
	const uint16_t *tcp_ports;
	unsigned int nb_tcp_ports;
	struct steer steer;
	bool found, made, configured, started;
	char name[ETHDEV_NAME_MAX]; /* as given */
	char error[512];
	struct ethdev_queue queues[ETHDEV_QUEUES_MAX];
};

extern const struct io_ops ethdev_ops;

/* After the start: rules that steer mail, if a queue was planned for the rest. Says so in facts.steered. */
void ethdev_steer(struct ethdev *e);

/* The key that makes Toeplitz hashing symmetric: 0x6d5a over and over (Woo and Park 2012). */
void ethdev_symmetric_key(uint8_t *key, size_t len);

#endif
