/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_case.h"

#include <string.h>

#include "matcher.h"
#include "rule_date.h"

enum {
	DATE_MAX = 64,
};

struct reader {
	const char *line;
	size_t len, pos;
	struct rules_case *c;
	struct rules_case_fault *fault;
};

static int
fail(struct reader *r, size_t offset, const char *what, const char *hint)
{
	*r->fault = (struct rules_case_fault){offset, what, hint};
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word, up to a blank; false at the end of the line or a comment. */
static bool
next_word(struct reader *r, struct rules_case_text *ret)
{
	while (r->pos < r->len && is_blank(r->line[r->pos]))
		r->pos++;
	if (r->pos == r->len || r->line[r->pos] == '#')
		return false;
	ret->text = r->line + r->pos;
	while (r->pos < r->len && !is_blank(r->line[r->pos]))
		r->pos++;
	ret->len = (size_t)(r->line + r->pos - ret->text);
	return true;
}

/* Quotes and brackets keep blanks together. False: one of them has no end. */
static bool
read_address(struct reader *r)
{
	bool quoted = false, bracketed = false;
	size_t from;

	for (from = r->pos; r->pos < r->len; r->pos++) {
		char c = r->line[r->pos];

		if (quoted && c == '\\' && r->pos + 1 < r->len)
			r->pos++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<' && r->pos == from)
			bracketed = true;
		else if (!quoted && c == '>')
			bracketed = false;
		else if (!quoted && !bracketed && is_blank(c))
			break;
	}
	r->c->address = (struct rules_case_text){r->line + from, r->pos - from};
	return !quoted && !bracketed;
}

static bool
is_word(const struct rules_case_text *t, const char *word)
{
	return t->len == strlen(word) && memcmp(t->text, word, t->len) == 0;
}

static int
read_technique(struct reader *r, const struct rules_case_text *v, size_t offset)
{
	int t;

	for (t = RULE_TECHNIQUE_NONE + 1; t < RULE_TECHNIQUE_NB; t++)
		if (is_word(v, rule_technique_name((enum rule_technique)t))) {
			r->c->technique = t;
			return 0;
		}
	return fail(r, offset, "there is no such technique",
		    "\"postern rules list\" shows their names");
}

static int
read_verdict(struct reader *r, const struct rules_case_text *v, size_t offset)
{
	int t;

	for (t = RULE_VERDICT_PASS; t <= RULE_VERDICT_RESET; t++)
		if (is_word(v, rule_verdict_name((enum rule_verdict)t))) {
			r->c->verdict = (enum rule_verdict)t;
			return 0;
		}
	return fail(r, offset, "there is no such verdict",
		    "write pass, alert, refuse, divert or reset");
}

static int
read_at(struct reader *r, const struct rules_case_text *v, size_t offset)
{
	char text[DATE_MAX + 1] = "";

	if (v->len <= DATE_MAX && memchr(v->text, '\0', v->len) == NULL)
		memcpy(text, v->text, v->len);
	text[v->len <= DATE_MAX ? v->len : 0] = '\0';
	if (rule_date_read(text, &r->c->at_ns, NULL) < 0)
		return fail(r, offset, "this is no date",
			    "write 2026-01-31 or 2026-01-31T18:00:00Z");
	r->c->has_at = true;
	return 0;
}

static int
take_text(struct reader *r, const struct rules_case_text *v, size_t offset,
	  struct rules_case_text *ret)
{
	if (ret->text != NULL)
		return fail(r, offset, "the key stands twice", "remove one of the two");
	*ret = *v;
	return 0;
}

static int
read_pair(struct reader *r, const struct rules_case_text *word)
{
	static const char hint[] = "write meant=, technique=, rule=, verdict=, sender=, client= or "
				   "at=, without blanks";
	const char *equals = memchr(word->text, '=', word->len);
	size_t offset = (size_t)(word->text - r->line);
	struct rules_case_text key = *word, value;

	if (equals == NULL)
		return fail(r, offset, "this is no KEY=VALUE", hint);
	key.len = (size_t)(equals - word->text);
	value.text = equals + 1;
	value.len = word->len - key.len - 1;
	offset += key.len + 1;
	if (is_word(&key, "sender"))
		return take_text(r, &value, offset, &r->c->sender);
	if (value.len == 0)
		return fail(r, offset, "nothing stands after the =", hint);
	if (is_word(&key, "meant"))
		return take_text(r, &value, offset, &r->c->meant);
	if (is_word(&key, "rule"))
		return take_text(r, &value, offset, &r->c->rule);
	if (is_word(&key, "technique"))
		return read_technique(r, &value, offset);
	if (is_word(&key, "verdict"))
		return read_verdict(r, &value, offset);
	if (is_word(&key, "client"))
		return rules_client_read(value.text, value.len, &r->c->client)
			       ? 0
			       : fail(r, offset, "this is no IP address",
				      "write 192.0.2.1 or 2001:db8::1");
	if (is_word(&key, "at"))
		return read_at(r, &value, offset);
	return fail(r, (size_t)(word->text - r->line), "the key is unknown", hint);
}

int
rules_case_read(const char *line, size_t len, struct rules_case *ret,
		struct rules_case_fault *ret_fault)
{
	struct reader r = {line, len, 0, ret, ret_fault};
	struct rules_case_text word;
	size_t from;

	memset(ret, 0, sizeof(*ret));
	ret->technique = -1;
	while (r.pos < len && is_blank(line[r.pos]))
		r.pos++;
	if (r.pos == len || line[r.pos] == '#')
		return 0;
	from = r.pos;
	if (!read_address(&r))
		return fail(&r, from, "a quote or bracket of the address has no end", "close it");
	if (!next_word(&r, &word))
		return fail(&r, r.pos, "the expected answer is missing",
			    "write match or no-match after the address");
	ret->is_match = is_word(&word, "match");
	if (!ret->is_match && !is_word(&word, "no-match"))
		return fail(&r, (size_t)(word.text - line),
			    "the expected answer is neither match nor no-match",
			    "an address with blanks is put into double quotes or brackets");
	while (next_word(&r, &word))
		if (read_pair(&r, &word) < 0)
			return -1;
	if (!ret->is_match &&
	    (ret->meant.text != NULL || ret->rule.text != NULL || ret->technique >= 0))
		return fail(&r, (size_t)(ret->address.text - line),
			    "what does not match has no meant, technique or rule",
			    "remove them, or expect a match");
	if (ret->sender.len >= 2 && ret->sender.text[0] == '<' &&
	    ret->sender.text[ret->sender.len - 1] == '>')
		ret->sender = (struct rules_case_text){ret->sender.text + 1, ret->sender.len - 2};
	return 1;
}

static bool
equals_or_any(const struct rules_case_text *want, const char *is, size_t len)
{
	return want->text == NULL || (want->len == len && memcmp(want->text, is, len) == 0);
}

bool
rules_case_holds(const struct rules_case *c, const struct rules_answer *a)
{
	if (c->is_match != a->is_match ||
	    (c->verdict != 0 && c->verdict != rules_answer_verdict(a)))
		return false;
	if (!a->is_match)
		return true;
	return (c->technique < 0 || c->technique == (int)a->match.technique) &&
	       equals_or_any(&c->meant, a->match.meant, a->match.meant_len) &&
	       equals_or_any(&c->rule, a->rule->id, strlen(a->rule->id));
}
