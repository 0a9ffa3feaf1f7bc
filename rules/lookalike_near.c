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

/* The last @nb labels of the domain as it was asked about. */
static const char *
asked_labels(const struct lookalike_search *s, size_t nb, size_t *ret_len)
{
	const char *domain = s->q->domain, *dot;
	size_t len = s->q->len;

	for (; nb > 0 && (dot = memrchr(domain, '.', len)) != NULL; nb--)
		len = (size_t)(dot - domain);
	len = nb > 0 ? 0 : len + 1;
	*ret_len = s->q->len - len;
	return domain + len;
}

/* The same for an edit in the suffix of @n, typed as text[0..len): the table has A-labels, and a text of letters none. */
static uint64_t
suffix_technique_of(const struct lookalike_search *s, const struct image_name *n, const char *text, size_t len)
{
	const struct image_name *real = lookalike_real(s->l, n);
	size_t nb = 1, i;

	if (s->idn == NULL || s->form != IDN_LETTERS || (n->flags & LOOKALIKE_ALIAS_LETTERS) == 0)
		return suffix_technique(s, text, len, text_of(s, &n->name) + head_len(n) + 1, n->suffix_len);
	for (i = 0; i < len; i++)
		nb += text[i] == '.';
	text = asked_labels(s, nb, &len);
	return suffix_technique(s, text, len, text_of(s, &real->name) + head_len(real) + 1, real->suffix_len);
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

static bool
has_suffix(const struct lookalike_search *s, const struct image_name *n, const struct image_string *suffix)
{
	n = lookalike_real(s->l, n);
	return is_text(s, suffix, text_of(s, &n->name) + head_len(n) + 1, n->suffix_len);
}

static void
take_near(struct lookalike_search *s, const struct near *t, size_t start,
	  const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = t->text + start;
	size_t len = t->len - start, head = head_len(n);
	struct domain_edit e = domain_edit(typed, len, name, n->name.len);
	struct edit_class class;
	uint64_t techniques;

	if (t->rewritten != NULL && !has_suffix(s, n, &t->rewritten->meant))
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
		techniques = suffix_technique_of(s, n, typed + head + 1, len - head - 1);
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

	if (!typo_index_maybe(&s->l->index, TYPO_MANY, hash))
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

	if (memcmp(t->text + start, "www", WWW_LEN) != 0 || !typo_index_maybe(&s->l->index, TYPO_FEW, hash))
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

/* A slip of a name that is text[start..), of @labels labels. */
static void
ask_start(struct lookalike_search *s, const struct near *t, const struct typo_sums *sums, size_t start,
	  unsigned int labels)
{
	const struct lookalike *l = s->l;
	size_t longest = lookalike_near_longest(l, labels), gone, to;

	if (longest == 0)
		return;
	if (t->len - start <= longest + 1) {
		ask_near(s, t, start, sums->whole[start]);
		if (!typo_index_halves(&l->index, sums, start, t->len, &gone, &to))
			gone = to;
		for (; gone < to; gone++)
			ask_near(s, t, start, typo_sums_without(sums, start, gone));
	}
	if (t->len - start > WWW_LEN)
		ask_www(s, t, start, sums->whole[start + WWW_LEN]);
}

/* The last of the labels in front of that with number @at at which a name may begin that has @nb labels more; @at: none. */
static size_t
furthest_start(const struct lookalike_search *s, size_t at, size_t nb, size_t len)
{
	const struct lookalike *l = s->l;
	size_t last = at, k;

	for (k = at + 1; k < s->nb_labels && k - at + nb <= l->max_labels + 1u; k++) {
		size_t longest = lookalike_near_longest(l, (unsigned int)(k - at + nb));

		if (longest > 0 && len - s->labels[k] <= longest + 1 + WWW_LEN)
			last = k;
	}
	return last;
}

/* The suffix, from label number @at on, put right as meant[0..meant_len), in the way @x says. */
static void
search_rewritten(struct lookalike_search *s, const struct image_suffix *x, size_t at, const char *meant, size_t meant_len)
{
	size_t before = s->labels[at], nb = 1, from, last, i, k;
	char text[MATCHER_DOMAIN_MAX];
	struct near t = {text, before + meant_len, x};
	struct typo_sums sums;

	if (t.len > sizeof(text))
		return;
	for (i = 0; i < meant_len; i++)
		nb += meant[i] == '.';
	last = furthest_start(s, at, nb, t.len);
	if (last == at)
		return;
	from = s->labels[last];
	memcpy(text + from, s->domain + from, before - from);
	memcpy(text + before, meant, meant_len);
	typo_sums(&s->l->index, text, from, t.len, true, &sums);
	for (k = at + 1; k <= last; k++)
		ask_start(s, &t, &sums, s->labels[k], (unsigned int)(k - at + nb));
}

/* A text of letters whose last labels are a mistyped suffix of other letters, почат.рв: the table has it as A-labels. */
static void
search_letters(struct lookalike_search *s)
{
	const struct typo_index *x = &s->l->index;
	unsigned int readings = 0;
	struct idn_text meant;
	const char *typed;
	size_t k, len, cursor;
	uint64_t h;
	int64_t v;

	s->is_suffix_apart = true;
	for (k = 0; k + 1 < s->nb_labels && k < SUFFIX_LABELS; k++) {
		typed = asked_labels(s, k + 1, &len);
		h = typo_hash(x, TYPO_TAG_SUFFIX, typed, len);
		cursor = 0;
		if (!typo_index_maybe(x, TYPO_FEW, h) || !idn_is(typed, len))
			continue;
		s->end = s->labels[k] - 1u;
		while (readings < SUFFIXES_MAX && (v = typo_index_next(x, h, &cursor)) >= 0) {
			const struct image_suffix *suffix = &s->l->suffixes[v];

			if (suffix->kind == IMAGE_SUFFIX_REAL || !is_text(s, &suffix->typed, typed, len) ||
			    !idn_read(text_of(s, &suffix->meant), suffix->meant.len, IDN_LETTERS, IDN_LABELS_ALL, &meant))
				continue;
			readings++;
			search_rewritten(s, suffix, k, meant.text, meant.len);
		}
	}
	s->end = s->len;
	s->is_suffix_apart = false;
}

void
lookalike_search_suffixes(struct lookalike_search *s, const struct typo_sums *sums, size_t from)
{
	const struct lookalike *l = s->l;
	unsigned int readings = 0;
	size_t i, k, cursor;
	uint64_t h;
	int64_t v;

	for (k = 0; k < s->nb_labels && k < SUFFIX_LABELS; k++) {
		i = s->labels[k];
		if (i <= from + 1)
			break;
		h = sums->whole[i] + l->index.tags[TYPO_TAG_SUFFIX];
		cursor = 0;
		if (!typo_index_maybe(&l->index, TYPO_FEW, h))
			continue;
		while (readings < SUFFIXES_MAX &&
		       (v = typo_index_next(&l->index, h, &cursor)) >= 0) {
			const struct image_suffix *x = &l->suffixes[v];

			if (x->kind == IMAGE_SUFFIX_REAL ||
			    !is_text(s, &x->typed, s->domain + i, s->len - i))
				continue;
			readings++;
			search_rewritten(s, x, k, text_of(s, &x->meant), x->meant.len);
		}
	}
	if (s->idn != NULL && s->form == IDN_LETTERS)
		search_letters(s);
}

void
lookalike_search_near(struct lookalike_search *s, const struct typo_sums *sums, size_t from)
{
	struct near t = {s->domain, s->len, NULL};
	size_t k;

	for (k = 0; k < s->nb_labels && k <= s->l->max_labels; k++)
		if (s->labels[k] >= from && s->labels[k] < s->len)
			ask_start(s, &t, sums, s->labels[k], (unsigned int)k + 1);
}
