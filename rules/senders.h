/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * senders - lists of those for whom a rule or an exception holds: addresses, domains, what stands
 * below domains, networks
 *
 * What:      a list matches when one of its patterns does. Domains and local parts are compared
 * without regard to ASCII case; a network is compared with the address of the client that sent the
 * mail. Trust:     the sender is what the client claims in MAIL FROM and proves nothing; its
 * address is a fact. Threads:   immutable; any number. Hostile:   the sender asked for: any octets.
 */
#ifndef POSTERN_SENDERS_H
#define POSTERN_SENDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruleset.h"

enum sender_kind {
	SENDER_ADDRESS,
	SENDER_DOMAIN, /* the domain alone */
	SENDER_BELOW,  /* "*.domain": all below it */
	SENDER_NETWORK,
	SENDER_ANY, /* "any": whoever it is */
};

struct sender_pattern {
	struct sender_pattern *next;
	enum sender_kind kind;
	uint8_t family;	     /* of a network: 4 or 6 */
	uint8_t prefix;	     /* bits */
	uint8_t network[16]; /* network byte order; IPv4 in the first four octets */
	const char *local;   /* lower case */
	const char *domain;
};

/* @list may be NULL, which matches everybody. */
bool senders_match(const struct sender_pattern *list, const struct ruleset_query *q);

#endif
