/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_search.h"

#include "skeleton.h"

enum {
	DOTS_MORE = 2, /* dots that may stand where a name has none: ar.m.y.mil */
};

static void
take_skeleton(struct lookalike_search *s, size_t start, const struct image_name *n)
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
	lookalike_offer(s, n, technique, name_characters(name, head_len(n)), start);
}

void
lookalike_search_skeletons(struct lookalike_search *s)
{
	const struct lookalike *l = s->l;
	uint64_t h = l->index.tags[TYPO_TAG_SKELETON];
	unsigned int place = 0, labels = 1;
	const uint8_t *skeleton;
	size_t i, cursor;
	int64_t v;

	for (i = s->len; i-- > 0;) {
		if (place + 2 > TYPO_TEXT_MAX || place > l->max_skeleton ||
		    labels > l->max_labels + DOTS_MORE)
			return;
		labels += s->domain[i] == '.';
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
