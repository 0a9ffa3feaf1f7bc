/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_edit.h"

#include <string.h>

/* Does @longer without one character give @shorter? Then *ret_pos is that character, the last one
 * possible. */
static int
is_one_longer(const char *longer, const char *shorter, size_t shorter_len, size_t *ret_pos)
{
	size_t i = 0;

	while (i < shorter_len && longer[i] == shorter[i])
		i++;
	*ret_pos = i;
	return memcmp(longer + i + 1, shorter + i, shorter_len - i) == 0;
}

static struct domain_edit
same_length(const char *typed, const char *name, size_t len)
{
	struct domain_edit e = {DOMAIN_EDIT_NONE, 0};
	size_t i = 0, j = len;

	while (i < len && typed[i] == name[i])
		i++;
	if (i == len)
		return e;
	while (typed[j - 1] == name[j - 1])
		j--;
	e.pos = i;
	if (j - i == 1)
		e.kind = DOMAIN_EDIT_SUBSTITUTE;
	else if (j - i == 2 && typed[i] == name[i + 1] && typed[i + 1] == name[i])
		e.kind = DOMAIN_EDIT_TRANSPOSE;
	else
		e.kind = DOMAIN_EDIT_FAR;
	return e;
}

struct domain_edit
domain_edit(const char *typed, size_t typed_len, const char *name, size_t name_len)
{
	struct domain_edit e = {DOMAIN_EDIT_FAR, 0};

	if (typed_len == name_len)
		return same_length(typed, name, name_len);
	if (typed_len == name_len + 1 && is_one_longer(typed, name, name_len, &e.pos))
		e.kind = DOMAIN_EDIT_INSERT;
	else if (typed_len + 1 == name_len && is_one_longer(name, typed, typed_len, &e.pos))
		e.kind = DOMAIN_EDIT_DELETE;
	return e;
}
