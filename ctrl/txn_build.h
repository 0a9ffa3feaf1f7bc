/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * txn_build - the parts of one transaction, gathered until it is whole, then written as an envelope record
 *
 * What:      fed with the records of one transaction in the order they happened.
 * Memory:    at most DP_RCPT_LISTED_MAX recipients of one record each, kept from one transaction to the next.
 * Threads:   one.
 */
#ifndef POSTERN_TXN_BUILD_H
#define POSTERN_TXN_BUILD_H

#include <stdbool.h>

#include "dp_event.h"
#include "json_out.h"

struct txn_build;

int txn_build_new(struct txn_build **ret);
void txn_build_free(struct txn_build *t);

/* Begin transaction @transaction of a connection. @end: its FLOW_END, or NULL when there was none; copied. */
void txn_build_begin(struct txn_build *t, uint32_t transaction, const struct dp_ev_flow_end *end);
int txn_build_add(struct txn_build *t, const struct dp_record *rec, enum dp_verdict verdict);

/* Is there enough to say something (a MAIL, a recipient, or a FLOW_END)? */
bool txn_build_has_flow(const struct txn_build *t);
const struct dp_flow_id *txn_build_flow(const struct txn_build *t);
uint64_t txn_build_ts(const struct txn_build *t);
uint64_t txn_build_anomalies(const struct txn_build *t);

/* Append the record to @o, with a line end. */
void txn_build_json(const struct txn_build *t, struct json_out *o);

#endif
