/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exception - what is let through although it matches: by address, domain or sub-tree, per sender, for a time
 *
 * What:      a list, put in order once, asked for each match. The narrowest exception that applies wins: address before
 *            domain before sub-tree, a longer domain before a shorter one, then the order of the files.
 * Case:      domains and local parts are compared without regard to ASCII case.
 * Cost:      O(labels * log n) and the exceptions of the same domain.
 * Hostile:   the address and the sender asked for: any octets.
 */
#ifndef POSTERN_EXCEPTION_H
#define POSTERN_EXCEPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rule_errors.h"
#include "ruleset.h"
#include "senders.h"

enum exception_kind {
	EXCEPTION_ADDRESS,
	EXCEPTION_DOMAIN,  /* the domain alone */
	EXCEPTION_SUBTREE, /* the domain and all below it */
};

struct exception {
	const char *id;
	struct rule_place at;
	enum exception_kind kind;
	const char *local; /* lower case, EXCEPTION_ADDRESS only */
	const char *domain;
	struct sender_pattern *senders;	     /* NULL: any */
	const char *owner, *reason, *ticket; /* or NULL */
	uint64_t from_ns;		     /* first moment it works */
	uint64_t until_ns; /* first moment it does not any more; UINT64_MAX: never ends */
	size_t order;	   /* in which it stood */
};

/* Put into the order exception_find() needs. */
void exceptions_sort(struct exception *list, size_t nb);

/*
 * The exception that applies, or NULL; then *ret_expired is the one that would have, had it not ended, or NULL.
 */
const struct exception *exception_find(const struct exception *list, size_t nb,
				       const struct ruleset_query *q,
				       const struct exception **ret_expired);

#endif
