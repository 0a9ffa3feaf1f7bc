/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group - records of one moment, copied out of the rings, with the alerts among them put in order
 *
 * Memory:    one block for GROUP_RECORDS records of full length; pages are touched as they are needed.
 * Threads:   one.
 */
#ifndef POSTERN_GROUP_H
#define POSTERN_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "decide.h"
#include "merge.h"

enum {
	GROUP_RECORDS = 1024,
};

struct group_record {
	const struct dp_record *rec;
	unsigned int worker;
	bool enforced;	  /* the verdict is carried out */
	uint32_t hold_us; /* from the event to its verdict */
	struct decision decision; /* of a matching DP_EV_RCPT; verdict DP_VERDICT_NONE otherwise */
};

struct group {
	uint64_t ts_ns;
	unsigned int nb, nb_alerts;
	struct group_record records[GROUP_RECORDS];
	uint16_t alerts[GROUP_RECORDS]; /* indices of those that matched, after group_sort() in order */
	uint64_t begin[DP_WORKERS_MAX], end[DP_WORKERS_MAX]; /* in each ring; equal: none of it */
	size_t arena_len;
	_Alignas(8) uint8_t arena[GROUP_RECORDS * DP_RECORD_LEN_MAX];
};

struct group *group_new(void);
void group_free(struct group *g);

void group_clear(struct group *g);

/* Is there a place for the item, and is it of the same moment? @ring_octets: of one ring. */
bool group_takes(const struct group *g, const struct merge_item *item, uint32_t ring_octets);
/* Copy it in. The decision is the caller's to fill in; with a verdict it must call group_note_alert(). */
struct group_record *group_add(struct group *g, const struct merge_item *item);
void group_note_alert(struct group *g, const struct group_record *r);

void group_sort(struct group *g);

#endif
