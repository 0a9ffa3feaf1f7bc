/* SPDX-License-Identifier: BSD-3-Clause */
#include "expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit_class.h"
#include "expand_private.h"
#include "image_check.h"
#include "matcher.h"
#include "suffix_slips.h"

enum {
	DOTS_MAX = 8, /* dots of which every set is left out */
};

static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";

bool
expand_emit(const struct expand *x, const char *a, size_t a_len, const char *b, size_t b_len,
	    const char *c, size_t c_len)
{
	char name[EXPAND_NAME_MAX];

	if (a_len + b_len + c_len > sizeof(name) || a_len + b_len + c_len == 0)
		return true;
	memcpy(name, a, a_len);
	memcpy(name + a_len, b, b_len);
	memcpy(name + a_len + b_len, c, c_len);
	return x->take(x->ctx, name, a_len + b_len + c_len);
}

/* Every single edit of text[0..len), @after behind it. */
static bool
emit_edits(const struct expand *x, const char *text, size_t len, const char *after,
	   size_t after_len)
{
	char name[2 * EXPAND_NAME_MAX + 2];
	bool going = true;
	const char *c;
	size_t i;

	if (len + 1 + after_len > sizeof(name))
		return true;
	for (i = 0; i <= len && going; i++) {
		/* One more, at @i. */
		memcpy(name, text, i);
		memcpy(name + i + 1, text + i, len - i);
		memcpy(name + len + 1, after, after_len);
		for (c = characters; *c != '\0' && going; c++) {
			name[i] = *c;
			if (i == 0 || text[i - 1] != *c)
				going = expand_emit(x, name, len + 1 + after_len, "", 0, "", 0);
		}
		if (i == len || !going)
			break;
		/* Another one at @i, one less, two exchanged. */
		memcpy(name, text, len);
		memcpy(name + len, after, after_len);
		for (c = characters; *c != '\0' && going; c++) {
			name[i] = *c;
			if (*c != text[i])
				going = expand_emit(x, name, len + after_len, "", 0, "", 0);
		}
		if (going && (i == 0 || text[i] != text[i - 1]))
			going = expand_emit(x, text, i, text + i + 1, len - i - 1, after,
					    after_len);
		if (going && i + 1 < len && text[i] != text[i + 1]) {
			name[i] = text[i + 1];
			name[i + 1] = text[i];
			going = expand_emit(x, name, len + after_len, "", 0, "", 0);
		}
	}
	return going;
}

/* Call @each for the ways to mistype the end of the domain; @head_len octets stand before the dot.
 */
static bool
each_suffix(const struct expand *x,
	    bool (*each)(const struct expand *x, size_t head_len, const char *typed, size_t len))
{
	const struct image_string *meant, *typed;
	size_t i;

	for (i = 0; i < x->nb_suffixes + x->nb_patterns; i++) {
		if (i < x->nb_suffixes) {
			if (x->suffixes[i].kind == IMAGE_SUFFIX_REAL)
				continue;
			meant = &x->suffixes[i].meant;
			typed = &x->suffixes[i].typed;
		} else {
			const struct image_pattern *p = &x->patterns[i - x->nb_suffixes];

			if (p->kind > IMAGE_PATTERN_SUFFIX_ANY)
				continue;
			meant = &p->meant;
			typed = &p->text;
		}
		if (meant->len + 1 >= x->len || x->domain[x->len - meant->len - 1] != '.' ||
		    memcmp(x->domain + x->len - meant->len, x->strings + meant->offset,
			   meant->len) != 0)
			continue;
		if (!each(x, x->len - meant->len - 1, x->strings + typed->offset, typed->len))
			return false;
	}
	return true;
}

static bool
emit_suffix(const struct expand *x, size_t head_len, const char *typed, size_t len)
{
	return expand_emit(x, x->domain, head_len + 1, typed, len, "", 0);
}

static bool
emit_slip_and_suffix(const struct expand *x, size_t head_len, const char *typed, size_t len)
{
	char after[EXPAND_NAME_MAX + 1];

	if (len > EXPAND_NAME_MAX)
		return true;
	after[0] = '.';
	memcpy(after + 1, typed, len);
	return emit_edits(x, x->domain, head_len, after, len + 1);
}

/* Every set of dots left out, but the empty one. */
static bool
emit_without_dots(const struct expand *x)
{
	size_t dots[DOTS_MAX], nb = 0, i, k, len;
	char name[EXPAND_NAME_MAX];
	unsigned int set;

	for (i = 0; i < x->len && nb < DOTS_MAX; i++)
		if (x->domain[i] == '.')
			dots[nb++] = i;
	for (set = 1; set < 1u << nb; set++) {
		for (i = 0, k = 0, len = 0; i < x->len; i++) {
			bool is_gone = k < nb && dots[k] == i && (set >> k & 1) != 0;

			k += k < nb && dots[k] == i;
			if (!is_gone)
				name[len++] = x->domain[i];
		}
		if (!expand_emit(x, name, len, "", 0, "", 0))
			return false;
	}
	return true;
}

/* A dot moved to every other place. */
static bool
emit_moved_dots(const struct expand *x)
{
	char rest[EXPAND_NAME_MAX];
	size_t i, to;

	for (i = 0; i < x->len; i++) {
		if (x->domain[i] != '.')
			continue;
		memcpy(rest, x->domain, i);
		memcpy(rest + i, x->domain + i + 1, x->len - i - 1);
		for (to = 1; to + 1 < x->len; to++)
			if (to != i &&
			    !expand_emit(x, rest, to, ".", 1, rest + to, x->len - 1 - to))
				return false;
	}
	return true;
}

/* wwwarmy.mil; armymil.com and armymil.mil; army-mil.com. */
static bool
emit_dot_forms(const struct expand *x)
{
	size_t head = x->len - x->suffix_len - 1, n = 0;
	const char *suffix = x->domain + head + 1;
	char joined[EXPAND_NAME_MAX + 8];

	memcpy(joined, x->domain, head);
	n = head;
	memcpy(joined + n, suffix, x->suffix_len);
	n += x->suffix_len;
	if (!expand_emit(x, "www", 3, x->domain, x->len, "", 0) ||
	    !expand_emit(x, joined, n, ".com", 4, "", 0) ||
	    !expand_emit(x, joined, n, ".", 1, suffix, x->suffix_len))
		return false;
	memcpy(joined, x->domain, x->len);
	joined[head] = '-';
	return expand_emit(x, joined, x->len, ".com", 4, "", 0) &&
	       expand_emit(x, joined, x->len, ".", 1, suffix, x->suffix_len);
}

/* Without one of the labels but the first and those of the suffix; without all hyphens. */
static bool
emit_less(const struct expand *x)
{
	size_t head = x->len - x->suffix_len - 1, i, n = 0;
	const char *from = memchr(x->domain, '.', head), *to;
	char name[EXPAND_NAME_MAX];

	for (; from != NULL; from = to) {
		to = memchr(from + 1, '.', (size_t)(x->domain + head + 1 - from - 1));
		if (to == NULL)
			break;
		if (!expand_emit(x, x->domain, (size_t)(from - x->domain), to,
				 x->len - (size_t)(to - x->domain), "", 0))
			return false;
	}
	for (i = 0; i < x->len; i++)
		if (x->domain[i] != '-')
			name[n++] = x->domain[i];
	return n == x->len || expand_emit(x, name, n, "", 0, "", 0);
}

static bool
emit_all(const struct expand *x, uint64_t techniques)
{
	return emit_edits(x, x->domain, x->len, "", 0) && emit_without_dots(x) &&
	       emit_moved_dots(x) && emit_dot_forms(x) && emit_less(x) &&
	       each_suffix(x, emit_suffix) &&
	       ((techniques & TECHNIQUE_SET(HOMOGLYPH)) == 0 || expand_glyphs(x)) &&
	       expand_letters(x, (techniques & TECHNIQUE_SET(HOMOGLYPH)) != 0) &&
	       ((techniques & TECHNIQUE_SET(ADDED_WORD)) == 0 || expand_words(x)) &&
	       ((techniques & TECHNIQUE_SET(TLD_SWAP)) == 0 || expand_tlds(x)) &&
	       ((techniques & TECHNIQUE_SET(SLIP_AND_TLD)) == 0 ||
		each_suffix(x, emit_slip_and_suffix));
}

int
expand_names(const void *image, size_t image_len, const char *domain, uint64_t techniques,
	     unsigned int max_letters, expand_take take, void *ctx)
{
	const char *octets = image;
	struct expand x = {.domain = domain, .len = strlen(domain), .take = take, .ctx = ctx,
			   .max_letters = max_letters < EXPAND_LETTERS_MAX ? max_letters : EXPAND_LETTERS_MAX};
	struct image_header h;
	size_t meta_len;
	int rc;

	rc = image_check(image, image_len, &h, &meta_len);
	if (rc < 0)
		return rc;
	if (x.len > EXPAND_NAME_MAX || memchr(domain, '.', x.len) == NULL)
		return -EINVAL;
	x.suffix_len = suffix_list_suffix_len(suffix_list_get(), domain);
	x.strings = octets + h.strings.offset;
	x.suffixes = (const struct image_suffix *)(octets + h.suffixes.offset);
	x.nb_suffixes = h.suffixes.nb;
	x.patterns = (const struct image_pattern *)(octets + h.patterns.offset);
	x.nb_patterns = h.patterns.nb;
	x.words = (const struct image_word *)(octets + h.words.offset);
	x.nb_words = h.words.nb;
	return emit_all(&x, techniques) ? 0 : -ECANCELED;
}
