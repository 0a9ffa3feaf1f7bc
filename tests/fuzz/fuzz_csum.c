/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_csum - one frame through csum_locate(), with its last octets in another buffer or not
 *
 * Input:     how many octets are at hand (of 256 parts), then the frame.
 * Checks:    what is found lies in the frame; completing a partial checksum gives one that verifies; less at hand finds the
 *            same or nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csum_place whole, part;
	uint32_t len, have;
	uint8_t *frame, *head;

	if (size < 1 || size > 70000)
		return 0;
	len = (uint32_t)size - 1;
	have = (uint32_t)((uint64_t)len * data[0] / 255);
	/* Of exact size: reading beyond is seen. */
	frame = malloc(len + 1);
	head = malloc(have + 1);
	CHECK(frame != NULL && head != NULL);
	memcpy(frame, data + 1, len);
	memcpy(head, data + 1, have);
	if (csum_locate(head, have, len, &part)) {
		CHECK(csum_locate(frame, len, len, &whole));
		CHECK(part.l4_off == whole.l4_off && part.l4_len == whole.l4_len && part.pseudo == whole.pseudo);
		CHECK(part.field_off + 2 <= have);
	}
	if (csum_locate(frame, len, len, &whole)) {
		CHECK(whole.l4_off + whole.l4_len <= len && whole.field_off + 2 <= len);
		if (csum_is_partial(frame, &whole)) {
			uint32_t sum;

			csum_put(frame, &whole, csum_sum(frame + whole.l4_off, whole.l4_len));
			sum = whole.pseudo + csum_sum(frame + whole.l4_off, whole.l4_len);
			sum = (sum & 0xffff) + (sum >> 16);
			CHECK(sum == 0xffff || (sum == 0 && whole.pseudo == 0));
		}
	}
	free(frame);
	free(head);
	return 0;
}
