/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch_stats - reads the counters of a running dataplane, over and over, and checks the accounting equation each time
 *
 * Usage:     watch_stats SEGMENT        SEGMENT: /proc/PID/fd/N of the dataplane's segment
 * Output:    at SIGTERM, one JSON object: snapshots read, of these unbalanced, restarts of the sequence lock that failed, and
 *            the last counters (sum of all workers). Exit code 1 when any snapshot did not come out even, or none was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dp_shm.h"

enum {
	LAST_TRIES = 5000, /* a second */
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	stop = 1;
}

int
main(int argc, char **argv)
{
	const struct timespec wait = { .tv_nsec = 200 * 1000 };
	uint64_t nb = 0, nb_uneven = 0, nb_missed = 0;
	struct dp_counters k, sum = { 0 };
	struct dp_shm shm;
	unsigned int i, nb_tries;
	int fd, rc;

	if (argc != 2)
		return 2;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : dp_shm_map(fd, DP_SHM_DATAPLANE, false, &shm);
	if (rc != 0) {
		fprintf(stderr, "watch_stats: %s: %s\n", argv[1], strerror(-rc));
		return 2;
	}
	signal(SIGTERM, on_signal);
	puts("watching");
	fflush(stdout);
	do {
		for (i = 0; i < shm.geo.nb_workers; i++) {
			if (dp_stats_read(dp_shm_stats(&shm, i), &k) != 0) {
				nb_missed++;
				continue;
			}
			nb++;
			nb_uneven += !dp_stats_balanced(&k);
		}
		nanosleep(&wait, NULL);
	} while (!stop);
	for (i = 0; i < shm.geo.nb_workers; i++) {
		/* The last ones are the result: a worker in the middle of its writing is waited for. */
		for (rc = -1, nb_tries = 0; rc != 0 && nb_tries < LAST_TRIES; nb_tries++) {
			rc = dp_stats_read(dp_shm_stats(&shm, i), &k);
			if (rc != 0)
				nanosleep(&wait, NULL);
		}
		if (rc == 0)
			dp_stats_add(&sum, &k);
	}
	printf("{\"snapshots\": %" PRIu64 ", \"uneven\": %" PRIu64 ", \"missed\": %" PRIu64, nb, nb_uneven, nb_missed);
	for (i = 0; i < DP_STAT_NB; i++)
		printf(", \"%s\": %" PRIu64, dp_stat_name(i), sum.c[i]);
	printf(", \"ports\": [");
	for (i = 0; i < DP_PORTS_MAX; i++) {
		struct dp_port p;

		if (dp_port_read(dp_shm_port(&shm, i), &p) != 0)
			continue;
		printf("%s{\"wire\": %u, \"flags\": %u, \"mtu\": %u, \"rx_packets\": %" PRIu64 ", \"tx_packets\": %" PRIu64
		       ", \"rx_missed\": %" PRIu64 ", \"csum_completed\": %" PRIu64 "}", i > 0 ? ", " : "", p.wire, p.flags,
		       p.mtu, p.rx_packets, p.tx_packets, p.rx_missed, p.csum_completed);
	}
	puts("]}");
	dp_shm_unmap(&shm);
	return nb_uneven != 0 || nb == 0;
}
