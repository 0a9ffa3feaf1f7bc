/* SPDX-License-Identifier: BSD-3-Clause */
/* smtp_command - what a client line says, and what follows from it */
#include <string.h>

#include "smtp_session.h"

static const struct {
	char name[10];
	uint8_t verb;
} verbs[] = {
	{ "AUTH", SMTP_V_AUTH },     { "BDAT", SMTP_V_BDAT },	  { "DATA", SMTP_V_DATA },
	{ "EHLO", SMTP_V_EHLO },     { "HELO", SMTP_V_HELO },	  { "LHLO", SMTP_V_LHLO },
	{ "MAIL", SMTP_V_MAIL },     { "RCPT", SMTP_V_RCPT },	  { "RSET", SMTP_V_RSET },
	{ "QUIT", SMTP_V_QUIT },     { "STARTTLS", SMTP_V_STARTTLS }, { "XCLIENT", SMTP_V_XCLIENT },
	{ "PROXY", SMTP_V_PROXY },   { "NOOP", SMTP_V_OTHER },	  { "VRFY", SMTP_V_OTHER },
	{ "EXPN", SMTP_V_OTHER },    { "HELP", SMTP_V_OTHER },	  { "XFORWARD", SMTP_V_OTHER },
	{ "ETRN", SMTP_V_OTHER },    { "TURN", SMTP_V_TURN },	  { "RCPTTO", SMTP_V_RCPT },
	{ "MAILFROM", SMTP_V_MAIL }, { "ATRN", SMTP_V_TURN },
};

/* isspace() of C: that is what servers skip. LF is never inside a line. */
static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t
skip_blanks(const uint8_t *p, size_t len, size_t i)
{
	while (i < len && is_blank(p[i]))
		i++;
	return i;
}

static bool
is_word(const uint8_t *p, size_t len, const char *word, size_t word_len)
{
	size_t i;

	if (len != word_len)
		return false;
	for (i = 0; i < len; i++)
		if ((p[i] & 0xdf) != (uint8_t)word[i])
			return false;
	return true;
}

/* The verb of @len letters at @p (4 to 10). */
static enum smtp_verb
find_verb(const uint8_t *p, size_t len)
{
	uint32_t word, name;
	unsigned int i;

	memcpy(&word, p, sizeof(word));
	word &= 0xdfdfdfdf;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		memcpy(&name, verbs[i].name, sizeof(name));
		if (name == word && is_word(p, len, verbs[i].name, strlen(verbs[i].name)))
			return (enum smtp_verb)verbs[i].verb;
	}
	return SMTP_V_UNKNOWN;
}

static bool
is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* After RCPT or MAIL: "TO:" or "FROM:", written in any way; without it the rest is the argument. */
static void
parse_path(const uint8_t *p, size_t len, size_t i, const char *word, bool glued, struct smtp_command *ret)
{
	size_t word_len = strlen(word), at = skip_blanks(p, len, i), j;

	if (glued)
		at = i - word_len;
	if (len - at >= word_len && is_word(p + at, word_len, word, word_len)) {
		j = skip_blanks(p, len, at + word_len);
		if (j < len && p[j] == ':') {
			ret->is_sure = true;
			at = j + 1;
		} else if (j > at + word_len || j == len || p[j] == '<') {
			at = j;
		}
	}
	ret->arg = p + at;
	ret->arg_len = (uint32_t)(len - at);
}

void
smtp_command_parse(const uint8_t *p, size_t len, struct smtp_command *ret)
{
	size_t begin = 0, end, i;

	*ret = (struct smtp_command){ .verb = SMTP_V_UNKNOWN };
	while (begin < len && (is_blank(p[begin]) || p[begin] == '\0'))
		begin++;
	end = begin;
	while (end < len && end - begin < 10 && is_letter(p[end]))
		end++;
	if (end - begin < 4)
		return;
	ret->verb = find_verb(p + begin, end - begin);
	if (ret->verb == SMTP_V_UNKNOWN)
		return;
	if (ret->verb == SMTP_V_RCPT || ret->verb == SMTP_V_MAIL) {
		parse_path(p, len, end, ret->verb == SMTP_V_RCPT ? "TO" : "FROM", end - begin > 4, ret);
		return;
	}
	/* "DATAX" and "DATA:" are other words. */
	if (end < len && !is_blank(p[end]) && p[end] != '\0') {
		ret->verb = SMTP_V_UNKNOWN;
		return;
	}
	i = skip_blanks(p, len, end);
	ret->arg = p + i;
	ret->arg_len = (uint32_t)(len - i);
	while (ret->arg_len > 0 && is_blank(ret->arg[ret->arg_len - 1]))
		ret->arg_len--;
	switch (ret->verb) {
	case SMTP_V_EHLO:
	case SMTP_V_HELO:
	case SMTP_V_LHLO:
	case SMTP_V_AUTH:
	case SMTP_V_XCLIENT:
		ret->is_sure = begin == 0 && ret->arg_len > 0;
		break;
	case SMTP_V_BDAT:
		ret->is_sure = begin == 0 && ret->arg_len > 0 && ret->arg[0] >= '0' && ret->arg[0] <= '9';
		break;
	default:
		ret->is_sure = begin == 0 && ret->arg_len == 0;
		break;
	}
}

/* "n" or "n LAST" (RFC 3030 §2); false: a server answers 501 and reads on. */
static bool
parse_bdat(const struct smtp_command *cmd, uint64_t *ret_size, bool *ret_last)
{
	const uint8_t *p = cmd->arg;
	size_t len = cmd->arg_len, i = 0, end;
	uint64_t v = 0;

	for (; i < len && p[i] >= '0' && p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) || __builtin_add_overflow(v, p[i] - '0', &v))
			return false;
	if (i == 0 || (i < len && !is_blank(p[i])))
		return false;
	i = skip_blanks(p, len, i);
	for (end = len; end > i && is_blank(p[end - 1]); end--)
		;
	*ret_last = is_word(p + i, end - i, "LAST", 4);
	*ret_size = v;
	return i == len || *ret_last;
}

/* Refused before it was whole: the server may not skip the rest. */
void
smtp_chunk_refused(struct smtp_run *run)
{
	run->s->flags |= SMTP_F_ALT;
	smtp_anomaly_reply(run, DP_ANOMALY_BIT(BDAT_DOUBT));
}

/*
 * A chunk that is read as one: its octets follow whatever the server answers (RFC 3030 §2). In doubt they are read as
 * commands, too: when the two sides may have counted differently, when a server that keeps 32 bits of the size sees
 * another one, and when it was not seen whether the server offers BDAT.
 */
void
smtp_chunk_begin(struct smtp_run *run, uint64_t size, bool last)
{
	struct smtp *s = run->s;
	struct smtp_txn *t = smtp_txn_client(run);

	if (size > 0 && (run->ss->bdat_doubt || size > INT32_MAX || !(run->ss->caps & SMTP_CAP_CHUNKING))) {
		s->flags |= SMTP_F_ALT;
		smtp_anomaly(run, DP_ANOMALY_BIT(BDAT_DOUBT));
	}
	if (size > INT32_MAX)
		run->ss->bdat_doubt = true;
	if (t != NULL && t->kind != DP_DATA_BDAT) {
		t->kind = DP_DATA_BDAT;
		if (run->ctx->all_events || (t->flags & SMTP_TXN_REPORT) != 0)
			run->ctx->ops->data(run->ctx->ops_ctx, run->owner, t->number, DP_DATA_BDAT, 0);
	}
	run->ss->bdat_last = last && t != NULL;
	/* The reply to a last chunk ends the transaction: it is owed when the chunk is whole. */
	if (!run->ss->bdat_last)
		smtp_pending_push(run, SMTP_P_CHUNK);
	s->chunk_left = size;
	s->phase = size > 0 ? SMTP_PHASE_CHUNK : smtp_command_phase(s);
	if (size == 0)
		smtp_chunk_end(run);
}

void
smtp_chunk_end(struct smtp_run *run)
{
	if (run->s->flags & SMTP_F_ALT) {
		smtp_line_cut(run);
		run->s->flags &= (uint16_t)~(SMTP_F_ALT | SMTP_F_SKIP);
	}
	if (run->ss->bdat_last)
		smtp_txn_message_end(run);
	run->ss->bdat_last = false;
}

/*
 * Does the server read BDAT at all? What it did not offer, neither after EHLO nor by saying nothing else, it most likely
 * refuses without looking for a chunk: its reply will tell. Where its offer may have been missed there is no telling.
 */
static bool
bdat_is_offered(const struct smtp_run *run)
{
	const struct smtp_session *ss = run->ss;

	if (ss->caps & SMTP_CAP_CHUNKING)
		return true;
	return !ss->ehlo_seen && (ss->unsure || (run->s->flags & (SMTP_F_UNSURE | SMTP_F_MIDSTREAM)) != 0 ||
				  ((ss->anomalies | ss->server_anomalies) & SMTP_REPLIES_MISSED) != 0);
}

void
smtp_bdat_answered(struct smtp_run *run, unsigned int code)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	bool taken = code == 0 || code / 100 == 2;

	ss->wait = SMTP_W_NONE;
	s->phase = ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(s);
	if (!taken || ss->wait_gap) {
		s->chunk_left = 0;
		ss->bdat_last = false;
		return;
	}
	/* The answer to a last chunk is here before its end. */
	if (ss->bdat_last && ss->client_open)
		ss->early_reply = (uint16_t)code;
	smtp_chunk_begin(run, s->chunk_left, ss->bdat_last);
	if (code != 0 && smtp_pending_first(run) == SMTP_P_CHUNK)
		smtp_pending_pop(run, code);
}

/* chunk_left and bdat_last were kept until it was known what the server offers. */
void
smtp_bdat_decide(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;

	if (!bdat_is_offered(run)) {
		smtp_anomaly(run, DP_ANOMALY_BIT(BDAT_UNOFFERED));
		smtp_pending_push(run, SMTP_P_BDAT);
		ss->wait = SMTP_W_TAKEN;
		s->phase = SMTP_PHASE_WAIT;
		return;
	}
	ss->wait = SMTP_W_NONE;
	s->phase = ss->wait_gap ? SMTP_PHASE_SYNC : smtp_command_phase(s);
	smtp_chunk_begin(run, s->chunk_left, ss->bdat_last);
}

static void
wait_for(struct smtp_run *run, enum smtp_wait wait)
{
	run->ss->wait = wait;
	run->ss->wait_gap = false;
	run->s->phase = SMTP_PHASE_WAIT;
}

static void
bdat_command(struct smtp_run *run, const struct smtp_command *cmd)
{
	struct smtp_session *ss = run->ss;
	uint64_t size;
	bool last;

	if (!parse_bdat(cmd, &size, &last)) {
		/* "+10", "10x", "99999999999999999999": there are servers that see a number. */
		ss->bdat_doubt = true;
		smtp_anomaly(run, DP_ANOMALY_BIT(BDAT_DOUBT));
		smtp_pending_push(run, SMTP_P_OTHER);
		return;
	}
	run->s->chunk_left = size;
	ss->bdat_last = last;
	if (ss->ehlo_pending > 0 || (!ss->greeted && !(run->s->flags & SMTP_F_MIDSTREAM))) {
		wait_for(run, SMTP_W_BDAT);
		return;
	}
	ss->wait_gap = false;
	smtp_bdat_decide(run);
}

static void
run_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd)
{
	switch (cmd->verb) {
	case SMTP_V_RCPT:
		smtp_rcpt_command(run, line, cmd);
		break;
	case SMTP_V_MAIL:
		smtp_mail_command(run, line, cmd);
		break;
	case SMTP_V_DATA:
		smtp_pending_push(run, SMTP_P_DATA);
		wait_for(run, SMTP_W_DATA);
		break;
	case SMTP_V_BDAT:
		bdat_command(run, cmd);
		break;
	case SMTP_V_EHLO:
	case SMTP_V_LHLO:
	case SMTP_V_HELO:
		smtp_txn_client_close(run, true);
		smtp_helo_command(run, line, cmd);
		smtp_pending_push(run, cmd->verb == SMTP_V_EHLO ? SMTP_P_EHLO :
				       cmd->verb == SMTP_V_LHLO ? SMTP_P_LHLO :
								  SMTP_P_RESET);
		break;
	case SMTP_V_RSET:
	case SMTP_V_XCLIENT:
		smtp_txn_client_close(run, true);
		smtp_pending_push(run, SMTP_P_RESET);
		break;
	case SMTP_V_QUIT:
		smtp_txn_client_close(run, true);
		smtp_pending_push(run, SMTP_P_QUIT);
		break;
	case SMTP_V_TURN:
		smtp_pending_push(run, SMTP_P_TURN);
		wait_for(run, SMTP_W_TURN);
		break;
	case SMTP_V_STARTTLS:
		smtp_pending_push(run, SMTP_P_STARTTLS);
		wait_for(run, SMTP_W_STARTTLS);
		break;
	case SMTP_V_AUTH:
		smtp_pending_push(run, SMTP_P_AUTH);
		wait_for(run, SMTP_W_AUTH);
		break;
	default:
		smtp_pending_push(run, SMTP_P_OTHER);
		break;
	}
}

/* Not in step: only what can hardly be anything else is taken for a command, and nothing at all inside a likely body. */
static void
sync_line(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd)
{
	struct smtp *s = run->s;
	bool body = (s->flags & SMTP_F_GAP_BODY) != 0;

	if (body)
		s->body_octets += line->octets;
	if (line->len == 1 && line->p[0] == '.' && !line->is_cut &&
	    (line->anomalies & DP_ANOMALY_BIT(BARE_LF)) == 0) {
		s->body_octets -= body ? 3 : 0;
		smtp_message_end(run);
		return;
	}
	if (!cmd->is_sure || (body && cmd->verb != SMTP_V_RCPT && cmd->verb != SMTP_V_MAIL)) {
		if ((line->anomalies & (DP_ANOMALY_BIT(BARE_CR) | DP_ANOMALY_BIT(NUL))) != 0)
			smtp_alternative_line(run, line, DP_ANOMALY_BIT(RESYNC), false);
		return;
	}
	line->anomalies |= DP_ANOMALY_BIT(RESYNC);
	if (body && cmd->verb == SMTP_V_RCPT) {
		smtp_anomaly(run, DP_ANOMALY_BIT(RESYNC));
		smtp_alternative_line(run, line, DP_ANOMALY_BIT(RESYNC), true);
		return;
	}
	if (body) {
		/* A MAIL: the end of data was in the gap. */
		s->body_octets -= line->octets;
		smtp_message_end(run);
		s->flags |= SMTP_F_UNSURE;
		s->phase = SMTP_PHASE_SYNC;
	}
	s->flags |= SMTP_F_SMTP;
	if (cmd->verb != SMTP_V_RCPT && cmd->verb != SMTP_V_MAIL)
		smtp_anomaly(run, line->anomalies);
	run_command(run, line, cmd);
}

void
smtp_command_line(struct smtp_run *run, struct smtp_line *line)
{
	struct smtp_session *ss = run->ss;
	struct smtp_command cmd;
	bool first = ss->line_first, is_path;

	ss->line_first = false;
	smtp_command_parse(line->p, line->len, &cmd);
	if (run->s->phase == SMTP_PHASE_SYNC) {
		sync_line(run, line, &cmd);
		return;
	}
	is_path = cmd.verb == SMTP_V_RCPT || cmd.verb == SMTP_V_MAIL;
	if (first && cmd.verb == SMTP_V_PROXY)
		return; /* PROXY protocol v1: no command, no reply */
	if (run->s->flags & SMTP_F_UNSURE)
		line->anomalies |= DP_ANOMALY_BIT(RESYNC);
	if (cmd.verb != SMTP_V_UNKNOWN)
		run->s->flags |= SMTP_F_SMTP;
	if (!is_path)
		smtp_anomaly(run, line->anomalies);
	run_command(run, line, &cmd);
	if ((line->anomalies & (DP_ANOMALY_BIT(BARE_CR) | DP_ANOMALY_BIT(NUL))) != 0)
		smtp_alternative_line(run, line, 0, false);
}
