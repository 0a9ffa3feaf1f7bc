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
	bool is_ordered; /* replies that answer nothing read before: the sides may not be shifted against each other */
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
	bool found = false;
	unsigned int i;

	assert_ptr_equal(owner, b);
	assert_true(r->line_back <= r->line_octets);
	if (r->only_match) { /* the rules of this test: army.ml */
		for (i = 0; i < r->mailbox->nb_readings; i++)
			found |= strcmp(r->mailbox->readings[i].domain, "army.ml") == 0;
		if (!found)
			return false;
	}
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
	return found || (b->matched_only && memmem(r->address.p, r->address.len, "army", 4) != NULL);
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

static void
say(struct bench *b, char what, const char *text)
{
	feed(b, what, text, strlen(text));
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

static bool
has_only_octets(const struct dialogue *d)
{
	unsigned int i;

	for (i = 0; i < STEPS_MAX && d->steps[i].what != '\0'; i++)
		if (d->steps[i].what != 'C' && d->steps[i].what != 'S')
			return false;
	return true;
}

/* The lines of @log that the client's octets alone decide, then those that need replies. */
static char *
by_side(const char *log)
{
	size_t len = strlen(log), n, at = 0;
	char *out = malloc(len + 1);
	const char *p;
	int side;

	assert_non_null(out);
	for (side = 0; side < 2; side++)
		for (p = log; *p != '\0'; p += n) {
			n = strcspn(p, "\n") + 1;
			if ((strncmp(p, "begin", 5) == 0 || strncmp(p, "rcpt", 4) == 0 ||
			     memmem(p, n, " bdat 0\n", 8) != NULL) == (side == 0)) {
				memcpy(out + at, p, n);
				at += n;
			}
		}
	out[at] = '\0';
	return out;
}

/* The client runs ahead as far as it can: all its octets first, then the server's one by one. */
static void
check_ahead(struct bench *b, const struct dialogue *d)
{
	char what[2] = { 'C', 'S' }, *want, *got;
	unsigned int side, i;
	size_t off, len;

	b->log_len = b->held_len = 0;
	smtp_open(&b->ctx, &b->smtp, d->open_flags);
	for (side = 0; side < 2; side++)
		for (i = 0; i < STEPS_MAX && d->steps[i].what != '\0'; i++) {
			if (d->steps[i].what != what[side])
				continue;
			len = d->steps[i].len != 0 ? d->steps[i].len : strlen(d->steps[i].p);
			for (off = 0; off < len; off += side == 0 ? len : 1)
				feed(b, what[side], d->steps[i].p + off, side == 0 ? len : 1);
		}
	smtp_close(&b->ctx, &b->smtp, b);
	want = by_side(d->expect);
	got = by_side(b->log);
	if (strcmp(want, got) != 0)
		fail_msg("%s, client ahead:\n--- expected\n%s--- found\n%s", d->name, want, got);
	free(want);
	free(got);
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
	for (i = 1; i < len; i++) {
		run(&b, d, i, SIZE_MAX);
		same(d, &b, d->expect, "cut at", i);
	}
	for (i = 1; i < 8; i++) {
		run(&b, d, SIZE_MAX, i);
		same(d, &b, d->expect, "pieces of", i);
	}
	if (!d->is_ordered && has_only_octets(d))
		check_ahead(&b, d);
	bench_fini(&b);
}

#define EHLO_OK "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
#include "test_smtp_dialogues.h"
#include "test_smtp_evasions.h"

static void
test_dialogues(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++)
		check(&dialogues[i], false);
}

static void
test_evasions(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(evasions) / sizeof(evasions[0]); i++)
		check(&evasions[i], false);
}

static void
test_matches_only(void **state)
{
	/* Without all_events: the recipient, and after a match what becomes of it and of its transaction. */
	static const struct dialogue d = {
		.name = "matches only",
		.steps = {
			{ 'S', "220 mx\r\n", 0 },
			{ 'C', "HELO gw\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\nRSET\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n", 0 },
			{ 'C', "MAIL FROM:<a@example.org>\r\nRCPT TO:<y@example.net>\r\nRCPT TO:<x@army.ml>\r\n"
			       "RCPT TO:<z@example.net>\r\nDATA\r\n", 0 },
			{ 'S', "250 1\r\n250 2\r\n250 3\r\n250 4\r\n354 5\r\n", 0 },
			{ 'C', "x\r\n.\r\n", 0 },
			{ 'S', "250 q\r\n", 0 },
		},
		.expect = "rcpt 1/1 y@example.net example.net from=a@example.org\n"
			  "rcpt 2/1 y@example.net example.net from=a@example.org\n"
			  "rcpt 2/2 x@army.ml army.ml from=a@example.org\n"
			  "rcpt 2/3 z@example.net example.net from=a@example.org\n"
			  "reply 2/2 250\n"
			  "data 2 data 354\n"
			  "end 2 rcpts=3 data 354/250 body=3 complete\n",
	};

	(void)state;
	check(&d, true);
}

/* "RCPT TO:<", @fill times 'a', @after, in pieces of @every; the log of it. */
static void
long_rcpt(struct bench *b, size_t fill, const char *after, size_t every)
{
	size_t len = 9 + fill + strlen(after), off, n;
	char *line = malloc(len + 1);

	memcpy(line, "RCPT TO:<", 9);
	memset(line + 9, 'a', fill);
	memcpy(line + 9 + fill, after, strlen(after) + 1);
	b->log_len = b->held_len = 0;
	b->log[0] = '\0';
	smtp_open(&b->ctx, &b->smtp, 0);
	for (off = 0; off < len; off += n) {
		n = len - off < every ? len - off : every;
		feed(b, 'C', line + off, n);
	}
	smtp_close(&b->ctx, &b->smtp, b);
	free(line);
}

static void
test_long_lines(void **state)
{
	const struct smtp_limits limits = { 1, 4, 2 };
	static const size_t pieces[] = { SIZE_MAX, 1, 7, 256, 1460, 4096, 4105 };
	char whole[4096];
	struct bench b;
	unsigned int i;
	size_t fill;

	(void)state;
	bench_init(&b, &limits);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		/* At the limit, and one more: "RCPT TO:<" + fill + "@army.ml>". */
		long_rcpt(&b, SMTP_LINE_HEAD_MAX - 18, "@army.ml>\r\n", pieces[i]);
		assert_non_null(strstr(b.log, " army.ml"));
		assert_null(strstr(b.log, "+long_line"));
		assert_null(strstr(b.log, "@army.ml(")); /* known to its end */
		long_rcpt(&b, SMTP_LINE_HEAD_MAX - 17, "@army.ml>\r\n", pieces[i]);
		assert_non_null(strstr(b.log, " army.ml"));
		assert_non_null(strstr(b.log, "+long_line"));
		/* The recipient at the end of a line of 100 KB, and at its start. */
		long_rcpt(&b, 100000, "@army.ml>\r\n", pieces[i]);
		assert_non_null(strstr(b.log, " army.ml"));
		assert_non_null(strstr(b.log, "(100008,"));
		if (i == 0)
			snprintf(whole, sizeof(whole), "%s", b.log);
		assert_string_equal(whole, b.log);
	}
	for (fill = 1; fill < 4; fill++) {
		static char params[100001] = "x@army.ml> ";

		memset(params + 11, 'p', sizeof(params) - 14);
		memcpy(params + sizeof(params) - 3, "\r\n", 3);
		long_rcpt(&b, fill, params, fill * 500);
		assert_non_null(strstr(b.log, "x@army.ml army.ml"));
		assert_non_null(strstr(b.log, "+long_line"));
	}
	/* Addresses that differ only where nothing is kept have different hashes. */
	long_rcpt(&b, 9000, "b@army.ml>\r\n", 1460);
	snprintf(whole, sizeof(whole), "%s", b.log);
	long_rcpt(&b, 9000, "c@army.ml>\r\n", 1460);
	assert_string_not_equal(whole, b.log);
	bench_fini(&b);
}

/* @n recipients in one go, then as many replies. */
static void
recipients(struct bench *b, unsigned int n)
{
	char line[64], last[64];
	unsigned int i;

	b->log_len = b->held_len = 0;
	b->log[0] = '\0';
	memset(&b->counters, 0, sizeof(b->counters));
	smtp_open(&b->ctx, &b->smtp, 0);
	say(b, 'S', "220 mx\r\n");
	say(b, 'C', "MAIL FROM:<a@b.example>\r\n");
	say(b, 'S', "250 ok\r\n");
	for (i = 1; i <= n; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<r%u@army.ml>\r\n", i);
		say(b, 'C', line);
	}
	snprintf(last, sizeof(last), "rcpt 1/%u r%u@army.ml army.ml", n, n);
	assert_non_null(strstr(b->log, last));
	for (i = 1; i <= n; i++)
		say(b, 'S', "250 ok\r\n");
	assert_int_equal(b->counters.c[DP_STAT_RECIPIENTS], n);
}

/* A line of @len octets and its end; @text stands at @at in it, blanks are the rest. */
static void
blank_rcpt(struct bench *b, size_t len, const char *text, size_t at, size_t every)
{
	static const char begin[] = "EHLO gw\r\nRCPT TO:";
	char *line = malloc(len + 64);
	size_t n = 9 + len, i;

	assert_non_null(line);
	memset(line, ' ', len + 64);
	memcpy(line, begin, sizeof(begin) - 1);
	memcpy(line + 9 + at, text, strlen(text));
	memcpy(line + n, "\r\n", 2);
	n += 2;
	b->log_len = b->held_len = 0;
	b->log[0] = '\0';
	smtp_open(&b->ctx, &b->smtp, 0);
	feed(b, 'S', "220 mx\r\n", 8);
	for (i = 0; i < n; i += every)
		feed(b, 'C', line + i, n - i < every ? n - i : every);
	smtp_close(&b->ctx, &b->smtp, b);
	free(line);
}

static unsigned int
nb_found(const struct bench *b, const char *what)
{
	unsigned int nb = 0;
	const char *p;

	for (p = b->log; (p = strstr(p, what)) != NULL; p++)
		nb++;
	return nb;
}

/* Wherever a recipient stands in a line of any length, it is found, and once. */
static void
test_middle_of_line(void **state)
{
	enum { LEN = 20000 };
	const struct smtp_limits limits = { 1, 4, 2 };
	static const size_t pieces[] = { SIZE_MAX, 1, 7, 256, 1460, 4096, 4105 };
	char many[16 * 700], whole[8192];
	struct bench b;
	size_t at, i;

	(void)state;
	bench_init(&b, &limits);
	for (at = 9; at + 11 <= LEN; at += at > 3700 && (at < 5300 || at > LEN - 1000) ? 1 : 13) {
		blank_rcpt(&b, LEN, "<x@army.ml>", at, at % 11 == 0 ? pieces[at % 7] : SIZE_MAX);
		if (nb_found(&b, " army.ml") != 1 || nb_found(&b, "+long_line") == 0)
			fail_msg("at %zu: %s", at, b.log);
	}
	/* Prefixes of longer domains are none, wherever they end. */
	for (at = 3700; at + 16 <= LEN; at += at < 5300 || at > LEN - 1000 ? 1 : 13) {
		blank_rcpt(&b, LEN, "<x@army.ml.invalid>", at, SIZE_MAX);
		if (at + 19 <= LEN && nb_found(&b, " army.ml ") != 0)
			fail_msg("at %zu: %s", at, b.log);
	}
	/* Enough is enough: eight, and the line itself. */
	memset(many, ' ', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	for (i = 0; i < 15; i++)
		memcpy(many + i * 700, "<x@army.ml>", 11);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		blank_rcpt(&b, LEN, many, 5000, pieces[i]);
		assert_int_equal(nb_found(&b, " army.ml alt"), 8);
		if (i == 0)
			snprintf(whole, sizeof(whole), "%s", b.log);
		assert_string_equal(whole, b.log);
	}
	/* A whole path is followed by parameters. */
	memset(many, 'p', 6000);
	memcpy(many, "<x@example.com> X=", 18);
	memcpy(many + 5000, "<x@army.ml>", 11);
	many[6000] = '\0';
	blank_rcpt(&b, LEN, many, 8, SIZE_MAX);
	assert_int_equal(nb_found(&b, " army.ml"), 0);
	bench_fini(&b);
}

static void
test_pending_limit(void **state)
{
	const struct smtp_limits limits = { 1, 4, 2 };
	char last[64];
	struct bench b;

	(void)state;
	bench_init(&b, &limits);
	recipients(&b, SMTP_PENDING_MAX);
	snprintf(last, sizeof(last), "reply 1/%u 250\n", SMTP_PENDING_MAX);
	assert_non_null(strstr(b.log, last));
	assert_int_equal(b.counters.c[DP_STAT_PENDING_LIMIT], 0);
	smtp_close(&b.ctx, &b.smtp, &b);
	recipients(&b, SMTP_PENDING_MAX + 1);
	/* The replies to the forgotten ones are counted off: what comes after them is in step. */
	assert_null(strstr(b.log, "reply 1/1 "));
	assert_non_null(strstr(b.log, "\nreply 1/4097 250\n"));
	assert_int_equal(b.counters.c[DP_STAT_PENDING_LIMIT], SMTP_PENDING_MAX);
	assert_int_equal(b.counters.anomaly[DP_ANOMALY_PENDING_LIMIT], 1);
	say(&b, 'C', "DATA\r\n");
	say(&b, 'S', "554 no\r\n");
	say(&b, 'C', "X-A: b\r\nRCPT TO:<x@army.ml>\r\nDATA\r\n");
	assert_non_null(strstr(b.log, "rcpt 1/4098 x@army.ml"));
	say(&b, 'S', "500 what\r\n250 ok\r\n");
	say(&b, 'S', "354 go\r\n");
	say(&b, 'C', "x\r\n.\r\n");
	say(&b, 'S', "250 ok\r\n");
	assert_non_null(strstr(b.log, "end 1 rcpts=4098 data 354/250 body=3 complete +pending_limit"));
	smtp_close(&b.ctx, &b.smtp, &b);
	bench_fini(&b);
}

static void
test_no_memory(void **state)
{
	static const struct smtp_limits none = { 0, 0, 0 }, lines = { 1, 0, 0 }, all = { 1, 4, 2 };
	struct smtp_summary sum;
	struct bench b;

	(void)state;
	bench_init(&b, &none);
	smtp_open(&b.ctx, &b.smtp, 0);
	say(&b, 'C', "EHLO gw\r\nRCPT TO:<x@army.ml>\r\nDATA\r\nRCPT TO:<y@ar");
	say(&b, 'C', "my.ml>\r\nRCPT TO:<z@army.ml>\r\n");
	say(&b, 'S', "220 mx\r\n");
	assert_non_null(strstr(b.log, "rcpt 0/1 x@army.ml army.ml from= +resync +resource_limit"));
	assert_non_null(strstr(b.log, "rcpt 0/2 y@ar "));
	assert_non_null(strstr(b.log, "rcpt 0/3 z@army.ml army.ml"));
	assert_int_equal(b.counters.c[DP_STAT_POOL_SESSION], 1);
	smtp_summary(&b.ctx, &b.smtp, &sum);
	assert_true(sum.anomalies & DP_ANOMALY_BIT(RESOURCE));
	assert_true(sum.reported);
	smtp_close(&b.ctx, &b.smtp, &b);
	bench_fini(&b);

	bench_init(&b, &lines);
	smtp_open(&b.ctx, &b.smtp, 0);
	say(&b, 'C', "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@army.ml>\r\nRCPT TO:<y@ar");
	say(&b, 'C', "my.ml>\r\nRCPT TO:<z@army.ml>\r\n");
	assert_non_null(strstr(b.log, "rcpt 1/1 x@army.ml army.ml"));
	assert_non_null(strstr(b.log, "rcpt 1/2 y@ar "));
	assert_non_null(strstr(b.log, "rcpt 1/3 z@army.ml army.ml"));
	assert_non_null(strstr(b.log, "+resource_limit"));
	assert_int_equal(b.counters.c[DP_STAT_POOL_STRING], 2);
	smtp_close(&b.ctx, &b.smtp, &b);
	bench_fini(&b);

	/* A small line that grows takes a large object and gives the small one back. */
	bench_init(&b, &all);
	smtp_open(&b.ctx, &b.smtp, 0);
	say(&b, 'C', "RCPT TO:<x@");
	assert_int_equal(b.ctx.strings.in_use, 1);
	feed(&b, 'C', (const char[250]){ "army.ml> " }, 250);
	assert_int_equal(b.ctx.strings.in_use, 0);
	assert_int_equal(b.ctx.big.in_use, 1);
	say(&b, 'C', "\r\n");
	assert_int_equal(b.ctx.big.in_use, 0);
	assert_non_null(strstr(b.log, "rcpt 0/1 x@army.ml army.ml"));
	smtp_close(&b.ctx, &b.smtp, &b);
	bench_fini(&b);
}

static void
test_summary(void **state)
{
	const struct smtp_limits limits = { 1, 4, 2 };
	struct smtp_summary sum;
	struct bench b;

	(void)state;
	bench_init(&b, &limits);
	b.matched_only = true;
	smtp_open(&b.ctx, &b.smtp, 0);
	smtp_summary(&b.ctx, &b.smtp, &sum);
	assert_int_equal(sum.flags, 0);
	say(&b, 'S', "220 mx\r\n");
	say(&b, 'C', "EHLO gw.example\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@army.ml>\r\n");
	smtp_note(&b.ctx, &b.smtp, DP_ANOMALY_BIT(OVERLAP_DIFF));
	smtp_summary(&b.ctx, &b.smtp, &sum);
	assert_int_equal(sum.flags, DP_FLOW_SMTP);
	assert_int_equal(sum.nb_transactions, 1);
	assert_true(sum.reported);
	assert_true(sum.anomalies & DP_ANOMALY_BIT(OVERLAP_DIFF));
	assert_int_equal(sum.helo.len, 10);
	assert_memory_equal(sum.helo.p, "gw.example", 10);
	say(&b, 'C', "STARTTLS\r\n");
	say(&b, 'S', "250 1\r\n250 2\r\n250 3\r\n220 go\r\n");
	smtp_summary(&b.ctx, &b.smtp, &sum);
	assert_int_equal(sum.flags, DP_FLOW_SMTP | DP_FLOW_OPAQUE | DP_FLOW_STARTTLS);
	say(&b, 'C', "\x16\x03\x01");
	assert_int_not_equal(b.smtp.phase, SMTP_PHASE_OPAQUE);
	say(&b, 'S', "\x16\x03\x03");
	assert_int_equal(b.smtp.phase, SMTP_PHASE_OPAQUE);
	assert_int_equal(b.counters.c[DP_STAT_FLOWS_OPAQUE], 1);
	smtp_close(&b.ctx, &b.smtp, &b);
	bench_fini(&b);
}

static uint32_t last_octets, last_back;

static bool
on_rcpt_back(void *ctx, void *owner, const struct smtp_rcpt *r)
{
	last_octets = r->line_octets;
	last_back = r->line_back;
	return on_rcpt(ctx, owner, r);
}

static void
test_line_back(void **state)
{
	const struct smtp_limits limits = { 1, 4, 2 };
	const struct smtp_ops back_ops = { on_txn_begin, on_rcpt_back, on_rcpt_reply, on_data, on_txn_end };
	static const char text[] = "NOOP\r\nRCPT TO:<x@army.ml>\r\n";
	struct bench b;
	size_t cut;

	(void)state;
	bench_init(&b, &limits);
	b.ctx.ops = &back_ops;
	for (cut = 0; cut < sizeof(text) - 1; cut++) {
		smtp_open(&b.ctx, &b.smtp, 0);
		feed(&b, 'C', text, cut);
		feed(&b, 'C', text + cut, sizeof(text) - 1 - cut);
		assert_int_equal(last_octets, 21);
		assert_int_equal(last_back, cut > 6 ? cut - 6 : 0);
		smtp_close(&b.ctx, &b.smtp, &b);
	}
	bench_fini(&b);
}

static void
print(void)
{
	const struct smtp_limits limits = { 2, 8, 4 };
	struct bench b;
	size_t i;

	bench_init(&b, &limits);
	for (i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		run(&b, &dialogues[i], SIZE_MAX, SIZE_MAX);
		printf("== %s\n%s", dialogues[i].name, b.log);
	}
	for (i = 0; i < sizeof(evasions) / sizeof(evasions[0]); i++) {
		run(&b, &evasions[i], SIZE_MAX, SIZE_MAX);
		printf("== %s\n%s", evasions[i].name, b.log);
	}
	bench_fini(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_evasions),
		cmocka_unit_test(test_matches_only),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_middle_of_line),
		cmocka_unit_test(test_pending_limit),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_line_back),
	};

	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		print();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
