/* SPDX-License-Identifier: BSD-3-Clause */
/* inline_send - frames of our making, in the name of either end */
#include <string.h>

#include "inline_private.h"

enum {
	TTL_DEFAULT = 64,
	MAC_LEN = 6,
};

static uint32_t
get_be32(const uint8_t *o)
{
	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

static void
note_ip(struct inline_end *e, const struct packet *p)
{
	const uint8_t *ip = p->frame + p->l3_off;

	if (p->key.family == DP_FAMILY_IPV4) {
		e->tos = ip[1];
		e->dont_fragment = (ip[6] & 0x40) != 0;
		e->ttl = ip[8];
	} else {
		e->tos = (uint8_t)(get_be32(ip) >> 20);
		e->flow_label = get_be32(ip) & 0xfffff;
		e->ttl = ip[7];
	}
}

void
inline_note_link(struct inline_end *e, const struct packet *p)
{
	if (p->rebuilt)
		return;
	if (p->l3_off <= INLINE_L2_MAX) {
		e->l2_len = (uint8_t)p->l3_off;
		memcpy(e->l2, p->frame, p->l3_off);
	}
	e->port_b = p->in_flags & PACKET_IN_PORT_B;
	note_ip(e, p);
	e->seen = true;
}

/* What the ends agreed on when they began. */
static void
note_syn(struct inline_end *e, const struct packet *p, const struct packet_tcp_options *opts)
{
	const uint8_t both = PACKET_ECE | PACKET_CWR;
	uint8_t ecn = p->tcp_flags & PACKET_ACK ? PACKET_ECE : both; /* RFC 3168 §6.1.1 */

	e->syn = true;
	e->isn = p->seq;
	e->opts = opts->flags | ((p->tcp_flags & both) == ecn ? DP_TCP_ECN : 0);
	e->mss = opts->mss;
	e->wscale = opts->wscale;
}

static void
note_window(struct inline_end *e, const struct packet *p)
{
	e->window = p->window;
	/* The window of a SYN is not scaled (RFC 7323 §2.2). */
	if (p->tcp_flags & PACKET_SYN)
		return;
	e->window_seq = p->seq;
	e->windowed = true;
	if (p->window > e->window_max)
		e->window_max = p->window;
}

void
inline_note_headers(struct inline_end *e, const struct packet *p)
{
	struct packet_tcp_options opts;

	inline_note_link(e, p);
	if (p->tcp_flags & PACKET_RST)
		return;
	if (p->tcp_flags & PACKET_ACK && (e->ack == 0 || tcp_seq_leq(e->ack, p->ack))) {
		e->ack = p->ack;
		note_window(e, p);
	}
	packet_tcp_options(p, &opts);
	if (p->tcp_flags & PACKET_SYN)
		note_syn(e, p, &opts);
	if (!(opts.flags & DP_TCP_TIMESTAMPS)) {
		e->has_ts &= (p->tcp_flags & PACKET_SYN) == 0;
		return;
	}
	/* The newest there is: what is sent late must not look old to the receiver (RFC 7323 §5.3). */
	if (!e->has_ts || tcp_seq_leq(e->tsval, opts.tsval)) {
		e->tsval = opts.tsval;
		e->tsval_ns = p->ts_ns;
		if (p->tcp_flags & PACKET_ACK)
			e->tsecr = opts.tsecr;
	}
	e->has_ts = true;
}

/* The header of the other direction, turned around, when none of this one was seen. */
static void
turn_l2(uint8_t *l2, uint32_t len)
{
	uint8_t mac[MAC_LEN];

	if (len < 2 * MAC_LEN)
		return;
	memcpy(mac, l2, MAC_LEN);
	memcpy(l2, l2 + MAC_LEN, MAC_LEN);
	memcpy(l2 + MAC_LEN, mac, MAC_LEN);
}

static void
send_frame(struct inspector *ins, const struct packet_build *b, uint8_t wire, bool port_b)
{
	uint32_t len = packet_build(b, ins->gate->out);

	dp_count(ins->counters, DP_STAT_ORIGINATED, 1);
	if (!ins->ops.originate(ins->ops_ctx, ins->gate->out, len, wire, port_b))
		dp_count(ins->counters, DP_STAT_DROP_NO_BUFFER, 1);
}

/* How a frame of @from begins, in @b (room for INLINE_L2_MAX), and the port that it leaves by. False: that is not known. */
static bool
link_header(struct inspector *ins, const struct inline_flow *x, enum flow_side from, uint8_t *b, uint8_t *ret_len,
	    bool *ret_port_b)
{
	const struct inline_end *e = &x->end[from], *other = &x->end[from == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT];
	const struct inline_end *like = e->seen ? e : other;

	if (!like->seen) {
		/* Only pieces of datagrams were seen: it is not known how a frame of this link begins. */
		dp_count(ins->counters, DP_STAT_ORIGINATE_BLIND, 1);
		return false;
	}
	memcpy(b, like->l2, like->l2_len);
	if (!e->seen)
		turn_l2(b, like->l2_len);
	*ret_len = like->l2_len;
	*ret_port_b = other->seen ? other->port_b : !e->port_b;
	return true;
}

/* A segment of @from's, without a link layer header. */
static struct packet_build
segment(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from, uint8_t flags,
	uint32_t seq, const uint8_t *payload, uint32_t len)
{
	enum flow_side to = from == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT;
	const struct inline_end *e = &x->end[from], *other = &x->end[to];
	const struct inline_end *like = e->seen ? e : other;
	bool from_lo = (f->flags & FLOW_CLIENT_LO ? 1 : 0) == (from == FLOW_CLIENT);

	return (struct packet_build){
		.family = f->key.family,
		.ttl = e->seen ? e->ttl : TTL_DEFAULT,
		.tos = e->tos & 0xfc, /* no ECN mark of another segment */
		.flow_label = e->flow_label,
		.dont_fragment = like->dont_fragment,
		.ip_id = ins->gate->ip_id++,
		.has_ts = e->has_ts && !(flags & PACKET_RST),
		.flags = flags,
		.src_port = from_lo ? f->key.lo_port : f->key.hi_port,
		.dst_port = from_lo ? f->key.hi_port : f->key.lo_port,
		.src_addr = from_lo ? f->key.lo_addr : f->key.hi_addr,
		.dst_addr = from_lo ? f->key.hi_addr : f->key.lo_addr,
		.window = flags & PACKET_RST ? 0 : e->window,
		.seq = seq,
		.ack = e->ack,
		.tsval = e->tsval,
		.tsecr = e->tsecr,
		.payload = payload,
		.len = len,
	};
}

void
inline_originate(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
		 uint8_t flags, uint32_t seq, const uint8_t *payload, uint32_t len)
{
	struct packet_build b = segment(ins, f, x, from, flags, seq, payload, len);
	uint8_t l2[INLINE_L2_MAX];
	bool port_b;

	if (!link_header(ins, x, from, l2, &b.l2_len, &port_b))
		return;
	b.l2 = l2;
	ins->gate->originated |= from == FLOW_CLIENT;
	send_frame(ins, &b, f->key.wire, port_b);
}

void
inline_originate_inward(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
			uint8_t flags, uint32_t seq, const uint8_t *payload, uint32_t len)
{
	const struct packet_build b = segment(ins, f, x, from, flags, seq, payload, len);
	uint32_t n = packet_build(&b, ins->gate->out);

	dp_count(ins->counters, DP_STAT_ORIGINATED, 1);
	dp_count(ins->counters,
		 ins->ops.inward(ins->ops_ctx, ins->gate->out, n) ? DP_STAT_INWARD : DP_STAT_DROP_INWARD, 1);
}

bool
inline_originate_ip(struct inspector *ins, const struct flow *f, const struct inline_flow *x, enum flow_side from,
		    const uint8_t *ip, uint32_t len)
{
	uint8_t *out = ins->gate->out, l2_len;
	bool port_b;

	if (len > sizeof(ins->gate->out) - INLINE_L2_MAX || !link_header(ins, x, from, out, &l2_len, &port_b))
		return false;
	memcpy(out + l2_len, ip, len);
	return ins->ops.originate(ins->ops_ctx, out, l2_len + len, f->key.wire, port_b);
}

void
inline_answer(struct inspector *ins, const struct packet *p, uint8_t flags, uint32_t seq, uint32_t ack)
{
	uint8_t l2[INLINE_L2_MAX];
	struct packet_build b = {
		.l2 = l2,
		.l2_len = (uint8_t)p->l3_off,
		.family = p->key.family,
		.ttl = TTL_DEFAULT,
		.dont_fragment = true,
		.flags = flags,
		.src_port = p->from_lo ? p->key.hi_port : p->key.lo_port,
		.dst_port = p->from_lo ? p->key.lo_port : p->key.hi_port,
		.src_addr = p->from_lo ? p->key.hi_addr : p->key.lo_addr,
		.dst_addr = p->from_lo ? p->key.lo_addr : p->key.hi_addr,
		.seq = seq,
		.ack = ack,
	};

	if (p->rebuilt || p->l3_off > INLINE_L2_MAX) {
		dp_count(ins->counters, DP_STAT_ORIGINATE_BLIND, 1);
		return;
	}
	memcpy(l2, p->frame, p->l3_off);
	turn_l2(l2, p->l3_off);
	send_frame(ins, &b, p->key.wire, p->in_flags & PACKET_IN_PORT_B);
}
