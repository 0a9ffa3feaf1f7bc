/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fold_generate - writes the tables of fold_table.h, at build time, from ICU's data
 *
 * Usage: fold_generate > fold_table.c
 *
 * Three maps over code points and two lists:
 * - norm:    lower case, then canonical decomposition (NFD)
 * - class:   canonical combining class, or that it is no letter of names, or one that is in its form already
 * - looks:   what a character looks like, in ASCII where it can be: see fold_once()
 * - pairs:   canonical composition (NFC)
 * - names:   of the characters that fold to ASCII, for explanations
 * Source:    Unicode Character Database and UTS #39 (confusables), as this ICU has them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>

#include "fold_extra.h"
#include "fold_table.h"
#include "utf8.h"

enum {
	TEXT_MAX = 64, /* of one character, decomposed or folded */
	FOLD_MAX = 4,  /* longer ones are no look-alikes: one sign for a sentence */
	ROUNDS = 6,    /* folds of folds */
	POOL_MAX = 1 << 16,
	PAIRS_MAX = 2048,
	NAMES_MAX = 1 << 20,
	NB_LETTERS = 26,
	HANGUL_FIRST = 0xac00,
	HANGUL_LAST = 0xd7a3,
};

/* Characters as UTF-32; nb == 0 is nothing at all. */
struct text {
	UChar32 p[TEXT_MAX];
	int nb;
};

struct map {
	const char *name;
	uint16_t *values; /* of each code point */
	char pool[POOL_MAX];
	size_t pool_len;
};

static const UNormalizer2 *nfc, *nfd, *nfkd, *nfkc_casefold;
static USpoofChecker *spoof;
static struct text letter_skeletons[NB_LETTERS];

static void
check(UErrorCode err, const char *what)
{
	if (U_SUCCESS(err))
		return;
	fprintf(stderr, "fold_generate: %s: %s\n", what, u_errorName(err));
	exit(1);
}

static void
die(const char *what)
{
	fprintf(stderr, "fold_generate: %s\n", what);
	exit(1);
}

static int
to_utf16(const struct text *t, UChar *dst)
{
	int len = 0, i;

	for (i = 0; i < t->nb; i++)
		U16_APPEND_UNSAFE(dst, len, t->p[i]);
	return len;
}

static void
from_utf16(const UChar *src, int len, struct text *ret)
{
	int i = 0;

	for (ret->nb = 0; i < len && ret->nb < TEXT_MAX; ret->nb++)
		U16_NEXT_UNSAFE(src, i, ret->p[ret->nb]);
}

static void
normalise(const UNormalizer2 *n, struct text *t)
{
	UChar in[2 * TEXT_MAX], out[4 * TEXT_MAX];
	UErrorCode err = U_ZERO_ERROR;
	int len = unorm2_normalize(n, in, to_utf16(t, in), out, 4 * TEXT_MAX, &err);

	check(err, "normalisation");
	from_utf16(out, len, t);
}

static void
lower(struct text *t)
{
	UChar in[2 * TEXT_MAX], out[4 * TEXT_MAX];
	UErrorCode err = U_ZERO_ERROR;
	int len = u_strToLower(out, 4 * TEXT_MAX, in, to_utf16(t, in), "", &err);

	check(err, "lower case");
	from_utf16(out, len, t);
}

static void
skeleton(struct text *t)
{
	UChar in[2 * TEXT_MAX], out[4 * TEXT_MAX];
	UErrorCode err = U_ZERO_ERROR;
	int len = uspoof_getSkeleton(spoof, 0, in, to_utf16(t, in), out, 4 * TEXT_MAX, &err);

	check(err, "skeleton");
	from_utf16(out, len, t);
}

static struct text
text_of(UChar32 c)
{
	return (struct text){{c}, 1};
}

static bool
is_self(const struct text *t, UChar32 c)
{
	return t->nb == 1 && t->p[0] == c;
}

/* Invisible, or a mark that letters of several scripts have: an accent. A vowel sign of an Indian
 * script is neither. */
static bool
is_dropped(UChar32 c)
{
	UErrorCode err = U_ZERO_ERROR;
	UScriptCode script = uscript_getScript(c, &err);
	int8_t type = u_charType(c);

	check(err, "script");
	if (c < 0x80)
		return false;
	if (u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) || type == U_FORMAT_CHAR)
		return true;
	return (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK) &&
	       (script == USCRIPT_INHERITED || script == USCRIPT_COMMON ||
		script == USCRIPT_LATIN || script == USCRIPT_GREEK || script == USCRIPT_CYRILLIC);
}

static void
drop_marks(struct text *t)
{
	int i, nb = 0;

	for (i = 0; i < t->nb; i++)
		if (!is_dropped(t->p[i]))
			t->p[nb++] = t->p[i];
	t->nb = nb;
}

/* Of ASCII that names can have. The dot is none: nothing looks like the border of a label. */
static bool
is_name_text(const struct text *t)
{
	int i;

	for (i = 0; i < t->nb; i++)
		if (!(t->p[i] < 0x80 && (u_isalnum(t->p[i]) || t->p[i] == '-' || t->p[i] == '_')))
			return false;
	return t->nb > 0 && t->nb <= FOLD_MAX;
}

/* Compatibility form without marks: fullwidth, mathematical, ligatures, letters with accents. */
static bool
fold_by_form(UChar32 c, struct text *ret)
{
	*ret = text_of(c);
	normalise(nfkd, ret);
	lower(ret);
	drop_marks(ret);
	return is_name_text(ret);
}

/* UTS #39's skeleton; one that a letter has is that letter ("rn" is m). */
static bool
fold_by_skeleton(UChar32 c, struct text *ret)
{
	int i;

	*ret = text_of(c);
	skeleton(ret);
	drop_marks(ret);
	for (i = 0; i < NB_LETTERS; i++) {
		if (letter_skeletons[i].nb == ret->nb &&
		    memcmp(letter_skeletons[i].p, ret->p, (size_t)ret->nb * sizeof(ret->p[0])) ==
			    0) {
			*ret = text_of('a' + i);
			return true;
		}
	}
	normalise(nfkd, ret);
	lower(ret);
	drop_marks(ret);
	return is_name_text(ret);
}

/* "LATIN SMALL LETTER H WITH HOOK" is an h: a letter of the Latin script that the name says is a
 * variant of another. */
static bool
fold_by_name(UChar32 c, struct text *ret)
{
	static const char *const before[] = {
		"LATIN SMALL LETTER SMALL CAPITAL ", "LATIN LETTER SMALL CAPITAL ",
		"LATIN SMALL LETTER BARRED ",	     "LATIN SMALL LETTER SCRIPT ",
		"LATIN SMALL LETTER DOTLESS ",	     "LATIN SMALL LETTER CLOSED ",
		"LATIN SMALL LETTER OPEN ",	     "LATIN SMALL LETTER REVERSED ",
		"LATIN SMALL LETTER BLACKLETTER ",   "LATIN SMALL LETTER ",
	};
	UErrorCode err = U_ZERO_ERROR;
	char name[128];
	size_t i, len;

	if (u_charName(c, U_EXTENDED_CHAR_NAME, name, sizeof(name), &err) <= 0 || U_FAILURE(err))
		return false;
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		len = strlen(before[i]);
		if (strncmp(name, before[i], len) != 0 || name[len] < 'A' || name[len] > 'Z' ||
		    (name[len + 1] != '\0' && strncmp(name + len + 1, " WITH ", 6) != 0))
			continue;
		*ret = text_of(name[len] | 0x20);
		return true;
	}
	return false;
}

static bool
fold_by_list(UChar32 c, struct text *ret)
{
	const char *s;
	size_t i;

	for (i = 0; i < sizeof(fold_extras) / sizeof(fold_extras[0]); i++) {
		if ((UChar32)fold_extras[i].point != c)
			continue;
		for (ret->nb = 0, s = fold_extras[i].looks_like; *s != '\0'; s++)
			ret->p[ret->nb++] = *s;
		return true;
	}
	return false;
}

/* What one character, in lower case and decomposed, looks like: ASCII if any way leads there, else
 * another character. */
static void
fold_once(UChar32 c, struct text *ret)
{
	struct text other;

	if (is_dropped(c)) {
		ret->nb = 0;
		return;
	}
	if (fold_by_list(c, ret) || fold_by_form(c, ret) || fold_by_skeleton(c, ret) ||
	    fold_by_name(c, ret))
		return;
	other = text_of(c);
	skeleton(&other);
	drop_marks(&other);
	lower(&other);
	normalise(nfd, &other);
	if (other.nb == 0 || other.nb > FOLD_MAX || u_charType(other.p[0]) == U_OTHER_PUNCTUATION ||
	    other.p[0] < 0x80)
		other = text_of(c);
	*ret = other;
}

/* Folds of folds, until nothing changes. */
static void
fold_point(UChar32 c, struct text *ret)
{
	struct text next, one;
	int round, i, j;

	fold_once(c, ret);
	for (round = 0; round < ROUNDS; round++) {
		next.nb = 0;
		for (i = 0; i < ret->nb; i++) {
			one = text_of(ret->p[i]);
			if (ret->p[i] >= 0x80)
				fold_once(ret->p[i], &one);
			for (j = 0; j < one.nb && next.nb < TEXT_MAX; j++)
				next.p[next.nb++] = one.p[j];
		}
		if (next.nb > FOLD_MAX)
			return;
		*ret = next;
	}
}

/* The value of a map for the text: FOLD_SELF, FOLD_NOTHING, an ASCII character, or a place in the
 * pool. */
static uint16_t
map_value(struct map *m, UChar32 c, const struct text *t)
{
	char octets[1 + TEXT_MAX * UTF8_LEN_MAX];
	size_t len = 1, at;
	int i;

	if (is_self(t, c))
		return FOLD_SELF;
	if (t->nb == 0)
		return FOLD_NOTHING;
	if (t->nb == 1 && t->p[0] < 0x80)
		return (uint16_t)t->p[0];
	for (i = 0; i < t->nb; i++)
		len += utf8_write((uint32_t)t->p[i], octets + len);
	octets[0] = (char)t->nb;
	for (at = 0; at + len <= m->pool_len; at++)
		if (memcmp(m->pool + at, octets, len) == 0)
			return (uint16_t)(FOLD_POOL_FIRST + at);
	at = m->pool_len;
	if (at + len > POOL_MAX - FOLD_POOL_FIRST)
		die("a pool is full");
	memcpy(m->pool + at, octets, len);
	m->pool_len += len;
	return (uint16_t)(FOLD_POOL_FIRST + at);
}

static bool
is_character(UChar32 c)
{
	return u_isdefined(c) && !U_IS_SURROGATE(c) && (c < HANGUL_FIRST || c > HANGUL_LAST);
}

static void
fill_norm(struct map *m)
{
	struct text t;
	UChar32 c;

	for (c = 0x80; c < FOLD_POINTS; c++) {
		if (!is_character(c))
			continue;
		t = text_of(c);
		lower(&t);
		normalise(nfd, &t);
		m->values[c] = map_value(m, c, &t);
	}
}

static void
fill_looks(struct map *m)
{
	struct text t;
	UChar32 c;

	for (c = 0x80; c < FOLD_POINTS; c++) {
		if (!is_character(c))
			continue;
		fold_point(c, &t);
		m->values[c] = map_value(m, c, &t);
	}
}

/*
 * UTS #46 maps it to other characters, or to none: it never stands in a name. But for case and
 * composition, which we map too, and for the four that IDNA2008 keeps.
 */
static bool
is_no_letter(UChar32 c)
{
	struct text mapped = text_of(c), own = mapped;

	if (c == 0xdf || c == 0x3c2 || c == 0x200c || c == 0x200d)
		return false;
	if (!u_isdefined(c) || U_IS_SURROGATE(c) || u_isUWhiteSpace(c) || u_iscntrl(c) ||
	    c == 0x3002)
		return true;
	normalise(nfkc_casefold, &mapped);
	lower(&own);
	normalise(nfc, &own);
	return mapped.nb != own.nb ||
	       memcmp(mapped.p, own.p, (size_t)own.nb * sizeof(own.p[0])) != 0;
}

/* Lower case, NFC, and no part of a composition with what stands before: UAX #15 §9. */
static bool
is_stable(UChar32 c)
{
	struct text own = text_of(c);

	if (u_getIntPropertyValue(c, UCHAR_NFC_QUICK_CHECK) != UNORM_YES)
		return false;
	lower(&own);
	normalise(nfc, &own);
	return own.nb == 1 && own.p[0] == c;
}

static void
fill_class(struct map *m)
{
	UChar32 c;

	for (c = 0x80; c < FOLD_POINTS; c++) {
		m->values[c] = u_getCombiningClass(c);
		if (m->values[c] == 0 && is_no_letter(c))
			m->values[c] = FOLD_CLASS_NO_LETTER;
		else if (m->values[c] == 0 && is_stable(c))
			m->values[c] = FOLD_CLASS_STABLE;
	}
}

static void
print_octets(const char *name, const char *p, size_t len)
{
	size_t i;

	printf("const uint8_t %s[] = {", name);
	for (i = 0; i < len; i++)
		printf("%s%u,", i % 24 == 0 ? "\n\t" : "", (unsigned int)(uint8_t)p[i]);
	printf("0};\n");
}

/* Two stages: the number of a block for each FOLD_BLOCK code points, and the different blocks. */
static void
print_map(const struct map *m, const char *type)
{
	static const uint16_t *blocks[FOLD_POINTS / FOLD_BLOCK];
	static uint8_t stage[FOLD_POINTS / FOLD_BLOCK];
	size_t nb = 0, i, j;

	for (i = 0; i < FOLD_POINTS / FOLD_BLOCK; i++) {
		const uint16_t *block = m->values + i * FOLD_BLOCK;

		for (j = 0; j < nb && memcmp(blocks[j], block, FOLD_BLOCK * sizeof(*block)) != 0;
		     j++)
			;
		if (j == nb)
			blocks[nb++] = block;
		if (j > UINT8_MAX)
			die("too many different blocks");
		stage[i] = (uint8_t)j;
	}
	printf("const uint8_t fold_%s_stage[] = {", m->name);
	for (i = 0; i < FOLD_POINTS / FOLD_BLOCK; i++)
		printf("%s%u,", i % 24 == 0 ? "\n\t" : "", stage[i]);
	printf("\n};\nconst %s fold_%s_blocks[][FOLD_BLOCK] = {\n", type, m->name);
	for (i = 0; i < nb; i++) {
		printf("\t{");
		for (j = 0; j < FOLD_BLOCK; j++)
			printf("%u,", blocks[i][j]);
		printf("},\n");
	}
	printf("};\n");
}

static int
compare_pairs(const void *a, const void *b)
{
	const struct fold_pair *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->second < y->second ? -1 : x->second > y->second;
}

static void
print_pairs(void)
{
	static struct fold_pair pairs[PAIRS_MAX];
	UErrorCode err = U_ZERO_ERROR;
	UChar octets[4 * TEXT_MAX];
	struct text t;
	size_t nb = 0, i;
	UChar32 c;
	int len;

	for (c = 0; c < FOLD_POINTS; c++) {
		len = is_character(c)
			      ? unorm2_getRawDecomposition(nfc, c, octets, 4 * TEXT_MAX, &err)
			      : -1;
		check(err, "decomposition");
		if (len < 0)
			continue;
		from_utf16(octets, len, &t);
		if (t.nb != 2 || unorm2_composePair(nfc, t.p[0], t.p[1]) != c)
			continue;
		if (nb == PAIRS_MAX || t.p[1] < FOLD_SECOND_LEAST)
			die("too many pairs, or another kind of them");
		pairs[nb++] = (struct fold_pair){(uint32_t)t.p[0], (uint32_t)t.p[1], (uint32_t)c};
	}
	qsort(pairs, nb, sizeof(pairs[0]), compare_pairs);
	printf("const struct fold_pair fold_pairs[] = {\n");
	for (i = 0; i < nb; i++)
		printf("\t{0x%x, 0x%x, 0x%x},\n", (unsigned int)pairs[i].first,
		       (unsigned int)pairs[i].second, (unsigned int)pairs[i].whole);
	printf("};\nconst size_t fold_nb_pairs = %zu;\n", nb);
}

/* Does a composed character fold to ASCII, that is, can it deceive? */
static bool
looks_like_ascii(UChar32 c)
{
	struct text t = text_of(c), folded;
	int i, j;

	normalise(nfd, &t);
	for (i = 0; i < t.nb; i++) {
		fold_point(t.p[i], &folded);
		for (j = 0; j < folded.nb; j++)
			if (folded.p[j] >= 0x80)
				return false;
	}
	return true;
}

static void
print_names(void)
{
	static char pool[NAMES_MAX];
	UErrorCode err = U_ZERO_ERROR;
	size_t nb = 0, used = 0;
	char name[128];
	UChar32 c;

	printf("const struct fold_name fold_names[] = {\n");
	for (c = 0x80; c < FOLD_POINTS; c++) {
		if (!is_character(c) || !looks_like_ascii(c) ||
		    u_charName(c, U_UNICODE_CHAR_NAME, name, sizeof(name), &err) <= 0)
			continue;
		check(err, "name");
		if (used + strlen(name) + 1 > sizeof(pool))
			die("too many names");
		printf("\t{0x%x, %zu},\n", (unsigned int)c, used);
		used += (size_t)(stpcpy(pool + used, name) - (pool + used)) + 1;
		nb++;
	}
	printf("};\nconst size_t fold_nb_names = %zu;\n", nb);
	print_octets("fold_names_pool", pool, used);
}

int
main(void)
{
	static uint16_t values[FOLD_POINTS];
	static struct map m;
	UErrorCode err = U_ZERO_ERROR;
	int i;

	nfc = unorm2_getNFCInstance(&err);
	nfd = unorm2_getNFDInstance(&err);
	nfkd = unorm2_getNFKDInstance(&err);
	nfkc_casefold = unorm2_getNFKCCasefoldInstance(&err);
	spoof = uspoof_open(&err);
	check(err, "ICU's data");
	for (i = 0; i < NB_LETTERS; i++) {
		letter_skeletons[i] = text_of('a' + i);
		skeleton(&letter_skeletons[i]);
	}
	m.values = values;
	printf("/* Generated by fold_generate with ICU " U_ICU_VERSION
	       ", Unicode " U_UNICODE_VERSION ". */\n"
	       "#include \"fold_table.h\"\n\n");
	m.name = "norm";
	fill_norm(&m);
	print_map(&m, "uint16_t");
	print_octets("fold_norm_pool", m.pool, m.pool_len);
	m.name = "looks";
	m.pool_len = 0;
	memset(values, 0, sizeof(values));
	fill_looks(&m);
	print_map(&m, "uint16_t");
	print_octets("fold_looks_pool", m.pool, m.pool_len);
	m.name = "class";
	fill_class(&m);
	print_map(&m, "uint8_t");
	print_pairs();
	print_names();
	uspoof_close(spoof);
	return fflush(stdout) != 0;
}
