/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * answers - what the responder is told of each recipient: the verdict, and the words of a refusal
 *
 * What:      the text from the template that fits the rule, else the sender's domain, else the one for all; a limit on
 *            refusals of one source, beyond which another verdict applies.
 * Limit:     a source is an IPv4 address or an IPv6 /64. Counted in a table of ANSWERS_SOURCES entries for the current minute;
 *            when two sources fall on one entry, both count for it: never more refusals than allowed.
 * Waiting:   never. An answer that the socket does not take is dropped and counted; the responder uses its own words then.
 * Threads:   the decider's.
 */
#ifndef POSTERN_ANSWERS_H
#define POSTERN_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "decide.h"
#include "dp_event.h"

enum {
	ANSWERS_SOURCES = 4096,
	ANSWERS_TEXTS_MAX = 16,
};

enum answers_for {
	ANSWERS_FOR_RULE,   /* rule.id */
	ANSWERS_FOR_SENDER, /* domain of the sender, or a domain above it */
};

struct answers_text {
	enum answers_for kind;
	const char *name;
	const char *template; /* passed reply_text_check() */
};

/* Strings outlive what is made of it. */
struct answers_config {
	int sock;		/* to the responder, -1: there is none */
	uint64_t run_id;
	const char *template;	/* NULL: REPLY_TEXT_DEFAULT */
	const char *contact;	/* or NULL */
	struct answers_text texts[ANSWERS_TEXTS_MAX];
	unsigned int nb_texts;
	unsigned int per_minute; /* refusals of one source; 0: no limit */
	enum dp_verdict beyond;	 /* that limit: alert or reset */
};

struct answers {
	struct answers_config cfg;
	uint64_t seed[2];
	uint64_t minute;
	uint16_t counts[ANSWERS_SOURCES];
	uint64_t nb_dropped, nb_limited;
};

void answers_init(struct answers *a, const struct answers_config *cfg);

/* The verdict on @ev with the limit applied; @now_ns: of the realtime clock. Counts a refusal. */
enum dp_verdict answers_limit(struct answers *a, const struct dp_ev_rcpt *ev, enum dp_verdict verdict, uint64_t now_ns);

/* Tell the responder of @verdict on @ev, a checked record of a recipient that waits. @decision: NULL when it is not known
 * any more (a verdict of a predecessor). */
void answers_send(struct answers *a, const struct dp_ev_rcpt *ev, enum dp_verdict verdict, const struct decision *decision);

#endif
