/* SPDX-License-Identifier: BSD-3-Clause */
/* expand_private - what the parts of expand.h share */
#ifndef POSTERN_EXPAND_PRIVATE_H
#define POSTERN_EXPAND_PRIVATE_H

#include "expand.h"
#include "image.h"

struct expand {
	const char *domain;
	size_t len, suffix_len; /* of its public suffix */
	expand_take take;
	void *ctx;
	const char *strings;
	const struct image_suffix *suffixes;
	size_t nb_suffixes;
	const struct image_pattern *patterns;
	size_t nb_patterns;
	const struct image_word *words;
	size_t nb_words;
	unsigned int max_letters; /* names with letters of other scripts that may be made */
};

/* Each returns false when the caller's function ended it. */

/* @a, @b and @c in a row; too long ones are nothing. */
bool expand_emit(const struct expand *x, const char *a, size_t a_len, const char *b, size_t b_len,
		 const char *c, size_t c_len);
/* Characters that look alike in ASCII, one place first, then two, ... */
bool expand_glyphs(const struct expand *x);
/* Letters of other scripts: slips in them, and, with @has_glyphs, those that look alike. */
bool expand_letters(const struct expand *x, bool has_glyphs);
/* Added words, and other top-level domains. */
bool expand_words(const struct expand *x);
bool expand_tlds(const struct expand *x);

#endif
