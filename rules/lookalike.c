/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike.h"

#include "lookalike_search.h"

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

/* Which of @techniques may find the name by the question's own limits: none when it is passed over.
 */
static uint64_t
limit(const struct lookalike_search *s, const struct image_name *n, const struct image_profile *p,
      uint64_t techniques)
{
	static const uint64_t open =
		TECHNIQUE_SET(ADDED_WORD) | TECHNIQUE_SET(MISSING_LEVEL) | TECHNIQUE_SET(TLD_SWAP);
	const struct lookalike_query *q = s->q;
	size_t zone = q->zone_len;

	if (lookalike_real(s->l, n) == s->except ||
	    (q->without != NULL && (q->without[p->rule / 64] >> p->rule % 64 & 1) != 0))
		return 0;
	if (zone == 0)
		return techniques;
	n = lookalike_real(s->l, n);
	if (n->name.len < zone + 2 || memcmp(text_of(s, &n->name) + n->name.len - zone - 1,
					     q->domain + q->len - zone - 1, zone + 1) != 0)
		return 0;
	return techniques & ~open;
}

/*
 * With foreign characters in it, or for a name whose own were exchanged, what was found is a
 * homoglyph, and by a slip only if that slip is looked for too.
 */
static uint64_t
as_homoglyph(const struct lookalike_search *s, const struct image_name *n,
	     const struct image_profile *p, uint64_t techniques, size_t label_len, size_t before)
{
	unsigned int t;

	if (s->idn == NULL || s->form != IDN_LOOKS ||
	    ((n->flags & LOOKALIKE_ALIAS) == 0 && !lookalike_is_foreign(s, before)))
		return techniques;
	for (t = 0; t < RULE_TECHNIQUE_NB; t++)
		if ((techniques >> t & 1) != 0 && label_len >= p->min_label[t])
			return p->techniques & TECHNIQUE_SET(HOMOGLYPH);
	return 0;
}

void
lookalike_offer(struct lookalike_search *s, const struct image_name *n, uint64_t techniques,
		size_t label_len, size_t before)
{
	const struct image_profile *p = &s->l->profiles[n->profile - 1];
	unsigned int rank, t;

	if (!lookalike_is_asked(s, n))
		return;
	techniques = as_homoglyph(s, n, p, techniques & p->techniques, label_len, before);
	techniques = limit(s, n, p, techniques);
	if (techniques != 0 && (n->flags & LOOKALIKE_ALIAS) != 0 &&
	    !lookalike_points_agree(s, n, before, false))
		return;
	for (rank = 0; rank < sizeof(telling) && techniques != 0; rank++) {
		t = telling[rank];
		if ((techniques >> t & 1) == 0)
			continue;
		techniques &= ~(UINT64_C(1) << t);
		if (label_len < p->min_label[t] ||
		    before + 1 + lookalike_real(s->l, n)->name.len > MATCHER_DOMAIN_MAX)
			continue;
		if (s->best != NULL &&
		    (p->severity[t] < s->best_severity ||
		     (p->severity[t] == s->best_severity &&
		      (rank > s->best_rank ||
		       (rank == s->best_rank &&
			(n->name.len < s->best->name.len ||
			 (n->name.len == s->best->name.len &&
			  lookalike_real(s->l, n) >= lookalike_real(s->l, s->best))))))))
			continue;
		s->best = n;
		s->best_severity = p->severity[t];
		s->best_rank = rank;
		s->best_before = before;
		s->best_dot = before > 0 && s->domain[before - 1] != '.';
	}
}

void
lookalike_offer_same(struct lookalike_search *s, const struct image_name *n, size_t start)
{
	const char *name = text_of(s, &n->name);
	bool is_alias = (n->flags & LOOKALIKE_ALIAS) != 0;

	if (!lookalike_is_asked(s, n) || (is_alias && !lookalike_points_agree(s, n, start, true)))
		return;
	if (s->idn == NULL
		    ? !is_alias
		    : s->form == IDN_LETTERS || (!is_alias && !lookalike_is_foreign(s, start)))
		s->is_below = s->is_below || lookalike_real(s->l, n) != s->except;
	else
		lookalike_offer(s, n, TECHNIQUE_SET(HOMOGLYPH), name_characters(name, head_len(n)),
				start);
}

static void
find_labels(struct lookalike_search *s)
{
	size_t most = s->l->max_labels + LOOKALIKE_ENDS_MAX + 2, len = s->len;
	const char *dot;

	s->nb_labels = 0;
	do {
		dot = memrchr(s->domain, '.', len);
		len = dot != NULL ? (size_t)(dot - s->domain) : 0;
		s->labels[s->nb_labels++] = (uint8_t)(dot != NULL ? len + 1 : 0);
	} while (dot != NULL && s->nb_labels < most);
}

void
lookalike_search_all(struct lookalike_search *s)
{
	const struct lookalike *l = s->l;
	size_t from = lookalike_first_octet(l, s->len);
	struct typo_sums sums;

	s->end = s->len;
	find_labels(s);
	typo_sums(&l->index, s->domain, from, s->len, true, &sums);
	lookalike_search_near(s, &sums, from);
	lookalike_search_skeletons(s);
	if (s->q->zone_len > 0)
		return;
	lookalike_search_suffixes(s, &sums, from);
	lookalike_search_before(s);
	lookalike_search_hyphen(s);
	if ((l->techniques & TECHNIQUE_SET(ADDED_WORD)) != 0)
		lookalike_search_words(s, &sums, from);
}

void
lookalike_write_front(const struct lookalike_search *s, struct lookalike_match *ret)
{
	memcpy(ret->meant, s->domain, s->best_before);
	ret->meant_len = s->best_before;
	if (s->best_dot)
		ret->meant[ret->meant_len++] = '.';
}

bool
lookalike_judge(const struct lookalike *l, const struct lookalike_query *q,
		struct lookalike_match *ret)
{
	struct lookalike_search s = {.l = l,
				     .q = q,
				     .domain = q->domain,
				     .len = q->len,
				     .except = q->except > 0 ? &l->names[q->except - 1] : NULL};
	const struct image_name *n;

	if (l->techniques == 0 || q->len == 0)
		return false;
	if (q->is_idn) {
		if (!lookalike_search_idn(&s, ret))
			return false;
	} else {
		lookalike_search_all(&s);
		if (s.best == NULL || s.is_below)
			return false;
		lookalike_write_front(&s, ret);
	}
	n = lookalike_real(l, s.best);
	ret->rule = l->profiles[n->profile - 1].rule;
	ret->name = (uint32_t)(n - l->names);
	ret->technique = telling[s.best_rank];
	ret->severity = (uint8_t)s.best_severity;
	memcpy(ret->meant + ret->meant_len, text_of(&s, &n->name), n->name.len);
	ret->meant_len += n->name.len;
	return true;
}
