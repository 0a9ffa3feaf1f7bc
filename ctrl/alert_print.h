/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * alert_print - stored alerts as a table, as CSV, or one in full
 *
 * Hostile:   all text goes through safe_text(). CSV (RFC 4180) beyond that: a cell that a spreadsheet would take for a
 *            formula (it begins with = + - @) gets an apostrophe before it.
 * Threads:   pure functions.
 */
#ifndef POSTERN_ALERT_PRINT_H
#define POSTERN_ALERT_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "json_out.h"

/* One row of at most 100 columns; and the line above all rows. */
void alert_print_table_head(struct json_out *o);
void alert_print_table_row(struct json_out *o, uint64_t sequence, const char *json, size_t len);

void alert_print_csv_head(struct json_out *o);
void alert_print_csv_row(struct json_out *o, uint64_t sequence, const char *json, size_t len);

/* Every field of a record, one per line, by its path. */
void alert_print_full(struct json_out *o, const char *json, size_t len);

#endif
