/* SPDX-License-Identifier: BSD-3-Clause */
#include "technique.h"

#include <stdio.h>
#include <string.h>

#include "idn.h"

static const struct technique {
	const char *name;
	const char *explanation;
	enum technique_class class;
	uint8_t severity;
} techniques[RULE_TECHNIQUE_NB] = {
#define RULE_TECHNIQUE(id, name, class, severity, explanation) \
	[RULE_TECHNIQUE_##id] = {name, explanation, TECHNIQUE_##class, severity},
#include "technique.def"
#undef RULE_TECHNIQUE
};

const char *
rule_technique_name(enum rule_technique t)
{
	return (unsigned int)t < RULE_TECHNIQUE_NB ? techniques[t].name : "unknown";
}

int
rule_technique_from_name(const char *name)
{
	int t;

	for (t = 0; t < RULE_TECHNIQUE_NB; t++)
		if (strcmp(techniques[t].name, name) == 0)
			return t;
	return -1;
}

uint8_t
technique_severity(enum rule_technique t)
{
	return (unsigned int)t < RULE_TECHNIQUE_NB ? techniques[t].severity : 1;
}

enum technique_class
technique_class(enum rule_technique t)
{
	return (unsigned int)t < RULE_TECHNIQUE_NB ? techniques[t].class : TECHNIQUE_OPERATOR;
}

bool
technique_is_usual(enum rule_technique t)
{
	return (int)t >= TECHNIQUE_LOOKALIKE_FIRST && t != RULE_TECHNIQUE_MISSING_LEVEL &&
	       t != RULE_TECHNIQUE_TLD_SWAP;
}

bool
technique_is_doubtful(enum rule_technique t)
{
	return t == RULE_TECHNIQUE_MISSING_LEVEL || t == RULE_TECHNIQUE_ADDED_WORD ||
	       t == RULE_TECHNIQUE_TLD_SWAP;
}

uint8_t
technique_min_label(enum rule_technique t)
{
	switch (t) {
	case RULE_TECHNIQUE_TLD:
	case RULE_TECHNIQUE_SUFFIX_COUNTRY:
	case RULE_TECHNIQUE_MISSING_DOT:
	case RULE_TECHNIQUE_DOUBLED_DOT:
		return 2;
	case RULE_TECHNIQUE_SUBSTITUTION:
	case RULE_TECHNIQUE_VOWEL_SWAP:
	case RULE_TECHNIQUE_BIT_FLIP:
		return 5;
	default:
		return 4;
	}
}

_Static_assert(RULE_EXPLANATION_MAX > 256 + 2 * 4 * MATCHER_DOMAIN_MAX + IDN_EXPLAIN_MAX, "both names as escapes fit");

struct out {
	char *buf;
	size_t size;
	size_t need;
};

static void
out_char(struct out *o, char c)
{
	if (o->need + 1 < o->size)
		o->buf[o->need] = c;
	o->need++;
}

/* An escape goes in whole or not at all. */
static void
out_octets(struct out *o, const char *p, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x20 && c < 0x7f) {
			out_char(o, (char)c);
			continue;
		}
		if (o->need + 5 > o->size && o->need < o->size)
			o->size = o->need + 1;
		out_char(o, '\\');
		out_char(o, 'x');
		out_char(o, hex[c >> 4]);
		out_char(o, hex[c & 0x0f]);
	}
}

static void
out_text(struct out *o, const char *text)
{
	while (*text != '\0')
		out_char(o, *text++);
}

int
rule_technique_explain(enum rule_technique t, const char *domain, size_t domain_len,
		       const char *meant, size_t meant_len, char *buf, size_t size)
{
	struct out o = {buf, size, 0};
	char odd[IDN_EXPLAIN_MAX];
	const char *p;

	if ((unsigned int)t >= RULE_TECHNIQUE_NB)
		t = RULE_TECHNIQUE_NONE;
	if (meant_len == 0) {
		meant = "the protected domain";
		meant_len = strlen(meant);
	}
	for (p = techniques[t].explanation; *p != '\0'; p++) {
		if (strncmp(p, "{domain}", 8) == 0) {
			out_octets(&o, domain, domain_len);
			p += 7;
		} else if (strncmp(p, "{meant}", 7) == 0) {
			out_octets(&o, meant, meant_len);
			p += 6;
		} else {
			out_char(&o, *p);
		}
	}
	if (idn_explain(domain, domain_len, odd, sizeof(odd)) > 0) {
		out_text(&o, ": it has ");
		out_text(&o, odd);
	}
	if (o.size > 0)
		buf[o.need < o.size ? o.need : o.size - 1] = '\0';
	return (int)o.need;
}
