/* SPDX-License-Identifier: BSD-3-Clause */
/* ring records: any octets in the worker's half of the segments; ctrl's end must stay inside and come to an end */
#include "dp_ring.h"
#include "dp_takeover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct dp_shm dp, ctrl;

static void
make_segments(void)
{
	const struct dp_shm_geometry geo = { .nb_workers = 1, .ring_octets = DP_RING_OCTETS_MIN };
	int dp_fd = dp_shm_create(DP_SHM_DATAPLANE, &geo), ctrl_fd = dp_shm_create(DP_SHM_CTRL, &geo);

	if (dp_shm_map(dp_fd, DP_SHM_DATAPLANE, true, &dp) != 0 || dp_shm_map(ctrl_fd, DP_SHM_CTRL, true, &ctrl) != 0)
		abort();
	close(dp_fd);
	close(ctrl_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct dp_record rec;
		_Alignas(8) uint8_t octets[DP_RECORD_LEN_MAX];
	} u;
	union {
		struct dp_takeover t;
		_Alignas(8) uint8_t octets[DP_TAKEOVER_LEN_MAX];
	} t;
	struct dp_ring_reader r;
	uint64_t head, pos, last = 0;
	unsigned int nb = 0;

	if (dp.base == NULL)
		make_segments();
	if (size < 16)
		return 0;
	/* The start of the ring lies anywhere, so that records cross its end. */
	memcpy(&head, data, 8);
	memcpy(&pos, data + 8, 8);
	pos &= UINT64_C(0xffffffffffff); /* ctrl's own cursor: never near its wrap; head is the worker's, hence anything */
	data += 16;
	size -= 16;
	dp_shm_ring_ctrl(&ctrl, 0)->stored = pos - pos % DP_RECORD_ALIGN;
	dp_shm_ring_dp(&dp, 0)->head = head;
	for (size_t i = 0; i < size; i++)
		dp_shm_records(&dp, 0)[(pos - pos % DP_RECORD_ALIGN + i) % DP_RING_OCTETS_MIN] = data[i];
	dp_ring_reader_init(&r, &dp, &ctrl, 0);
	while (dp_ring_next(&r, &u, &pos) == 1) {
		if (dp_event_check(&u, u.rec.len) != 0 || u.rec.len > DP_RECORD_LEN_MAX || (nb > 0 && pos <= last))
			abort();
		last = pos;
		if (++nb > DP_RING_OCTETS_MIN / DP_RECORD_ALIGN)
			abort();
	}
	if (size <= sizeof(t)) {
		memcpy(&t, data, size);
		(void)dp_takeover_check(&t, size);
	}
	return 0;
}
