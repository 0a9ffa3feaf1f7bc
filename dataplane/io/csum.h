/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * csum - partial TCP and UDP checksums of virtual ports, found and completed
 *
 * What:      a veth, a tap or a virtio guest hands over frames whose checksum field holds the sum of the pseudo header only
 *            (Linux: CHECKSUM_PARTIAL), for the device behind to complete. No device is behind: sent on like that, the
 *            receiver drops them. Such a frame never stood on a wire.
 * Units:     offsets and lengths in octets; sums in host order, not complemented unless said.
 * Threads:   pure functions.
 * Hostile:   every octet. A frame whose full checksum happens to equal the pseudo header's sum is completed to that very
 *            value; a damaged one that does is made good, and was inspected as it goes on.
 * Source:    RFC 1071, RFC 9293 §3.1, RFC 768, RFC 8200 §8.1.
 */
#ifndef POSTERN_CSUM_H
#define POSTERN_CSUM_H

#include <stdbool.h>
#include <stdint.h>

struct csum_place {
	uint32_t l4_off;   /* of the TCP or UDP header in the frame */
	uint32_t l4_len;   /* header and payload, as the IP header says */
	uint32_t field_off; /* of the checksum field in the frame */
	uint16_t pseudo;   /* sum of the pseudo header, folded */
	bool is_udp;
};

/*
 * Find the checksum of an Ethernet frame (tags are stepped over) of @frame_len octets, the first @len of which stand at
 * @frame. False when there is none: no TCP or UDP, a fragment, headers cut or contradicting each other.
 */
bool csum_locate(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct csum_place *ret);

/* Does the field hold the pseudo header's sum and nothing else? */
bool csum_is_partial(const uint8_t *frame, const struct csum_place *at);

/* Sum of @len octets, folded, not complemented. */
uint16_t csum_sum(const uint8_t *p, uint32_t len);

/*
 * Write the complete checksum: @sum is that of [l4_off, l4_off + l4_len) as it stands, the field with its partial value
 * included.
 */
void csum_put(uint8_t *frame, const struct csum_place *at, uint16_t sum);

#endif
