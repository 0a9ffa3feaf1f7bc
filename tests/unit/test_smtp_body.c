/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of data: every version, every split, every alignment, against a plain reading octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smtp_body.h"

enum { MARKS_MAX = 64 };

/* Where ends were found: offset of the octet after it, and its kind. */
struct marks {
	unsigned int nb;
	size_t at[MARKS_MAX];
	enum smtp_body_found what[MARKS_MAX];
};

static void
mark(struct marks *m, size_t at, enum smtp_body_found what)
{
	if (m->nb < MARKS_MAX) {
		m->at[m->nb] = at;
		m->what[m->nb] = what;
	}
	m->nb++;
}

/* The definition, written down without a state machine: looks back from each octet. */
static void
plain(const uint8_t *p, size_t len, struct marks *m)
{
	size_t i, begin;
	bool crlf;

	m->nb = 0;
	for (i = 0; i < len; i++) {
		/* A dot is alone on its line when a line end (or the start) stands before it. */
		if (p[i] != '.' || (i > 0 && p[i - 1] != '\r' && p[i - 1] != '\n' && p[i - 1] != '\0'))
			continue;
		begin = i;
		crlf = begin == 0 || (p[begin - 1] == '\n' && (begin == 1 ? false : p[begin - 2] == '\r'));
		if (i + 1 < len && (p[i + 1] == '\n' || p[i + 1] == '\0'))
			mark(m, i + 2, SMTP_BODY_LENIENT);
		else if (i + 2 < len && p[i + 1] == '\r' && p[i + 2] == '\n')
			mark(m, i + 3, crlf ? SMTP_BODY_END : SMTP_BODY_LENIENT);
		else if (i + 2 < len && p[i + 1] == '\r')
			mark(m, i + 2, SMTP_BODY_LENIENT);
	}
}

static void
scan(smtp_body_find_fn find, const uint8_t *p, size_t len, size_t cut, struct marks *m, uint8_t *state)
{
	size_t off = 0, end, n;
	enum smtp_body_found found;

	m->nb = 0;
	while (off < len) {
		end = off < cut ? (cut < len ? cut : len) : len;
		n = smtp_body_scan(find, state, p + off, end - off, &found);
		off += n;
		if (found != SMTP_BODY_MORE)
			mark(m, off, found);
		else
			assert_int_equal(off, end);
	}
}

static void
compare(const char *name, const uint8_t *p, size_t len, size_t cut, const struct marks *want, const struct marks *got)
{
	unsigned int i;

	if (want->nb == got->nb && memcmp(want->at, got->at, (want->nb < MARKS_MAX ? want->nb : MARKS_MAX) *
								    sizeof(want->at[0])) == 0 &&
	    memcmp(want->what, got->what, (want->nb < MARKS_MAX ? want->nb : MARKS_MAX) *
						  sizeof(want->what[0])) == 0)
		return;
	for (i = 0; i < len; i++)
		fprintf(stderr, "%02x ", p[i]);
	fail_msg("%s, %zu octets cut at %zu: %u ends, wanted %u", name, len, cut, got->nb, want->nb);
}

/* All strings over a small alphabet, up to seven octets, in every cut. */
static void
test_short_strings(void **state)
{
	static const char alphabet[] = { '\r', '\n', '.', 'x', '\0' };
	const char *name;
	uint8_t p[8];
	unsigned int v, rest, nb = 1, k, i;
	size_t len, cut;

	(void)state;
	for (len = 1; len <= 7; len++) {
		for (v = 0, nb *= sizeof(alphabet); v < nb; v++) {
			struct marks want, got;
			smtp_body_find_fn find;

			for (i = 0, rest = v; i < len; i++, rest /= sizeof(alphabet))
				p[i] = (uint8_t)alphabet[rest % sizeof(alphabet)];
			plain(p, len, &want);
			for (k = 0; (find = smtp_body_find_variant(k, &name)) != NULL; k++) {
				for (cut = 1; cut <= len; cut++) {
					uint8_t st = SMTP_BODY_CRLF;

					scan(find, p, len, cut, &got, &st);
					compare(name, p, len, cut, &want, &got);
				}
			}
		}
	}
}

/* An end of data at every place of a text longer than every vector, at every alignment and total length. */
static void
test_vector_borders(void **state)
{
	static const char *const ends[] = { "\r\n.\r\n", "\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\rx" };
	const char *name;
	unsigned int e, k;
	size_t len, at, n, align;

	(void)state;
	for (k = 0; k < 4; k++) {
		smtp_body_find_fn find = smtp_body_find_variant(k, &name);

		if (find == NULL)
			continue;
		for (e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
			n = strlen(ends[e]);
			for (len = n; len <= 600; len += len < 300 ? 1 : 7) {
				/* The text stands at the very end of its memory: a read beyond it is seen. */
				align = len % 3;
				uint8_t *heap = malloc(len + align), *p = heap + align;

				for (at = 0; at + n <= len; at += 1 + (len > 150 ? at % 5 : 0)) {
					struct marks want, got;
					uint8_t st = SMTP_BODY_CRLF;

					memset(p, 'a', len);
					memcpy(p + at, ends[e], n);
					plain(p, len, &want);
					scan(find, p, len, len, &got, &st);
					compare(name, p, len, len, &want, &got);
				}
				free(heap);
			}
		}
	}
}

/* Random text full of what matters, cut anywhere. */
static void
test_random(void **state)
{
	const char *name;
	uint64_t rnd = 88172645463325252u;
	unsigned int round, k;
	uint8_t p[400];
	size_t i, len;

	(void)state;
	for (round = 0; round < 4000; round++) {
		struct marks want, got;
		smtp_body_find_fn find;

		for (i = 0; i < sizeof(p); i++) {
			rnd ^= rnd << 13;
			rnd ^= rnd >> 7;
			rnd ^= rnd << 17;
			p[i] = (uint8_t)((rnd >> 20) % 3 == 0 ? "\r\n.\t\0\x0b"[(rnd >> 40) % 6] :
								'a' + (int)((rnd >> 40) % 26));
		}
		len = 1 + rnd % sizeof(p);
		plain(p, len, &want);
		for (k = 0; k < 4; k++) {
			uint8_t st = SMTP_BODY_CRLF;

			find = smtp_body_find_variant(k, &name);
			if (find == NULL)
				continue;
			scan(find, p, len, 1 + (rnd >> 32) % len, &got, &st);
			compare(name, p, len, 1 + (rnd >> 32) % len, &want, &got);
		}
	}
}

static void
test_best(void **state)
{
	const char *name;
	smtp_body_find_fn best = smtp_body_find_best();
	unsigned int k;

	(void)state;
	for (k = 4; k-- > 0;)
		if (smtp_body_find_variant(k, &name) != NULL)
			break;
	assert_ptr_equal(best, smtp_body_find_variant(k, &name));
	assert_true(k >= 1);
}

/* `test_smtp_body speed`: GB/s of each version. Figures, no test. */
static void
speed(const char *what, const uint8_t *p, size_t len)
{
	const char *name;
	unsigned int k, i;
	smtp_body_find_fn find;

	for (k = 0; k < 4; k++) {
		double best = 0;

		find = smtp_body_find_variant(k, &name);
		if (find == NULL)
			continue;
		for (i = 0; i < 5; i++) {
			struct timespec a, b;
			uint8_t st = SMTP_BODY_CRLF;
			enum smtp_body_found found;
			size_t off, n, seg;
			double s;

			clock_gettime(CLOCK_MONOTONIC, &a);
			for (off = 0; off < len; off += seg) {
				seg = len - off < 1460 ? len - off : 1460;
				for (n = 0; n < seg;)
					n += smtp_body_scan(find, &st, p + off + n, seg - n, &found);
			}
			clock_gettime(CLOCK_MONOTONIC, &b);
			s = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
			if ((double)len / s / 1e9 > best)
				best = (double)len / s / 1e9;
		}
		printf("%-28s %-9s %6.2f GB/s\n", what, name, best);
	}
}

static int
speeds(void)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t sizes[] = { (size_t)16 << 20, (size_t)256 << 20 }, i, k;
	uint8_t *p;
	uint32_t r = 1;

	for (k = 0; k < 2; k++) {
		char what[64];

		p = malloc(sizes[k]);
		if (p == NULL)
			return 1;
		for (i = 0; i < sizes[k]; i++) {
			r = r * 1664525u + 1013904223u;
			p[i] = (uint8_t)(i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : b64[r >> 26]);
		}
		snprintf(what, sizeof(what), "base64, %zu MB", sizes[k] >> 20);
		speed(what, p, sizes[k]);
		for (i = 0; i < sizes[k]; i++)
			if (i % 78 == 0 || i % 13 == 5)
				p[i] = '.';
		snprintf(what, sizeof(what), "dot at line start, %zu MB", sizes[k] >> 20);
		speed(what, p, sizes[k]);
		free(p);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_strings),
		cmocka_unit_test(test_vector_borders),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_best),
	};

	if (argc > 1 && strcmp(argv[1], "speed") == 0)
		return speeds();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
