/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_keep.h"

#include <strings.h>

#include "tcp_queue.h"

/* --- lists of blocks --- */

static void
chain_free(struct tcp_reasm *r, struct flow *f, uint32_t *head)
{
	while (*head != POOL_NONE) {
		uint32_t next = tcp_seg_at(r, *head)->next;

		tcp_seg_put(r, f, *head);
		*head = next;
	}
}

/* --- copies of what was delivered --- */

void
tcp_keep_reset(struct tcp_reasm *r, struct flow *f)
{
	chain_free(r, f, &f->kept_head);
	f->flags &= ~(FLOW_KEPT | FLOW_KEPT_LINE);
}

static void
drop_oldest(struct tcp_reasm *r, struct flow *f)
{
	struct tcp_seg *s = tcp_seg_at(r, f->kept_head);
	uint32_t next = s->next;

	f->kept_seq = s->seq + s->len;
	f->flags &= ~FLOW_KEPT_LINE;
	tcp_seg_put(r, f, f->kept_head);
	f->kept_head = next;
	if (next == POOL_NONE)
		tcp_keep_reset(r, f);
}

/*
 * Half of what a flow may hold is for copies, so that they never crowd out octets that wait. Where nobody acknowledges
 * anything (the client's side alone was captured), a few of the latest must do.
 */
static bool
keep_is_full(const struct tcp_reasm *r, const struct flow *f)
{
	uint32_t blocks = f->flags & FLOW_SEEN << FLOW_SERVER ? r->flow_blocks / 2 : TCP_KEEP_UNACKED_BLOCKS;

	return f->flags & FLOW_KEPT &&
	       f->kept_end - f->kept_seq >= blocks * (uint32_t)sizeof(((struct tcp_seg *)NULL)->data);
}

void
tcp_keep_add(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	if (len == 0)
		return;
	if (f->flags & FLOW_KEPT && f->kept_end != seq)
		tcp_keep_reset(r, f);
	if (!(f->flags & FLOW_KEPT)) {
		f->flags |= FLOW_KEPT | (f->flags & FLOW_AT_LINE ? FLOW_KEPT_LINE : 0);
		f->kept_seq = seq;
		f->kept_end = seq;
	}
	while (len > 0) {
		struct tcp_seg *s = f->kept_head == POOL_NONE ? NULL : tcp_seg_at(r, f->kept_tail);
		uint32_t room = s == NULL ? 0 : (uint32_t)sizeof(s->data) - s->len, n, idx;

		if (room == 0) {
			if (keep_is_full(r, f)) {
				/* Unacknowledged for so long: said, unless there is nobody to acknowledge. */
				if (f->flags & FLOW_SEEN << FLOW_SERVER && !tcp_seq_lt(f->kept_seq, f->dir[0].acked))
					r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(RESOURCE));
				drop_oldest(r, f);
			}
			idx = tcp_seg_get(r, f);
			if (idx == POOL_NONE) {
				tcp_keep_reset(r, f);
				return;
			}
			/* Dropping the oldest may have been dropping all. */
			if (f->kept_head == POOL_NONE) {
				f->flags |= FLOW_KEPT;
				f->kept_seq = f->kept_end = seq;
				f->kept_head = idx;
			} else {
				tcp_seg_at(r, f->kept_tail)->next = idx;
			}
			f->kept_tail = idx;
			s = tcp_seg_at(r, idx);
			s->seq = seq;
			room = sizeof(s->data);
		}
		n = len < room ? len : room;
		memcpy(s->data + s->len, p, n);
		s->len += n;
		seq += n;
		p += n;
		len -= n;
		f->kept_end = seq;
	}
}

/* First octet that rivals may still be about: copies from there on are needed. */
static uint32_t
needed_from(const struct tcp_reasm *r, const struct flow *f)
{
	uint32_t from = tcp_seq_min(f->dir[FLOW_CLIENT].acked, f->kept_end);
	const struct tcp_seg *s = tcp_seg_at(r, f->rival_head);

	for (; s != NULL; s = tcp_seg_at(r, s->next))
		from = tcp_seq_min(from, s->seq);
	return from;
}

void
tcp_keep_trim(struct tcp_reasm *r, struct flow *f)
{
	uint32_t from = needed_from(r, f), line = f->kept_seq;
	bool line_found = false;
	const struct tcp_seg *s;

	if (!(f->flags & FLOW_KEPT) || !tcp_seq_lt(f->kept_seq, from))
		return;
	/* All is acknowledged, and ends with a line: nothing is needed. What most acknowledgements of commands are. */
	if (from == f->kept_end && f->flags & FLOW_AT_LINE && from == f->dir[FLOW_CLIENT].next) {
		tcp_keep_reset(r, f);
		return;
	}
	/* The last line that begins at or before it. */
	for (s = tcp_seg_at(r, f->kept_head); s != NULL && tcp_seq_lt(s->seq, from); s = tcp_seg_at(r, s->next)) {
		uint32_t n = tcp_seq_min(s->seq + s->len, from) - s->seq;
		const uint8_t *lf = memrchr(s->data, '\n', n);

		if (lf != NULL && tcp_seq_lt(f->kept_seq, s->seq + (uint32_t)(lf - s->data) + 1)) {
			line = s->seq + (uint32_t)(lf - s->data) + 1;
			line_found = true;
		}
	}
	if (line_found) {
		f->kept_seq = line;
		f->flags |= FLOW_KEPT_LINE;
	} else if (from - f->kept_seq > TCP_SCRATCH_HEAD) {
		/* A line longer than anything is read of: its begin is not needed. */
		f->kept_seq = from - TCP_SCRATCH_HEAD;
		f->flags &= ~FLOW_KEPT_LINE;
	}
	while (f->kept_head != POOL_NONE) {
		s = tcp_seg_at(r, f->kept_head);
		if (tcp_seq_lt(f->kept_seq, s->seq + s->len))
			return;
		line = s->next;
		tcp_seg_put(r, f, f->kept_head);
		f->kept_head = line;
	}
	f->flags &= ~(FLOW_KEPT | FLOW_KEPT_LINE);
}

/* Copy kept octets [@from, @to) to @dst; both lie within what is kept. */
static void
kept_copy(const struct tcp_reasm *r, const struct flow *f, uint32_t from, uint32_t to, uint8_t *dst)
{
	const struct tcp_seg *s = tcp_seg_at(r, f->kept_head);

	for (; s != NULL && tcp_seq_lt(from, to); s = tcp_seg_at(r, s->next)) {
		uint32_t end = tcp_seq_min(s->seq + s->len, to);

		if (tcp_seq_leq(s->seq + s->len, from))
			continue;
		memcpy(dst, s->data + (from - s->seq), end - from);
		dst += end - from;
		from = end;
	}
}

static bool
kept_differs(const struct tcp_reasm *r, const struct flow *f, uint32_t from, uint32_t to, const uint8_t *p)
{
	const struct tcp_seg *s = tcp_seg_at(r, f->kept_head);

	for (; s != NULL && tcp_seq_lt(from, to); s = tcp_seg_at(r, s->next)) {
		uint32_t end = tcp_seq_min(s->seq + s->len, to);

		if (tcp_seq_leq(s->seq + s->len, from))
			continue;
		if (memcmp(p, s->data + (from - s->seq), end - from) != 0)
			return true;
		p += end - from;
		from = end;
	}
	return false;
}

/* --- lines of the other reading --- */

static void
alt_drop(struct tcp_reasm *r, struct flow *f)
{
	chain_free(r, f, &f->alt_head);
	f->flags &= ~FLOW_ALT_LINE;
}

/* Append to the unfinished line; what is beyond the limit is not kept. */
static void
alt_append(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len)
{
	uint32_t total = 0, last = POOL_NONE, idx;
	struct tcp_seg *s;

	for (idx = f->alt_head; idx != POOL_NONE; idx = s->next) {
		s = tcp_seg_at(r, idx);
		total += s->len;
		last = idx;
	}
	f->flags |= FLOW_ALT_LINE;
	if (len > TCP_ALT_LINE_MAX - total) {
		len = TCP_ALT_LINE_MAX - total;
		r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(RESOURCE));
	}
	while (len > 0) {
		uint32_t n;

		s = tcp_seg_at(r, last);
		if (s == NULL || s->len == sizeof(s->data)) {
			idx = tcp_seg_get(r, f);
			if (idx == POOL_NONE)
				return;
			if (s == NULL)
				f->alt_head = idx;
			else
				s->next = idx;
			last = idx;
			s = tcp_seg_at(r, idx);
		}
		n = (uint32_t)sizeof(s->data) - s->len;
		n = len < n ? len : n;
		memcpy(s->data + s->len, p, n);
		s->len += n;
		p += n;
		len -= n;
	}
}

static void
alt_emit(struct tcp_reasm *r, struct flow *f)
{
	uint8_t line[TCP_ALT_LINE_MAX];
	const struct tcp_seg *s = tcp_seg_at(r, f->alt_head);
	uint32_t len = 0;

	for (; s != NULL; s = tcp_seg_at(r, s->next)) {
		memcpy(line + len, s->data, s->len);
		len += s->len;
	}
	alt_drop(r, f);
	if (len > 0)
		r->sink->alternative(r->sink_ctx, f, line, len, true);
}

void
tcp_keep_alt_feed(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len, bool whole_lines)
{
	const uint8_t *lf;
	uint32_t n;

	if (f->flags & FLOW_ALT_LINE) {
		lf = memchr(p, '\n', len);
		n = lf == NULL ? len : (uint32_t)(lf - p) + 1;
		alt_append(r, f, p, n);
		if (lf == NULL)
			return;
		alt_emit(r, f);
		p += n;
		len -= n;
	}
	if (!whole_lines || len == 0)
		return;
	lf = memrchr(p, '\n', len);
	n = lf == NULL ? 0 : (uint32_t)(lf - p) + 1;
	if (n > 0)
		r->sink->alternative(r->sink_ctx, f, p, n, true);
	if (n < len)
		alt_append(r, f, p + n, len - n);
}

/* A text of another reading: its whole lines go out, the rest of its last line is awaited when @goes_on. */
static void
alt_text(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len, bool at_line_start, bool goes_on)
{
	const uint8_t *lf = memrchr(p, '\n', len);
	uint32_t whole = lf == NULL ? 0 : (uint32_t)(lf - p) + 1;

	if (!goes_on || (whole == 0 && !at_line_start))
		whole = len;
	if (whole > 0)
		r->sink->alternative(r->sink_ctx, f, p, whole, at_line_start);
	if (whole == len)
		return;
	if (f->flags & FLOW_ALT_LINE) {
		/* One line at a time: the older is given out as far as it is known. */
		r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(RESOURCE));
		alt_emit(r, f);
	}
	alt_append(r, f, p + whole, len - whole);
}

/* --- differences --- */

static void
note_diff(struct tcp_reasm *r, struct flow *f)
{
	dp_count(r->counters, DP_STAT_OVERLAP_DIFF, 1);
	r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(OVERLAP_DIFF));
}

static bool
line_has_verb(const uint8_t *p, uint32_t len, const char *verb)
{
	while (len > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		len--;
	}
	return len >= 4 && strncasecmp((const char *)p, verb, 4) == 0;
}

/* Does a line of @p begin what decides where a message begins and ends (rule 5)? */
static bool
has_body_verb(const uint8_t *p, uint32_t len)
{
	while (len > 0) {
		const uint8_t *lf = memchr(p, '\n', len);
		uint32_t n = lf == NULL ? len : (uint32_t)(lf - p) + 1;

		if (line_has_verb(p, n, "DATA") || line_has_verb(p, n, "BDAT"))
			return true;
		p += n;
		len -= n;
	}
	return false;
}

/* Where the line begins that octet @seq of the kept ones lies in; false when its begin is not kept. */
static bool
kept_line_start(const struct tcp_reasm *r, const struct flow *f, uint32_t seq, uint32_t *ret)
{
	const struct tcp_seg *s = tcp_seg_at(r, f->kept_head);
	bool found = f->flags & FLOW_KEPT_LINE;

	*ret = f->kept_seq;
	for (; s != NULL && tcp_seq_lt(s->seq, seq); s = tcp_seg_at(r, s->next)) {
		uint32_t from = tcp_seq_max(s->seq, f->kept_seq), to = tcp_seq_min(s->seq + s->len, seq);
		const uint8_t *lf;

		if (!tcp_seq_lt(from, to))
			continue;
		lf = memrchr(s->data + (from - s->seq), '\n', to - from);
		if (lf != NULL) {
			*ret = s->seq + (uint32_t)(lf - s->data) + 1;
			found = true;
		}
	}
	if (seq - *ret > TCP_SCRATCH_HEAD) {
		*ret = seq - TCP_SCRATCH_HEAD;
		found = false;
	}
	return found;
}

/* Rule 2: [@from, @to) of what is kept reads @p instead. */
static void
substitute(struct tcp_reasm *r, struct flow *f, uint32_t from, uint32_t to, const uint8_t *p)
{
	uint8_t *t = r->scratch;
	uint32_t line, head, rest, len;
	bool at_line_start = kept_line_start(r, f, from, &line);
	const uint8_t *lf;

	head = from - line;
	kept_copy(r, f, line, from, t);
	memcpy(t + head, p, to - from);
	len = head + (to - from);
	rest = f->kept_end - to;
	if (rest > TCP_SCRATCH_HEAD)
		rest = TCP_SCRATCH_HEAD;
	if (t[len - 1] != '\n' && rest > 0) {
		kept_copy(r, f, to, to + rest, t + len);
		lf = memchr(t + len, '\n', rest);
		len += lf == NULL ? rest : (uint32_t)(lf - (t + len)) + 1;
	}
	if (has_body_verb(t, len))
		f->flags |= FLOW_ALT_BODY;
	alt_text(r, f, t, len, at_line_start,
		 f->kept_end == f->dir[FLOW_CLIENT].next && f->smtp.phase != SMTP_PHASE_BODY &&
			 f->smtp.phase != SMTP_PHASE_CHUNK);
	/* In the stream's own reading of the line. */
	len = tcp_seq_min(f->kept_end, to + TCP_SCRATCH_HEAD) - line;
	kept_copy(r, f, line, line + len, t);
	if (has_body_verb(t, len))
		f->flags |= FLOW_ALT_BODY;
}

void
tcp_keep_without(struct tcp_reasm *r, struct flow *f, uint32_t seq)
{
	uint8_t *t = r->scratch;
	uint32_t line, head, rest;
	const uint8_t *lf;
	bool at_line_start;

	if (!(f->flags & FLOW_KEPT) || tcp_seq_lt(seq, f->kept_seq) || !tcp_seq_lt(seq, f->kept_end))
		return;
	at_line_start = kept_line_start(r, f, seq, &line);
	head = seq - line;
	kept_copy(r, f, line, seq, t);
	rest = f->kept_end - (seq + 1);
	if (rest > TCP_SCRATCH_HEAD)
		rest = TCP_SCRATCH_HEAD;
	kept_copy(r, f, seq + 1, seq + 1 + rest, t + head);
	lf = memchr(t + head, '\n', rest);
	if (lf != NULL)
		rest = (uint32_t)(lf - (t + head)) + 1;
	if (head + rest > 0)
		alt_text(r, f, t, head + rest, at_line_start, seq + 1 + rest == f->dir[FLOW_CLIENT].next);
}

/* Octets after an end of data in @p, or NULL (rule 4). */
static const uint8_t *
body_end_in(const uint8_t *p, uint32_t len)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "RSET", "EHLO", "HELO", "DATA", "BDAT", "NOOP" };
	const uint8_t *e;
	unsigned int i;

	if (len > 3 && memcmp(p, ".\r\n", 3) == 0) {
		for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
			if (line_has_verb(p + 3, len - 3, verbs[i]))
				return p + 3;
		}
	}
	e = memmem(p, len, "\r\n.\r\n", 5);
	return e == NULL ? NULL : e + 5;
}

/*
 * The same over copies that follow one another, however they are cut: octets after an end of data that began in the copy
 * before, or NULL.
 */
static const uint8_t *
body_end_across(struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	static const uint8_t eod[] = "\r\n.\r\n";
	unsigned int k = seq == f->copy_end ? f->copy_eod : 0;
	const uint8_t *e = NULL;
	uint32_t i = 0;

	/* After its first octets only what the last ones begin matters: an end inside is found otherwise. */
	while (i < len) {
		if (k == 0 && i < len - (len < 4 ? len : 4))
			i = len - (len < 4 ? len : 4);
		if (p[i] == eod[k])
			k++;
		else
			k = p[i] == '\r' ? 1 : 0;
		i++;
		if (k == sizeof(eod) - 1) {
			if (e == NULL)
				e = p + i;
			k = 2; /* its CRLF may begin another one */
		}
	}
	f->copy_end = seq + len;
	f->copy_eod = (uint8_t)k;
	return e;
}

static void
compare_body(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	const uint8_t *across = body_end_across(f, seq, p, len);
	const uint8_t *e = across != NULL ? across : body_end_in(p, len);

	if (e != NULL && seq + (uint32_t)(e - p) == f->body_end)
		return;
	/* A chunk ends by its length, which stood before it. */
	if (f->smtp.phase == SMTP_PHASE_CHUNK || (f->smtp.phase != SMTP_PHASE_BODY && f->flags & FLOW_CHUNKED))
		e = NULL;
	if (f->flags & FLOW_ALT_BODY) {
		tcp_keep_alt_feed(r, f, p, len, true);
		return;
	}
	if (e == NULL)
		return;
	note_diff(r, f);
	if (f->smtp.phase == SMTP_PHASE_BODY)
		f->flags |= FLOW_ALT_BODY;
	if (e < p + len)
		alt_text(r, f, e, len - (uint32_t)(e - p), true, f->flags & FLOW_ALT_BODY);
}

void
tcp_keep_compare(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len,
		 uint32_t unacked_from)
{
	uint32_t end = seq + len, n;

	if (tcp_seq_lt(seq, unacked_from)) {
		n = tcp_seq_min(unacked_from, end) - seq;
		seq += n;
		p += n;
		len -= n;
	}
	/* What stands before the copies is of a message, or too old. */
	n = f->flags & FLOW_KEPT ? (tcp_seq_lt(seq, f->kept_seq) ? tcp_seq_min(f->kept_seq, end) - seq : 0) : len;
	if (n > 0) {
		compare_body(r, f, seq, p, n);
		seq += n;
		p += n;
		len -= n;
	}
	if (len == 0)
		return;
	n = tcp_seq_lt(f->kept_end, end) ? (tcp_seq_lt(seq, f->kept_end) ? f->kept_end - seq : 0) : len;
	if (n > 0 && kept_differs(r, f, seq, seq + n, p)) {
		note_diff(r, f);
		substitute(r, f, seq, seq + n, p);
	}
	if (n < len)
		compare_body(r, f, seq + n, p + n, len - n);
}

/* --- rivals --- */

void
tcp_keep_rival(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len)
{
	uint32_t *link = &f->rival_head, nb = 0;

	for (; *link != POOL_NONE; link = &tcp_seg_at(r, *link)->next)
		nb++;
	while (len > 0) {
		uint32_t idx = nb < TCP_RIVALS_MAX ? tcp_seg_get(r, f) : POOL_NONE;
		struct tcp_seg *s = tcp_seg_at(r, idx);
		uint32_t n;

		if (s == NULL) {
			note_diff(r, f);
			r->sink->note(r->sink_ctx, f, DP_ANOMALY_BIT(RESOURCE));
			return;
		}
		n = len < sizeof(s->data) ? len : (uint32_t)sizeof(s->data);
		memcpy(s->data, p, n);
		s->seq = seq;
		s->len = n;
		*link = idx;
		link = &s->next;
		nb++;
		seq += n;
		p += n;
		len -= n;
	}
}

void
tcp_keep_judge(struct tcp_reasm *r, struct flow *f, bool force)
{
	uint32_t *link = &f->rival_head;

	while (*link != POOL_NONE) {
		uint32_t idx = *link;
		struct tcp_seg *s = tcp_seg_at(r, idx);
		uint32_t next = f->dir[FLOW_CLIENT].next;

		if (tcp_seq_leq(s->seq + s->len, next)) {
			tcp_keep_compare(r, f, s->seq, s->data, s->len, s->seq);
		} else if (!force) {
			link = &s->next;
			continue;
		} else if (tcp_seq_lt(s->seq, next)) {
			tcp_keep_compare(r, f, s->seq, s->data, next - s->seq, s->seq);
		}
		*link = s->next;
		tcp_seg_put(r, f, idx);
	}
}

void
tcp_keep_finish(struct tcp_reasm *r, struct flow *f)
{
	tcp_keep_judge(r, f, true);
	if (f->flags & FLOW_ALT_LINE)
		alt_emit(r, f);
	tcp_keep_reset(r, f);
	alt_drop(r, f);
}
