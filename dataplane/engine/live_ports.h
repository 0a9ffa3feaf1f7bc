/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_ports - the ports of a live run: opened, started, their links passed on
 *
 * Links:     a pair is one wire: when one of its ports loses its link, the other's is taken down, so that whatever is
 *            behind it knows (a router then takes another way), and brought up when the first one's is back. A port that
 *            was taken down says nothing about its own link until LIVE_LINK_SETTLE_MS after it was brought up.
 * Threads:   the service thread.
 */
#ifndef POSTERN_LIVE_PORTS_H
#define POSTERN_LIVE_PORTS_H

#include "live.h"
#include "live_options.h"

enum {
	LIVE_LINK_SETTLE_MS = 3000,
};

struct live_link {
	bool up;	       /* as last seen */
	bool taken_down;       /* by us, for its peer */
	uint64_t ignore_until; /* monotonic ns */
	uint32_t mbps;	       /* 0: unknown */
};

struct live_ports {
	struct live_group *group;
	struct rte_mempool *pool;
	struct live_link links[LIVE_PORTS_MAX];
	int status_fd;
};

/* Open and start all that @o names, fill in @g->ports and @g->frames. Says on the status pipe what was asked and got. */
int live_ports_open(struct live_ports *p, struct live_group *g, const struct live_options *o, unsigned int nb_workers);
void live_ports_close(struct live_ports *p);

/* What @dp's readers see of the ports. */
void live_ports_publish(const struct live_ports *p, const struct dp_shm *dp);

/* Look at the links and pass on what changed. @now_ns: monotonic. */
void live_ports_watch(struct live_ports *p, uint64_t now_ns);

#endif
