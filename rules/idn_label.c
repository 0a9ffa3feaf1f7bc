/* SPDX-License-Identifier: BSD-3-Clause */
#include "idn_label.h"

#include <string.h>

#include "punycode.h"
#include "utf8.h"

static const char prefix[] = {'x', 'n', '-', '-'};

/* RFC 3490 §3.1 */
static const char dots[][3] = {
	{'\xe3', '\x80', '\x82'}, {'\xef', '\xbc', '\x8e'}, {'\xef', '\xbd', '\xa1'}};

/* Octets of a dot at @p that is no ASCII, or 0. */
static size_t
other_dot(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(dots) / sizeof(dots[0]) && len >= sizeof(dots[0]); i++)
		if (memcmp(p, dots[i], sizeof(dots[0])) == 0)
			return sizeof(dots[0]);
	return 0;
}

size_t
idn_label_len(const char *p, size_t len, size_t *ret_dot)
{
	size_t i;

	*ret_dot = 1;
	for (i = 0; i < len && p[i] != '.'; i++) {
		if ((uint8_t)p[i] != 0xe3 && (uint8_t)p[i] != 0xef)
			continue; /* no dot begins with it */
		*ret_dot = other_dot(p + i, len - i);
		if (*ret_dot > 0)
			return i;
		*ret_dot = 1;
	}
	if (i == len)
		*ret_dot = 0;
	return i;
}

size_t
idn_label_last(const char *p, size_t len, size_t *ret_dot)
{
	size_t i;

	/* The first octet of a dot is none of its others: read from either end, they are the same. */
	for (i = len; i > 0; i--) {
		uint8_t c = (uint8_t)p[i - 1];

		*ret_dot = c == '.';
		if (c >= 0x80 && i >= sizeof(dots[0]))
			*ret_dot = other_dot(p + i - sizeof(dots[0]), sizeof(dots[0]));
		if (*ret_dot > 0)
			return len - i;
	}
	*ret_dot = 0;
	return len;
}

static enum idn_label_kind
read_octets(const char *p, size_t len, uint32_t *points, size_t *ret_nb)
{
	enum idn_label_kind kind = IDN_LABEL_ASCII;
	size_t i, n, nb = 0;

	for (i = 0; i < len; i += n, nb++) {
		n = utf8_read(p + i, len - i, &points[nb]);
		if (n > 1 && kind == IDN_LABEL_ASCII)
			kind = IDN_LABEL_U;
		if (n > 0)
			continue;
		kind = IDN_LABEL_BAD_U;
		points[nb] = (uint8_t)p[i];
		n = 1;
	}
	*ret_nb = nb;
	return kind;
}

enum idn_label_kind
idn_label_read(const char *p, size_t len, uint32_t points[IDN_LABEL_POINTS_MAX], size_t *ret_nb)
{
	enum idn_label_kind kind;
	size_t i;

	if (len > IDN_LABEL_POINTS_MAX)
		len = IDN_LABEL_POINTS_MAX;
	if (len < sizeof(prefix) || memcmp(p, prefix, sizeof(prefix)) != 0)
		return read_octets(p, len, points, ret_nb);
	p += sizeof(prefix);
	len -= sizeof(prefix);
	kind = punycode_decode(p, len, points, IDN_LABEL_POINTS_MAX, ret_nb) && *ret_nb > 0
		       ? IDN_LABEL_A
		       : IDN_LABEL_BAD_A;
	for (i = 0; i < *ret_nb && points[i] < 0x80; i++)
		;
	if (i == *ret_nb) /* an A-label has a letter that is no ASCII: RFC 5890 §2.3.2.1 */
		kind = IDN_LABEL_BAD_A;
	if (*ret_nb == 0)
		read_octets(p - sizeof(prefix), len + sizeof(prefix), points, ret_nb);
	return kind;
}
