/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-responder - answers in connections that the dataplane handed over
 *
 * Started by the supervisor with descriptors alone (dp_responder.h). It leaves everything but those behind before it reads
 * the first octet: another user than root, a user and a network namespace of its own, no capability outside of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "responder.h"
#include "sandbox.h"

enum {
	FDS_OTHER = 64, /* descriptors that are no sessions' */
	EXIT_FAILED = 4,
};

static int
fail(const char *what, int rc)
{
	fprintf(stderr, "postern-responder: %s: %s\n", what, strerror(-rc));
	return EXIT_FAILED;
}

/* Two descriptors for each connection; fewer connections where there are fewer. */
static void
fit_limit(struct responder_options *o)
{
	struct rlimit lim = { .rlim_cur = 2 * (rlim_t)o->limit + FDS_OTHER };

	lim.rlim_max = lim.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &lim) != 0 && getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= 2 * (rlim_t)o->limit + FDS_OTHER)
		return;
	o->limit = lim.rlim_cur > (rlim_t)FDS_OTHER + 2 ? (uint32_t)(lim.rlim_cur - FDS_OTHER) / 2 : 1;
	dprintf(o->status_fd, "note\tthe responder takes %u connections at most: it may not open more files\n", o->limit);
}

static int
catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
run(struct responder *r)
{
	struct dp_shm dp = { 0 }, ctrl = { 0 };
	const char *what = "shared memory";
	int rc = dp_shm_map(r->opt.dp_fd, DP_SHM_DATAPLANE, true, &dp);

	if (rc == 0)
		rc = dp_shm_map(r->opt.ctrl_fd, DP_SHM_CTRL, false, &ctrl);
	if (rc == 0 && (ctrl.geo.nb_workers != dp.geo.nb_workers || ctrl.geo.ring_octets != dp.geo.ring_octets))
		rc = -EINVAL;
	if (rc == 0)
		rc = sandbox_enter(r->opt.uid, r->opt.gid, r->opt.mtu, &r->tun_fd, &what);
	if (rc == 0) {
		what = "memory and descriptors";
		rc = responder_init(r, &dp, &ctrl);
	}
	if (rc == 0) {
		dprintf(r->opt.status_fd, "begin\n");
		responder_run(r);
		dprintf(r->opt.status_fd,
			"end\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", r->nb_taken,
			r->nb_refused, r->env.nb_refused, r->env.nb_unanswered, r->env.nb_cut, r->nb_malformed);
		responder_fini(r);
	}
	dp_shm_unmap(&dp);
	dp_shm_unmap(&ctrl);
	return rc != 0 ? fail(what, rc) : 0;
}

int
main(int argc, char **argv)
{
	struct responder *r;
	int rc;

	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return fail("memory", -ENOMEM);
	r->tun_fd = -1;
	rc = responder_options_parse(argc, argv, &r->opt);
	if (rc != 0) {
		free(r);
		return rc == 1 ? 0 : 2;
	}
	r->signal_fd = catch_signals();
	if (r->signal_fd < 0) {
		rc = fail("signals", r->signal_fd);
	} else {
		fit_limit(&r->opt);
		rc = run(r);
		close(r->signal_fd);
	}
	if (r->tun_fd >= 0)
		close(r->tun_fd);
	free(r);
	return rc;
}
