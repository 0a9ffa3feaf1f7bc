/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * innocent_cache - domains that were lately found to match nothing
 *
 * What:      most mail goes to few domains. A domain that was judged and matched nothing is answered from here, without
 *            the name table, Hyperscan and the typo index, as long as no other domain takes its place.
 * Shape:     direct-mapped; a slot is one cache line with the whole name, compared octet by octet: a hit is never a guess.
 * Validity:  of one rule set, as the scratch that holds it is. Not for sets that look at the local part.
 * Threads:   one.
 * Hostile:   the domain. Whoever makes slots collide makes himself judged in full, as without it; the seed is random.
 */
#ifndef POSTERN_INNOCENT_CACHE_H
#define POSTERN_INNOCENT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	INNOCENT_SLOTS = 256,
	INNOCENT_NAME_MAX = 63, /* longer names are not kept */
};

struct innocent_slot {
	uint8_t len; /* 0: free */
	char name[INNOCENT_NAME_MAX];
};
_Static_assert(sizeof(struct innocent_slot) == 64, "one cache line");

struct innocent_cache {
	uint64_t seed;
	struct innocent_slot slots[INNOCENT_SLOTS];
};

/* Where the domain of 1 to INNOCENT_NAME_MAX octets belongs. */
static inline struct innocent_slot *
innocent_slot_of(struct innocent_cache *c, const char *domain, size_t len)
{
	uint64_t h = c->seed ^ len, w;
	size_t off;

	for (off = 0; off + sizeof(w) <= len; off += sizeof(w)) {
		memcpy(&w, domain + off, sizeof(w));
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	w = 0;
	for (; off < len; off++)
		w = w << 8 | (uint8_t)domain[off];
	h = (h ^ w) * UINT64_C(0xd6e8feb86659fd93);
	return &c->slots[(h >> 32) % INNOCENT_SLOTS];
}

static inline bool
innocent_cache_has(struct innocent_cache *c, const char *domain, size_t len)
{
	const struct innocent_slot *s;

	if (len == 0 || len > INNOCENT_NAME_MAX)
		return false;
	s = innocent_slot_of(c, domain, len);
	return s->len == len && memcmp(s->name, domain, len) == 0;
}

static inline void
innocent_cache_put(struct innocent_cache *c, const char *domain, size_t len)
{
	struct innocent_slot *s;

	if (len == 0 || len > INNOCENT_NAME_MAX)
		return;
	s = innocent_slot_of(c, domain, len);
	s->len = (uint8_t)len;
	memcpy(s->name, domain, len);
}

#endif
