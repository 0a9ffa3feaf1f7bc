/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_fold - any octets as a domain: its form in ASCII, its texts, its explanation
 *
 * That form is the same when it is made of itself; a text has no character but plain ASCII or
 * octets above 0x7f, knows where its labels begin, and is the same when it is read again; plain
 * ASCII comes back as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "idn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
check_text(const char *domain, size_t len, const struct idn_text *t)
{
	size_t i;

	require(t->len <= IDN_TEXT_MAX);
	for (i = 0; i < t->len; i++) {
		uint32_t point = t->points[i];

		require((uint8_t)t->text[i] == (point < 0x80 ? point : 0x80 | (point & 0x7f)));
		require(t->is_foreign[i] <= 1 &&
			(t->origin[i] < len || len == 0 || t->text[i] == '.'));
		require(point < 0x80 || t->is_foreign[i] == 1);
		if (i > 0)
			require(t->origin[i] >= t->origin[i - 1]);
		/* What is native stands in its label. */
		if (t->is_foreign[i] == 0)
			require(memchr(domain + t->origin[i], t->text[i], len - t->origin[i]) !=
				NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct idn_text looks, letters;
	char domain[IDN_DOMAIN_MAX], ascii[IDN_DOMAIN_MAX], again[IDN_DOMAIN_MAX],
		told[IDN_EXPLAIN_MAX];
	size_t len = size < sizeof(domain) ? size : sizeof(domain), n, i;
	bool has_letters;
	int told_len;

	for (i = 0; i < len; i++) /* as matcher.c gives it */
		domain[i] = (char)(data[i] >= 'A' && data[i] <= 'Z' ? data[i] | 0x20 : data[i]);
	n = idn_to_ascii(domain, len, ascii);
	if (n > 0) {
		i = idn_to_ascii(ascii, n, again);
		require(i == 0 || (i == n && memcmp(ascii, again, n) == 0)); /* 0: near the limit, it stays as it is */
		memcpy(domain, ascii, n);
		len = n;
	}
	require(idn_read(domain, len, IDN_LOOKS, IDN_LABELS_ALL, &looks));
	check_text(domain, len, &looks);
	has_letters = idn_read(domain, len, IDN_LETTERS, IDN_LABELS_ALL, &letters);
	if (has_letters)
		check_text(domain, len, &letters);
	told_len = idn_explain(domain, len, told, sizeof(told));
	require(told_len >= 0 && (size_t)told_len < sizeof(told) &&
		strlen(told) == (size_t)told_len);
	if (!idn_is(domain, len)) {
		require(n == len && has_letters && told_len == 0);
		require(looks.len == len && memcmp(looks.text, domain, len) == 0);
		require(letters.len == len && memcmp(letters.text, domain, len) == 0);
	}
	return 0;
}
