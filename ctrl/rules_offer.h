/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_offer - hands the compiled rule set to the dataplane
 *
 * What:      puts the image into a sealed memfd, offers it, and follows the answers of the workers.
 * Trust:     answers are claims of a client; its text is shown escaped.
 * Errors:    negative errno.
 * Threads:   one.
 */
#ifndef POSTERN_RULES_OFFER_H
#define POSTERN_RULES_OFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_abi.h"
#include "ruleset.h"

struct rules_offer {
	int sock; /* the caller's */
	uint32_t generation;
	uint64_t hash; /* of the image */
	unsigned int nb_workers, nb_acked;
	bool acked[DP_WORKERS_MAX];
	char refused[4 * 92 + 64]; /* why, fit for a terminal; empty: not refused */
};

/* Offer @set to a dataplane of @nb_workers on @sock. */
int rules_offer_send(struct rules_offer *ro, int sock, unsigned int nb_workers, const struct ruleset *set);

/*
 * Take what answers there are. 1: every worker has it; 0: not yet; -EPERM: refused, see @refused; -ESTALE: a dataplane
 * that was started again asks for it; other errno.
 */
int rules_offer_poll(struct rules_offer *ro);

#endif
