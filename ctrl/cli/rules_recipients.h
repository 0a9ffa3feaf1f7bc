/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_recipients - who mail was sent to, read from lists, envelope records and logs of Postfix
 *
 * Forms:     LIST: an address on each line, empty lines and those that begin with # left out. ENVELOPES: JSON lines of
 *            `postern replay --envelopes`, each with the sender, the client and the moment. POSTFIX: a mail log; every
 *            delivery (to=<...>) and every refused RCPT counts, sender and client are those that other lines with the same
 *            queue id told, the moment is known where the log has RFC 3339 times.
 *            AUTO takes the first line that is not empty to decide.
 * Memory:    one line of at most RULES_RECIPIENTS_LINE_MAX octets, and for Postfix the last 65,536 queue ids, about.
 * Threads:   one per struct.
 * Hostile:   all octets: addresses in logs were chosen by strangers. Lines that can't be read are counted, never a stop.
 */
#ifndef POSTERN_CLI_RULES_RECIPIENTS_H
#define POSTERN_CLI_RULES_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rules_judge.h"

enum {
	RULES_RECIPIENTS_LINE_MAX =
		4 << 20, /* octets; an envelope record of 1,000 recipients has far fewer */
};

enum rules_format {
	RULES_FORMAT_AUTO,
	RULES_FORMAT_LIST,
	RULES_FORMAT_ENVELOPES,
	RULES_FORMAT_POSTFIX,
	RULES_FORMAT_CAPTURE, /* not read here */
};

struct postfix_log;

/* Called for each recipient; ts_ns is 0 when the moment is not known. Negative: stop, and return that. */
typedef int (*rules_recipients_take)(void *ctx, const struct rules_question *q);

struct rules_recipients {
	enum rules_format format;
	rules_recipients_take take;
	void *ctx;
	struct postfix_log *postfix;
	uint64_t nb_lines;
	uint64_t nb_bad,
		first_bad;   /* lines that are no record of the form, and the number of the first */
	uint64_t nb_omitted; /* recipients that envelope records count but do not name */
};

void rules_recipients_init(struct rules_recipients *r, enum rules_format format,
			   rules_recipients_take take, void *ctx);
void rules_recipients_fini(struct rules_recipients *r);

/* One line; NUL-terminated. 0 or negative. */
int rules_recipients_line(struct rules_recipients *r, const char *line, size_t len, bool is_cut);
/* All lines of @in. -EIO: it could not be read to its end; -ENOMEM. */
int rules_recipients_read(struct rules_recipients *r, FILE *in);

/* What the forms do with a line: 0, negative of @take or -ENOMEM, or 1: it is no record. */
int rules_envelope_line(struct rules_recipients *r, const char *line, size_t len);
int postfix_log_line(struct postfix_log *p, const char *line, size_t len,
		     rules_recipients_take take, void *ctx);
struct postfix_log *postfix_log_new(void); /* NULL: out of memory */
void postfix_log_free(struct postfix_log *p);
/* Does it look like a line that Postfix wrote? */
bool postfix_log_is(const char *line, size_t len);

#endif
