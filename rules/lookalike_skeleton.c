/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

#include "skeleton.h"

enum {
	DOTS_MORE = 2, /* dots that may stand where a name has none: ar.m.y.mil */
};

/*
 * How many characters may have to be taken for others: one in a label as short as is judged at all,
 * and one more for each two characters beyond.
 */
static unsigned int
most_confusions(const struct image_profile *p, size_t label_len)
{
	size_t least = p->min_label[RULE_TECHNIQUE_HOMOGLYPH], most;

	most = label_len > least ? 1 + (label_len - least) / 2 : 1;
	return most < SKELETON_DISTANCE_MAX ? (unsigned int)most : SKELETON_DISTANCE_MAX;
}

/* The same fine skeleton. */
static uint64_t
classify(const char *typed, size_t len, const char *name, size_t name_len)
{
	if (skeleton_equal(typed, len, name, name_len, ".", false))
		return name_characters(typed, len) + name_len >
				       name_characters(name, name_len) + len
			       ? TECHNIQUE_SET(MISSING_DOT)
			       : TECHNIQUE_SET(MISPLACED_DOT);
	if (skeleton_equal(typed, len, name, name_len, "-", false))
		return TECHNIQUE_SET(HYPHENATION);
	return TECHNIQUE_SET(HOMOGLYPH);
}

/* Can it be? One edit is a slip and told as that; suffixes and dots are not confused with anything.
 */
static bool
can_be_confusion(const char *typed, size_t len, const char *name, const struct image_name *n)
{
	size_t suffix = n->suffix_len + 1;

	return len > suffix &&
	       memcmp(typed + len - suffix, name + n->name.len - suffix, suffix) == 0 &&
	       len - name_characters(typed, len) ==
		       n->name.len - name_characters(name, n->name.len) &&
	       domain_edit(typed, len, name, n->name.len).kind == DOMAIN_EDIT_FAR;
}

static void
take_skeleton(struct lookalike_search *s, size_t start, const struct image_name *n)
{
	const char *name = text_of(s, &n->name), *typed = s->domain + start;
	size_t len = s->len - start, label_len = name_characters(name, head_len(n));
	const struct image_profile *p = &s->l->profiles[n->profile - 1];
	unsigned int most = most_confusions(p, label_len);

	if (is_text(s, &n->name, typed, len))
		return;
	if (skeleton_equal(typed, len, name, n->name.len, "-.", true))
		lookalike_offer(s, n, classify(typed, len, name, n->name.len), label_len, start);
	else if (can_be_confusion(typed, len, name, n) &&
		 skeleton_distance(typed, len, name, n->name.len, most) <= most)
		lookalike_offer(s, n, TECHNIQUE_SET(HOMOGLYPH), label_len, start);
}

void
lookalike_search_skeletons(struct lookalike_search *s)
{
	const struct lookalike *l = s->l;
	struct skeleton_hash hash = {.h = l->index.tags[TYPO_TAG_SKELETON]};
	size_t most = l->max_skeleton < TYPO_TEXT_MAX - 2 ? l->max_skeleton : TYPO_TEXT_MAX - 2;
	size_t i = s->len, k, start, cursor;
	int64_t v;

	for (k = 0; k < s->nb_labels && k < (size_t)l->max_labels + DOTS_MORE; k++) {
		start = s->labels[k];
		for (; i > start; i--) { /* its dot is nothing */
			if (hash.place > most)
				return;
			skeleton_hash_add(l, &hash, s->domain[i - 1]);
		}
		if (start == s->len || !typo_index_maybe(&l->index, TYPO_FEW, hash.h))
			continue;
		cursor = 0;
		while ((v = typo_index_next(&l->index, hash.h, &cursor)) >= 0)
			take_skeleton(s, start, name_at(s, v));
	}
}
