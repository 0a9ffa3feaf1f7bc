/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * expand_letters - names with some of their characters exchanged for letters of other scripts that look like them, and slips
 * in names that have such letters themselves
 *
 * What:      every letter that a name can have (fold_is_stable()) is looked up by what it looks like, in the tables by which
 *            the matcher folds: what is made here looks the same to it. Names are written as U-labels.
 * Order:     first the names all of whose characters one script has; then one exchange, two, ...: where the limit cuts, it
 *            cuts the least likely.
 * Limits:    EXPAND_LETTERS_MAX names at most, as many as the caller wants of them; PLACES_MAX exchanges to choose from.
 */
#include "expand_private.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "idn.h"
#include "utf8.h"

enum {
	LOOKS_MAX = 4,		   /* characters that a letter looks like; longer ones are left out */
	LAST_POINT = 0x2ffff,	   /* beyond stand no letters that look like others */
	PLACES_MAX = 1 << 14,
	NAME_UTF8_MAX = IDN_TEXT_MAX * UTF8_LEN_MAX,
};

/* Scripts that have whole words of letters that look Latin. */
static const struct script {
	uint32_t first, last;
} scripts[] = {
	{0x370, 0x3ff}, /* Greek */
	{0x400, 0x52f}, /* Cyrillic */
	{0x530, 0x58f}, /* Armenian */
};

/* At character @at the next @nb may give way to @point. */
struct place {
	size_t at, nb;
	uint32_t point;
};

struct letters {
	const struct expand *x;
	uint32_t points[IDN_TEXT_MAX]; /* the name */
	char looks[IDN_TEXT_MAX];      /* what each of them looks like; NUL: more than one character, or none in ASCII */
	size_t nb;
	struct place *places; /* by @at */
	size_t nb_places;
	unsigned int left; /* names that may still be made */
	bool made;	   /* of the number of exchanges that is tried */
};

/* What a letter looks like, if that is 1 to LOOKS_MAX characters of ASCII; else 0. */
static size_t
ascii_looks(uint32_t point, char ret[LOOKS_MAX])
{
	uint32_t normal[FOLD_POINT_MAX], looks[FOLD_POINT_MAX];
	size_t nb_normal = fold_norm(point, normal), nb = 0, n, i, j;

	for (i = 0; i < nb_normal; i++) {
		n = fold_looks(normal[i], looks);
		for (j = 0; j < n; j++) {
			if (looks[j] >= 0x80 || looks[j] <= '-' || nb == LOOKS_MAX)
				return 0;
			ret[nb++] = (char)looks[j];
		}
	}
	return nb;
}

/* The U-label form of points[0..nb). False: the caller's function ended it. */
static bool
emit(const struct expand *x, const uint32_t *points, size_t nb)
{
	char name[NAME_UTF8_MAX];
	size_t len = 0, i;

	for (i = 0; i < nb; i++)
		len += utf8_write(points[i], name + len);
	return len == 0 || len > EXPAND_NAME_MAX || x->take(x->ctx, name, len);
}

static bool
read_name(struct letters *l)
{
	char looks[LOOKS_MAX];
	struct idn_text t;
	size_t i;

	if (!idn_read(l->x->domain, l->x->len, IDN_LETTERS, IDN_LABELS_ALL, &t))
		return false;
	memcpy(l->points, t.points, t.len * sizeof(t.points[0]));
	l->nb = t.len;
	for (i = 0; i < l->nb; i++) {
		l->looks[i] = (char)(t.points[i] < 0x80 ? t.points[i] : 0);
		if (t.points[i] >= 0x80 && ascii_looks(t.points[i], looks) == 1)
			l->looks[i] = looks[0];
	}
	return true;
}

/* A letter wherever the name looks like it. */
static void
put_letter(struct letters *l, uint32_t point, const char *looks, size_t nb)
{
	size_t at;

	for (at = 0; at + nb <= l->nb && l->nb_places < PLACES_MAX; at++)
		if (memcmp(l->looks + at, looks, nb) == 0 && (nb > 1 || l->points[at] != point))
			l->places[l->nb_places++] = (struct place){at, nb, point};
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *p = a, *q = b;

	if (p->at != q->at)
		return p->at < q->at ? -1 : 1;
	return p->point < q->point ? -1 : p->point > q->point;
}

static void
find_places(struct letters *l)
{
	char looks[LOOKS_MAX];
	uint32_t point;
	size_t nb;

	for (point = '0'; point <= LAST_POINT; point++) {
		if (!fold_is_stable(point) || (point < 0x80 && (point < 'a' || point > 'z') && point > '9'))
			continue;
		nb = ascii_looks(point, looks);
		if (nb > 0)
			put_letter(l, point, looks, nb);
	}
	if (l->nb_places > 0)
		qsort(l->places, l->nb_places, sizeof(*l->places), compare_places);
}

/*
 * @nb more exchanges in places from @next on, the name from character @at on put behind the @n of @made. False: the caller's
 * function ended it.
 */
static bool
combine(struct letters *l, uint32_t made[IDN_TEXT_MAX], size_t n, size_t at, size_t next, unsigned int nb)
{
	size_t i;

	if (nb == 0) {
		memcpy(made + n, l->points + at, (l->nb - at) * sizeof(*made));
		l->made = true;
		l->left--;
		return emit(l->x, made, n + l->nb - at);
	}
	for (i = next; i < l->nb_places && l->left > 0; i++) {
		const struct place *p = &l->places[i];
		size_t before = p->at - at;

		if (p->at < at)
			continue;
		memcpy(made + n, l->points + at, before * sizeof(*made));
		made[n + before] = p->point;
		if (!combine(l, made, n + before + 1, p->at + p->nb, i + 1, nb - 1))
			return false;
	}
	return true;
}

/* Every character exchanged that the script has a letter for: the first one, without a mark if there is such. */
static bool
emit_script(struct letters *l, const struct script *s)
{
	uint32_t made[IDN_TEXT_MAX], normal[FOLD_POINT_MAX];
	size_t nb = 0, i, k;

	if (l->left == 0)
		return true;
	memcpy(made, l->points, l->nb * sizeof(*made));
	for (k = 2 * l->nb_places; k-- > 0;) {
		const struct place *p = &l->places[k % l->nb_places];
		bool is_any = k >= l->nb_places;

		if (p->nb == 1 && p->point >= s->first && p->point <= s->last &&
		    (is_any || fold_norm(p->point, normal) == 1))
			made[p->at] = p->point;
	}
	for (i = 0; i < l->nb; i++)
		nb += made[i] != l->points[i];
	if (nb < 2)
		return true;
	l->left--;
	return emit(l->x, made, l->nb);
}

/* Omissions, doublings and transpositions, for names with letters that are no ASCII: expand.c sees their A-labels only. */
static bool
emit_slips(const struct letters *l)
{
	uint32_t made[IDN_TEXT_MAX + 1];
	size_t i;

	for (i = 0; i < l->nb; i++) {
		memcpy(made, l->points, i * sizeof(*made));
		memcpy(made + i, l->points + i + 1, (l->nb - i - 1) * sizeof(*made));
		if (!emit(l->x, made, l->nb - 1))
			return false;
		memcpy(made, l->points, (i + 1) * sizeof(*made));
		memcpy(made + i + 1, l->points + i, (l->nb - i) * sizeof(*made));
		if (l->nb < IDN_TEXT_MAX && !emit(l->x, made, l->nb + 1))
			return false;
		memcpy(made, l->points, l->nb * sizeof(*made));
		if (i + 1 == l->nb)
			break;
		made[i] = l->points[i + 1];
		made[i + 1] = l->points[i];
		if (!emit(l->x, made, l->nb))
			return false;
	}
	return true;
}

bool
expand_letters(const struct expand *x, bool has_glyphs)
{
	uint32_t made[IDN_TEXT_MAX];
	bool going = true;
	unsigned int nb;
	struct letters l = {.x = x, .left = x->max_letters};
	size_t i;

	if (!read_name(&l))
		return true;
	if (idn_is(x->domain, x->len))
		going = emit_slips(&l);
	if (!going || !has_glyphs || l.left == 0)
		return going;
	l.places = calloc(PLACES_MAX, sizeof(*l.places));
	if (l.places == NULL)
		return false;
	find_places(&l);
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]) && going; i++)
		going = emit_script(&l, &scripts[i]);
	for (nb = 1; nb <= l.nb && l.left > 0 && going; nb++) {
		l.made = false;
		going = combine(&l, made, 0, 0, 0, nb);
		if (!l.made)
			break;
	}
	free(l.places);
	return going;
}
