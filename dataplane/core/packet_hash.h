/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet_hash - the keyed hash of packet keys
 *
 * What:      a chain of 64 x 64 -> 128 bit multiplications, folded. Each step's factors are secret (the seed, or the
 *            step before), so that whoever does not know the seed can't aim at a bucket; it is no message authentication.
 * Cost:      four multiplications for a whole key.
 */
#ifndef POSTERN_PACKET_HASH_H
#define POSTERN_PACKET_HASH_H

#include <stdint.h>

#include "packet.h"

/* Odd, half of the bits set: a seed of zeros (tests) still hashes well. */
#define PACKET_HASH_C0 UINT64_C(0xa0761d6478bd642f)
#define PACKET_HASH_C1 UINT64_C(0xe7037ed1a0b428db)
#define PACKET_HASH_C2 UINT64_C(0x8ebc6af09c88c6e3)

static inline uint64_t
packet_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* @lo, @hi: the addresses as two words each, as they lie in memory; @ports: ports and tags; @rest: the other octets. */
static inline uint32_t
packet_hash_words(const uint64_t lo[2], const uint64_t hi[2], uint64_t ports, uint64_t rest,
		  const struct packet_hash_seed *seed)
{
	uint64_t k0 = seed->k[0] ^ PACKET_HASH_C0, k1 = seed->k[1] ^ PACKET_HASH_C1;
	uint64_t h;

	h = packet_hash_mix(lo[0] ^ k0, lo[1] ^ k1);
	h = packet_hash_mix(hi[0] ^ h ^ k1, hi[1] ^ k0);
	h = packet_hash_mix(ports ^ h ^ k0, rest ^ k1);
	h = packet_hash_mix(h ^ k1, PACKET_HASH_C2);
	return (uint32_t)(h ^ (h >> 32));
}

#endif
