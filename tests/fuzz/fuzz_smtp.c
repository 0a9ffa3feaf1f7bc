/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_smtp - both sides of a session, whole and in pieces: the callbacks must be the same
 *
 * Input: option octet (1: only matches are called back, 2: seen from its middle, 4: hardly any memory), then steps of
 * one octet what, one octet length, octets. What modulo 8: 0-2 client, 3-4 server, 5 client gap, 6 server gap, 7 the
 * wait is given up.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp.h"

enum { TRACE_MAX = 1 << 16, HELD_MAX = 1 << 18 };

struct world {
	struct smtp_ctx ctx;
	struct dp_counters counters;
	struct smtp smtp;
	uint8_t *held;
	size_t held_len;
	uint8_t trace[TRACE_MAX];
	size_t trace_len;
	unsigned int begun, ended;
};

/* What was called back, as octets to compare. What does not fit any more is hashed into the last 8. */
static void
trace(struct world *w, const void *p, size_t len)
{
	uint64_t h;

	if (len == 0)
		return;
	if (w->trace_len + len <= TRACE_MAX - 8) {
		memcpy(w->trace + w->trace_len, p, len);
		w->trace_len += len;
		return;
	}
	memcpy(&h, w->trace + TRACE_MAX - 8, 8);
	h = dp_hash64(h, p, len);
	memcpy(w->trace + TRACE_MAX - 8, &h, 8);
}

__attribute__((format(printf, 2, 3))) static void
tracef(struct world *w, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	trace(w, line, (size_t)n);
}

static void
trace_str(struct world *w, const struct smtp_str *str)
{
	if (str->len > str->full_len)
		abort();
	tracef(w, "[%u %u %llx]", str->len, str->full_len, (unsigned long long)str->hash);
	trace(w, str->p, str->len);
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo,
	     const struct smtp_str *sender, uint64_t anomalies)
{
	struct world *w = ctx;

	tracef(w, "\nbegin %u %llx", transaction, (unsigned long long)anomalies);
	trace_str(w, helo);
	trace_str(w, sender);
	w->begun++;
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *r)
{
	struct world *w = ctx;
	unsigned int i;

	if (r->line_back > r->line_octets)
		abort();
	tracef(w, "\nrcpt %u/%u %u %x %llx", r->transaction, r->index, r->line_octets, r->flags,
	       (unsigned long long)r->anomalies);
	trace_str(w, &r->address);
	trace_str(w, &r->sender);
	trace_str(w, &r->helo);
	for (i = 0; i < r->mailbox->nb_readings; i++)
		trace(w, r->mailbox->readings[i].domain, r->mailbox->readings[i].domain_len);
	return r->address.len % 2 == 1;
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	if (reply < 100 || reply > 599)
		abort();
	tracef(ctx, "\nreply %u/%u %u", transaction, index, reply);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	tracef(ctx, "\ndata %u %d %u", transaction, kind, reply);
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *e)
{
	struct world *w = ctx;

	tracef(w, "\nend %u %u %llu %llx %u %u %u %d", e->transaction, e->nb_rcpts,
	       (unsigned long long)e->body_octets, (unsigned long long)e->anomalies, e->kind, e->go_reply,
	       e->data_reply, e->complete);
	w->ended++;
}

static const struct smtp_ops ops = { on_txn_begin, on_rcpt, on_rcpt_reply, on_data, on_txn_end };

static void
client(struct world *w, const uint8_t *p, size_t len)
{
	uint8_t *exact;
	size_t n;

	if (w->held_len + len > HELD_MAX)
		return;
	if (len > 0)
		memcpy(w->held + w->held_len, p, len);
	w->held_len += len;
	exact = malloc(w->held_len > 0 ? w->held_len : 1);
	memcpy(exact, w->held, w->held_len);
	n = smtp_client_data(&w->ctx, &w->smtp, w, exact, w->held_len);
	free(exact);
	if (n > w->held_len || (n < w->held_len && w->smtp.phase != SMTP_PHASE_WAIT))
		abort();
	w->held_len -= n;
	memmove(w->held, w->held + n, w->held_len);
}

static void
step(struct world *w, unsigned int what, const uint8_t *p, size_t len)
{
	switch (what) {
	case 0 ... 2:
		client(w, p, len);
		break;
	case 3 ... 4:
		smtp_server_data(&w->ctx, &w->smtp, w, p, len);
		client(w, NULL, 0);
		break;
	case 5:
		if (w->held_len == 0)
			smtp_client_gap(&w->ctx, &w->smtp, w, len);
		break;
	case 6:
		smtp_server_gap(&w->ctx, &w->smtp, w, len);
		client(w, NULL, 0);
		break;
	default:
		smtp_client_give_up(&w->ctx, &w->smtp, w);
		client(w, NULL, 0);
		break;
	}
}

static void
run(struct world *w, const uint8_t *data, size_t size, uint32_t piece)
{
	static const struct smtp_limits ample = { 1, 8, 8 }, scarce = { 1, 1, 0 }, none = { 0, 0, 0 };
	const struct smtp_limits *limits = !(data[0] & 4) ? &ample : data[0] & 8 ? &none : &scarce;
	size_t at = 1, off, n, len;
	struct smtp_summary sum;
	uint32_t rnd = piece;
	void *mem = aligned_alloc(64, smtp_ctx_mem_size(limits) + 64);

	memset(w->trace, 0, sizeof(w->trace));
	w->trace_len = w->held_len = 0;
	w->begun = w->ended = 0;
	memset(&w->counters, 0, sizeof(w->counters));
	w->ctx = (struct smtp_ctx){
		.ops = &ops, .ops_ctx = w, .counters = &w->counters, .all_events = !(data[0] & 1)
	};
	smtp_ctx_init(&w->ctx, mem, limits);
	smtp_open(&w->ctx, &w->smtp, data[0] & 2 ? SMTP_OPEN_MIDSTREAM : 0);
	while (at + 2 <= size) {
		unsigned int what = data[at] % 8;

		len = data[at + 1];
		at += 2;
		len = len < size - at ? len : size - at;
		if (what >= 5 || len == 0) {
			/* Lengths of gaps are no octets of the input. */
			step(w, what, data + at, len);
			continue;
		}
		for (off = 0; off < len; off += n) {
			n = len - off;
			if (piece > 8) {
				rnd = rnd * 1664525u + 1013904223u;
				n = 1 + (rnd >> 24) % 24 < n ? 1 + (rnd >> 24) % 24 : n;
			} else if (piece > 0) {
				n = piece < n ? piece : n;
			}
			step(w, what, data + at + off, n);
		}
		at += len;
	}
	while (w->held_len > 0) {
		smtp_client_give_up(&w->ctx, &w->smtp, w);
		client(w, NULL, 0);
	}
	smtp_summary(&w->ctx, &w->smtp, &sum);
	tracef(w, "\nsum %u %x %d %llx", sum.nb_transactions, sum.flags, sum.reported,
	       (unsigned long long)sum.anomalies);
	trace_str(w, &sum.helo);
	smtp_close(&w->ctx, &w->smtp, w);
	if (w->ctx.sessions.in_use != 0 || w->ctx.strings.in_use != 0 || w->ctx.big.in_use != 0)
		abort();
	if (w->ctx.all_events && w->begun != w->ended)
		abort();
	free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t pieces[] = { 1, 2, 3, 5, 100, 777 };
	struct world *a, *b;
	unsigned int i;

	if (size < 1 || size > 1 << 16)
		return 0;
	a = calloc(1, sizeof(*a));
	b = calloc(1, sizeof(*b));
	a->held = malloc(HELD_MAX);
	b->held = malloc(HELD_MAX);
	run(a, data, size, 0);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		run(b, data, size, pieces[i]);
		/* With hardly any memory what is found depends on how much must be kept. */
		if (!(data[0] & 4) && (a->trace_len != b->trace_len || memcmp(a->trace, b->trace, TRACE_MAX) != 0)) {
			fprintf(stderr, "--- whole%.*s\n--- pieces %u%.*s\n", (int)a->trace_len, a->trace, pieces[i],
				(int)b->trace_len, b->trace);
			abort();
		}
	}
	free(a->held);
	free(b->held);
	free(a);
	free(b);
	return 0;
}
