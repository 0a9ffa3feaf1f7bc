/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * responder - the event loop of postern-responder: what comes on its sockets, and the sessions
 *
 * What:      see dp_responder.h for what is said on each socket. HELLO goes out when there is a rule set; a record becomes a
 *            session or is refused (-EBUSY: limit, -ESHUTDOWN: ending, -EALREADY: taken over already, or what the kernel said).
 * Ends:      SIGTERM, SIGINT: nothing new, and up to RESPONDER_DRAIN_MS for what is there; then it is reset. WANTED: everything
 *            goes without a word, the dataplane that knew it is gone.
 * Threads:   one.
 */
#ifndef POSTERN_RESPONDER_H
#define POSTERN_RESPONDER_H

#include <stdbool.h>

#include "options.h"
#include "table.h"

enum {
	RESPONDER_DRAIN_MS = 25 * 1000,
	RESPONDER_TICK_MS = 50,
};

struct responder {
	struct responder_options opt;
	struct judge judge;
	struct session_env env;
	struct smtp_ctx smtp_ctx;
	struct dp_counters counters; /* of the SMTP machines */
	struct table table;
	void *smtp_mem;
	int tun_fd, signal_fd;
	uint32_t instance;
	bool greeted;	   /* HELLO was sent since the last WANTED */
	uint64_t end_ns;   /* draining until then; 0: not */
	uint64_t tick_ns;  /* the last look at time limits */
	uint64_t nb_taken, nb_refused, nb_malformed, nb_ended;
	_Alignas(8) uint8_t record[DP_TAKEOVER_LEN_MAX];
};

/* @r: zero but for opt, tun_fd and signal_fd. The segments outlive it. 0 or negative errno. */
int responder_init(struct responder *r, const struct dp_shm *dp, const struct dp_shm *ctrl);
void responder_run(struct responder *r);
void responder_fini(struct responder *r);

#endif
