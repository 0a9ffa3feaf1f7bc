/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

enum {
	SUFFIX_LABELS = 3, /* labels of a mistyped suffix: co.uk.com */
	SUFFIXES_MAX = 8,  /* readings of one mistyped suffix */
	WWW_LEN = 3,
};

/* How @typed can stand for the suffix @meant: a technique, or none. */
static uint64_t
suffix_technique(const struct lookalike_search *s, const char *typed, size_t typed_len,
		 const char *meant, size_t meant_len)
{
	uint64_t h = typo_hash(&s->l->index, TYPO_TAG_SUFFIX, typed, typed_len);
	size_t cursor = 0;
	int64_t v;

	while ((v = typo_index_next(&s->l->index, h, &cursor)) >= 0) {
		const struct image_suffix *x = &s->l->suffixes[v];

		if (is_text(s, &x->typed, typed, typed_len) &&
		    is_text(s, &x->meant, meant, meant_len))
			return x->kind == IMAGE_SUFFIX_TLD ? TECHNIQUE_SET(TLD)
							   : TECHNIQUE_SET(SUFFIX_COUNTRY);
	}
	return 0;
}

/*
 * Is @typed the name without one of its labels, none of the suffix? Without the first one it is the parent: then only
 * when that @is_whole domain, because what else stands below the parent need not have to do with the name.
 */
static bool
lacks_level(const char *typed, size_t typed_len, const char *name, size_t name_len, size_t head,
	    bool is_whole)
{
	const char *from = memchr(name, '.', head), *to;
	size_t before;

	if (from != NULL && is_whole && typed_len == name_len - (size_t)(from + 1 - name) &&
	    memcmp(typed, from + 1, typed_len) == 0)
		return true;
	for (; from != NULL; from = to) {
		to = memchr(from + 1, '.', (size_t)(name + head + 1 - from - 1));
		if (to == NULL)
			return false;
		before = (size_t)(from - name);
		if (typed_len == name_len - (size_t)(to - from) &&
		    memcmp(typed, name, before) == 0 &&
		    memcmp(typed + before, to, typed_len - before) == 0)
			return true;
	}
	return false;
}

/* A text that may lie within one edit of a name, verified. */
struct near {
	const char *text; /* the domain, or a rewritten one with the same front */
	size_t len;
	const struct image_suffix *rewritten; /* how its suffix was put right, or NULL */
};

static void
take_near(struct lookalike_search *s, const struct near *t, size_t start,
	  const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = t->text + start;
	size_t len = t->len - start, head = head_len(n);
	struct domain_edit e = domain_edit(typed, len, name, n->name.len);
	struct edit_class class;
	uint64_t techniques;

	if (t->rewritten != NULL &&
	    !is_text(s, &t->rewritten->meant, name + head + 1, n->suffix_len))
		return;
	if (e.kind == DOMAIN_EDIT_NONE) {
		if (t->rewritten == NULL)
			lookalike_offer_same(s, n, start);
		else
			lookalike_offer(s, n,
					t->rewritten->kind == IMAGE_SUFFIX_TLD
						? TECHNIQUE_SET(TLD)
						: TECHNIQUE_SET(SUFFIX_COUNTRY),
					name_characters(name, head), start);
		return;
	}
	if (e.kind == DOMAIN_EDIT_FAR) {
		if (t->rewritten == NULL && lacks_level(typed, len, name, n->name.len, head, start == 0))
			lookalike_offer(s, n, TECHNIQUE_SET(MISSING_LEVEL),
					name_characters(name, head), start);
		return;
	}
	class = edit_classify(typed, len, name, n->name.len, head, &e);
	techniques = class.techniques;
	if (e.kind == DOMAIN_EDIT_SUBSTITUTE && lookalike_looks_alike(s, n, start + e.pos, e.pos))
		techniques |= TECHNIQUE_SET(HOMOGLYPH);
	if (t->rewritten != NULL) {
		techniques = class.in_suffix ? 0 : TECHNIQUE_SET(SLIP_AND_TLD);
	} else if (class.in_suffix) {
		techniques = suffix_technique(s, typed + head + 1, len - head - 1, name + head + 1,
					      n->suffix_len);
		if (techniques == 0)
			techniques = TECHNIQUE_SET(TLD_SWAP);
	}
	lookalike_offer(s, n, techniques, class.label_len, start);
}

static void
ask_near(struct lookalike_search *s, const struct near *t, size_t start, uint64_t hash)
{
	size_t cursor = 0;
	int64_t v;

	if (!typo_index_maybe(&s->l->index, hash))
		return;
	while ((v = typo_index_next(&s->l->index, hash, &cursor)) >= 0)
		take_near(s, t, start, name_at(s, v));
}

/* wwwarmy.mil: www.army.mil without its first dot. */
static void
ask_www(struct lookalike_search *s, const struct near *t, size_t start, uint64_t hash)
{
	size_t cursor = 0;
	int64_t v;

	if (memcmp(t->text + start, "www", WWW_LEN) != 0 || !typo_index_maybe(&s->l->index, hash))
		return;
	while ((v = typo_index_next(&s->l->index, hash, &cursor)) >= 0) {
		const struct image_name *n = name_at(s, v);

		if (is_text(s, &n->name, t->text + start + WWW_LEN, t->len - start - WWW_LEN))
			lookalike_offer(s, n, TECHNIQUE_SET(MISSING_DOT),
					name_characters(text_of(s, &n->name), head_len(n)),
					start + WWW_LEN);
	}
}

size_t
lookalike_first_octet(const struct lookalike *l, size_t len)
{
	size_t most = (size_t)l->max_len + 1 + WWW_LEN;

	return len > most ? len - most : 0;
}

static void
search_near(struct lookalike_search *s, const struct near *t, const struct typo_sums *sums,
	    size_t from)
{
	const struct lookalike *l = s->l;
	unsigned int labels = 1;
	size_t i, gone, longest;

	for (i = t->len; i-- > from && labels <= l->max_labels + 1;) {
		labels += t->text[i] == '.';
		if (i > 0 && t->text[i - 1] != '.')
			continue;
		longest = lookalike_near_longest(l, labels);
		if (longest == 0)
			continue;
		if (t->len - i <= longest + 1) {
			ask_near(s, t, i, sums->whole[i]);
			for (gone = typo_index_half(&l->index, sums, i, t->len) ? i : t->len;
			     gone < t->len; gone++)
				ask_near(s, t, i, typo_sums_without(sums, i, gone));
		}
		if (t->len - i > WWW_LEN)
			ask_www(s, t, i, sums->whole[i + WWW_LEN]);
	}
}

/* The suffix put right in the way @x says. */
static void
search_rewritten(struct lookalike_search *s, const struct image_suffix *x)
{
	size_t before = s->len - x->typed.len, from;
	char text[MATCHER_DOMAIN_MAX];
	struct near t = {text, before + x->meant.len, x};
	struct typo_sums sums;

	if (t.len > sizeof(text))
		return;
	memcpy(text, s->domain, before);
	memcpy(text + before, text_of(s, &x->meant), x->meant.len);
	from = lookalike_first_octet(s->l, t.len);
	typo_sums(&s->l->index, text, from, t.len, true, &sums);
	search_near(s, &t, &sums, from);
}

void
lookalike_search_suffixes(struct lookalike_search *s, const struct typo_sums *sums, size_t from)
{
	const struct lookalike *l = s->l;
	unsigned int labels = 0, readings = 0;
	size_t i, cursor;
	uint64_t h;
	int64_t v;

	for (i = s->len; i > from + 1 && labels < SUFFIX_LABELS; i--) {
		if (s->domain[i - 1] != '.')
			continue;
		labels++;
		h = sums->whole[i] + l->index.tags[TYPO_TAG_SUFFIX];
		cursor = 0;
		if (!typo_index_maybe(&l->index, h))
			continue;
		while (readings < SUFFIXES_MAX &&
		       (v = typo_index_next(&l->index, h, &cursor)) >= 0) {
			const struct image_suffix *x = &l->suffixes[v];

			if (x->kind == IMAGE_SUFFIX_REAL ||
			    !is_text(s, &x->typed, s->domain + i, s->len - i))
				continue;
			readings++;
			search_rewritten(s, x);
		}
	}
}

void
lookalike_search_near(struct lookalike_search *s, const struct typo_sums *sums, size_t from)
{
	struct near t = {s->domain, s->len, NULL};

	search_near(s, &t, sums, from);
}
