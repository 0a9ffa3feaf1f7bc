/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

#include "added_words.h"

enum {
	WORD_LABELS =
		4, /* labels from the end in which added words are looked for, without the last */
};

/* A text made from the domain: names it ends in, from @last or before on. */
static void
search_exact(struct lookalike_search *s, const char *text, size_t len, size_t last,
	     uint64_t technique, size_t label_len)
{
	const struct lookalike *l = s->l;
	size_t first = len > l->max_len ? len - l->max_len : 0, i, cursor;
	struct typo_sums sums;
	int64_t v;

	typo_sums(&l->index, text, first, len, false, &sums);
	for (i = last + 1; i-- > first;) {
		if ((i > 0 && text[i - 1] != '.') || !typo_index_maybe(&l->index, sums.whole[i]))
			continue;
		cursor = 0;
		while ((v = typo_index_next(&l->index, sums.whole[i], &cursor)) >= 0)
			if (is_text(s, &l->names[v].name, text + i, len - i))
				lookalike_offer(s, &l->names[v], technique, label_len, i);
	}
}

/* The domain with octets [a, b) only of the label [from, to). */
static void
search_without_word(struct lookalike_search *s, size_t from, size_t to, size_t a, size_t b)
{
	size_t len = from + (b - a) + (s->len - to);
	char text[MATCHER_DOMAIN_MAX];

	memcpy(text, s->domain, from);
	memcpy(text + from, s->domain + a, b - a);
	memcpy(text + from + (b - a), s->domain + to, s->len - to);
	search_exact(s, text, len, from, TECHNIQUE_SET(ADDED_WORD), b - a);
}

/* army-mil.com: the last hyphen before the last label stands for a dot. */
void
lookalike_search_hyphen(struct lookalike_search *s)
{
	const char *dot = memrchr(s->domain, '.', s->len), *hyphen, *from;
	char text[MATCHER_DOMAIN_MAX];
	size_t len;

	if (dot == NULL)
		return;
	len = (size_t)(dot - s->domain);
	hyphen = memrchr(s->domain, '-', len);
	from = memrchr(s->domain, '.', len);
	from = from != NULL ? from + 1 : s->domain;
	if (hyphen == NULL || hyphen <= from)
		return;
	memcpy(text, s->domain, len);
	text[hyphen - s->domain] = '.';
	search_exact(s, text, len, (size_t)(from - s->domain), TECHNIQUE_SET(MISSING_DOT),
		     (size_t)(hyphen - from));
}

void
lookalike_search_words(struct lookalike_search *s)
{
	struct added_words_rest rests[ADDED_WORDS_FOUND_MAX];
	size_t to, from, labels = 0, nb, i;

	for (to = s->len; to > 0 && labels <= WORD_LABELS; to = from > 0 ? from - 1 : 0, labels++) {
		for (from = to; from > 0 && s->domain[from - 1] != '.';)
			from--;
		if (labels == 0) /* the last label */
			continue;
		nb = added_words_find(s->domain + from, to - from, rests);
		for (i = 0; i < nb; i++)
			search_without_word(s, from, to, from + rests[i].from, from + rests[i].to);
	}
}
