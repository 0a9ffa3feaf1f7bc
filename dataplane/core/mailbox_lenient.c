/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox_lenient - the readings of an argument that is no RFC 5321 path
 *
 * What:      no two servers repair a broken address alike, so the argument is not repaired but read in every way that
 *            at least one kind of server does; each reading is cheap, and only its domain matters:
 *              - the text between brackets, or without them what stands before the first parameter;
 *              - the last @ outside quotes and comments (most servers), and the first (some);
 *              - every other @, for servers which know no quotes or comments;
 *              - after each @: the octets up to a blank or a delimiter (C string handling), and all octets with blanks,
 *                control characters, comments, quotes and backslashes taken out (RFC 822 tokenisers);
 *              - the hosts of `%` and `!` relaying; a name in a domain literal as a name.
 * Cost:      the argument is walked a fixed number of times; the pieces between two @ are each walked once or twice.
 */
#include "mailbox_private.h"

#include <string.h>
#include <strings.h>

enum tok {
	TOK_END,
	TOK_CHAR,  /* an octet with its meaning */
	TOK_TEXT,  /* an octet that was quoted or escaped: never a delimiter */
	TOK_BLANK, /* blank, control character or a whole comment */
};

struct lex {
	const uint8_t *p, *end;
	bool quotes, comments; /* off when unbalanced in the argument: then they are octets to be dropped */
	bool in_quote, open_comment;
	uint8_t c;
};

/* The argument as a whole, see walk(). */
struct arg {
	const uint8_t *p, *end;
	bool is_cut, is_tail;
	bool quotes, comments;
	const uint8_t *start, *stop; /* text that holds the address: of a bracket group, or what stands outside */
	const uint8_t *at_first, *at_last; /* outside quotes and comments, NULL: none */
	const uint8_t *address_end;
	const uint8_t *params; /* NULL: none found */
	bool bracketed;
};

/* @l->p is on the opening parenthesis. */
static void
skip_comment(struct lex *l)
{
	size_t depth = 0;

	do {
		if (*l->p == '\\' && l->p + 1 < l->end)
			l->p++;
		else if (*l->p == '(')
			depth++;
		else if (*l->p == ')')
			depth--;
		l->p++;
	} while (depth > 0 && l->p < l->end);
	l->open_comment = depth > 0;
}

static enum tok
lex_next(struct lex *l)
{
	while (l->p < l->end) {
		l->c = *l->p;
		if (l->c == '\\' && l->p + 1 < l->end) {
			l->c = l->p[1];
			l->p += 2;
			return TOK_TEXT;
		}
		if (l->c == '(' && l->comments && !l->in_quote) {
			skip_comment(l);
			return TOK_BLANK;
		}
		l->p++;
		if (l->c == '"' && l->quotes)
			l->in_quote = !l->in_quote;
		else if (l->in_quote)
			return TOK_TEXT;
		else if (mailbox_is(l->c, MAILBOX_C_BLANK) || l->c == '\\')
			return TOK_BLANK;
		else
			return TOK_CHAR;
	}
	return TOK_END;
}

static struct lex
lex_begin(const struct arg *a, const uint8_t *p, const uint8_t *end)
{
	return (struct lex){ .p = p, .end = end, .quotes = a->quotes, .comments = a->comments };
}

/* Quotes and comments that never end are no quotes and comments. At most three walks. */
static void
find_balance(struct arg *a)
{
	a->quotes = a->comments = true;
	for (;;) {
		struct lex l = lex_begin(a, a->p, a->end);

		while (lex_next(&l) != TOK_END)
			;
		if (l.in_quote)
			a->quotes = false;
		else if (l.open_comment)
			a->comments = false;
		else
			return;
	}
}

/* Does an esmtp-param (RFC 5321 §4.1.2) begin at @p? Without a value only those that exist. */
static bool
is_param(const uint8_t *p, const uint8_t *end)
{
	static const char *const bare[] = { "SMTPUTF8", "REQUIRETLS", "CONPERM" };
	const uint8_t *q = p;
	unsigned int i;

	while (q < end && *q < 0x80 && (mailbox_is(*q, MAILBOX_C_LETDIG) || (*q == '-' && q > p)))
		q++;
	if (q == p)
		return false;
	if (q < end && *q == '=')
		return true;
	if (q < end && !mailbox_is(*q, MAILBOX_C_BLANK))
		return false;
	for (i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
		if ((size_t)(q - p) == strlen(bare[i]) && strncasecmp((const char *)p, bare[i], (size_t)(q - p)) == 0)
			return true;
	return false;
}

struct group {
	const uint8_t *start, *stop, *at_first, *at_last;
};

static void
group_at(struct group *g, const uint8_t *at)
{
	if (g->at_first == NULL)
		g->at_first = at;
	g->at_last = at;
}

/*
 * Find the bracket group with the address, the parameters, and the @ that count. The first group with an @ is taken
 * (`Gen <X> <x@army.ml>`), else the first; without one, what stands outside. A bracket that is never closed opens
 * nothing but marks the beginning of the address.
 */
static void
walk(struct arg *a)
{
	const uint8_t *last_gt = memrchr(a->p, '>', (size_t)(a->end - a->p)), *word_end = NULL;
	struct group out = { .start = a->p }, in = { 0 }, best = { 0 };
	struct lex l = lex_begin(a, a->p, a->end);
	bool inside = false, any = false, boundary = false;
	enum tok tok;

	for (;;) {
		const uint8_t *pos = l.p;

		if (boundary && !inside && any && is_param(pos, a->end)) {
			a->params = pos;
			break;
		}
		tok = lex_next(&l);
		if (tok == TOK_END)
			break;
		boundary = tok == TOK_BLANK || (tok == TOK_CHAR && l.c == '>');
		if (tok == TOK_BLANK) {
			if (any && !inside && word_end == NULL)
				word_end = pos;
			continue;
		}
		any = true;
		if (tok != TOK_CHAR)
			continue;
		if (l.c == '@') {
			group_at(inside ? &in : &out, l.p - 1);
		} else if (l.c == '<' && last_gt != NULL && last_gt >= l.p) {
			if (!inside || in.at_last == NULL)
				in = (struct group){ .start = l.p };
			inside = true;
		} else if (l.c == '<' && !inside && out.at_first == NULL) {
			out.start = l.p;
			word_end = NULL;
			any = false;
		} else if (l.c == '>' && inside) {
			in.stop = l.p - 1;
			inside = false;
			if (best.start == NULL || (best.at_last == NULL && in.at_last != NULL))
				best = in;
		} else if (l.c == '>' && word_end == NULL && l.p - 1 > out.start) {
			word_end = l.p - 1;
		}
	}
	out.stop = a->params != NULL ? a->params : a->end;
	a->bracketed = best.start != NULL && (best.at_last != NULL || out.at_last == NULL);
	if (!a->bracketed)
		best = out;
	a->start = best.start;
	a->stop = best.stop;
	a->at_first = best.at_first;
	a->at_last = best.at_last;
	a->address_end = a->bracketed || word_end == NULL || word_end < a->start ? a->stop : word_end;
}

/*
 * The domain at the start of [@p, @end). @join: drop blanks and go on, else stop there. False when the domain reaches
 * an end that is none.
 */
static bool
read_domain(const struct arg *a, const uint8_t *p, const uint8_t *end, bool join, bool quotes, struct mailbox_domain *d)
{
	struct lex l = lex_begin(a, p, end);
	bool literal = false;
	enum tok tok;

	l.quotes = quotes;
	mailbox_domain_init(d);
	while ((tok = lex_next(&l)) != TOK_END) {
		bool empty = d->total == 0 && d->dots == 0;

		if (tok == TOK_BLANK || (tok == TOK_CHAR && strchr("()\"", l.c) != NULL)) {
			if (!join && !empty && !literal)
				return true;
			continue;
		}
		if (tok == TOK_TEXT && mailbox_is(l.c, MAILBOX_C_BLANK))
			continue;
		if (l.c == '<' && empty)
			continue;
		/* Quoted or not: no name has them, so that a server which lets them be one has no domain at all. */
		if (strchr("<>,;@", l.c) != NULL || (l.c == ':' && !literal))
			return true;
		if (tok == TOK_CHAR && l.c == '[')
			literal = true;
		else if (tok == TOK_CHAR && l.c == ']')
			literal = false;
		mailbox_domain_put(d, l.c);
	}
	return !a->is_cut || end != a->end;
}

static void
add_domain(struct mailbox *m, const uint8_t *local, size_t local_len, const struct mailbox_domain *d)
{
	struct mailbox_domain name;
	bool letters = false;
	size_t i;

	mailbox_add(m, local, local_len, d);
	/* `[army.ml]`: to some servers a name whose MX is not asked for. */
	if (d->total != d->len || d->len < 3 || d->text[0] != '[' || d->text[d->len - 1] != ']')
		return;
	mailbox_domain_init(&name);
	for (i = 1; i < d->len - 1; i++) {
		letters |= mailbox_is((uint8_t)d->text[i], MAILBOX_C_LETDIG) && (d->text[i] < '0' || d->text[i] > '9');
		if (d->text[i] == ':')
			return;
		mailbox_domain_put(&name, (uint8_t)d->text[i]);
	}
	if (letters)
		mailbox_add(m, local, local_len, &name);
}

/* Both readings of what follows @at, up to @end. */
static void
add_after(struct mailbox *m, const struct arg *a, const uint8_t *local, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *local_end = at;
	struct mailbox_domain d;

	while (local < local_end && mailbox_is(*local, MAILBOX_C_BLANK))
		local++;
	while (local < local_end && mailbox_is(local_end[-1], MAILBOX_C_BLANK))
		local_end--;
	if (read_domain(a, at + 1, end, false, a->quotes, &d))
		add_domain(m, local, (size_t)(local_end - local), &d);
	if (read_domain(a, at + 1, end, true, a->quotes, &d))
		add_domain(m, local, (size_t)(local_end - local), &d);
}

/* The local part before @at: after the colon of a source route, if there is one. */
static const uint8_t *
local_start(const uint8_t *start, const uint8_t *at)
{
	const uint8_t *colon;

	while (start < at && mailbox_is(*start, MAILBOX_C_BLANK))
		start++;
	if (start == at || *start != '@')
		return start;
	colon = memrchr(start, ':', (size_t)(at - start));
	return colon != NULL ? colon + 1 : start;
}

/* What a server sees which takes the @ at @at for the one that counts, whatever stands around it. */
static void
add_raw(struct mailbox *m, const struct arg *a, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *next = memchr(at + 1, '@', (size_t)(end - at - 1)), *local = at;
	struct mailbox_domain d;

	while (local > a->p && strchr("<>,;:@", local[-1]) == NULL)
		local--;
	while (local < at && mailbox_is(*local, MAILBOX_C_BLANK))
		local++;
	if (read_domain(a, at + 1, next != NULL ? next : end, false, false, &d))
		add_domain(m, local, (size_t)(at - local), &d);
}

static void
add_all_raw(struct mailbox *m, const struct arg *a, const uint8_t *end)
{
	const uint8_t *at = memrchr(a->p, '@', (size_t)(end - a->p));

	if (at == NULL)
		return;
	add_raw(m, a, at, end);
	at = memchr(a->p, '@', (size_t)(end - a->p));
	while (at != NULL && (m->flags & MAILBOX_MORE_READINGS) == 0) {
		add_raw(m, a, at, end);
		at = memchr(at + 1, '@', (size_t)(end - at - 1));
	}
}

static void
add_lenient_relays(struct mailbox *m, const struct arg *a, const uint8_t *p, const uint8_t *end)
{
	if (a->is_tail && p == a->p) { /* the first host may have lost its front */
		while (p < end && *p != '%' && *p != '!')
			p++;
		if (p < end && *p == '!')
			p++;
	}
	mailbox_add_relays(m, p, end);
}

void
mailbox_read_lenient(struct mailbox *m, const uint8_t *p, const uint8_t *end, bool is_cut, bool is_tail)
{
	struct arg a = { .p = p, .end = end, .is_cut = is_cut, .is_tail = is_tail };
	const uint8_t *text_end, *blank;

	find_balance(&a);
	walk(&a);
	if (a.params != NULL)
		mailbox_set_spans(m, a.start, a.address_end, a.params, end);
	else
		mailbox_set_spans(m, a.start, a.address_end, a.bracketed ? a.stop + 1 : end, end);
	while (m->params_len > 0 && *m->params == '>') { /* <<x@army.ml>> */
		m->params++;
		m->params_len--;
	}
	/* Between brackets all of it is the address as it was written; without, blanks only part it from the rest. */
	while (!a.bracketed && m->address_len > 0 && mailbox_is(*m->address, MAILBOX_C_BLANK)) {
		m->address++;
		m->address_len--;
	}
	while (!a.bracketed && m->address_len > 0 && mailbox_is(m->address[m->address_len - 1], MAILBOX_C_BLANK))
		m->address_len--;

	text_end = a.params != NULL ? a.params : end;
	if (a.at_last != NULL) {
		const uint8_t *local = local_start(a.start, a.at_last);

		add_after(m, &a, local, a.at_last, a.stop);
		if (a.at_first != a.at_last) {
			const uint8_t *next = memchr(a.at_first + 1, '@', (size_t)(a.stop - a.at_first - 1));

			add_after(m, &a, a.start, a.at_first, next != NULL ? next : a.stop);
		}
		add_lenient_relays(m, &a, local, a.at_last);
	}
	/* No @ before what looks like a parameter: then it may be none. */
	if (memchr(p, '@', (size_t)(text_end - p)) == NULL)
		text_end = end;
	add_all_raw(m, &a, text_end);
	if (memchr(p, '@', (size_t)(text_end - p)) != NULL)
		return;
	for (blank = a.start; blank < a.stop && mailbox_is(*blank, MAILBOX_C_BLANK); blank++)
		;
	if (a.bracketed && blank == a.stop)
		m->flags |= MAILBOX_NULL;
	if (!is_tail && !(is_cut && a.address_end == end))
		add_lenient_relays(m, &a, m->address, m->address + m->address_len);
}
