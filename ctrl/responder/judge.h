/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * judge - the responder's rule set, its questions to ctrl, and ctrl's answers
 *
 * What:      the matcher of the product over recipients of connections that were taken over. One that matches becomes an
 *            event in the responder's ring, held under a number of its own; ctrl answers on the answer socket (dp_responder.h),
 *            as it does on what the dataplane held. Answers that nobody waits for yet are kept for a while.
 * Threads:   one.
 * Trust:     images and answers are ctrl's, and checked; recipients are hostile.
 */
#ifndef POSTERN_RESPONDER_JUDGE_H
#define POSTERN_RESPONDER_JUDGE_H

#include <stdbool.h>

#include "dp_responder.h"
#include "dp_ring.h"
#include "matcher.h"
#include "smtp.h"

enum {
	JUDGE_ANSWERS = 1024, /* kept; two with the same place: the later one */
};

struct judge_answer {
	uint64_t at_ns; /* 0: none */
	struct dp_answer answer;
};

struct judge {
	struct matcher *matcher; /* NULL: no rule set has come yet */
	struct matcher_scratch *scratch;
	uint32_t generation;
	uint64_t hash;
	int rules_sock;
	struct dp_ring_writer ring;
	uint32_t serial;
	uint64_t nb_match_errors, nb_lost;
	_Alignas(8) uint8_t record[DP_RECORD_LEN_MAX];
	struct judge_answer answers[JUDGE_ANSWERS];
};

/* @j: zero. The segments are the responder's own; the ring is the last one in them. */
void judge_init(struct judge *j, int rules_sock, const struct dp_shm *dp, const struct dp_shm *ctrl);
void judge_fini(struct judge *j);

/* Ask for a rule set (of a ctrl that has offered it to a predecessor); take what was offered. */
void judge_want_rules(struct judge *j);
/* 1: there is a new set; 0; or negative errno: nobody offers any more. */
int judge_take_rules(struct judge *j);

/* Does the recipient match, in any reading? The strongest counts. */
bool judge_match(struct judge *j, const struct mailbox *mb, struct matcher_match *ret);

/* Tell ctrl of a recipient that waits; *ret_hold names it. 0, or -EAGAIN: there is no room, it is counted as lost. */
int judge_ask(struct judge *j, const struct dp_flow_id *flow, const struct smtp_rcpt *rcpt, const struct matcher_match *match,
	      uint64_t *ret_hold);

struct judge_outcome {
	uint64_t flow_uid, hold_id;
	uint32_t transaction, rcpt_index;
	uint32_t hold_us;
	enum dp_outcome outcome;
	enum dp_cause cause;
	enum dp_verdict verdict;
};
void judge_tell_outcome(struct judge *j, const struct judge_outcome *o);
void judge_tell_end(struct judge *j, const struct dp_flow_id *flow, const struct smtp_summary *sum, enum dp_close how);

/* @now_ns of CLOCK_MONOTONIC. */
void judge_keep_answer(struct judge *j, const struct dp_answer *answer, uint64_t now_ns);
/* NULL: none, or it is too old. Valid until the next judge_keep_answer(). */
const struct dp_answer *judge_answer(struct judge *j, uint32_t epoch, uint16_t worker, uint64_t hold_id, uint64_t now_ns);

#endif
