/* SPDX-License-Identifier: BSD-3-Clause */
#include "safe_text.h"

#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 character at @p and its code point; 0: none (RFC 3629 §4: no overlong form, no surrogate). */
static size_t
utf8_read(const uint8_t *p, size_t len, uint32_t *ret_cp)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t cp;
	size_t n, i;

	if (p[0] < 0x80) {
		*ret_cp = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		n = 2;
		cp = p[0] & 0x1f;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		n = 3;
		cp = p[0] & 0x0f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		n = 4;
		cp = p[0] & 0x07;
	} else {
		return 0;
	}
	if (len < n)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret_cp = cp;
	return n;
}

/* Ranges of code points that are not shown. Sorted. */
static const struct {
	uint32_t first, last;
} unsafe_ranges[] = {
	{0x00, 0x1f},	     {0x7f, 0xa0}, /* DEL, C1, no-break space */
	{0xad, 0xad},			   /* soft hyphen */
	{0x34f, 0x34f},			   /* grapheme joiner */
	{0x61c, 0x61c},			   /* Arabic letter mark */
	{0x115f, 0x1160},		   /* Hangul fillers */
	{0x1680, 0x1680},		   /* Ogham blank */
	{0x17b4, 0x17b5},		   /* Khmer inherent vowels, invisible */
	{0x180b, 0x180f},		   /* Mongolian selectors and separator */
	{0x2000, 0x200f},		   /* blanks, zero width, LRM, RLM */
	{0x2028, 0x202f},		   /* line separators, bidi embeddings, narrow blank */
	{0x205f, 0x206f},		   /* blank, invisible operators, bidi isolates */
	{0x2800, 0x2800},		   /* empty Braille pattern */
	{0x3000, 0x3000},		   /* ideographic blank */
	{0x3164, 0x3164},		   /* Hangul filler */
	{0xfdd0, 0xfdef},		   /* noncharacters */
	{0xfe00, 0xfe0f},		   /* variation selectors */
	{0xfeff, 0xfeff},		   /* byte order mark */
	{0xffa0, 0xffa0},		   /* halfwidth Hangul filler */
	{0xfff0, 0xfffb},		   /* interlinear annotation */
	{0xfffe, 0xffff},		   /* noncharacters */
	{0xe0000, 0xe0fff},		   /* tags, further selectors */
	{0xf0000, 0x10ffff},		   /* private use */
};

static bool
is_visible(uint32_t cp)
{
	size_t i;

	for (i = 0; i < sizeof(unsafe_ranges) / sizeof(unsafe_ranges[0]); i++) {
		if (cp < unsafe_ranges[i].first)
			return true;
		if (cp <= unsafe_ranges[i].last)
			return false;
	}
	return true;
}

/* Length of the visible character at @p, 0: the octet must be escaped. */
static size_t
visible_len(const uint8_t *p, size_t len)
{
	uint32_t cp;
	size_t n;

	if (p[0] >= 0x20 && p[0] < 0x7f)
		return 1;
	n = utf8_read(p, len, &cp);
	return n > 0 && is_visible(cp) ? n : 0;
}

bool
safe_text_is_safe(const void *src, size_t len)
{
	const uint8_t *p = src;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = visible_len(p + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

size_t
safe_text(char *dst, size_t size, const void *src, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	const uint8_t *p = src;
	size_t i = 0, need = 0, used = 0, n, m;
	bool is_cut = false;
	char piece[4];

	while (i < len) {
		n = visible_len(p + i, len - i);
		if (n > 0) {
			memcpy(piece, p + i, n);
			m = n;
		} else {
			piece[0] = '\\';
			piece[1] = 'x';
			piece[2] = hex[p[i] >> 4];
			piece[3] = hex[p[i] & 0x0f];
			n = 1;
			m = 4;
		}
		i += n;
		need += m;
		if (need >= size)
			is_cut = true;
		if (!is_cut) {
			memcpy(dst + used, piece, m);
			used += m;
		}
	}
	if (size > 0)
		dst[used] = '\0';
	return need;
}
