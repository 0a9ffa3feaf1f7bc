/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_write - answers about recipients as people and programs read them
 *
 * Hostile:   addresses and names are any octets: what reaches a terminal is visible UTF-8, what is JSON is valid.
 */
#ifndef POSTERN_CLI_RULES_WRITE_H
#define POSTERN_CLI_RULES_WRITE_H

#include <stddef.h>
#include <stdio.h>

#include "json_out.h"
#include "rules_judge.h"

/* Text made safe for a terminal. */
void rules_print(FILE *out, const void *text, size_t len);
void rules_print_str(FILE *out, const char *text);

/* One JSON object in a line; @o is begun anew. */
void rules_write_json(struct json_out *o, const char *address, size_t len,
		      const struct rules_answer *a);
/* The answer in one line, the reason in the next. */
void rules_write_text(FILE *out, const char *address, size_t len, const struct rules_answer *a);

/* "address":..., and "address_raw" in base64 beside it when it is no UTF-8. */
void rules_json_address(struct json_out *o, const char *address, size_t len);

#endif
