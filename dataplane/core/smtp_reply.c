/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_reply - server lines into replies, and replies to the commands they answer
 *
 * In step, the first pending command is the one that was answered. When octets are missing the number of replies is
 * unknown (ss->unsure): replies are then used up silently until one says which command it answers (354: DATA, 221: QUIT,
 * the lines of EHLO, ...), or until several in a row came one by one with their commands.
 */
#include <string.h>

#include "smtp_session.h"

static void
pop_until(struct smtp_run *run, int at)
{
	while (at-- > 0)
		smtp_pending_pop(run, 0);
	run->ss->unsure = false;
}

/* The final reply came before the end: what follows may be commands to the server. */
static void
early_end(struct smtp_run *run, unsigned int code)
{
	struct smtp *s = run->s;

	if (s->phase == SMTP_PHASE_CHUNK) {
		if (code >= 400)
			smtp_chunk_refused(run);
		return;
	}
	if (!(s->flags & SMTP_F_ALT) && s->eod != SMTP_BODY_LF && s->eod != SMTP_BODY_CRLF)
		s->flags |= SMTP_F_SKIP;
	s->flags |= SMTP_F_ALT;
	run->ss->alt_left = SMTP_ALT_LINES;
	/* Servers do give up inside a message; but they do not accept it there. */
	if (code / 100 == 2 && !run->ss->unsure)
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
}

/* A reply to something we do not know to have been asked. */
static void
surplus(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;

	if (s->phase == SMTP_PHASE_BODY && (s->flags & SMTP_F_LENIENT) != 0 && code != 421 && code >= 200) {
		/* The server took the lenient end for one. Alternative lines went before; now they are commands. */
		bool partial = (s->flags & SMTP_F_ALT) == 0 && s->eod != SMTP_BODY_LF && s->eod != SMTP_BODY_CRLF;

		ss->early_reply = (uint16_t)code;
		s->flags &= (uint16_t)~(SMTP_F_ALT | SMTP_F_LENIENT);
		if (partial)
			s->flags |= SMTP_F_SKIP;
		smtp_txn_message_end(run);
		s->phase = SMTP_PHASE_COMMAND;
	} else if (s->phase == SMTP_PHASE_SYNC && (s->flags & SMTP_F_GAP_BODY) != 0 && code != 421) {
		ss->early_reply = (uint16_t)code;
		s->flags &= (uint16_t)~SMTP_F_GAP_BODY;
		s->flags |= SMTP_F_UNSURE;
		smtp_txn_message_end(run);
		s->phase = SMTP_PHASE_COMMAND;
	} else if (s->phase == SMTP_PHASE_BODY || (s->phase == SMTP_PHASE_CHUNK && ss->bdat_last)) {
		/* Given up early, or seen before the octets it answers - or the server sees an end where we see none. */
		ss->early_reply = (uint16_t)code;
		if (code != 421)
			early_end(run, code);
	} else if (s->phase != SMTP_PHASE_START && s->phase != SMTP_PHASE_SYNC && code != 421 && !ss->unsure) {
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
		/* A reply too many came before it: the message begins, if this is one. */
		if (code == 354 && s->phase == SMTP_PHASE_COMMAND)
			smtp_body_begin(run, true);
	}
}

/* 354, and the DATA it answers was not seen: what follows is a message. */
static void
data_unseen(struct smtp_run *run)
{
	struct smtp_txn *t;

	smtp_pending_unknown(run, false);
	run->ss->unsure = false;
	if (run->s->phase != SMTP_PHASE_SYNC && run->s->phase != SMTP_PHASE_COMMAND)
		return;
	t = smtp_txn_client(run);
	if (t != NULL) {
		t->go_reply = 354;
		t->flags |= SMTP_TXN_GAP;
		if (run->ctx->all_events || (t->flags & SMTP_TXN_REPORT) != 0)
			run->ctx->ops->data(run->ctx->ops_ctx, run->owner, t->number, DP_DATA_DATA, 354);
	}
	smtp_line_drop(run);
	smtp_body_begin(run, false);
}

static bool
octets_were_lost(const struct smtp_run *run)
{
	const uint64_t lost = DP_ANOMALY_BIT(GAP_CLIENT) | DP_ANOMALY_BIT(GAP_SERVER) | DP_ANOMALY_BIT(TRUNCATED);

	return (run->s->flags & SMTP_F_MIDSTREAM) || ((run->ss->anomalies | run->ss->server_anomalies) & lost);
}

/* Place of the pending command that only this code answers, -1: none. */
static int
telling(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;

	switch (code) {
	case 354:
		return smtp_pending_find(run, SMTP_P_DATA);
	case 221:
		return smtp_pending_find(run, SMTP_P_QUIT);
	case 220:
		return ss->wait == SMTP_W_STARTTLS ? smtp_pending_find(run, SMTP_P_STARTTLS) : -1;
	case 235:
	case 334:
		return ss->wait == SMTP_W_AUTH ? smtp_pending_find(run, SMTP_P_AUTH) : -1;
	case 250:
		return ss->server_multi ? smtp_pending_find(run, SMTP_P_EHLO) : -1;
	default:
		return -1;
	}
}

static void
reply_unsure(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	int at = telling(run, code);
	bool waited = code == 354 && ss->wait == SMTP_W_DATA && at == (int)ss->pending_nb - 1 && octets_were_lost(run);

	if (at >= 0) {
		pop_until(run, at);
		smtp_pending_pop(run, code);
		if (waited) {
			/*
			 * This 354 may answer a later DATA, of the octets that wait: the one we know of was refused by a reply
			 * that was taken for another command's. Whether they are commands or a message they say themselves.
			 */
			s->phase = smtp_command_phase(s);
			ss->guess_kind = SMTP_G_DATA;
			ss->guess_len = 0;
			s->flags |= SMTP_F_GUESS;
		}
	} else if (code == 354) {
		data_unseen(run);
	} else if (ss->pending_nb == 0) {
		ss->streak = 0;
		surplus(run, code);
	} else if (ss->pending_nb > 1 || ss->wait == SMTP_W_NONE || ss->wait == SMTP_W_BDAT) {
		if (ss->pending_nb == 1 && ++ss->streak == SMTP_STREAK)
			ss->unsure = false;
		smtp_pending_pop(run, 0);
		if (ss->pending_nb == 0 && s->phase == SMTP_PHASE_SYNC && !(s->flags & SMTP_F_GAP_BODY))
			s->phase = SMTP_PHASE_COMMAND;
	}
}

/* May the next server octets be TLS: from the first on (port 465, or a proxy in front), or now that the client is? */
static bool
may_be_tls(const struct smtp_run *run)
{
	return !run->ss->greeted || (run->s->flags & SMTP_F_TLS) != 0 || run->ss->wait == SMTP_W_TLS;
}

/* A TLS record of any version; after STARTTLS one of the handshake, for an alert says that there will be no TLS. */
static bool
is_tls(const struct smtp_run *run)
{
	const uint8_t *h = run->ss->server_head;
	uint8_t first = 0x15, last = 0x16;

	if (run->s->flags & SMTP_F_MIDSTREAM) {
		first = 0x14;
		last = 0x17;
	} else if (run->s->flags & SMTP_F_TLS) {
		first = 0x16;
	}
	return run->ss->server_len == 3 && h[0] >= first && h[0] <= last && h[1] == 3 && h[2] <= 4;
}

/* A reply in clear where TLS was believed to have begun: what the client said since then went to the server as lines. */
static void
not_tls(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
	smtp_line_drop(run);
	smtp_pending_unknown(run, false);
	ss->tls_client = false;
	run->s->flags &= (uint16_t)~(SMTP_F_TLS | SMTP_F_SKIP);
	run->s->flags |= SMTP_F_UNSURE;
	run->s->phase = SMTP_PHASE_SYNC;
}

/* What the client's octets are is known from the first reply, or from the first since it spoke TLS. */
static void
first_reply(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	int at;

	if (ss->wait == SMTP_W_TLS) {
		ss->wait = SMTP_W_NONE;
		run->s->phase = ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(run->s);
	} else if (ss->wait == SMTP_W_BDAT && ss->ehlo_pending == 0) {
		smtp_bdat_decide(run);
	} else if (run->s->flags & SMTP_F_TLS) {
		/* The reply to STARTTLS itself may come late. */
		at = smtp_pending_find(run, SMTP_P_STARTTLS);
		if (at < 0 || (at == 0 && code / 100 != 2))
			not_tls(run);
	}
}

static void
reply(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	bool first = !ss->greeted;
	int at, kind;

	run->s->flags |= SMTP_F_SMTP;
	ss->greeted = true;
	first_reply(run, code);
	if (first && !(run->s->flags & SMTP_F_MIDSTREAM) && (code == 220 || code == 554 || code == 421))
		return;
	if (ss->lmtp_left > 0) {
		ss->lmtp_left--;
		return;
	}
	if (ss->unsure) {
		reply_unsure(run, code);
		return;
	}
	if (ss->pending_skip > 0 && code != 354) {
		ss->pending_skip--;
		return;
	}
	ss->pending_skip = 0;
	kind = smtp_pending_first(run);
	if (kind < 0) {
		surplus(run, code);
		return;
	}
	if ((code == 354 && kind != SMTP_P_DATA) || (code == 221 && kind != SMTP_P_QUIT)) {
		at = telling(run, code);
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
		if (at > 0)
			pop_until(run, at);
	}
	smtp_pending_pop(run, code);
}

static bool
starts_with(const uint8_t *p, size_t len, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0'; i++)
		if (i >= len || (p[i] & 0xdf) != (uint8_t)(word[i] & 0xdf))
			return false;
	return true;
}

static void
ehlo_keyword(struct smtp_run *run, const uint8_t *p, size_t len)
{
	static const struct {
		char name[12];
		uint8_t cap;
	} caps[] = {
		{ "CHUNKING", SMTP_CAP_CHUNKING }, { "PIPELINING", SMTP_CAP_PIPELINING },
		{ "SMTPUTF8", SMTP_CAP_SMTPUTF8 }, { "STARTTLS", SMTP_CAP_STARTTLS },
		{ "BINARYMIME", SMTP_CAP_BINARYMIME },
	};
	int kind = smtp_pending_first(run);
	unsigned int i;

	if (run->ss->pending_skip > 0)
		return;
	if (kind != SMTP_P_EHLO && kind != SMTP_P_LHLO &&
	    !(run->ss->unsure && smtp_pending_find(run, SMTP_P_EHLO) >= 0))
		return;
	if (!run->ss->server_multi)
		run->ss->caps = 0;
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (starts_with(p, len, caps[i].name))
			run->ss->caps |= caps[i].cap;
}

static bool
is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

/* The head of a server line, @len octets at @h, is known up to what matters. */
static void
server_line(struct smtp_run *run, const uint8_t *h, size_t len)
{
	struct smtp_session *ss = run->ss;
	unsigned int code;
	bool more;

	if (len > 0 && len < SMTP_SERVER_HEAD && h[len - 1] == '\r')
		len--;
	if (len < 3 || h[0] < '1' || h[0] > '5' || !is_digit(h[1]) || !is_digit(h[2]) ||
	    (len > 3 && h[3] != ' ' && h[3] != '-' && h[3] != '\t' && h[3] != '\r')) {
		if (!ss->unsure && !(run->s->flags & SMTP_F_TLS))
			smtp_anomaly_reply(run, DP_ANOMALY_BIT(BAD_REPLY));
		return;
	}
	code = (unsigned int)(h[0] - '0') * 100 + (unsigned int)(h[1] - '0') * 10 + (unsigned int)(h[2] - '0');
	more = len > 3 && h[3] == '-';
	if (code == 250 && len > 4)
		ehlo_keyword(run, h + 4, len - 4);
	if (more) {
		ss->server_multi = true;
		return;
	}
	reply(run, code);
	ss->server_multi = false;
}

/*
 * Read server octets. Returns how many were taken: it stops where a wait of the client's side ended, as the client's
 * octets that waited come before the replies to them.
 */
static size_t
server_feed(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	size_t off = 0, n, head;
	const uint8_t *lf, *h;
	bool waits;

	while (off < len && s->phase != SMTP_PHASE_OPAQUE) {
		if (ss->server_len < 3 && may_be_tls(run) && (ss->server_len > 0 || p[off] < ' ') && p[off] != '\n') {
			/* Octet by octet up to the third: TLS is told by these. */
			ss->server_head[ss->server_len++] = p[off++];
			if (is_tls(run))
				smtp_go_opaque(run);
			continue;
		}
		lf = memchr(p + off, '\n', len - off);
		n = lf != NULL ? (size_t)(lf - (p + off)) : len - off;
		head = SMTP_SERVER_HEAD - ss->server_len;
		head = head < n ? head : n;
		h = p + off;
		off += n;
		if (lf == NULL || ss->server_len > 0) { /* in pieces */
			memcpy(ss->server_head + ss->server_len, h, head);
			ss->server_len = (uint8_t)(ss->server_len + head);
			h = ss->server_head;
			head = ss->server_len;
		}
		if (lf == NULL)
			break;
		off++;
		waits = s->phase == SMTP_PHASE_WAIT;
		server_line(run, h, head);
		ss->server_len = 0;
		if (s->flags & SMTP_F_TURNED) {
			smtp_client_loop(run, p + off, len - off);
			return len;
		}
		if (waits && s->phase != SMTP_PHASE_WAIT)
			return off;
	}
	return s->phase == SMTP_PHASE_OPAQUE ? len : off;
}

static uint8_t *
stash_at(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	return pool_at(ss->stash_big ? &run->ctx->big : &run->ctx->strings, ss->stash_idx);
}

void
smtp_stash_drop(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	if (ss->stash_idx != POOL_NONE)
		pool_put(ss->stash_big ? &run->ctx->big : &run->ctx->strings, ss->stash_idx);
	ss->stash_idx = POOL_NONE;
	run->s->flags &= (uint16_t)~SMTP_F_STASH;
}

/* Read on in the replies that were put by, up to the end of a wait. */
void
smtp_stash_feed(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	ss->stash_off = (uint16_t)(ss->stash_off + server_feed(run, stash_at(run) + ss->stash_off,
							       (size_t)(ss->stash_len - ss->stash_off)));
	if (ss->stash_off == ss->stash_len)
		smtp_stash_drop(run);
}

/* Put @p by until the client's octets that waited were read; without memory for it the replies are read before them. */
static void
stash_put(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp_session *ss = run->ss;
	size_t off;

	ss->stash_big = len > SMTP_STRING_LEN;
	if (len <= sizeof(struct smtp_big))
		ss->stash_idx = pool_get(ss->stash_big ? &run->ctx->big : &run->ctx->strings);
	if (ss->stash_idx == POOL_NONE) {
		dp_count(run->ctx->counters, DP_STAT_POOL_STRING, 1);
		smtp_anomaly_reply(run, DP_ANOMALY_BIT(RESOURCE));
		for (off = 0; off < len; off += server_feed(run, p + off, len - off))
			;
		return;
	}
	memcpy(stash_at(run), p, len);
	run->s->flags |= SMTP_F_STASH;
	ss->stash_off = 0;
	ss->stash_len = (uint16_t)len;
}

void
smtp_server_data(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len)
{
	struct smtp_run run = { .ctx = ctx, .s = s, .owner = owner };
	size_t n;

	if (len == 0 || s->phase == SMTP_PHASE_OPAQUE)
		return;
	run.ss = smtp_session_get(ctx, s);
	if (run.ss == NULL)
		return;
	s->flags |= SMTP_F_SERVER_SEEN;
	smtp_stash_flush(&run);
	if (s->flags & SMTP_F_TURNED) {
		smtp_client_loop(&run, p, len);
		return;
	}
	n = server_feed(&run, p, len);
	if (n < len)
		stash_put(&run, p + n, len - n);
}

/* No client octets wait any more: read all replies that were put by. */
void
smtp_stash_flush(struct smtp_run *run)
{
	while (run->ss->stash_idx != POOL_NONE)
		smtp_stash_feed(run);
}
