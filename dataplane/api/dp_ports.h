/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_ports - what the dataplane says of its ports, in the first page of its segment
 *
 * What:      up to DP_PORTS_MAX entries behind the segment's header, each a struct dp_port under a sequence lock, published by
 *            the service thread a few times a second. These counters are the port's own, beside the accounting of the
 *            workers: what a NIC dropped before a worker could receive it stands here.
 * Threads:   one writer; readers in any process, lock-free, bounded tries.
 * Trust:     the writer is a client: names are NUL-terminated by the reader, numbers are claims.
 */
#ifndef POSTERN_DP_PORTS_H
#define POSTERN_DP_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_abi.h"

enum {
	DP_PORTS_MAX = 16,
	DP_PORTS_OFF = 256, /* of the first entry in the segment */
	DP_PORT_NAME_MAX = 96,
};

enum dp_port_flags {
	DP_PORT_PRESENT = 1u << 0,
	DP_PORT_LINK_UP = 1u << 1,
	DP_PORT_TAKEN_DOWN = 1u << 2, /* by us, as the other port of the pair has no link */
	DP_PORT_TAP = 1u << 3,
	DP_PORT_B = 1u << 4,	      /* second of its pair */
	DP_PORT_RSS = 1u << 5,	      /* symmetric, spreads itself */
	DP_PORT_STEERED = 1u << 6,    /* rules bring mail to its own queues */
};

struct dp_port {
	char name[DP_PORT_NAME_MAX]; /* cut if longer */
	uint64_t rx_packets, rx_octets, tx_packets, tx_octets;
	uint64_t rx_missed; /* no descriptor was free */
	uint64_t rx_nombuf; /* no buffer was free */
	uint64_t rx_errors, tx_errors;
	uint64_t csum_completed;
	uint32_t mbps;	    /* 0: unknown */
	uint16_t mtu;
	uint8_t wire;	    /* pair or tap, from 0 */
	uint8_t flags;	    /* enum dp_port_flags */
};
_Static_assert(sizeof(struct dp_port) == 176, "port entry layout");

struct dp_port_shared {
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t lock; /* odd while written */
	_Atomic uint64_t words[sizeof(struct dp_port) / 8];
};
_Static_assert(DP_PORTS_OFF + DP_PORTS_MAX * sizeof(struct dp_port_shared) <= 4096, "the first page");

void dp_port_publish(struct dp_port_shared *s, const struct dp_port *p);

/* 0; -ENOENT: there is no such port; -EAGAIN: no consistent snapshot was had. @ret untouched then. */
int dp_port_read(const struct dp_port_shared *s, struct dp_port *ret);

#endif
