/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hash64 - a seeded 64-bit hash of octets: checksum of the image, key of rule sets
 *
 * What:      64-bit multiply-and-fold over 8 octets a step. It finds damage; it is no signature, and an image is trusted
 *            because of who sent it (see image.h).
 * Cost:      about 1 ns per 8 octets.
 */
#ifndef POSTERN_HASH64_H
#define POSTERN_HASH64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
hash64_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t
hash64(const void *data, size_t len, uint64_t seed)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ hash64_mix((uint64_t)len ^ UINT64_C(0x9e3779b97f4a7c15),
				       UINT64_C(0xd1b54a32d192ed03)),
		 v;

	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = hash64_mix(h ^ v, UINT64_C(0xa0761d6478bd642f)) + UINT64_C(0xe7037ed1a0b428db);
	}
	if (len > 0) {
		v = 0;
		memcpy(&v, p, len);
		h = hash64_mix(h ^ v, UINT64_C(0x8ebc6af09c88c6e3)) + UINT64_C(0x589965cc75374cc3);
	}
	return hash64_mix(h ^ UINT64_C(0x1d8e4e27c47d124f), UINT64_C(0xeb44accab455d165));
}

#endif
