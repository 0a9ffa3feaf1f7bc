/* SPDX-License-Identifier: BSD-3-Clause */
/* smtp - the doors of the machine, and the phases of the client's side */
#include "smtp.h"

#include <string.h>

#include "smtp_session.h"

static uint32_t
align8(size_t n)
{
	return (uint32_t)((n + 7) & ~(size_t)7);
}

static size_t
align64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

size_t
smtp_ctx_mem_size(const struct smtp_limits *l)
{
	return align64(pool_mem_size(l->sessions, align8(sizeof(struct smtp_session)))) +
	       align64(pool_mem_size(l->strings, SMTP_STRING_LEN)) +
	       align64(pool_mem_size(l->big, align8(sizeof(struct smtp_big))));
}

void
smtp_ctx_init(struct smtp_ctx *ctx, void *mem, const struct smtp_limits *l)
{
	uint8_t *p = mem;

	ctx->body_find = smtp_body_find_best();
	pool_init(&ctx->sessions, p, l->sessions, align8(sizeof(struct smtp_session)));
	p += align64(pool_mem_size(l->sessions, ctx->sessions.object_len));
	pool_init(&ctx->strings, p, l->strings, SMTP_STRING_LEN);
	p += align64(pool_mem_size(l->strings, SMTP_STRING_LEN));
	pool_init(&ctx->big, p, l->big, align8(sizeof(struct smtp_big)));
}

void
smtp_open(struct smtp_ctx *ctx, struct smtp *s, unsigned int flags)
{
	(void)ctx;
	*s = (struct smtp){ .phase = SMTP_PHASE_START, .cold = POOL_NONE };
	if (flags & SMTP_OPEN_MIDSTREAM) {
		s->phase = SMTP_PHASE_SYNC;
		s->flags = SMTP_F_MIDSTREAM | SMTP_F_UNSURE;
	}
}

static struct smtp_session *
session_at(const struct smtp_ctx *ctx, const struct smtp *s)
{
	return s->cold == POOL_NONE ? NULL : pool_at(&ctx->sessions, s->cold);
}

static void
count_anomalies(struct smtp_ctx *ctx, uint64_t bits)
{
	for (; bits != 0; bits &= bits - 1)
		ctx->counters->anomaly[__builtin_ctzll(bits)]++;
}

/* A session is tried for with every piece; a connection that went without is in SYNC, not knowing what it missed. */
struct smtp_session *
smtp_session_get(struct smtp_ctx *ctx, struct smtp *s)
{
	struct smtp_session *ss = session_at(ctx, s);
	uint32_t idx;

	if (ss != NULL)
		return ss;
	idx = pool_get(&ctx->sessions);
	if (idx == POOL_NONE) {
		if (!(s->flags & SMTP_F_NO_SESSION)) {
			dp_count(ctx->counters, DP_STAT_POOL_SESSION, 1);
			count_anomalies(ctx, DP_ANOMALY_BIT(RESOURCE));
		}
		s->flags |= SMTP_F_NO_SESSION;
		return NULL;
	}
	ss = pool_at(&ctx->sessions, idx);
	memset(ss, 0, sizeof(*ss));
	ss->helo.idx = ss->sender.idx = ss->line_idx = ss->pending_idx = ss->stash_idx = POOL_NONE;
	ss->line_first = true;
	s->cold = idx;
	if (s->flags & SMTP_F_MIDSTREAM) {
		ss->anomalies |= DP_ANOMALY_BIT(MIDSTREAM);
		ss->unsure = true;
		ss->guess_kind = SMTP_G_MIDSTREAM;
		count_anomalies(ctx, ss->anomalies);
	}
	if (s->flags & SMTP_F_NO_SESSION) {
		ss->anomalies |= DP_ANOMALY_BIT(RESOURCE);
		ss->unsure = true;
		ss->nb_rcpts0 = ss->nb_replied0 = (uint32_t)s->body_octets;
		s->body_octets = 0;
	} else if (s->phase == SMTP_PHASE_START || s->phase == SMTP_PHASE_SYNC) {
		s->flags |= SMTP_F_GUESS;
	}
	return ss;
}

void
smtp_anomaly(struct smtp_run *run, uint64_t bits)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_client(run);

	count_anomalies(run->ctx, bits & ~(ss->anomalies | ss->server_anomalies));
	ss->anomalies |= bits;
	if (t != NULL)
		t->anomalies |= bits;
}

void
smtp_anomaly_reply(struct smtp_run *run, uint64_t bits)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);

	count_anomalies(run->ctx, bits & ~(ss->anomalies | ss->server_anomalies));
	ss->server_anomalies |= bits;
	if (t != NULL)
		t->anomalies |= bits;
}

void
smtp_go_opaque(struct smtp_run *run)
{
	run->s->phase = SMTP_PHASE_OPAQUE;
	dp_count(run->ctx->counters, DP_STAT_FLOWS_OPAQUE, 1);
	run->s->flags |= SMTP_F_OPAQUE;
	run->s->flags &= (uint16_t)~(SMTP_F_GUESS | SMTP_F_TLS);
	run->ss->wait = SMTP_W_NONE;
	smtp_line_drop(run);
}

enum smtp_phase
smtp_command_phase(const struct smtp *s)
{
	return s->flags & SMTP_F_UNSURE ? SMTP_PHASE_SYNC : SMTP_PHASE_COMMAND;
}

static void
lenient_end(struct smtp_run *run)
{
	struct smtp *s = run->s;

	run->ss->alt_left = SMTP_ALT_LINES;
	s->flags |= SMTP_F_LENIENT;
	if (!(s->flags & SMTP_F_ALT)) {
		s->flags |= SMTP_F_ALT;
		s->flags &= (uint16_t)~SMTP_F_SKIP;
		smtp_line_drop(run);
	}
	smtp_anomaly(run, DP_ANOMALY_BIT(LENIENT_EOD));
}

static size_t
body_feed(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp *s = run->s;
	enum smtp_body_found found;
	size_t n;

	n = smtp_body_scan(run->ctx->body_find, &s->eod, p, len, &found);
	s->body_octets += n;
	if (s->flags & SMTP_F_ALT)
		smtp_body_lines(run, p, n);
	if (found == SMTP_BODY_END) {
		s->body_octets -= 3; /* ".\r\n" */
		smtp_line_drop(run);
		smtp_message_end(run);
	} else if (found == SMTP_BODY_LENIENT) {
		lenient_end(run);
	}
	return n;
}

static size_t
chunk_feed(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp *s = run->s;
	size_t n = s->chunk_left < len ? (size_t)s->chunk_left : len;

	if (s->flags & SMTP_F_ALT)
		smtp_body_lines(run, p, n);
	s->chunk_left -= n;
	if (!(s->flags & SMTP_F_PREAMBLE))
		s->body_octets += n;
	if (s->chunk_left == 0) {
		smtp_chunk_end(run);
		s->flags &= (uint16_t)~SMTP_F_PREAMBLE;
		s->phase = smtp_command_phase(s);
	}
	return n;
}

size_t
smtp_client_loop(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp *s = run->s;
	size_t off = 0;

	while (off < len) {
		size_t n;

		if (s->phase == SMTP_PHASE_WAIT)
			break;
		if (s->flags & SMTP_F_GUESS) {
			run->call_off += (int64_t)off;
			n = smtp_guess_feed(run, p + off, len - off);
			run->call_off -= (int64_t)off;
			off += n;
			continue;
		}
		switch (s->phase) {
		case SMTP_PHASE_OPAQUE:
			return len;
		case SMTP_PHASE_BODY:
			off += body_feed(run, p + off, len - off);
			break;
		case SMTP_PHASE_CHUNK:
			n = off;
			run->call_off += (int64_t)n;
			off += chunk_feed(run, p + off, len - off);
			run->call_off -= (int64_t)n;
			break;
		default:
			run->call_off += (int64_t)off;
			n = smtp_line_feed(run, p + off, len - off);
			run->call_off -= (int64_t)off;
			off += n;
			break;
		}
	}
	return off;
}

size_t
smtp_client_data(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len)
{
	struct smtp_run run = { .ctx = ctx, .s = s, .owner = owner };
	size_t off = 0;

	if (s->phase == SMTP_PHASE_OPAQUE || s->flags & SMTP_F_TURNED)
		return len;
	run.ss = smtp_session_get(ctx, s);
	if (run.ss == NULL)
		return smtp_client_bare(&run, p, len);
	if (s->phase == SMTP_PHASE_START && len > 0)
		s->phase = smtp_command_phase(s);
	for (;;) {
		run.call_off = (int64_t)off;
		off += smtp_client_loop(&run, p + off, len - off);
		if (!(s->flags & SMTP_F_STASH))
			return off;
		smtp_stash_feed(&run);
		if (s->flags & SMTP_F_TURNED)
			return len;
	}
}

void
smtp_note(struct smtp_ctx *ctx, struct smtp *s, uint64_t anomalies)
{
	struct smtp_run run = { .ctx = ctx, .s = s };

	if (anomalies == 0)
		return;
	run.ss = smtp_session_get(ctx, s);
	if (run.ss != NULL)
		smtp_anomaly(&run, anomalies);
}

void
smtp_summary(const struct smtp_ctx *ctx, const struct smtp *s, struct smtp_summary *ret)
{
	const struct smtp_session *ss = session_at(ctx, s);

	*ret = (struct smtp_summary){
		.flags = (uint16_t)((s->flags & (SMTP_F_OPAQUE | SMTP_F_TLS) ? DP_FLOW_OPAQUE : 0) |
				    (s->flags & SMTP_F_STARTTLS ? DP_FLOW_STARTTLS : 0) |
				    (s->flags & SMTP_F_SMTP ? DP_FLOW_SMTP : 0)),
		.anomalies = (s->flags & SMTP_F_MIDSTREAM ? DP_ANOMALY_BIT(MIDSTREAM) : 0) |
			     (s->flags & SMTP_F_NO_SESSION ? DP_ANOMALY_BIT(RESOURCE) : 0),
	};
	if (ss == NULL) {
		/* Recipients were counted in body_octets and may have matched: the end is wanted. */
		ret->reported = (s->flags & SMTP_F_NO_SESSION) != 0 && s->body_octets != 0;
		return;
	}
	ret->nb_transactions = ss->nb_transactions;
	ret->reported = ss->reported;
	ret->anomalies |= ss->anomalies | ss->server_anomalies;
	smtp_kept_str(ctx, &ss->helo, &ret->helo);
}

void
smtp_close(struct smtp_ctx *ctx, struct smtp *s, void *owner)
{
	struct smtp_run run = { .ctx = ctx, .s = s, .ss = session_at(ctx, s), .owner = owner };

	if (run.ss != NULL) {
		smtp_stash_flush(&run);
		if (s->flags & SMTP_F_TLS)
			dp_count(ctx->counters, DP_STAT_FLOWS_OPAQUE, 1);
		smtp_pending_unknown(&run, false);
		smtp_txn_client_close(&run, false);
		smtp_txn_finish(&run);
		smtp_line_drop(&run);
		smtp_kept_drop(ctx, &run.ss->helo);
		smtp_kept_drop(ctx, &run.ss->sender);
		if (run.ss->pending_idx != POOL_NONE)
			pool_put(&ctx->big, run.ss->pending_idx);
		pool_put(&ctx->sessions, s->cold);
	}
	*s = (struct smtp){ .cold = POOL_NONE };
}
