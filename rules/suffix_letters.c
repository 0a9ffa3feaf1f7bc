/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * suffix_letters - slips in suffixes of other letters, such as рф
 *
 * Each character left out, doubled, exchanged with its neighbour; another letter of its alphabet in its place or before it.
 * Alphabets are those of keyboards with letters one by one; of scripts that have none (Han, Hangul, ...) only the first three
 * are made.
 */
#include "suffix_slips.h"

#include <string.h>

#include "fold.h"
#include "idn.h"
#include "utf8.h"

enum {
	LETTERS_MAX = 63, /* of a suffix */
};

/* Letters that stand on one keyboard. */
static const struct alphabet {
	uint32_t first, last;
} alphabets[] = {
	{'a', 'z'},	  {0xdf, 0xff},	    /* Latin */
	{0x3ac, 0x3ce},			    /* Greek */
	{0x430, 0x45f},	  {0x490, 0x491},   /* Cyrillic */
	{0x561, 0x586},			    /* Armenian */
	{0x5d0, 0x5ea},			    /* Hebrew */
	{0x621, 0x64a},	  {0x67e, 0x6d2},   /* Arabic */
	{0x904, 0x94d},			    /* Devanagari */
	{0x985, 0x9cd},			    /* Bengali */
	{0xa05, 0xa4d},			    /* Gurmukhi */
	{0xa85, 0xacd},			    /* Gujarati */
	{0xb85, 0xbcd},			    /* Tamil */
	{0xc05, 0xc4d},			    /* Telugu */
	{0xd85, 0xddf},			    /* Sinhala */
	{0xe01, 0xe4e},			    /* Thai */
	{0xe81, 0xecd},			    /* Lao */
	{0x10d0, 0x10f0},		    /* Georgian */
};

struct slips {
	uint32_t points[LETTERS_MAX];
	size_t nb;
	int (*take)(void *ctx, const char *typed);
	void *ctx;
};

/* @points as A-labels to the caller. */
static int
emit(const struct slips *s, const uint32_t *points, size_t nb)
{
	char text[(LETTERS_MAX + 1) * UTF8_LEN_MAX], ascii[IDN_DOMAIN_MAX + 1];
	size_t len = 0, i;

	if (nb == 0 || points[0] == '.' || points[nb - 1] == '.')
		return 0;
	for (i = 0; i < nb; i++) {
		if (i > 0 && points[i] == '.' && points[i - 1] == '.')
			return 0;
		len += utf8_write(points[i], text + len);
	}
	len = len <= IDN_DOMAIN_MAX ? idn_to_ascii(text, len, ascii) : 0;
	for (i = 0; i < len && (uint8_t)ascii[i] < 0x80; i++)
		;
	if (len == 0 || i < len)
		return 0;
	ascii[len] = '\0';
	return s->take(s->ctx, ascii);
}

/* Another letter at @pos, and one more before it. */
static int
emit_alphabet(const struct slips *s, size_t pos, const struct alphabet *a)
{
	uint32_t made[LETTERS_MAX + 1], point;
	int rc = 0;

	for (point = a->first; point <= a->last && rc == 0; point++) {
		if (!fold_is_stable(point) || !fold_is_name_letter(point))
			continue;
		memcpy(made, s->points, s->nb * sizeof(*made));
		made[pos] = point;
		if (point != s->points[pos])
			rc = emit(s, made, s->nb);
		memcpy(made + pos + 1, s->points + pos, (s->nb - pos) * sizeof(*made));
		if (rc == 0)
			rc = emit(s, made, s->nb + 1);
		if (rc < 0 || pos + 1 < s->nb)
			continue;
		memcpy(made, s->points, s->nb * sizeof(*made)); /* behind the last one */
		made[s->nb] = point;
		rc = emit(s, made, s->nb + 1);
	}
	return rc;
}

static int
emit_at(const struct slips *s, size_t pos)
{
	uint32_t made[LETTERS_MAX + 1];
	size_t i;
	int rc;

	memcpy(made, s->points, pos * sizeof(*made));
	memcpy(made + pos, s->points + pos + 1, (s->nb - pos - 1) * sizeof(*made));
	rc = emit(s, made, s->nb - 1);
	memcpy(made, s->points, s->nb * sizeof(*made));
	if (rc == 0 && pos + 1 < s->nb && made[pos] != made[pos + 1]) {
		made[pos] = s->points[pos + 1];
		made[pos + 1] = s->points[pos];
		rc = emit(s, made, s->nb);
	}
	memcpy(made, s->points, (pos + 1) * sizeof(*made));
	memcpy(made + pos + 1, s->points + pos, (s->nb - pos) * sizeof(*made));
	if (rc == 0)
		rc = emit(s, made, s->nb + 1);
	for (i = 0; i < sizeof(alphabets) / sizeof(alphabets[0]) && rc == 0; i++)
		if (s->points[pos] >= alphabets[i].first && s->points[pos] <= alphabets[i].last)
			rc = emit_alphabet(s, pos, &alphabets[i]);
	return rc;
}

int
suffix_letters(const char *suffix, int (*take)(void *ctx, const char *typed), void *ctx)
{
	struct slips s = {.take = take, .ctx = ctx};
	struct idn_text t;
	size_t i;
	int rc = 0;

	if (!idn_is(suffix, strlen(suffix)) ||
	    !idn_read(suffix, strlen(suffix), IDN_LETTERS, IDN_LABELS_ALL, &t) || t.len > LETTERS_MAX - 1)
		return 0;
	s.nb = t.len;
	memcpy(s.points, t.points, t.len * sizeof(t.points[0]));
	for (i = 0; i < s.nb && rc == 0; i++)
		if (s.points[i] != '.')
			rc = emit_at(&s, i);
	return rc;
}
