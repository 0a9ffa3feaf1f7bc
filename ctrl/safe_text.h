/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * safe_text - octets from the wire made fit for a terminal, a log line or JSON
 *
 * What:      valid, visible UTF-8 is kept; every other octet becomes \xHH: what is no UTF-8, control characters (C0, DEL,
 *            C1), bidirectional controls, line separators, and characters nobody can see (zero width, fillers, blanks
 *            other than U+0020), which in an address serve only to deceive.
 * Threads:   pure function. Cost: O(len).
 * Hostile:   all octets. The result is valid UTF-8 without control characters; an escape or a character is never cut.
 * Source:    RFC 3629 (UTF-8), Unicode Standard Annex #9 (bidirectional controls).
 */
#ifndef POSTERN_SAFE_TEXT_H
#define POSTERN_SAFE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write @len octets of @src into @dst of @size octets, NUL-terminated when @size > 0.
 * Returns the length of the whole result without its NUL (as snprintf() does): >= @size means that it was cut.
 */
size_t safe_text(char *dst, size_t size, const void *src, size_t len);

/* Are the octets kept as they are, so that safe_text() would change nothing? */
bool safe_text_is_safe(const void *src, size_t len);

#endif
