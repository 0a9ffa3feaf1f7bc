/* SPDX-License-Identifier: BSD-3-Clause */
/* json_out, rfc3339, ids: what records are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "alert_print.h"
#include "ids.h"
#include "json_out.h"
#include "rfc3339.h"

static void
test_time(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ UINT64_C(951782399999999999), "2000-02-28T23:59:59.999999999Z" },
		{ UINT64_C(951782400000000000), "2000-02-29T00:00:00.000000000Z" },
		{ UINT64_C(1689589230123456789), "2023-07-17T10:20:30.123456789Z" },
		{ UINT64_C(4107542399000000001), "2100-02-28T23:59:59.000000001Z" },
		{ UINT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z" },
	};
	char buf[RFC3339_LEN + 1];
	uint64_t ns;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rfc3339_format(cases[i].ns, buf);
		assert_string_equal(buf, cases[i].text);
		assert_int_equal(rfc3339_parse(buf, &ns), 0);
		assert_int_equal(ns, cases[i].ns);
	}
	rfc3339_format(UINT64_MAX, buf);
	assert_int_equal(strlen(buf), RFC3339_LEN);
	assert_memory_equal(buf, "2554-07-21T", 11);
}

static void
test_time_read(void **state)
{
	static const char *const wrong[] = { "",
					     "2023",
					     "2023-02-29",
					     "2023-13-01",
					     "2023-00-01",
					     "2023-01-01T",
					     "2023-01-01T24:00",
					     "2023-01-01T10:60",
					     "2023-01-01T10:00:00.",
					     "2023-01-01T10:00:00X",
					     "2023-01-01T10:00:00+1",
					     "1969-12-31",
					     "1970-01-01T00:00+01:00",
					     "2023-01-01 10:00 " };
	uint64_t ns;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(rfc3339_parse(wrong[i], &ns), -EINVAL);
	assert_int_equal(rfc3339_parse("2023-07-17", &ns), 0);
	assert_int_equal(ns, UINT64_C(1689552000000000000));
	assert_int_equal(rfc3339_parse("2023-07-17 12:20+02:00", &ns), 0);
	assert_int_equal(ns, UINT64_C(1689589200000000000));
	assert_int_equal(rfc3339_parse("2023-07-17T10:20:30.5Z", &ns), 0);
	assert_int_equal(ns, UINT64_C(1689589230500000000));
}

static void
check_text(const char *s, size_t len, const char *json, bool valid)
{
	struct json_out o = { 0 };

	assert_int_equal(json_text(&o, s, len), valid);
	assert_int_equal(o.len, strlen(json));
	assert_memory_equal(o.buf, json, o.len);
	json_out_free(&o);
}

static void
test_text(void **state)
{
	check_text("", 0, "\"\"", true);
	check_text("a\"b\\c", 5, "\"a\\\"b\\\\c\"", true);
	check_text("\0\n\x1f\x7f", 4, "\"\\u0000\\u000A\\u001F\\u007F\"", true);
	check_text("\xc3\xa9", 2, "\"\xc3\xa9\"", true);
	check_text("\xf0\x9f\x93\xa7", 4, "\"\xf0\x9f\x93\xa7\"", true);
	/* No UTF-8: a lone octet, overlong, surrogate, beyond U+10FFFF, cut. */
	check_text("\xe9", 1, "\"\\\\xE9\"", false);
	check_text("\xc0\x80", 2, "\"\\\\xC0\\\\x80\"", false);
	check_text("\xed\xa0\x80", 3, "\"\\\\xED\\\\xA0\\\\x80\"", false);
	check_text("\xf4\x90\x80\x80", 4, "\"\\\\xF4\\\\x90\\\\x80\\\\x80\"", false);
	check_text("a\xe2\x82", 3, "\"a\\\\xE2\\\\x82\"", false);
	/* What turns text around or ends lines. */
	check_text("\xe2\x80\xae", 3, "\"\\u202E\"", true);
	check_text("\xe2\x80\xa8", 3, "\"\\u2028\"", true);
	check_text("\xc2\x9b", 2, "\"\\u009B\"", true);
}

/* Any octets make JSON that another parser reads, and base64 gives them back. */
static void
test_all_octets(void **state)
{
	static const char b64[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+"
				  "P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9"
				  "fn+AgYKDhIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8"
				  "vb6/wMHCw8TFxsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7"
				  "/P3+/w==";
	struct json_out o = { 0 };
	uint8_t all[256];
	json_t *v;
	int i;

	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	json_open(&o, '{');
	assert_false(json_kv_text(&o, "t", all, sizeof(all)));
	json_key(&o, "list");
	json_open(&o, '[');
	json_u64(&o, 0);
	json_u64(&o, UINT64_MAX);
	json_put_null(&o);
	json_base64(&o, all, sizeof(all));
	json_base64(&o, "ab", 2);
	json_close(&o, ']');
	json_kv_bool(&o, "b", true);
	json_close(&o, '}');
	v = json_loadb(o.buf, o.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	assert_non_null(v);
	assert_string_equal(json_string_value(json_array_get(json_object_get(v, "list"), 3)), b64);
	assert_string_equal(json_string_value(json_array_get(json_object_get(v, "list"), 4)), "YWI=");
	json_decref(v);
	json_out_free(&o);
}

static void
set_key(struct dp_flow_key *k, int family, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	*k = (struct dp_flow_key){ .family = family == AF_INET ? DP_FAMILY_IPV4 : DP_FAMILY_IPV6 };
	assert_int_equal(inet_pton(family, src, k->client_addr), 1);
	assert_int_equal(inet_pton(family, dst, k->server_addr), 1);
	k->client_port = sport;
	k->server_port = dport;
}

/* The published vectors of the Community ID specification, TCP, seed 0. */
static void
test_community(void **state)
{
	static const struct {
		int family;
		const char *src, *dst;
		uint16_t sport, dport;
		const char *id;
	} cases[] = {
		{ AF_INET, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
		{ AF_INET, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" },
		{ AF_INET6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
		  "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
		{ AF_INET6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
		  "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=" },
	};
	char id[COMMUNITY_ID_LEN + 1];
	struct dp_flow_key k;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_key(&k, cases[i].family, cases[i].src, cases[i].sport, cases[i].dst, cases[i].dport);
		ids_community(&k, id);
		assert_string_equal(id, cases[i].id);
	}
}

/* Each part of what names a recipient changes event.id; the same input gives the same. */
static void
test_event_id(void **state)
{
	_Alignas(8) uint8_t buf[DP_RECORD_LEN_MAX];
	struct dp_ev_rcpt *ev = (void *)buf;
	uint8_t id[16], other[16];

	dp_event_begin(buf, DP_EV_RCPT);
	set_key(&ev->flow.key, AF_INET, "192.0.2.1", 4000, "198.51.100.1", 25);
	ev->rcpt_index = 1;
	ev->transaction = 1;
	dp_event_put_str(buf, &ev->address, "a@army.ml", 9, 512, 9, 0);
	ids_event(7, ev, id);
	ids_event(7, ev, other);
	assert_memory_equal(id, other, 16);
	ids_event(8, ev, other);
	assert_memory_not_equal(id, other, 16);
#define CHANGES(change, back)                                                                                          \
	do {                                                                                                           \
		change;                                                                                                \
		ids_event(7, ev, other);                                                                               \
		assert_memory_not_equal(id, other, 16);                                                                \
		back;                                                                                                  \
	} while (0)
	/* The first of several rounds is what a replay without rounds is. */
	ev->flow.loop = 1;
	ids_event(7, ev, other);
	assert_memory_equal(id, other, 16);
	CHANGES(ev->rcpt_index++, ev->rcpt_index--);
	CHANGES(ev->transaction++, ev->transaction--);
	CHANGES(ev->flow.loop++, ev->flow.loop--);
	CHANGES(ev->flow.first_seq++, ev->flow.first_seq--);
	CHANGES(ev->flow.start_ns++, ev->flow.start_ns--);
	CHANGES(ev->flow.key.client_port++, ev->flow.key.client_port--);
	CHANGES(ev->flow.key.vlan_outer++, ev->flow.key.vlan_outer--);
	/* Alternative readings have no index: what they were and where they stood counts. */
	ev->flags = DP_RCPT_ALTERNATIVE;
	ev->rcpt_index = 0;
	ids_event(7, ev, id);
	CHANGES(ev->seq_start++, ev->seq_start--);
	CHANGES(buf[ev->address.off] ^= 1, buf[ev->address.off] ^= 1);
#undef CHANGES
	ids_event(7, ev, other);
	assert_memory_equal(id, other, 16);
}

/* A spreadsheet takes none of these for a formula, and a terminal none for a command. */
static void
test_csv(void **state)
{
	static const struct {
		const char *helo, *cell;
	} cases[] = {
		{ "=1+1", ",\"'=1+1\"," },	    { "+49", ",\"'+49\"," }, { "-x", ",\"'-x\"," },
		{ "@SUM(A1)", ",\"'@SUM(A1)\"," },  { "  =1", ",\"'  =1\"," }, { "a\\\"b", ",\"a\"\"b\"," },
		{ "\\t=1", ",\"\\x09=1\"," },	    { "a\\nb", ",\"a\\x0Ab\"," },
		{ "\\u001b[2J", ",\"\\x1B[2J\"," }, { "plain", ",\"plain\"," },
	};
	struct json_out o = { 0 };
	char json[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(json, sizeof(json), "{\"postern\":{\"helo\":\"%s\"}}", cases[i].helo);
		json_out_clear(&o);
		alert_print_csv_row(&o, 1, json, strlen(json));
		json_raw(&o, "", 1);
		assert_non_null(strstr(o.buf, cases[i].cell));
		assert_int_equal(strcspn(o.buf, "\n"), strlen(o.buf) - 1);
	}
	json_out_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),	   cmocka_unit_test(test_time_read), cmocka_unit_test(test_text),
		cmocka_unit_test(test_all_octets), cmocka_unit_test(test_community), cmocka_unit_test(test_event_id),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
