/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture_port - captures as a port: frames attached to mbufs without a copy, at the chosen pace
 *
 * What:      one queue; tx_burst() only gives the mbufs back (a replayed frame goes nowhere).
 * Waiting:   rx_burst() sleeps when the next frame is not due yet, or while frames of a stream's last read are still in
 *            use: a replay has no other work. Live ports never do.
 */
#ifndef POSTERN_CAPTURE_PORT_H
#define POSTERN_CAPTURE_PORT_H

#include "capture.h"
#include "io.h"
#include "pace.h"

struct capture_port_config {
	struct capture_config capture;
	struct pace pace;
	struct rte_mempool *pool; /* mbufs with a struct io_meta, no data room needed */
	const _Atomic bool *stop; /* when true: as if the captures had ended */
};

int capture_port_open(const struct capture_port_config *cfg, struct io_port **ret);

#endif
