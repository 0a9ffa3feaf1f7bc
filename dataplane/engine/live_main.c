/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-dataplane-live - the packet side on DPDK ports: workers on lcores, and this thread as the service thread
 *
 * Start:     options, segments, EAL, ports, workers' memory, wait for a rule set, workers. The ports carry nothing until
 *            the workers run: a wire without inspection is down, not open.
 * Service:   rule sets, signals, links, the clock.
 * End:       SIGTERM: workers stop receiving, finish what they have, end every flow.
 * Build:     the same objects as the replay's program, but DPDK is linked shared here: its start costs some 0.2 s, as all of
 *            the system's drivers are loaded, whatever port an operator may name; a replay starts in 15 ms without them.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "handover.h"
#include "live_enforce.h"
#include "dp_clock.h"
#include "live_options.h"
#include "live_orders.h"
#include "live_ports.h"
#include "live_takeover.h"
#include "live_telemetry.h"
#include "service.h"
#include "status.h"

enum {
	CLOCK_MS = 1000,
	PUBLISH_MS = 200, /* counters of the ports */
	PCI_ADDRESS_MIN = 12, /* 0000:3b:00.0 */
};

struct dataplane {
	struct live_options opt;
	struct dp_shm dp, ctrl;
	struct worker_group group;
	struct live_group live;
	struct live_ports ports;
	struct live_orders orders;
	struct service service;
	struct handover *handover; /* NULL: there is no responder */
	struct live_takeover takeovers[DP_WORKERS_MAX];
	const char *pci[EAL_PCI_MAX];
};

/* Does @dev name a PCI device? Such must be allowed before the EAL starts. */
static bool
is_pci(const char *dev)
{
	unsigned int domain, bus, device, function;

	return strlen(dev) >= PCI_ADDRESS_MIN && sscanf(dev, "%4x:%2x:%2x.%1x", &domain, &bus, &device, &function) == 4;
}

static void
list_pci(struct dataplane *d)
{
	struct eal_live *e = &d->opt.eal;
	unsigned int i, k;

	for (i = 0; i < d->opt.nb_wires; i++) {
		const char *devs[] = { d->opt.wires[i].a, d->opt.wires[i].b };

		for (k = 0; k < 2; k++)
			if (devs[k] != NULL && is_pci(devs[k]) && e->nb_pci < EAL_PCI_MAX)
				d->pci[e->nb_pci++] = devs[k];
	}
	e->pci = d->pci;
}

static int
start_eal(struct dataplane *d)
{
	char note[256] = "";
	int rc;

	list_pci(d);
	rc = eal_start_live(d->dp.geo.nb_workers, &d->opt.eal, note, sizeof(note));
	if (rc != 0 && note[0] != '\0')
		fprintf(stderr, "postern-dataplane: %s\n", note);
	if (rc != 0)
		return service_fail("DPDK does not start (see hw/preflight)", rc);
	status_note(d->opt.common.status_fd, note);
	if (live_telemetry_init(&d->dp) != 0)
		status_note(d->opt.common.status_fd, "DPDK's telemetry does not take our counters; they are missing there");
	return 0;
}

/* The worker's end of the rings, before it is made; the rest when it is. */
static void
join_handover(struct dataplane *d, struct worker_config *cfg)
{
	struct live_takeover *t = &d->takeovers[cfg->index];

	if (d->handover == NULL)
		return;
	t->lane = handover_lane(d->handover, cfg->index);
	cfg->live->takeover = t;
	cfg->takeover = &live_takeover_ops;
	cfg->takeover_ctx = t;
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
	const uint16_t priv = RTE_ALIGN_CEIL(sizeof(struct io_meta), RTE_MBUF_PRIV_ALIGN);
	const bool enforce = d->dp.geo.run_flags & DP_RUN_ENFORCE;
	unsigned int nb = d->dp.geo.nb_workers;
	int rc;

	cfg.originate = live_enforce_originate;
	cfg.hold_limit_ms = d->opt.hold_limit_ms;
	memcpy(cfg.fallback, d->opt.fallback, sizeof(cfg.fallback));
	d->group.datagrams = service_datagram_pool(priv);
	if (d->group.datagrams == NULL)
		return -rte_errno;
	rc = service_init_group(&d->group, &d->opt.common);
	if (rc != 0)
		return rc;
	d->live.idle_us = d->opt.idle_us;
	d->live.overload_ms = d->opt.overload_ms;
	d->live.overload_open = d->opt.overload_open || !enforce;
	d->live.stop = &d->service.stop;
	live_clock_init(&d->live.clock);
	if (enforce && d->opt.takeover_fd > 0)
		rc = handover_start(d->opt.takeover_fd, nb, &d->group.seed, &d->handover);
	if (rc != 0)
		return rc;
	rc = live_group_init(&d->live, nb);
	for (cfg.index = 0; rc == 0 && cfg.index < nb; cfg.index++) {
		rc = live_worker_new(&d->live, cfg.index, nb, enforce, &cfg.live);
		if (rc != 0)
			break;
		join_handover(d, &cfg);
		rc = worker_new(&cfg, &d->group.workers[cfg.index]);
		d->takeovers[cfg.index].worker = d->group.workers[cfg.index];
	}
	d->group.nb = nb;
	return rc;
}

/* Workers that are pinned far from a port: it works, each frame takes a detour. */
static void
check_numa(const struct dataplane *d)
{
	unsigned int i, k;
	char text[128];

	for (i = 0; d->opt.eal.cores != NULL && i < d->live.nb_ports; i++) {
		const struct ethdev *e = d->live.ports[i].eth;
		int node = ethdev_facts(e)->numa;

		for (k = 0; node >= 0 && k < d->dp.geo.nb_workers; k++) {
			unsigned int far = rte_lcore_to_socket_id(EAL_LCORE_WORKER0 + k);

			if (far == (unsigned int)node)
				continue;
			snprintf(text, sizeof(text),
				 "NOTE: it is on NUMA node %d, worker %u on node %u: choose other cores", node, k, far);
			status_port(d->opt.common.status_fd, ethdev_name(e), text);
		}
	}
}

static int
map_segments(struct dataplane *d)
{
	int rc = dp_shm_map(d->opt.common.dp_fd, DP_SHM_DATAPLANE, true, &d->dp);

	if (rc == 0)
		rc = dp_shm_map(d->opt.common.ctrl_fd, DP_SHM_CTRL, false, &d->ctrl);
	if (rc == 0 && (d->dp.geo.nb_workers != d->ctrl.geo.nb_workers ||
			d->dp.geo.ring_octets != d->ctrl.geo.ring_octets))
		rc = -EINVAL;
	return rc != 0 ? service_fail("shared memory", rc) : 0;
}

static int
start(struct dataplane *d)
{
	bool again;
	int rc = map_segments(d);

	if (rc != 0)
		return rc;
	again = atomic_load(&dp_shm_ring_dp(&d->dp, 0)->epoch) != 0;
	d->service.group = &d->group;
	d->service.rules_fd = d->opt.common.rules_fd;
	rc = service_catch_signals(&d->service);
	if (rc != 0)
		return service_fail("signals", rc);
	d->group.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->group.done_fd < 0)
		return service_fail("eventfd", -errno);
	rc = start_eal(d);
	if (rc != 0)
		return rc;
	rc = rule_swap_new(d->opt.common.rules_fd, d->dp.geo.nb_workers, &d->group.rules);
	if (rc != 0)
		return service_fail("rule sets", rc);
	if (again)
		rule_swap_ask(d->group.rules);
	rc = live_ports_open(&d->ports, &d->live, &d->opt, d->dp.geo.nb_workers);
	if (rc != 0)
		return rc; /* said why */
	check_numa(d);
	rc = make_workers(d);
	return rc != 0 ? service_fail("memory for workers", rc) : 0;
}

static int
run(struct dataplane *d)
{
	uint64_t wall_ns, cpu_ns, clock_at = 0, publish_at = 0, now;
	unsigned int i;
	int rc;

	rc = service_wait_for_rules(&d->service);
	if (rc == -EINTR)
		return rc;
	if (rc != 0)
		return service_fail("no rule set came from ctrl", rc);
	wall_ns = dp_clock_ns(CLOCK_MONOTONIC);
	cpu_ns = dp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	/* An order that stands from before is followed from the first frame on. */
	d->orders = (struct live_orders){
		.group = &d->live, .dp = &d->dp, .ctrl = &d->ctrl, .status_fd = d->opt.common.status_fd };
	live_orders_look(&d->orders, dp_clock_ns(CLOCK_MONOTONIC));
	for (i = 0; i < d->group.nb; i++) {
		rc = rte_eal_remote_launch(live_run, d->group.workers[i], EAL_LCORE_WORKER0 + i);
		if (rc != 0)
			return service_fail("a worker does not start", rc);
	}
	status_begin(d->opt.common.status_fd);
	while (atomic_load_explicit(&d->group.nb_done, memory_order_acquire) < d->group.nb) {
		service_serve(&d->service, SERVICE_POLL_MS);
		now = dp_clock_ns(CLOCK_MONOTONIC);
		live_orders_look(&d->orders, now);
		live_ports_watch(&d->ports, now);
		if (now - publish_at >= (uint64_t)PUBLISH_MS * 1000000) {
			publish_at = now;
			live_ports_publish(&d->ports, &d->dp);
		}
		if (now - clock_at >= (uint64_t)CLOCK_MS * 1000000) {
			clock_at = now;
			live_clock_adjust(&d->live.clock);
		}
	}
	rte_eal_mp_wait_lcore();
	handover_stop(d->handover);
	live_ports_publish(&d->ports, &d->dp);
	live_ports_close(&d->ports);
	status_end(d->opt.common.status_fd, dp_clock_ns(CLOCK_MONOTONIC) - wall_ns,
		   dp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct dataplane d; /* large */
	int rc;

	rc = live_options_parse(argc, argv, &d.opt);
	if (rc != 0)
		return rc > 0 ? 0 : 1;
	rc = start(&d);
	if (rc == 0)
		rc = run(&d);
	/* The process ends, and its memory with it: nothing of it is worth waiting for. */
	return rc == 0 ? 0 : 1;
}
