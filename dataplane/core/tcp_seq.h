/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_seq - arithmetic of sequence numbers
 *
 * Units:     host order. Numbers wrap at 2^32: "before" means less than 2^31 ahead (RFC 9293 §3.4).
 */
#ifndef POSTERN_TCP_SEQ_H
#define POSTERN_TCP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
tcp_seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool
tcp_seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline uint32_t
tcp_seq_max(uint32_t a, uint32_t b)
{
	return tcp_seq_lt(a, b) ? b : a;
}

static inline uint32_t
tcp_seq_min(uint32_t a, uint32_t b)
{
	return tcp_seq_lt(a, b) ? a : b;
}

#endif
