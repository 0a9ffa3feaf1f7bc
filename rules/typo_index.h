/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * typo_index - which protected names may lie within one edit of what was typed
 *
 * What:      keys of each name: the name and the name without each one of its characters (its deletion neighbourhood). Two
 *            texts within one edit (Damerau) share at least one such key, so asking for the keys of what was typed finds
 *            every candidate; the caller verifies each. Halves of the names tell most longer texts apart before that
 *            many questions are asked, and say which half an edit can be in. Further keys of other kinds (heads,
 *            skeletons, suffixes) live in the same table under a tag.
 * Shape:     two bitmaps, three bits of one word for a key, in which nearly all questions end: one for the deletions, which
 *            are many, and a small one, which stays in the cache, for the others (TYPO_FEW); an open-addressed table
 *            behind. A hash is a sum of secret random numbers, one for each (position counted from
 *            the end, character): the hash of every suffix of a text, and of every suffix without one character, comes
 *            from two running sums.
 * Threads:   immutable once built.
 * Cost:      a question about a text of n characters: O(n) sums and probes for each start at a label whose number
 *            of labels fits a name; no text longer than the longest name and one is asked for.
 * Hostile:   what was typed. The numbers are drawn at load, so nobody can aim at collisions: two different texts
 *            collide with a chance of 2^-64 in the whole hash, and names are root's.
 */
#ifndef POSTERN_TYPO_INDEX_H
#define POSTERN_TYPO_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TYPO_TEXT_MAX = 256, /* characters */
	TYPO_CLASSES = 40,   /* letters, digits, - . _ and all other octets as one */
	TYPO_FEW_NEAR = 7,   /* keys of TYPO_FEW that typo_index_add_near() adds: the name, halves for three lengths */
};

enum typo_tag {
	TYPO_TAG_NAME,	   /* a name or a deletion of it; or a name with a level less */
	TYPO_TAG_HEAD,	   /* a name without its public suffix */
	TYPO_TAG_SKELETON, /* characters that look alike made the same */
	TYPO_TAG_SUFFIX,   /* a mistyped suffix: the value is no name */
	TYPO_TAG_FRONT,	   /* the front half of a name, for texts of one length */
	TYPO_TAG_BACK,	   /* the back half */
	TYPO_TAG_NB,
};

struct typo_entry {
	uint32_t tag;	/* of the hash */
	uint32_t value; /* + 1; 0: free */
};

/* Which bitmap knows a key. */
enum typo_bits {
	TYPO_MANY, /* names, their deletions, names with a level less: what a slip is asked for */
	TYPO_FEW,  /* names again, their halves, and all keys with a tag */
	TYPO_BITS_NB,
};

struct typo_bitmap {
	uint64_t *words;
	unsigned int shift;
};

struct typo_index {
	uint64_t numbers[TYPO_TEXT_MAX][TYPO_CLASSES];
	uint64_t tags[TYPO_TAG_NB];
	uint8_t classes[256];
	struct typo_bitmap bits[TYPO_BITS_NB];
	struct typo_entry *entries;
	unsigned int entries_shift;
	size_t nb_keys, max_keys;
};

/* Sums over a text, from its end: of each suffix, and of each suffix moved by one place to the end. */
struct typo_sums {
	uint64_t whole[TYPO_TEXT_MAX + 1];
	uint64_t moved[TYPO_TEXT_MAX + 1];
};

/* For at most @max_keys keys; @max_few: about how many TYPO_FEW will know. 0, -ENOMEM. */
int typo_index_init(struct typo_index *x, size_t max_keys, size_t max_few, uint64_t seed);
void typo_index_fini(struct typo_index *x);

/* The text is at most TYPO_TEXT_MAX - 1 characters long; more keys than promised are not taken
 * (false). */
uint64_t typo_hash(const struct typo_index *x, enum typo_tag tag, const char *text, size_t len);
bool typo_index_add(struct typo_index *x, enum typo_bits bits, uint64_t hash, uint32_t value);
/* A key that is there already, for questions to the other bitmap too. */
void typo_index_note(struct typo_index *x, enum typo_bits bits, uint64_t hash);
/* The text and each of its deletions, a key more than it has characters; the text and its halves among the few. */
bool typo_index_add_near(struct typo_index *x, const char *text, size_t len, uint32_t value);

/* Sums of text[from..len); entries below @from are not set. @moved is left out when @with_moved is
 * false. */
static inline void
typo_sums(const struct typo_index *x, const char *text, size_t from, size_t len, bool with_moved,
	  struct typo_sums *ret)
{
	uint64_t whole = 0, moved = 0;
	unsigned int place = 0;
	size_t i;

	ret->whole[len] = 0;
	ret->moved[len] = 0;
	for (i = len; i > from; place++) {
		unsigned int class = x->classes[(uint8_t)text[--i]];

		whole += x->numbers[place][class];
		ret->whole[i] = whole;
		if (with_moved) {
			moved += place > 0 ? x->numbers[place - 1][class] : 0;
			ret->moved[i] = moved;
		}
	}
}

/* Hash of text[start..] without the character at @gone. */
static inline uint64_t
typo_sums_without(const struct typo_sums *s, size_t start, size_t gone)
{
	return s->whole[gone + 1] + s->moved[start] - s->moved[gone];
}

/* Three bits of one word: a stranger meets all of them in one of some thirty questions, or fewer. */
static inline uint64_t
typo_mask(uint64_t hash)
{
	return UINT64_C(1) << (hash & 63) | UINT64_C(1) << (hash >> 6 & 63) |
	       UINT64_C(1) << (hash >> 12 & 63);
}

/* May there be a value for the hash? */
static inline bool
typo_index_maybe(const struct typo_index *x, enum typo_bits bits, uint64_t hash)
{
	uint64_t mask = typo_mask(hash);

	return (x->bits[bits].words[hash >> x->bits[bits].shift] & mask) == mask;
}

/*
 * A text within one edit of a name differs from it first in its front, and then has the name's back, or it has the name's
 * front: of a text of n characters typo_front(n) belong to the front, one to none of the two, so that two neighbours that are
 * exchanged touch one only, and the rest to the back, a few more because suffixes tell names apart least. Worth it from
 * TYPO_HALVES_LEAST characters on: two questions instead of one for each character, and of most others half of them.
 */
enum {
	TYPO_HALVES_LEAST = 8,
	TYPO_SUFFIX = 3, /* characters of a suffix, as a rule */
};

static inline size_t
typo_front(size_t len)
{
	return (len - 1 - TYPO_SUFFIX) / 2;
}

static inline uint64_t
typo_back_tag(const struct typo_index *x, size_t len)
{
	return x->tags[TYPO_TAG_BACK] + len * UINT64_C(0x9e3779b97f4a7c15);
}

/*
 * Characters of text[start..len) of which one may have to go to make a deletion of a name: those of [*ret_from, *ret_to),
 * as far as its halves say. False: none.
 */
static inline bool
typo_index_halves(const struct typo_index *x, const struct typo_sums *s, size_t start, size_t len, size_t *ret_from,
		  size_t *ret_to)
{
	size_t n = len - start, front = typo_front(n);
	bool has_front, has_back;

	*ret_from = start;
	*ret_to = len;
	if (n < TYPO_HALVES_LEAST)
		return true;
	has_front = typo_index_maybe(x, TYPO_FEW,
				     s->whole[start] - s->whole[start + front] + x->tags[TYPO_TAG_FRONT]);
	has_back = typo_index_maybe(x, TYPO_FEW, s->whole[start + front + 1] + typo_back_tag(x, n));
	if (!has_back)
		*ret_from = start + front;
	if (!has_front)
		*ret_to = start + front;
	return has_front || has_back;
}

/*
 * The next value for the hash, or -1. *cursor is 0 at first. Values come in no order, and now and
 * then one that does not belong.
 */
static inline int64_t
typo_index_next(const struct typo_index *x, uint64_t hash, size_t *cursor)
{
	size_t mask = (SIZE_MAX >> x->entries_shift), i = (hash >> x->entries_shift) + *cursor;

	for (;; i++) {
		const struct typo_entry *e = &x->entries[i & mask];

		++*cursor;
		if (e->value == 0)
			return -1;
		if (e->tag == (uint32_t)hash)
			return (int64_t)e->value - 1;
	}
}

#endif
