/* SPDX-License-Identifier: BSD-3-Clause */
#include "fold.h"

#include "fold_table.h"
#include "utf8.h"

/* Hangul is composed by arithmetic: Unicode Standard §3.12. */
enum {
	S_FIRST = 0xac00,
	L_FIRST = 0x1100,
	V_FIRST = 0x1161,
	T_FIRST = 0x11a7,
	L_NB = 19,
	V_NB = 21,
	T_NB = 28,
	S_NB = L_NB * V_NB * T_NB,
};

/* Tags and variation selectors: invisible, and beyond the tables. */
enum {
	TAGS_FIRST = 0xe0000,
	TAGS_LAST = 0xe0fff,
};

static size_t
from_value(uint32_t point, uint16_t value, const uint8_t *pool, uint32_t dst[FOLD_POINT_MAX])
{
	const char *p;
	size_t nb, i;

	if (value == FOLD_SELF || value >= FOLD_POOL_FIRST) {
		dst[0] = point;
		if (value == FOLD_SELF)
			return 1;
	} else if (value == FOLD_NOTHING) {
		return 0;
	} else {
		dst[0] = value;
		return 1;
	}
	p = (const char *)pool + (value - FOLD_POOL_FIRST);
	nb = (size_t)*p++;
	for (i = 0; i < nb; i++)
		p += utf8_read(p, UTF8_LEN_MAX, &dst[i]);
	return nb;
}

static size_t
norm_hangul(uint32_t index, uint32_t dst[FOLD_POINT_MAX])
{
	dst[0] = L_FIRST + index / (V_NB * T_NB);
	dst[1] = V_FIRST + index % (V_NB * T_NB) / T_NB;
	if (index % T_NB == 0)
		return 2;
	dst[2] = T_FIRST + index % T_NB;
	return 3;
}

size_t
fold_norm(uint32_t point, uint32_t dst[FOLD_POINT_MAX])
{
	if (point - S_FIRST < S_NB)
		return norm_hangul(point - S_FIRST, dst);
	if (point >= FOLD_POINTS) {
		dst[0] = point;
		return 1;
	}
	if (point < 0x80) {
		dst[0] = point >= 'A' && point <= 'Z' ? point | 0x20 : point;
		return 1;
	}
	return from_value(point,
			  fold_norm_blocks[fold_norm_stage[point / FOLD_BLOCK]][point % FOLD_BLOCK],
			  fold_norm_pool, dst);
}

size_t
fold_looks(uint32_t point, uint32_t dst[FOLD_POINT_MAX])
{
	if (point < 0x80 || point >= FOLD_POINTS) {
		dst[0] = point;
		return point < TAGS_FIRST || point > TAGS_LAST;
	}
	return from_value(
		point, fold_looks_blocks[fold_looks_stage[point / FOLD_BLOCK]][point % FOLD_BLOCK],
		fold_looks_pool, dst);
}

static uint8_t
raw_class(uint32_t point)
{
	if (point >= FOLD_POINTS)
		return FOLD_CLASS_NO_LETTER;
	return fold_class_blocks[fold_class_stage[point / FOLD_BLOCK]][point % FOLD_BLOCK];
}

static uint8_t
class_of(uint32_t point)
{
	uint8_t class = raw_class(point);

	return class < FOLD_CLASS_STABLE ? class : 0;
}

bool
fold_is_stable(uint32_t point)
{
	return point < 0x80 ? point < 'A' || point > 'Z' : raw_class(point) == FOLD_CLASS_STABLE;
}

bool
fold_is_name_letter(uint32_t point)
{
	return raw_class(point) != FOLD_CLASS_NO_LETTER;
}

void
fold_order(uint32_t *points, size_t nb)
{
	size_t from, to, i, j;
	uint32_t point;
	uint8_t class;

	for (from = 0; from < nb; from = to) {
		for (to = from; to < nb && class_of(points[to]) != 0; to++)
			;
		for (i = from + 1; i < to && to - from <= FOLD_MARKS_MAX; i++) {
			point = points[i];
			class = class_of(point);
			for (j = i; j > from && class_of(points[j - 1]) > class; j--)
				points[j] = points[j - 1];
			points[j] = point;
		}
		to += to == from;
	}
}

/* The composite of two points, 0: there is none. */
static uint32_t
compose_pair(uint32_t first, uint32_t second)
{
	size_t from = 0, to = fold_nb_pairs, middle;
	const struct fold_pair *p;

	if (second < FOLD_SECOND_LEAST)
		return 0;
	if (first - L_FIRST < L_NB && second - V_FIRST < V_NB)
		return S_FIRST + ((first - L_FIRST) * V_NB + second - V_FIRST) * T_NB;
	if (first - S_FIRST < S_NB && (first - S_FIRST) % T_NB == 0 && second > T_FIRST &&
	    second < T_FIRST + T_NB)
		return first + (second - T_FIRST);
	while (from < to) {
		middle = (from + to) / 2;
		p = &fold_pairs[middle];
		if (p->first == first && p->second == second)
			return p->whole;
		if (p->first < first || (p->first == first && p->second < second))
			from = middle + 1;
		else
			to = middle;
	}
	return 0;
}

size_t
fold_compose(uint32_t *points, size_t nb)
{
	size_t starter = 0, used = 0, i;
	bool has_starter = false;
	uint8_t class, last = 0; /* class of what was put behind the starter last */
	uint32_t whole;

	for (i = 0; i < nb; i++) {
		class = class_of(points[i]);
		/* Blocked by a mark of the same or a higher class between the two (D115). */
		whole = has_starter && (used == starter + 1 || (last != 0 && last < class))
				? compose_pair(points[starter], points[i])
				: 0;
		if (whole != 0) {
			points[starter] = whole;
			continue;
		}
		if (class == 0) {
			starter = used;
			has_starter = true;
		}
		last = class;
		points[used++] = points[i];
	}
	return used;
}

const char *
fold_name(uint32_t point)
{
	size_t from = 0, to = fold_nb_names, middle;

	while (from < to) {
		middle = (from + to) / 2;
		if (fold_names[middle].point == point)
			return (const char *)fold_names_pool + fold_names[middle].offset;
		if (fold_names[middle].point < point)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}
