/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lookalike_alias - texts of internationalised names, which the typo index has beside their A-labels
 *
 * What:      a slip in a name such as bücher.example changes the whole end of its A-label, so that no edit of that is
 *            near. Its letters, and what these look like (bucher.example) where that is something else, are two more
 *            names in the index, each an image_name of its own: flags say which of the two, reserved which name it is.
 * Shape:     as idn.h has it: one octet for each character.
 */
#ifndef POSTERN_LOOKALIKE_ALIAS_H
#define POSTERN_LOOKALIKE_ALIAS_H

#include <stdint.h>

#include "lookalike.h"

enum {
	LOOKALIKE_ALIAS_LETTERS = 1u << 16, /* in flags, beside enum image_name_flags */
	LOOKALIKE_ALIAS_LOOKS = 1u << 17,
	LOOKALIKE_ALIAS = LOOKALIKE_ALIAS_LETTERS | LOOKALIKE_ALIAS_LOOKS,
	LOOKALIKE_ALIAS_TEXT = 1u << 31, /* in the offset of a text: it lies in alias_strings */
};

/* The name itself: @n, or the one that @n is an alias of. */
static inline const struct image_name *
lookalike_real(const struct lookalike *l, const struct image_name *n)
{
	return (n->flags & LOOKALIKE_ALIAS) != 0 ? &l->names[n->reserved] : n;
}

/* Make the aliases of all names that have lookalikes. 0 or -ENOMEM. */
int lookalike_alias_init(struct lookalike *l);
void lookalike_alias_fini(struct lookalike *l);

#endif
