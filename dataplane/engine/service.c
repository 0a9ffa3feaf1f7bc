/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dp_clock.h"
#include "worker_private.h"

enum {
	RULES_WAIT_MS = 60000, /* ctrl compiles the rules meanwhile */
};

_Static_assert((int)DATAGRAM_MBUFS > (int)DATAGRAMS_TURN_MAX, "a worker that waits for a datagram's mbuf gets one");

int
service_fail(const char *what, int rc)
{
	fprintf(stderr, "postern-dataplane: %s: %s\n", what, strerror(-rc));
	return rc;
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

int
service_catch_signals(struct service *s)
{
	struct sigaction bus = { .sa_handler = on_sigbus };
	struct sigaction wake = { .sa_handler = on_wake }; /* without SA_RESTART */
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGBUS, &bus, NULL) != 0 ||
	    sigaction(SIGUSR1, &wake, NULL) != 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

/*
 * Datagrams are rare and large: their octets lie outside DPDK's memory, in pages that are not touched before one comes
 * (a pool of DPDK's own is touched whole at start, a third of the start-up time).
 */
struct rte_mempool *
service_datagram_pool(uint16_t priv)
{
	struct rte_pktmbuf_extmem mem = {
		.buf_iova = RTE_BAD_IOVA,
		.buf_len = (size_t)DATAGRAM_MBUFS * DATAGRAM_ROOM,
		.elt_size = DATAGRAM_ROOM,
	};

	mem.buf_ptr = mmap(NULL, mem.buf_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			   0);
	if (mem.buf_ptr == MAP_FAILED) {
		rte_errno = errno;
		return NULL;
	}
	return rte_pktmbuf_pool_create_extbuf("datagrams", DATAGRAM_MBUFS, 0, priv, DATAGRAM_ROOM, SOCKET_ID_ANY, &mem,
					      1);
}

/* Worker 0 may sit in a read() of a stream. Said again at every round: a signal just before read() is lost on it. */
static void
wake_reader(struct worker_group *g)
{
	pthread_t reader = atomic_load_explicit(&g->reader, memory_order_acquire);

	if (reader != 0 && !atomic_load_explicit(&g->reader_done, memory_order_acquire))
		pthread_kill(reader, SIGUSR1);
}

void
service_serve(struct service *s, int ms)
{
	struct pollfd fds[3] = {
		{ .fd = s->rules_fd, .events = POLLIN },
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->group->done_fd, .events = POLLIN }, /* only wakes: nb_done says how many */
	};
	eventfd_t ended;
	struct signalfd_siginfo info;

	if (atomic_load_explicit(&s->stop, memory_order_relaxed))
		wake_reader(s->group);
	if (poll(fds, 3, ms) <= 0)
		return;
	if (fds[2].revents != 0)
		eventfd_read(s->group->done_fd, &ended);
	if (fds[0].revents != 0 && rule_swap_poll(s->group->rules) != 0)
		poll(NULL, 0, ms); /* ctrl is away; a restarted one uses the same socket */
	if (fds[1].revents != 0 && read(s->signal_fd, &info, sizeof(info)) > 0)
		atomic_store_explicit(&s->stop, true, memory_order_relaxed);
}

int
service_wait_for_rules(struct service *s)
{
	const uint64_t limit = dp_clock_ns(CLOCK_MONOTONIC) + (uint64_t)RULES_WAIT_MS * 1000000;

	while (rule_swap_get(s->group->rules) == NULL) {
		if (atomic_load(&s->stop))
			return -EINTR;
		if (dp_clock_ns(CLOCK_MONOTONIC) > limit)
			return -ETIMEDOUT;
		service_serve(s, SERVICE_POLL_MS);
	}
	return 0;
}

int
service_init_group(struct worker_group *g, const struct common_options *c)
{
	/* Nobody on the wire may know the seed: it decides about buckets and workers. */
	if (getrandom(g->seed.k, sizeof(g->seed.k), 0) != (ssize_t)sizeof(g->seed.k))
		return -EIO;
	g->seed.ignore_vlan = c->ignore_vlan;
	memcpy(g->ports, c->ports, sizeof(g->ports));
	g->nb_ports = c->nb_ports;
	return 0;
}
