/* SPDX-License-Identifier: BSD-3-Clause */
#include "smtp_state.h"

#include <string.h>

#include "smtp_session.h"

#define SAME(name) _Static_assert((int)SMTP_P_##name == (int)DP_OWED_##name, "kinds of commands have the same numbers")
SAME(OTHER);
SAME(MAIL);
SAME(RCPT);
SAME(RCPT_OPEN);
SAME(DATA);
SAME(END);
SAME(RESET);
SAME(EHLO);
SAME(LHLO);
SAME(QUIT);
SAME(STARTTLS);
SAME(AUTH);
SAME(CHUNK);
SAME(BDAT);
SAME(TURN);
_Static_assert((int)SMTP_STATE_SERVER_MAX == (int)SMTP_SERVER_HEAD, "the head of a server line is carried whole");

static const struct smtp_session *
session_of(const struct smtp_ctx *ctx, const struct smtp *s)
{
	return s->cold == POOL_NONE ? NULL : pool_at(&ctx->sessions, s->cold);
}

static bool
in_step(const struct smtp *s, const struct smtp_session *ss)
{
	const uint16_t odd = SMTP_F_SKIP | SMTP_F_UNSURE | SMTP_F_TLS | SMTP_F_GUESS | SMTP_F_OPAQUE | SMTP_F_MIDSTREAM |
			     SMTP_F_TURNED;

	return (s->flags & odd) == 0 && !ss->unsure && !ss->lmtp && ss->pending_skip == 0 && ss->lmtp_left == 0 &&
	       ((ss->anomalies | ss->server_anomalies) & SMTP_REPLIES_MISSED) == 0;
}

bool
smtp_state_get(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state *ret)
{
	const struct smtp_session *ss = session_of(ctx, s);
	const struct smtp_txn *t;

	if (ss == NULL || s->phase != SMTP_PHASE_COMMAND || !in_step(s, ss) || !ss->client_open)
		return false;
	t = &ss->txns[(ss->txn_head + ss->txn_nb - 1u) % SMTP_TXNS_MAX];
	*ret = (struct smtp_state){
		.commands = ss->nb_commands,
		.transaction = t->number,
		.nb_transactions = ss->nb_transactions,
		.nb_rcpts = (t->number == 0 ? ss->nb_rcpts0 : t->nb_rcpts) - 1,
		.flags = (uint16_t)((ss->caps & SMTP_CAP_CHUNKING ? DP_TAKEOVER_CHUNKING : 0) |
				    (ss->utf8 ? DP_TAKEOVER_SMTPUTF8 : 0) | (ss->ehlo_seen ? DP_TAKEOVER_EHLO : 0)),
		.anomalies = ss->anomalies | ss->server_anomalies,
	};
	smtp_kept_str(ctx, &ss->helo, &ret->helo);
	smtp_kept_str(ctx, &ss->sender, &ret->sender);
	return true;
}

int
smtp_state_owed(const struct smtp_ctx *ctx, const struct smtp *s, uint32_t commands, uint8_t *owed, unsigned int max)
{
	const struct smtp_session *ss = session_of(ctx, s);
	const uint8_t *ring;
	uint32_t later;
	unsigned int i, nb, cap = SMTP_PENDING_INLINE;

	/* A greeting that is still to come is no reply to a command, and replies that were put by have gone on. */
	if (ss == NULL || !ss->greeted || ss->stash_idx != POOL_NONE || ss->unsure || ss->pending_skip > 0 || ss->lmtp_left > 0 ||
	    ((ss->anomalies | ss->server_anomalies) & SMTP_REPLIES_MISSED) != 0)
		return -1;
	later = ss->nb_commands - commands;
	nb = ss->pending_nb > later ? ss->pending_nb - later : 0;
	if (nb > max)
		return -1;
	ring = ss->pending;
	if (ss->pending_idx != POOL_NONE) {
		ring = pool_at(&ctx->big, ss->pending_idx);
		cap = SMTP_PENDING_MAX;
	}
	for (i = 0; i < nb; i++)
		owed[i] = ring[(ss->pending_head + i) & (cap - 1)] & SMTP_P_KIND;
	return (int)nb;
}

uint32_t
smtp_state_line(const struct smtp_ctx *ctx, const struct smtp *s)
{
	const struct smtp_session *ss = session_of(ctx, s);

	return ss != NULL && s->phase == SMTP_PHASE_COMMAND ? ss->line_octets : 0;
}

void
smtp_state_names(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state *ret)
{
	const struct smtp_session *ss = session_of(ctx, s);

	*ret = (struct smtp_state){ .transaction = 0 };
	if (ss == NULL)
		return;
	ret->nb_transactions = ss->nb_transactions;
	ret->anomalies = ss->anomalies | ss->server_anomalies;
	smtp_kept_str(ctx, &ss->helo, &ret->helo);
	smtp_kept_str(ctx, &ss->sender, &ret->sender);
}

void
smtp_state_server(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_state_server *ret)
{
	const struct smtp_session *ss = session_of(ctx, s);

	*ret = (struct smtp_state_server){ .len = 0 };
	if (ss == NULL)
		return;
	ret->multi = ss->server_multi;
	ret->len = ss->server_len;
	memcpy(ret->head, ss->server_head, ss->server_len);
}

/*
 * What waits for replies of transactions before the open one is of no interest but for its number; and nothing that the
 * client has to wait for can be among them.
 */
static unsigned int
pending_kind(const uint8_t *owed, unsigned int i, int last_mail)
{
	switch (owed[i]) {
	case DP_OWED_EHLO:
		return SMTP_P_EHLO;
	case DP_OWED_MAIL:
		return (int)i == last_mail ? SMTP_P_MAIL : SMTP_P_OTHER;
	case DP_OWED_RCPT:
		return (int)i > last_mail ? SMTP_P_RCPT : SMTP_P_OTHER;
	default:
		return SMTP_P_OTHER;
	}
}

static void
resume_pending(struct smtp_run *run, const struct smtp_state *state, const uint8_t *owed, unsigned int nb)
{
	struct smtp_session *ss = run->ss;
	unsigned int i, nb_rcpts = 0;
	int last_mail = -1;

	for (i = 0; i < nb && state->transaction != 0; i++)
		if (owed[i] == DP_OWED_MAIL)
			last_mail = (int)i;
	for (i = 0; i < nb; i++) {
		unsigned int kind = pending_kind(owed, i, last_mail);

		if (kind == SMTP_P_RCPT && state->transaction == 0)
			kind = SMTP_P_OTHER;
		nb_rcpts += kind == SMTP_P_RCPT;
		smtp_pending_push(run, kind);
	}
	if (state->transaction == 0) {
		ss->nb_replied0 = state->nb_rcpts;
	} else if (last_mail < 0) {
		ss->reply_open = true;
		ss->nb_replied = state->nb_rcpts > nb_rcpts ? state->nb_rcpts - nb_rcpts : 0;
	}
}

bool
smtp_state_resume(struct smtp_ctx *ctx, struct smtp *s, const struct smtp_state *state, const uint8_t *owed,
		  unsigned int nb_owed, const struct smtp_state_server *server)
{
	struct smtp_run run = { .ctx = ctx, .s = s };
	struct smtp_session *ss = run.ss = smtp_session_get(ctx, s);
	struct smtp_txn *t;

	if (ss == NULL)
		return false;
	s->phase = SMTP_PHASE_COMMAND;
	s->flags = SMTP_F_SMTP | SMTP_F_SERVER_SEEN;
	ss->line_first = false;
	ss->greeted = true;
	ss->ehlo_seen = (state->flags & DP_TAKEOVER_EHLO) != 0;
	ss->utf8 = (state->flags & DP_TAKEOVER_SMTPUTF8) != 0;
	ss->caps = state->flags & DP_TAKEOVER_CHUNKING ? SMTP_CAP_CHUNKING : 0;
	ss->anomalies = state->anomalies;
	ss->nb_transactions = state->nb_transactions;
	smtp_kept_set(&run, &ss->helo, &state->helo, DP_STR_HELO_MAX);
	smtp_kept_set(&run, &ss->sender, &state->sender, DP_STR_SENDER_MAX);
	if (state->transaction != 0) {
		t = smtp_txn_open(&run, state->transaction);
		t->nb_rcpts = state->nb_rcpts;
		t->anomalies = state->anomalies;
	} else {
		ss->nb_rcpts0 = state->nb_rcpts;
	}
	resume_pending(&run, state, owed, nb_owed);
	ss->server_multi = server->multi;
	ss->server_len = server->len < SMTP_SERVER_HEAD ? server->len : SMTP_SERVER_HEAD;
	memcpy(ss->server_head, server->head, ss->server_len);
	return true;
}

uint32_t
smtp_owed(const struct smtp_ctx *ctx, const struct smtp *s)
{
	const struct smtp_session *ss = session_of(ctx, s);

	return ss == NULL ? 0 : ss->pending_nb + ss->pending_skip + ss->lmtp_left;
}

bool
smtp_is_clear(const struct smtp *s)
{
	return s->phase != SMTP_PHASE_OPAQUE && (s->flags & (SMTP_F_TLS | SMTP_F_TURNED)) == 0;
}

bool
smtp_reads_lines(const struct smtp *s)
{
	return (s->flags & (SMTP_F_ALT | SMTP_F_TLS)) != 0;
}
