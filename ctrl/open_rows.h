/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * open_rows - the table of alerts that wait for their update
 *
 * What:      one row per alert. What memory holds is mirrored in it at each commit; what memory has no room for stands here
 *            only, and is followed by indexed statements. Rows of "the store only" are those above the last sequence number
 *            that memory ever had: @after, below.
 * Errors:    negative errno, text in store_error().
 * Threads:   one. Everything happens in the store's open transaction.
 */
#ifndef POSTERN_OPEN_ROWS_H
#define POSTERN_OPEN_ROWS_H

#include <sqlite3.h>

#include "open_alerts.h"

enum open_rows_stmt {
	OPEN_ROWS_PUT,
	OPEN_ROWS_DELETE,
	OPEN_ROWS_LOAD,
	OPEN_ROWS_COUNT,
	OPEN_ROWS_REPLY,
	OPEN_ROWS_DATA,
	OPEN_ROWS_FLOW_END,
	OPEN_ROWS_OUTCOME,
	OPEN_ROWS_NEXT_CLOSED,
	OPEN_ROWS_STMT_NB,
};

struct open_rows {
	struct store *store;
	sqlite3_stmt *stmts[OPEN_ROWS_STMT_NB];
	uint64_t run_id; /* of the run whose alerts they are */
};

void open_rows_init(struct open_rows *r, struct store *store, uint64_t run_id);
void open_rows_fini(struct open_rows *r);

/* Rows of all runs. */
int open_rows_count(struct open_rows *r, size_t *ret);
/* Write one, over what is there. */
int open_rows_put(struct open_rows *r, const struct open_alert *a);
int open_rows_delete(struct open_rows *r, uint64_t sequence);

/* Call @fn for at most @max rows above @after, oldest first. */
typedef void (*open_row_fn)(void *ctx, const struct open_alert *a);
int open_rows_load(struct open_rows *r, uint64_t after, size_t max, open_row_fn fn, void *ctx);

/* As the functions of open_alerts, for rows above @after. */
int open_rows_reply(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint32_t transaction, uint32_t rcpt_index,
		    uint16_t reply);
int open_rows_data(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint32_t transaction, enum open_data data);
int open_rows_flow_end(struct open_rows *r, uint64_t after, uint64_t flow_uid, uint64_t ts_ns);
/*
 * What was enforced, to the row of @a's connection, transaction and recipient; its octets when @withheld; closed when @a
 * says so.
 */
int open_rows_outcome(struct open_rows *r, uint64_t after, const struct open_alert *a, bool withheld);

/* Take the first closed one above @after out. 1: *ret filled; 0: none. */
int open_rows_next_closed(struct open_rows *r, uint64_t after, struct open_alert *ret);

#endif
