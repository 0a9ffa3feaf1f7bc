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
#include "lookalike.h"

/* One domain being judged. */
struct lookalike_search {
	const struct lookalike *l;
	const struct lookalike_query *q;
	const char *domain;
	size_t len;
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
	return s->l->strings + string->offset;
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

/* The first octet of a text of which the end can matter. */
size_t lookalike_first_octet(const struct lookalike *l, size_t len);

#endif
