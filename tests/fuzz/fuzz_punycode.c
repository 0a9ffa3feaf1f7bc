/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_punycode - any octets decoded, and any code points encoded
 *
 * First octet: even: the rest is a text: what is decoded encodes to the same text but for the case
 * of digits, and what is decoded in part begins with the same basic code points; odd: the rest is
 * code points, four octets each: what is encoded decodes to them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "punycode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
decode(const char *text, size_t len)
{
	uint32_t points[PUNYCODE_LEN_MAX], again[PUNYCODE_LEN_MAX];
	const char *hyphen = memrchr(text, '-', len);
	char back[256];
	size_t nb, nb_again, n, i, head = hyphen != NULL ? (size_t)(hyphen - text) : 0;
	bool is_whole = punycode_decode(text, len, points, PUNYCODE_LEN_MAX, &nb);

	require(nb <= PUNYCODE_LEN_MAX);
	for (i = 0; i < nb; i++)
		require(points[i] <= 0x10ffff && (points[i] < 0xd800 || points[i] > 0xdfff));
	/* The basic ones come first, in their order, however it ends. */
	for (i = 0, n = 0; i < nb; i++) {
		if (points[i] < 0x80)
			require(n < head && points[i] == (uint8_t)text[n++]);
	}
	if (!is_whole || nb == 0)
		return;
	/* Less room: the same beginning of the work, never more than fits. */
	require(!punycode_decode(text, len, again, nb - 1, &nb_again) && nb_again <= nb - 1);
	n = punycode_encode(points, nb, back, sizeof(back));
	/* "-" alone is the sign of no basic code points at all: it is not written. */
	if (hyphen == text) {
		text++;
		len--;
	}
	require(n == len && memcmp(back, text, head > 0 ? head + 1 : 0) == 0);
	for (i = head; i < len; i++)
		require(back[i] == (text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]));
}

static void
encode(const uint8_t *data, size_t size)
{
	uint32_t points[PUNYCODE_LEN_MAX + 1], back[PUNYCODE_LEN_MAX];
	size_t nb = size / 4 < PUNYCODE_LEN_MAX + 1 ? size / 4 : PUNYCODE_LEN_MAX + 1, nb_back, len,
	       i;
	char text[1024];
	bool is_basic = true;

	for (i = 0; i < nb; i++) {
		points[i] = ((uint32_t)data[4 * i] << 16 | (uint32_t)data[4 * i + 1] << 8 |
			     data[4 * i + 2]) %
			    0x110000;
		if (points[i] >= 0xd800 && points[i] <= 0xdfff)
			points[i] = data[4 * i + 3] & 0x7f;
		is_basic = is_basic && points[i] < 0x80;
	}
	len = punycode_encode(points, nb, text, sizeof(text));
	require((len == 0) == (nb == 0 || nb > PUNYCODE_LEN_MAX));
	if (len == 0)
		return;
	require(punycode_decode(text, len, back, PUNYCODE_LEN_MAX, &nb_back) && nb_back == nb);
	require(memcmp(points, back, nb * sizeof(points[0])) == 0);
	require(punycode_encode(points, nb, text, len - 1) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		decode((const char *)data + 1, size - 1);
	else
		encode(data + 1, size - 1);
	return 0;
}
