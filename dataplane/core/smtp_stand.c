/* SPDX-License-Identifier: BSD-3-Clause */
#include "smtp_stand.h"

#include <errno.h>
#include <string.h>

#include "smtp_session.h"

static struct smtp_session *
session_of(const struct smtp_ctx *ctx, const struct smtp *s)
{
	return s->cold == POOL_NONE ? NULL : pool_at(&ctx->sessions, s->cold);
}

static bool
in_commands(const struct smtp *s, const struct smtp_session *ss)
{
	const uint16_t doubt = SMTP_F_ALT | SMTP_F_UNSURE | SMTP_F_TLS | SMTP_F_GUESS | SMTP_F_OPAQUE | SMTP_F_TURNED;

	return s->phase == SMTP_PHASE_COMMAND && (s->flags & doubt) == 0 && !ss->unsure;
}

void
smtp_stand_now(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_stand *ret)
{
	const struct smtp_session *ss = session_of(ctx, s);
	const struct smtp_txn *t;

	memset(ret, 0, sizeof(*ret));
	if (ss == NULL)
		return;
	ret->in_commands = in_commands(s, ss);
	ret->commands = ss->nb_commands;
	ret->nb_transactions = ss->nb_transactions;
	ret->nb_rcpts = ss->nb_rcpts0;
	if (ss->client_open) {
		t = &ss->txns[(ss->txn_head + ss->txn_nb - 1u) % SMTP_TXNS_MAX];
		if (t->number != 0)
			ret->nb_rcpts = t->nb_rcpts;
	}
}

uint32_t
smtp_stand_line(const struct smtp_ctx *ctx, const struct smtp *s)
{
	const struct smtp_session *ss = session_of(ctx, s);

	return ss != NULL && s->phase == SMTP_PHASE_COMMAND ? ss->line_octets : 0;
}

int
smtp_stand_owed(struct smtp_ctx *ctx, struct smtp *s, uint32_t commands, uint8_t *out)
{
	const struct smtp_session *ss = session_of(ctx, s);
	const uint8_t *ring;
	uint32_t owed, i, mask;

	if (ss == NULL || ss->unsure || ss->lmtp || ss->pending_skip > 0 || s->phase == SMTP_PHASE_OPAQUE ||
	    (s->flags & (SMTP_F_TLS | SMTP_F_TURNED)))
		return -ENODATA;
	if (!ss->greeted || ss->server_len > 0 || ss->server_multi || ss->stash_idx != POOL_NONE)
		return -EAGAIN;
	owed = commands - (ss->nb_commands - ss->pending_nb);
	/* More replies than commands that the server has: it answered what it was not told. */
	if ((int32_t)owed < 0 || owed > ss->pending_nb)
		return -ENODATA;
	ring = ss->pending_idx == POOL_NONE ? ss->pending : pool_at(&ctx->big, ss->pending_idx);
	mask = ss->pending_idx == POOL_NONE ? SMTP_PENDING_INLINE - 1 : SMTP_PENDING_MAX - 1;
	for (i = 0; i < owed; i++)
		out[i] = ring[(ss->pending_head + i) & mask] & SMTP_P_KIND;
	return (int)owed;
}

void
smtp_stand_names(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_stand_names *ret)
{
	const struct smtp_session *ss = session_of(ctx, s);

	memset(ret, 0, sizeof(*ret));
	if (ss == NULL)
		return;
	ret->flags = (ss->caps & SMTP_CAP_CHUNKING ? SMTP_STAND_CHUNKING : 0) | (ss->utf8 ? SMTP_STAND_UTF8 : 0) |
		     (ss->ehlo_seen ? SMTP_STAND_EHLO : 0);
	ret->nb_transactions = ss->nb_transactions;
	ret->anomalies = ss->anomalies | ss->server_anomalies;
	smtp_kept_str(ctx, &ss->helo, &ret->helo);
	smtp_kept_str(ctx, &ss->sender, &ret->sender);
}
