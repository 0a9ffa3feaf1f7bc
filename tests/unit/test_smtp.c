/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogues: what client and server said, and the callbacks that must follow. Each is run as written, cut at every
 * position, and octet by octet: the callbacks must be the same.
 *
 * A script is a list of steps: C client octets, S server octets, c/s a gap there, G the wait is given up, E the client's
 * octets are over (waits are given up). Callbacks are written one per line:
 *   begin T helo=.. sender=..    rcpt T/I address domain[,domain] [alt] sender [+anomalies]    reply T/I CODE
 *   data T KIND CODE             end T rcpts=N kind go/final body=N complete|partial [+anomalies]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp.h"

enum { LOG_MAX = 1 << 20, STEPS_MAX = 24, HELD_MAX = 1 << 19 };

struct step {
	char what;
	const char *p;
	size_t len; /* 0: strlen(p) */
};

struct dialogue {
	const char *name;
	unsigned int open_flags;
	struct step steps[STEPS_MAX];
	const char *expect;
	bool no_octets; /* too long for octet by octet cuts at every position */
};

struct bench {
	struct smtp_ctx ctx;
	struct dp_counters counters;
	struct smtp smtp;
	void *mem;
	uint8_t *held; /* client octets the machine did not take */
	size_t held_len;
	char *log;
	size_t log_len;
	bool matched_only; /* rcpt() is true for addresses with "army" */
};

__attribute__((format(printf, 2, 3))) static void
put(struct bench *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b->log + b->log_len, LOG_MAX - b->log_len, fmt, ap);
	va_end(ap);
	assert_true(n >= 0 && (size_t)n < LOG_MAX - b->log_len);
	b->log_len += (size_t)n;
}

static void
put_str(struct bench *b, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < 80; i++)
		put(b, p[i] > ' ' && p[i] < 127 ? "%c" : "\\x%02x", p[i]);
	if (i < len)
		put(b, "...");
}

static void
put_anomalies(struct bench *b, uint64_t bits)
{
	unsigned int i;

	for (i = 0; i < DP_ANOMALY_NB; i++)
		if (bits >> i & 1)
			put(b, " +%s", dp_anomaly_name((enum dp_anomaly)i));
	put(b, "\n");
}

static void
put_smtp_str(struct bench *b, const struct smtp_str *str)
{
	put_str(b, str->p, str->len);
	if (str->full_len != str->len)
		put(b, "(%u,%016llx)", str->full_len, (unsigned long long)str->hash);
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo,
	     const struct smtp_str *sender, uint64_t anomalies)
{
	struct bench *b = ctx;

	assert_ptr_equal(owner, b);
	put(b, "begin %u helo=", transaction);
	put_smtp_str(b, helo);
	put(b, " sender=");
	put_smtp_str(b, sender);
	put_anomalies(b, anomalies);
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *r)
{
	struct bench *b = ctx;
	unsigned int i;

	assert_ptr_equal(owner, b);
	assert_true(r->line_back <= r->line_octets);
	put(b, "rcpt %u/%u ", r->transaction, r->index);
	put_smtp_str(b, &r->address);
	for (i = 0; i < r->mailbox->nb_readings; i++) {
		put(b, i == 0 ? " " : ",");
		put_str(b, (const uint8_t *)r->mailbox->readings[i].domain, r->mailbox->readings[i].domain_len);
	}
	if (r->flags & DP_RCPT_ALTERNATIVE)
		put(b, " alt");
	put(b, " from=");
	put_smtp_str(b, &r->sender);
	put_anomalies(b, r->anomalies);
	return b->matched_only && memmem(r->address.p, r->address.len, "army", 4) != NULL;
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	struct bench *b = ctx;

	assert_ptr_equal(owner, b);
	put(b, "reply %u/%u %u\n", transaction, index, reply);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	struct bench *b = ctx;

	assert_ptr_equal(owner, b);
	put(b, "data %u %s %u\n", transaction, kind == DP_DATA_DATA ? "data" : "bdat", reply);
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *e)
{
	static const char *const kinds[] = { "none", "data", "bdat" };
	struct bench *b = ctx;

	assert_ptr_equal(owner, b);
	put(b, "end %u rcpts=%u %s %u/%u body=%llu %s", e->transaction, e->nb_rcpts, kinds[e->kind], e->go_reply,
	    e->data_reply, (unsigned long long)e->body_octets, e->complete ? "complete" : "partial");
	put_anomalies(b, e->anomalies);
}

static const struct smtp_ops ops = { on_txn_begin, on_rcpt, on_rcpt_reply, on_data, on_txn_end };

static void
bench_init(struct bench *b, const struct smtp_limits *limits)
{
	memset(b, 0, sizeof(*b));
	b->ctx.ops = &ops;
	b->ctx.ops_ctx = b;
	b->ctx.counters = &b->counters;
	b->ctx.all_events = true;
	b->mem = aligned_alloc(64, smtp_ctx_mem_size(limits) + 64);
	b->held = malloc(HELD_MAX);
	b->log = malloc(LOG_MAX);
	assert_true(b->mem != NULL && b->held != NULL && b->log != NULL);
	smtp_ctx_init(&b->ctx, b->mem, limits);
}

static void
bench_fini(struct bench *b)
{
	free(b->mem);
	free(b->held);
	free(b->log);
}

/* As the caller must: what is not taken is kept and offered again, together with what came after it. */
static void
client(struct bench *b, const void *p, size_t len)
{
	uint8_t *exact;
	size_t n;

	assert_true(b->held_len + len <= HELD_MAX);
	memcpy(b->held + b->held_len, p, len);
	b->held_len += len;
	exact = malloc(b->held_len > 0 ? b->held_len : 1); /* reads beyond the piece are seen by the sanitizer */
	memcpy(exact, b->held, b->held_len);
	n = smtp_client_data(&b->ctx, &b->smtp, b, exact, b->held_len);
	free(exact);
	assert_true(n <= b->held_len);
	if (n < b->held_len)
		assert_int_equal(b->smtp.phase, SMTP_PHASE_WAIT);
	b->held_len -= n;
	memmove(b->held, b->held + n, b->held_len);
}

static void
give_up(struct bench *b)
{
	smtp_client_give_up(&b->ctx, &b->smtp, b);
	client(b, "", 0);
}

static void
feed(struct bench *b, char what, const char *p, size_t len)
{
	switch (what) {
	case 'C':
		client(b, p, len);
		break;
	case 'S':
		smtp_server_data(&b->ctx, &b->smtp, b, (const uint8_t *)p, len);
		client(b, "", 0);
		break;
	case 'c':
		smtp_client_gap(&b->ctx, &b->smtp, b, (uint64_t)atoi(p));
		break;
	case 's':
		smtp_server_gap(&b->ctx, &b->smtp, b, (uint64_t)atoi(p));
		break;
	case 'G':
		give_up(b);
		break;
	case 'E':
		while (b->held_len > 0)
			give_up(b);
		break;
	case 'A':
		smtp_client_alternative(&b->ctx, &b->smtp, b, (const uint8_t *)p, len, true);
		break;
	default:
		fail_msg("step %c", what);
	}
}

/* Run @d with all pieces cut at octet @cut of the whole, or every @every octets; the log goes to @b. */
static void
run(struct bench *b, const struct dialogue *d, size_t cut, size_t every)
{
	size_t pos = 0, off, n;
	unsigned int i;

	b->log_len = 0;
	b->log[0] = '\0';
	b->held_len = 0;
	memset(&b->smtp, 0, sizeof(b->smtp));
	smtp_open(&b->ctx, &b->smtp, d->open_flags);
	for (i = 0; i < STEPS_MAX && d->steps[i].what != '\0'; i++) {
		const struct step *st = &d->steps[i];
		size_t len = st->len != 0 || st->p == NULL ? st->len : strlen(st->p);

		if (st->what != 'C' && st->what != 'S') {
			feed(b, st->what, st->p, len);
			continue;
		}
		for (off = 0; off < len; off += n) {
			n = len - off;
			if (cut > pos + off && cut < pos + len)
				n = cut - (pos + off);
			n = n < every ? n : every;
			feed(b, st->what, st->p + off, n);
		}
		pos += len;
	}
	smtp_close(&b->ctx, &b->smtp, b);
	assert_int_equal(b->ctx.sessions.in_use, 0);
	assert_int_equal(b->ctx.strings.in_use, 0);
	assert_int_equal(b->ctx.big.in_use, 0);
}

static size_t
octets(const struct dialogue *d)
{
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < STEPS_MAX && d->steps[i].what != '\0'; i++)
		if (d->steps[i].what == 'C' || d->steps[i].what == 'S')
			n += d->steps[i].len != 0 ? d->steps[i].len : strlen(d->steps[i].p);
	return n;
}

static void
same(const struct dialogue *d, const struct bench *b, const char *expect, const char *how, size_t at)
{
	if (strcmp(b->log, expect) != 0)
		fail_msg("%s, %s %zu:\n--- expected\n%s--- found\n%s", d->name, how, at, expect, b->log);
}

static void
check(const struct dialogue *d, bool matched_only)
{
	const struct smtp_limits limits = { 2, 8, 4 };
	size_t i, len = octets(d);
	struct bench b;

	bench_init(&b, &limits);
	if (matched_only) {
		b.matched_only = true;
		b.ctx.all_events = false;
	}
	run(&b, d, SIZE_MAX, SIZE_MAX);
	same(d, &b, d->expect, "whole", 0);
	for (i = 1; i < len; i += d->no_octets ? 97 : 1) {
		run(&b, d, i, SIZE_MAX);
		same(d, &b, d->expect, "cut at", i);
	}
	for (i = 1; i < 8; i++) {
		run(&b, d, SIZE_MAX, i);
		same(d, &b, d->expect, "pieces of", i);
	}
	bench_fini(&b);
}

#define EHLO_OK "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
#include "test_smtp_dialogues.h"

static void
test_dialogues(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++)
		check(&dialogues[i], false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
