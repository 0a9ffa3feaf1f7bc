/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_BLOCK_LEN = 16384,
	ARENA_ALIGN = 16,
};

struct arena_block {
	struct arena_block *next;
	size_t used, len;
	_Alignas(ARENA_ALIGN) unsigned char octets[];
};

void *
arena_alloc(struct arena *a, size_t len)
{
	struct arena_block *b = a->blocks;
	size_t block_len;
	void *p;

	if (len > SIZE_MAX / 2)
		goto fail;
	len = (len + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (b == NULL || b->len - b->used < len) {
		block_len = len > ARENA_BLOCK_LEN ? len : ARENA_BLOCK_LEN;
		b = malloc(sizeof(*b) + block_len);
		if (b == NULL)
			goto fail;
		b->next = a->blocks;
		b->used = 0;
		b->len = block_len;
		a->blocks = b;
	}
	p = b->octets + b->used;
	b->used += len;
	return memset(p, 0, len);
fail:
	a->failed = true;
	return NULL;
}

char *
arena_string(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (copy != NULL && len > 0)
		memcpy(copy, s, len);
	return copy;
}

void
arena_free(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
}
