/* SPDX-License-Identifier: BSD-3-Clause */
#include "exception.h"

#include <stdlib.h>
#include <string.h>

#include "ascii_text.h"

/* strcmp() of lower-case @want and @text lowered. */
static int
compare_text(const char *want, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char a = (unsigned char)want[i], b = (unsigned char)ascii_lower(text[i]);

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

/* Is it for the recipient and the sender, whatever the moment? */
static bool
concerns(const struct exception *e, const struct ruleset_query *q, bool is_whole)
{
	if (!is_whole && e->kind != EXCEPTION_SUBTREE)
		return false;
	if (e->kind == EXCEPTION_ADDRESS && !ascii_same(e->local, q->local, q->local_len))
		return false;
	return senders_match(e->senders, q);
}

const struct exception *
exception_find(const struct exception *list, size_t nb, const struct ruleset_query *q,
	       const struct exception **ret_expired)
{
	const char *domain = q->domain;
	size_t len = cut_dots(domain, q->domain_len), i;
	bool is_whole = true;
	const char *dot;

	*ret_expired = NULL;
	while (nb > 0 && len > 0) {
		for (i = lower_bound(list, nb, domain, len);
		     i < nb && ascii_same(list[i].domain, domain, len); i++) {
			const struct exception *e = &list[i];

			if (q->ts_ns < e->from_ns || !concerns(e, q, is_whole))
				continue;
			if (q->ts_ns < e->until_ns)
				return e;
			if (*ret_expired == NULL)
				*ret_expired = e;
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
