/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_name.h"

#include <stdbool.h>

static int
fault(struct domain_fault *ret, size_t offset, const char *what, const char *hint)
{
	ret->what = what;
	ret->hint = hint;
	ret->offset = offset;
	return -1;
}

static int
check_octet(unsigned char c, size_t offset, struct domain_fault *ret)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_')
		return 0;
	if (c >= 0x80)
		return fault(ret, offset, "has a letter that is not ASCII",
			     "write an internationalised name in its xn-- form");
	if (c == '@')
		return fault(ret, offset, "is an address, where a domain is expected",
			     "leave out what stands before and with the @");
	if (c == '*')
		return fault(ret, offset, "has a * where none is allowed",
			     "only a protected domain may begin with \"*.\"");
	return fault(ret, offset, "has a character that no domain has",
		     "letters, digits, hyphens and dots make a domain");
}

int
domain_name_read(const char *text, size_t len, char *dst, struct domain_fault *ret_fault)
{
	size_t i, label = 0;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0)
		return fault(ret_fault, 0, "is empty", "write a domain such as example.com");
	if (len > DOMAIN_NAME_MAX)
		return fault(ret_fault, DOMAIN_NAME_MAX, "is longer than 253 octets",
			     "no mail reaches such a name");
	for (i = 0; i <= len; i++) {
		unsigned char c = i < len ? (unsigned char)text[i] : '.';

		if (c == '.') {
			if (i == label)
				return fault(ret_fault, i, "has an empty label",
					     i == 0 ? "remove the dot at its beginning"
						    : "remove one of the two dots");
			if (i - label > DOMAIN_LABEL_MAX)
				return fault(ret_fault, label, "has a label longer than 63 octets",
					     "no mail reaches such a name");
			if (text[label] == '-' || text[i - 1] == '-')
				return fault(ret_fault, label,
					     "has a label that begins or ends with a hyphen",
					     "remove the hyphen");
			label = i + 1;
		} else if (check_octet(c, i, ret_fault) < 0) {
			return -1;
		}
		if (i < len)
			dst[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	dst[len] = '\0';
	return (int)len;
}
