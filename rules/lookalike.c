/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike.h"

#include <errno.h>
#include <string.h>

#include "added_words.h"
#include "edit_class.h"
#include "skeleton.h"

enum {
	ENDS_MAX = 6,	   /* dots from the end behind which a name may be continued */
	SUFFIX_LABELS = 3, /* labels of a mistyped suffix: co.uk.com */
	SUFFIXES_MAX = 8,  /* readings of one mistyped suffix */
	WORD_LABELS =
		4, /* labels from the end in which added words are looked for, without the last */
	WWW_LEN = 3,
};

/* From the most telling to the least. */
static const uint8_t telling[] = {
	RULE_TECHNIQUE_TLD,	      RULE_TECHNIQUE_SUFFIX_COUNTRY,   RULE_TECHNIQUE_DOUBLED_DOT,
	RULE_TECHNIQUE_MISSING_DOT,   RULE_TECHNIQUE_MISPLACED_DOT,    RULE_TECHNIQUE_HYPHENATION,
	RULE_TECHNIQUE_PLURAL,	      RULE_TECHNIQUE_DOUBLING,	       RULE_TECHNIQUE_TRANSPOSITION,
	RULE_TECHNIQUE_HOMOGLYPH,     RULE_TECHNIQUE_SUBSTITUTION_KEY, RULE_TECHNIQUE_VOWEL_SWAP,
	RULE_TECHNIQUE_BIT_FLIP,      RULE_TECHNIQUE_OMISSION,	       RULE_TECHNIQUE_INSERTION,
	RULE_TECHNIQUE_SUBSTITUTION,  RULE_TECHNIQUE_SLIP_AND_TLD,     RULE_TECHNIQUE_ADDED_WORD,
	RULE_TECHNIQUE_MISSING_LEVEL, RULE_TECHNIQUE_TLD_SWAP,
};

/* One domain being judged. */
struct search {
	const struct lookalike *l;
	const struct lookalike_query *q;
	const char *domain;
	size_t len;
	const struct image_name *except; /* or NULL */
	const struct image_name *best;
	unsigned int best_severity, best_rank;
	size_t best_before; /* octets of the domain that stand before the name */
	bool best_dot;	    /* a dot belongs between the two */
	bool is_below;	    /* the domain stands below a protected name: its owner's */
};

static const char *
text_of(const struct search *s, const struct image_string *string)
{
	return s->l->strings + string->offset;
}

static size_t
head_len(const struct image_name *n)
{
	return n->name.len - n->suffix_len - 1;
}

static bool
is_text(const struct search *s, const struct image_string *string, const char *text, size_t len)
{
	return string->len == len && memcmp(text_of(s, string), text, len) == 0;
}

/* Which of @techniques may find the name by the question's own limits: none when it is passed over. */
static uint64_t
limit(const struct search *s, const struct image_name *n, const struct image_profile *p,
      uint64_t techniques)
{
	static const uint64_t open = TECHNIQUE_SET(ADDED_WORD) | TECHNIQUE_SET(MISSING_LEVEL) |
				     TECHNIQUE_SET(TLD_SWAP);
	const struct lookalike_query *q = s->q;
	size_t zone = q->zone_len;

	if (n == s->except ||
	    (q->without != NULL && (q->without[p->rule / 64] >> p->rule % 64 & 1) != 0))
		return 0;
	if (zone == 0)
		return techniques;
	if (n->name.len < zone + 2 ||
	    memcmp(text_of(s, &n->name) + n->name.len - zone - 1, s->domain + s->len - zone - 1,
		   zone + 1) != 0)
		return 0;
	return techniques & ~open;
}

/* Keep the name if one of @techniques is looked for and better than what was found before. */
static void
offer(struct search *s, const struct image_name *n, uint64_t techniques, size_t label_len,
      size_t before)
{
	const struct image_profile *p = &s->l->profiles[n->profile - 1];
	unsigned int rank, t;

	techniques = limit(s, n, p, techniques & p->techniques);
	for (rank = 0; rank < sizeof(telling) && techniques != 0; rank++) {
		t = telling[rank];
		if ((techniques >> t & 1) == 0)
			continue;
		techniques &= ~(UINT64_C(1) << t);
		if (label_len < p->min_label[t] || before + 1 + n->name.len > MATCHER_DOMAIN_MAX)
			continue;
		if (s->best != NULL && (p->severity[t] < s->best_severity ||
					(p->severity[t] == s->best_severity &&
					 (rank > s->best_rank ||
					  (rank == s->best_rank &&
					   (n->name.len < s->best->name.len ||
					    (n->name.len == s->best->name.len && n >= s->best)))))))
			continue;
		s->best = n;
		s->best_severity = p->severity[t];
		s->best_rank = rank;
		s->best_before = before;
		s->best_dot = before > 0 && s->domain[before - 1] != '.';
	}
}

/* How @typed can stand for the suffix @meant: a technique, or none. */
static uint64_t
suffix_technique(const struct search *s, const char *typed, size_t typed_len, const char *meant,
		 size_t meant_len)
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

/* Is it a registry's own suffix below another one, such as mil.ph? */
static bool
is_real_suffix(const struct search *s, const char *text, size_t len)
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

/* Is @typed the name without one of its labels, neither the first nor one of the suffix? */
static bool
lacks_level(const char *typed, size_t typed_len, const char *name, size_t name_len, size_t head)
{
	const char *from = memchr(name, '.', head), *to;
	size_t before;

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
take_near(struct search *s, const struct near *t, size_t start, const struct image_name *n)
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
			s->is_below = s->is_below || n != s->except;
		else
			offer(s, n,
			      t->rewritten->kind == IMAGE_SUFFIX_TLD
				      ? TECHNIQUE_SET(TLD)
				      : TECHNIQUE_SET(SUFFIX_COUNTRY),
			      name_characters(name, head), start);
		return;
	}
	if (e.kind == DOMAIN_EDIT_FAR) {
		if (t->rewritten == NULL && lacks_level(typed, len, name, n->name.len, head))
			offer(s, n, TECHNIQUE_SET(MISSING_LEVEL), name_characters(name, head),
			      start);
		return;
	}
	class = edit_classify(typed, len, name, n->name.len, head, &e);
	techniques = class.techniques;
	if (t->rewritten != NULL) {
		techniques = class.in_suffix ? 0 : TECHNIQUE_SET(SLIP_AND_TLD);
	} else if (class.in_suffix) {
		techniques = suffix_technique(s, typed + head + 1, len - head - 1, name + head + 1,
					      n->suffix_len);
		if (techniques == 0)
			techniques = TECHNIQUE_SET(TLD_SWAP);
	}
	offer(s, n, techniques, class.label_len, start);
}

static void
ask_near(struct search *s, const struct near *t, size_t start, uint64_t hash)
{
	size_t cursor = 0;
	int64_t v;

	if (!typo_index_maybe(&s->l->index, hash))
		return;
	while ((v = typo_index_next(&s->l->index, hash, &cursor)) >= 0)
		take_near(s, t, start, &s->l->names[v]);
}

/* wwwarmy.mil: www.army.mil without its first dot. */
static void
ask_www(struct search *s, const struct near *t, size_t start, uint64_t hash)
{
	size_t cursor = 0;
	int64_t v;

	if (memcmp(t->text + start, "www", WWW_LEN) != 0 || !typo_index_maybe(&s->l->index, hash))
		return;
	while ((v = typo_index_next(&s->l->index, hash, &cursor)) >= 0) {
		const struct image_name *n = &s->l->names[v];

		if (is_text(s, &n->name, t->text + start + WWW_LEN, t->len - start - WWW_LEN))
			offer(s, n, TECHNIQUE_SET(MISSING_DOT),
			      name_characters(text_of(s, &n->name), head_len(n)), start + WWW_LEN);
	}
}

/* Can a text of @nb labels lie within one edit of a name? */
static bool
labels_fit(const struct lookalike *l, unsigned int nb)
{
	unsigned int i = nb < 63 ? nb : 63;
	uint64_t set = UINT64_C(1) << i | UINT64_C(1) << (i - 1);

	if (i < 63)
		set |= UINT64_C(1) << (i + 1);
	return (l->labels & set) != 0;
}

/* The first octet of a text of which the end can matter. */
static size_t
first_octet(const struct lookalike *l, size_t len)
{
	size_t most = (size_t)l->max_len + 1 + WWW_LEN;

	return len > most ? len - most : 0;
}

static void
search_near(struct search *s, const struct near *t, const struct typo_sums *sums, size_t from)
{
	const struct lookalike *l = s->l;
	unsigned int labels = 1;
	size_t i, gone;

	for (i = t->len; i-- > from;) {
		labels += t->text[i] == '.';
		if ((i > 0 && t->text[i - 1] != '.') || !labels_fit(l, labels))
			continue;
		if (t->len - i <= (size_t)l->max_len + 1) {
			ask_near(s, t, i, sums->whole[i]);
			for (gone = i; gone < t->len; gone++)
				ask_near(s, t, i, typo_sums_without(sums, i, gone));
		}
		if (t->len - i > WWW_LEN)
			ask_www(s, t, i, sums->whole[i + WWW_LEN]);
	}
}

/* The suffix put right in the way @x says. */
static void
search_rewritten(struct search *s, const struct image_suffix *x)
{
	size_t before = s->len - x->typed.len, from;
	char text[MATCHER_DOMAIN_MAX];
	struct near t = {text, before + x->meant.len, x};
	struct typo_sums sums;

	if (t.len > sizeof(text))
		return;
	memcpy(text, s->domain, before);
	memcpy(text + before, text_of(s, &x->meant), x->meant.len);
	from = first_octet(s->l, t.len);
	typo_sums(&s->l->index, text, from, t.len, true, &sums);
	search_near(s, &t, &sums, from);
}

static void
search_suffixes(struct search *s, const struct typo_sums *sums, size_t from)
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

/* The name stands before the dot at @end: as it is, without its last dot, or its head alone. */
static void
take_before(struct search *s, size_t start, size_t end, const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = s->domain + start,
		   *rest = s->domain + end + 1;
	size_t len = end - start, head = head_len(n), rest_len = s->len - end - 1;
	const char *suffix = name + head + 1;

	if (is_text(s, &n->name, typed, len)) {
		if (!is_real_suffix(s, typed + head + 1, s->len - start - head - 1))
			offer(s, n, TECHNIQUE_SET(ADDED_WORD), name_characters(name, head), start);
	} else if (len + 1 == n->name.len && memcmp(typed, name, head) == 0 &&
		   memcmp(typed + head, suffix, n->suffix_len) == 0) {
		if ((rest_len == 3 && memcmp(rest, "com", 3) == 0) ||
		    (rest_len == n->suffix_len && memcmp(rest, suffix, rest_len) == 0))
			offer(s, n, TECHNIQUE_SET(MISSING_DOT), name_characters(name, head), start);
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
ask_before(struct search *s, size_t start, size_t end, uint64_t hash)
{
	const struct lookalike *l = s->l;
	const char *rest = s->domain + end + 1;
	size_t rest_len = s->len - end - 1, cursor = 0;
	int64_t v;

	if (typo_index_maybe(&l->index, hash))
		while ((v = typo_index_next(&l->index, hash, &cursor)) >= 0)
			take_before(s, start, end, &l->names[v]);
	hash += l->index.tags[TYPO_TAG_HEAD];
	cursor = 0;
	if ((l->techniques & TECHNIQUE_SET(TLD_SWAP)) == 0 || !typo_index_maybe(&l->index, hash))
		return;
	while ((v = typo_index_next(&l->index, hash, &cursor)) >= 0) {
		const struct image_name *n = &l->names[v];

		if (head_len(n) == end - start &&
		    memcmp(text_of(s, &n->name), s->domain + start, end - start) == 0 &&
		    looks_like_suffix(rest, rest_len))
			offer(s, n, TECHNIQUE_SET(TLD_SWAP),
			      name_characters(s->domain + start, end - start), start);
	}
}

static void
search_before(struct search *s)
{
	const struct lookalike *l = s->l;
	size_t end, from, i, ends = 0;
	unsigned int place, labels;
	uint64_t h;

	for (end = s->len; end-- > 1 && ends < ENDS_MAX;) {
		if (s->domain[end] != '.')
			continue;
		ends++;
		from = end > l->max_len ? end - l->max_len : 0;
		h = 0;
		labels = 1;
		for (i = end, place = 0; i-- > from; place++) {
			h += l->index.numbers[place][l->index.classes[(uint8_t)s->domain[i]]];
			labels += s->domain[i] == '.';
			if ((i == 0 || s->domain[i - 1] == '.') && labels_fit(l, labels))
				ask_before(s, i, end, h);
		}
	}
}

static void
take_skeleton(struct search *s, size_t start, const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = s->domain + start;
	size_t len = s->len - start;
	uint64_t technique = TECHNIQUE_SET(HOMOGLYPH);

	if (!skeleton_equal(typed, len, name, n->name.len, "-.", true) ||
	    is_text(s, &n->name, typed, len))
		return;
	if (skeleton_equal(typed, len, name, n->name.len, ".", false))
		technique = name_characters(typed, len) + n->name.len >
					    name_characters(name, n->name.len) + len
				    ? TECHNIQUE_SET(MISSING_DOT)
				    : TECHNIQUE_SET(MISPLACED_DOT);
	else if (skeleton_equal(typed, len, name, n->name.len, "-", false))
		technique = TECHNIQUE_SET(HYPHENATION);
	offer(s, n, technique, name_characters(name, head_len(n)), start);
}

static void
search_skeletons(struct search *s)
{
	const struct lookalike *l = s->l;
	uint64_t h = l->index.tags[TYPO_TAG_SKELETON];
	unsigned int place = 0;
	const uint8_t *skeleton;
	size_t i, cursor;
	int64_t v;

	for (i = s->len; i-- > 0;) {
		if (place + 2 > TYPO_TEXT_MAX || place > 2 * l->max_len)
			return;
		skeleton = l->skeleton[(uint8_t)s->domain[i]];
		if (skeleton[0] != 0)
			h += l->index.numbers[place++][skeleton[0]];
		if (skeleton[1] != 0)
			h += l->index.numbers[place++][skeleton[1]];
		if ((i > 0 && s->domain[i - 1] != '.') || !typo_index_maybe(&l->index, h))
			continue;
		cursor = 0;
		while ((v = typo_index_next(&l->index, h, &cursor)) >= 0)
			take_skeleton(s, i, &l->names[v]);
	}
}

/* A text made from the domain: names it ends in, from @last or before on. */
static void
search_exact(struct search *s, const char *text, size_t len, size_t last, uint64_t technique,
	     size_t label_len)
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
				offer(s, &l->names[v], technique, label_len, i);
	}
}

/* The domain with octets [a, b) only of the label [from, to). */
static void
search_without_word(struct search *s, size_t from, size_t to, size_t a, size_t b)
{
	size_t len = from + (b - a) + (s->len - to);
	char text[MATCHER_DOMAIN_MAX];

	memcpy(text, s->domain, from);
	memcpy(text + from, s->domain + a, b - a);
	memcpy(text + from + (b - a), s->domain + to, s->len - to);
	search_exact(s, text, len, from, TECHNIQUE_SET(ADDED_WORD), b - a);
}

/* army-mil.com: the last hyphen before the last label stands for a dot. */
static void
search_hyphen(struct search *s)
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

static void
search_words(struct search *s)
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

static void
search_all(struct search *s)
{
	const struct lookalike *l = s->l;
	struct near t = {s->domain, s->len, NULL};
	size_t from = first_octet(l, s->len);
	struct typo_sums sums;

	typo_sums(&l->index, s->domain, from, s->len, true, &sums);
	search_near(s, &t, &sums, from);
	search_skeletons(s);
	if (s->q->zone_len > 0)
		return;
	search_suffixes(s, &sums, from);
	search_before(s);
	search_hyphen(s);
	if ((l->techniques & TECHNIQUE_SET(ADDED_WORD)) != 0)
		search_words(s);
}

bool
lookalike_judge(const struct lookalike *l, const struct lookalike_query *q,
		struct lookalike_match *ret)
{
	struct search s = {.l = l,
			   .q = q,
			   .domain = q->domain,
			   .len = q->len,
			   .except = q->except > 0 ? &l->names[q->except - 1] : NULL};

	if (l->techniques == 0 || q->len == 0)
		return false;
	search_all(&s);
	if (s.best == NULL || s.is_below)
		return false;
	ret->rule = l->profiles[s.best->profile - 1].rule;
	ret->name = (uint32_t)(s.best - l->names);
	ret->technique = telling[s.best_rank];
	ret->severity = (uint8_t)s.best_severity;
	memcpy(ret->meant, s.domain, s.best_before);
	ret->meant_len = s.best_before;
	if (s.best_dot)
		ret->meant[ret->meant_len++] = '.';
	memcpy(ret->meant + ret->meant_len, text_of(&s, &s.best->name), s.best->name.len);
	ret->meant_len += s.best->name.len;
	return true;
}
