/* SPDX-License-Identifier: BSD-3-Clause */
#include "skeleton.h"

#include <string.h>

#include "edit_class.h"

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
