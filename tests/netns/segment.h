/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment - TCP segments in frames of the test wire: find, join, change, sum up
 *
 * Shape:     untagged Ethernet, IPv4 or IPv6 without extension headers, not a fragment. Everything else is no segment here.
 * Units:     lengths in octets; sequence numbers in host order.
 * Ownership: struct segment points into the frame it was found in.
 * Source:    RFC 9293 §3.1 (header); RFC 1071 (checksum).
 */
#ifndef POSTERN_TESTS_SEGMENT_H
#define POSTERN_TESTS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 2048 };

struct frame {
	size_t len;
	uint8_t octets[FRAME_MAX];
};

struct segment {
	uint8_t *ip, *tcp, *payload;
	size_t payload_len;
	uint32_t seq;
	uint8_t flags;
	bool is_ipv6;
};

bool segment_find(struct frame *f, struct segment *ret);

/*
 * Append the payload of @next to @f, if it follows there in the same connection and both fit into @mtu octets of IP; what
 * else the later header says, the joined one says. False: nothing was changed.
 */
bool segment_join(struct frame *f, struct frame *next, size_t mtu);

/* Other octets of the same length, under a checksum that is right. */
void segment_change(struct frame *f);

#endif
