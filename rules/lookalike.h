/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookalike - what looks like a protected name, which one is meant, and by which technique
 *
 * What:      asks the typo index (typo_index.h) about a domain and verifies and classifies every candidate:
 *            - the domain and each of its endings that begins at a label, within one edit of a name;
 *            - the same with a mistyped suffix put right (army.ml, amry.ml, army.mil.com);
 *            - what stands before one of the last dots: a name in front of other labels (army.mil.example.com);
 *            - the skeleton: characters that look alike, hyphens, dots elsewhere;
 *            - labels without a word that was added (army-login.mil).
 *            An internationalised domain is read as letters, for internationalised names, then as what it looks like
 *            (idn.h), and all this is asked about the text: what differs from a name by foreign characters, with a slip
 *            or without, is a homoglyph.
 *            Of several the highest severity wins, then the more telling technique, then the longer name.
 * Threads:   immutable once built.
 * Cost:      O(length); see typo_index.h. Parts that no profile wants are left out. Only endings are asked about that have
 *            about as many labels as some name, and are no longer than the longest such name: a domain of a hundred labels
 *            costs little more than one of two.
 * Hostile:   the domain: any octets up to MATCHER_DOMAIN_MAX.
 */
#ifndef POSTERN_LOOKALIKE_H
#define POSTERN_LOOKALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "added_words.h"
#include "image.h"
#include "matcher.h"
#include "typo_index.h"

enum {
	LOOKALIKE_LABELS = 128, /* a domain has no more */
	LOOKALIKE_TAIL = 3,	/* octets that tell nearly every text apart that ends in no name */
	LOOKALIKE_TAIL_BITS = 1 << 12,
};

/* Classes of an octet's coarse skeleton. */
struct lookalike_skeleton {
	uint8_t first, second; /* 0: none */
	uint8_t blocks;	       /* the class, if several of it in a row are one; or 0 */
	uint8_t keeps;	       /* all bits when the octet is nothing: what was blocked before it still is; or 0 */
};

struct lookalike {
	struct typo_index index;
	struct added_words words;
	const char *strings;
	const struct image_name *names;
	uint32_t nb_names;
	uint32_t nb_aliases;
	struct image_name *aliases; /* of internationalised names: lookalike_alias.h */
	char *alias_strings;
	const struct image_profile *profiles;
	const struct image_suffix *suffixes;
	uint64_t techniques;	  /* that some profile looks for; 0: nothing to do */
	uint16_t longest[LOOKALIKE_LABELS + 1]; /* octets of the longest name, by the number of its labels */
	uint16_t near_longest[LOOKALIKE_LABELS + 2]; /* of those that have about as many: one more or less */
	uint32_t max_labels;	  /* of the deepest name */
	uint32_t max_len;	  /* octets of the longest name or alias */
	uint32_t max_skeleton;	  /* characters of the longest coarse skeleton */
	uint64_t tails[LOOKALIKE_TAIL_BITS / 64]; /* hashes of the last octets of what search_before() looks for */
	struct lookalike_skeleton skeleton[256]; /* of each octet */
};

/* The parts of an image, checked; they must outlive it. */
struct lookalike_parts {
	const char *strings;
	const struct image_name *names;
	uint32_t nb_names;
	const struct image_profile *profiles;
	const struct image_suffix *suffixes;
	uint32_t nb_suffixes;
	const struct image_word *words;
	uint32_t nb_words;
};

struct lookalike_match {
	uint32_t rule;
	uint32_t name; /* index of the name that is meant */
	uint16_t technique;
	uint8_t severity;
	size_t meant_len;
	char meant[MATCHER_DOMAIN_MAX];
};

/* 0, -ENOMEM. */
int lookalike_init(struct lookalike *l, const struct lookalike_parts *parts, uint64_t seed);
void lookalike_fini(struct lookalike *l);

/* What is asked. */
struct lookalike_query {
	const char *domain; /* lower case, without trailing dot, and no protected name or below one */
	size_t len;
	size_t zone_len;	 /* 0, or octets of the zone at its end in which it is an unknown name */
	const uint64_t *without; /* set of rules that do not count (bit n % 64 of word n / 64), or NULL */
	uint32_t except;	 /* index + 1 of a name that is passed over; 0: none */
	bool is_idn; /* it has internationalised labels (idn_is()), and is what idn_to_ascii() makes of it */
};

/*
 * In a zone only its own names can be meant, and only by a slip or what looks alike: added words, other levels and other
 * suffixes say nothing where every name is right by itself.
 */
bool lookalike_judge(const struct lookalike *l, const struct lookalike_query *q,
		     struct lookalike_match *ret);

#endif
