/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route - the routes of a namespace in which every address is somebody else's
 *
 * What:      of IPv4, and of IPv6 where there is any: a default route out by a device, and a rule by which all that comes in
 *            by it is local.
 * Source:    rtnetlink(7); what `ip route` and `ip rule` send.
 */
#ifndef POSTERN_RESPONDER_ROUTE_H
#define POSTERN_RESPONDER_ROUTE_H

/* 0 or negative errno. */
int route_everything(const char *device);

/* Before @device is up: it gets no IPv6 address of its own, so that nothing is sent to learn of others. 0 or negative errno. */
int route_no_address(const char *device);

#endif
