/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idn_label - one label of an internationalised domain as code points
 */
#ifndef POSTERN_IDN_LABEL_H
#define POSTERN_IDN_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	IDN_LABEL_POINTS_MAX = 255, /* a label has at most one for each octet of a domain */
};

enum idn_label_kind {
	IDN_LABEL_ASCII, /* octets below 0x80, and no A-label */
	IDN_LABEL_A,	 /* "xn--" and good Punycode */
	IDN_LABEL_BAD_A, /* "xn--" and none: points up to the fault, or the octets when there are
			    none */
	IDN_LABEL_U,	 /* UTF-8 */
	IDN_LABEL_BAD_U, /* octets above 0x7f and no UTF-8: where it is none, each octet is a point
			  */
};

/*
 * Octets before the next dot, at most @len; *ret_dot: octets of that dot, 0 at the end. Ideographic
 * and fullwidth dots (RFC 3490 §3.1) are dots.
 */
size_t idn_label_len(const char *p, size_t len, size_t *ret_dot);

/* The same from the end: octets behind the last dot, and those of that dot, 0 when there is none. */
size_t idn_label_last(const char *p, size_t len, size_t *ret_dot);

/* Read a label of @len octets, at most IDN_LABEL_POINTS_MAX. */
enum idn_label_kind idn_label_read(const char *p, size_t len, uint32_t points[IDN_LABEL_POINTS_MAX],
				   size_t *ret_nb);

#endif
