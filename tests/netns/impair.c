/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * impair - a wire that loses, doubles, reorders, merges and repeats TCP segments, alike for the same seed
 *
 * Usage:     impair [--seed N] [--loss P] [--double P] [--reorder P] [--merge P] [--stale P] [--off] DEV_A DEV_B
 *              P       in percent, of the TCP segments of each direction
 *              merge   a segment waits for the next one, and they go on as one frame, as when a kernel sends again
 *              stale   from DEV_A only: a segment is followed by one of the same numbers with other octets
 *              off     begin as a good wire
 * Signals:   USR1 impairs from now on, USR2 no more ("on" and "off" are printed when it is so); TERM ends.
 * Output:    "ready", when frames go through; at the end one JSON object: what was done, by direction. Exit code 1: it does
 *            not come out even, or the kernel lost frames before they were read.
 * Seed:      what becomes of the nth segment of a direction depends on the seed and on n alone: each has the same number of
 *            draws, used or not. Frames that are no TCP segments go on at once.
 * Waiting:   a reordered segment goes on after 1 to REORDER_MAX others of its direction, or WAIT_NS; one that is to be
 *            merged when the next one comes, or after WAIT_NS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "segment.h"

enum {
	REORDER_MAX = 3,
	HELD_MAX = 64,
	BURST = 64,
	MTU = 1500,
	BUFFER = 64 << 20,
};

#define WAIT_NS INT64_C(5000000)

enum impairment { LOSS, DOUBLE, REORDER, MERGE, STALE, NB_IMPAIRMENTS };

static const char *const names[NB_IMPAIRMENTS] = { "lost", "doubled", "reordered", "merged", "stale" };

struct held {
	struct frame frame;
	int64_t until_ns;
	unsigned int left; /* others that go on before */
};

struct direction {
	int in, out;
	bool may_be_stale;
	uint64_t state; /* of the draws */
	struct held held[HELD_MAX];
	unsigned int nb_held;
	struct held merge;
	bool merge_waits;
	uint64_t nb_in, nb_segments, nb_out, nb_not_taken, nb[NB_IMPAIRMENTS];
};

struct impair {
	double share[NB_IMPAIRMENTS]; /* 0 to 1 */
	uint64_t seed;
	bool on;
	struct direction way[2];
};

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* splitmix64 */
static uint64_t
draw(struct direction *d)
{
	uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
put(struct direction *d, const struct frame *f)
{
	ssize_t n;

	do
		n = send(d->out, f->octets, f->len, 0);
	while (n < 0 && errno == EINTR);
	/* A device that is down takes none: lost, as on a wire. */
	if (n < 0)
		d->nb_not_taken++;
	else
		d->nb_out++;
}

/* --- what waits --- */

static void
release(struct direction *d, unsigned int i)
{
	put(d, &d->held[i].frame);
	d->held[i] = d->held[--d->nb_held];
}

/* One more segment has gone on. */
static void
let_pass(struct direction *d, const struct frame *f)
{
	unsigned int i = 0;

	put(d, f);
	while (i < d->nb_held) {
		if (--d->held[i].left == 0)
			release(d, i);
		else
			i++;
	}
}

static void
release_late(struct direction *d, int64_t now)
{
	unsigned int i = 0;

	if (d->merge_waits && now >= d->merge.until_ns) {
		d->merge_waits = false;
		let_pass(d, &d->merge.frame);
	}
	while (i < d->nb_held) {
		if (now >= d->held[i].until_ns)
			release(d, i);
		else
			i++;
	}
}

static int64_t
next_release(const struct direction *d)
{
	int64_t at = d->merge_waits ? d->merge.until_ns : INT64_MAX;
	unsigned int i;

	for (i = 0; i < d->nb_held; i++)
		if (d->held[i].until_ns < at)
			at = d->held[i].until_ns;
	return at;
}

/* --- one frame --- */

static void
impair_segment(struct impair *w, struct direction *d, struct frame *f, const struct segment *s)
{
	bool hit[NB_IMPAIRMENTS];
	unsigned int i, distance;

	for (i = 0; i < NB_IMPAIRMENTS; i++)
		hit[i] = (double)(draw(d) >> 11) / (double)(UINT64_C(1) << 53) < w->share[i];
	distance = 1 + (unsigned int)(draw(d) % REORDER_MAX);
	if (hit[LOSS]) {
		d->nb[LOSS]++;
		return;
	}
	if (hit[REORDER] && d->nb_held < HELD_MAX) {
		struct held *h = &d->held[d->nb_held++];

		h->frame = *f;
		h->left = distance;
		h->until_ns = now_ns() + WAIT_NS;
		d->nb[REORDER]++;
		return;
	}
	if (hit[MERGE] && s->payload_len > 0) {
		d->merge.frame = *f;
		d->merge.until_ns = now_ns() + WAIT_NS;
		d->merge_waits = true;
		return;
	}
	let_pass(d, f);
	if (hit[DOUBLE]) {
		d->nb[DOUBLE]++;
		put(d, f);
	}
	if (hit[STALE] && d->may_be_stale && s->payload_len > 0) {
		d->nb[STALE]++;
		segment_change(f);
		put(d, f);
	}
}

static void
carry(struct impair *w, struct direction *d, struct frame *f)
{
	struct segment s;

	d->nb_in++;
	if (!segment_find(f, &s)) {
		put(d, f);
		return;
	}
	if (d->merge_waits) {
		d->merge_waits = false;
		if (segment_join(&d->merge.frame, f, MTU)) {
			d->nb[MERGE]++;
			let_pass(d, &d->merge.frame);
			return;
		}
		let_pass(d, &d->merge.frame);
	}
	if (!w->on) {
		let_pass(d, f);
		return;
	}
	d->nb_segments++;
	impair_segment(w, d, f, &s);
}

static void
carry_burst(struct impair *w, struct direction *d)
{
	struct frame f;
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		ssize_t n = recv(d->in, f.octets, sizeof(f.octets), MSG_DONTWAIT | MSG_TRUNC);

		if (n <= 0)
			return;
		if ((size_t)n > sizeof(f.octets)) {
			d->nb_in++;
			d->nb_not_taken++;
			continue;
		}
		f.len = (size_t)n;
		carry(w, d, &f);
	}
}

/* --- the wire --- */

static int
open_device(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const struct packet_mreq promisc = { .mr_ifindex = (int)if_nametoindex(name), .mr_type = PACKET_MR_PROMISC };
	const int one = 1, buffer = BUFFER;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	addr.sll_ifindex = promisc.mr_ifindex;
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) != 0) {
		fprintf(stderr, "impair: %s: %s\n", name, strerror(errno));
		exit(2);
	}
	return fd;
}

/* Until SIGTERM. */
static void
work(struct impair *w, int signals)
{
	struct pollfd fds[] = {
		{ .fd = w->way[0].in, .events = POLLIN },
		{ .fd = w->way[1].in, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo si;
	unsigned int i;

	for (;;) {
		int64_t now = now_ns(), at = INT64_MAX;
		struct timespec ts = { 0 };

		for (i = 0; i < 2; i++) {
			release_late(&w->way[i], now);
			at = next_release(&w->way[i]) < at ? next_release(&w->way[i]) : at;
		}
		if (at > now && at != INT64_MAX)
			ts.tv_nsec = (long)(at - now);
		if (ppoll(fds, 3, at == INT64_MAX ? NULL : &ts, NULL) < 0 && errno != EINTR)
			return;
		for (i = 0; i < 2; i++)
			if (fds[i].revents != 0)
				carry_burst(w, &w->way[i]);
		if (fds[2].revents == 0 || read(signals, &si, sizeof(si)) != sizeof(si))
			continue;
		if (si.ssi_signo == SIGTERM)
			return;
		w->on = si.ssi_signo == SIGUSR1;
		puts(w->on ? "on" : "off");
		fflush(stdout);
	}
}

/* What was done in one direction; false: it does not come out even. */
static bool
report(const struct direction *d, const char *name)
{
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof(st);
	uint64_t waiting = d->nb_held + d->merge_waits;
	unsigned int i;

	getsockopt(d->in, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	printf("\"%s\": {\"in\": %" PRIu64 ", \"segments\": %" PRIu64, name, d->nb_in, d->nb_segments);
	for (i = 0; i < NB_IMPAIRMENTS; i++)
		printf(", \"%s\": %" PRIu64, names[i], d->nb[i]);
	printf(", \"waiting\": %" PRIu64 ", \"not_taken\": %" PRIu64 ", \"out\": %" PRIu64 ", \"unread\": %u}", waiting,
	       d->nb_not_taken, d->nb_out, st.tp_drops);
	return st.tp_drops == 0 && d->nb_in + d->nb[DOUBLE] + d->nb[STALE] ==
					   d->nb_out + d->nb[LOSS] + d->nb[MERGE] + d->nb_not_taken + waiting;
}

static void
usage(void)
{
	fputs("usage: impair [--seed N] [--loss P] [--double P] [--reorder P] [--merge P] [--stale P] [--off] DEV_A DEV_B\n",
	      stderr);
	exit(2);
}

static void
options(struct impair *w, int argc, char **argv)
{
	static const struct option known[] = {
		{ "loss", required_argument, NULL, LOSS },	 { "double", required_argument, NULL, DOUBLE },
		{ "reorder", required_argument, NULL, REORDER }, { "merge", required_argument, NULL, MERGE },
		{ "stale", required_argument, NULL, STALE },	 { "seed", required_argument, NULL, 's' },
		{ "off", no_argument, NULL, 'o' },		 { NULL, 0, NULL, 0 },
	};
	char *end;
	int c;

	w->on = true;
	w->seed = 1;
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		end = NULL;
		if (c >= 0 && c < NB_IMPAIRMENTS)
			w->share[c] = strtod(optarg, &end) / 100;
		else if (c == 's')
			w->seed = strtoull(optarg, &end, 10);
		else if (c == 'o')
			w->on = false;
		else
			usage();
		if (end != NULL && (end == optarg || *end != '\0'))
			usage();
	}
	if (argc - optind != 2)
		usage();
}

int
main(int argc, char **argv)
{
	static struct impair w;
	sigset_t set;
	bool even;
	int i;

	options(&w, argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < 2; i++)
		w.way[i].in = open_device(argv[optind + i]);
	for (i = 0; i < 2; i++) {
		w.way[i].out = w.way[1 - i].in;
		w.way[i].state = w.seed * 2 + (uint64_t)i;
	}
	w.way[0].may_be_stale = true;
	puts("ready");
	fflush(stdout);
	work(&w, signalfd(-1, &set, SFD_CLOEXEC));
	printf("{\"seed\": %" PRIu64 ", ", w.seed);
	even = report(&w.way[0], "a_to_b");
	fputs(", ", stdout);
	even &= report(&w.way[1], "b_to_a");
	puts("}");
	return even ? 0 : 1;
}
