/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * punycode - what stands behind "xn--" in a label, as code points, and back
 *
 * Threads:   pure functions.
 * Cost:      O(n^2) moves for n code points; n is at most PUNYCODE_LEN_MAX.
 * Hostile:   the text decoded: any octets, any length. Every sum is checked against 32 bits before it is made.
 * Source:    RFC 3492 §5 (parameters), §6.1 to §6.4 (algorithms); RFC 5890 §2.3.2.1 (A-labels).
 */
#ifndef POSTERN_PUNYCODE_H
#define POSTERN_PUNYCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUNYCODE_LEN_MAX = 63, /* code points, and octets, that any label can have */
};

/*
 * Decode @len octets, without the "xn--", into at most @max code points; letters of digits may be
 * of both cases. True: *ret_nb of them are the whole. False: it is no Punycode of code points (RFC
 * 3629: up to U+10FFFF, no surrogates), or there are more than @max; *ret_nb were read before the
 * fault, the basic ones at least where they fit.
 */
bool punycode_decode(const char *text, size_t len, uint32_t *dst, size_t max, size_t *ret_nb);

/* Encode @nb code points, without the "xn--". Octets written to @dst, 0: more than @max would be
 * needed, or @nb is 0. */
size_t punycode_encode(const uint32_t *points, size_t nb, char *dst, size_t max);

#endif
