/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-dataplane - the packet side of a replay: workers on lcores, and this thread as the service thread (live ports:
 * live_main.c)
 *
 * Start:     options, segments, EAL, pools, wait for the first rule set, workers.
 * Service:   rule sets, signals, the end. Workers make no system call but those a replay needs (sleeping for the pace or
 *            for room).
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_mbuf.h>

#include "capture_port.h"
#include "dp_clock.h"
#include "eal.h"
#include "options.h"
#include "service.h"
#include "status.h"
#include "worker_private.h"

enum {
	FRAME_MBUFS = 512 - 1,	   /* frames at once, and ... */
	FRAME_MBUFS_WORKER = 2048, /* ... for each further worker: on their way to it */
	POOL_CACHE = 128,
	EAL_MEM_MIB = 64,	   /* reserved, not touched before it is used */
};

struct dataplane {
	struct options opt;
	struct dp_shm dp, ctrl;
	struct rte_mempool *frames;
	struct worker_group group;
	struct service service;
};

static void
on_capture_error(void *ctx, const struct capture_error *err)
{
	const struct dataplane *d = ctx;

	status_capture_error(d->opt.common.status_fd, err);
}

static bool
on_interrupted(void *ctx)
{
	const struct dataplane *d = ctx;

	return atomic_load_explicit(&d->service.stop, memory_order_relaxed);
}

static int
make_pools(struct dataplane *d)
{
	const uint16_t priv = RTE_ALIGN_CEIL(sizeof(struct io_meta), RTE_MBUF_PRIV_ALIGN);
	const unsigned int nb = FRAME_MBUFS + FRAME_MBUFS_WORKER * (d->dp.geo.nb_workers - 1);

	d->frames = rte_pktmbuf_pool_create("frames", nb, POOL_CACHE, priv, 0, SOCKET_ID_ANY);
	d->group.datagrams = service_datagram_pool(priv);
	return d->frames == NULL || d->group.datagrams == NULL ? -rte_errno : 0;
}

static int
open_port(struct dataplane *d)
{
	const struct capture_port_config cfg = {
		.capture = {
			.paths = d->opt.paths,
			.nb_paths = d->opt.nb_paths,
			.rounds = d->opt.rounds,
			.error = on_capture_error,
			.error_ctx = d,
			.interrupted = on_interrupted,
		},
		.pace = d->opt.pace,
		.pool = d->frames,
		.stop = &d->service.stop,
	};

	return capture_port_open(&cfg, &d->group.port);
}

static int
make_workers(struct dataplane *d)
{
	struct worker_config cfg = {
		.group = &d->group,
		.dp = &d->dp,
		.ctrl = &d->ctrl,
		.flows_max = d->opt.common.flows_max,
		.sessions_max = d->opt.common.sessions_max,
	};
	int rc;

	rc = service_init_group(&d->group, &d->opt.common);
	if (rc != 0)
		return rc;
	for (cfg.index = 0; rc == 0 && cfg.index < d->dp.geo.nb_workers; cfg.index++)
		rc = worker_new(&cfg, &d->group.workers[cfg.index]);
	d->group.nb = cfg.index;
	return rc;
}

static int
run(struct dataplane *d)
{
	uint64_t wall_ns, cpu_ns;
	unsigned int i;
	int rc;

	rc = service_wait_for_rules(&d->service);
	/* Told to end before there was anything to do: who said so knows why. */
	if (rc == -EINTR)
		return rc;
	if (rc != 0)
		return service_fail("no rule set came from ctrl", rc);
	status_begin(d->opt.common.status_fd);
	wall_ns = dp_clock_ns(CLOCK_MONOTONIC);
	cpu_ns = dp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	/* Worker 0 last: it hands frames to the others. */
	for (i = d->group.nb; i-- > 0;) {
		rc = rte_eal_remote_launch(worker_run, d->group.workers[i], EAL_LCORE_WORKER0 + i);
		if (rc != 0)
			return service_fail("a worker does not start", rc);
	}
	while (atomic_load_explicit(&d->group.nb_done, memory_order_acquire) < d->group.nb)
		service_serve(&d->service, SERVICE_POLL_MS);
	rte_eal_mp_wait_lcore();
	status_end(d->opt.common.status_fd, dp_clock_ns(CLOCK_MONOTONIC) - wall_ns,
		   dp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
	return 0;
}

static int
start(struct dataplane *d)
{
	int rc;

	rc = dp_shm_map(d->opt.common.dp_fd, DP_SHM_DATAPLANE, true, &d->dp);
	if (rc == 0)
		rc = dp_shm_map(d->opt.common.ctrl_fd, DP_SHM_CTRL, false, &d->ctrl);
	if (rc == 0 && (d->dp.geo.nb_workers != d->ctrl.geo.nb_workers ||
			d->dp.geo.ring_octets != d->ctrl.geo.ring_octets))
		rc = -EINVAL;
	if (rc != 0)
		return service_fail("shared memory", rc);
	d->service.group = &d->group;
	d->service.rules_fd = d->opt.common.rules_fd;
	rc = service_catch_signals(&d->service);
	if (rc != 0)
		return service_fail("signals", rc);
	d->group.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->group.done_fd < 0)
		return service_fail("eventfd", -errno);
	rc = eal_start(d->dp.geo.nb_workers, EAL_MEM_MIB);
	if (rc != 0)
		return service_fail("DPDK does not start", rc);
	rc = make_pools(d);
	if (rc == 0)
		rc = rule_swap_new(d->opt.common.rules_fd, d->dp.geo.nb_workers, &d->group.rules);
	if (rc == 0)
		rc = make_workers(d);
	if (rc != 0)
		return service_fail("memory for workers", rc);
	rc = open_port(d);
	return rc != 0 ? service_fail("captures", rc) : 0;
}

static void
stop(struct dataplane *d)
{
	unsigned int i;

	if (d->group.port != NULL)
		d->group.port->ops->close(d->group.port);
	for (i = 0; i < d->group.nb; i++)
		worker_free(d->group.workers[i]);
	rule_swap_free(d->group.rules);
	rte_mempool_free(d->frames);
	rte_mempool_free(d->group.datagrams);
	dp_shm_unmap(&d->dp);
	dp_shm_unmap(&d->ctrl);
}

int
main(int argc, char **argv)
{
	static struct dataplane d; /* large: batches of every worker hang on it */
	int rc;

	rc = options_parse(argc, argv, &d.opt);
	if (rc != 0)
		return rc > 0 ? 0 : 1;
	rc = start(&d);
	if (rc == 0)
		rc = run(&d);
	/* After a failure workers may still run: the process ends, and its memory with it. */
	if (rc != 0)
		return 1;
	stop(&d);
	eal_stop();
	return 0;
}
