/* SPDX-License-Identifier: BSD-3-Clause */
#include "lookalike_alias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "idn.h"

static uint32_t
count_dots(const char *text, size_t len)
{
	uint32_t nb = 0;
	size_t i;

	for (i = 0; i < len; i++)
		nb += text[i] == '.';
	return nb;
}

/* Octets of the text behind the last dot but @nb_dots; the whole when it has no more than those. */
static uint32_t
tail_len(const struct idn_text *t, uint32_t nb_dots)
{
	size_t i;

	for (i = t->len; i > 0; i--)
		if (t->text[i - 1] == '.' && nb_dots-- == 0)
			break;
	return (uint32_t)(t->len - i);
}

static void
put(struct lookalike *l, uint32_t name, const struct idn_text *t, uint32_t flag, size_t *used)
{
	const struct image_name *n = &l->names[name];
	const char *suffix = l->strings + n->name.offset + n->name.len - n->suffix_len;
	uint32_t suffix_len = tail_len(t, count_dots(suffix, n->suffix_len));

	/* As of names: something stands before the dot of the suffix. Only an image that compile.c did not make is else. */
	if (t->len < suffix_len + 2)
		return;
	memcpy(l->alias_strings + *used, t->text, t->len);
	l->aliases[l->nb_aliases++] = (struct image_name){
		.name = {(uint32_t)*used | LOOKALIKE_ALIAS_TEXT, (uint32_t)t->len},
		.flags = flag,
		.profile = n->profile,
		.suffix_len = suffix_len,
		.reserved = name,
	};
	*used += t->len;
}

static void
put_aliases(struct lookalike *l, uint32_t name, size_t *used)
{
	const struct image_name *n = &l->names[name];
	const char *text = l->strings + n->name.offset;
	struct idn_text letters, looks;

	/* A name that is no valid one has no letters: it is only what its octets are. */
	if (!idn_read(text, n->name.len, IDN_LETTERS, IDN_LABELS_ALL, &letters))
		return;
	put(l, name, &letters, LOOKALIKE_ALIAS_LETTERS, used);
	idn_read(text, n->name.len, IDN_LOOKS, IDN_LABELS_ALL, &looks);
	if (looks.len != letters.len || memcmp(looks.text, letters.text, looks.len) != 0)
		put(l, name, &looks, LOOKALIKE_ALIAS_LOOKS, used);
}

static bool
has_aliases(const struct lookalike *l, const struct image_name *n)
{
	return n->profile > 0 && idn_is(l->strings + n->name.offset, n->name.len);
}

int
lookalike_alias_init(struct lookalike *l)
{
	size_t nb = 0, used = 0;
	uint32_t i;

	l->nb_aliases = 0;
	l->aliases = NULL;
	l->alias_strings = NULL;
	for (i = 0; i < l->nb_names; i++)
		nb += 2 * (size_t)has_aliases(l, &l->names[i]);
	if (nb == 0)
		return 0;
	l->aliases = calloc(nb, sizeof(*l->aliases));
	l->alias_strings = malloc(nb * IDN_TEXT_MAX);
	if (l->aliases == NULL || l->alias_strings == NULL ||
	    nb * IDN_TEXT_MAX >= LOOKALIKE_ALIAS_TEXT) {
		lookalike_alias_fini(l);
		return -ENOMEM;
	}
	for (i = 0; i < l->nb_names; i++)
		if (has_aliases(l, &l->names[i]))
			put_aliases(l, i, &used);
	return 0;
}

void
lookalike_alias_fini(struct lookalike *l)
{
	free(l->aliases);
	free(l->alias_strings);
	l->aliases = NULL;
	l->alias_strings = NULL;
}
