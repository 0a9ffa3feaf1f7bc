/* SPDX-License-Identifier: BSD-3-Clause */
#include "smtp_body.h"

#include <stdbool.h>

#include <immintrin.h>

/* CR, LF and NUL are found as "at most 13": other octets that small are rare in mail and are looked at twice. */
static inline bool
is_pair(const uint8_t *p)
{
	return p[1] == '.' && (p[0] == '\n' || p[0] == '\r' || p[0] == '\0');
}

static size_t
find_scalar(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 1 < len; i++)
		if (is_pair(p + i))
			return i;
	return len;
}

static size_t
find_sse2(const uint8_t *p, size_t len)
{
	const __m128i dot = _mm_set1_epi8('.'), max = _mm_set1_epi8('\r');
	size_t i = 0, j;

	for (; len - i > 16; i += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i b = _mm_loadu_si128((const __m128i *)(p + i + 1));
		unsigned int m;

		m = (unsigned int)_mm_movemask_epi8(
			_mm_and_si128(_mm_cmpeq_epi8(b, dot), _mm_cmpeq_epi8(_mm_min_epu8(a, max), a)));
		for (; m != 0; m &= m - 1) {
			j = i + (unsigned int)__builtin_ctz(m);
			if (is_pair(p + j))
				return j;
		}
	}
	j = find_scalar(p + i, len - i);
	return i + j;
}

__attribute__((target("avx2"))) static size_t
find_avx2(const uint8_t *p, size_t len)
{
	const __m256i dot = _mm256_set1_epi8('.'), max = _mm256_set1_epi8('\r');
	size_t i = 0, j, k;

	while (len - i > 128) {
		__m256i v[4], any;

		for (k = 0; k < 4; k++) {
			__m256i a = _mm256_loadu_si256((const __m256i *)(p + i + 32 * k));
			__m256i b = _mm256_loadu_si256((const __m256i *)(p + i + 32 * k + 1));

			v[k] = _mm256_and_si256(_mm256_cmpeq_epi8(b, dot),
						_mm256_cmpeq_epi8(_mm256_min_epu8(a, max), a));
		}
		any = _mm256_or_si256(_mm256_or_si256(v[0], v[1]), _mm256_or_si256(v[2], v[3]));
		if (!_mm256_testz_si256(any, any)) {
			for (k = 0; k < 4; k++) {
				unsigned int m = (unsigned int)_mm256_movemask_epi8(v[k]);

				for (; m != 0; m &= m - 1) {
					j = i + 32 * k + (unsigned int)__builtin_ctz(m);
					if (is_pair(p + j))
						return j;
				}
			}
		}
		i += 128;
	}
	return i + find_sse2(p + i, len - i);
}

__attribute__((target("avx512f,avx512bw"))) static size_t
find_avx512(const uint8_t *p, size_t len)
{
	const __m512i dot = _mm512_set1_epi8('.'), max = _mm512_set1_epi8('\r');
	size_t i = 0, j, k;

	while (len - i > 256) {
		__mmask64 v[4];

		for (k = 0; k < 4; k++) {
			v[k] = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p + i + 64 * k + 1), dot);
			v[k] = _mm512_mask_cmple_epu8_mask(v[k], _mm512_loadu_si512(p + i + 64 * k), max);
		}
		if ((v[0] | v[1] | v[2] | v[3]) != 0) {
			for (k = 0; k < 4; k++) {
				uint64_t m = v[k];

				for (; m != 0; m &= m - 1) {
					j = i + 64 * k + (unsigned int)__builtin_ctzll(m);
					if (is_pair(p + j))
						return j;
				}
			}
		}
		i += 256;
	}
	return i + find_sse2(p + i, len - i);
}

smtp_body_find_fn
smtp_body_find_variant(unsigned int i, const char **ret_name)
{
	switch (i) {
	case 0:
		*ret_name = "scalar";
		return find_scalar;
	case 1:
		*ret_name = "sse2";
		return find_sse2;
	case 2:
		*ret_name = "avx2";
		return __builtin_cpu_supports("avx2") ? find_avx2 : NULL;
	case 3:
		*ret_name = "avx512bw";
		return __builtin_cpu_supports("avx512bw") ? find_avx512 : NULL;
	default:
		return NULL;
	}
}

smtp_body_find_fn
smtp_body_find_best(void)
{
	if (__builtin_cpu_supports("avx512bw"))
		return find_avx512;
	return __builtin_cpu_supports("avx2") ? find_avx2 : find_sse2;
}

/* State after @c where the octets before are no part of a dot line. */
static inline uint8_t
step_text(uint8_t state, uint8_t c)
{
	if (c == '\n')
		return state == SMTP_BODY_CR ? SMTP_BODY_CRLF : SMTP_BODY_LF;
	if (c == '\r')
		return SMTP_BODY_CR;
	if (c == '\0')
		return SMTP_BODY_LF;
	if (c == '.' && state != SMTP_BODY_TEXT)
		return (uint8_t)(state + (SMTP_BODY_CR_DOT - SMTP_BODY_CR));
	return SMTP_BODY_TEXT;
}

/* State at the end of p[0, len), len > 0, where no pair begins inside and the octet before p was text. */
static uint8_t
state_at_end(const uint8_t *p, size_t len)
{
	if (p[len - 1] == '\r')
		return SMTP_BODY_CR;
	if (p[len - 1] == '\0')
		return SMTP_BODY_LF;
	if (p[len - 1] != '\n')
		return SMTP_BODY_TEXT;
	return len > 1 && p[len - 2] == '\r' ? SMTP_BODY_CRLF : SMTP_BODY_LF;
}

size_t
smtp_body_scan(smtp_body_find_fn find, uint8_t *state, const uint8_t *p, size_t len,
	       enum smtp_body_found *ret_found)
{
	uint8_t st = *state;
	size_t i = 0, j;

	*ret_found = SMTP_BODY_MORE;
	while (i < len) {
		if (st == SMTP_BODY_TEXT) {
			j = find(p + i, len - i);
			if (j == len - i) {
				st = state_at_end(p + i, j);
				i = len;
				break;
			}
			st = (uint8_t)(state_at_end(p + i, j + 1) + (SMTP_BODY_CR_DOT - SMTP_BODY_CR));
			i += j + 2;
		} else if (st <= SMTP_BODY_CRLF) {
			st = step_text(st, p[i++]);
		} else if (st <= SMTP_BODY_CRLF_DOT) {
			uint8_t c = p[i++];

			if (c == '\r') {
				st = (uint8_t)(st + (SMTP_BODY_CR_DOT_CR - SMTP_BODY_CR_DOT));
			} else if (c == '\n' || c == '\0') {
				st = SMTP_BODY_LF;
				*ret_found = SMTP_BODY_LENIENT;
				break;
			} else {
				st = SMTP_BODY_TEXT;
			}
		} else if (p[i] == '\n') {
			*ret_found = st == SMTP_BODY_CRLF_DOT_CR ? SMTP_BODY_END : SMTP_BODY_LENIENT;
			st = SMTP_BODY_CRLF;
			i++;
			break;
		} else {
			st = SMTP_BODY_CR; /* the octet at i begins what a lenient server reads next */
			*ret_found = SMTP_BODY_LENIENT;
			break;
		}
	}
	*state = st;
	return i;
}
