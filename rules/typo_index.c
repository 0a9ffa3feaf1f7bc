/* SPDX-License-Identifier: BSD-3-Clause */
#include "typo_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"

enum {
	BITS_PER_MANY = 8,
	BITS_PER_FEW = 12,
	KEYS_MAX = 1 << 28,
};

/* splitmix64: secret as long as the seed is, and nobody outside sees a number of it. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
draw_numbers(struct typo_index *x, uint64_t seed)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
	unsigned int i, j;

	_Static_assert(sizeof(known) - 1 < TYPO_CLASSES, "each character has a class");
	for (i = 0; i < sizeof(known) - 1; i++)
		x->classes[(uint8_t)known[i]] = (uint8_t)(i + 1);
	/* Letters of other alphabets share the classes: what is found is verified anyway. */
	for (i = 0x80; i < 0x100; i++)
		x->classes[i] = (uint8_t)(1 + (i & 0x7f) % (TYPO_CLASSES - 1));
	for (i = 0; i < TYPO_TEXT_MAX; i++)
		for (j = 0; j < TYPO_CLASSES; j++)
			x->numbers[i][j] = draw(&seed);
	for (i = 0; i < TYPO_TAG_NB; i++)
		x->tags[i] = i == TYPO_TAG_NAME ? 0 : draw(&seed);
}

/* At least @nb bits. */
static bool
bitmap_init(struct typo_bitmap *b, size_t nb)
{
	unsigned int exp = 10;

	while ((size_t)1 << exp < nb)
		exp++;
	b->words = calloc(((size_t)1 << exp) / 64, sizeof(*b->words));
	b->shift = 64 - (exp - 6);
	return b->words != NULL;
}

int
typo_index_init(struct typo_index *x, size_t max_keys, size_t max_few, uint64_t seed)
{
	unsigned int entries = 4;

	memset(x, 0, sizeof(*x));
	if (max_keys > KEYS_MAX || max_few > KEYS_MAX)
		return -ENOMEM;
	while ((size_t)1 << entries < max_keys * 2)
		entries++;
	x->entries = calloc((size_t)1 << entries, sizeof(*x->entries));
	if (x->entries == NULL || !bitmap_init(&x->bits[TYPO_MANY], max_keys * BITS_PER_MANY) ||
	    !bitmap_init(&x->bits[TYPO_FEW], max_few * BITS_PER_FEW)) {
		typo_index_fini(x);
		return -ENOMEM;
	}
	x->entries_shift = 64 - entries;
	x->max_keys = max_keys;
	draw_numbers(x,
		     hash64_mix(seed ^ UINT64_C(0x2545f4914f6cdd1d), UINT64_C(0xd6e8feb86659fd93)));
	return 0;
}

void
typo_index_fini(struct typo_index *x)
{
	int i;

	for (i = 0; i < TYPO_BITS_NB; i++) {
		free(x->bits[i].words);
		x->bits[i].words = NULL;
	}
	free(x->entries);
	x->entries = NULL;
}

uint64_t
typo_hash(const struct typo_index *x, enum typo_tag tag, const char *text, size_t len)
{
	uint64_t h = x->tags[tag];
	size_t i;

	for (i = 0; i < len; i++)
		h += x->numbers[len - 1 - i][x->classes[(uint8_t)text[i]]];
	return h;
}

void
typo_index_note(struct typo_index *x, enum typo_bits bits, uint64_t hash)
{
	x->bits[bits].words[hash >> x->bits[bits].shift] |= typo_mask(hash);
}

bool
typo_index_add(struct typo_index *x, enum typo_bits bits, uint64_t hash, uint32_t value)
{
	size_t mask = SIZE_MAX >> x->entries_shift, i = hash >> x->entries_shift;

	typo_index_note(x, bits, hash);
	for (; x->entries[i & mask].value != 0; i++)
		if (x->entries[i & mask].tag == (uint32_t)hash &&
		    x->entries[i & mask].value == value + 1)
			return true; /* "aa" lacks an a in two places */
	if (x->nb_keys == x->max_keys)
		return false;
	x->entries[i & mask] = (struct typo_entry){(uint32_t)hash, value + 1};
	x->nb_keys++;
	return true;
}

/* What a text of @n characters within one edit of the name has in common with it. */
static void
note_halves(struct typo_index *x, const char *text, size_t len, size_t n)
{
	uint64_t front = x->tags[TYPO_TAG_FRONT], back = typo_back_tag(x, n);
	size_t nb_front, i;

	if (n < TYPO_HALVES_LEAST || n > TYPO_TEXT_MAX)
		return;
	nb_front = typo_front(n);
	for (i = 0; i < nb_front; i++)
		front += x->numbers[n - 1 - i][x->classes[(uint8_t)text[i]]];
	for (i = 0; i < n - 1 - nb_front; i++)
		back += x->numbers[i][x->classes[(uint8_t)text[len - 1 - i]]];
	typo_index_note(x, TYPO_FEW, front);
	typo_index_note(x, TYPO_FEW, back);
}

bool
typo_index_add_near(struct typo_index *x, const char *text, size_t len, uint32_t value)
{
	struct typo_sums s;
	bool good;
	size_t i;

	typo_sums(x, text, 0, len, true, &s);
	good = typo_index_add(x, TYPO_MANY, s.whole[0], value);
	typo_index_note(x, TYPO_FEW, s.whole[0]);
	for (i = 0; i < len && good; i++)
		if (i == 0 || text[i] != text[i - 1])
			good = typo_index_add(x, TYPO_MANY, typo_sums_without(&s, 0, i), value);
	for (i = len - 1; i <= len + 1; i++)
		note_halves(x, text, len, i);
	return good;
}
