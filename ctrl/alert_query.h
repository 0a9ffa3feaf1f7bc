/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alert_query - find stored alerts by time, rule, domain, sender and verdict
 *
 * What:      each filter is served by an index of the store; filters are joined by "and".
 * Errors:    negative errno, text in store_error().
 * Threads:   one.
 */
#ifndef POSTERN_ALERT_QUERY_H
#define POSTERN_ALERT_QUERY_H

#include <stdbool.h>

#include "store.h"

struct alert_filter {
	uint64_t since_ns, until_ns; /* [since, until); 0: no limit */
	const char *rule;	     /* its id */
	const char *domain;	     /* as written in the mail, or a parent of it */
	const char *sender;	     /* an address, "" for none, or a domain (sub-domains included), with or without @ */
	unsigned int verdict;	     /* enum dp_verdict; DP_VERDICT_NONE: any */
	uint64_t limit;		     /* the newest so many; 0: all */
};

/* Call @fn for each, oldest first, until it returns non-zero, which is returned. */
int alert_query(struct store *s, const struct alert_filter *f, store_record_fn fn, void *ctx);

/* Alert @sequence, then its update if there is one. 1: found; 0: no alert has this number. */
int alert_query_one(struct store *s, uint64_t sequence, store_record_fn fn, void *ctx);

/* The alert that record @sequence updates; 0: it is no update, or it can't be read. */
uint64_t alert_query_updated(struct store *s, uint64_t sequence);

#endif
