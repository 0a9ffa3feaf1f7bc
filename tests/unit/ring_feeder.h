/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_feeder - plays dataplane and supervisor for the real postern-ctrl
 *
 * What:      makes real segments, writes a seeded mail traffic into real rings (several workers, each at its own random
 *            pace, waiting for room as in replay), answers offers of rule sets, starts postern-ctrl and starts it again
 *            when it was killed, with the same descriptors. The events are the same for any number of workers.
 * Threads:   one; ctrl is a child process.
 */
#ifndef RING_FEEDER_H
#define RING_FEEDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct feeder_config {
	unsigned int nb_workers;
	uint32_t ring_octets;
	unsigned int nb_flows;
	uint64_t seed;		  /* of the traffic */
	uint64_t run_id;
	bool envelopes;		  /* all events, not only those of connections with a match */
	bool alerts_only;	  /* every recipient matches: to measure */
	const char *dir;	  /* for files; TMPDIR of ctrl */
	const char *rules;	  /* rule file; its first rule is the one that matches */
	const char *store;
	const char *alerts;	  /* FILE, "-" or "human"; standard output is gathered */
	const char *envelopes_to; /* or NULL */
	const char *failpoint;	  /* POSTERN_FAILPOINT or NULL */
	uint64_t kill_seed;	  /* != 0: kill at random moments */
	unsigned int kills_max;
	off_t file_size_limit;	  /* RLIMIT_FSIZE of ctrl, 0: none */
	bool break_ring;	  /* write garbage in the middle */
	bool stop_early;	  /* the dataplane dies half-way, ctrl gets SIGTERM */
};

struct feeder_result {
	int exit_code;	     /* of the last ctrl; -1: killed and not started again */
	unsigned int starts;
	unsigned int kills;  /* by us */
	uint64_t alerts, updates; /* as it said; UINT64_MAX: it did not */
	unsigned int nb_matches;  /* that were written */
	uint64_t cpu_ns;     /* of all ctrls */
	char *out;	     /* their standard output */
	size_t out_len;
	char error[2048];    /* their standard error and status errors, as far as it fits */
	size_t error_len;
};

/* 0 when it ran to an end, whatever that was; negative errno otherwise. */
int feeder_run(const struct feeder_config *cfg, struct feeder_result *ret);
void feeder_result_fini(struct feeder_result *res);

#endif
