/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline_private - what the files of the pipeline share: pipeline.c takes records from the rings, decides and groups them;
 * pipeline_store.c puts what they mean into the store, and commits
 */
#ifndef POSTERN_PIPELINE_PRIVATE_H
#define POSTERN_PIPELINE_PRIVATE_H

#include "group.h"
#include "merge.h"
#include "open_alerts.h"
#include "pipeline.h"
#include "rule_hits.h"

enum {
	BATCH_RECORDS = 8192,	/* rows written in one transaction */
};

struct pipeline {
	struct pipeline_config cfg;
	struct record_context ctx;
	struct merge *merge;
	struct open_alerts *open;
	struct rule_hits *hits;
	struct group *group;
	struct json_out json;
	struct store_run run;
	uint64_t batch_began_ns; /* 0: no batch is open */
	unsigned int nb_batch;	 /* records in the open transaction */
	unsigned int nb_rings;
	uint32_t ring_octets;
	bool replay, finished;
	uint64_t closed[DP_WORKERS_MAX]; /* all of the ring before this is in the transaction, or stored */
	uint64_t stored[DP_WORKERS_MAX];
	uint64_t alerts[DP_WORKERS_MAX]; /* stored, by ring */
	char error[512];
};

/* Take over the sentence of the part that failed; give @rc. */
int pipeline_fail(struct pipeline *p, int rc, const char *text);
int pipeline_fail_store(struct pipeline *p, int rc);
int pipeline_fail_journal(struct pipeline *p, int rc);

/* Open a transaction, unless one is. */
int pipeline_begin(struct pipeline *p);
/* All that is in it: stored, the rings told so, written out. */
int pipeline_commit(struct pipeline *p);

int pipeline_store_alert(struct pipeline *p, const struct group_record *r);
/* What an event means for alerts that wait for their update; a lost record is stored. */
int pipeline_follow(struct pipeline *p, const struct dp_record *rec);
/* Updates of alerts whose connection ended. */
int pipeline_store_closed(struct pipeline *p);
/* Updates that are due at @now_ns; UINT64_MAX: of all that are open. */
int pipeline_store_due(struct pipeline *p, uint64_t now_ns);

#endif
