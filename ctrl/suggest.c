/* SPDX-License-Identifier: BSD-3-Clause */
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

enum {
	WORD_MAX = 64, /* longer words get no suggestion */
};

static unsigned int
least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Slips between two words: Damerau-Levenshtein, neighbours swapped count once. */
static unsigned int
slips(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned int rows[3][WORD_MAX + 1];
	size_t i, j;

	for (j = 0; j <= lb; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; i <= la; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = (unsigned int)i;
		for (j = 1; j <= lb; j++) {
			row[j] = least(last[j] + 1, row[j - 1] + 1,
				       last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[la % 3][lb];
}

const char *
suggest_word(const char *word, const char *const *words, size_t nb)
{
	size_t len = strlen(word), i;
	unsigned int best = len <= 4 ? 2 : 3;
	const char *found = NULL, *begins = NULL;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (i = 0; i < nb; i++) {
		size_t lw = strlen(words[i]);
		unsigned int n;

		if (lw > WORD_MAX)
			continue;
		n = slips(word, len, words[i], lw);
		if (n < best) {
			best = n;
			found = words[i];
		}
		if (strncmp(word, words[i], len) == 0)
			begins = begins == NULL ? words[i] : "";
	}
	if (found == NULL && begins != NULL && begins[0] != '\0')
		found = begins;
	return found;
}
