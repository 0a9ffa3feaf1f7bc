/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status_wire - the ports of a live run, and how long recipients were held: parts of the answer to "status"
 *
 * Shape:     "ports": a list; "holds": how many are held now and were held before, and percentiles of their time. These are
 *            the upper ends of steps (10, 50, 200 us, 1, 10, 50, 200 ms, 1 s): "p99_us": 1000 says that 99 of 100 were held
 *            for less than 1 ms. null: longer than the last step, or nothing was held yet.
 * Threads:   the loop's. Trust: what a dataplane says of its ports are claims; names are made fit for JSON.
 */
#ifndef POSTERN_STATUS_WIRE_H
#define POSTERN_STATUS_WIRE_H

#include "dp_shm.h"
#include "json_out.h"

void status_wire_ports(struct json_out *o, const struct dp_shm *dp);
void status_wire_holds(struct json_out *o, const struct dp_counters *k);

#endif
