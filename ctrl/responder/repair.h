/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * repair - a kernel TCP socket that goes on with a connection of somebody else
 *
 * What:      from a checked take-over record, the socket that plays the server towards the client, or the client towards the
 *            server: sequence numbers, windows, options, timestamps and unacknowledged octets are those of the end that it
 *            plays (tcp(7) TCP_REPAIR). No packet is sent while it is made, nor by the end of repair.
 * Needs:     CAP_NET_ADMIN in the user namespace that owns the network namespace (sandbox.h).
 * Errors:    negative errno of what the kernel refused; -EADDRNOTAVAIL: this connection is taken over already.
 * Source:    RFC 9293 §3.3.1; RFC 7323; net/ipv4/tcp.c (do_tcp_setsockopt) for what each option may be given when.
 */
#ifndef POSTERN_RESPONDER_REPAIR_H
#define POSTERN_RESPONDER_REPAIR_H

#include <stdint.h>

#include "dp_takeover.h"

enum repair_side {
	REPAIR_TO_CLIENT, /* plays the server */
	REPAIR_TO_SERVER, /* plays the client */
};

/* @now_ns: of CLOCK_MONOTONIC. A non-blocking descriptor, or negative errno. */
int repair_open(const struct dp_takeover *t, enum repair_side side, uint64_t now_ns);

/* Close it without a word on the wire. */
void repair_forget(int fd);

#endif
