/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fold_table - layout of the tables that fold_generate writes and fold.c reads
 *
 *	code point --/ FOLD_BLOCK--> stage[] --> blocks[][point % FOLD_BLOCK] --> value
 *
 *	value   FOLD_SELF: the character itself; FOLD_NOTHING: it goes away; from there to 0x7f: this ASCII character;
 *	        from FOLD_POOL_FIRST: at value - FOLD_POOL_FIRST in the pool stand a number and so many characters, in UTF-8
 */
#ifndef POSTERN_FOLD_TABLE_H
#define POSTERN_FOLD_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
	FOLD_POINTS = 0x30000, /* planes 0 to 2: all that letters stand in; others are themselves */
	FOLD_BLOCK = 128,
	FOLD_SELF = 0,
	FOLD_NOTHING = 1,
	FOLD_POOL_FIRST = 0x80,
	FOLD_CLASS_STABLE = 254,    /* of a letter that lower case and NFC leave as it is; its combining class is 0 */
	FOLD_CLASS_NO_LETTER = 255, /* of what can't stand in a name; its combining class is 0 */
};

enum {
	FOLD_SECOND_LEAST = 0x300, /* all second points of pairs are marks, or stand far behind Latin */
};

/* @first followed by @second is @whole. */
struct fold_pair {
	uint32_t first, second, whole;
};

struct fold_name {
	uint32_t point;
	uint32_t offset; /* into fold_names_pool, NUL-terminated */
};

/* Lower case, canonically decomposed. */
extern const uint8_t fold_norm_stage[];
extern const uint16_t fold_norm_blocks[][FOLD_BLOCK];
extern const uint8_t fold_norm_pool[];

/* What a character of that form looks like. */
extern const uint8_t fold_looks_stage[];
extern const uint16_t fold_looks_blocks[][FOLD_BLOCK];
extern const uint8_t fold_looks_pool[];

/* Canonical combining classes, or FOLD_CLASS_STABLE or FOLD_CLASS_NO_LETTER; no pool. */
extern const uint8_t fold_class_stage[];
extern const uint8_t fold_class_blocks[][FOLD_BLOCK];

/* By first, then second character. */
extern const struct fold_pair fold_pairs[];
extern const size_t fold_nb_pairs;

/* Of characters that look like ASCII, by code point. */
extern const struct fold_name fold_names[];
extern const size_t fold_nb_names;
extern const uint8_t fold_names_pool[];

#endif
