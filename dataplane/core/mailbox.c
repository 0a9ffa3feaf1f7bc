/* SPDX-License-Identifier: BSD-3-Clause */
/* mailbox - the strict reading, and what both readings share; mailbox_lenient.c has the other one */
#include "mailbox.h"

#include <string.h>

#include "mailbox_private.h"

#define A MAILBOX_C_ATEXT
#define P (MAILBOX_C_ATEXT | MAILBOX_C_PLAIN)
#define L MAILBOX_C_LETDIG
#define D MAILBOX_C_DCONTENT
#define B MAILBOX_C_BLANK
const uint8_t mailbox_classes[256] = {
	[0 ... 32] = B,
	[127] = B,
	['!'] = A | D, ['"'] = D, ['#' ... '$'] = P | D, ['%'] = A | D, ['&' ... '\''] = P | D, ['('] = D, [')'] = D,
	['*'] = P | D, ['+'] = P | D, [','] = D, ['-'] = P | D, ['.'] = D, ['/'] = P | D, ['0' ... '9'] = P | L | D,
	[':' ... '<'] = D, ['='] = P | D, ['>'] = D, ['?'] = P | D, ['@'] = D, ['A' ... 'Z'] = P | L | D,
	['^' ... '`'] = P | D, ['a' ... 'z'] = P | L | D, ['{' ... '~'] = P | D,
	[128 ... 255] = A | L,
};
#undef A
#undef P
#undef L
#undef D
#undef B

static void
domain_push(struct mailbox_domain *d, char c)
{
	if (d->len == sizeof(d->text)) {
		memmove(d->text, d->text + sizeof(d->text) - MAILBOX_DOMAIN_MAX, MAILBOX_DOMAIN_MAX);
		d->len = MAILBOX_DOMAIN_MAX;
	}
	d->text[d->len++] = c;
	d->total++;
}

void
mailbox_domain_put(struct mailbox_domain *d, uint8_t c)
{
	if (c == '.') {
		d->dots++;
		return;
	}
	for (; d->dots > 0; d->dots--)
		domain_push(d, '.');
	domain_push(d, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : (char)c);
}

bool
mailbox_add(struct mailbox *m, const uint8_t *local, size_t local_len, const struct mailbox_domain *d)
{
	size_t len = d->len < MAILBOX_DOMAIN_MAX ? d->len : MAILBOX_DOMAIN_MAX;
	const char *text = d->text + d->len - len;
	struct mailbox_reading *r;
	unsigned int i;

	if (len == 0)
		return true;
	for (i = 0; i < m->nb_readings; i++)
		if (m->readings[i].domain_len == len && memcmp(m->readings[i].domain, text, len) == 0)
			return true;
	if (m->nb_readings == MAILBOX_READINGS_MAX) {
		m->flags |= MAILBOX_MORE_READINGS;
		return false;
	}
	if (d->total > len)
		m->flags |= MAILBOX_DOMAIN_CUT;
	r = &m->readings[m->nb_readings++];
	r->local = local;
	r->local_len = (uint32_t)local_len;
	r->domain_len = (uint16_t)len;
	memcpy(r->domain, text, len);
	r->domain[len] = '\0';
	return true;
}

/* One host of a relay: [@p, @end) of the local part, escapes undone, quotes and blanks taken off. */
static bool
add_relay(struct mailbox *m, const uint8_t *p, const uint8_t *end, const uint8_t *local, const uint8_t *local_end)
{
	struct mailbox_domain d;

	mailbox_domain_init(&d);
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		if (*p != '"' && *p != '\\' && !mailbox_is(*p, MAILBOX_C_BLANK))
			mailbox_domain_put(&d, *p);
	}
	return mailbox_add(m, local, (size_t)(local_end - local), &d);
}

static const uint8_t *
find_relay_sign(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p != '%' && *p != '!')
		p++;
	return p;
}

void
mailbox_add_relays(struct mailbox *m, const uint8_t *start, const uint8_t *end)
{
	const uint8_t *percent = start, *bang, *p, *q;

	/* `%` binds first (the right end is peeled off hop by hop), so what is left of the first `%` is innermost. */
	while (percent < end && *percent != '%')
		percent++;
	for (bang = percent; bang > start && bang[-1] != '!'; bang--)
		;
	if (bang > start) { /* a!b!user: b is where the mail ends up */
		for (p = bang - 1; p > start && p[-1] != '!'; p--)
			;
		add_relay(m, p, bang - 1, bang, percent);
	} else if (percent < end) {
		p = percent + 1;
		add_relay(m, p, find_relay_sign(p, end), start, percent);
	}
	for (p = start; p < end; p = q + 1) {
		bool more = true;

		q = find_relay_sign(p, end);
		if (q < end && *q == '!')
			more = add_relay(m, p, q, q + 1, end);
		else if (p > start && p[-1] == '%')
			more = add_relay(m, p, q, start, p - 1);
		if (!more)
			return;
	}
}

void
mailbox_set_spans(struct mailbox *m, const uint8_t *address, const uint8_t *address_end, const uint8_t *params,
		  const uint8_t *end)
{
	m->address = address;
	m->address_len = (uint32_t)(address_end - address);
	while (params < end && mailbox_is(*params, MAILBOX_C_BLANK))
		params++;
	while (end > params && mailbox_is(end[-1], MAILBOX_C_BLANK))
		end--;
	m->params = params;
	m->params_len = (uint32_t)(end - params);
}

/* RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool
is_utf8(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint8_t c = *p++, lo = 0x80, hi = 0xbf;
		unsigned int more;

		if (c < 0x80)
			continue;
		if (c >= 0xc2 && c <= 0xdf)
			more = 1;
		else if ((c & 0xf0) == 0xe0)
			more = 2;
		else if (c >= 0xf0 && c <= 0xf4)
			more = 3;
		else
			return false;
		if (c == 0xe0)
			lo = 0xa0;
		else if (c == 0xed)
			hi = 0x9f;
		else if (c == 0xf0)
			lo = 0x90;
		else if (c == 0xf4)
			hi = 0x8f;
		for (; more > 0; more--, lo = 0x80, hi = 0xbf)
			if (p == end || *p < lo || *p++ > hi)
				return false;
	}
	return true;
}

static unsigned int
octet_flags(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q;
	uint8_t all = 0;

	for (q = p; q < end; q++)
		all |= *q;
	if (all < 0x80)
		return 0;
	return MAILBOX_EIGHT_BIT | (is_utf8(p, end) ? (unsigned int)MAILBOX_UTF8 : 0);
}

/* RFC 5321 §4.1.3. @p is after the bracket; the end of the contents, or NULL. */
static const uint8_t *
scan_literal(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p, *colon = NULL, *q;
	unsigned int nb_groups = 0;

	for (; p < end && mailbox_is(*p, MAILBOX_C_DCONTENT); p++)
		if (*p == ':' && colon == NULL)
			colon = p;
	if (p == end || *p != ']' || p == start)
		return NULL;
	if (colon != NULL) { /* IPv6-address-literal and General-address-literal: a tag, a colon, anything */
		if (colon == start || colon + 1 == p || !mailbox_is(colon[-1], MAILBOX_C_LETDIG))
			return NULL;
		for (q = start; q < colon; q++)
			if (!mailbox_is(*q, MAILBOX_C_LETDIG) && *q != '-')
				return NULL;
		return p;
	}
	for (q = start; q < p; q++, nb_groups++) { /* Snum 3("." Snum) */
		unsigned int value = 0, digits = 0;

		for (; q < p && *q >= '0' && *q <= '9' && digits < 4; q++, digits++)
			value = value * 10 + (*q - '0');
		if (digits == 0 || digits > 3 || value > 255 || (q < p && *q != '.') || q + 1 == p)
			return NULL;
	}
	return nb_groups == 4 ? p : NULL;
}

/* Domain of RFC 5321 §4.1.2 (RFC 6531: sub-domain may be a U-label). The first octet after it, or NULL. */
static const uint8_t *
scan_domain(const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		const uint8_t *start = p;

		while (p < end && (mailbox_is(*p, MAILBOX_C_LETDIG) || *p == '-'))
			p++;
		if (p == start || *start == '-' || p[-1] == '-')
			return NULL;
		if (p == end || *p != '.')
			return p;
		p++;
	}
}

/* Local-part: Dot-string or Quoted-string. */
static const uint8_t *
scan_local(const uint8_t *p, const uint8_t *end)
{
	if (p < end && *p == '"') {
		for (p++; p < end && *p != '"'; p++) {
			if (*p == '\\')
				p++;
			if (p == end || *p < 32 || *p == 127)
				return NULL;
		}
		return p < end ? p + 1 : NULL;
	}
	for (;;) {
		const uint8_t *start = p;

		while (p < end && mailbox_is(*p, MAILBOX_C_ATEXT))
			p++;
		if (p == start)
			return NULL;
		if (p == end || *p != '.')
			return p;
		p++;
	}
}

static void
add_span(struct mailbox *m, const uint8_t *local, const uint8_t *local_end, const uint8_t *p, const uint8_t *end)
{
	struct mailbox_domain d;

	mailbox_domain_init(&d);
	while (p < end)
		mailbox_domain_put(&d, *p++);
	mailbox_add(m, local, (size_t)(local_end - local), &d);
}

/* A-d-l of RFC 5321 §4.1.2: "@" Domain *("," "@" Domain) ":". The first octet after the colon, or NULL. */
static const uint8_t *
scan_route(const uint8_t *p, const uint8_t *end)
{
	for (;;) {
		p = scan_domain(p + 1, end);
		if (p == NULL || p == end)
			return NULL;
		if (*p == ':')
			return p + 1;
		if (*p++ != ',' || p == end || *p != '@')
			return NULL;
	}
}

static void
add_hops(struct mailbox *m, const uint8_t *local, const uint8_t *local_end, const uint8_t *route,
	 const uint8_t *route_end)
{
	const uint8_t *p = route, *q;

	for (; p < route_end; p = q + 1) {
		for (q = p; *q != ',' && *q != ':'; q++)
			;
		add_span(m, local, local_end, p + 1, q);
	}
}

static bool
is_postmaster(const uint8_t *p, const uint8_t *end)
{
	static const char name[] = "postmaster";
	size_t i;

	if ((size_t)(end - p) != sizeof(name) - 1)
		return false;
	for (i = 0; i < sizeof(name) - 1; i++)
		if ((p[i] | 0x20) != name[i])
			return false;
	return true;
}

/*
 * esmtp-param *(SP esmtp-param) of RFC 5321 §4.1.2, or nothing. Several blanks and an equals sign in a value are let
 * pass: they change nothing about the address. Anything else is not: it may be the rest of one.
 */
static bool
are_params(const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		const uint8_t *word = p;

		if (*p == ' ' || *p == '\t') {
			p++;
			continue;
		}
		while (p < end && *p < 0x80 && (mailbox_is(*p, MAILBOX_C_LETDIG) || (*p == '-' && p > word)))
			p++;
		if (p == word)
			return false;
		if (p < end && *p == '=')
			while (p < end && !mailbox_is(*p, MAILBOX_C_BLANK))
				p++;
		if (p < end && *p != ' ' && *p != '\t')
			return false;
	}
	return true;
}

/* Path of RFC 5321 §4.1.2, or <>, or <postmaster>, then the end or a blank. @m is filled only when it is one. */
static bool
read_strict(struct mailbox *m, const uint8_t *arg, const uint8_t *end, bool is_cut)
{
	const uint8_t *p = arg, *inner, *local, *local_end, *domain = NULL, *domain_end = NULL;

	if (p == end || *p++ != '<' || p == end)
		return false;
	inner = local = local_end = p;
	if (*p == '@') {
		p = local = scan_route(p, end);
		if (p == NULL)
			return false;
	}
	if (*inner != '>') {
		p = local_end = scan_local(p, end);
		if (p == NULL || p == end)
			return false;
		if (*p == '@') {
			bool literal;

			domain = ++p;
			literal = p < end && *p == '[';
			p = literal ? scan_literal(p + 1, end) : scan_domain(p, end);
			if (p == NULL)
				return false;
			p += literal ? 1 : 0;
			domain_end = p;
			if (domain_end - domain > MAILBOX_DOMAIN_MAX)
				return false;
		} else if (local != inner || !is_postmaster(local, local_end)) {
			return false;
		}
	}
	if (p == end || *p != '>')
		return false;
	/* Cut right after the bracket: what follows may make it something else. */
	if (p + 1 == end ? is_cut : p[1] != ' ' && p[1] != '\t')
		return false;
	if (!are_params(p + 1, end))
		return false;
	m->flags = octet_flags(inner, p);
	if ((m->flags & (MAILBOX_EIGHT_BIT | MAILBOX_UTF8)) == MAILBOX_EIGHT_BIT)
		return false;

	m->flags |= MAILBOX_STRICT;
	mailbox_set_spans(m, inner, p, p + 1, end);
	if (domain == NULL) {
		m->flags |= inner == p ? MAILBOX_NULL : 0;
		return true;
	}
	add_span(m, local, local_end, domain, domain_end);
	mailbox_add_relays(m, local, local_end);
	if (local != inner)
		add_hops(m, local, local_end, inner, local);
	return true;
}

/* Dot-string without a sign of relaying. The first octet after it, or NULL. */
static const uint8_t *
plain_local(const uint8_t *p, const uint8_t *end)
{
	uint8_t last = '.';

	for (; p < end; last = *p++) {
		if (*p == '.' ? last == '.' : !mailbox_is(*p, MAILBOX_C_PLAIN))
			break;
	}
	return last == '.' ? NULL : p;
}

/* Domain in letters, digits and hyphens, copied to @r in lower case. The first octet after it, or NULL. */
static const uint8_t *
plain_domain(const uint8_t *p, const uint8_t *end, struct mailbox_reading *r)
{
	uint8_t last = '.';
	unsigned int n = 0;

	for (; p < end; last = *p++) {
		uint8_t c = *p;

		if (c == '.' || c == '-') {
			if (last == '.' || (c == '.' && last == '-'))
				return NULL;
		} else if (c >= 128 || !mailbox_is(c, MAILBOX_C_LETDIG)) {
			break;
		}
		if (n == MAILBOX_DOMAIN_MAX)
			return NULL;
		r->domain[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	if (last == '.' || last == '-')
		return NULL;
	r->domain[n] = '\0';
	r->domain_len = (uint16_t)n;
	return p;
}

/*
 * What nearly all mail has: <local@domain> in plain ASCII. One pass; where it says true, read_strict() would have said
 * the same, and where it says false nothing is decided.
 */
static bool
read_plain(struct mailbox *m, const uint8_t *arg, const uint8_t *end)
{
	struct mailbox_reading *r = &m->readings[0];
	const uint8_t *at, *p;

	if (arg == end || *arg != '<')
		return false;
	at = plain_local(arg + 1, end);
	if (at == NULL || at == end || *at != '@')
		return false;
	p = plain_domain(at + 1, end, r);
	if (p == NULL || p == end || *p != '>')
		return false;
	if (p + 1 < end && ((p[1] != ' ' && p[1] != '\t') || !are_params(p + 1, end)))
		return false;
	m->flags = MAILBOX_STRICT;
	m->nb_readings = 1;
	r->local = arg + 1;
	r->local_len = (uint32_t)(at - (arg + 1));
	mailbox_set_spans(m, arg + 1, p, p + 1, end);
	return true;
}

/* What can be said only when all readings are there. A bare local part becomes a reading without a domain. */
static void
finish(struct mailbox *m)
{
	if (m->nb_readings > 1) {
		m->flags |= MAILBOX_AMBIGUOUS;
	} else if (m->nb_readings == 0 && (m->flags & MAILBOX_NULL) == 0) {
		m->flags |= MAILBOX_NO_DOMAIN;
		if (m->address_len > 0) {
			m->nb_readings = 1;
			m->readings[0].local = m->address;
			m->readings[0].local_len = m->address_len;
			m->readings[0].domain_len = 0;
			m->readings[0].domain[0] = '\0';
		}
	}
}

static void
init(struct mailbox *m, const uint8_t *p)
{
	m->flags = 0;
	m->nb_readings = 0;
	m->address = m->params = p;
	m->address_len = m->params_len = 0;
}

void
mailbox_read(const uint8_t *arg, size_t len, bool is_cut, struct mailbox *ret)
{
	const uint8_t *p, *end;

	if (len == 0)
		arg = (const uint8_t *)""; /* may be NULL */
	p = arg;
	end = arg + len;
	init(ret, arg);
	if (!is_cut && read_plain(ret, arg, end))
		return;
	while (p < end && mailbox_is(*p, MAILBOX_C_BLANK))
		p++;
	if (read_strict(ret, p, end, is_cut)) {
		/* Right but for blanks after the colon: the one reading it has, only not to the letter. */
		if (p != arg)
			ret->flags &= ~(uint32_t)MAILBOX_STRICT;
	} else {
		init(ret, p);
		mailbox_read_lenient(ret, p, end, is_cut, false);
		ret->flags |= octet_flags(ret->address, ret->address + ret->address_len);
	}
	finish(ret);
}

static void
read_part(const uint8_t *part, size_t len, bool is_cut, struct mailbox *ret)
{
	if (len == 0)
		part = (const uint8_t *)"";
	init(ret, part);
	mailbox_read_lenient(ret, part, part + len, is_cut, true);
	ret->flags |= octet_flags(ret->address, ret->address + ret->address_len);
	finish(ret);
}

void
mailbox_read_tail(const uint8_t *tail, size_t len, struct mailbox *ret)
{
	read_part(tail, len, false, ret);
}

void
mailbox_read_middle(const uint8_t *piece, size_t len, struct mailbox *ret)
{
	read_part(piece, len, true, ret);
}
