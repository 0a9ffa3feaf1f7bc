/* SPDX-License-Identifier: BSD-3-Clause */
/* smtp_rcpt - the arguments of MAIL, RCPT and EHLO, and the other readings of a line */
#include <string.h>

#include "smtp_session.h"

void
smtp_kept_drop(struct smtp_ctx *ctx, struct smtp_kept *k)
{
	if (k->idx != POOL_NONE)
		pool_put(k->is_big ? &ctx->big : &ctx->strings, k->idx);
	*k = (struct smtp_kept){ .idx = POOL_NONE };
}

void
smtp_kept_str(const struct smtp_ctx *ctx, const struct smtp_kept *k, struct smtp_str *ret)
{
	*ret = (struct smtp_str){ .full_len = k->full_len, .hash = k->hash };
	if (k->idx == POOL_NONE)
		return;
	ret->p = pool_at(k->is_big ? &ctx->big : &ctx->strings, k->idx);
	ret->len = k->len;
}

void
smtp_kept_set(struct smtp_run *run, struct smtp_kept *k, const struct smtp_str *str, size_t max)
{
	size_t len = str->len < max ? str->len : max;

	smtp_kept_drop(run->ctx, k);
	k->full_len = str->full_len;
	k->hash = str->hash;
	if (len < str->len && str->len == str->full_len)
		k->hash = dp_hash64(DP_HASH64_INIT, str->p, str->len);
	if (len == 0)
		return;
	k->is_big = len > SMTP_STRING_LEN;
	k->idx = pool_get(k->is_big ? &run->ctx->big : &run->ctx->strings);
	if (k->idx == POOL_NONE) {
		dp_count(run->ctx->counters, DP_STAT_POOL_STRING, 1);
		smtp_anomaly(run, DP_ANOMALY_BIT(RESOURCE));
		if (k->hash == 0)
			k->hash = dp_hash64(DP_HASH64_INIT, str->p, str->len);
		return;
	}
	memcpy(pool_at(k->is_big ? &run->ctx->big : &run->ctx->strings, k->idx), str->p, len);
	k->len = (uint16_t)len;
}

/* @p lies in the line; where it reaches the end of what was kept of a longer one, length and hash are those counted. */
static void
line_str(const struct smtp_line *line, const uint8_t *p, uint32_t len, struct smtp_str *ret)
{
	*ret = (struct smtp_str){ .p = p, .len = len, .full_len = len };
	if (line->is_cut && len > 0 && p + len == line->p + line->len && line->arg_full > len) {
		ret->full_len = line->arg_full;
		ret->hash = line->arg_hash;
	}
}

static bool
has_word(const uint8_t *p, size_t len, const char *word, size_t word_len)
{
	size_t i, j;

	for (i = 0; i + word_len <= len; i++) {
		for (j = 0; j < word_len && (p[i + j] & 0xdf) == (word[j] & 0xdf); j++)
			;
		if (j == word_len)
			return true;
	}
	return false;
}

static bool
has_domain(const struct mailbox *m, const struct mailbox_reading *r)
{
	unsigned int i;

	for (i = 0; i < m->nb_readings; i++)
		if (m->readings[i].domain_len == r->domain_len &&
		    memcmp(m->readings[i].domain, r->domain, r->domain_len) == 0)
			return true;
	return false;
}

/* Add the readings of the tail of a cut line to those of its head. */
static void
merge_tail(struct mailbox *m, const struct smtp_line *line)
{
	struct mailbox tail;
	unsigned int i, at;

	mailbox_read_tail(line->tail, line->tail_len, &tail);
	if ((tail.flags & MAILBOX_NO_DOMAIN) != 0)
		tail.nb_readings = 0;
	else if ((m->flags & MAILBOX_NO_DOMAIN) != 0)
		m->nb_readings = 0; /* only a local part was seen: it goes on in the tail */
	for (i = 0; i < tail.nb_readings; i++) {
		if (has_domain(m, &tail.readings[i]))
			continue;
		at = m->nb_readings;
		if (at == MAILBOX_READINGS_MAX) {
			m->flags |= MAILBOX_MORE_READINGS;
			at--;
		} else {
			m->nb_readings++;
		}
		m->readings[at] = tail.readings[i];
	}
	m->flags |= tail.flags & (MAILBOX_EIGHT_BIT | MAILBOX_DOMAIN_CUT | MAILBOX_MORE_READINGS);
	m->flags &= ~(uint32_t)MAILBOX_STRICT;
	if (tail.nb_readings > 0)
		m->flags &= ~(uint32_t)MAILBOX_NO_DOMAIN;
	if (m->nb_readings > 1)
		m->flags |= MAILBOX_AMBIGUOUS;
}

static uint64_t
mailbox_anomalies(const struct mailbox *m, bool utf8)
{
	return (m->flags & MAILBOX_STRICT ? 0 : DP_ANOMALY_BIT(LENIENT_ADDRESS)) |
	       (m->flags & MAILBOX_AMBIGUOUS ? DP_ANOMALY_BIT(AMBIGUOUS_ADDRESS) : 0) |
	       ((m->flags & MAILBOX_EIGHT_BIT) && !utf8 ? DP_ANOMALY_BIT(EIGHT_BIT) : 0);
}

static void
rcpt_fill(struct smtp_run *run, const struct smtp_line *line, const struct mailbox *m, struct smtp_rcpt *ret)
{
	struct smtp_session *ss = run->ss;

	*ret = (struct smtp_rcpt){
		.line_octets = line->octets,
		.line_back = line->back,
		.line_end = (int32_t)line->end,
		/* Other anomalies of replies may be seen before or after the command, as the capture has it. */
		.anomalies = ss->anomalies | (ss->server_anomalies & DP_ANOMALY_BIT(GAP_SERVER)),
		.mailbox = m,
	};
	line_str(line, m->address, m->address_len, &ret->address);
	smtp_kept_str(run->ctx, &ss->sender, &ret->sender);
	smtp_kept_str(run->ctx, &ss->helo, &ret->helo);
}

/* A client's transaction in which rcpt() said that it matched. */
static void
rcpt_matched(struct smtp_run *run)
{
	struct smtp_txn *t = smtp_txn_client(run);

	run->ss->reported = true;
	if (t != NULL)
		t->flags |= SMTP_TXN_REPORT;
}

void
smtp_rcpt_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd)
{
	struct smtp_session *ss = run->ss;
	struct smtp_txn *t = smtp_txn_client(run);
	unsigned int kind = SMTP_P_RCPT;
	struct smtp_rcpt rcpt;
	struct mailbox m;

	if (t == NULL) {
		struct smtp_str helo, none = { 0 };

		smtp_kept_drop(run->ctx, &ss->sender);
		ss->utf8 = false;
		t = smtp_txn_open(run, 0);
		t->flags |= SMTP_TXN_GAP; /* its MAIL was not seen: never complete */
		smtp_anomaly(run, DP_ANOMALY_BIT(NO_MAIL));
		kind = SMTP_P_RCPT_OPEN;
		smtp_kept_str(run->ctx, &ss->helo, &helo);
		if (run->ctx->all_events)
			run->ctx->ops->txn_begin(run->ctx->ops_ctx, run->owner, 0, &helo, &none, ss->anomalies);
	}
	mailbox_read(cmd->arg, cmd->arg_len, line->is_cut, &m);
	if (line->is_cut && line->tail != NULL)
		merge_tail(&m, line);
	smtp_anomaly(run, line->anomalies | mailbox_anomalies(&m, ss->utf8));
	rcpt_fill(run, line, &m, &rcpt);
	rcpt.transaction = t->number;
	t->nb_rcpts++;
	rcpt.index = t->number == 0 ? ++ss->nb_rcpts0 : t->nb_rcpts;
	dp_count(run->ctx->counters, DP_STAT_RECIPIENTS, 1);
	if (run->ctx->ops->rcpt(run->ctx->ops_ctx, run->owner, &rcpt)) {
		rcpt_matched(run);
		kind |= SMTP_P_REPORT;
	}
	smtp_pending_push(run, kind);
}

void
smtp_mail_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd)
{
	struct smtp_session *ss = run->ss;
	struct smtp_str sender, helo;
	struct mailbox m;

	smtp_txn_client_close(run, false);
	smtp_txn_open(run, ++ss->nb_transactions);
	dp_count(run->ctx->counters, DP_STAT_TRANSACTIONS, 1);
	mailbox_read(cmd->arg, cmd->arg_len, line->is_cut, &m);
	ss->utf8 = has_word(m.params, m.params_len, "SMTPUTF8", 8);
	smtp_anomaly(run, line->anomalies | (ss->anomalies & DP_ANOMALY_BIT(MIDSTREAM)) |
				  (mailbox_anomalies(&m, ss->utf8) & DP_ANOMALY_BIT(EIGHT_BIT)));
	line_str(line, m.address, m.address_len, &sender);
	smtp_kept_set(run, &ss->sender, &sender, DP_STR_SENDER_MAX);
	if (run->ctx->all_events) {
		smtp_kept_str(run->ctx, &ss->helo, &helo);
		smtp_kept_str(run->ctx, &ss->sender, &sender);
		run->ctx->ops->txn_begin(run->ctx->ops_ctx, run->owner, ss->nb_transactions, &helo, &sender,
					 ss->anomalies);
	}
	smtp_pending_push(run, SMTP_P_MAIL);
}

void
smtp_helo_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd)
{
	struct smtp_str name;
	uint32_t len = 0;

	while (len < cmd->arg_len && cmd->arg[len] != ' ' && cmd->arg[len] != '\t' && cmd->arg[len] != '\r')
		len++;
	line_str(line, cmd->arg, len, &name);
	smtp_kept_set(run, &run->ss->helo, &name, DP_STR_HELO_MAX);
}

bool
smtp_rcpt_alternative(struct smtp_run *run, const struct smtp_line *line, const struct mailbox *m, uint64_t anomalies,
		      bool only_match)
{
	struct smtp_txn *t = smtp_txn_client(run);
	struct smtp_rcpt rcpt;
	bool matched;

	if (!only_match)
		smtp_anomaly(run, DP_ANOMALY_BIT(ALTERNATIVE) | anomalies);
	rcpt_fill(run, line, m, &rcpt);
	rcpt.anomalies |= DP_ANOMALY_BIT(ALTERNATIVE) | anomalies | line->anomalies | mailbox_anomalies(m, run->ss->utf8);
	rcpt.flags = DP_RCPT_ALTERNATIVE;
	rcpt.only_match = only_match;
	rcpt.transaction = t != NULL ? t->number : run->ss->nb_transactions;
	matched = run->ctx->ops->rcpt(run->ctx->ops_ctx, run->owner, &rcpt);
	if (matched)
		rcpt_matched(run);
	if (matched && only_match)
		smtp_anomaly(run, DP_ANOMALY_BIT(ALTERNATIVE) | anomalies);
	if (matched || !only_match)
		dp_count(run->ctx->counters, DP_STAT_RECIPIENTS_ALT, 1);
	return matched;
}

/* One part of a line, as a server might read it. */
static bool
alternative_part(struct smtp_run *run, const struct smtp_line *line, const uint8_t *p, size_t len, uint64_t anomalies)
{
	struct smtp_line part = *line;
	struct smtp_command cmd;
	struct mailbox m;

	smtp_command_parse(p, len, &cmd);
	if (cmd.verb != SMTP_V_RCPT)
		return cmd.verb != SMTP_V_UNKNOWN && cmd.is_sure;
	if (cmd.arg_len == 0 || (!cmd.is_sure && memchr(cmd.arg, '@', cmd.arg_len) == NULL))
		return false;
	part.is_cut = line->is_cut && p + len == line->p + line->len;
	mailbox_read(cmd.arg, cmd.arg_len, part.is_cut, &m);
	if (part.is_cut && line->tail != NULL)
		merge_tail(&m, line);
	part.arg_full = 0;
	smtp_rcpt_alternative(run, &part, &m, anomalies, false);
	return true;
}

bool
smtp_alternative_line(struct smtp_run *run, const struct smtp_line *line, uint64_t anomalies, bool whole_too)
{
	const uint8_t *p = line->p, *end = line->p + line->len, *q;
	bool any = false;

	if (whole_too)
		any = alternative_part(run, line, p, line->len, anomalies);
	if (memchr(p, '\r', line->len) != NULL) {
		/* Servers that take CR alone for a line end. */
		while (p < end) {
			q = memchr(p, '\r', (size_t)(end - p));
			if (q == NULL)
				q = end;
			any |= alternative_part(run, line, p, (size_t)(q - p), anomalies);
			p = q + 1;
		}
	}
	/* Servers in C that stop at NUL. */
	q = memchr(line->p, '\0', line->len);
	if (q != NULL)
		any |= alternative_part(run, line, line->p, (size_t)(q - line->p), anomalies);
	return any;
}

void
smtp_client_alternative(struct smtp_ctx *ctx, struct smtp *s, void *owner, const uint8_t *p, size_t len,
			bool at_line_start)
{
	struct smtp_run run = { .ctx = ctx, .s = s, .owner = owner };
	const uint8_t *end = p + len, *lf;
	bool begins = at_line_start;

	run.ss = smtp_session_get(ctx, s);
	if (run.ss == NULL || s->phase == SMTP_PHASE_OPAQUE)
		return;
	for (; p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1, begins = true) {
		struct smtp_line line = { .p = p, .len = (uint32_t)(lf - p), .octets = (uint32_t)(lf - p) + 1 };

		line.len -= line.len > 0 && p[line.len - 1] == '\r';
		smtp_alternative_line(&run, &line, 0, begins);
	}
}
