/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * domain_edit - the one edit that lies between what was typed and a name, if it is one
 *
 * What:      Damerau's four edits: a character more, one less, another one, two neighbours exchanged. Where several
 *            places explain the same text (a doubled letter), the last one.
 * Cost:      O(length).
 */
#ifndef POSTERN_DOMAIN_EDIT_H
#define POSTERN_DOMAIN_EDIT_H

#include <stddef.h>

enum domain_edit_kind {
	DOMAIN_EDIT_NONE,	/* the same */
	DOMAIN_EDIT_INSERT,	/* typed has a character more, at @pos of typed */
	DOMAIN_EDIT_DELETE,	/* typed lacks the character at @pos of the name */
	DOMAIN_EDIT_SUBSTITUTE, /* another one at @pos */
	DOMAIN_EDIT_TRANSPOSE,	/* @pos and @pos + 1 exchanged */
	DOMAIN_EDIT_FAR,	/* more than one edit */
};

struct domain_edit {
	enum domain_edit_kind kind;
	size_t pos;
};

struct domain_edit domain_edit(const char *typed, size_t typed_len, const char *name,
			       size_t name_len);

#endif
