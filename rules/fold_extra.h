/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fold_extra - look-alikes of ASCII that neither decomposition nor UTS #39 nor the name of a letter gives
 *
 * What:      read by fold_generate before anything else. Lower case; text that names can have.
 */
#ifndef POSTERN_FOLD_EXTRA_H
#define POSTERN_FOLD_EXTRA_H

#include <stdint.h>

/* clang-format off */
static const struct {
	uint32_t point;
	const char *looks_like;
} fold_extras[] = {
	/* Latin letters that are none of the 26 */
	{0x00df, "ss"}, /* sharp s, and what it is written as where there is none */
	{0x00e6, "ae"},
	{0x00f0, "d"},	/* eth */
	{0x00fe, "p"},	/* thorn */
	{0x0138, "k"},	/* kra */
	{0x014b, "n"},	/* eng */
	{0x0153, "oe"},
	{0x0185, "b"},	/* tone six */
	{0x01bb, "2"},	/* two with stroke */
	{0x01bd, "5"},	/* tone five */
	{0x01bf, "p"},	/* wynn */
	{0x01dd, "e"},	/* turned e */
	{0x0251, "a"},	/* alpha */
	{0x0259, "e"},	/* schwa */
	{0x025b, "e"},	/* open e */
	{0x0261, "g"},	/* script g */
	{0x0269, "i"},	/* iota */
	{0x0283, "f"},	/* esh */
	{0x0289, "u"},	/* u bar */
	{0x028a, "u"},	/* upsilon */
	/* Greek, as small letters look */
	{0x03b2, "b"},
	{0x03b5, "e"},
	{0x03b7, "n"},
	{0x03ba, "k"},
	{0x03bc, "u"},
	{0x03bd, "v"},
	{0x03c0, "n"},
	{0x03c4, "t"},
	{0x03c5, "u"},
	{0x03c7, "x"},
	{0x03c9, "w"},
	/* Cyrillic */
	{0x0432, "b"},
	{0x0433, "r"},
	{0x0438, "u"},
	{0x043a, "k"},
	{0x043c, "m"},
	{0x043d, "h"},
	{0x043f, "n"},
	{0x0442, "t"},
	{0x0448, "w"},
	{0x044c, "b"},
	{0x0461, "w"},
	{0x0475, "v"},
	{0x04cf, "l"},	/* palochka */
};
/* clang-format on */

#endif
