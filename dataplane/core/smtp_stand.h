/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_stand - where a session stands, for who goes on with it in the inspector's place
 *
 * What:      the command side at one line (smtp_stand_now(), asked when that line is reported), and the replies that are
 *            still owed to the commands before it (smtp_stand_owed(), asked when the connection is handed over).
 * Units:     commands are counted from the beginning of the session, modulo 2^32.
 * Threads:   the worker's, as the SMTP machine.
 */
#ifndef POSTERN_SMTP_STAND_H
#define POSTERN_SMTP_STAND_H

#include "smtp.h"

struct smtp_stand {
	bool in_commands;	  /* the line being read is a command, and nothing makes that doubtful */
	uint32_t commands;	  /* read before that line */
	uint32_t nb_transactions; /* MAIL commands before it */
	uint32_t nb_rcpts;	  /* recipients of the open transaction, of 0 when none is */
};

/* In smtp_ops.rcpt(), of the line being reported; its own recipient is counted, its command not. */
void smtp_stand_now(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_stand *ret);

/* Octets of the command line that has begun and not ended. 0: none, or what is read is no command. */
uint32_t smtp_stand_line(const struct smtp_ctx *ctx, const struct smtp *s);

/*
 * Kinds (enum smtp_pending without SMTP_P_REPORT) of those of the first @commands commands of the session that have no
 * reply yet, oldest first, to @out, which holds SMTP_PENDING_MAX. Their number; -EAGAIN: the server is in the middle of a
 * reply, or has not greeted yet; -ENODATA: which replies are owed is not known.
 */
int smtp_stand_owed(struct smtp_ctx *ctx, struct smtp *s, uint32_t commands, uint8_t *out);

enum smtp_stand_flags {
	SMTP_STAND_CHUNKING = 1u << 0,
	SMTP_STAND_UTF8 = 1u << 1, /* the last MAIL said SMTPUTF8 */
	SMTP_STAND_EHLO = 1u << 2,
};

/* What is known of the session by now. Strings are valid until it is fed again. */
struct smtp_stand_names {
	unsigned int flags; /* enum smtp_stand_flags */
	uint32_t nb_transactions;
	uint64_t anomalies;
	struct smtp_str helo, sender;
};
void smtp_stand_names(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_stand_names *ret);

#endif
