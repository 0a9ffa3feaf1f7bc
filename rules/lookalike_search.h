/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookalike_search - one domain being judged: what the parts of lookalike.c share
 */
#ifndef POSTERN_LOOKALIKE_SEARCH_H
#define POSTERN_LOOKALIKE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "edit_class.h"
#include "idn.h"
#include "lookalike.h"
#include "lookalike_alias.h"

_Static_assert(LOOKALIKE_TAIL_BITS == 1 << (32 - 20), "lookalike_tail_bit() gives one of them");

enum {
	LOOKALIKE_ENDS_MAX = 6, /* dots from the end behind which a name may be continued */
	/* A slip makes a label more; one more for where the front of a name begins. */
	LOOKALIKE_SEARCH_LABELS = LOOKALIKE_LABELS + LOOKALIKE_ENDS_MAX + 2,
};

/* One domain being judged. */
struct lookalike_search {
	const struct lookalike *l;
	const struct lookalike_query *q;
	const char *domain; /* as asked, or a text of it */
	size_t len;
	size_t nb_labels; /* of its end, that can matter: LOOKALIKE_SEARCH_LABELS at most */
	uint8_t labels[LOOKALIKE_SEARCH_LABELS]; /* where they begin, the last one first */
	const struct idn_text *idn; /* what @domain is, or NULL: the domain as asked */
	enum idn_form form;
	size_t end; /* a name that is found ends there: of its characters it is asked whether they
		       are foreign */
	bool is_suffix_apart; /* what stands behind @end was put right: the suffix of a name is not compared with it */
	const struct image_name *except; /* or NULL */
	const struct image_name *best;
	unsigned int best_severity, best_rank;
	size_t best_before; /* octets of the domain that stand before the name */
	bool best_dot;	    /* a dot belongs between the two */
	bool is_below;	    /* the domain stands below a protected name: its owner's */
};

static inline const char *
text_of(const struct lookalike_search *s, const struct image_string *string)
{
	const struct lookalike *l = s->l;

	return (string->offset & LOOKALIKE_ALIAS_TEXT) != 0
		       ? l->alias_strings + (string->offset & ~LOOKALIKE_ALIAS_TEXT)
		       : l->strings + string->offset;
}

/* The name, or alias of one, that a value of the index stands for. */
static inline const struct image_name *
name_at(const struct lookalike_search *s, int64_t value)
{
	const struct lookalike *l = s->l;

	return value < l->nb_names ? &l->names[value] : &l->aliases[value - l->nb_names];
}

static inline size_t
head_len(const struct image_name *n)
{
	return n->name.len - n->suffix_len - 1;
}

static inline bool
is_text(const struct lookalike_search *s, const struct image_string *string, const char *text,
	size_t len)
{
	return string->len == len && memcmp(text_of(s, string), text, len) == 0;
}

/* Keep the name if one of @techniques is looked for and better than what was found before. */
void lookalike_offer(struct lookalike_search *s, const struct image_name *n, uint64_t techniques,
		     size_t label_len, size_t before);

/* The text from @start on is the name, octet by octet: it is what stands below it, or looks exactly like it. */
void lookalike_offer_same(struct lookalike_search *s, const struct image_name *n, size_t start);

/* Which bit of l->tails belongs to the last octets of a text. */
static inline unsigned int
lookalike_tail_bit(const struct lookalike *l, const char *text, size_t len)
{
	const uint8_t *classes = l->index.classes;
	unsigned int h = 0, i;

	for (i = 1; i <= LOOKALIKE_TAIL; i++)
		h = h * TYPO_CLASSES + classes[(uint8_t)text[len - i]];
	return h * 2654435761u >> 20; /* Fibonacci hashing: Knuth, TAOCP 3, 6.4 */
}

/* Can a text in front of a dot, such as army.mil.example.com's, end in a name, or in what is left of one? */
static inline bool
lookalike_may_end(const struct lookalike *l, const char *text, size_t len)
{
	unsigned int bit;

	if (len < LOOKALIKE_TAIL)
		return true;
	bit = lookalike_tail_bit(l, text, len);
	return (l->tails[bit / 64] >> bit % 64 & 1) != 0;
}

/* Octets of the longest name that a text of @nb labels can be a slip of; 0: it can be of none. */
static inline size_t
lookalike_near_longest(const struct lookalike *l, unsigned int nb)
{
	return nb < LOOKALIKE_LABELS + 2 ? l->near_longest[nb] : 0;
}

/* The domain and its endings within one edit of a name, as it is and with its suffix put right. */
void lookalike_search_near(struct lookalike_search *s, const struct typo_sums *sums, size_t from);
void lookalike_search_suffixes(struct lookalike_search *s, const struct typo_sums *sums,
			       size_t from);

/* Names that stand before one of the last dots. */
void lookalike_search_before(struct lookalike_search *s);

/* Characters that look alike; hyphens and dots elsewhere. */
void lookalike_search_skeletons(struct lookalike_search *s);

/* A hyphen for a dot; labels without a word that was added. */
void lookalike_search_hyphen(struct lookalike_search *s);
void lookalike_search_words(struct lookalike_search *s, const struct typo_sums *sums, size_t first);

/* The hash of a coarse skeleton, made from the end of a text. */
struct skeleton_hash {
	uint64_t h;
	size_t place;
	unsigned int blocked; /* class that would go on a run, or 0 */
};

/* At most two places more. Without branches where they would be guessed: strokes and runs are
 * anywhere. */
static inline void
skeleton_hash_add(const struct lookalike *l, struct skeleton_hash *s, char c)
{
	const struct lookalike_skeleton *k = &l->skeleton[(uint8_t)c];
	unsigned int first = k->first;
	uint64_t is_taken = (first != 0) & (first != s->blocked);

	s->h += l->index.numbers[s->place][first] & -is_taken;
	s->place += is_taken;
	s->blocked = k->blocks | (s->blocked & k->keeps);
	if (k->second != 0)
		s->h += l->index.numbers[s->place++][k->second];
}

/* Ask everything about s->domain. */
void lookalike_search_all(struct lookalike_search *s);

/*
 * Ask everything about an internationalised domain. True: something was found, and *ret has what
 * was meant. lookalike_idn.c
 */
bool lookalike_search_idn(struct lookalike_search *s, struct lookalike_match *ret);

/* What stood in the domain before the name that was found, into ret->meant. */
void lookalike_write_front(const struct lookalike_search *s, struct lookalike_match *ret);

/* May the name be found by the text that is asked about? An alias only by texts of its own form. */
bool lookalike_is_asked(const struct lookalike_search *s, const struct image_name *n);

/* Is any character of the text from @from to s->end none of those that stand in the domain? */
bool lookalike_is_foreign(const struct lookalike_search *s, size_t from);

/*
 * Octets of a text above 0x7f stand for several characters: do those of [from, s->end) differ from
 * the name's by no more than one slip, or, with @is_same, by nothing?
 */
bool lookalike_points_agree(const struct lookalike_search *s, const struct image_name *n,
			    size_t from, bool is_same);

/* Letters only: does the character at @typed_pos of the text look like that at @name_pos of the
 * name? */
bool lookalike_looks_alike(const struct lookalike_search *s, const struct image_name *n,
			   size_t typed_pos, size_t name_pos);

/* The first octet of a text of which the end can matter. */
size_t lookalike_first_octet(const struct lookalike *l, size_t len);

#endif
