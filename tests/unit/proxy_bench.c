/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy_bench.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
append(struct proxy_bench_out *out, const void *p, size_t n)
{
	if (out->len + n + 1 > out->cap) {
		out->cap = (out->len + n + 1) * 2;
		out->p = realloc(out->p, out->cap);
		assert(out->p != NULL);
	}
	if (n > 0)
		memcpy(out->p + out->len, p, n);
	out->len += n;
	out->p[out->len] = '\0';
}

static bool
has(const struct smtp_rcpt *r, const char *word)
{
	unsigned int i;

	for (i = 0; i < r->mailbox->nb_readings; i++)
		if (strcmp(r->mailbox->readings[i].domain, word) == 0)
			return true;
	return false;
}

static enum proxy_judged
judge(void *ctx, const struct smtp_rcpt *rcpt, bool known, enum dp_verdict *ret_verdict, char text[PROXY_TEXT_MAX])
{
	struct proxy_bench *b = ctx;

	b->nb_known += known;
	b->transaction = rcpt->transaction;
	b->index = rcpt->index;
	*ret_verdict = DP_VERDICT_REFUSE;
	if (has(rcpt, "army.ml"))
		return PROXY_DECIDED;
	if (has(rcpt, "text.ml")) {
		strcpy(text, "550 5.1.2 <text.ml>: did you mean text.mil?");
		return PROXY_DECIDED;
	}
	if (has(rcpt, "reset.ml")) {
		*ret_verdict = DP_VERDICT_RESET;
		return PROXY_DECIDED;
	}
	if (has(rcpt, "ask.ml")) {
		b->nb_asked++;
		return PROXY_ASKED;
	}
	return PROXY_CLEAN;
}

static void
to_client(void *ctx, const uint8_t *p, size_t n)
{
	append(&((struct proxy_bench *)ctx)->client, p, n);
}

static void
to_server(void *ctx, const uint8_t *p, size_t n)
{
	append(&((struct proxy_bench *)ctx)->server, p, n);
}

static const struct proxy_ops ops = { judge, to_client, to_server };

static size_t
put(uint8_t *to, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	if (n > 0)
		memcpy(to, text, n);
	return n;
}

struct dp_takeover *
proxy_bench_record(void *buf, const struct proxy_bench_start *s)
{
	const struct dp_takeover_hold hold = { .hold_id = 1, .transaction = 1, .rcpt_index = 1, .verdict = DP_VERDICT_REFUSE };
	struct dp_takeover *t = buf;
	uint8_t *at = (uint8_t *)(t + 1);
	uint32_t i;

	*t = (struct dp_takeover){
		.magic = DP_TAKEOVER_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.instance = 1,
		.hold_id = 1,
		.nb_holds = 1,
		.verdict = DP_VERDICT_REFUSE,
		.flags = (uint8_t)s->flags,
		.transaction = s->transaction,
		.nb_transactions = s->transaction,
		.nb_rcpts = s->nb_rcpts,
		.through_len = s->through_len,
		.known_len = s->known_len,
		.client = { .mss = 1460 },
		.server = { .mss = 1460 },
	};
	t->flow.key.family = DP_FAMILY_IPV4;
	at += t->prefix_len = (uint32_t)put(at, s->prefix);
	t->owed_len = (uint32_t)put(at, s->owed);
	for (i = 0; i < t->owed_len; i++)
		at[i] = (uint8_t)(at[i] - '0');
	at += t->owed_len;
	at += t->helo_len = (uint32_t)put(at, "client.example");
	at += t->sender_len = (uint32_t)put(at, "a@example.org");
	memcpy(at, &hold, sizeof(hold));
	at += sizeof(hold);
	t->server_line_len = (uint8_t)put(t->server_line, s->server_line);
	t->len = (uint32_t)(at - (uint8_t *)buf);
	assert(dp_takeover_check(buf, t->len) == 0);
	return t;
}

void
proxy_bench_init(struct proxy_bench *b, const struct proxy_bench_start *start)
{
	static _Alignas(8) uint8_t record[DP_TAKEOVER_LEN_MAX];
	const struct smtp_limits limits = { .sessions = 1, .strings = 8, .big = 4 };
	int rc;

	memset(b, 0, sizeof(*b));
	b->mem = aligned_alloc(64, smtp_ctx_mem_size(&limits));
	b->ctx.ops = &proxy_smtp_ops;
	b->ctx.counters = &b->counters;
	smtp_ctx_init(&b->ctx, b->mem, &limits);
	append(&b->client, "", 0);
	append(&b->server, "", 0);
	append(&b->waiting, "", 0);
	rc = proxy_init(&b->proxy, &b->ctx, &ops, b, proxy_bench_record(record, start));
	assert(rc == 0);
	(void)rc;
}

void
proxy_bench_fini(struct proxy_bench *b)
{
	proxy_fini(&b->proxy);
	free(b->mem);
	free(b->client.p);
	free(b->server.p);
	free(b->waiting.p);
}

/* What waits goes in as far as there is room. */
static void
drain(struct proxy_bench *b, size_t piece)
{
	uint8_t *to;
	size_t n;

	while (b->waiting.len > 0 && (n = proxy_client_room(&b->proxy, &to)) > 0) {
		n = n < b->waiting.len ? n : b->waiting.len;
		n = piece > 0 && piece < n ? piece : n;
		memcpy(to, b->waiting.p, n);
		memmove(b->waiting.p, b->waiting.p + n, b->waiting.len - n);
		b->waiting.len -= n;
		proxy_client_came(&b->proxy, n);
	}
}

void
proxy_bench_client(struct proxy_bench *b, const void *p, size_t n, size_t piece)
{
	append(&b->waiting, p, n);
	drain(b, piece);
}

void
proxy_bench_server(struct proxy_bench *b, const void *p, size_t n, size_t piece)
{
	size_t off, part;

	for (off = 0; off < n; off += part) {
		part = piece > 0 && piece < n - off ? piece : n - off;
		proxy_server_came(&b->proxy, (const uint8_t *)p + off, part);
		drain(b, piece);
	}
}

void
proxy_bench_answer(struct proxy_bench *b, enum dp_verdict verdict, const char *text)
{
	unsigned int i, nb = b->proxy.nb_asked;

	/* Answers may let further lines through that ask again: those are not answered here. */
	for (i = 0; i < nb; i++)
		proxy_answer(&b->proxy, verdict, text);
	drain(b, 0);
}
