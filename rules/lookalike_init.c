/* SPDX-License-Identifier: BSD-3-Clause */
/* lookalike_init - the index of lookalike.h filled from an image */
#include "lookalike.h"

#include <errno.h>
#include <string.h>

#include "edit_class.h"
#include "lookalike_alias.h"
#include "lookalike_search.h"
#include "skeleton.h"

static unsigned int
count_labels(const char *name, size_t len)
{
	return (unsigned int)(len - name_characters(name, len)) + 1;
}

/* The name without each of its labels but those of its suffix. */
static bool
add_levels(struct lookalike *l, const char *name, size_t len, size_t head, uint32_t value)
{
	const char *from = memchr(name, '.', head), *to;
	char text[MATCHER_DOMAIN_MAX];
	bool good = true;
	size_t before;

	if (from != NULL)
		good = typo_index_add(&l->index,
				      typo_hash(&l->index, TYPO_TAG_NAME, from + 1, len - (size_t)(from + 1 - name)),
				      value);
	for (; from != NULL && good; from = to) {
		to = memchr(from + 1, '.', (size_t)(name + head + 1 - from - 1));
		if (to == NULL)
			break;
		before = (size_t)(from - name);
		memcpy(text, name, before);
		memcpy(text + before, to, len - (size_t)(to - name));
		good = typo_index_add(
			&l->index,
			typo_hash(&l->index, TYPO_TAG_NAME, text, len - (size_t)(to - from)),
			value);
	}
	return good;
}

static void
note_length(struct lookalike *l, unsigned int labels, size_t len)
{
	if (labels > LOOKALIKE_LABELS)
		labels = LOOKALIKE_LABELS;
	if (len > l->longest[labels])
		l->longest[labels] = (uint16_t)len;
	if (labels > l->max_labels)
		l->max_labels = labels;
}

/* Two octets tell nearly every text apart that ends in no name. */
static void
note_tail(struct lookalike *l, const char *text, size_t len)
{
	if (len >= 2)
		l->tails[l->index.classes[(uint8_t)text[len - 2]]]
			[l->index.classes[(uint8_t)text[len - 1]]] = true;
}

/* A slip makes a label more or less. */
static void
make_near_longest(struct lookalike *l)
{
	unsigned int n, i;

	for (n = 0; n < LOOKALIKE_LABELS + 2; n++)
		for (i = n > 0 ? n - 1 : 0; i <= n + 1 && i <= LOOKALIKE_LABELS; i++)
			if (l->longest[i] > l->near_longest[n])
				l->near_longest[n] = l->longest[i];
}

static bool
add_skeleton(struct lookalike *l, const char *name, size_t len, uint32_t value)
{
	struct skeleton_hash hash = {.h = l->index.tags[TYPO_TAG_SKELETON]};

	for (; len > 0; len--) {
		if (hash.place + 2 > TYPO_TEXT_MAX)
			return true; /* longer than any domain's */
		skeleton_hash_add(l, &hash, name[len - 1]);
	}
	if (hash.place > l->max_skeleton)
		l->max_skeleton = hash.place;
	return typo_index_add(&l->index, hash.h, value);
}

static bool
add_name(struct lookalike *l, const struct image_name *n, uint32_t value)
{
	const char *name = (n->flags & LOOKALIKE_ALIAS) != 0
				   ? l->alias_strings + (n->name.offset & ~LOOKALIKE_ALIAS_TEXT)
				   : l->strings + n->name.offset;
	uint64_t techniques = l->profiles[n->profile - 1].techniques;
	size_t len = n->name.len, head = len - n->suffix_len - 1;
	unsigned int labels = count_labels(name, len);
	bool good;

	note_tail(l, name, len);
	if (n->suffix_len == 1) /* armym.com: the last dot is gone, too */
		l->tails[l->index.classes[(uint8_t)name[head - 1]]]
			[l->index.classes[(uint8_t)name[len - 1]]] = true;
	if ((techniques & TECHNIQUE_SET(TLD_SWAP)) != 0) {
		if (head == 1)
			memset(l->tails, true, sizeof(l->tails));
		note_tail(l, name, head);
	}
	good = typo_index_add_near(&l->index, name, len, value);
	if (good)
		good = add_skeleton(l, name, len, value);
	if (good && (techniques & TECHNIQUE_SET(TLD_SWAP)) != 0)
		good = typo_index_add(&l->index, typo_hash(&l->index, TYPO_TAG_HEAD, name, head),
				      value);
	if (good && (techniques & TECHNIQUE_SET(MISSING_LEVEL)) != 0) {
		good = add_levels(l, name, n->name.len, head, value);
		if (labels > 1)
			note_length(l, labels - 1, n->name.len);
	}
	note_length(l, labels, n->name.len);
	l->techniques |= techniques;
	if (n->name.len > l->max_len)
		l->max_len = n->name.len;
	return good;
}

/* The class of octets that no name has is 0, which means none. */
static void
make_skeletons(struct lookalike *l)
{
	const char *skeleton;
	unsigned int c;
	char self[2];

	memset(l->skeleton, 0, sizeof(l->skeleton));
	for (c = 1; c < 256; c++) {
		skeleton = skeleton_coarse((unsigned char)c, self);
		if (skeleton[0] == '\0')
			continue;
		l->skeleton[c][0] = l->index.classes[(uint8_t)skeleton[0]];
		if (skeleton[1] != '\0')
			l->skeleton[c][1] = l->index.classes[(uint8_t)skeleton[1]];
	}
	l->run = l->index.classes[SKELETON_RUN];
}

/* Keys that a name needs: itself, its deletions, head, skeleton, levels. */
static size_t
count_keys(const char *text, size_t len)
{
	return len + 3 + count_labels(text, len);
}

static size_t
count_all_keys(const struct lookalike *l, uint32_t nb_suffixes)
{
	size_t keys = nb_suffixes;
	uint32_t i;

	for (i = 0; i < l->nb_names; i++)
		if (l->names[i].profile > 0)
			keys += count_keys(l->strings + l->names[i].name.offset,
					   l->names[i].name.len);
	for (i = 0; i < l->nb_aliases; i++)
		keys += count_keys(l->alias_strings +
					   (l->aliases[i].name.offset & ~LOOKALIKE_ALIAS_TEXT),
				   l->aliases[i].name.len);
	return keys;
}

int
lookalike_init(struct lookalike *l, const struct lookalike_parts *parts, uint64_t seed)
{
	bool good = true;
	uint32_t i;
	int rc;

	memset(&l->index, 0, sizeof(l->index));
	l->strings = parts->strings;
	l->names = parts->names;
	l->nb_names = parts->nb_names;
	l->profiles = parts->profiles;
	l->suffixes = parts->suffixes;
	l->techniques = 0;
	memset(l->tails, 0, sizeof(l->tails));
	memset(l->longest, 0, sizeof(l->longest));
	memset(l->near_longest, 0, sizeof(l->near_longest));
	l->max_labels = 0;
	l->max_len = 0;
	l->max_skeleton = 0;
	rc = added_words_init(&l->words, parts->words, parts->nb_words, parts->strings, seed);
	if (rc == 0)
		rc = lookalike_alias_init(l);
	if (rc == 0)
		rc = typo_index_init(&l->index, count_all_keys(l, parts->nb_suffixes), seed);
	if (rc < 0)
		return rc;
	make_skeletons(l);
	for (i = 0; i < parts->nb_names && good; i++)
		if (parts->names[i].profile > 0)
			good = add_name(l, &parts->names[i], i);
	for (i = 0; i < l->nb_aliases && good; i++)
		good = add_name(l, &l->aliases[i], l->nb_names + i);
	for (i = 0; i < parts->nb_suffixes && good; i++) {
		const struct image_string *typed = &parts->suffixes[i].typed;

		good = typo_index_add(&l->index,
				      typo_hash(&l->index, TYPO_TAG_SUFFIX,
						l->strings + typed->offset, typed->len),
				      i);
	}
	make_near_longest(l);
	return good ? 0 : -ENOMEM;
}

void
lookalike_fini(struct lookalike *l)
{
	typo_index_fini(&l->index);
	lookalike_alias_fini(l);
	added_words_fini(&l->words);
}
