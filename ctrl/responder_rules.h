/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * responder_rules - the rule set in force, for the responder
 *
 * What:      offers it the set that the workers have, when that is another one than before or when it asks. What it refuses
 *            is said once for each set; it goes on with the one before, and ctrl keeps that for as long.
 * Threads:   the loop's.
 */
#ifndef POSTERN_RESPONDER_RULES_H
#define POSTERN_RESPONDER_RULES_H

#include "rule_sets.h"
#include "rules_offer.h"

struct uv_loop_s;
struct responder_rules;

/* @sock: to the responder, the caller's. 0 or negative errno; *ret is to be closed and freed in both cases. */
int responder_rules_open(struct uv_loop_s *uv, int sock, const struct rule_sets *sets, struct responder_rules **ret);
/* Now and then. */
void responder_rules_tick(struct responder_rules *r);
/* As service_close() and service_free(); NULL is fine. */
void responder_rules_close(struct responder_rules *r);
void responder_rules_free(struct responder_rules *r);

#endif
