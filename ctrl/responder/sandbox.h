/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sandbox - the responder's own user and network namespace, with a TUN device and routes for connections of others
 *
 * What:      sandbox_enter() leaves the caller without any right outside: as root it becomes another user first; then it makes
 *            a user namespace that owns a network namespace, and keeps two capabilities in that one alone: CAP_NET_ADMIN
 *            (TCP_REPAIR, IP_TRANSPARENT) and CAP_NET_BIND_SERVICE (port 25). In it there is the loopback and a TUN device:
 *
 *              default          -> dev postern0     what repaired sockets send leaves by the TUN
 *              rule iif postern0 -> table 100: local default dev lo    whatever comes in is for a socket here
 *
 *            No address, no neighbour, no router solicitation: nothing is sent of the kernel's own accord. Reverse path
 *            filters are off; where they cannot be, all sources are reached by the device they come from.
 * Errors:    negative errno, with what failed in *ret_what (a constant). -EPERM from "a user namespace": the machine does
 *            not allow ordinary users to make them, and the caller was not started by root.
 * Source:    tun: Documentation/networking/tuntap.rst; rtnetlink(7); user_namespaces(7).
 */
#ifndef POSTERN_RESPONDER_SANDBOX_H
#define POSTERN_RESPONDER_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_TUN "postern0"

/* @uid, @gid: whom root becomes. @ret_tun: a descriptor of the TUN device, non-blocking. 0 or negative errno. */
int sandbox_enter(uid_t uid, gid_t gid, uint16_t mtu, int *ret_tun, const char **ret_what);

#endif
