/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-dataplane - the packet side: workers on lcores, and this thread as the service thread
 *
 * Start:     options, segments, EAL, pools, wait for the first rule set, workers.
 * Service:   rule sets, signals, the end. Workers make no system call but those a replay needs (sleeping for the pace or
 *            for room).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_mbuf.h>

#include "capture_port.h"
#include "eal.h"
#include "options.h"
#include "status.h"
#include "worker_private.h"

enum {
	FRAME_MBUFS = 512 - 1,	   /* frames at once, and ... */
	FRAME_MBUFS_WORKER = 2048, /* ... for each further worker: on their way to it */
	DATAGRAM_MBUFS = 512 - 1,  /* reassembled datagrams on their way; more than one turn can make */
	POOL_CACHE = 128,
	EAL_MEM_MIB = 64,	   /* reserved, not touched before it is used */
	SERVICE_POLL_MS = 20,
	RULES_WAIT_MS = 60000,	   /* ctrl compiles the rules meanwhile */
};

_Static_assert((int)DATAGRAM_MBUFS > (int)DATAGRAMS_TURN_MAX, "a worker that waits for a datagram's mbuf gets one");

struct dataplane {
	struct options opt;
	struct dp_shm dp, ctrl;
	struct rte_mempool *frames;
	struct worker_group group;
	int signal_fd;
	_Atomic bool stop;
};

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static int
fail(const char *what, int rc)
{
	fprintf(stderr, "postern-dataplane: %s: %s\n", what, strerror(-rc));
	return rc;
}

static void
on_capture_error(void *ctx, const struct capture_error *err)
{
	const struct dataplane *d = ctx;

	status_capture_error(d->opt.status_fd, err);
}

static bool
on_interrupted(void *ctx)
{
	const struct dataplane *d = ctx;

	return atomic_load_explicit(&d->stop, memory_order_relaxed);
}

/* Nothing to do: that it came ends a blocked read(). */
static void
on_wake(int sig)
{
}

/* A capture that shrinks while it is mapped raises SIGBUS: say so, rather than die without a word. */
static void
on_sigbus(int sig)
{
	static const char text[] = "postern-dataplane: a capture became shorter while it was read\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static int
catch_signals(struct dataplane *d)
{
	struct sigaction bus = { .sa_handler = on_sigbus };
	struct sigaction wake = { .sa_handler = on_wake }; /* without SA_RESTART */
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* Before any thread exists, so that all inherit it; the service thread reads them from the descriptor. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGBUS, &bus, NULL) != 0 ||
	    sigaction(SIGUSR1, &wake, NULL) != 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? -errno : 0;
}

/*
 * Datagrams are rare and large: their octets lie outside DPDK's memory, in pages that are not touched before one comes
 * (a pool of DPDK's own is touched whole at start, a third of the start-up time).
 */
static int
make_datagram_pool(struct dataplane *d, uint16_t priv)
{
	struct rte_pktmbuf_extmem mem = {
		.buf_iova = RTE_BAD_IOVA,
		.buf_len = (size_t)DATAGRAM_MBUFS * DATAGRAM_ROOM,
		.elt_size = DATAGRAM_ROOM,
	};

	mem.buf_ptr = mmap(NULL, mem.buf_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			   0);
	if (mem.buf_ptr == MAP_FAILED)
		return -errno;
	d->group.datagrams = rte_pktmbuf_pool_create_extbuf("datagrams", DATAGRAM_MBUFS, 0, priv, DATAGRAM_ROOM,
							    SOCKET_ID_ANY, &mem, 1);
	return d->group.datagrams == NULL ? -rte_errno : 0;
}

static int
make_pools(struct dataplane *d)
{
	const uint16_t priv = RTE_ALIGN_CEIL(sizeof(struct io_meta), RTE_MBUF_PRIV_ALIGN);
	const unsigned int nb = FRAME_MBUFS + FRAME_MBUFS_WORKER * (d->dp.geo.nb_workers - 1);

	d->frames = rte_pktmbuf_pool_create("frames", nb, POOL_CACHE, priv, 0, SOCKET_ID_ANY);
	return d->frames == NULL ? -rte_errno : make_datagram_pool(d, priv);
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
		.stop = &d->stop,
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
		.flows_max = d->opt.flows_max,
		.sessions_max = d->opt.sessions_max,
	};
	int rc = 0;

	/* Nobody on the wire may know the seed: it decides about buckets and workers. */
	if (getrandom(d->group.seed.k, sizeof(d->group.seed.k), 0) != (ssize_t)sizeof(d->group.seed.k))
		return -EIO;
	d->group.seed.ignore_vlan = d->opt.ignore_vlan;
	memcpy(d->group.ports, d->opt.ports, sizeof(d->group.ports));
	d->group.nb_ports = d->opt.nb_ports;
	for (cfg.index = 0; rc == 0 && cfg.index < d->dp.geo.nb_workers; cfg.index++)
		rc = worker_new(&cfg, &d->group.workers[cfg.index]);
	d->group.nb = cfg.index;
	return rc;
}

/* Worker 0 may sit in a read() of a stream. Said again at every round: a signal just before read() is lost on it. */
static void
wake_reader(struct dataplane *d)
{
	pthread_t reader = atomic_load_explicit(&d->group.reader, memory_order_acquire);

	if (reader != 0 && !atomic_load_explicit(&d->group.reader_done, memory_order_acquire))
		pthread_kill(reader, SIGUSR1);
}

/* Look after rules and signals for at most @ms. */
static void
serve(struct dataplane *d, int ms)
{
	struct pollfd fds[3] = {
		{ .fd = d->opt.rules_fd, .events = POLLIN },
		{ .fd = d->signal_fd, .events = POLLIN },
		{ .fd = d->group.done_fd, .events = POLLIN }, /* only wakes: nb_done says how many */
	};
	eventfd_t ended;
	struct signalfd_siginfo info;

	if (atomic_load_explicit(&d->stop, memory_order_relaxed))
		wake_reader(d);
	if (poll(fds, 3, ms) <= 0)
		return;
	if (fds[2].revents != 0)
		eventfd_read(d->group.done_fd, &ended);
	if (fds[0].revents != 0 && rule_swap_poll(d->group.rules) != 0)
		poll(NULL, 0, ms); /* ctrl is away; a restarted one uses the same socket */
	if (fds[1].revents != 0 && read(d->signal_fd, &info, sizeof(info)) > 0)
		atomic_store_explicit(&d->stop, true, memory_order_relaxed);
}

static int
wait_for_rules(struct dataplane *d)
{
	const uint64_t limit = clock_ns(CLOCK_MONOTONIC) + (uint64_t)RULES_WAIT_MS * 1000000;

	while (rule_swap_get(d->group.rules) == NULL) {
		if (atomic_load(&d->stop))
			return -EINTR;
		if (clock_ns(CLOCK_MONOTONIC) > limit)
			return -ETIMEDOUT;
		serve(d, SERVICE_POLL_MS);
	}
	return 0;
}

static int
run(struct dataplane *d)
{
	uint64_t wall_ns, cpu_ns;
	unsigned int i;
	int rc;

	rc = wait_for_rules(d);
	/* Told to end before there was anything to do: who said so knows why. */
	if (rc == -EINTR)
		return rc;
	if (rc != 0)
		return fail("no rule set came from ctrl", rc);
	status_begin(d->opt.status_fd);
	wall_ns = clock_ns(CLOCK_MONOTONIC);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	/* Worker 0 last: it hands frames to the others. */
	for (i = d->group.nb; i-- > 0;) {
		rc = rte_eal_remote_launch(worker_run, d->group.workers[i], EAL_LCORE_WORKER0 + i);
		if (rc != 0)
			return fail("a worker does not start", rc);
	}
	while (atomic_load_explicit(&d->group.nb_done, memory_order_acquire) < d->group.nb)
		serve(d, SERVICE_POLL_MS);
	rte_eal_mp_wait_lcore();
	status_end(d->opt.status_fd, clock_ns(CLOCK_MONOTONIC) - wall_ns,
		   clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
	return 0;
}

static int
start(struct dataplane *d)
{
	int rc;

	rc = dp_shm_map(d->opt.dp_fd, DP_SHM_DATAPLANE, true, &d->dp);
	if (rc == 0)
		rc = dp_shm_map(d->opt.ctrl_fd, DP_SHM_CTRL, false, &d->ctrl);
	if (rc == 0 && (d->dp.geo.nb_workers != d->ctrl.geo.nb_workers ||
			d->dp.geo.ring_octets != d->ctrl.geo.ring_octets))
		rc = -EINVAL;
	if (rc != 0)
		return fail("shared memory", rc);
	rc = catch_signals(d);
	if (rc != 0)
		return fail("signals", rc);
	d->group.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->group.done_fd < 0)
		return fail("eventfd", -errno);
	rc = eal_start(d->dp.geo.nb_workers, EAL_MEM_MIB);
	if (rc != 0)
		return fail("DPDK does not start", rc);
	rc = make_pools(d);
	if (rc == 0)
		rc = rule_swap_new(d->opt.rules_fd, d->dp.geo.nb_workers, &d->group.rules);
	if (rc == 0)
		rc = make_workers(d);
	if (rc != 0)
		return fail("memory for workers", rc);
	rc = open_port(d);
	return rc != 0 ? fail("captures", rc) : 0;
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
