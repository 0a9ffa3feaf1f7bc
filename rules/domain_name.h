/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * domain_name - domain names as people write them in rule files
 *
 * What:      checked and put into the form the matcher compares: lower case, no trailing dot, internationalised labels,
 *            in whatever writing, as A-labels (idn.h).
 * Source:    RFC 1035 §2.3.4 (63 octets a label, 253 in all as text), RFC 1123 §2.1 (letters, digits, hyphens);
 *            an underscore is let through, because names with one receive mail.
 */
#ifndef POSTERN_DOMAIN_NAME_H
#define POSTERN_DOMAIN_NAME_H

#include <stddef.h>

enum {
	DOMAIN_NAME_MAX = 253,
	DOMAIN_LABEL_MAX = 63,
};

struct domain_fault {
	const char *what; /* static text */
	const char *hint; /* or NULL */
	size_t offset;	  /* octets before the fault */
};

/*
 * Write the name into @dst (DOMAIN_NAME_MAX + 1 octets, NUL-terminated). Its length, or -1 with *ret_fault filled.
 */
int domain_name_read(const char *text, size_t len, char *dst, struct domain_fault *ret_fault);

#endif
