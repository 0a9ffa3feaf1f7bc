/* SPDX-License-Identifier: BSD-3-Clause */
/* lookalike_idn - internationalised domains, asked about by their letters and by what these look
 * like */
#include "lookalike_search.h"

#include "fold.h"
#include "idn_label.h"
#include "utf8.h"

enum {
	LABELS_MORE = 8, /* that a name is looked for with: a slip, and labels behind it */
};

bool
lookalike_is_asked(const struct lookalike_search *s, const struct image_name *n)
{
	if (s->idn == NULL)
		return true;
	if (s->form == IDN_LETTERS)
		return (n->flags & LOOKALIKE_ALIAS_LETTERS) != 0;
	return (n->flags & LOOKALIKE_ALIAS_LETTERS) == 0;
}

bool
lookalike_is_foreign(const struct lookalike_search *s, size_t from)
{
	return s->idn != NULL && from < s->end &&
	       memchr(s->idn->is_foreign + from, 1, s->end - from) != NULL;
}

/* Code points of [from, to) that are no ASCII. */
static size_t
other_points(const struct idn_text *t, size_t from, size_t to, uint32_t ret[IDN_TEXT_MAX])
{
	size_t nb = 0, i;

	for (i = from; i < to; i++)
		if (t->points[i] >= 0x80)
			ret[nb++] = t->points[i];
	return nb;
}

/* At most one more, one less, another one, or two neighbours exchanged. */
static bool
within_one_edit(const uint32_t *a, size_t nb_a, const uint32_t *b, size_t nb_b)
{
	size_t front = 0, back = 0, least = nb_a < nb_b ? nb_a : nb_b, rest_a, rest_b;

	while (front < least && a[front] == b[front])
		front++;
	while (back < least - front && a[nb_a - 1 - back] == b[nb_b - 1 - back])
		back++;
	rest_a = nb_a - front - back;
	rest_b = nb_b - front - back;
	return (rest_a <= 1 && rest_b <= 1) ||
	       (rest_a == 2 && rest_b == 2 && a[front] == b[front + 1] && a[front + 1] == b[front]);
}

bool
lookalike_points_agree(const struct lookalike_search *s, const struct image_name *n, size_t from,
		       bool is_same)
{
	uint32_t typed[IDN_TEXT_MAX], meant[IDN_TEXT_MAX];
	const struct image_name *real = lookalike_real(s->l, n);
	size_t nb_typed = 0, nb_meant;
	struct idn_text name;

	if (!idn_read(text_of(s, &real->name), real->name.len,
		      (n->flags & LOOKALIKE_ALIAS_LETTERS) != 0 ? IDN_LETTERS : IDN_LOOKS, IDN_LABELS_ALL, &name))
		return false;
	nb_meant = other_points(&name, 0, name.len - (s->is_suffix_apart ? n->suffix_len + 1 : 0), meant);
	if (s->idn != NULL)
		nb_typed = other_points(s->idn, from, s->end, typed);
	if (is_same)
		return nb_typed == nb_meant &&
		       memcmp(typed, meant, nb_meant * sizeof(meant[0])) == 0;
	return within_one_edit(typed, nb_typed, meant, nb_meant);
}

/* All that a character looks like; the number of code points. */
static size_t
looks_of(uint32_t point, uint32_t ret[FOLD_POINT_MAX * FOLD_POINT_MAX])
{
	uint32_t normal[FOLD_POINT_MAX];
	size_t nb_normal = fold_norm(point, normal), nb = 0, i;

	for (i = 0; i < nb_normal; i++)
		nb += fold_looks(normal[i], ret + nb);
	return nb;
}

bool
lookalike_looks_alike(const struct lookalike_search *s, const struct image_name *n,
		      size_t typed_pos, size_t name_pos)
{
	uint32_t typed[FOLD_POINT_MAX * FOLD_POINT_MAX], meant[FOLD_POINT_MAX * FOLD_POINT_MAX];
	const struct image_name *real = lookalike_real(s->l, n);
	struct idn_text name;
	size_t nb;

	if (s->idn == NULL || s->form != IDN_LETTERS || (n->flags & LOOKALIKE_ALIAS_LETTERS) == 0 ||
	    !idn_read(text_of(s, &real->name), real->name.len, IDN_LETTERS, IDN_LABELS_ALL, &name) ||
	    name_pos >= name.len)
		return false;
	nb = looks_of(s->idn->points[typed_pos], typed);
	return nb > 0 && nb == looks_of(name.points[name_pos], meant) &&
	       memcmp(typed, meant, nb * sizeof(typed[0])) == 0;
}

/* What stood in the domain before the name that was found: whole labels as they are, of a label its
 * first letters. */
static void
write_front(const struct lookalike_search *s, struct lookalike_match *ret)
{
	size_t before = s->best_before, label = before, len, dot, room, i;
	const struct idn_text *t = s->idn;

	ret->meant_len = 0;
	while (label > 0 && t->text[label - 1] != '.')
		label--;
	room = MATCHER_DOMAIN_MAX - 1 - lookalike_real(s->l, s->best)->name.len;
	if (t->origin[label] + (before - label) * UTF8_LEN_MAX > room)
		return; /* the name alone says enough */
	for (i = 0; i < t->origin[label]; i += len + dot) { /* whole labels, with plain dots */
		len = idn_label_len(s->q->domain + i, t->origin[label] - i, &dot);
		memcpy(ret->meant + ret->meant_len, s->q->domain + i, len);
		ret->meant_len += len;
		if (dot > 0)
			ret->meant[ret->meant_len++] = '.';
	}
	for (i = label; i < before; i++)
		ret->meant_len += utf8_write(t->points[i], ret->meant + ret->meant_len);
	if (s->best_dot)
		ret->meant[ret->meant_len++] = '.';
}

/* Ask about one form. True: there is an answer, if only that nothing is wrong. */
static bool
search_form(struct lookalike_search *s, enum idn_form form, struct idn_text *t)
{
	if (!idn_read(s->q->domain, s->q->len, form, s->l->max_labels + LABELS_MORE, t))
		return false;
	s->idn = t;
	s->form = form;
	s->domain = t->text;
	s->len = t->len;
	lookalike_search_all(s);
	return s->best != NULL || s->is_below;
}

/* The octets themselves: an A-label with a slip in it may be one of very different letters, or
 * none. */
static bool
search_octets(struct lookalike_search *s)
{
	s->idn = NULL;
	s->domain = s->q->domain;
	s->len = s->q->len;
	lookalike_search_all(s);
	return s->best != NULL || s->is_below;
}

/* Is anything left that could not be made an A-label? */
static bool
has_octets(const struct lookalike_search *s)
{
	uint8_t all = 0;
	size_t i;

	for (i = 0; i < s->q->len; i++)
		all |= (uint8_t)s->q->domain[i];
	return all >= 0x80;
}

bool
lookalike_search_idn(struct lookalike_search *s, struct lookalike_match *ret)
{
	bool has_aliases = s->l->nb_aliases > 0;
	struct idn_text t;

	/* A slip in an internationalised name is told as one before anything that its letters look
	 * like. */
	if (!(has_aliases && search_form(s, IDN_LETTERS, &t)) && !search_form(s, IDN_LOOKS, &t) &&
	    !((has_aliases || has_octets(s)) && search_octets(s)))
		return false;
	if (s->best == NULL || s->is_below)
		return false;
	if (s->idn != NULL)
		write_front(s, ret);
	else
		lookalike_write_front(s, ret);
	return true;
}
