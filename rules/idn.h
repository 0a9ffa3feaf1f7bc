/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idn - internationalised domains: one form for all writings of a name, and their texts for the typo index
 *
 * What:      The form in which names are compared is that of DNS: every label as an A-label ("xn--"). A U-label is made
 *            one after lower case and NFC, so bücher.example, BÜCHER.example, its decomposed form and
 *            xn--bcher-kva.example are one name. Other forms that some software takes for the same (fullwidth letters,
 *            ideographic dots, invisible characters) are none of it: RFC 5891 wants a client to have put them right.
 *            For what looks alike the labels are read again, as letters or as what these look like.
 * Invalid:   what is no UTF-8 is read as ISO 8859-1, octet by octet; of a label that is no Punycode, the part before the
 *            fault is read. Such a name equals no protected one, but can look like one.
 * Threads:   pure functions.
 * Cost:      O(length).
 * Hostile:   the domain: any octets up to IDN_DOMAIN_MAX.
 * Source:    RFC 5890 §2.3.2.1, RFC 5891 §5, RFC 6531 §3.2; RFC 3490 §3.1 (dots).
 */
#ifndef POSTERN_IDN_H
#define POSTERN_IDN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	IDN_LABELS_ALL = 256,  /* more than any domain has */
	IDN_EXPLAIN_MAX = 768, /* octets of an explanation, at most */
	IDN_DOMAIN_MAX = 255,  /* octets */
	IDN_TEXT_MAX = 255, /* characters of a text; of a longer one the front is missing, by whole
			       labels */
};

/* Has the domain, in lower case, anything that is no plain ASCII label? What has not needs nothing
 * of this file. */
static inline bool
idn_is(const char *domain, size_t len)
{
	const char *p = domain, *end = domain + len;
	uint8_t all = 0, hyphens = 0;
	size_t i;

	for (i = 0; i < len; i++)
		all |= (uint8_t)domain[i];
	for (i = 1; i < len; i++)
		hyphens |= (uint8_t)((domain[i - 1] == '-') & (domain[i] == '-'));
	if (all >= 0x80)
		return true;
	if (hyphens == 0)
		return false;
	for (; (p = memmem(p, (size_t)(end - p), "xn--", 4)) != NULL; p += 4)
		if (p == domain || p[-1] == '.')
			return true;
	return false;
}

/*
 * Write the domain, in lower case where it is ASCII, with each label as an A-label; one that can't
 * be (no UTF-8, longer than 63 octets) stays as it is. Its length; 0: it would be longer than
 * IDN_DOMAIN_MAX, or is empty.
 */
size_t idn_to_ascii(const char *domain, size_t len, char dst[IDN_DOMAIN_MAX]);

enum idn_form {
	IDN_LETTERS, /* the letters of each label as they are */
	IDN_LOOKS,   /* what they look like: fold_looks() */
};

/* A character is one octet: itself, or 0x80 and the last seven bits of its code point. */
struct idn_text {
	size_t len;
	char text[IDN_TEXT_MAX];
	uint32_t points[IDN_TEXT_MAX];	  /* code point of each character */
	uint8_t is_foreign[IDN_TEXT_MAX]; /* 1: it is not what stands in the domain, or no ASCII */
	uint8_t origin[IDN_TEXT_MAX];	  /* octet of the domain where the label of this character
					     begins */
};

/*
 * Read what idn_to_ascii() wrote (or could not), of its labels the last @max_labels. False: as letters it has no form,
 * because one of them is none.
 */
bool idn_read(const char *domain, size_t len, enum idn_form form, size_t max_labels, struct idn_text *ret);

/*
 * What is odd about the domain, for people: its code points that are no ASCII, with names, and what
 * is invalid. snprintf()-like; "" for plain ASCII.
 */
int idn_explain(const char *domain, size_t len, char *buf, size_t size);

#endif
