/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fold - characters made the same: by case and composition, and by what they look like
 *
 * What:      lower case with canonical composition, so that all writings of one name are one (RFC 5891 §5.3 asks for NFC);
 *            and what a character looks like, in ASCII where it can be (UTS #39 skeletons, compatibility forms, marks
 *            taken off, variants of Latin letters, fold_extra.h). Expands, never contracts: m is m, and "rn" stays.
 * Shape:     two-stage tables, made at build time from ICU's data (fold_table.h); about 140 KB, of which names that are
 *            folded touch a few cache lines; 160 KB of character names for explanations beside them.
 * Threads:   pure functions over constant tables.
 * Cost:      two loads for a character.
 * Hostile:   any code points, any numbers above U+10FFFF too.
 * Source:    Unicode Standard §3.7 (canonical ordering), §3.11, §3.12 (Hangul); UTS #39 §4 (skeletons).
 */
#ifndef POSTERN_FOLD_H
#define POSTERN_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FOLD_POINT_MAX = 4, /* code points that one is folded into */
};

/* Lower case, canonically decomposed. The number written, at least 1. */
size_t fold_norm(uint32_t point, uint32_t dst[FOLD_POINT_MAX]);

/* What it looks like, for a point that fold_norm() gave: ASCII, other points, or nothing at all
 * (0). */
size_t fold_looks(uint32_t point, uint32_t dst[FOLD_POINT_MAX]);

/* Marks behind each letter into canonical order. A run of more than FOLD_MARKS_MAX stays as it is.
 */
enum {
	FOLD_MARKS_MAX = 30, /* UAX #15 §13 (stream-safe text) */
};
void fold_order(uint32_t *points, size_t nb);

/* Canonical composition, in place, of what is decomposed and in order. The number left. */
size_t fold_compose(uint32_t *points, size_t nb);

/* Can it stand in a name: no other form of other characters, such as a fullwidth letter, and
 * nothing invisible? */
bool fold_is_name_letter(uint32_t point);

/* Lower case and NFC, whatever other such points stand beside it? False: perhaps. */
bool fold_is_stable(uint32_t point);

/* Name of a character that looks like ASCII and is none, or NULL. */
const char *fold_name(uint32_t point);

#endif
