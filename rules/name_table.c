/* SPDX-License-Identifier: BSD-3-Clause */
#include "name_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"

enum {
	NAMES_MAX = 1 << 24,
	BITS_PER_SLOT = 8,
};

/*
 * A hash of octets that come one by one, the last one of a name first, so that one walk over a domain gives the hash of each
 * of its suffixes. Eight are mixed at once.
 */
struct walk {
	uint64_t h, octets;
	size_t nb;
};

static inline void
walk_step(struct walk *w, char c)
{
	w->octets = w->octets << 8 | (uint8_t)c;
	if (++w->nb % 8 == 0) {
		w->h = (w->h ^ w->octets) * UINT64_C(0x9e3779b97f4a7c15);
		w->h ^= w->h >> 32;
		w->octets = 0;
	}
}

static inline uint64_t
walk_hash(const struct walk *w)
{
	return hash64_mix(w->h ^ w->octets, (w->nb << 1 | 1) * UINT64_C(0xd6e8feb86659fd93));
}

static uint64_t
name_hash(const struct name_table *t, const char *name, size_t len)
{
	struct walk w = {.h = t->seed};

	while (len > 0)
		walk_step(&w, name[--len]);
	return walk_hash(&w);
}

static inline uint64_t
bits_of(uint64_t h)
{
	return UINT64_C(1) << (h & 63) | UINT64_C(1) << (h >> 6 & 63);
}

static const struct image_name *
lookup(const struct name_table *t, uint64_t h, const char *name, size_t len)
{
	uint32_t tag = (uint32_t)(h >> 32), i;

	if ((t->bits[h >> t->bits_shift] & bits_of(h)) != bits_of(h))
		return NULL;
	for (i = (uint32_t)h & t->mask; t->slots[i].name != 0; i = (i + 1) & t->mask) {
		const struct image_name *n;

		if (t->slots[i].tag != tag)
			continue;
		n = &t->names[t->slots[i].name - 1];
		if (n->name.len == len && memcmp(t->strings + n->name.offset, name, len) == 0)
			return n;
	}
	return NULL;
}

static uint32_t
count_labels(const char *name, size_t len)
{
	uint32_t nb = 1;
	size_t i;

	for (i = 0; i < len; i++)
		nb += name[i] == '.';
	return nb;
}

int
name_table_init(struct name_table *t, const struct image_name *names, uint32_t nb,
		const char *strings, uint64_t seed)
{
	uint32_t size = 64, i, j, labels;

	memset(t, 0, sizeof(*t));
	if (nb > NAMES_MAX)
		return -EBADMSG;
	while (size < 2 * nb)
		size *= 2;
	t->slots = calloc(size, sizeof(*t->slots));
	t->bits = calloc(size * BITS_PER_SLOT / 64, sizeof(*t->bits));
	if (t->slots == NULL || t->bits == NULL) {
		name_table_fini(t);
		return -ENOMEM;
	}
	t->bits_shift = (unsigned int)__builtin_clzll(size * BITS_PER_SLOT / 64) + 1;
	t->mask = size - 1;
	t->seed = hash64_mix(seed ^ UINT64_C(0xa0761d6478bd642f), UINT64_C(0xe7037ed1a0b428db));
	t->names = names;
	t->strings = strings;
	for (i = 0; i < nb; i++) {
		const char *name = strings + names[i].name.offset;
		uint64_t h = name_hash(t, name, names[i].name.len);

		labels = count_labels(name, names[i].name.len);
		if (labels > t->max_labels)
			t->max_labels = labels;
		if (names[i].name.len > t->max_len)
			t->max_len = names[i].name.len;
		if (lookup(t, h, name, names[i].name.len) != NULL) { /* twice */
			name_table_fini(t);
			return -EBADMSG;
		}
		for (j = (uint32_t)h & t->mask; t->slots[j].name != 0; j = (j + 1) & t->mask)
			;
		t->bits[h >> t->bits_shift] |= bits_of(h);
		t->slots[j].tag = (uint32_t)(h >> 32);
		t->slots[j].name = i + 1;
	}
	return 0;
}

void
name_table_fini(struct name_table *t)
{
	free(t->slots);
	free(t->bits);
	t->slots = NULL;
	t->bits = NULL;
}

/* What a name or zone says about a domain below it that was of @class before: the longer one decides. */
static unsigned int
classify_below(const struct image_name *n, unsigned int class)
{
	static const unsigned int all = NAME_LEGITIMATE | NAME_PROTECTED | NAME_UNKNOWN;

	if ((n->flags & IMAGE_NAME_SELF) == 0) /* a zone: below a protected name it changes nothing */
		return (class & NAME_PROTECTED) != 0 ? class | NAME_LEGITIMATE
						     : class | NAME_LEGITIMATE | NAME_UNKNOWN;
	return (n->flags & IMAGE_NAME_BELOW) != 0 ? NAME_LEGITIMATE | NAME_PROTECTED : class & ~all;
}

unsigned int
name_table_classify(const struct name_table *t, const char *domain, size_t len, size_t *ret_zone_len)
{
	const struct image_name *n;
	uint32_t labels = t->max_labels;
	unsigned int class = 0;
	struct walk w = {.h = t->seed};
	size_t i;

	if (labels == 0)
		return 0;
	for (i = len; i > 0; i--) {
		if (len - i > t->max_len)
			return class;
		if (domain[i - 1] == '.') {
			n = lookup(t, walk_hash(&w), domain + i, len - i);
			if (n != NULL) {
				class = classify_below(n, class);
				if (ret_zone_len != NULL && (n->flags & IMAGE_NAME_SELF) == 0)
					*ret_zone_len = len - i;
			}
			if (--labels == 0)
				return class;
		}
		walk_step(&w, domain[i - 1]);
	}
	n = lookup(t, walk_hash(&w), domain, len);
	if (n == NULL)
		return class;
	return (n->flags & IMAGE_NAME_SELF) != 0 ? NAME_LEGITIMATE | NAME_PROTECTED : class;
}
