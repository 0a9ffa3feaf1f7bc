/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

/* Is it a registry's own suffix below another one, such as mil.ph? */
static bool
is_real_suffix(const struct lookalike_search *s, const char *text, size_t len)
{
	uint64_t h = typo_hash(&s->l->index, TYPO_TAG_SUFFIX, text, len);
	size_t cursor = 0;
	int64_t v;

	while ((v = typo_index_next(&s->l->index, h, &cursor)) >= 0)
		if (s->l->suffixes[v].kind == IMAGE_SUFFIX_REAL &&
		    is_text(s, &s->l->suffixes[v].typed, text, len))
			return true;
	return false;
}

/* The name stands before the dot at @end: as it is, without its last dot, or its head alone. */
static void
take_before(struct lookalike_search *s, size_t start, size_t end, const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = s->domain + start,
		   *rest = s->domain + end + 1;
	size_t len = end - start, head = head_len(n), rest_len = s->len - end - 1;
	const char *suffix = name + head + 1;

	if (is_text(s, &n->name, typed, len)) {
		if (!is_real_suffix(s, typed + head + 1, s->len - start - head - 1))
			lookalike_offer(s, n, TECHNIQUE_SET(ADDED_WORD),
					name_characters(name, head), start);
	} else if (len + 1 == n->name.len && memcmp(typed, name, head) == 0 &&
		   memcmp(typed + head, suffix, n->suffix_len) == 0) {
		if ((rest_len == 3 && memcmp(rest, "com", 3) == 0) ||
		    (rest_len == n->suffix_len && memcmp(rest, suffix, rest_len) == 0))
			lookalike_offer(s, n, TECHNIQUE_SET(MISSING_DOT),
					name_characters(name, head), start);
	}
}

/* One label, or two of which the first is a usual second level. */
static bool
looks_like_suffix(const char *text, size_t len)
{
	static const char usual[] = " ac co com edu go gob gov gouv mil ne net or org ";
	const char *dot = memchr(text, '.', len);
	char word[8] = " ";
	size_t n;

	if (dot == NULL)
		return len > 0;
	n = (size_t)(dot - text);
	if (n == 0 || n > 4 || memchr(dot + 1, '.', len - n - 1) != NULL)
		return false;
	memcpy(word + 1, text, n);
	word[n + 1] = ' ';
	return strstr(usual, word) != NULL;
}

static void
ask_before(struct lookalike_search *s, size_t start, size_t end, uint64_t hash)
{
	const struct lookalike *l = s->l;
	const char *rest = s->domain + end + 1;
	size_t rest_len = s->len - end - 1, cursor = 0;
	int64_t v;

	if (typo_index_maybe(&l->index, TYPO_FEW, hash))
		while ((v = typo_index_next(&l->index, hash, &cursor)) >= 0)
			take_before(s, start, end, name_at(s, v));
	hash += l->index.tags[TYPO_TAG_HEAD];
	cursor = 0;
	if ((l->techniques & TECHNIQUE_SET(TLD_SWAP)) == 0 || !typo_index_maybe(&l->index, TYPO_FEW, hash))
		return;
	while ((v = typo_index_next(&l->index, hash, &cursor)) >= 0) {
		const struct image_name *n = name_at(s, v);

		if (head_len(n) == end - start &&
		    memcmp(text_of(s, &n->name), s->domain + start, end - start) == 0 &&
		    looks_like_suffix(rest, rest_len))
			lookalike_offer(s, n, TECHNIQUE_SET(TLD_SWAP),
					name_characters(s->domain + start, end - start), start);
	}
}

/* Names that end at @end, a dot. */
static void
search_end(struct lookalike_search *s, size_t end)
{
	const struct lookalike *l = s->l;
	size_t from = end > l->max_len ? end - l->max_len : 0, i;
	unsigned int place = 0, labels = 1;
	uint64_t h = 0;

	s->end = end;
	for (i = end; i-- > from && labels <= l->max_labels + 1; place++) {
		h += l->index.numbers[place][l->index.classes[(uint8_t)s->domain[i]]];
		labels += s->domain[i] == '.';
		if ((i == 0 || s->domain[i - 1] == '.') && end - i <= lookalike_near_longest(l, labels))
			ask_before(s, i, end, h);
	}
	s->end = s->len;
}

void
lookalike_search_before(struct lookalike_search *s)
{
	size_t k;

	for (k = 0; k < s->nb_labels && k < LOOKALIKE_ENDS_MAX; k++)
		if (s->labels[k] > 1 && lookalike_may_end(s->l, s->domain, s->labels[k] - 1u))
			search_end(s, s->labels[k] - 1u);
}
