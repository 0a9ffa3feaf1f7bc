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
		good = typo_index_add(&l->index, TYPO_MANY,
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
			&l->index, TYPO_MANY,
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

/* Of a text shorter than a tail nothing is known: it ends any. */
static void
note_tail(struct lookalike *l, const char *text, size_t len)
{
	unsigned int bit;

	if (len < LOOKALIKE_TAIL) {
		memset(l->tails, 0xff, sizeof(l->tails));
		return;
	}
	bit = lookalike_tail_bit(l, text, len);
	l->tails[bit / 64] |= UINT64_C(1) << bit % 64;
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
		l->max_skeleton = (uint32_t)hash.place;
	return typo_index_add(&l->index, TYPO_FEW, hash.h, value);
}

/* What search_before() asks for beside names: a deletion that add_near() has made. */
static void
note_dotless(struct lookalike *l, const char *name, size_t len, size_t head)
{
	struct typo_sums sums;

	char text[MATCHER_DOMAIN_MAX];

	typo_sums(&l->index, name, 0, len, true, &sums);
	typo_index_note(&l->index, TYPO_FEW, typo_sums_without(&sums, 0, head));
	if (len - head - 1 >= LOOKALIKE_TAIL)
		return; /* the suffix alone is the tail, as of the name */
	memcpy(text, name, head);
	memcpy(text + head, name + head + 1, len - head - 1);
	note_tail(l, text, len - 1);
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
	if ((techniques & TECHNIQUE_SET(TLD_SWAP)) != 0)
		note_tail(l, name, head);
	good = typo_index_add_near(&l->index, name, len, value);
	note_dotless(l, name, len, head);
	if (good)
		good = add_skeleton(l, name, len, value);
	if (good && (techniques & TECHNIQUE_SET(TLD_SWAP)) != 0)
		good = typo_index_add(&l->index, TYPO_FEW,
				      typo_hash(&l->index, TYPO_TAG_HEAD, name, head), value);
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
	for (c = 0; c < 256; c++) {
		struct lookalike_skeleton *k = &l->skeleton[c];

		skeleton = c > 0 ? skeleton_coarse((unsigned char)c, self) : "";
		if (skeleton[0] != '\0')
			k->first = l->index.classes[(uint8_t)skeleton[0]];
		if (k->first != 0 && skeleton[1] != '\0')
			k->second = l->index.classes[(uint8_t)skeleton[1]];
		k->blocks = skeleton[0] == SKELETON_RUN ? k->first : 0;
		k->keeps = k->first == 0 ? UINT8_MAX : 0;
	}
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

/* Suffixes; of each name, beside what is near, its skeleton, its head, and itself without its last dot. */
static size_t
count_few(const struct lookalike *l, uint32_t nb_suffixes)
{
	size_t nb = l->nb_aliases;
	uint32_t i;

	for (i = 0; i < l->nb_names; i++)
		nb += l->names[i].profile > 0;
	return nb * (TYPO_FEW_NEAR + 3) + nb_suffixes;
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
		rc = typo_index_init(&l->index, count_all_keys(l, parts->nb_suffixes),
				     count_few(l, parts->nb_suffixes), seed);
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

		good = typo_index_add(&l->index, TYPO_FEW,
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
