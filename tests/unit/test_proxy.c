/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogues through the responder's proxy: which octets reach the server, and what the client reads. Each is run with whole
 * steps, octet by octet, and with all that the client says in a row said at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_bench.h"

#define OK "250 2.0.0 Ok\r\n"
#define NO "550 5.7.1 This recipient is not accepted here\r\n"
#define TEXT "550 5.1.2 <text.ml>: did you mean text.mil?\r\n"
#define GO "354 go on\r\n"
#define SPOIL ".invalid \x01<\r\n"
#define RCPT(a) "RCPT TO:<" a ">\r\n"

enum { STEPS_MAX = 16 };

struct dialogue {
	const char *name;
	struct proxy_bench_start start;
	/* "C..." client, "S..." server, "A..." an answer that refuses with this text (or "A" alone: pass) */
	const char *steps[STEPS_MAX];
	const char *to_server, *to_client;
	enum proxy_end end;
};

static const struct dialogue dialogues[] = {
	{ .name = "pipelined: one of three",
	  .start = { .transaction = 1, .nb_rcpts = 1, .owed = "12" },
	  .steps = { "C" RCPT("x@army.ml") RCPT("b@army.mil") "DATA\r\n", "S" OK, "S" OK, "S" OK, "S" GO, "Chello\r\n.\r\nQUIT\r\n",
		     "S" OK, "S221 bye\r\n" },
	  .to_server = RCPT("b@army.mil") "DATA\r\nhello\r\n.\r\nQUIT\r\n",
	  .to_client = OK OK NO OK GO OK "221 bye\r\n" },
	{ .name = "lock step, own words",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("x@text.ml"), "C" RCPT("b@army.mil"), "S" OK },
	  .to_server = RCPT("b@army.mil"),
	  .to_client = TEXT OK },
	{ .name = "octets before it pass unread",
	  .start = { .transaction = 1, .nb_rcpts = 1, .owed = "12", .through_len = 23 },
	  .steps = { "CRCPT TO:<ok@army.mil>\r\n" RCPT("x@army.ml") "DATA\r\n", "S" OK OK, "S554 5.5.1 none\r\n" },
	  .to_server = "RCPT TO:<ok@army.mil>\r\nDATA\r\n",
	  .to_client = OK OK NO "554 5.5.1 none\r\n" },
	{ .name = "several, and a later transaction",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("x@army.ml") RCPT("y@text.ml") RCPT("b@army.mil") RCPT("z@army.ml") "DATA\r\n", "S" OK, "S" GO,
		     "Ca\r\n.\r\n", "S" OK, "CMAIL FROM:<q@example.org>\r\n" RCPT("v@army.ml") "RSET\r\n", "S" OK, "S" OK },
	  .to_server = RCPT("b@army.mil") "DATA\r\na\r\n.\r\nMAIL FROM:<q@example.org>\r\nRSET\r\n",
	  .to_client = NO TEXT OK NO GO OK OK NO OK },
	{ .name = "split line: the rest is spoilt",
	  .start = { .transaction = 1, .prefix = "RCPT TO:<x@ar" },
	  .steps = { "Cmy.ml>\r\n" RCPT("b@army.mil"), "S501-5.1.3 what\r\n501 5.1.3 is this\r\n", "S" OK },
	  .to_server = SPOIL RCPT("b@army.mil"),
	  .to_client = NO OK },
	{ .name = "split line that is innocent",
	  .start = { .transaction = 1, .prefix = "RCPT TO:<x@ar" },
	  .steps = { "Cmy.mil>\r\n", "S" OK },
	  .to_server = "my.mil>\r\n",
	  .to_client = OK },
	{ .name = "split line: the server takes what was spoilt",
	  .start = { .transaction = 1, .prefix = "RCPT TO:<x@army.ml>\r" },
	  .steps = { "C\n", "S" OK },
	  .to_server = SPOIL,
	  .to_client = "",
	  .end = PROXY_ACCEPTED },
	{ .name = "asked, and refused",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("x@ask.ml") RCPT("b@army.mil"), "A550 5.1.2 no", "S" OK },
	  .to_server = RCPT("b@army.mil"),
	  .to_client = "550 5.1.2 no\r\n" OK },
	{ .name = "asked, and passed",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("x@ask.ml") RCPT("b@army.ml"), "A", "S" OK },
	  .to_server = RCPT("x@ask.ml"),
	  .to_client = OK NO },
	{ .name = "DATA when no recipient is left",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("x@army.ml") "DATA\r\n", "S554 5.5.1 Error: no valid recipients\r\n", "CQUIT\r\n", "S221 bye\r\n" },
	  .to_server = "DATA\r\nQUIT\r\n",
	  .to_client = NO "554 5.5.1 Error: no valid recipients\r\n221 bye\r\n" },
	{ .name = "a message that looks like commands",
	  .start = { .transaction = 1, .nb_rcpts = 1 },
	  .steps = { "CDATA\r\n", "S" GO, "C" RCPT("x@army.ml") "..\r\n.\r\n" RCPT("x@army.ml"), "S" OK },
	  .to_server = "DATA\r\n" RCPT("x@army.ml") "..\r\n.\r\n",
	  .to_client = GO OK NO },
	{ .name = "BDAT",
	  .start = { .transaction = 1, .nb_rcpts = 1, .flags = DP_TAKEOVER_CHUNKING | DP_TAKEOVER_EHLO },
	  .steps = { "C" RCPT("x@army.ml") "BDAT 21\r\n" RCPT("x@army.ml") "BDAT 0 LAST\r\n", "S" OK, "S" OK, "C" RCPT("x@army.ml") },
	  .to_server = "BDAT 21\r\n" RCPT("x@army.ml") "BDAT 0 LAST\r\n",
	  .to_client = NO OK OK NO },
	{ .name = "AUTH and its continuation",
	  .start = { .flags = DP_TAKEOVER_EHLO },
	  .steps = { "C" RCPT("x@army.ml") "AUTH LOGIN\r\n", "S334 VXNlcg==\r\n", "CRCPT\r\n", "S334 UGFzcw==\r\n", "C" RCPT("x@army.ml"),
		     "S235 fine\r\n", "C" RCPT("x@army.ml") },
	  .to_server = "AUTH LOGIN\r\nRCPT\r\n" RCPT("x@army.ml"),
	  .to_client = NO "334 VXNlcg==\r\n334 UGFzcw==\r\n235 fine\r\n" NO },
	{ .name = "STARTTLS after a refusal",
	  .start = { .transaction = 1, .flags = DP_TAKEOVER_EHLO },
	  .steps = { "C" RCPT("x@army.ml") "STARTTLS\r\n", "S220 go\r\n", "C\x16\x03\x01zzz", "S\x16\x03\x03yy\r\n", "C" RCPT("x@army.ml") },
	  .to_server = "STARTTLS\r\n\x16\x03\x01zzz" RCPT("x@army.ml"),
	  .to_client = NO "220 go\r\n\x16\x03\x03yy\r\n" },
	{ .name = "a lenient end of data, and a recipient behind it",
	  .start = { .transaction = 1, .nb_rcpts = 1 },
	  .steps = { "CDATA\r\n", "S" GO, "Ca\n.\n" RCPT("x@army.ml") },
	  .to_server = "DATA\r\na\n.\n",
	  .to_client = GO,
	  .end = PROXY_VERDICT },
	{ .name = "a bare CR hides a recipient: the whole line goes",
	  .start = { .transaction = 1 },
	  .steps = { "CRCPT TO:<b@army.mil>\rRCPT TO:<x@army.ml>\r\n" RCPT("b@army.mil"), "S" OK },
	  .to_server = RCPT("b@army.mil"),
	  .to_client = NO OK },
	{ .name = "replies of several lines, and half a one at first",
	  .start = { .transaction = 1, .owed = "1", .server_line = "250-2.1", .flags = DP_TAKEOVER_MULTI },
	  .steps = { "C" RCPT("x@army.ml") "NOOP\r\n", "S.0 a\r\n250-b\r\n", "S250 c\r\n", "S250-x\r\n250 y\r\n" },
	  .to_server = "NOOP\r\n",
	  .to_client = ".0 a\r\n250-b\r\n250 c\r\n" NO "250-x\r\n250 y\r\n" },
	{ .name = "reset",
	  .start = { .transaction = 1 },
	  .steps = { "C" RCPT("b@army.mil") RCPT("x@reset.ml") RCPT("c@army.mil"), "S" OK },
	  .to_server = RCPT("b@army.mil"),
	  .to_client = OK,
	  .end = PROXY_VERDICT },
};

static void
run(const struct dialogue *d, size_t piece)
{
	struct proxy_bench b;
	unsigned int i;

	proxy_bench_init(&b, &d->start);
	for (i = 0; i < STEPS_MAX && d->steps[i] != NULL; i++) {
		const char *text = d->steps[i] + 1;

		if (d->steps[i][0] == 'C')
			proxy_bench_client(&b, text, strlen(text), piece);
		else if (d->steps[i][0] == 'S')
			proxy_bench_server(&b, text, strlen(text), piece);
		else
			proxy_bench_answer(&b, text[0] != '\0' ? DP_VERDICT_REFUSE : DP_VERDICT_PASS, text);
	}
	/* Of a line in a message that is cut off, the head had gone on when it came in pieces. */
	if (d->end != PROXY_GOES_ON && piece > 0 && b.server.len > strlen(d->to_server))
		b.server.p[strlen(d->to_server)] = '\0';
	if (strcmp((char *)b.server.p, d->to_server) != 0 || strcmp((char *)b.client.p, d->to_client) != 0)
		fail_msg("%s (%zu): to the server\n%s\nto the client\n%s", d->name, piece, b.server.p, b.client.p);
	if (b.proxy.end != d->end)
		fail_msg("%s (%zu): ended with %d", d->name, piece, b.proxy.end);
	proxy_bench_fini(&b);
}

static void
test_dialogues(void **state)
{
	size_t piece;
	unsigned int i;

	for (i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++)
		for (piece = 0; piece < 8; piece++)
			run(&dialogues[i], piece);
}

/* A line may be as long as it is allowed to be, and not longer. */
static void
test_long_line(void **state)
{
	struct proxy_bench b;
	char *line = malloc(PROXY_LINE_MAX + 2);

	memset(line, 'x', PROXY_LINE_MAX + 2);
	line[PROXY_LINE_MAX - 1] = '\n';
	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 1 });
	proxy_bench_client(&b, line, PROXY_LINE_MAX, 0);
	assert_int_equal(b.server.len, PROXY_LINE_MAX);
	assert_int_equal(b.proxy.end, PROXY_GOES_ON);
	proxy_bench_fini(&b);
	line[PROXY_LINE_MAX - 1] = 'x';
	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 1 });
	proxy_bench_client(&b, line, PROXY_LINE_MAX, 0);
	assert_int_equal(b.proxy.end, PROXY_GOES_ON);
	proxy_bench_client(&b, line, 1, 0);
	assert_int_equal(b.proxy.end, PROXY_LINE_TOO_LONG);
	assert_int_equal(b.server.len, 0);
	proxy_bench_fini(&b);
	free(line);
}

/* A client that pipelines without end is not read beyond the buffer, and nothing is lost of what it says. */
static void
test_pipelining_limit(void **state)
{
	enum { NB = 20000 };
	struct proxy_bench b;
	uint8_t *to;
	unsigned int i;

	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 1 });
	for (i = 0; i < NB; i++)
		proxy_bench_client(&b, "NOOP\r\n", 6, 0);
	assert_int_equal(proxy_client_room(&b.proxy, &to), 0);
	assert_int_equal(b.server.len, 6);
	assert_true(b.waiting.len > 0 && b.waiting.len < (size_t)NB * 6 - PROXY_IN_MAX);
	for (i = 0; i < NB; i++)
		proxy_bench_server(&b, OK, strlen(OK), 0);
	assert_int_equal(b.server.len, (size_t)NB * 6);
	assert_true(proxy_is_drained(&b.proxy));
	proxy_bench_fini(&b);
}

/* Recipients that were read before are told from later ones, and counted on from what the record says. */
static void
test_known(void **state)
{
	const char *lines = RCPT("x@army.ml") RCPT("y@army.ml");
	struct proxy_bench b;

	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 3, .nb_rcpts = 7, .known_len = 21 });
	proxy_bench_client(&b, lines, strlen(lines), 0);
	assert_int_equal(b.nb_known, 1);
	assert_int_equal(b.transaction, 3);
	assert_int_equal(b.index, 9);
	proxy_bench_fini(&b);
	/* The head of the line had left: it does not count. */
	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 1, .prefix = "RCPT TO:<x", .known_len = 11 });
	proxy_bench_client(&b, "@army.ml>\r\n" RCPT("y@army.ml"), 32, 0);
	proxy_bench_server(&b, "501 what\r\n", 10, 0);
	assert_int_equal(b.nb_known, 1);
	assert_int_equal(b.index, 2);
	proxy_bench_fini(&b);
}

/* The client's end waits for what was said before it, but not for half a line. */
static void
test_drained(void **state)
{
	struct proxy_bench b;

	proxy_bench_init(&b, &(struct proxy_bench_start){ .transaction = 1 });
	assert_true(proxy_is_drained(&b.proxy));
	proxy_bench_client(&b, "NOOP\r\nQUIT\r\nrest", 16, 0);
	assert_false(proxy_is_drained(&b.proxy));
	proxy_bench_server(&b, OK, strlen(OK), 0);
	assert_false(proxy_is_drained(&b.proxy)); /* the reply to QUIT would not change that, but it may be more */
	proxy_bench_server(&b, "221 bye\r\n", 9, 0);
	assert_true(proxy_is_drained(&b.proxy));
	proxy_bench_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues), cmocka_unit_test(test_long_line), cmocka_unit_test(test_pipelining_limit),
		cmocka_unit_test(test_known),	  cmocka_unit_test(test_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
