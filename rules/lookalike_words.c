/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

enum {
	WORD_LABELS = 5, /* labels from the end in which added words are looked for, the last one
			    included */
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
		if ((i > 0 && text[i - 1] != '.') || !typo_index_maybe(&l->index, TYPO_FEW, sums.whole[i]))
			continue;
		cursor = 0;
		while ((v = typo_index_next(&l->index, sums.whole[i], &cursor)) >= 0)
			if (is_text(s, &name_at(s, v)->name, text + i, len - i))
				lookalike_offer(s, name_at(s, v), technique, label_len, i);
	}
}

/* A label without a word that was added: octets [a, b) of the label [from, to). */
struct stripped {
	size_t from, to, a, b;
	uint32_t list; /* the word's; 0: everybody's */
	unsigned int labels; /* from the label on */
};

/* Is the name the domain from octet @start on, the label stripped? */
static bool
is_stripped(const struct lookalike_search *s, const struct stripped *w, size_t start,
	    const struct image_name *n)
{
	const char *name = text_of(s, &n->name);
	size_t front = w->from - start, rest = w->b - w->a, tail = s->len - w->to;

	return n->name.len == front + rest + tail && memcmp(name, s->domain + start, front) == 0 &&
	       memcmp(name + front, s->domain + w->a, rest) == 0 &&
	       memcmp(name + front + rest, s->domain + w->to, tail) == 0;
}

static void
ask_stripped(struct lookalike_search *s, const struct stripped *w, size_t start, uint64_t hash)
{
	size_t cursor = 0;
	int64_t v;

	if (!typo_index_maybe(&s->l->index, TYPO_FEW, hash))
		return;
	while ((v = typo_index_next(&s->l->index, hash, &cursor)) >= 0) {
		const struct image_name *n = name_at(s, v);

		if (is_stripped(s, w, start, n) &&
		    (w->list == 0 || s->l->profiles[n->profile - 1].words == w->list))
			lookalike_offer(s, n, TECHNIQUE_SET(ADDED_WORD), w->b - w->a, start);
	}
}

/* Names that begin at the stripped label or before it. */
static void
search_stripped(struct lookalike_search *s, const struct stripped *w, const struct typo_sums *sums)
{
	const struct lookalike *l = s->l;
	const struct typo_index *x = &l->index;
	size_t place = s->len - w->to, rest = w->b - w->a, i;
	uint64_t h = sums->whole[w->to];
	unsigned int labels = w->labels;

	if (place + rest > l->max_len)
		return;
	if (w->b == w->to) { /* the word stood in front: what is left did not move */
		h = sums->whole[w->a];
		place += rest;
	} else {
		for (i = w->b; i-- > w->a; place++)
			h += x->numbers[place][x->classes[(uint8_t)s->domain[i]]];
	}
	ask_stripped(s, w, w->from, h);
	for (i = w->from; i-- > 0 && labels <= l->max_labels && place < l->max_len; place++) {
		labels += s->domain[i] == '.';
		h += x->numbers[place][x->classes[(uint8_t)s->domain[i]]];
		if (i == 0 || s->domain[i - 1] == '.')
			ask_stripped(s, w, i, h);
	}
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
	if (lookalike_may_end(s->l, text, len))
		search_exact(s, text, len, (size_t)(from - s->domain), TECHNIQUE_SET(MISSING_DOT),
			     (size_t)(hyphen - from));
}

void
lookalike_search_words(struct lookalike_search *s, const struct typo_sums *sums, size_t first)
{
	struct added_words_rest rests[ADDED_WORDS_FOUND_MAX];
	const struct lookalike *l = s->l;
	struct stripped w;
	size_t nb, i, k;

	/* Not the last label. */
	for (k = 1; k < s->nb_labels && k < WORD_LABELS && k < l->max_labels; k++) {
		w.from = s->labels[k];
		w.to = s->labels[k - 1] - 1u;
		if (w.to <= first)
			return;
		w.labels = (unsigned int)k + 1;
		nb = added_words_find(&l->words, s->domain + w.from, w.to - w.from, rests);
		for (i = 0; i < nb; i++) {
			w.a = w.from + rests[i].from;
			w.b = w.from + rests[i].to;
			w.list = rests[i].list;
			search_stripped(s, &w, sums);
		}
	}
}
