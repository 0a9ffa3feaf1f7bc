/* SPDX-License-Identifier: BSD-3-Clause */
/* lookalike_init - the index of lookalike.h filled from an image */
#include "lookalike.h"

#include <errno.h>
#include <string.h>

#include "edit_class.h"
#include "skeleton.h"

static unsigned int
count_labels(const char *name, size_t len)
{
	return (unsigned int)(len - name_characters(name, len)) + 1;
}

/* The name without each of its labels but the first and those of its suffix. */
static bool
add_levels(struct lookalike *l, const char *name, size_t len, size_t head, uint32_t value)
{
	const char *from = memchr(name, '.', head), *to;
	char text[MATCHER_DOMAIN_MAX];
	bool good = true;
	size_t before;

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

static bool
add_name(struct lookalike *l, const struct image_name *n, uint32_t value)
{
	const char *name = l->strings + n->name.offset;
	uint64_t techniques = l->profiles[n->profile - 1].techniques;
	size_t len = n->name.len, head = len - n->suffix_len - 1;
	unsigned int labels = count_labels(name, len);
	char skeleton[2 * MATCHER_DOMAIN_MAX];
	bool good;

	good = typo_index_add_near(&l->index, name, len, value);
	len = skeleton_write(name, n->name.len, skeleton);
	if (good && len <= TYPO_TEXT_MAX)
		good = typo_index_add(
			&l->index, typo_hash(&l->index, TYPO_TAG_SKELETON, skeleton, len), value);
	if (good && (techniques & TECHNIQUE_SET(TLD_SWAP)) != 0)
		good = typo_index_add(&l->index, typo_hash(&l->index, TYPO_TAG_HEAD, name, head),
				      value);
	if (good && (techniques & TECHNIQUE_SET(MISSING_LEVEL)) != 0) {
		good = add_levels(l, name, n->name.len, head, value);
		if (labels > 1)
			l->labels |= UINT64_C(1) << (labels - 1 < 63 ? labels - 1 : 63);
	}
	l->labels |= UINT64_C(1) << (labels < 63 ? labels : 63);
	l->techniques |= techniques;
	if (n->name.len > l->max_len)
		l->max_len = n->name.len;
	return good;
}

/* The class of all other octets is 0 here, which means none: no name has them. */
static void
make_skeletons(struct lookalike *l)
{
	const char *skeleton;
	unsigned int c;
	char self[2];
	size_t len;

	memset(l->skeleton, 0, sizeof(l->skeleton));
	for (c = 1; c < 256; c++) {
		skeleton = skeleton_of((unsigned char)c, self);
		len = strlen(skeleton);
		if (len > 0)
			l->skeleton[c][0] = l->index.classes[(uint8_t)skeleton[len - 1]];
		if (len > 1)
			l->skeleton[c][1] = l->index.classes[(uint8_t)skeleton[0]];
	}
}

int
lookalike_init(struct lookalike *l, const struct lookalike_parts *parts, uint64_t seed)
{
	size_t keys = parts->nb_suffixes;
	bool good = true;
	uint32_t i;
	int rc;

	l->strings = parts->strings;
	l->names = parts->names;
	l->profiles = parts->profiles;
	l->suffixes = parts->suffixes;
	l->techniques = 0;
	l->labels = 0;
	l->max_len = 0;
	for (i = 0; i < parts->nb_names; i++)
		if (parts->names[i].profile > 0) /* itself, its deletions, head, skeleton, levels */
			keys += parts->names[i].name.len + 3 +
				count_labels(l->strings + parts->names[i].name.offset,
					     parts->names[i].name.len);
	rc = typo_index_init(&l->index, keys, seed);
	if (rc < 0)
		return rc;
	make_skeletons(l);
	for (i = 0; i < parts->nb_names && good; i++)
		if (parts->names[i].profile > 0)
			good = add_name(l, &parts->names[i], i);
	for (i = 0; i < parts->nb_suffixes && good; i++) {
		const struct image_string *typed = &parts->suffixes[i].typed;

		good = typo_index_add(&l->index,
				      typo_hash(&l->index, TYPO_TAG_SUFFIX,
						l->strings + typed->offset, typed->len),
				      i);
	}
	return good ? 0 : -ENOMEM;
}

void
lookalike_fini(struct lookalike *l)
{
	typo_index_fini(&l->index);
}
