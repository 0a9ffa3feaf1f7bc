/* SPDX-License-Identifier: BSD-3-Clause */
#include "domain_name.h"

#include <stdbool.h>

#include "fold.h"
#include "idn.h"
#include "utf8.h"

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
	    c == '-' || c == '_' || c == '.' || c >= 0x80)
		return 0;
	if (c == '@')
		return fault(ret, offset, "is an address, where a domain is expected",
			     "leave out what stands before and with the @");
	if (c == '*')
		return fault(ret, offset, "has a * where none is allowed",
			     "only a protected domain may begin with \"*.\"");
	return fault(ret, offset, "has a character that no domain has",
		     "letters, digits, hyphens and dots make a domain");
}

/* Labels that are there, without hyphens at their ends. */
static int
check_labels(const char *text, size_t len, struct domain_fault *ret)
{
	size_t i, label = 0;

	for (i = 0; i <= len; i++) {
		if (i < len && text[i] != '.')
			continue;
		if (i == label)
			return fault(ret, i, "has an empty label",
				     i == 0 ? "remove the dot at its beginning"
					    : "remove one of the two dots");
		if (text[label] == '-' || text[i - 1] == '-')
			return fault(ret, label, "has a label that begins or ends with a hyphen",
				     "remove the hyphen");
		label = i + 1;
	}
	return 0;
}

static int
check_lengths(const char *text, size_t len, struct domain_fault *ret)
{
	size_t i, label = 0;

	if (len > DOMAIN_NAME_MAX)
		return fault(ret, DOMAIN_NAME_MAX, "is longer than 253 octets",
			     "no mail reaches such a name");
	for (i = 0; i <= len; i++) {
		if (i < len && text[i] != '.')
			continue;
		if (i - label > DOMAIN_LABEL_MAX)
			return fault(ret, label, "has a label longer than 63 octets",
				     "no mail reaches such a name");
		label = i + 1;
	}
	return 0;
}

/* Letters that are no ASCII: which of them can stand in a name. */
static int
check_letters(const char *text, size_t len, struct domain_fault *ret)
{
	uint32_t point;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = utf8_read(text + i, len - i, &point);
		if (n == 0)
			return fault(ret, i, "is no valid UTF-8", "save the file as UTF-8");
		if (point >= 0x80 && !fold_is_name_letter(point))
			return fault(ret, i,
				     "has a character that names have in another form only, or not "
				     "at all",
				     "write it with plain letters; invisible and fullwidth ones "
				     "are none");
	}
	return 0;
}

/* The name with its labels of other letters as A-labels. Its length or -1. */
static int
to_ascii(const char *text, size_t len, char dst[IDN_DOMAIN_MAX], struct domain_fault *ret)
{
	char lower[IDN_DOMAIN_MAX];
	size_t i, n;

	if (check_letters(text, len, ret) < 0)
		return -1;
	for (i = 0; i < len && len <= IDN_DOMAIN_MAX; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	n = len <= IDN_DOMAIN_MAX ? idn_to_ascii(lower, len, dst) : 0;
	for (i = 0; i < n && (unsigned char)dst[i] < 0x80; i++)
		;
	if (n == 0 || i < n || check_lengths(dst, n, ret) < 0)
		return fault(ret, 0,
			     "is longer than a name can be, with its letters written in ASCII",
			     "no mail reaches such a name");
	return (int)n;
}

static bool
is_ascii(const char *text, size_t len)
{
	unsigned char all = 0;
	size_t i;

	for (i = 0; i < len; i++)
		all |= (unsigned char)text[i];
	return all < 0x80;
}

int
domain_name_read(const char *text, size_t len, char *dst, struct domain_fault *ret_fault)
{
	char ascii[IDN_DOMAIN_MAX];
	bool is_other;
	size_t i;
	int n;

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0)
		return fault(ret_fault, 0, "is empty", "write a domain such as example.com");
	is_other = !is_ascii(text, len);
	if (!is_other && check_lengths(text, len, ret_fault) < 0)
		return -1;
	for (i = 0; i < len; i++)
		if (check_octet((unsigned char)text[i], i, ret_fault) < 0)
			return -1;
	if (check_labels(text, len, ret_fault) < 0)
		return -1;
	if (is_other) {
		n = to_ascii(text, len, ascii, ret_fault);
		if (n < 0)
			return -1;
		text = ascii;
		len = (size_t)n;
	}
	for (i = 0; i < len; i++)
		dst[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
	dst[len] = '\0';
	return (int)len;
}
