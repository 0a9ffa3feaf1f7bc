/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dp_responder.h"

enum {
	IN_FIRST = 4096, /* most never need more */
};

/* No server reads an address in this, whatever stood before: a reserved domain, a control octet, a bracket that opens. */
static const uint8_t spoil[] = ".invalid \x01<\r\n";

static size_t
in_len(const struct proxy *p)
{
	return p->in_tail - p->in_head;
}

static void
in_drop(struct proxy *p, size_t n)
{
	p->in_head += (uint32_t)n;
	if (p->in_head == p->in_tail)
		p->in_head = p->in_tail = 0;
}

static void
end(struct proxy *p, enum proxy_end why)
{
	if (p->end == PROXY_GOES_ON)
		p->end = (uint8_t)why;
}

/* --- what the machine says --- */

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
}

static void
on_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *txn)
{
}

/* The strongest verdict wins for what was fed; with it its words. */
static void
decided(struct proxy *p, enum dp_verdict verdict, const char *text)
{
	if (verdict <= p->strongest)
		return;
	p->strongest = (uint8_t)verdict;
	p->text[0] = '\0';
	if (text != NULL)
		memccpy(p->text, text, '\0', DP_ANSWER_TEXT_MAX);
	p->text[DP_ANSWER_TEXT_MAX] = '\0';
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	struct proxy *p = owner;
	enum dp_verdict verdict = DP_VERDICT_NONE;
	char text[PROXY_TEXT_MAX] = "";
	/* A line is known when its last octet is; it is the last of what is being given. */
	bool known = p->offset + (uint64_t)(rcpt->line_end > 0 ? rcpt->line_end : 0) <=
		     (uint64_t)p->known_len + p->prefix_left;

	switch (p->ops->judge(p->ctx, rcpt, known, &verdict, text)) {
	case PROXY_CLEAN:
		return false;
	case PROXY_DECIDED:
		decided(p, verdict, text);
		return true;
	case PROXY_ASKED:
		p->nb_asked++;
		return true;
	}
	return false;
}

const struct smtp_ops proxy_smtp_ops = {
	.txn_begin = on_txn_begin,
	.rcpt = on_rcpt,
	.rcpt_reply = on_reply,
	.data = on_data,
	.txn_end = on_txn_end,
};

/* --- from the client --- */

/* Line by line where recipients may be found: what waits for a verdict is then that line, however the octets came. */
static size_t
up_to_line(const struct proxy *p, size_t n)
{
	const uint8_t *at = p->in + p->in_head;
	const uint8_t *lf = smtp_reads_lines(&p->smtp) ? memchr(at, '\n', n) : NULL;

	return lf != NULL ? (size_t)(lf - at) + 1 : n;
}

/* Octets at in_head that can be given at once: a line, a piece of a message, everything. 0: not yet. */
static size_t
next_piece(struct proxy *p)
{
	const uint8_t *at = p->in + p->in_head, *lf;
	size_t len = in_len(p);
	struct smtp_state_server half;
	enum smtp_body_found found;
	uint8_t eod = p->smtp.eod;

	p->in_line = p->in_part = false;
	if (!smtp_is_clear(&p->smtp))
		return up_to_line(p, len);
	switch (p->smtp.phase) {
	case SMTP_PHASE_WAIT:
		return 0;
	case SMTP_PHASE_BODY:
		return up_to_line(p, smtp_body_scan(p->smtp_ctx->body_find, &eod, at, len, &found));
	case SMTP_PHASE_CHUNK:
		return up_to_line(p, p->smtp.chunk_left < len ? (size_t)p->smtp.chunk_left : len);
	default:
		break;
	}
	/* One command at a time: servers without PIPELINING give up when they are sent two. */
	smtp_state_server(p->smtp_ctx, &p->smtp, &half);
	if (smtp_owed(p->smtp_ctx, &p->smtp) > 0 || half.multi || half.len > 0)
		return 0;
	lf = memchr(at, '\n', len);
	if (lf != NULL)
		len = (size_t)(lf - at) + 1;
	if (len > PROXY_LINE_MAX)
		end(p, PROXY_LINE_TOO_LONG);
	p->in_line = true;
	p->in_part = lf == NULL;
	return lf != NULL && p->end == PROXY_GOES_ON ? len : 0;
}

/* The first @n octets go to the server, but for what it has of them. */
static void
forward(struct proxy *p, size_t n)
{
	size_t had = p->prefix_left < n ? p->prefix_left : n;

	if (n > had)
		p->ops->to_server(p->ctx, p->in + p->in_head + had, n - had);
	p->prefix_left -= (uint32_t)had;
	in_drop(p, n);
}

static void
say(struct proxy *p)
{
	size_t n = strlen(p->text);

	if (n == 0) {
		strcpy(p->text, "550 5.7.1 This recipient is not accepted here");
		n = strlen(p->text);
	}
	p->text[n++] = '\r';
	p->text[n++] = '\n';
	smtp_server_data(p->smtp_ctx, &p->smtp, p, (const uint8_t *)p->text, n);
	p->ops->to_client(p->ctx, (const uint8_t *)p->text, n);
}

/* A command of its own, of which the client is owed one reply and nothing else. */
static bool
can_refuse(const struct proxy *p)
{
	return p->in_line && smtp_is_clear(&p->smtp) && smtp_owed(p->smtp_ctx, &p->smtp) == 1 &&
	       (p->smtp.phase == SMTP_PHASE_COMMAND || p->smtp.phase == SMTP_PHASE_WAIT);
}

/* What was fed is decided: carry it out. */
static void
settle(struct proxy *p)
{
	size_t n = p->fed;
	bool is_split = p->prefix_left > 0;

	p->fed = 0;
	if (p->strongest < DP_VERDICT_REFUSE) {
		forward(p, n);
		return;
	}
	if (p->strongest == DP_VERDICT_RESET || !can_refuse(p)) {
		end(p, PROXY_VERDICT);
		return;
	}
	p->prefix_left = 0;
	in_drop(p, n);
	if (!is_split) {
		say(p);
		return;
	}
	p->ops->to_server(p->ctx, spoil, sizeof(spoil) - 1);
	p->swallowing = true;
	p->swallowed = 0;
	p->swallow_len = 0;
}

/* Let the machine read @n octets, and pass them on when nobody has to be asked. */
static void
give(struct proxy *p, size_t n)
{
	p->strongest = DP_VERDICT_NONE;
	p->nb_asked = 0;
	n = smtp_client_data(p->smtp_ctx, &p->smtp, p, p->in + p->in_head, n);
	p->offset += n - (p->prefix_left < n ? p->prefix_left : n);
	p->fed = (uint32_t)n;
	if (p->nb_asked == 0)
		settle(p);
}

static void
pump(struct proxy *p)
{
	while (p->end == PROXY_GOES_ON && p->nb_asked == 0 && !p->swallowing && in_len(p) > 0) {
		size_t n = in_len(p);

		if (p->through_left > 0) {
			n = p->through_left < n ? p->through_left : n;
			p->through_left -= (uint32_t)n;
			forward(p, n);
			continue;
		}
		n = next_piece(p);
		if (n == 0)
			return;
		give(p, n);
	}
}

/* Make room behind in_tail. */
static bool
in_reserve(struct proxy *p)
{
	uint32_t cap = p->in_cap == 0 ? IN_FIRST : p->in_cap;
	uint8_t *in;

	if (p->in_head > 0) {
		memmove(p->in, p->in + p->in_head, in_len(p));
		p->in_tail -= p->in_head;
		p->in_head = 0;
	}
	if (p->in_tail == p->in_cap && cap < PROXY_IN_MAX)
		cap = p->in_cap == 0 ? IN_FIRST : cap * 4;
	if (cap == p->in_cap)
		return true;
	in = realloc(p->in, cap);
	if (in == NULL)
		return false;
	p->in = in;
	p->in_cap = cap;
	return true;
}

size_t
proxy_client_room(struct proxy *p, uint8_t **ret_to)
{
	if (p->end != PROXY_GOES_ON)
		return 0;
	if ((p->in_tail == p->in_cap || p->in_head > p->in_cap / 2) && !in_reserve(p)) {
		end(p, PROXY_NO_MEMORY);
		return 0;
	}
	*ret_to = p->in + p->in_tail;
	return p->in_cap - p->in_tail;
}

void
proxy_client_came(struct proxy *p, size_t n)
{
	p->in_tail += (uint32_t)n;
	pump(p);
}

void
proxy_answer(struct proxy *p, enum dp_verdict verdict, const char *text)
{
	if (p->nb_asked == 0)
		return;
	decided(p, verdict, text);
	if (--p->nb_asked > 0 || p->end != PROXY_GOES_ON)
		return;
	settle(p);
	pump(p);
}

void
proxy_idle(struct proxy *p)
{
	if (p->end != PROXY_GOES_ON || p->nb_asked > 0 || !smtp_wait_is_mutual(p->smtp_ctx, &p->smtp))
		return;
	smtp_client_give_up(p->smtp_ctx, &p->smtp, p);
	pump(p);
}

/* --- from the server --- */

/* Replace a reply: octets up to its final line's end are dropped. How many of @n. */
static size_t
swallow(struct proxy *p, const uint8_t *octets, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p->swallow_len < sizeof(p->swallow_head))
			p->swallow_head[p->swallow_len++] = (char)octets[i];
		if (++p->swallowed > PROXY_SWALLOW_MAX) {
			end(p, PROXY_REPLY_TOO_LONG);
			return n;
		}
		if (octets[i] != '\n')
			continue;
		if (p->swallow_len == sizeof(p->swallow_head) && p->swallow_head[3] == '-') {
			p->swallow_len = 0;
			continue;
		}
		p->swallowing = false;
		if (p->swallow_head[0] != '4' && p->swallow_head[0] != '5')
			end(p, PROXY_ACCEPTED);
		else
			say(p);
		return i + 1;
	}
	return n;
}

/* To the client, and to the machine: a line, or what there is of it; once nothing can be read, all. */
static size_t
relay(struct proxy *p, const uint8_t *octets, size_t n)
{
	const uint8_t *lf = smtp_is_clear(&p->smtp) ? memchr(octets, '\n', n) : NULL;

	if (lf != NULL)
		n = (size_t)(lf - octets) + 1;
	p->ops->to_client(p->ctx, octets, n);
	smtp_server_data(p->smtp_ctx, &p->smtp, p, octets, n);
	return n;
}

void
proxy_server_came(struct proxy *p, const uint8_t *octets, size_t n)
{
	size_t taken;

	for (; n > 0 && p->end == PROXY_GOES_ON; octets += taken, n -= taken) {
		taken = p->swallowing ? swallow(p, octets, n) : relay(p, octets, n);
		pump(p);
	}
}

bool
proxy_is_drained(const struct proxy *p)
{
	return p->nb_asked == 0 && !p->swallowing && (in_len(p) == 0 || p->in_part);
}

/* --- begin and end --- */

static void
state_of(const struct dp_takeover *t, const struct dp_takeover_parts *parts, struct smtp_state *state,
	 struct smtp_state_server *server)
{
	*state = (struct smtp_state){
		.transaction = t->transaction,
		.nb_transactions = t->nb_transactions,
		.nb_rcpts = t->nb_rcpts,
		.flags = t->flags,
		.anomalies = t->anomalies,
		.helo = { .p = parts->helo, .len = t->helo_len, .full_len = t->helo_len },
		.sender = { .p = parts->sender, .len = t->sender_len, .full_len = t->sender_len },
	};
	*server = (struct smtp_state_server){
		.multi = (t->flags & DP_TAKEOVER_MULTI) != 0,
		.len = t->server_line_len,
	};
	memcpy(server->head, t->server_line, sizeof(server->head));
}

int
proxy_init(struct proxy *p, struct smtp_ctx *smtp_ctx, const struct proxy_ops *ops, void *ctx, const struct dp_takeover *t)
{
	struct dp_takeover_parts parts;
	struct smtp_state_server server;
	struct smtp_state state;

	*p = (struct proxy){
		.smtp_ctx = smtp_ctx,
		.ops = ops,
		.ctx = ctx,
		.prefix_left = t->prefix_len,
		.through_left = t->through_len,
		.known_len = t->known_len,
	};
	dp_takeover_parts(t, &parts);
	state_of(t, &parts, &state, &server);
	smtp_open(smtp_ctx, &p->smtp, 0);
	if (!in_reserve(p) || !smtp_state_resume(smtp_ctx, &p->smtp, &state, parts.owed, t->owed_len, &server)) {
		proxy_fini(p);
		return -ENOMEM;
	}
	memcpy(p->in, parts.prefix, t->prefix_len);
	p->in_tail = t->prefix_len;
	return 0;
}

void
proxy_fini(struct proxy *p)
{
	p->end = PROXY_VERDICT; /* nothing more is passed on */
	if (p->smtp_ctx != NULL)
		smtp_close(p->smtp_ctx, &p->smtp, p);
	free(p->in);
	p->in = NULL;
	p->smtp_ctx = NULL;
}
