/* SPDX-License-Identifier: BSD-3-Clause */
#include "skeleton.h"

#include <stdint.h>
#include <string.h>

#include "edit_class.h"

enum {
	FINE_MAX = 2 * SKELETON_NAME_MAX,
	NB_ROWS = 3, /* the one being written, and two above: a step takes two characters at most */
};

struct reader {
	const char *p, *end, *without;
	bool fold;
	const char *folded; /* rest of the last character's skeleton */
	char self[2];
};

static int
next(struct reader *r)
{
	while (*r->folded == '\0') {
		if (r->p == r->end)
			return -1;
		r->self[0] = *r->p++;
		if (r->self[0] == '\0')
			return 0x100; /* no name has it: equal to nothing */
		if (strchr(r->without, r->self[0]) != NULL)
			continue;
		r->folded = r->fold ? skeleton_of((unsigned char)r->self[0], r->self) : r->self;
	}
	return (unsigned char)*r->folded++;
}

bool
skeleton_equal(const char *a, size_t a_len, const char *b, size_t b_len, const char *without,
	       bool fold)
{
	struct reader ra = {a, a + a_len, without, fold, "", ""},
		      rb = {b, b + b_len, without, fold, "", ""};
	int ca, cb;

	do {
		ca = next(&ra);
		cb = next(&rb);
	} while (ca == cb && ca >= 0);
	return ca == cb;
}

size_t
skeleton_write(const char *name, size_t len, char *dst)
{
	const char *skeleton;
	size_t n = 0, i, k;
	char self[2];

	for (i = 0; i < len; i++) {
		skeleton = skeleton_of((unsigned char)name[i], self);
		for (k = 0; skeleton[k] != '\0'; k++)
			dst[n++] = skeleton[k];
	}
	return n;
}

const char *
skeleton_coarse(unsigned char c, char self[2])
{
	switch (c) {
	case '-':
	case '.':
	case 'i':
	case 'l':
	case '1':
		return ""; /* a stroke is what b, d, h, k have more than others */
	case 'b':
	case 'd':
	case 'e':
	case 'k':
		return "c";
	case 'm':
	case 'r':
		return "n"; /* SKELETON_RUN */
	case 'w':
		return "vv";
	case 'q':
		return "g";
	case '0':
		return "o";
	case '5':
		return "s";
	case '8':
		return "3";
	case '9':
		return "6";
	default:
		self[0] = (char)c;
		self[1] = '\0';
		return self;
	}
}

struct fine {
	char text[FINE_MAX];
	size_t len;
};

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Can the character at @i be one that was only seen, or overlooked, beside another? */
static bool
is_filler(const struct fine *f, size_t i)
{
	const char *beside;

	if (is_one_of(f->text[i], "rn"))
		beside = "rn";
	else if (f->text[i] == 'l')
		beside = "bhkl";
	else
		return false;
	return (i > 0 && is_one_of(f->text[i - 1], beside)) ||
	       (i + 1 < f->len && is_one_of(f->text[i + 1], beside));
}

static bool
are_confused(char a, char b)
{
	static const char pairs[][2] = {{'r', 'n'}, {'c', 'e'}, {'g', 'q'}, {'3', '8'}, {'6', '9'}};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if ((a == pairs[i][0] && b == pairs[i][1]) ||
		    (a == pairs[i][1] && b == pairs[i][0]))
			return true;
	return false;
}

/* One character that is taken for two. */
static bool
is_pair(char one, const char *two)
{
	return (one == 'b' && two[0] == 'c' && two[1] == 'l') ||
	       (one == 'k' && two[0] == 'l' && two[1] == 'c');
}

static unsigned int
least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* The best way to a[0..i) and b[0..j); @row is that of i, @above and @top those of i - 1 and i - 2.
 */
static unsigned int
best_way(const struct fine *a, size_t i, const struct fine *b, size_t j, const uint8_t *row,
	 const uint8_t *above, const uint8_t *top)
{
	unsigned int best = SKELETON_DISTANCE_MAX + 1;

	if (i > 0 && j > 0) {
		if (a->text[i - 1] == b->text[j - 1])
			best = above[j - 1];
		else if (are_confused(a->text[i - 1], b->text[j - 1]))
			best = above[j - 1] + 1u;
	}
	if (i > 0 && is_filler(a, i - 1))
		best = least(best, above[j] + 1u);
	if (j > 0 && is_filler(b, j - 1))
		best = least(best, row[j - 1] + 1u);
	if (i > 0 && j > 1 && is_pair(a->text[i - 1], b->text + j - 2))
		best = least(best, above[j - 2] + 1u);
	if (i > 1 && j > 0 && is_pair(b->text[j - 1], a->text + i - 2))
		best = least(best, top[j - 1] + 1u);
	return least(best, SKELETON_DISTANCE_MAX + 1);
}

unsigned int
skeleton_distance(const char *a_name, size_t a_len, const char *b_name, size_t b_len,
		  unsigned int max)
{
	uint8_t rows[NB_ROWS][FINE_MAX + 1];
	struct fine a, b;
	size_t i, j, from, to;
	unsigned int cost;

	a.len = skeleton_write(a_name, a_len, a.text);
	b.len = skeleton_write(b_name, b_len, b.text);
	if (a.len > b.len + max || b.len > a.len + max)
		return max + 1;
	memset(rows, SKELETON_DISTANCE_MAX + 1, sizeof(rows));
	for (i = 0; i <= a.len; i++) {
		uint8_t *row = rows[i % NB_ROWS];

		/* Each step away from the diagonal costs one. */
		from = i > max ? i - max : 0;
		to = i + max < b.len ? i + max : b.len;
		if (from > 0)
			row[from - 1] = SKELETON_DISTANCE_MAX + 1;
		for (j = from; j <= to; j++) {
			cost = i == 0 && j == 0
				       ? 0
				       : best_way(&a, i, &b, j, row, rows[(i + 2) % NB_ROWS],
						  rows[(i + 1) % NB_ROWS]);
			row[j] = (uint8_t)cost;
		}
		if (to < b.len)
			row[to + 1] = SKELETON_DISTANCE_MAX + 1;
	}
	cost = rows[a.len % NB_ROWS][b.len];
	return cost <= max ? cost : max + 1;
}
