/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_write.h"

#include <string.h>

#include "matcher.h"
#include "safe_text.h"

void
rules_print(FILE *out, const void *text, size_t len)
{
	char piece[4 * 256 + 1];
	size_t n;

	while (len > 0) {
		n = len < 256 ? len : 256;
		while (n < len && n > 252 &&
		       (((const unsigned char *)text)[n] & 0xc0) ==
			       0x80) /* keep characters whole */
			n--;
		safe_text(piece, sizeof(piece), text, n);
		fputs(piece, out);
		text = (const char *)text + n;
		len -= n;
	}
}

void
rules_print_str(FILE *out, const char *text)
{
	rules_print(out, text, strlen(text));
}

void
rules_json_address(struct json_out *o, const char *address, size_t len)
{
	if (json_kv_text(o, "address", address, len))
		return;
	json_key(o, "address_raw");
	json_base64(o, address, len);
}

void
rules_write_json(struct json_out *o, const char *address, size_t len, const struct rules_answer *a)
{
	char text[RULES_JUDGE_TEXT_MAX];

	rules_answer_text(a, text);
	json_out_clear(o);
	json_open(o, '{');
	rules_json_address(o, address, len);
	json_kv_bool(o, "match", a->is_match);
	if (a->is_match && a->match.meant_len > 0)
		json_kv_text(o, "meant", a->match.meant, a->match.meant_len);
	else
		json_kv_null(o, "meant");
	if (a->is_match) {
		json_kv_cstr(o, "technique",
			     rule_technique_name((enum rule_technique)a->match.technique));
		json_kv_cstr(o, "rule", a->rule->id);
	} else {
		json_kv_null(o, "technique");
		json_kv_null(o, "rule");
	}
	json_kv_cstr(o, "explanation", text);
	json_kv_cstr(o, "verdict", rule_verdict_name(rules_answer_verdict(a)));
	if (a->is_match)
		json_kv_cstr(o, "verdict_by", a->decision.by);
	else
		json_kv_null(o, "verdict_by");
	json_close(o, '}');
	json_raw(o, "\n", 1);
}

void
rules_write_text(FILE *out, const char *address, size_t len, const struct rules_answer *a)
{
	char text[RULES_JUDGE_TEXT_MAX];

	rules_print(out, address, len);
	if (a->is_match)
		fprintf(out, ": %s by %s, %s", rule_verdict_name(a->decision.verdict),
			a->decision.by,
			rule_technique_name((enum rule_technique)a->match.technique));
	else
		fputs(": no match", out);
	if (a->is_match && a->match.meant_len > 0) {
		fputs(", meant ", out);
		rules_print(out, a->match.meant, a->match.meant_len);
	}
	fputs("\n    ", out);
	rules_answer_text(a, text);
	rules_print_str(out, text);
	putc('\n', out);
}
