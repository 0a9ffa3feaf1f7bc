/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * dp_xdp - maps shared between the XDP program, its loader and the dataplane
 *
 * What:      keys and values of the pinned maps. Sized types only, no pointers; the BPF side and user space compile the
 *            same text, and the sizes are checked on both.
 * Order:     addresses and ports in network order (as on the wire: the program compares without swapping).
 * Directions: a flow stands in the verdict map twice, once per direction, both entries written before the first may act.
 */
#ifndef POSTERN_DP_XDP_BPF_H
#define POSTERN_DP_XDP_BPF_H

#include <linux/types.h>

enum dp_xdp_limits {
	DP_XDP_FLOWS_MAX = 131072,  /* entries of the verdict map, both directions */
	DP_XDP_QUEUES_MAX = 8,	    /* sockets per port: slot = port * DP_XDP_QUEUES_MAX + queue */
	DP_XDP_PORTS_MAX = 16,	    /* network ports, in pairs */
	DP_XDP_MAIL_PORTS_MAX = 16, /* TCP ports steered to inspection */
};

/* Directional 5-tuple; IPv4 in addr[0], rest zero. */
struct dp_xdp_key {
	__be32 src[4];
	__be32 dst[4];
	__be16 src_port;
	__be16 dst_port;
	__be16 vlan_outer;
	__be16 vlan_inner;
	__u32 family; /* enum dp_family */
};

enum dp_xdp_action {
	DP_XDP_INSPECT = 0,  /* to the socket */
	DP_XDP_BYPASS = 1,   /* both sides speak TLS: port to port, until SYN or end */
	DP_XDP_KILLED = 2,   /* tombstone: never forwarded */
	DP_XDP_TAKEN = 3,    /* taken over: only ever to the socket, never raw */
};

struct dp_xdp_value {
	__u32 action; /* enum dp_xdp_action */
	__u32 epoch;  /* of the dataplane that wrote it */
	__u64 since_ns;
};

enum dp_xdp_policy {
	DP_XDP_FAIL_OPEN = 1u << 0,	/* inspector dead or hung: forward uninspected; else drop */
	DP_XDP_SHED_NEW = 1u << 1,	/* overload: new flows bypass; else they are dropped */
	DP_XDP_SINGLE_PORT = 1u << 2,	/* the rest goes to the host's stack instead of the paired port */
};

/* One entry; written by the loader, the program reads it. */
struct dp_xdp_config {
	__u32 policy;	       /* enum dp_xdp_policy */
	__u32 nb_mail_ports;
	__u64 heartbeat_stale_ns;
	__u64 heartbeat_latch_ns; /* fresh beats wanted before a hung inspector is trusted again */
	__be16 mail_ports[DP_XDP_MAIL_PORTS_MAX];
};

/* One per worker, memory-mapped: the worker stores CLOCK_MONOTONIC (that of bpf_ktime_get_ns) each turn. */
struct dp_xdp_heartbeat {
	__u64 beat_ns;
	__u64 load; /* 0 idle .. 100 ring full */
};

_Static_assert(sizeof(struct dp_xdp_key) == 44, "verdict map key");
_Static_assert(sizeof(struct dp_xdp_value) == 16, "verdict map value");
_Static_assert(sizeof(struct dp_xdp_config) == 56, "config map value");
_Static_assert(sizeof(struct dp_xdp_heartbeat) == 16, "heartbeat map value");

#endif
