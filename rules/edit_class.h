/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edit_class - which techniques explain one edit of a protected name
 *
 * What:      a set of techniques, because one edit has several readings: 0 for o is a neighbouring key, a homoglyph and
 *            a substitution. The profile of the name chooses among them.
 */
#ifndef POSTERN_EDIT_CLASS_H
#define POSTERN_EDIT_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain_edit.h"
#include "matcher.h"

#define TECHNIQUE_SET(id) (UINT64_C(1) << RULE_TECHNIQUE_##id)

struct edit_class {
	uint64_t techniques;
	size_t label_len; /* characters of the label of the name, or of all its labels where dots
			     are concerned */
	bool in_suffix;	  /* the edit lies in the public suffix: @techniques is empty */
};

/* @head_len: octets of the name before the dot of its public suffix. @edit is neither NONE nor FAR. */
struct edit_class edit_classify(const char *typed, size_t typed_len, const char *name,
				size_t name_len, size_t head_len, const struct domain_edit *edit);

/* Characters of the first @len octets without dots. */
size_t name_characters(const char *name, size_t len);

/* The skeleton of a character: one or two characters, none for a hyphen or dot. Expands, never
 * contracts. */
const char *skeleton_of(unsigned char c, char self[2]);

#endif
