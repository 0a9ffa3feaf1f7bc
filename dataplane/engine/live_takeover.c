/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_takeover.h"

#include <string.h>

#include "live_private.h"

static bool
tell(void *ctx, struct flow *f, const struct dp_takeover *rec)
{
	struct live_takeover *l = ctx;
	struct handover_told *slot = slot_ring_claim(&l->lane->told);
	struct dp_takeover *t;

	if (slot == NULL)
		return false;
	memcpy(slot->record, rec, rec->len);
	t = (struct dp_takeover *)(void *)slot->record;
	t->worker = (uint16_t)l->worker->index;
	t->epoch = l->worker->out.ring.epoch;
	t->instance = l->instance;
	slot->flow = (struct handover_flow){
		.uid = rec->flow.uid,
		.hold_id = rec->hold_id,
		.index = inspector_flow_index(l->worker->inspector, f),
		.epoch = l->worker->out.ring.epoch,
	};
	slot_ring_commit(&l->lane->told);
	return true;
}

static bool
inward(void *ctx, const uint8_t *ip, uint32_t len)
{
	struct live_takeover *l = ctx;
	struct handover_packet *slot;

	if (len > sizeof(slot->octets))
		return false;
	slot = slot_ring_claim(&l->lane->inward);
	if (slot == NULL)
		return false;
	slot->len = len;
	memcpy(slot->octets, ip, len);
	slot_ring_commit(&l->lane->inward);
	return true;
}

static void
end(void *ctx, struct flow *f, uint64_t hold_id)
{
	struct live_takeover *l = ctx;
	struct handover_ended *slot = slot_ring_claim(&l->lane->ended);
	struct dp_flow_id id;

	if (slot == NULL)
		return; /* packets of it will be dropped here */
	flow_id(f, &id);
	slot->key = id.key;
	slot->flow = (struct handover_flow){ .uid = id.uid, .hold_id = hold_id, .epoch = l->worker->out.ring.epoch };
	slot_ring_commit(&l->lane->ended);
}

const struct event_takeover_ops live_takeover_ops = {
	.tell = tell,
	.inward = inward,
	.end = end,
};

/* Another responder, or none: what the one before had is given up first. */
static void
look_for_responder(struct worker *w, struct live_takeover *l)
{
	uint32_t instance = atomic_load_explicit(&l->lane->instance, memory_order_acquire);

	if (instance == l->instance)
		return;
	inspector_set_responder(w->inspector, false);
	if (inspector_has_takeovers(w->inspector))
		return; /* ageing ends them, some in each turn */
	l->instance = instance;
	inspector_set_responder(w->inspector, instance != 0);
}

static void
take_answer(struct worker *w, const struct handover_answer *a, uint64_t now_ns)
{
	const struct handover_flow *f = &a->flow;

	if (a->type == HANDOVER_CLOSED)
		inspector_takeover_closed(w->inspector, f->index, f->uid, f->hold_id);
	else
		inspector_takeover_ready(w->inspector, f->index, f->uid, f->hold_id, a->type == HANDOVER_READY, now_ns);
}

unsigned int
live_takeover_turn(struct worker *w, uint64_t now_ns, uint64_t frame_no)
{
	struct live_takeover *l = w->live->takeover;
	unsigned int i, k;
	void *slot;

	if (l == NULL)
		return 0;
	w->out.own_clock = true;
	w->out.now_ns = now_ns;
	w->out.now_frame = frame_no;
	look_for_responder(w, l);
	for (i = 0; i < LIVE_TAKEOVER_BURST && (slot = slot_ring_look(&l->lane->answers)) != NULL; i++) {
		take_answer(w, slot, now_ns);
		slot_ring_done(&l->lane->answers);
	}
	for (k = 0; k < LIVE_TAKEOVER_BURST && (slot = slot_ring_look(&l->lane->outward)) != NULL; k++) {
		const struct handover_packet *p = slot;

		inspector_takeover_output(w->inspector, p->flow.index, p->flow.uid, p->octets, p->len, now_ns);
		slot_ring_done(&l->lane->outward);
	}
	w->out.own_clock = false;
	return i + k;
}
