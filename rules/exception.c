/* SPDX-License-Identifier: BSD-3-Clause */
#include "exception.h"

#include <stdlib.h>
#include <string.h>

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Is @text, lowered, the lower-case string @want? */
static bool
same(const char *want, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (want[i] == '\0' || want[i] != lower(text[i]))
			return false;
	return want[len] == '\0';
}

/* strcmp() of lower-case @want and @text lowered. */
static int
compare_text(const char *want, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char a = (unsigned char)want[i], b = (unsigned char)lower(text[i]);

		if (a == '\0') /* ended, even if the text goes on with a NUL */
			return -1;
		if (a != b)
			return a < b ? -1 : 1;
	}
	return want[len] != '\0';
}

static int
compare(const void *pa, const void *pb)
{
	const struct exception *a = pa, *b = pb;
	int c = strcmp(a->domain, b->domain);

	if (c == 0)
		c = (a->kind > b->kind) - (a->kind < b->kind);
	return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

void
exceptions_sort(struct exception *list, size_t nb)
{
	if (nb > 1)
		qsort(list, nb, sizeof(*list), compare);
}

static size_t
cut_dots(const char *domain, size_t len)
{
	while (len > 0 && domain[len - 1] == '.')
		len--;
	return len;
}

static bool
sender_matches(const struct exception *e, const char *sender, size_t len)
{
	const char *at = len > 0 ? memrchr(sender, '@', len) : NULL, *domain;
	const struct exception_sender *s;
	size_t local_len, domain_len, below;

	if (e->senders == NULL)
		return true;
	if (at == NULL)
		return false;
	local_len = (size_t)(at - sender);
	domain = at + 1;
	domain_len = cut_dots(domain, len - local_len - 1);
	for (s = e->senders; s != NULL; s = s->next) {
		if (s->kind == SENDER_BELOW) {
			below = strlen(s->domain);
			if (domain_len > below + 1 && domain[domain_len - below - 1] == '.' &&
			    same(s->domain, domain + domain_len - below, below))
				return true;
		} else if (same(s->domain, domain, domain_len) &&
			   (s->kind == SENDER_DOMAIN || same(s->local, sender, local_len))) {
			return true;
		}
	}
	return false;
}

/* First exception of that domain, or @nb. */
static size_t
lower_bound(const struct exception *list, size_t nb, const char *domain, size_t len)
{
	size_t first = 0, last = nb, middle;

	while (first < last) {
		middle = first + (last - first) / 2;
		if (compare_text(list[middle].domain, domain, len) < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

const struct exception *
exception_find(const struct exception *list, size_t nb, const struct ruleset_query *q)
{
	const char *domain = q->domain;
	size_t len = cut_dots(domain, q->domain_len), i;
	bool is_whole = true;
	const char *dot;

	while (nb > 0 && len > 0) {
		for (i = lower_bound(list, nb, domain, len);
		     i < nb && same(list[i].domain, domain, len); i++) {
			const struct exception *e = &list[i];

			if (!is_whole && e->kind != EXCEPTION_SUBTREE)
				continue;
			if (e->kind == EXCEPTION_ADDRESS && !same(e->local, q->local, q->local_len))
				continue;
			if (q->ts_ns >= e->from_ns && q->ts_ns < e->until_ns &&
			    sender_matches(e, q->sender, q->sender_len))
				return e;
		}
		dot = memchr(domain, '.', len);
		if (dot == NULL)
			break;
		len -= (size_t)(dot + 1 - domain);
		domain = dot + 1;
		is_whole = false;
	}
	return NULL;
}
