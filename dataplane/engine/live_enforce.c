/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_enforce.h"

#include <stdatomic.h>
#include <string.h>

#include "live_frag.h"
#include "packet_edit.h"

enum {
	MAC_LEN = 6,
	RESET_FRAME_MAX = PACKET_BUILD_HEAD_MAX, /* no octets of anybody are sent past a tap */
};

static void
look_for_ctrl(struct worker *w, uint64_t now_ns)
{
	struct live_worker *l = w->live;
	uint32_t beat = atomic_load_explicit(&w->out.ring.ctrl->heartbeat, memory_order_relaxed);

	if (beat != l->ctrl_beat || l->ctrl_beat_ns == 0) {
		l->ctrl_beat = beat;
		l->ctrl_beat_ns = now_ns;
	}
	inspector_set_ctrl_gone(w->inspector, now_ns - l->ctrl_beat_ns > UINT64_C(1000000) * LIVE_CTRL_GONE_MS);
}

void
live_commands(struct worker *w, uint64_t now_ns, uint64_t frame_no)
{
	struct dp_command cmd;
	unsigned int i;

	if (!inspector_is_enforcing(w->inspector))
		return;
	look_for_ctrl(w, now_ns);
	w->out.own_clock = true;
	w->out.now_ns = now_ns;
	w->out.now_frame = frame_no;
	for (i = 0; i < LIVE_COMMANDS && dp_ring_take_command(&w->out.ring, &cmd); i++) {
		/* Meant for a predecessor of this worker. */
		if (cmd.epoch != w->out.ring.epoch)
			dp_count(&w->counters, DP_STAT_VERDICTS_STALE, 1);
		else if (cmd.type == DP_CMD_VERDICT)
			inspector_verdict(w->inspector, cmd.hold_id, cmd.flow_uid, cmd.verdict, now_ns);
	}
	w->out.own_clock = false;
}

void
live_bypass_turn(struct worker *w)
{
	struct live_worker *l = w->live;

	l->bypass = atomic_load_explicit(&l->group->bypass, memory_order_relaxed);
	if (!l->bypass)
		return;
	w->out.own_clock = true;
	w->out.now_ns = w->now_ns;
	w->out.now_frame = w->out.last_frame;
	inspector_bypass_step(w->inspector, w->now_ns, LIVE_LET_GO);
	w->out.own_clock = false;
	live_frag_let_go(w);
}

/* By a port of its own beside a mirror: with that port's address, so that no switch takes the end to have moved there. */
static bool
originate_by_own(struct worker *w, const uint8_t *frame, uint32_t len, unsigned int port)
{
	uint8_t copy[RESET_FRAME_MAX];

	if (len > sizeof(copy) || len < 2 * MAC_LEN)
		return false;
	memcpy(copy, frame, len);
	memcpy(copy + MAC_LEN, w->live->group->ports[port].mac, MAC_LEN);
	return live_originate(w, copy, len, port);
}

bool
live_enforce_originate(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b)
{
	struct worker *w = ctx;
	const struct live_group *g = w->live->group;
	unsigned int i;

	for (i = 0; i < g->nb_ports; i++) {
		const struct live_port *port = &g->ports[i];

		if (port->wire == wire && port->sends_only)
			return originate_by_own(w, frame, len, i);
		if (port->wire == wire && port->is_b == port_b && port->peer != IO_PORT_NONE)
			return live_originate(w, frame, len, i);
	}
	return false;
}

struct rte_mbuf *
live_cut(struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);
	struct rte_mbuf *j = meta->joined;
	uint32_t len = meta->pkt.cap_len;

	if (j != NULL) {
		struct io_meta *jm = io_meta(j);

		*jm = *meta;
		jm->joined = NULL;
		meta->joined = NULL;
		rte_pktmbuf_free(m);
		m = j;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IP_CKSUM);
	return m;
}
