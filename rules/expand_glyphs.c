/* SPDX-License-Identifier: BSD-3-Clause */
/* expand_glyphs - names with some of their characters exchanged for those that look alike */
#include "expand_private.h"

#include <string.h>

/* Both ways; see skeleton_of(). */
static const char *const pairs[][2] = {
	{"m", "rn"}, {"rn", "m"}, {"w", "vv"}, {"vv", "w"}, {"d", "cl"}, {"cl", "d"},
	{"o", "0"},  {"0", "o"},  {"l", "1"},  {"1", "l"},  {"i", "1"},	 {"1", "i"},
	{"l", "i"},  {"i", "l"},  {"s", "5"},  {"5", "s"},
};

enum {
	NB_PAIRS = sizeof(pairs) / sizeof(pairs[0]),
	PLACES_MAX = 1024,
};

/* Something at @at can be exchanged. */
struct place {
	size_t at;
	const char *from, *to;
};

struct glyphs {
	const struct expand *x;
	struct place places[PLACES_MAX];
	size_t nb_places;
	unsigned int left; /* combinations that may still be made */
	bool made;	   /* of the number of exchanges that is tried */
};

/*
 * The name from @at on copied to name[n..), with @nb more exchanges in places from @next on. False:
 * the caller's function ended it.
 */
static bool
combine(struct glyphs *g, char *name, size_t n, size_t at, size_t next, unsigned int nb)
{
	const struct expand *x = g->x;
	size_t i, k;

	if (nb == 0) {
		if (n + x->len - at > EXPAND_NAME_MAX)
			return true;
		g->made = true;
		g->left--;
		return expand_emit(x, name, n, x->domain + at, x->len - at, "", 0);
	}
	for (i = next; i < g->nb_places && g->left > 0; i++) {
		const struct place *p = &g->places[i];
		size_t before = p->at - at, len = strlen(p->to);

		if (p->at < at)
			continue;
		k = n + before;
		if (k + len > EXPAND_NAME_MAX)
			continue;
		memcpy(name + n, x->domain + at, before);
		memcpy(name + k, p->to, len);
		if (!combine(g, name, k + len, p->at + strlen(p->from), i + 1, nb - 1))
			return false;
	}
	return true;
}

bool
expand_glyphs(const struct expand *x)
{
	struct glyphs g = {.x = x, .left = EXPAND_GLYPHS_MAX};
	char name[EXPAND_NAME_MAX];
	unsigned int nb;
	size_t at, i;

	for (at = 0; at < x->len; at++) {
		for (i = 0; i < NB_PAIRS && g.nb_places < PLACES_MAX; i++) {
			size_t len = strlen(pairs[i][0]);

			if (len <= x->len - at && memcmp(x->domain + at, pairs[i][0], len) == 0)
				g.places[g.nb_places++] =
					(struct place){at, pairs[i][0], pairs[i][1]};
		}
	}
	/* Few exchanges first: where the limit cuts, it cuts the least likely. */
	for (nb = 1; nb <= x->len && g.left > 0; nb++) {
		g.made = false;
		if (!combine(&g, name, 0, 0, 0, nb))
			return false;
		if (!g.made)
			break;
	}
	return true;
}
