/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool - objects of one size in memory given at start
 *
 * What:      a free list by index; never grows. Memory that was never used is never touched, so that resident memory
 *            follows use, not limits.
 * Threads:   one worker. Cost: O(1), last freed first used (warm in cache).
 * Errors:    empty: POOL_NONE, the caller counts it.
 */
#ifndef POSTERN_POOL_H
#define POSTERN_POOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define POOL_NONE UINT32_MAX

struct pool {
	uint8_t *base;
	uint32_t object_len; /* multiple of 8 */
	uint32_t nb;	     /* objects in all */
	uint32_t free_head;  /* POOL_NONE: none was given back */
	uint32_t fresh;	     /* objects [fresh, nb) were never used */
	uint32_t in_use;
};

static inline size_t
pool_mem_size(uint32_t nb, uint32_t object_len)
{
	return (size_t)nb * object_len;
}

/* @mem: pool_mem_size() octets, 64-aligned, not touched here. */
static inline void
pool_init(struct pool *p, void *mem, uint32_t nb, uint32_t object_len)
{
	assert(object_len % 8 == 0 && nb < POOL_NONE);
	*p = (struct pool){ .base = mem, .object_len = object_len, .nb = nb, .free_head = POOL_NONE };
}

static inline void *
pool_at(const struct pool *p, uint32_t idx)
{
	return p->base + (size_t)idx * p->object_len;
}

/* Index of an object with undefined content, or POOL_NONE. */
static inline uint32_t
pool_get(struct pool *p)
{
	uint32_t idx = p->free_head;

	if (idx != POOL_NONE) {
		memcpy(&p->free_head, pool_at(p, idx), sizeof(p->free_head));
	} else {
		if (p->fresh == p->nb)
			return POOL_NONE;
		idx = p->fresh++;
	}
	p->in_use++;
	return idx;
}

static inline void
pool_put(struct pool *p, uint32_t idx)
{
	memcpy(pool_at(p, idx), &p->free_head, sizeof(p->free_head));
	p->free_head = idx;
	p->in_use--;
}

#endif
