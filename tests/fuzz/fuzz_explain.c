/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_explain - any octets as an address, through everything `postern rules explain` does
 *
 * The first octet: bit 0: the address is cut; the others: the day at which exceptions are judged. The rest of the first line
 * is the sender (and the client, if it reads as an IP address), what follows is the address. It is read, matched, decided and
 * printed in both forms; what is printed is looked at: nothing of it may harm a terminal, and the JSON must be read back with
 * the same answer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mailbox.h"
#include "matcher.h"
#include "rules_judge.h"
#include "rules_write.h"
#include "safe_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
	"version: 1\n"
	"protect:\n"
	"  - domain: '*.mil'\n"
	"    known: [army.mil, us.af.mil]\n"
	"  - {domain: example.com, lookalikes: {tld_swap: true, missing_level: true}}\n"
	"  - mail.defense-logistics.example\n"
	"rules:\n"
	"  - {id: ml, suffix: [ml, mi], meant: mil, verdict: reset,\n"
			    "     senders: [b.example, 192.0.2.0/24]}\n"
	"  - {id: any, suffix: cm, meant: com, match: every}\n"
	"watch:\n"
	"  - {id: lit, literal: bad.example, meant: example.com, severity: low}\n"
	"  - {id: addr, expression: '^root@.*\\.test$', on: address}\n"
	"allow:\n"
	"  - {id: one, address: bob@army.ml, until: 1970-03-01}\n"
	"  - {id: two, subtree: exmaple.com, sender: [a@b.example, '*.b.example']}\n";

enum {
	OUT_MAX = 1 << 20,
	DAY_S = 24 * 60 * 60,
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static const struct rules_judge *
judge(void)
{
	static struct rules_judge j;
	struct rule_errors errs;
	struct ruleset *set;

	if (j.set == NULL) {
		require(ruleset_load_octets("t", rules, strlen(rules), 1, &errs, &set) == 0);
		rule_errors_free(&errs);
		require(rules_judge_take(&j, set) == 0);
	}
	return &j;
}

/* Does the line for people consist of visible text only? */
static void
check_text(const char *address, size_t len, const struct rules_answer *a)
{
	char *text = NULL;
	size_t text_len = 0;
	FILE *out = open_memstream(&text, &text_len);

	require(out != NULL);
	rules_write_text(out, address, len, a);
	require(fclose(out) == 0 && text_len > 2 && text_len < OUT_MAX &&
		text[text_len - 1] == '\n');
	char *second = memchr(text, '\n', text_len - 1);

	require(second != NULL && second + 1 < text + text_len);
	require(safe_text_is_safe(text, (size_t)(second - text)));
	require(safe_text_is_safe(second + 1, (size_t)(text + text_len - 1 - second - 1)));
	free(text);
}

static const char *
string_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
check_json(const char *address, size_t len, const struct rules_answer *a)
{
	struct json_out o = {0};
	json_t *object;

	rules_write_json(&o, address, len, a);
	require(!o.failed && o.len > 0 && o.buf[o.len - 1] == '\n' &&
		memchr(o.buf, '\n', o.len - 1) == NULL);
	object = json_loadb(o.buf, o.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	require(object != NULL);
	require(json_is_true(json_object_get(object, "match")) == a->is_match);
	require(strcmp(string_of(object, "verdict"), rule_verdict_name(rules_answer_verdict(a))) ==
		0);
	require(string_of(object, "explanation") != NULL);
	require((string_of(object, "rule") != NULL) == a->is_match);
	if (json_object_get(object, "address_raw") == NULL) /* then the address itself is whole */
		require(json_string_length(json_object_get(object, "address")) == len &&
			memcmp(string_of(object, "address"), address, len) == 0);
	json_decref(object);
	json_out_free(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_question q = {.sender = ""};
	const struct rules_judge *j = judge();
	struct rules_answer a, again;
	const uint8_t *nl;
	struct mailbox mb;

	if (size == 0)
		return 0;
	q.is_cut = (data[0] & 1) != 0;
	q.ts_ns = (uint64_t)(data[0] >> 1) * DAY_S * UINT64_C(1000000000);
	nl = memchr(data, '\n', size);
	if (nl != NULL) {
		q.sender = (const char *)data + 1;
		q.sender_len = nl > data ? (size_t)(nl - data) - 1 : 0;
	} else {
		nl = data;
	}
	if (q.sender_len > 0 && !rules_client_read(q.sender, q.sender_len, &q.client))
		require(q.client.family == 0);
	q.address = (const char *)nl + 1;
	q.len = size - (size_t)(nl - data) - 1;
	require(rules_judge(j, &q, &a) == 0);
	mailbox_read((const uint8_t *)q.address, q.len, q.is_cut, &mb);
	require(!a.is_match || mb.nb_readings > 0);
	if (a.is_match) {
		require(a.rule != NULL && a.rule->enabled && a.match.severity >= 1 &&
			a.match.severity <= 4);
		require(a.decision.verdict == a.by_rule || a.decision.verdict == RULE_VERDICT_PASS);
	}
	check_text(q.address, q.len, &a);
	check_json(q.address, q.len, &a);
	require(rules_judge(j, &q, &again) == 0 && again.is_match == a.is_match &&
		again.match.rule == a.match.rule);
	return 0;
}
