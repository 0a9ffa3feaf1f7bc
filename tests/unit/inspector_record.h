/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inspector_record - an inspector whose callbacks are written down as text, for tests and fuzzers
 *
 * Order:     what the client's octets decide and what the replies decide are two lists: between the two there is no
 *            order that a capture could not change. Frame numbers and times are left out.
 */
#ifndef POSTERN_INSPECTOR_RECORD_H
#define POSTERN_INSPECTOR_RECORD_H

#include "inspector.h"

struct record_text {
	char *p; /* NUL-terminated once anything was written; NULL before */
	size_t len, cap;
};

struct inspector_record {
	struct inspector *ins;
	struct dp_counters counters;
	struct inspector_config cfg;
	void *mem;
	size_t mem_len;
	struct record_text client, reply, ends;
	uint64_t last_end_uid; /* of the last flow that ended */
	uint32_t nb_ends;
	uint32_t nb_alternatives;
};

/* Change @cfg of inspector_record_config() to taste, then init. */
void inspector_record_config(struct inspector_config *cfg);
void inspector_record_init(struct inspector_record *r, const struct inspector_config *cfg);
void inspector_record_fini(struct inspector_record *r);

/* Feed @nb packets in bursts of @burst. */
void inspector_record_feed(struct inspector_record *r, struct packet *pkts, uint32_t nb, unsigned int burst);
void inspector_record_flush(struct inspector_record *r);

static inline const char *
record_str(const struct record_text *t)
{
	return t->p == NULL ? "" : t->p;
}

#endif
