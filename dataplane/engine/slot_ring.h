/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slot_ring - a ring of slots of one size between two threads of the dataplane
 *
 * What:      one thread fills slots in place, the other reads them in place: slot_ring_claim(), fill, slot_ring_commit();
 *            slot_ring_look(), read, slot_ring_done(). Nothing is copied by the ring, nothing waits.
 * Threads:   one writer, one reader. Cost: no system call, no lock, no allocation but at the start.
 * Memory:    one block from calloc(), resident as far as slots were used.
 */
#ifndef POSTERN_SLOT_RING_H
#define POSTERN_SLOT_RING_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "dp_abi.h"

struct slot_ring {
	_Alignas(DP_CACHE_LINE) _Atomic uint32_t head; /* slots committed, wraps; the writer's */
	_Alignas(DP_CACHE_LINE) _Atomic uint32_t tail; /* slots done with; the reader's */
	_Alignas(DP_CACHE_LINE) uint8_t *mem;
	uint32_t nb;	   /* a power of two */
	size_t slot_len; /* a multiple of 8 */
};

/* 0 or -ENOMEM. */
static inline int
slot_ring_init(struct slot_ring *r, uint32_t nb, size_t slot_len)
{
	r->nb = nb;
	r->slot_len = (slot_len + 7) & ~(size_t)7;
	r->mem = calloc(nb, r->slot_len);
	return r->mem != NULL ? 0 : -ENOMEM;
}

/* The next free slot, or NULL: full. */
static inline void *
slot_ring_claim(struct slot_ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == r->nb)
		return NULL;
	return r->mem + (head & (r->nb - 1)) * r->slot_len;
}

static inline void
slot_ring_commit(struct slot_ring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

/* The oldest slot, or NULL: empty. */
static inline void *
slot_ring_look(struct slot_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return NULL;
	return r->mem + (tail & (r->nb - 1)) * r->slot_len;
}

static inline void
slot_ring_done(struct slot_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

#endif
