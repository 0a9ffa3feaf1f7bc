/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * supervisor - runs the dataplane and ctrl for one replay
 *
 * What:      makes the shared memory, the pipes and the socket pair, starts both processes, restarts ctrl when it dies,
 *            ends both in order on a signal, and gathers what they did.
 *
 *                              supervisor  (keeps a duplicate of every end: a restarted ctrl finds all of them alive)
 *              status lines   /          \   status lines
 *                            /            \
 *              postern-dataplane ======== postern-ctrl
 *                   segment (rw)  ---->  (ro)
 *                          (ro)   <----  segment (rw)
 *                   rule sets     <----  socket pair, one memfd each
 *
 * Ends:      dataplane done -> ctrl empties the rings, stores, says "done" -> end.
 *            ctrl dies      -> the same again with the same descriptors, at most SUPERVISOR_RESTARTS times.
 *            dataplane dies -> ctrl stores what is in the rings; the result is marked as partial.
 *            SIGINT, SIGTERM -> the dataplane stops reading and ends every flow, ctrl finishes; a second one ends both at
 *            once. SIGHUP: the same when the terminal is gone, else ctrl reloads the rules. SIGUSR1: ctrl opens its output
 *            file anew. SIGTSTP stops all three.
 * Threads:   one, in poll(); signals come by signalfd. Children get no signal of the terminal.
 * Errors:    supervisor_run() is a logging function: messages for people go to standard error as they happen.
 */
#ifndef POSTERN_CLI_SUPERVISOR_H
#define POSTERN_CLI_SUPERVISOR_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"
#include "dp_stats.h"
#include "rule_hit_kind.h"

enum {
	SUPERVISOR_RESTARTS = 5,	/* of ctrl in one run */
	SUPERVISOR_STOP_MS = 10 * 1000, /* after SIGTERM, before SIGKILL */
	SUPERVISOR_DRAIN_MS = 30 * 1000, /* for ctrl to finish after an interruption */
	SUPERVISOR_HITS_MAX = 5000,	/* counts of exceptions and rules; ctrl has fewer */
	SUPERVISOR_ERRORS_MAX = 1000,	/* capture errors kept; later ones are counted */
};

struct supervisor_config {
	const char *dataplane_path, *ctrl_path;
	const char *responder_path; /* NULL: none is started */
	char *const *captures;
	unsigned int nb_captures;
	unsigned int nb_workers;
	unsigned int flows_max, sessions_max; /* of each worker; 0: the dataplane's defaults */
	unsigned int loop;
	bool ignore_vlan;
	const char *ports, *speed;
	const char *rules;
	const char *store;	 /* SQLite file */
	const char *run_dir;	 /* private folder of this run */
	const char *journal_dir; /* where a nameless file may stand */
	const char *alerts;	 /* FILE, "-", "human" or NULL */
	const char *envelopes;	 /* FILE, "-" or NULL */
	const char *observer;	 /* or NULL */
	const char *metrics;	 /* address to listen on for Prometheus, or NULL */
	uint64_t keep_s, keep_octets; /* limits of the store, 0: none */
	const char *cache;	 /* folder of compiled rules, "off" or NULL: the default one */
	uint64_t run_id;
	uint64_t octets_total;	 /* of all captures and rounds, 0: unknown */
	const sigset_t *signals; /* from supervisor_hold_signals() */
	const struct live_config *live; /* NULL: a replay; else live_supervisor.h, and captures, loop and speed mean nothing */
	bool progress;		 /* draw on standard error */
};

/* What ctrl said of an exception or a rule. */
struct supervisor_hit {
	enum rule_hit_kind kind;
	char *id;
	uint64_t nb;
};

struct supervisor_capture_error {
	char *path, *text;
	uint64_t offset;
	bool whole;
};

/* How the run went. Each that is true makes the result something less than whole. */
struct supervisor_flaws {
	bool rules_wrong;      /* ctrl would not start on these rules or this configuration */
	bool ctrl_failed;      /* store or output failed, or ctrl died too often */
	bool dataplane_failed; /* died, or could not start */
	bool start_failed;     /* shared memory, pipes, processes */
	bool unbalanced;       /* the accounting equation does not hold: a defect of ours */
	bool lost;	       /* events were lost or refused: a defect of ours */
	int signal;	       /* that interrupted it, or 0 */
};

struct supervisor_result {
	struct supervisor_flaws flaws;
	struct supervisor_capture_error *errors;
	unsigned int nb_errors;	       /* kept in @errors */
	unsigned int nb_errors_in_all;
	char *ctrl_error;	       /* what ctrl said last before it failed, or NULL */

	bool begun, ended;	       /* first frame was about to be read; all frames were worked */
	uint64_t wall_ns, cpu_ns;      /* of the dataplane, from begin to end; valid with @ended */
	uint64_t run_ns;	       /* of the whole run */
	uint64_t alerts, updates;      /* as ctrl said at its end */
	bool counted;		       /* ctrl said them */
	struct supervisor_hit *hits;   /* by kind and id */
	unsigned int nb_hits;

	bool have_stats;
	unsigned int nb_workers;
	struct dp_counters total;
	uint64_t worker_packets[DP_WORKERS_MAX];
	uint64_t malformed;	       /* records that ctrl refused */

	uint64_t dataplane_cpu_ns, ctrl_cpu_ns, supervisor_cpu_ns;
	uint64_t dataplane_peak, ctrl_peak, supervisor_peak; /* octets */
	unsigned int ctrl_restarts;
};

/*
 * Block the signals that end or stop a run, so that they reach it only where it looks for them and nothing is left
 * behind. Call before anything is made that must be removed; unblock @ret_held after that was removed.
 */
void supervisor_hold_signals(sigset_t *ret_held);

/* Run it. 0 when the processes ran, whatever they found (look at @ret); negative errno: they could not be started. */
int supervisor_run(const struct supervisor_config *cfg, struct supervisor_result *ret);

/* 0, 2, 3, 4 or 128 + signal, as documented for replay. */
int supervisor_exit_code(const struct supervisor_result *res);

/* Take a count down, or a newer one of the same; out of memory: it is lost. */
void supervisor_result_hit(struct supervisor_result *res, enum rule_hit_kind kind, const char *id, uint64_t nb);

void supervisor_result_fini(struct supervisor_result *res);

#endif
