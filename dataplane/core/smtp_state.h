/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_state - the state of the SMTP machine at one command line, carried to another machine that goes on from there
 *
 * What:      a connection is taken over at the line of its first refused recipient. smtp_state_get() describes the machine
 *            as it was before that line; the worker keeps what it needs of it while it waits for the verdict, asks
 *            smtp_state_owed() and smtp_state_server() when it hands over, and the responder's machine begins with
 *            smtp_state_resume().
 * Limits:    a machine that is not in step with replies (a gap, forgotten commands), LMTP, and what turned or went dark
 *            cannot be carried.
 * Ownership: spans are valid during the call in which they were given.
 * Threads:   as smtp.h.
 */
#ifndef POSTERN_SMTP_STATE_H
#define POSTERN_SMTP_STATE_H

#include "dp_takeover.h"
#include "smtp.h"

enum {
	SMTP_STATE_SERVER_MAX = 20, /* octets kept of a server line that is not whole */
};

struct smtp_state {
	uint32_t commands; /* names the line, for smtp_state_owed() */
	uint32_t transaction; /* open, 0: none */
	uint32_t nb_transactions;
	uint32_t nb_rcpts; /* of it; of transaction 0 when none is open */
	uint16_t flags;	   /* enum dp_takeover_flags */
	uint64_t anomalies;
	struct smtp_str helo, sender;
};

/* Server octets since the last line end: the head of a line, and whether it belongs to a reply that has begun. */
struct smtp_state_server {
	bool multi;
	uint8_t len;
	uint8_t head[SMTP_STATE_SERVER_MAX];
};

/* In smtp_ops.rcpt(), for a recipient with an index. False: this machine cannot be carried. */
bool smtp_state_get(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state *ret);

/*
 * The commands before the line that smtp_state_get() named (its @commands) that have no reply by now: enum dp_owed each,
 * oldest first. How many; -1: that is not known any more, or they are more than @max.
 */
int smtp_state_owed(const struct smtp_ctx *ctx, const struct smtp *s, uint32_t commands, uint8_t *owed, unsigned int max);
/* Octets of the command line that has begun and not ended. 0: none, or what is read is no command. */
uint32_t smtp_state_line(const struct smtp_ctx *ctx, const struct smtp *s);
/* What is known by now, whatever the machine reads: MAIL commands, HELO name and last sender, anomalies. */
void smtp_state_names(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state *ret);
void smtp_state_server(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state_server *ret);

/* @s, opened just now, goes on from @state. False: no memory. */
bool smtp_state_resume(struct smtp_ctx *ctx, struct smtp *s, const struct smtp_state *state, const uint8_t *owed,
		       unsigned int nb_owed, const struct smtp_state_server *server);

/* Replies that are still to come for what was given to smtp_client_data(). */
uint32_t smtp_owed(const struct smtp_ctx *ctx, const struct smtp *s);

/* Do the client's octets have lines that are commands? Not in TLS, or what seems to be, nor with the sides exchanged. */
bool smtp_is_clear(const struct smtp *s);

/* In what is no command, are there lines that another server would read as commands? */
bool smtp_reads_lines(const struct smtp *s);

#endif
