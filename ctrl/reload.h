/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload - rule sets on their way into the workers, while everything else goes on
 *
 * What:      the first set is offered at the start; later ones are read and compiled on another thread, so that ctrl keeps
 *            deciding and answering.
 *
 *              request -> COMPILING (thread: files -> set, snapshot into the run's folder)
 *                 wrong   -> result WRONG: every error with its place; the old set stays in force
 *                 same    -> result UNCHANGED: nothing is exchanged
 *                 good    -> OFFERED: sealed memfd to the dataplane
 *                              every worker acknowledged -> result DONE; older sets retire (rule_sets.h)
 *                              refused                   -> result REFUSED; the old set stays in force
 *                              RELOAD_ACK_MS pass        -> result LATE; what comes later still counts
 *
 *            A dataplane that was started again asks, and is offered the newest set: the one that its predecessor had, or was
 *            offered last.
 *
 *            Requests that come while one is under way are answered together by the next: it has read the files after they
 *            came.
 * Threads:   the loop's, but for compiling, which is on one of libuv's and touches nothing but its job.
 * Errors:    reload_open() gives negative errno; all later ones are results.
 */
#ifndef POSTERN_RELOAD_H
#define POSTERN_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "db_cache.h"
#include "rule_sets.h"
#include "rules_offer.h"

enum {
	RELOAD_ACK_MS = 30 * 1000,
};

enum reload_state {
	RELOAD_IDLE,
	RELOAD_COMPILING,
	RELOAD_OFFERED,
};

enum reload_outcome {
	RELOAD_DONE,
	RELOAD_UNCHANGED,
	RELOAD_WRONG,
	RELOAD_REFUSED,
	RELOAD_LATE,
	RELOAD_FAILED, /* memory, the run's folder, too many sets in use, the end of the run: see text */
	RELOAD_NB,
};

struct reload_result {
	enum reload_outcome outcome;
	uint64_t ticket;	     /* requests up to this one are answered by it */
	uint32_t generation;	     /* in force now */
	uint64_t compile_ns, all_ns; /* reading and compiling; until the last worker had it */
	const struct rule_errors *errs; /* warnings too; sorted */
	const char *text;	     /* one sentence */
};

struct reload_config {
	struct rule_sets *sets;	      /* at least one in it */
	const struct dp_shm *dp, *ctrl;
	int sock;		      /* to the dataplane's service thread */
	const char *path;	      /* rule file or folder */
	const char *run_dir;
	struct db_cache *cache;	      /* used by the compiling thread alone, from reload_open() on */
	void (*ready)(void *ctx);     /* once: every worker has the first set */
	void (*refused)(void *ctx, const char *why); /* the first one */
	void (*gone)(void *ctx);      /* the dataplane's end of the socket is closed for good */
	void (*result)(void *ctx, const struct reload_result *r);
	void *ctx;
};

struct reload_counts {
	uint64_t done, unchanged, failed; /* RELOAD_LATE counts as failed */
};

struct reload;
struct uv_loop_s;

/* Offers the newest set at once. */
int reload_open(struct uv_loop_s *uv, const struct reload_config *cfg, struct reload **ret);
/* Waits for the compiling thread. The loop must run once more after it, then reload_free(). */
void reload_close(struct reload *r);
void reload_free(struct reload *r);

/* Reload the rules; the ticket that a result will name. */
uint64_t reload_request(struct reload *r);

/* Now and then: frees what is not needed any more. */
void reload_tick(struct reload *r);

enum reload_state reload_state(const struct reload *r);
/* Has worker @worker acknowledged the newest offer? */
bool reload_acked(const struct reload *r, unsigned int worker);
struct reload_counts reload_counts(const struct reload *r);

#endif
