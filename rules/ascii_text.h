/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ascii_text - comparing hostile octets with lower-case text of rule files, without regard to ASCII
 * case
 */
#ifndef POSTERN_ASCII_TEXT_H
#define POSTERN_ASCII_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Is @text of @len octets, lowered, the lower-case string @want? */
static inline bool
ascii_same(const char *want, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (want[i] == '\0' || want[i] != ascii_lower(text[i]))
			return false;
	return want[len] == '\0';
}

#endif
