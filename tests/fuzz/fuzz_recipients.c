/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_recipients - any octets as lists, envelope records and Postfix logs
 *
 * The first octet says the form (0: to be guessed), the rest is lines. What is taken must be whole and inside its limits; a
 * second reading must take the same.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"
#include "rules_recipients.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
	uint64_t nb, hash;
};

static void
require(bool condition)
{
	if (!condition)
		abort();
}

static int
take(void *ctx, const struct rules_question *q)
{
	struct taken *t = ctx;

	require(q->address != NULL && q->sender != NULL && q->len <= RULES_RECIPIENTS_LINE_MAX);
	require(q->client.family == 0 || q->client.family == 4 || q->client.family == 6);
	t->nb++;
	t->hash = hash64(q->address, q->len, t->hash);
	t->hash = hash64(q->sender, q->sender_len, t->hash) ^ q->ts_ns ^ q->is_cut;
	t->hash = hash64(&q->client, sizeof(q->client), t->hash);
	return 0;
}

static void
read_all(const uint8_t *data, size_t size, struct taken *t)
{
	struct rules_recipients r;
	const uint8_t *end, *p;

	rules_recipients_init(&r, (enum rules_format)(data[0] % RULES_FORMAT_CAPTURE), take, t);
	for (p = data + 1; p < data + size; p = end + 1) {
		char *line;
		size_t len;

		end = memchr(p, '\n', (size_t)(data + size - p));
		end = end != NULL ? end : data + size;
		/* Exactly as large as the line and its NUL, so that a read beyond it is seen. */
		len = (size_t)(end - p);
		line = malloc(len + 1);
		require(line != NULL);
		memcpy(line, p, len);
		line[len] = '\0';
		require(rules_recipients_line(&r, line, len, false) == 0);
		free(line);
	}
	require(r.nb_bad <= r.nb_lines && (r.nb_bad == 0) == (r.first_bad == 0));
	rules_recipients_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taken a = {0, 0}, b = {0, 0};

	if (size == 0)
		return 0;
	read_all(data, size, &a);
	read_all(data, size, &b);
	require(a.nb == b.nb && a.hash == b.hash);
	return 0;
}
