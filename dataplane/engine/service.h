/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service - what the service thread does whatever the ports are: rule sets, signals, waiting for the workers
 *
 * Threads:   the main thread of postern-dataplane; @stop is read by workers.
 * Signals:   SIGTERM and SIGINT set @stop; SIGUSR1 only ends a blocked read() of a replay's reader; SIGBUS (a capture that
 *            shrinks while it is mapped) is said in one line.
 */
#ifndef POSTERN_SERVICE_H
#define POSTERN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <rte_mempool.h>

#include "common_options.h"
#include "worker.h"

enum {
	SERVICE_POLL_MS = 20,
	DATAGRAM_MBUFS = 512 - 1, /* reassembled datagrams on their way; more than one turn can make */
};

struct service {
	struct worker_group *group;
	int rules_fd;
	int signal_fd;
	_Atomic bool stop;
};

/* Say on standard error what failed; @rc (negative errno) is returned. */
int service_fail(const char *what, int rc);

/* Before any thread exists, so that all inherit the mask. 0 or negative errno. */
int service_catch_signals(struct service *s);

/* Look after rules, signals and workers that end, for at most @ms. */
void service_serve(struct service *s, int ms);

/* 0: a rule set is there; -EINTR: told to stop before; -ETIMEDOUT: none came. */
int service_wait_for_rules(struct service *s);

/* A pool of DATAGRAM_MBUFS mbufs that each take a whole datagram, with @priv octets of private area. NULL: rte_errno. */
struct rte_mempool *service_datagram_pool(uint16_t priv);

/* Mail ports and the seed of @g. 0, or -EIO: no random octets. */
int service_init_group(struct worker_group *g, const struct common_options *c);

#endif
