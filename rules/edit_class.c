/* SPDX-License-Identifier: BSD-3-Clause */
#include "edit_class.h"

#include <string.h>

enum {
	NB_LAYOUTS = 3,
	NB_ROWS = 4,
};

/* Each row stands half a key to the right of the one above. */
static const char *const layouts[NB_LAYOUTS][NB_ROWS] = {
	{"1234567890-", "qwertyuiop", "asdfghjkl", "zxcvbnm"},
	{"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm-"},
	{"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"},
};

static bool
find_key(const char *const rows[NB_ROWS], char c, int *ret_row, int *ret_column)
{
	const char *at;
	int row;

	for (row = 0; row < NB_ROWS; row++) {
		at = c != '\0' ? strchr(rows[row], c) : NULL;
		if (at == NULL)
			continue;
		*ret_row = row;
		*ret_column = (int)(at - rows[row]);
		return true;
	}
	return false;
}

static bool
are_neighbours(char a, char b)
{
	int layout, ra, ca, rb, cb;

	for (layout = 0; layout < NB_LAYOUTS; layout++) {
		if (!find_key(layouts[layout], a, &ra, &ca) ||
		    !find_key(layouts[layout], b, &rb, &cb))
			continue;
		if ((ra == rb && (ca == cb + 1 || cb == ca + 1)) ||
		    (rb == ra + 1 && (cb == ca || cb == ca - 1)) ||
		    (ra == rb + 1 && (ca == cb || ca == cb - 1)))
			return true;
	}
	return false;
}

const char *
skeleton_of(unsigned char c, char self[2])
{
	switch (c) {
	case '-':
	case '.':
		return "";
	case 'm':
		return "rn";
	case 'w':
		return "vv";
	case 'd':
		return "cl";
	case '0':
		return "o";
	case '1':
	case 'i':
		return "l";
	case '5':
		return "s";
	default:
		self[0] = (char)c;
		self[1] = '\0';
		return self;
	}
}

static bool
is_vowel(char c)
{
	return c != '\0' && strchr("aeiou", c) != NULL;
}

static uint64_t
classify_substitution(char meant, char typed)
{
	unsigned int bits = (unsigned char)meant ^ (unsigned char)typed;
	uint64_t set = TECHNIQUE_SET(SUBSTITUTION);
	char a[2], b[2];

	if (are_neighbours(meant, typed))
		set |= TECHNIQUE_SET(SUBSTITUTION_KEY);
	if (is_vowel(meant) && is_vowel(typed))
		set |= TECHNIQUE_SET(VOWEL_SWAP);
	if ((bits & (bits - 1)) == 0 && (meant & 0x80) == 0 && (typed & 0x80) == 0)
		set |= TECHNIQUE_SET(BIT_FLIP);
	if (typed != '-' && meant != '-' &&
	    strcmp(skeleton_of((unsigned char)meant, a), skeleton_of((unsigned char)typed, b)) == 0)
		set |= TECHNIQUE_SET(HOMOGLYPH);
	return set;
}

size_t
name_characters(const char *name, size_t len)
{
	size_t nb = 0, i;

	for (i = 0; i < len; i++)
		nb += name[i] != '.';
	return nb;
}

/* Octets of the label that has the octet at @pos, or that ends there. */
static size_t
label_length(const char *name, size_t len, size_t pos)
{
	size_t from = pos, to = pos;

	while (from > 0 && name[from - 1] != '.')
		from--;
	while (to < len && name[to] != '.')
		to++;
	return to - from;
}

static uint64_t
classify_insertion(const char *typed, size_t typed_len, size_t pos)
{
	char c = typed[pos], before = pos > 0 ? typed[pos - 1] : '.', after = '.';
	uint64_t set = TECHNIQUE_SET(INSERTION);

	if (pos + 1 < typed_len)
		after = typed[pos + 1];
	if (c == '.')
		return before == '.' || after == '.' ? TECHNIQUE_SET(DOUBLED_DOT)
						     : TECHNIQUE_SET(MISPLACED_DOT);
	if (c == before)
		set |= TECHNIQUE_SET(DOUBLING);
	if (c == '-')
		set |= TECHNIQUE_SET(HYPHENATION);
	if (c == 's' && after == '.')
		set |= TECHNIQUE_SET(PLURAL);
	return set;
}

static uint64_t
classify_same_length(const char *typed, const char *name, const struct domain_edit *edit)
{
	char meant = name[edit->pos], is = typed[edit->pos];

	if (edit->kind == DOMAIN_EDIT_TRANSPOSE)
		return meant == '.' || is == '.' ? TECHNIQUE_SET(MISPLACED_DOT)
						 : TECHNIQUE_SET(TRANSPOSITION);
	if (meant == '.')
		return TECHNIQUE_SET(MISSING_DOT);
	return is == '.' ? TECHNIQUE_SET(MISPLACED_DOT) : classify_substitution(meant, is);
}

struct edit_class
edit_classify(const char *typed, size_t typed_len, const char *name, size_t name_len,
	      size_t head_len, const struct domain_edit *edit)
{
	static const uint64_t dots = TECHNIQUE_SET(MISSING_DOT) | TECHNIQUE_SET(MISPLACED_DOT) |
				     TECHNIQUE_SET(DOUBLED_DOT);
	struct edit_class class = {0, 0, false};
	bool is_dot = edit->kind == DOMAIN_EDIT_INSERT && typed[edit->pos] == '.';

	if (edit->pos > head_len && !is_dot) {
		class.in_suffix = true;
		class.label_len = name_characters(name, head_len);
		return class;
	}
	switch (edit->kind) {
	case DOMAIN_EDIT_INSERT:
		class.techniques = classify_insertion(typed, typed_len, edit->pos);
		break;
	case DOMAIN_EDIT_DELETE:
		class.techniques = name[edit->pos] == '.' ? TECHNIQUE_SET(MISSING_DOT)
							  : TECHNIQUE_SET(OMISSION);
		if (name[edit->pos] == '-')
			class.techniques |= TECHNIQUE_SET(HYPHENATION);
		break;
	default:
		class.techniques = classify_same_length(typed, name, edit);
		break;
	}
	class.label_len = (class.techniques & dots) != 0 ? name_characters(name, head_len)
							 : label_length(name, name_len, edit->pos);
	return class;
}
