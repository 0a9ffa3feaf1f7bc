/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline - the way of a record from the rings to the store and the outputs
 *
 * What:      one batch per call of pipeline_step():
 *
 *              rings -> merge -> decide (verdict slot) -> group of one moment -> store   -> commit -> ring: stored -> outputs
 *                                                    \-> journal (envelopes) -/
 *
 * Group:     records of equal time are gathered before they are stored (at most GROUP_RECORDS, and never more than half a
 *            ring, so that the worker always has room to go on), and the alerts among them are stored in the order of
 *            connection, transaction and recipient. So outputs are ordered by (time, connection, index) however many
 *            workers there are. Events other than alerts follow in ring order, then the updates they cause.
 * Updates:   of an alert when its connection ends, or when OPEN_ALERT_NS of capture time have passed: then before the first
 *            event of that moment or later, so only events before that moment count.
 * Death:     at any point. What is not committed is read from the ring again, and gives the same records.
 * Errors:    negative errno; pipeline_error() has the sentence for people.
 * Threads:   one. Cost: bounded per step.
 */
#ifndef POSTERN_PIPELINE_H
#define POSTERN_PIPELINE_H

#include "dp_shm.h"
#include "failpoint.h"
#include "journal.h"
#include "output.h"
#include "record_json.h"
#include "rule_sets.h"
#include "store.h"

struct pipeline;
struct rule_hits;

struct pipeline_config {
	const struct dp_shm *dp, *ctrl;
	const struct dp_shm *responder_dp, *responder_ctrl; /* or NULL */
	const struct rule_sets *rules; /* those that records may have been judged by */
	struct store *store;
	struct output *output;	 /* or NULL */
	struct journal *journal; /* for envelopes, or NULL */
	struct failpoint *fp;
	const char *observer;
	uint64_t run_id;
	bool follow_decided; /* verdicts are a decider's (decider.h): no record is taken before its */
};

int pipeline_new(const struct pipeline_config *cfg, struct pipeline **ret);
void pipeline_free(struct pipeline *p);
const char *pipeline_error(const struct pipeline *p);

enum pipeline_state {
	PIPELINE_IDLE,	   /* nothing to do now; in a replay: nothing that could not wait for more of it */
	PIPELINE_BUSY,	   /* something was done, there may be more */
	PIPELINE_FINISHED, /* the rings are finished, all is stored and written */
};

/* @now_ns: a clock that only goes forward; says how long a batch may wait for more. State or negative errno. */
int pipeline_step(struct pipeline *p, uint64_t now_ns);

/* The dataplane is gone, or is to be waited for no longer: what is in the rings is all. */
void pipeline_drain(struct pipeline *p);

/* How often exceptions and sender scope decided; valid as long as the pipeline, and until its next step. */
const struct rule_hits *pipeline_hits(const struct pipeline *p);

void pipeline_counts(const struct pipeline *p, uint64_t *ret_alerts, uint64_t *ret_updates);

#endif
