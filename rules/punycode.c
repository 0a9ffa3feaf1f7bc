/* SPDX-License-Identifier: BSD-3-Clause */
#include "punycode.h"

#include <string.h>

/* RFC 3492 §5 */
enum {
	BASE = 36,
	T_MIN = 1,
	T_MAX = 26,
	SKEW = 38,
	DAMP = 700,
	INITIAL_BIAS = 72,
	INITIAL_N = 128,
};

/* §6.1 */
static uint32_t
adapt(uint32_t delta, uint32_t nb_points, bool is_first)
{
	uint32_t k = 0;

	delta = is_first ? delta / DAMP : delta / 2;
	delta += delta / nb_points;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t
threshold(uint32_t k, uint32_t bias)
{
	if (k <= bias + T_MIN)
		return T_MIN;
	return k >= bias + T_MAX ? T_MAX : k - bias;
}

/* BASE for what is no digit. */
static uint32_t
digit_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a');
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	return c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : BASE;
}

static char
digit_of(uint32_t value)
{
	return (char)(value < 26 ? 'a' + value : '0' + value - 26);
}

/* One generalised variable-length integer at *pos, added to *i; false: broken off, no digit, or too
 * large. */
static bool
read_delta(const char *text, size_t len, size_t *pos, uint32_t bias, uint32_t *i)
{
	uint32_t weight = 1, k, digit, t;

	for (k = BASE;; k += BASE) {
		if (*pos == len)
			return false;
		digit = digit_value(text[(*pos)++]);
		if (digit == BASE || digit > (UINT32_MAX - *i) / weight)
			return false;
		*i += digit * weight;
		t = threshold(k, bias);
		if (digit < t)
			return true;
		if (weight > UINT32_MAX / (BASE - t))
			return false;
		weight *= BASE - t;
	}
}

/* The basic code points before the last hyphen. The octets used with it; *ret_nb written. False: no
 * room, or not basic. */
static bool
read_basic(const char *text, size_t len, uint32_t *dst, size_t max, size_t *ret_used,
	   size_t *ret_nb)
{
	const char *hyphen = memrchr(text, '-', len);
	size_t nb = hyphen != NULL ? (size_t)(hyphen - text) : 0, i;

	*ret_nb = 0;
	*ret_used = hyphen != NULL ? nb + 1 : 0;
	for (i = 0; i < nb; i++) {
		if (i == max || (uint8_t)text[i] >= INITIAL_N)
			return false;
		dst[i] = (uint8_t)text[i];
		*ret_nb = i + 1;
	}
	return true;
}

bool
punycode_decode(const char *text, size_t len, uint32_t *dst, size_t max, size_t *ret_nb)
{
	uint32_t n = INITIAL_N, i = 0, bias = INITIAL_BIAS, before, size;
	size_t pos, nb;

	if (!read_basic(text, len, dst, max, &pos, ret_nb))
		return false;
	for (nb = *ret_nb; pos < len; *ret_nb = ++nb) {
		before = i;
		if (nb == max || !read_delta(text, len, &pos, bias, &i))
			return false;
		size = (uint32_t)nb + 1;
		bias = adapt(i - before, size, before == 0);
		if (i / size > 0x10ffff - n)
			return false;
		n += i / size;
		i %= size;
		if (n >= 0xd800 && n <= 0xdfff)
			return false;
		memmove(dst + i + 1, dst + i, (nb - i) * sizeof(*dst));
		dst[i++] = n;
	}
	return true;
}

struct writer {
	char *dst;
	size_t nb, max;
};

static bool
put(struct writer *w, char c)
{
	if (w->nb == w->max)
		return false;
	w->dst[w->nb++] = c;
	return true;
}

static bool
put_delta(struct writer *w, uint32_t delta, uint32_t bias)
{
	uint32_t k, t;

	for (k = BASE;; k += BASE) {
		t = threshold(k, bias);
		if (delta < t)
			return put(w, digit_of(delta));
		if (!put(w, digit_of(t + (delta - t) % (BASE - t))))
			return false;
		delta = (delta - t) / (BASE - t);
	}
}

/* The least code point that is not below @n. */
static uint32_t
next_point(const uint32_t *points, size_t nb, uint32_t n)
{
	uint32_t least = UINT32_MAX;
	size_t i;

	for (i = 0; i < nb; i++)
		if (points[i] >= n && points[i] < least)
			least = points[i];
	return least;
}

size_t
punycode_encode(const uint32_t *points, size_t nb, char *dst, size_t max)
{
	uint32_t n = INITIAL_N, delta = 0, bias = INITIAL_BIAS, least;
	struct writer w = {dst, 0, max};
	size_t nb_basic, done, i;

	if (nb == 0 ||
	    nb > PUNYCODE_LEN_MAX) /* so small that no sum below can overflow: 64 * 0x110000 */
		return 0;
	for (i = 0; i < nb; i++)
		if (points[i] < INITIAL_N && !put(&w, (char)points[i]))
			return 0;
	nb_basic = done = w.nb;
	if (nb_basic > 0 && !put(&w, '-'))
		return 0;
	for (; done < nb; n++, delta++) {
		least = next_point(points, nb, n);
		delta += (least - n) * (uint32_t)(done + 1);
		n = least;
		for (i = 0; i < nb; i++) {
			delta += points[i] < n;
			if (points[i] != n)
				continue;
			if (!put_delta(&w, delta, bias))
				return 0;
			bias = adapt(delta, (uint32_t)done + 1, done == nb_basic);
			delta = 0;
			done++;
		}
	}
	return w.nb;
}
