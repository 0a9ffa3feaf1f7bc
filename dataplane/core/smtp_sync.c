/* SPDX-License-Identifier: BSD-3-Clause */
/* smtp_sync - gaps, waits given up, first octets that decide, and connections without memory for a session */
#include <string.h>

#include "smtp_session.h"

void
smtp_body_begin(struct smtp_run *run, bool gap)
{
	struct smtp_txn *t = smtp_txn_client(run);
	struct smtp *s = run->s;

	if (t != NULL)
		t->kind = DP_DATA_DATA;
	smtp_line_drop(run);
	s->eod = SMTP_BODY_CRLF;
	s->body_octets = 0;
	s->flags &= (uint16_t)~(SMTP_F_ALT | SMTP_F_LENIENT | SMTP_F_SKIP | SMTP_F_GAP_BODY);
	run->ss->early_reply = 0;
	s->phase = SMTP_PHASE_BODY;
	if (gap) {
		s->phase = SMTP_PHASE_SYNC;
		s->flags |= SMTP_F_GAP_BODY | SMTP_F_UNSURE;
	}
}

/* CRLF . CRLF: whatever was believed before, the next octets are commands. */
void
smtp_message_end(struct smtp_run *run)
{
	struct smtp *s = run->s;

	s->flags &= (uint16_t)~(SMTP_F_ALT | SMTP_F_LENIENT | SMTP_F_SKIP | SMTP_F_GAP_BODY | SMTP_F_UNSURE);
	s->phase = SMTP_PHASE_COMMAND;
	smtp_txn_message_end(run);
}

enum verdict { MORE, YES, NO };

/* Does a line that begins with these octets read as a command? YES and NO do not change with further octets. */
static enum verdict
reads_as_command(const uint8_t *p, size_t n)
{
	struct smtp_command cmd;
	size_t i;

	for (i = 0; i < n && (uint8_t)((p[i] | 0x20) - 'a') < 26; i++)
		;
	if (i == n)
		return n < 10 ? MORE : NO;
	if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r' && p[i] != '\n')
		return NO;
	smtp_command_parse(p, i, &cmd);
	if (cmd.verb == SMTP_V_OTHER)
		return (p[0] | 0x20) == 'n' && n > 4 ? YES : NO; /* NOOP; the others are words of a text, too */
	return cmd.verb != SMTP_V_UNKNOWN && cmd.verb != SMTP_V_PROXY ? YES : NO;
}

static enum verdict
reads_as_tls(const uint8_t *p, size_t n, uint8_t first, uint8_t last)
{
	if (p[0] < first || p[0] > last || (n > 1 && p[1] != 3) || (n > 2 && p[2] > 4))
		return NO;
	return n > 2 ? YES : MORE;
}

/* PROXY protocol v2: signature, version and command, family, length of what follows (big-endian). */
static enum verdict
reads_as_proxy(const uint8_t *p, size_t n)
{
	static const uint8_t sig[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

	if (memcmp(p, sig, n < sizeof(sig) ? n : sizeof(sig)) != 0 || (n > 12 && p[12] >> 4 != 2))
		return NO;
	return n == SMTP_GUESS_MAX ? YES : MORE;
}

static enum verdict
guess_tls(struct smtp_run *run, const uint8_t *p, size_t n)
{
	struct smtp *s = run->s;
	enum verdict v;

	switch (run->ss->guess_kind) {
	case SMTP_G_STARTTLS:
		v = reads_as_tls(p, n, 0x16, 0x16);
		break;
	case SMTP_G_START:
		/* A server that greets in clear does not speak TLS. */
		v = run->ss->greeted ? NO : reads_as_tls(p, n, 0x16, 0x16);
		break;
	case SMTP_G_MIDSTREAM:
		v = reads_as_tls(p, n, 0x14, 0x17);
		break;
	default:
		return NO;
	}
	if (v != YES)
		return v;
	if (run->ss->guess_kind == SMTP_G_START) {
		/* The octets are kept: they are read as a line after all when the server speaks in clear. */
		s->phase = SMTP_PHASE_WAIT;
		run->ss->wait = SMTP_W_TLS;
		run->ss->wait_gap = false;
		return YES;
	}
	if (run->ss->guess_kind == SMTP_G_STARTTLS)
		s->flags |= SMTP_F_STARTTLS;
	s->flags |= SMTP_F_TLS;
	run->ss->tls_client = true;
	return YES;
}

/* Does a line that begins with these octets read as the header field that a message begins with? */
static enum verdict
reads_as_header(const uint8_t *p, size_t n)
{
	bool hyphen = false;
	size_t i;

	for (i = 0; i < n && (p[i] == '-' || (uint8_t)((p[i] | 0x20) - 'a') < 26 || (uint8_t)(p[i] - '0') < 10); i++)
		hyphen |= p[i] == '-';
	if (i == n && n < SMTP_GUESS_MAX)
		return MORE;
	return (i < n && i > 0 && p[i] == ':') || (i == n && hyphen) ? YES : NO;
}

/* A message; unless DATA was refused: then they are commands, the first of them one that we do not know. */
static void
body_guessed(struct smtp_run *run, bool header)
{
	smtp_body_begin(run, run->ss->wait_gap);
	if (header || run->s->phase != SMTP_PHASE_BODY)
		return;
	run->s->flags |= SMTP_F_ALT;
	run->ss->alt_left = SMTP_ALT_LINES;
}

/* What do the octets in ss->guess decide? NO: they are read again in the phase that was chosen. */
static enum verdict
guess_decide(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	enum verdict v = guess_tls(run, ss->guess, ss->guess_len);

	if (v != NO)
		return v;
	switch (ss->guess_kind) {
	case SMTP_G_START:
		/* It comes before the greeting, and to a server that does not expect it the rest of it is lines. */
		v = ss->greeted ? NO : reads_as_proxy(ss->guess, ss->guess_len);
		if (v == YES) {
			s->chunk_left = (uint64_t)ss->guess[14] << 8 | ss->guess[15];
			if (s->chunk_left > 0) {
				s->flags |= SMTP_F_PREAMBLE | SMTP_F_ALT;
				s->phase = SMTP_PHASE_CHUNK;
			}
		}
		return v;
	case SMTP_G_DATA:
		v = reads_as_command(ss->guess, ss->guess_len);
		if (v != NO)
			break;
		v = reads_as_header(ss->guess, ss->guess_len);
		if (v == MORE)
			return MORE;
		body_guessed(run, v == YES);
		return NO;
	case SMTP_G_ODD:
		v = reads_as_command(ss->guess, ss->guess_len);
		if (v == NO)
			body_guessed(run, false);
		break;
	case SMTP_G_AUTH:
		v = reads_as_command(ss->guess, ss->guess_len);
		if (v == NO)
			s->phase = SMTP_PHASE_AUTH_LINE;
		break;
	default:
		return NO;
	}
	return v == MORE ? MORE : NO;
}

/* Take octets until they decide what they are. Returns how many were taken; 0: decided, to be read in that phase. */
size_t
smtp_guess_feed(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp_session *ss = run->ss;
	uint8_t again[SMTP_GUESS_MAX];
	enum verdict v = ss->guess_kind == SMTP_G_DECIDED ? NO : MORE;
	size_t n = 0, nb;
	int64_t off = run->call_off;

	while (v == MORE && n < len) {
		ss->guess[ss->guess_len++] = p[n++];
		v = guess_decide(run);
	}
	if (v == MORE)
		return n;
	if (ss->wait == SMTP_W_TLS) {
		ss->guess_kind = SMTP_G_DECIDED;
		return n;
	}
	nb = ss->guess_len;
	memcpy(again, ss->guess, nb);
	ss->guess_len = 0;
	run->s->flags &= (uint16_t)~SMTP_F_GUESS;
	if (v == NO && nb == n)
		return 0; /* all in this piece: read it where it lies */
	if (v == NO) {
		run->call_off = off + (int64_t)n - (int64_t)nb;
		smtp_client_loop(run, again, nb);
		run->call_off = off;
	}
	return n;
}

bool
smtp_wait_is_mutual(const struct smtp_ctx *ctx, const struct smtp *s)
{
	const struct smtp_session *ss = s->cold == POOL_NONE ? NULL : pool_at(&ctx->sessions, s->cold);

	return s->phase == SMTP_PHASE_WAIT && ss != NULL && (ss->wait == SMTP_W_TAKEN || ss->wait == SMTP_W_TLS);
}

void
smtp_client_give_up(struct smtp_ctx *ctx, struct smtp *s, void *owner)
{
	struct smtp_run run = { .ctx = ctx, .s = s, .owner = owner };
	struct smtp_session *ss;

	if (s->phase != SMTP_PHASE_WAIT)
		return;
	ss = run.ss = smtp_session_get(ctx, s);
	smtp_stash_flush(&run);
	if (s->phase != SMTP_PHASE_WAIT)
		return;
	smtp_anomaly(&run, DP_ANOMALY_BIT(REPLY_UNSEEN));
	s->phase = smtp_command_phase(s);
	if (ss->wait == SMTP_W_BDAT || ss->wait == SMTP_W_TAKEN) {
		if (ss->wait == SMTP_W_BDAT)
			smtp_bdat_decide(&run);
		if (ss->wait != SMTP_W_TAKEN)
			return;
		/* A refusal would have come before so many octets, or they are all that there is: a chunk, then. */
		smtp_pending_forget_wait(&run);
		smtp_bdat_answered(&run, 0);
		return;
	}
	if (ss->wait == SMTP_W_TLS) {
		ss->wait = SMTP_W_NONE;
		s->flags |= SMTP_F_TLS;
		ss->tls_client = true;
		return;
	}
	if (ss->wait == SMTP_W_TURN) {
		ss->wait = SMTP_W_NONE;
		return;
	}
	ss->guess_kind = ss->wait == SMTP_W_DATA ? SMTP_G_DATA :
			 ss->wait == SMTP_W_AUTH ? SMTP_G_AUTH :
						   SMTP_G_STARTTLS;
	ss->guess_len = 0;
	ss->wait = SMTP_W_NONE;
	s->flags |= SMTP_F_GUESS;
}

static void
gap_in_chunk(struct smtp_run *run, uint64_t octets)
{
	struct smtp *s = run->s;

	if (octets != 0 && octets <= s->chunk_left) {
		s->chunk_left -= octets;
		if (!(s->flags & SMTP_F_PREAMBLE))
			s->body_octets += octets;
		if (s->chunk_left > 0)
			return;
		s->phase = smtp_command_phase(s);
		s->flags &= (uint16_t)~SMTP_F_PREAMBLE;
		smtp_chunk_end(run);
		return;
	}
	s->chunk_left = 0;
	s->flags &= (uint16_t)~SMTP_F_PREAMBLE;
	smtp_chunk_end(run);
	s->flags |= SMTP_F_UNSURE;
	s->phase = SMTP_PHASE_SYNC;
	run->ss->unsure = true;
	run->ss->streak = 0;
}

/* False: the gap is of no matter, nothing is read there or nothing remembered. */
static bool
gap_begin(struct smtp_run *run, struct smtp_ctx *ctx, struct smtp *s, void *owner)
{
	*run = (struct smtp_run){ .ctx = ctx, .s = s, .owner = owner };
	if (s->phase == SMTP_PHASE_OPAQUE)
		return false;
	run->ss = smtp_session_get(ctx, s);
	if (run->ss == NULL)
		return false;
	smtp_stash_flush(run);
	return true;
}

void
smtp_client_gap(struct smtp_ctx *ctx, struct smtp *s, void *owner, uint64_t octets)
{
	struct smtp_run run;
	struct smtp_session *ss;

	if (!gap_begin(&run, ctx, s, owner))
		return;
	ss = run.ss;
	smtp_anomaly(&run, DP_ANOMALY_BIT(GAP_CLIENT));
	if (s->flags & SMTP_F_TURNED)
		return;
	smtp_line_cut(&run);
	if (ss->client_open)
		smtp_txn_client(&run)->flags |= SMTP_TXN_GAP;
	s->flags &= (uint16_t)~SMTP_F_SKIP;
	if (s->phase == SMTP_PHASE_CHUNK) {
		gap_in_chunk(&run, octets);
		return;
	}
	if (s->phase == SMTP_PHASE_WAIT) {
		ss->wait_gap = true;
		return;
	}
	if (s->phase == SMTP_PHASE_BODY || ((s->flags & SMTP_F_GUESS) && ss->guess_kind == SMTP_G_DATA)) {
		s->body_octets += octets;
		s->flags &= (uint16_t)~(SMTP_F_ALT | SMTP_F_LENIENT);
		s->flags |= SMTP_F_GAP_BODY;
	} else if (!(s->flags & SMTP_F_GAP_BODY)) {
		/* Commands may be missing: the replies can't be counted off any more. */
		ss->unsure = true;
		ss->streak = 0;
	}
	s->flags |= SMTP_F_UNSURE;
	s->flags &= (uint16_t)~SMTP_F_GUESS;
	ss->guess_len = 0;
	s->phase = SMTP_PHASE_SYNC;
}

void
smtp_server_gap(struct smtp_ctx *ctx, struct smtp *s, void *owner, uint64_t octets)
{
	struct smtp_run run;
	struct smtp_session *ss;
	unsigned int i;

	(void)octets;
	if (!gap_begin(&run, ctx, s, owner))
		return;
	ss = run.ss;
	smtp_anomaly_reply(&run, DP_ANOMALY_BIT(GAP_SERVER));
	if (s->flags & SMTP_F_TURNED) {
		smtp_line_cut(&run);
		return;
	}
	for (i = 0; i < ss->txn_nb; i++)
		ss->txns[(ss->txn_head + i) % SMTP_TXNS_MAX].flags |= SMTP_TXN_GAP;
	ss->server_len = 0;
	ss->server_multi = false;
	ss->greeted = true;
	smtp_pending_unknown(&run, true);
}

/* Without a session nothing is remembered: whole lines that read as RCPT are reported, chunks are not skipped. */
size_t
smtp_client_bare(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp *s = run->s;
	const uint8_t *end = p + len, *q = p, *lf;

	s->phase = SMTP_PHASE_SYNC;
	s->flags |= SMTP_F_UNSURE;
	s->flags &= (uint16_t)~SMTP_F_GUESS;
	for (; q < end; q = lf + 1) {
		struct smtp_command cmd;
		struct smtp_rcpt rcpt;
		struct mailbox m;
		size_t n;

		lf = memchr(q, '\n', (size_t)(end - q));
		n = lf != NULL ? (size_t)(lf - q) : (size_t)(end - q);
		if (n > 0 && q[n - 1] == '\r')
			n--;
		n = n < SMTP_LINE_HEAD_MAX ? n : SMTP_LINE_HEAD_MAX;
		smtp_command_parse(q, n, &cmd);
		if (cmd.verb == SMTP_V_RCPT && cmd.is_sure) {
			mailbox_read(cmd.arg, cmd.arg_len, lf == NULL, &m);
			rcpt = (struct smtp_rcpt){
				.index = (uint32_t)++s->body_octets,
				.line_octets = (uint32_t)(lf != NULL ? lf + 1 - q : end - q),
				.anomalies = DP_ANOMALY_BIT(RESOURCE) | DP_ANOMALY_BIT(RESYNC),
				.mailbox = &m,
				.address = { m.address, m.address_len, m.address_len, 0 },
			};
			s->flags |= SMTP_F_SMTP;
			dp_count(run->ctx->counters, DP_STAT_RECIPIENTS, 1);
			run->ctx->ops->rcpt(run->ctx->ops_ctx, run->owner, &rcpt);
		}
		if (lf == NULL)
			break;
	}
	return len;
}
