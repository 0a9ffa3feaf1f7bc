/* SPDX-License-Identifier: BSD-3-Clause */
/* postern rules diff: what is read from lists, envelope records and Postfix logs, what is told, how it exits. */
#include "cmd_rules_run.h"

#include <jansson.h>

#include "rules_recipients.h"

/* Recipients as text: address|sender|client family|moment, one per line. */
struct taken {
	char text[8192];
	size_t len;
};

static int
take(void *ctx, const struct rules_question *q)
{
	struct taken *t = ctx;

	t->len += (size_t)snprintf(
		t->text + t->len, sizeof(t->text) - t->len, "%.*s|%.*s|%d.%d|%llu%s\n", (int)q->len,
		q->address, (int)q->sender_len, q->sender, q->client.family,
		q->client.family != 0 ? q->client.addr[3] : 0,
		(unsigned long long)(q->ts_ns / 1000000000), q->is_cut ? "|cut" : "");
	assert_true(t->len < sizeof(t->text));
	return 0;
}

static void
check_read(enum rules_format want, const char *input, const char *expected, uint64_t bad,
	   uint64_t omitted)
{
	FILE *in = temporary(input, strlen(input));
	struct rules_recipients r;
	struct taken t = {.len = 0};

	rules_recipients_init(&r, RULES_FORMAT_AUTO, take, &t);
	assert_int_equal(rules_recipients_read(&r, in), 0);
	assert_int_equal(r.format, want);
	assert_string_equal(t.text, expected);
	assert_int_equal(r.nb_bad, bad);
	assert_int_equal(r.nb_omitted, omitted);
	rules_recipients_fini(&r);
	fclose(in);
}

static void
test_list(void **state)
{
	check_read(RULES_FORMAT_LIST,
		   "\n# addresses\n a@b.example \r\n\"x y\"@c.example\n{d}@e.example",
		   "a@b.example||0.0|0\n\"x y\"@c.example||0.0|0\n{d}@e.example||0.0|0\n", 0, 0);
}

static void
test_envelopes(void **state)
{
	static const char input[] =
		"{\"ts\":\"2026-01-31T18:00:00.5Z\",\"flow\":{\"src_ip\":\"192.0.2.7\",\"dst_ip\":"
		"\"192.0.2.8\"},"
		"\"sender\":\"s@b.example\",\"recipients\":[{\"address\":\"a@b.example\",\"reply\":"
		"250},"
		"{\"address\":\"\\\\xE9@c.example\",\"address_raw\":\"6UBjLmV4YW1wbGU=\"},"
		"{\"address\":\"lll\",\"address_length\":600}],\"recipients_omitted\":3}\n"
		"{\"recipients\":[]}\n"
		"{\"transaction\":0}\n"
		"{\"recipients\":[{\"address\":7}]}\n"
		"{broken\n"
		"{\"sender\":\"\",\"sender_raw\":\"/"
		"w==\",\"recipients\":[{\"address\":\"z@z.example\"}]}\n";

	check_read(RULES_FORMAT_ENVELOPES, input,
		   "a@b.example|s@b.example|4.7|1769882400\n\xe9@c.example|s@b.example|4.7|"
		   "1769882400\n"
		   "lll|s@b.example|4.7|1769882400|cut\nz@z.example|\xff|0.0|0\n",
		   3, 3);
}

static void
test_postfix(void **state)
{
	static const char input[] =
		"Nov 21 10:00:00 gw postfix/smtpd[11]: connect from c.example[192.0.2.7]\n"
		"Nov 21 10:00:00 gw postfix/smtpd[11]: 4XqZ1: client=c.example[192.0.2.7]\n"
		"Nov 21 10:00:00 gw postfix/cleanup[12]: 4XqZ1: message-id=<to=<evil@army.ml>>\n"
		"Nov 21 10:00:00 gw postfix/qmgr[13]: 4XqZ1: from=<\"a> b\"@b.example>, size=712, "
		"nrcpt=2 (queue active)\n"
		"Nov 21 10:00:01 gw postfix/smtp[14]: 4XqZ1: to=<gen.ames@army.ml>, "
		"orig_to=<ames>, relay=mx[198.18.0.1]:25, "
		"status=sent (250 2.0.0 Ok: to=<other@army.ml>)\n"
		"Nov 21 10:00:01 gw postfix/smtp[14]: 4XqZ1: to=<\"x>\\\" y\"@c.example>, "
		"relay=none, status=deferred\n"
		"Nov 21 10:00:01 gw postfix/smtp[14]: 4XqZ2: to=<unknown@d.example>, relay=none\n"
		"Nov 21 10:00:01 gw other[9]: postfix/smtp[14]: 4XqZ1: to=<fake@army.ml>\n"
		"Nov 21 10:00:01 gw postfix-out/smtp[14]: 4XqZ3: to=<m@multi.example>, relay=none\n"
		"2026-01-31T19:00:00.25+01:00 gw postfix/smtpd[11]: NOQUEUE: reject: RCPT from "
		"c.example[IPv6:2001:db8::1]: "
		"550 5.1.1 <\"; from=<x@y> to=<z\"@army.ml>: Recipient address rejected; "
		"from=<f@b.example> "
		"to=<\"; from=<x@y> to=<z\"@army.ml> proto=ESMTP helo=<c>\n"
		"Nov 21 10:00:02 gw postfix/smtpd[11]: NOQUEUE: reject: RCPT from "
		"c.example[192.0.2.9]: 450 4.7.1 Client host "
		"rejected; from=<> to=<n@army.ml> proto=SMTP helo=<c>\n"
		"Nov 21 10:00:02 gw postfix/qmgr[13]: 4XqZ1: removed\n"
		"Nov 21 10:00:02 gw postfix/smtp[14]: 4XqZ9: to=<\"open@c.example>, relay=none\n"
		"Nov 21 10:00:02 gw postfix/smtp[14]: 4XqZ9: to=<cut@c.exam";

	check_read(RULES_FORMAT_POSTFIX, input,
		   "gen.ames@army.ml|\"a> b\"@b.example|4.7|0\n"
		   "\"x>\\\" y\"@c.example|\"a> b\"@b.example|4.7|0\n"
		   "unknown@d.example||0.0|0\n"
		   "m@multi.example||0.0|0\n"
		   "\"; from=<x@y> to=<z\"@army.ml|f@b.example|6.184|1769882400\n"
		   "n@army.ml||4.9|0\n"
		   "\"open@c.example||0.0|0\n",
		   0, 0);
}

#define OLD                                                                               \
	"version: 1\nprotect: [{domain: army.mil, lookalikes: false}]\n"                  \
	"rules: [{id: ml, suffix: ml, meant: mil, verdict: alert}]\n"                     \
	"watch: [{id: gone, literal: gone.example}, {id: same, literal: same.example}]\n" \
	"allow: [{id: x, domain: army.ml, sender: '*.b.example', until: 2026-01-01}]\n"
#define NEW                                                                   \
	"version: 1\nprotect: [{domain: army.mil, lookalikes: {id: like}}]\n" \
	"rules: [{id: ml, suffix: ml, meant: mil, verdict: reset}]\n"         \
	"watch: [{id: renamed, literal: same.example}]\n"                     \
	"allow: [{id: x, domain: army.ml, sender: '*.b.example', until: 2026-01-01}]\n"

static void
test_diff(void **state)
{
	static const char list[] = "x@army.ml\nx@army.mil\ny@amry.mil\nx@army.ml\nz@gone."
				   "example\nz@same.example\nx@other.example\n"
				   "\x1b@army.ml\n";
	char *old = file_with(OLD, strlen(OLD)), *new = file_with(NEW, strlen(NEW));
	struct output o;

	RUN(&o, list, strlen(list), "diff", old, new, "-");
	assert_int_equal(o.rc, 1);
	assert_string_equal(
		o.text,
		"x@army.ml (2)\n    old  alert by rule:ml, suffix, meant army.mil\n"
		"    new  reset by rule:ml, suffix, meant army.mil\n"
		"\\x1B@army.ml (1)\n    old  alert by rule:ml, suffix, meant army.mil\n"
		"    new  reset by rule:ml, suffix, meant army.mil\n"
		"y@amry.mil (1)\n    old  no match\n"
		"    new  refuse by rule:like, transposition, meant army.mil\n"
		"z@gone.example (1)\n    old  refuse by rule:gone, literal\n    new  no match\n"
		"8 recipients, 5 matched by the old rules, 5 by the new; 5 judged otherwise (4 "
		"different): "
		"1 newly matched, 1 no longer, 3 with another verdict, 0 for another reason\n");
	RUN(&o, list, strlen(list), "diff", old, old, "-");
	assert_int_equal(o.rc, 0);
	assert_non_null(strstr(
		o.text,
		"8 recipients, 5 matched by the old rules, 5 by the new; 0 judged otherwise"));
	remove_file(old);
	remove_file(new);
}

/* The moment and the sender of each record decide about exceptions. */
static void
test_moment(void **state)
{
	static const char list[] = "{\"ts\":\"2025-12-31T23:59:59Z\",\"sender\":\"s@a.b.example\","
				   "\"recipients\":[{\"address\":\"x@army.ml\"}]}\n"
				   "{\"ts\":\"2026-01-02T00:00:00Z\",\"sender\":\"s@a.b.example\","
				   "\"recipients\":[{\"address\":\"x@army.ml\"}]}\n"
				   "{\"ts\":\"2025-12-31T23:59:59Z\",\"sender\":\"s@c.example\","
				   "\"recipients\":[{\"address\":\"x@army.ml\"}]}\n";
	char *old = file_with(OLD, strlen(OLD)), *new = file_with(NEW, strlen(NEW));
	struct output o;
	json_t *line;
	char *end;

	RUN(&o, list, strlen(list), "diff", "--json", old, new, "-");
	assert_int_equal(o.rc, 1);
	end = strchr(o.text, '\n');
	assert_non_null(end);
	line = json_loadb(o.text, (size_t)(end - o.text), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "address")), "x@army.ml");
	assert_int_equal(json_integer_value(json_object_get(line, "count")),
			 2); /* one was let through by both */
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "old"), "verdict")),
		"alert");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "new"), "verdict")),
		"reset");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "new"), "verdict_by")),
		"rule:ml");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "new"), "technique")),
		"suffix");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(line, "new"), "meant")),
		"army.mil");
	json_decref(line);
	line = json_loads(end + 1, 0, NULL);
	assert_non_null(line);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(line, "summary"), "recipients")),
		3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "summary"),
							    "judged_otherwise")),
			 2);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "summary"),
							    "other_verdict")),
			 2);
	json_decref(line);
	/* Where the input has no moment --at says it, for the sender of nobody too. */
	RUN(&o, "x@army.ml\n", 10, "diff", "--at", "2025-01-01", old, old, "-");
	assert_int_equal(o.rc, 0);
	remove_file(old);
	remove_file(new);
}

static void
test_wrong(void **state)
{
	static const char bad[] = "{\"recipients\":[{\"address\":\"x@army.ml\"}]}\nnothing\n";
	char *old = file_with(OLD, strlen(OLD)), *new = file_with(NEW, strlen(NEW));
	struct output o;

	RUN(&o, bad, strlen(bad), "diff", old, new, "-"); /* the rest is read all the same */
	assert_int_equal(o.rc, 3);
	assert_non_null(strstr(o.text, "x@army.ml (1)"));
	RUN(&o, "", 0, "diff", old, new, "/nonexistent");
	assert_int_equal(o.rc, 3);
	RUN(&o, "", 0, "diff", old, "/nonexistent", "-");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "diff", "/nonexistent", new, "-");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "diff", old, new);
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "diff", old, new, "-", "-");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "diff", "--format", "csv", old, new, "-");
	assert_int_equal(o.rc, 2);
	RUN(&o, "x@army.ml\n", 10, "diff", "--format", "postfix", old, new, "-");
	assert_int_equal(o.rc, 0); /* no line of Postfix in it */
	RUN(&o, "", 0, "diff", "--help");
	assert_int_equal(o.rc, 0);
	remove_file(old);
	remove_file(new);
}

/* A log with many different addresses and queue ids: all counted, memory bounded. */
static void
test_large(void **state)
{
	enum { NB = 70000 };
	char *old = file_with(OLD, strlen(OLD)), *new = file_with(NEW, strlen(NEW)),
	     *path = strdup("/tmp/postern-log-XXXXXX");
	int fd = mkstemp(path), i;
	FILE *log = fdopen(fd, "w");
	struct output o;

	assert_non_null(log);
	for (i = 0; i < NB; i++)
		fprintf(log,
			"Nov 21 10:00:00 gw postfix/qmgr[1]: %X: from=<s%d@b.example>, size=1, "
			"nrcpt=1\n"
			"Nov 21 10:00:00 gw postfix/smtp[1]: %X: to=<x%d@%s>, relay=none\n",
			i + 1, i, i + 1, i, i % 1000 == 0 ? "army.ml" : "other.example");
	assert_int_equal(fclose(log), 0);
	RUN(&o, "", 0, "diff", old, new, path);
	assert_int_equal(o.rc, 1);
	assert_non_null(strstr(
		o.text,
		"70000 recipients, 70 matched by the old rules, 70 by the new; 70 judged otherwise "
		"(70 different)"));
	remove_file(path);
	remove_file(old);
	remove_file(new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),	cmocka_unit_test(test_envelopes),
		cmocka_unit_test(test_postfix), cmocka_unit_test(test_diff),
		cmocka_unit_test(test_moment),	cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
