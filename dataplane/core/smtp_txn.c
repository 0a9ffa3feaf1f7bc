/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_txn - pending commands, transactions and their ends
 *
 * Pending commands are a ring of one octet each: inline at first, in an object of ctx->big when there are more.
 * Transactions are a ring too. The client's side opens them at its end; the reply side follows, command by command, and
 * ends them at its head: a transaction ends when what closed it (end of data, RSET, the next MAIL, QUIT) was answered.
 */
#include "smtp_session.h"

_Static_assert((SMTP_PENDING_INLINE & (SMTP_PENDING_INLINE - 1)) == 0 && (SMTP_PENDING_MAX & (SMTP_PENDING_MAX - 1)) == 0,
	       "rings are indexed by masking");

static uint8_t *
pending_ring(struct smtp_run *run, unsigned int *ret_cap)
{
	struct smtp_session *ss = run->ss;

	if (ss->pending_idx == POOL_NONE) {
		*ret_cap = SMTP_PENDING_INLINE;
		return ss->pending;
	}
	*ret_cap = SMTP_PENDING_MAX;
	return pool_at(&run->ctx->big, ss->pending_idx);
}

static unsigned int
pending_at(struct smtp_run *run, unsigned int i)
{
	unsigned int cap;
	const uint8_t *ring = pending_ring(run, &cap);

	return ring[(run->ss->pending_head + i) & (cap - 1)];
}

/* Move the list to a big object; false when there is none. */
static bool
pending_grow(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;
	uint32_t idx = pool_get(&run->ctx->big);
	uint8_t *ring;
	unsigned int i;

	if (idx == POOL_NONE) {
		dp_count(run->ctx->counters, DP_STAT_POOL_STRING, 1);
		smtp_anomaly(run, DP_ANOMALY_BIT(RESOURCE));
		return false;
	}
	ring = pool_at(&run->ctx->big, idx);
	for (i = 0; i < ss->pending_nb; i++)
		ring[i] = (uint8_t)pending_at(run, i);
	ss->pending_idx = idx;
	ss->pending_head = 0;
	return true;
}

/* The answer to the first pending command will be of no interest; it still counts, or those after it are misread. */
static void
pending_forget(struct smtp_run *run)
{
	smtp_pending_pop(run, 0);
	if (!run->ss->unsure)
		run->ss->pending_skip++;
}

void
smtp_pending_push(struct smtp_run *run, unsigned int entry)
{
	struct smtp_session *ss = run->ss;
	unsigned int cap;
	uint8_t *ring;

	if (ss->pending_nb == SMTP_PENDING_MAX || (ss->pending_nb == SMTP_PENDING_INLINE &&
						  ss->pending_idx == POOL_NONE && !pending_grow(run))) {
		dp_count(run->ctx->counters, DP_STAT_PENDING_LIMIT, ss->pending_nb);
		smtp_anomaly(run, DP_ANOMALY_BIT(PENDING_LIMIT));
		while (ss->pending_nb > 0)
			pending_forget(run);
	}
	ring = pending_ring(run, &cap);
	ring[(ss->pending_head + ss->pending_nb) & (cap - 1)] = (uint8_t)entry;
	ss->pending_nb++;
	ss->nb_commands++;
	if (entry == SMTP_P_EHLO || entry == SMTP_P_LHLO)
		ss->ehlo_pending++;
}

/* Place of the first pending command of this kind, -1: none. */
int
smtp_pending_find(struct smtp_run *run, enum smtp_pending kind)
{
	unsigned int i;

	for (i = 0; i < run->ss->pending_nb; i++)
		if ((pending_at(run, i) & SMTP_P_KIND) == kind)
			return (int)i;
	return -1;
}

int
smtp_pending_first(struct smtp_run *run)
{
	return run->ss->pending_nb == 0 ? -1 : (int)(pending_at(run, 0) & SMTP_P_KIND);
}

struct smtp_txn *
smtp_txn_client(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	if (!ss->client_open)
		return NULL;
	return &ss->txns[(ss->txn_head + ss->txn_nb - 1u) % SMTP_TXNS_MAX];
}

struct smtp_txn *
smtp_txn_reply(struct smtp_run *run)
{
	return run->ss->reply_open ? &run->ss->txns[run->ss->txn_head] : NULL;
}

/* Begin a transaction on the client's side. */
struct smtp_txn *
smtp_txn_open(struct smtp_run *run, uint32_t number)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t;

	/* Each has its closing command among the pending ones: giving up enough replies ends the oldest. */
	if (ss->txn_nb == SMTP_TXNS_MAX) {
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(REPLY_UNSEEN));
		while (ss->txn_nb == SMTP_TXNS_MAX && ss->pending_nb > 0)
			pending_forget(run);
	}
	if (ss->txn_nb == SMTP_TXNS_MAX) {
		ss->reply_open = true;
		smtp_txn_reply_end(run, false);
	}
	t = &ss->txns[(ss->txn_head + ss->txn_nb) % SMTP_TXNS_MAX];
	*t = (struct smtp_txn){ .number = number };
	ss->txn_nb++;
	ss->client_open = true;
	return t;
}

/* The client's side is done with its transaction; the reply side ends it later. */
void
smtp_txn_client_close(struct smtp_run *run, bool by_reset)
{
	struct smtp_txn *t = smtp_txn_client(run);

	if (t != NULL) {
		t->body_octets = run->s->body_octets;
		if (by_reset)
			t->flags |= SMTP_TXN_QUIT;
	}
	dp_count(run->ctx->counters, DP_STAT_BODY_OCTETS, run->s->body_octets);
	run->s->body_octets = 0;
	run->ss->client_open = false;
}

/* The message is whole, its reply is owed - or came before its end. */
void
smtp_txn_message_end(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;
	unsigned int early = ss->early_reply;

	ss->early_reply = 0;
	smtp_pending_push(run, ss->client_open ? SMTP_P_END : SMTP_P_OTHER);
	smtp_txn_client_close(run, false);
	if (early != 0)
		smtp_pending_pop(run, early);
}

void
smtp_txn_reply_end(struct smtp_run *run, bool complete)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);
	struct smtp_txn_end end;

	if (t == NULL)
		return;
	end = (struct smtp_txn_end){
		.transaction = t->number,
		.nb_rcpts = t->nb_rcpts,
		.body_octets = t->body_octets,
		.anomalies = t->anomalies,
		.kind = t->kind,
		.go_reply = t->go_reply,
		.data_reply = t->data_reply,
		.complete = complete && !(t->flags & SMTP_TXN_GAP),
	};
	ss->reply_open = false;
	ss->txn_head = (uint8_t)((ss->txn_head + 1u) % SMTP_TXNS_MAX);
	ss->txn_nb--;
	if (run->ctx->all_events || (t->flags & SMTP_TXN_REPORT) != 0)
		run->ctx->ops->txn_end(run->ctx->ops_ctx, run->owner, &end);
}

/* The connection is over and no command is pending: what is still open ends unfinished. */
void
smtp_txn_finish(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	while (ss->txn_nb > 0) {
		struct smtp_txn *t = &ss->txns[ss->txn_head];

		ss->reply_open = true;
		smtp_txn_reply_end(run, (t->flags & SMTP_TXN_REFUSED) != 0);
	}
}

/* The reply side comes to the next transaction. One that is still open there was not closed by the client but by this. */
static void
reply_open(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);

	if (t != NULL) {
		bool refused = (t->flags & SMTP_TXN_REFUSED) != 0;

		if (!refused && t->number != 0)
			smtp_anomaly_reply(run, DP_ANOMALY_BIT(NESTED_MAIL));
		smtp_txn_reply_end(run, refused);
	}
	ss->reply_open = ss->txn_nb > 0;
	ss->nb_replied = 0;
	ss->lmtp_accepted = 0;
}

static void
pop_rcpt(struct smtp_run *run, unsigned int entry, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);
	uint32_t index;

	if (t == NULL)
		return;
	index = ++ss->nb_replied;
	if (t->number == 0)
		index = ++ss->nb_replied0;
	if (code / 100 == 2)
		ss->lmtp_accepted++;
	if (code != 0 && (run->ctx->all_events || (entry & SMTP_P_REPORT) != 0))
		run->ctx->ops->rcpt_reply(run->ctx->ops_ctx, run->owner, t->number, index, (uint16_t)code);
}

/*
 * What the client sends next follows from the answer to DATA. Postfix and Exim send the message after any 3xx only; after
 * 2xx there is no telling what other clients do, or what the server takes it for.
 */
static void
pop_data(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	struct smtp_txn *t = smtp_txn_reply(run);
	bool waited = ss->wait == SMTP_W_DATA && ss->pending_nb == 0;
	bool go = code / 100 == 3;

	if (code != 0 && code != 354 && (go || code < 400))
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
	if (t != NULL) {
		t->go_reply = (uint16_t)code;
		if (run->ctx->all_events || (t->flags & SMTP_TXN_REPORT) != 0)
			run->ctx->ops->data(run->ctx->ops_ctx, run->owner, t->number, DP_DATA_DATA, (uint16_t)code);
	}
	if (code == 0)
		return;
	if (waited) {
		ss->wait = SMTP_W_NONE;
		s->phase = smtp_command_phase(s);
		if (go) {
			smtp_body_begin(run, ss->wait_gap);
		} else if (ss->wait_gap) {
			s->phase = SMTP_PHASE_SYNC;
		} else if (code < 300) {
			ss->guess_kind = SMTP_G_ODD;
			ss->guess_len = 0;
			s->flags |= SMTP_F_GUESS;
		}
	} else if ((s->flags & SMTP_F_GUESS) && ss->guess_kind == SMTP_G_DATA) {
		ss->guess_kind = SMTP_G_DECIDED;
		if (go)
			smtp_body_begin(run, false);
		else
			s->phase = smtp_command_phase(s);
	}
}

static void
pop_end(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);

	if (code / 100 == 2)
		dp_count(run->ctx->counters, DP_STAT_MESSAGES, 1);
	if (ss->lmtp && ss->lmtp_accepted > 1)
		ss->lmtp_left = ss->lmtp_accepted - 1; /* RFC 2033 §4.2: one reply for each accepted recipient */
	if (t != NULL)
		t->data_reply = (uint16_t)code;
	smtp_txn_reply_end(run, code != 0);
}

static void
pop_starttls(struct smtp_run *run, unsigned int code)
{
	struct smtp *s = run->s;

	if (run->ss->wait != SMTP_W_STARTTLS || code == 0)
		return;
	run->ss->wait = SMTP_W_NONE;
	s->phase = run->ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(s);
	if (code / 100 != 2)
		return;
	s->flags |= SMTP_F_STARTTLS | SMTP_F_TLS;
}

/*
 * The sides are exchanged (RFC 821 §3.8, RFC 2645): from now on the client's octets are replies, and those of the server
 * are read as the lines of an endless chunk in doubt would be.
 */
static void
pop_turn(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	bool waited = ss->wait == SMTP_W_TURN;

	if (code == 0)
		return;
	if (waited) {
		ss->wait = SMTP_W_NONE;
		s->phase = ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(s);
	}
	if (code / 100 != 2)
		return;
	smtp_anomaly(run, DP_ANOMALY_BIT(TURNED));
	if (!waited)
		return;
	s->flags |= SMTP_F_TURNED | SMTP_F_ALT | SMTP_F_PREAMBLE;
	s->phase = SMTP_PHASE_CHUNK;
	s->chunk_left = UINT64_MAX;
}

static void
pop_auth(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;

	if (code == 0)
		return;
	if (ss->wait == SMTP_W_AUTH) {
		ss->wait = SMTP_W_NONE;
		s->phase = ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(s);
		if (code / 100 == 3 && !ss->wait_gap)
			s->phase = SMTP_PHASE_AUTH_LINE;
	} else if ((s->flags & SMTP_F_GUESS) && ss->guess_kind == SMTP_G_AUTH) {
		ss->guess_kind = SMTP_G_DECIDED;
		s->phase = code / 100 == 3 ? SMTP_PHASE_AUTH_LINE : smtp_command_phase(s);
	}
}

static void
pop_ehlo(struct smtp_run *run, unsigned int kind, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_reply(run);

	smtp_txn_reply_end(run, t != NULL && (t->flags & (SMTP_TXN_QUIT | SMTP_TXN_REFUSED)) != 0);
	if (kind == SMTP_P_EHLO || kind == SMTP_P_LHLO) {
		ss->ehlo_pending--;
		if (code / 100 == 2) {
			ss->ehlo_seen = true;
			ss->lmtp = kind == SMTP_P_LHLO;
		}
	}
	if (code / 100 == 2 && kind != SMTP_P_RESET && run->s->phase == SMTP_PHASE_COMMAND)
		run->s->flags &= (uint16_t)~SMTP_F_UNSURE;
	/* Whether a chunk follows is known now. */
	if (ss->wait == SMTP_W_BDAT && ss->ehlo_pending == 0)
		smtp_bdat_decide(run);
}

/* The first pending command was answered with @code, or its answer will not be seen (0). */
void
smtp_pending_pop(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	unsigned int entry = pending_at(run, 0), kind = entry & SMTP_P_KIND, cap;
	struct smtp_txn *t;

	pending_ring(run, &cap);
	ss->pending_head = (uint16_t)((ss->pending_head + 1u) % cap);
	if (--ss->pending_nb == 0) {
		if (ss->pending_idx != POOL_NONE)
			pool_put(&run->ctx->big, ss->pending_idx);
		ss->pending_idx = POOL_NONE;
		ss->pending_head = 0;
	}
	switch (kind) {
	case SMTP_P_MAIL:
		reply_open(run);
		t = smtp_txn_reply(run);
		if (t != NULL && code >= 400)
			t->flags |= SMTP_TXN_REFUSED;
		break;
	case SMTP_P_RCPT_OPEN:
		reply_open(run);
		pop_rcpt(run, entry, code);
		break;
	case SMTP_P_RCPT:
		pop_rcpt(run, entry, code);
		break;
	case SMTP_P_DATA:
		pop_data(run, code);
		break;
	case SMTP_P_END:
		pop_end(run, code);
		break;
	case SMTP_P_RESET:
	case SMTP_P_QUIT:
	case SMTP_P_EHLO:
	case SMTP_P_LHLO:
		pop_ehlo(run, kind, code);
		break;
	case SMTP_P_STARTTLS:
		pop_starttls(run, code);
		break;
	case SMTP_P_AUTH:
		pop_auth(run, code);
		break;
	case SMTP_P_TURN:
		pop_turn(run, code);
		break;
	case SMTP_P_BDAT:
		if (code != 0 && run->ss->wait == SMTP_W_TAKEN && run->ss->pending_nb == 0)
			smtp_bdat_answered(run, code);
		break;
	case SMTP_P_CHUNK:
		if (code >= 400 && run->s->phase == SMTP_PHASE_CHUNK)
			smtp_chunk_refused(run);
		break;
	default:
		break;
	}
}

void
smtp_pending_forget_wait(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	/* It is the last: nothing was read after it. Alone it is popped, which gives the list's memory back. */
	if (ss->pending_nb > 1) {
		ss->pending_nb--;
		ss->nb_commands--;
	} else if (ss->pending_nb == 1) {
		smtp_pending_pop(run, 0);
	}
}

void
smtp_pending_unknown(struct smtp_run *run, bool keep_wait)
{
	struct smtp_session *ss = run->ss;
	/* What is waited for is always the last: nothing was read after it. */
	unsigned int keep = keep_wait && ss->wait != SMTP_W_NONE && ss->wait != SMTP_W_BDAT &&
			    ss->wait != SMTP_W_TLS ? 1 : 0;

	while (ss->pending_nb > keep)
		smtp_pending_pop(run, 0);
	ss->unsure = true;
	ss->streak = 0;
	ss->lmtp_left = 0;
	ss->pending_skip = 0;
}
