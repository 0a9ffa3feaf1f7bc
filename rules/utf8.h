/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * utf8 - one character of UTF-8 read and written, strictly
 *
 * Source:    RFC 3629 §3, §4: no overlong form, no surrogate, nothing above U+10FFFF.
 */
#ifndef POSTERN_UTF8_H
#define POSTERN_UTF8_H

#include <stddef.h>
#include <stdint.h>

enum {
	UTF8_LEN_MAX = 4, /* octets of one character */
};

/* Octets of the character at @p, of which @len >= 1 are there, with its code point in *ret; 0:
 * there is none. */
static inline size_t
utf8_read(const char *p, size_t len, uint32_t *ret)
{
	static const uint32_t least[UTF8_LEN_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t point = (uint8_t)p[0];
	size_t n, i;

	if (point < 0x80) {
		*ret = point;
		return 1;
	}
	if (point < 0xc2 || point > 0xf4)
		return 0;
	n = point < 0xe0 ? 2 : point < 0xf0 ? 3 : 4;
	if (len < n)
		return 0;
	point &= 0x7fu >> n;
	for (i = 1; i < n; i++) {
		if (((uint8_t)p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | ((uint8_t)p[i] & 0x3f);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return n;
}

/* Write @point, which is one, into @dst (UTF8_LEN_MAX octets). The octets written. */
static inline size_t
utf8_write(uint32_t point, char *dst)
{
	if (point < 0x80) {
		dst[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		dst[0] = (char)(0xc0 | point >> 6);
		dst[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		dst[0] = (char)(0xe0 | point >> 12);
		dst[1] = (char)(0x80 | (point >> 6 & 0x3f));
		dst[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	dst[0] = (char)(0xf0 | point >> 18);
	dst[1] = (char)(0x80 | (point >> 12 & 0x3f));
	dst[2] = (char)(0x80 | (point >> 6 & 0x3f));
	dst[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

#endif
