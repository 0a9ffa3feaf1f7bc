/* SPDX-License-Identifier: BSD-3-Clause */
/* A machine that goes on at a recipient's line reports what the one that read all of it reports from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_state.h"

enum { LOG_MAX = 8192, OWED_MAX = 64 };

struct machine {
	struct smtp_ctx ctx;
	struct dp_counters counters;
	struct smtp smtp;
	void *mem;
	char log[LOG_MAX];
	size_t log_len;
	bool carries; /* the state is taken at the first army.ml */
	bool carried;
	size_t log_at;
	struct smtp_state state;
	char helo[64], sender[64];
};

__attribute__((format(printf, 2, 3))) static void
put(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	m->log_len += (size_t)vsnprintf(m->log + m->log_len, LOG_MAX - m->log_len, fmt, ap);
	va_end(ap);
	assert_true(m->log_len < LOG_MAX);
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
	struct machine *m = ctx;

	/* A recipient without MAIL opens transaction 0, and is its first line. */
	if (!m->carried)
		m->log_at = m->log_len;
	put(ctx, "begin %u %.*s %.*s\n", transaction, (int)helo->len, helo->len > 0 ? (const char *)helo->p : "",
	    (int)sender->len, sender->len > 0 ? (const char *)sender->p : "");
}

static void
keep(char dst[64], struct smtp_str *str)
{
	if (str->len > 0)
		memcpy(dst, str->p, str->len);
	str->p = (const uint8_t *)dst;
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *r)
{
	struct machine *m = ctx;

	if (m->carries && !m->carried && memmem(r->address.p, r->address.len, "army.ml", 7) != NULL) {
		m->carried = true;
		assert_true(smtp_state_get(&m->ctx, &m->smtp, &m->state));
		keep(m->helo, &m->state.helo);
		keep(m->sender, &m->state.sender);
		if (r->transaction != 0)
			m->log_at = m->log_len;
	}
	put(m, "rcpt %u/%u %.*s %.*s %.*s\n", r->transaction, r->index, (int)r->address.len, (const char *)r->address.p,
	    (int)r->sender.len, (const char *)r->sender.p, (int)r->helo.len, (const char *)r->helo.p);
	return true;
}

static void
on_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	put(ctx, "reply %u/%u %u\n", transaction, index, reply);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	put(ctx, "data %u %d %u\n", transaction, kind, reply);
}

static void
on_end(void *ctx, void *owner, const struct smtp_txn_end *e)
{
	put(ctx, "end %u %u %d %u/%u %llu %d\n", e->transaction, e->nb_rcpts, e->kind, e->go_reply, e->data_reply,
	    (unsigned long long)e->body_octets, e->complete);
}

static const struct smtp_ops ops = { on_txn_begin, on_rcpt, on_reply, on_data, on_end };

static struct machine *
machine_new(void)
{
	const struct smtp_limits limits = { .sessions = 2, .strings = 8, .big = 4 };
	struct machine *m = calloc(1, sizeof(*m));

	m->mem = aligned_alloc(64, smtp_ctx_mem_size(&limits));
	m->ctx.ops = &ops;
	m->ctx.ops_ctx = m;
	m->ctx.counters = &m->counters;
	m->ctx.all_events = true;
	smtp_ctx_init(&m->ctx, m->mem, &limits);
	smtp_open(&m->ctx, &m->smtp, 0);
	return m;
}

static void
machine_free(struct machine *m)
{
	smtp_close(&m->ctx, &m->smtp, NULL);
	free(m->mem);
	free(m);
}

static void
client(struct machine *m, const char *text)
{
	assert_int_equal(smtp_client_data(&m->ctx, &m->smtp, NULL, (const uint8_t *)text, strlen(text)), strlen(text));
}

static void
server(struct machine *m, const char *text)
{
	smtp_server_data(&m->ctx, &m->smtp, NULL, (const uint8_t *)text, strlen(text));
}

struct script {
	const char *before;	 /* replies to all of it are seen */
	const char *ahead;	 /* commands before the line, without replies when it is read */
	const char *line;	 /* and what follows, all of it read by the first machine before the second begins */
	const char *early;	 /* replies that come before the second begins */
	const char *replies;	 /* the others */
	const char *owed;	 /* kinds, as characters from '0' */
};

static void
run(const struct script *s)
{
	struct machine *a = machine_new(), *b = machine_new();
	struct smtp_state_server half;
	uint8_t owed[OWED_MAX];
	int nb, i;

	a->carries = true;
	server(a, "220 mx ESMTP\r\n");
	client(a, "EHLO client.example\r\n");
	server(a, "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
	client(a, s->before);
	for (i = 0; s->before[i] != '\0'; i++)
		if (s->before[i] == '\n')
			server(a, "250 2.0.0 Ok\r\n");
	client(a, s->ahead);
	client(a, s->line);
	server(a, s->early);
	assert_true(a->carried);
	nb = smtp_state_owed(&a->ctx, &a->smtp, a->state.commands, owed, OWED_MAX);
	assert_int_equal(nb, strlen(s->owed));
	for (i = 0; i < nb; i++)
		assert_int_equal(owed[i], s->owed[i] - '0');
	smtp_state_server(&a->ctx, &a->smtp, &half);
	assert_true(smtp_state_resume(&b->ctx, &b->smtp, &a->state, owed, (unsigned int)nb, &half));
	/* What the first one said of replies that came early is not said again. */
	client(b, s->line);
	assert_memory_equal(b->log, a->log + a->log_at, b->log_len);
	a->log_len = b->log_len = 0;
	server(a, s->replies);
	server(b, s->replies);
	client(a, "QUIT\r\n");
	client(b, "QUIT\r\n");
	server(a, "221 2.0.0 Bye\r\n");
	server(b, "221 2.0.0 Bye\r\n");
	assert_string_equal(b->log, a->log);
	assert_true(b->log_len > 0);
	assert_int_equal(smtp_owed(&b->ctx, &b->smtp), 0);
	machine_free(a);
	machine_free(b);
}

static void
test_resume(void **state)
{
	static const struct script scripts[] = {
		/* In lock step. */
		{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok@army.mil>\r\n", "", "RCPT TO:<x@army.ml>\r\n", "",
		  "550 5.1.2 No\r\n", "" },
		/* All of the envelope at once. */
		{ "", "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok@army.mil>\r\n",
		  "RCPT TO:<x@army.ml>\r\nRCPT TO:<b@army.mil>\r\n", "",
		  "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.2 No\r\n250 2.1.5 Ok\r\n", "12" },
		/* Some replies meanwhile, and half a line of one. */
		{ "", "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok@army.mil>\r\nRCPT TO:<ok2@army.mil>\r\n",
		  "RCPT TO:<x@army.ml>\r\n", "250-2.1.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1", ".5 Ok\r\n250 Ok\r\n550 5.1.2 No\r\n",
		  "22" },
		{ "", "MAIL FROM:<a@example.org>\r\n", "RCPT TO:<x@army.ml>\r\n", "250-2.1.0 half a reply\r\n25",
		  "0 2.1.0 Ok\r\n550 5.1.2 No\r\n", "1" },
		/* A transaction that ended before, with RSET. */
		{ "MAIL FROM:<z@example.org>\r\nRCPT TO:<z@army.mil>\r\n",
		  "RSET\r\nMAIL FROM:<a@example.org> SMTPUTF8\r\n", "RCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.ml>\r\n", "250 Reset\r\n",
		  "250 Ok\r\n550 5.1.2 No\r\n550 5.1.2 No\r\n", "1" },
		/* No MAIL at all: both are in transaction 0. */
		{ "", "", "RCPT TO:<x@army.ml>\r\nRCPT TO:<y@army.ml>\r\n", "", "503 5.5.1 No\r\n503 5.5.1 No\r\n", "" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		run(&scripts[i]);
}

/* Where replies cannot be told apart, nothing is carried. */
static void
test_out_of_step(void **state)
{
	struct machine *m = machine_new();
	uint8_t owed[OWED_MAX];

	m->carries = true;
	server(m, "220 mx ESMTP\r\n");
	client(m, "MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n");
	assert_true(m->carried);
	assert_int_equal(smtp_state_owed(&m->ctx, &m->smtp, m->state.commands, owed, OWED_MAX), 1);
	assert_int_equal(smtp_state_owed(&m->ctx, &m->smtp, m->state.commands, owed, 0), -1);
	smtp_server_gap(&m->ctx, &m->smtp, NULL, 3);
	assert_int_equal(smtp_state_owed(&m->ctx, &m->smtp, m->state.commands, owed, OWED_MAX), -1);
	assert_false(smtp_state_get(&m->ctx, &m->smtp, &m->state));
	machine_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_out_of_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
