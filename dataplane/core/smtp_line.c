/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_line - client lines out of pieces
 *
 * A line that lies whole in one piece is read where it lies. Others are put together in a small object, then in a large
 * one; of what exceeds that the last octets are kept, and length and hash of the address are counted on.
 */
#include <string.h>

#include "smtp_session.h"

void
smtp_line_drop(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	if (ss->line_idx != POOL_NONE)
		pool_put(ss->line_big ? &run->ctx->big : &run->ctx->strings, ss->line_idx);
	ss->line_idx = POOL_NONE;
	ss->line_big = false;
	ss->line_octets = 0;
}

/* The head of a line is full: where in it does the address lie, and does it go on? */
static void
long_line_begin(const struct smtp_run *run, struct smtp_big *b)
{
	struct smtp_command cmd;
	const uint8_t *end = b->head + sizeof(b->head), *arg, *q;

	b->tail_pos = 0;
	b->carry_len = 0;
	b->arg_done = true;
	b->arg_full = 0;
	b->middle_begun = false;
	b->middle_left = 0;
	smtp_command_parse(b->head, sizeof(b->head), &cmd);
	if (cmd.verb == SMTP_V_RCPT || cmd.verb == SMTP_V_MAIL) {
		struct mailbox mb;

		mailbox_read(cmd.arg, cmd.arg_len, true, &mb);
		smtp_middle_begin(run, b, &cmd, &mb);
		if (mb.address_len == 0 || mb.address + mb.address_len != end)
			return;
		arg = mb.address;
	} else if (cmd.verb == SMTP_V_EHLO || cmd.verb == SMTP_V_HELO || cmd.verb == SMTP_V_LHLO) {
		arg = cmd.arg;
		for (q = arg; q < end; q++)
			if (*q == ' ' || *q == '\t')
				return;
	} else {
		return;
	}
	b->arg_done = false;
	b->arg_bracket = arg > b->head && arg[-1] == '<';
	b->arg_full = (uint32_t)(end - arg);
	b->hash = dp_hash64(DP_HASH64_INIT, arg, b->arg_full);
}

static void
long_line_arg(struct smtp_big *b, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] == '\r' || (b->arg_bracket ? p[i] == '>' : p[i] == ' ' || p[i] == '\t')) {
			b->arg_done = true;
			return;
		}
		if (b->arg_full < UINT32_MAX)
			b->arg_full++;
		b->carry[b->carry_len++] = p[i];
		if (b->carry_len == sizeof(b->carry)) {
			b->hash = dp_hash64(b->hash, b->carry, sizeof(b->carry));
			b->carry_len = 0;
		}
	}
}

static void
long_line_tail(struct smtp_big *b, const uint8_t *p, size_t n)
{
	size_t at, first;

	if (!b->arg_done)
		long_line_arg(b, p, n);
	if (n > SMTP_LINE_TAIL_MAX) {
		b->tail_pos += (uint32_t)(n - SMTP_LINE_TAIL_MAX);
		p += n - SMTP_LINE_TAIL_MAX;
		n = SMTP_LINE_TAIL_MAX;
	}
	at = b->tail_pos % SMTP_LINE_TAIL_MAX;
	first = SMTP_LINE_TAIL_MAX - at < n ? SMTP_LINE_TAIL_MAX - at : n;
	memcpy(b->tail + at, p, first);
	memcpy(b->tail, p + first, n - first);
	b->tail_pos += (uint32_t)n;
	/* Only "fewer than the ring holds" and the place in it matter: do not let it wrap. */
	if (b->tail_pos >= 2u * SMTP_LINE_TAIL_MAX)
		b->tail_pos = SMTP_LINE_TAIL_MAX + b->tail_pos % SMTP_LINE_TAIL_MAX;
}

/* Room for @need octets of the line; false when the pools are empty. */
static bool
line_room(struct smtp_run *run, size_t need)
{
	struct smtp_session *ss = run->ss;
	uint32_t idx;

	if (ss->line_idx != POOL_NONE && (ss->line_big || need <= SMTP_STRING_LEN))
		return true;
	if (need <= SMTP_STRING_LEN) {
		idx = pool_get(&run->ctx->strings);
		if (idx != POOL_NONE) {
			ss->line_idx = idx;
			ss->line_big = false;
			return true;
		}
	}
	idx = pool_get(&run->ctx->big);
	if (idx == POOL_NONE)
		return false;
	if (ss->line_idx != POOL_NONE) {
		memcpy(pool_at(&run->ctx->big, idx), pool_at(&run->ctx->strings, ss->line_idx), ss->line_octets);
		pool_put(&run->ctx->strings, ss->line_idx);
	}
	ss->line_idx = idx;
	ss->line_big = true;
	return true;
}

static bool
line_append(struct smtp_run *run, const uint8_t *p, size_t n)
{
	struct smtp_session *ss = run->ss;
	size_t have = ss->line_octets, head;
	const uint8_t *start = p;
	uint8_t *to;

	if (!line_room(run, have + n))
		return false;
	to = pool_at(ss->line_big ? &run->ctx->big : &run->ctx->strings, ss->line_idx);
	if (have < SMTP_LINE_HEAD_MAX) {
		head = SMTP_LINE_HEAD_MAX - have < n ? SMTP_LINE_HEAD_MAX - have : n;
		memcpy(to + have, p, head);
		if (head < n || have + head == SMTP_LINE_HEAD_MAX)
			long_line_begin(run, (struct smtp_big *)to);
		p += head;
		n -= head;
		have += head;
	}
	while (n > 0) {
		size_t part = smtp_middle_step(run, (struct smtp_big *)to, n, (uint32_t)have, run->call_off + (p - start));

		long_line_tail((struct smtp_big *)to, p, part);
		p += part;
		n -= part;
		have += part;
	}
	ss->line_octets = have < UINT32_MAX / 2 ? (uint32_t)have : UINT32_MAX / 2;
	return true;
}

/* Describe what was put together; @tail holds SMTP_LINE_TAIL_MAX octets. The line's end is not among line_octets. */
static void
line_assembled(struct smtp_run *run, struct smtp_line *line, uint8_t *tail)
{
	struct smtp_session *ss = run->ss;
	const struct smtp_big *b;
	uint32_t len = ss->line_octets, n, at, rest;
	bool cr;

	line->p = pool_at(ss->line_big ? &run->ctx->big : &run->ctx->strings, ss->line_idx);
	if (len <= SMTP_LINE_HEAD_MAX) {
		line->len = len;
		return;
	}
	b = (const struct smtp_big *)line->p;
	n = b->tail_pos < SMTP_LINE_TAIL_MAX ? b->tail_pos : SMTP_LINE_TAIL_MAX;
	at = b->tail_pos < SMTP_LINE_TAIL_MAX ? 0 : b->tail_pos % SMTP_LINE_TAIL_MAX;
	/* What does not fill the ring is filled up from the head: a domain may stand across their border. */
	rest = SMTP_LINE_TAIL_MAX - n;
	memcpy(tail, b->head + sizeof(b->head) - rest, rest);
	memcpy(tail + rest, b->tail + at, n - at);
	memcpy(tail + rest + n - at, b->tail, at);
	cr = tail[SMTP_LINE_TAIL_MAX - 1] == '\r';
	line->len = SMTP_LINE_HEAD_MAX;
	if (cr && len == SMTP_LINE_HEAD_MAX + 1) {
		/* Head and CR: nothing is missing. */
		line->tail = tail + SMTP_LINE_TAIL_MAX - 1;
		line->tail_len = 1;
		return;
	}
	line->is_cut = true;
	line->tail = tail + smtp_middle_read(b);
	line->tail_len = SMTP_LINE_TAIL_MAX - smtp_middle_read(b);
	line->arg_full = b->arg_full;
	line->arg_hash = b->carry_len > 0 ? dp_hash64(b->hash, b->carry, b->carry_len) : b->hash;
}

/* A CR or NUL in @p? Eight octets at a time: lines are short, and most have neither. */
static bool
has_cr_or_nul(const uint8_t *p, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7, cr = ones * '\r';
	uint64_t w, found = 0;
	size_t i;

	for (i = 0; i + sizeof(w) <= len; i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		found |= ((w - ones) & ~w) | (((w ^ cr) - ones) & ~(w ^ cr));
	}
	for (; i < len; i++)
		if (p[i] == '\r' || p[i] == '\0')
			return true;
	return (found & tops) != 0;
}

/* Take the CR off, and note what is odd about the octets. */
static void
line_look(struct smtp_line *line)
{
	bool cr = false;

	if (line->tail != NULL) {
		cr = line->tail_len > 0 && line->tail[line->tail_len - 1] == '\r';
		line->tail_len -= cr;
		if (!line->is_cut)
			line->tail = NULL;
	} else if (line->len > 0 && line->p[line->len - 1] == '\r') {
		cr = true;
		line->len--;
	}
	if (!cr)
		line->anomalies |= DP_ANOMALY_BIT(BARE_LF);
	if (line->is_cut)
		line->anomalies |= DP_ANOMALY_BIT(LONG_LINE);
	if (line->tail == NULL && !has_cr_or_nul(line->p, line->len))
		return;
	if (memchr(line->p, '\r', line->len) != NULL ||
	    (line->tail != NULL && memchr(line->tail, '\r', line->tail_len) != NULL))
		line->anomalies |= DP_ANOMALY_BIT(BARE_CR);
	if (memchr(line->p, '\0', line->len) != NULL ||
	    (line->tail != NULL && memchr(line->tail, '\0', line->tail_len) != NULL))
		line->anomalies |= DP_ANOMALY_BIT(NUL);
}

static void
line_deliver(struct smtp_run *run, struct smtp_line *line)
{
	struct smtp_session *ss = run->ss;

	if (run->s->phase == SMTP_PHASE_CHUNK) {
		smtp_alternative_line(run, line, run->s->flags & SMTP_F_PREAMBLE ? 0 : DP_ANOMALY_BIT(BDAT_DOUBT), true);
	} else if (run->s->phase == SMTP_PHASE_BODY) {
		if (smtp_alternative_line(run, line, run->s->flags & SMTP_F_LENIENT ? DP_ANOMALY_BIT(LENIENT_EOD) : 0, true))
			ss->alt_left = SMTP_ALT_LINES;
		else if (--ss->alt_left == 0)
			run->s->flags &= (uint16_t)~SMTP_F_ALT;
	} else if (run->s->flags & SMTP_F_TLS) {
		/* RFC 3207 §4.2: a server must forget these; one that does not takes them as commands (CVE-2011-0411). */
		if (!ss->tls_client)
			smtp_anomaly(run, DP_ANOMALY_BIT(PIPELINE_VIOLATION));
		smtp_alternative_line(run, line, DP_ANOMALY_BIT(PIPELINE_VIOLATION), true);
	} else {
		smtp_command_line(run, line);
	}
}

/* Judge the kept octets, or those at @p, as the cut head of a line. */
static void
line_deliver_cut(struct smtp_run *run, const uint8_t *p, size_t n)
{
	struct smtp_session *ss = run->ss;
	struct smtp_line line = { .is_cut = true };
	uint8_t tail[SMTP_LINE_TAIL_MAX];

	if (ss->line_idx != POOL_NONE) {
		line_assembled(run, &line, tail);
		line.is_cut = true;
	} else {
		line.p = p;
		line.len = (uint32_t)(n < SMTP_LINE_HEAD_MAX ? n : SMTP_LINE_HEAD_MAX);
	}
	line.octets = line.back = ss->line_octets;
	if (ss->line_idx == POOL_NONE) {
		line.octets = (uint32_t)n;
		line.back = 0;
		line.end = run->call_off + (int64_t)n;
	}
	line_deliver(run, &line);
}

void
smtp_line_cut(struct smtp_run *run)
{
	struct smtp_session *ss = run->ss;

	if (ss->line_idx != POOL_NONE && (run->s->phase == SMTP_PHASE_COMMAND || run->s->phase == SMTP_PHASE_SYNC ||
					  run->s->phase == SMTP_PHASE_CHUNK) &&
	    !(run->s->flags & SMTP_F_TLS))
		line_deliver_cut(run, NULL, 0);
	smtp_line_drop(run);
}

/* Octets of a line, with its end when @lf. */
static void
line_piece(struct smtp_run *run, const uint8_t *p, size_t n, bool lf)
{
	struct smtp_session *ss = run->ss;
	struct smtp_line line = { 0 };
	uint8_t tail[SMTP_LINE_TAIL_MAX];
	int64_t end_off = run->call_off + (int64_t)n;

	if (lf && ss->line_octets == 0 && n <= SMTP_LINE_HEAD_MAX) {
		line.p = p;
		line.len = (uint32_t)n - 1;
		line.octets = (uint32_t)n;
	} else {
		if (!line_append(run, p, n - lf)) {
			dp_count(run->ctx->counters, DP_STAT_POOL_STRING, 1);
			smtp_anomaly(run, DP_ANOMALY_BIT(RESOURCE));
			line_deliver_cut(run, p, n - lf);
			smtp_line_drop(run);
			if (!lf)
				run->s->flags |= SMTP_F_SKIP;
			return;
		}
		if (!lf)
			return;
		line_assembled(run, &line, tail);
		line.octets = ss->line_octets + 1;
	}
	line.end = end_off;
	if (end_off < (int64_t)line.octets)
		line.back = (uint32_t)((int64_t)line.octets - end_off);
	line_look(&line);
	line_deliver(run, &line);
	smtp_line_drop(run);
}

static size_t
line_len(const uint8_t *p, size_t len, bool *ret_lf)
{
	const uint8_t *lf = memchr(p, '\n', len);

	*ret_lf = lf != NULL;
	return lf != NULL ? (size_t)(lf - p) + 1 : len;
}

/* Read up to one line of commands or authentication. Returns how many octets were taken. */
size_t
smtp_line_feed(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp_session *ss = run->ss;
	struct smtp *s = run->s;
	bool lf;
	size_t n;

	if ((s->flags & (SMTP_F_TLS | SMTP_F_SKIP)) == SMTP_F_TLS && ss->line_octets == 0 && p[0] == 0x16)
		ss->tls_client = true;
	n = line_len(p, len, &lf);
	if (s->flags & SMTP_F_SKIP) {
		if (lf)
			s->flags &= (uint16_t)~SMTP_F_SKIP;
	} else if (s->phase == SMTP_PHASE_AUTH_LINE) {
		/* Credentials are not kept; `*` cancels and is answered too (RFC 4954 §4). */
		if (lf) {
			smtp_pending_push(run, SMTP_P_AUTH);
			ss->wait = SMTP_W_AUTH;
			ss->wait_gap = false;
			s->phase = SMTP_PHASE_WAIT;
		}
	} else {
		line_piece(run, p, n, lf);
	}
	return n;
}

/* Body octets after a lenient end of data, read as the lines a lenient server would see. */
void
smtp_body_lines(struct smtp_run *run, const uint8_t *p, size_t len)
{
	struct smtp *s = run->s;
	size_t off = 0, n;
	bool lf;

	while (off < len && (s->flags & SMTP_F_ALT) != 0) {
		n = line_len(p + off, len - off, &lf);
		if (s->flags & SMTP_F_SKIP) {
			if (lf)
				s->flags &= (uint16_t)~SMTP_F_SKIP;
		} else {
			run->call_off += (int64_t)off;
			line_piece(run, p + off, n, lf);
			run->call_off -= (int64_t)off;
		}
		off += n;
	}
	if (!(s->flags & SMTP_F_ALT))
		smtp_line_drop(run);
}
