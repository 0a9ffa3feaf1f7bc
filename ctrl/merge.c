/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct merge_ring {
	struct dp_ring_reader reader;
	uint64_t watermark, watermark_ns; /* as read before the ring was last found empty */
	uint64_t pos;
	bool full; /* @record holds one */
	bool aside; /* nothing waits for it */
	bool behind; /* not all that was written is decided */
	bool done; /* finished, as read before it was found empty */
	_Alignas(8) uint8_t record[DP_RECORD_LEN_MAX];
};

struct merge {
	unsigned int nb;
	bool draining;
	struct merge_ring rings[];
};

static const struct dp_record *
record_of(const struct merge_ring *ring)
{
	return (const struct dp_record *)(const void *)ring->record;
}

/* Step over what an earlier process stored. */
static int
skip_to(struct merge_ring *ring, uint64_t first)
{
	int rc = 1;

	while (ring->reader.pos < first && rc == 1)
		rc = dp_ring_next(&ring->reader, ring->record, &ring->pos);
	if (rc < 0)
		return rc;
	/* Records that were stored stand in the ring until it was told so: they must be there. */
	if (ring->reader.pos < first)
		return -EBADMSG;
	dp_ring_set_stored(&ring->reader, first);
	return 0;
}

int
merge_new(const struct dp_shm *dp, const struct dp_shm *ctrl, const uint64_t *first, struct merge **ret)
{
	unsigned int i, nb = dp->geo.nb_workers;
	struct merge *m;
	int rc = 0;

	if (ctrl->geo.nb_workers != nb || ctrl->geo.ring_octets != dp->geo.ring_octets)
		return -EINVAL;
	m = calloc(1, sizeof(*m) + (nb + 1) * sizeof(m->rings[0]));
	if (m == NULL)
		return -ENOMEM;
	m->nb = nb;
	for (i = 0; i < nb && rc == 0; i++) {
		dp_ring_reader_init(&m->rings[i].reader, dp, ctrl, i);
		rc = skip_to(&m->rings[i], first[i]);
	}
	if (rc < 0) {
		merge_free(m);
		return rc;
	}
	*ret = m;
	return 0;
}

int
merge_add_aside(struct merge *m, const struct dp_shm *dp, const struct dp_shm *ctrl, uint64_t first)
{
	struct merge_ring *ring = &m->rings[m->nb];

	if (dp->geo.nb_workers != m->nb + 1 || ctrl->geo.nb_workers != m->nb + 1 ||
	    ctrl->geo.ring_octets != dp->geo.ring_octets)
		return -EINVAL;
	dp_ring_reader_init(&ring->reader, dp, ctrl, m->nb);
	ring->aside = true;
	m->nb++;
	return skip_to(ring, first);
}

void
merge_follow_decided(struct merge *m)
{
	unsigned int i;

	for (i = 0; i < m->nb; i++)
		m->rings[i].reader.limit = &m->rings[i].reader.ctrl->decided;
}

/* Everything that was written before now may be read. */
static bool
is_decided(const struct merge_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->reader.dp->head, memory_order_acquire);

	return ring->reader.limit == NULL || atomic_load_explicit(ring->reader.limit, memory_order_acquire) >= head;
}

void
merge_free(struct merge *m)
{
	free(m);
}

unsigned int
merge_nb_rings(const struct merge *m)
{
	return m->nb;
}

struct dp_ring_reader *
merge_reader(struct merge *m, unsigned int worker)
{
	return &m->rings[worker].reader;
}

void
merge_drain(struct merge *m)
{
	m->draining = true;
}

static int
refill(struct merge_ring *ring)
{
	const struct dp_ring_dp *dp = ring->reader.dp;
	bool done = atomic_load_explicit(&dp->done, memory_order_acquire) != 0;
	uint64_t watermark = atomic_load_explicit(&dp->watermark_frame, memory_order_acquire);
	uint64_t watermark_ns = atomic_load_explicit(&dp->watermark_ns, memory_order_acquire);
	int rc;

	ring->behind = !is_decided(ring);
	if (!ring->behind) {
		ring->done = done;
		ring->watermark = watermark;
		ring->watermark_ns = watermark_ns;
	}
	rc = dp_ring_next(&ring->reader, ring->record, &ring->pos);
	if (rc == 1)
		ring->full = true;
	return rc < 0 ? rc : 0;
}

/* A number that does not change with the workers, for records of the same frame. */
static uint64_t
uid_of(const struct dp_record *rec)
{
	const void *r = rec;

	switch (rec->type) {
	case DP_EV_TXN_BEGIN:
		return ((const struct dp_ev_txn_begin *)r)->flow.uid;
	case DP_EV_RCPT:
		return ((const struct dp_ev_rcpt *)r)->flow.uid;
	case DP_EV_RCPT_REPLY:
		return ((const struct dp_ev_rcpt_reply *)r)->flow_uid;
	case DP_EV_DATA:
		return ((const struct dp_ev_data *)r)->flow_uid;
	case DP_EV_TXN_END:
		return ((const struct dp_ev_txn_end *)r)->flow_uid;
	case DP_EV_FLOW_END:
		return ((const struct dp_ev_flow_end *)r)->flow.uid;
	case DP_EV_OUTCOME:
		return ((const struct dp_ev_outcome *)r)->flow_uid;
	default:
		return UINT64_MAX;
	}
}

static bool
is_before(const struct merge_ring *a, const struct merge_ring *b)
{
	const struct dp_record *ra = record_of(a), *rb = record_of(b);

	if (ra->frame_no != rb->frame_no)
		return ra->frame_no < rb->frame_no;
	return uid_of(ra) < uid_of(rb);
}

/*
 * An empty ring holds back what is above its watermark. A record of the very frame may go: one frame belongs to one
 * connection and so to one ring, but for what the end of a capture writes, where the pipeline sorts by time anyway.
 */
static bool
holds_back(const struct merge *m, const struct merge_ring *ring, uint64_t frame_no)
{
	return !ring->full && !ring->aside && (ring->behind || (!ring->done && !m->draining)) && ring->watermark < frame_no;
}

int
merge_peek(struct merge *m, struct merge_item *ret, unsigned int *ret_worker)
{
	struct merge_ring *best = NULL;
	unsigned int i;

	for (i = 0; i < m->nb; i++) {
		struct merge_ring *ring = &m->rings[i];

		if (!ring->full && refill(ring) < 0) {
			*ret_worker = i;
			return -EBADMSG;
		}
		if (ring->full && (best == NULL || is_before(ring, best)))
			best = ring;
	}
	if (best == NULL)
		return 0;
	for (i = 0; i < m->nb; i++)
		if (holds_back(m, &m->rings[i], record_of(best)->frame_no))
			return 0;
	*ret = (struct merge_item){
		.pos = best->pos,
		.end = best->reader.pos,
		.worker = best->reader.worker,
		.rec = record_of(best),
	};
	return 1;
}

void
merge_pop(struct merge *m, const struct merge_item *item)
{
	m->rings[item->worker].full = false;
}

bool
merge_done(const struct merge *m)
{
	unsigned int i;

	for (i = 0; i < m->nb; i++)
		if (m->rings[i].full || m->rings[i].behind ||
		    (!m->rings[i].done && !m->draining && !m->rings[i].aside))
			return false;
	return true;
}

uint64_t
merge_quiet_ns(const struct merge *m)
{
	uint64_t quiet = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < m->nb; i++) {
		const struct merge_ring *ring = &m->rings[i];
		uint64_t ns = ring->full ? record_of(ring)->ts_ns
			    : ring->aside || (!ring->behind && (ring->done || m->draining)) ? UINT64_MAX
											    : ring->watermark_ns;

		if (ns < quiet)
			quiet = ns;
	}
	return quiet;
}

uint64_t
merge_clock_ns(const struct merge *m)
{
	uint64_t clock_ns = 0;
	unsigned int i;

	for (i = 0; i < m->nb; i++) {
		uint64_t ns = atomic_load_explicit(&m->rings[i].reader.dp->watermark_ns, memory_order_acquire);

		if (ns > clock_ns)
			clock_ns = ns;
	}
	return clock_ns;
}
