/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_track.h"

#include "tcp_reasm.h"

static bool
syn_is_same(const struct flow *f, const struct packet *p)
{
	enum flow_side side = tcp_side(f, p);

	if (p->tcp_flags & PACKET_ACK)
		return side == FLOW_SERVER || !(f->flags & FLOW_BASE << side) || f->first_seq == p->seq;
	/* Simultaneous open; later, a SYN of the server opens nothing. */
	if (side != FLOW_CLIENT)
		return !(f->flags & FLOW_BASE << side);
	/* Data, or the SYN-ACK, was captured before the SYN. */
	if (f->flags & FLOW_MIDSTREAM)
		return f->nb_pkts < TCP_EVIDENCE_PKTS && f->first_seq - (p->seq + 1) < TCP_LATE_START;
	/* Once it is over, a server takes the same number for a new one; so do we, or its octets would be late copies. */
	return f->first_seq == p->seq && !(f->flags & FLOW_ENDED);
}

enum tcp_belongs
tcp_belongs(const struct flow *f, const struct packet *p)
{
	enum flow_side side = tcp_side(f, p);
	uint32_t seq = tcp_payload_seq(p), first;

	if (p->tcp_flags & PACKET_SYN && !(p->tcp_flags & PACKET_RST)) {
		if (syn_is_same(f, p))
			return TCP_SAME;
		/* A SYN-ACK never begins anything over: its SYN did, or was not seen and the data will tell. */
		if (p->tcp_flags & PACKET_ACK)
			return TCP_STRAY;
		return side == FLOW_SERVER && f->flags & FLOW_BY_PORT ? TCP_STRAY : TCP_NEW;
	}
	if (p->payload_len == 0 && p->missing_len == 0)
		return TCP_SAME;
	if (!(f->flags & FLOW_BASE << side))
		return TCP_SAME;
	if (f->flags & FLOW_ENDED)
		return tcp_seq_leq(seq + p->payload_len, f->cold[side].fin) ? TCP_SAME : TCP_NEW;
	if (seq == f->dir[side].next)
		return TCP_SAME; /* in order: the cold lines are not touched */
	if (side == FLOW_CLIENT) {
		/* One octet before the first is a keep-alive. */
		first = f->first_seq - (f->flags & FLOW_MIDSTREAM ? TCP_LATE_START : 0);
		if (tcp_seq_lt(seq, first) && f->dir[side].next - first < TCP_FAR)
			return TCP_NEW;
	}
	return seq - f->dir[side].next + TCP_FAR < 2 * (uint32_t)TCP_FAR ? TCP_SAME : TCP_NEW;
}

static bool
is_mail_port(uint16_t port, const uint16_t *ports, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		if (ports[i] == port)
			return true;
	}
	return false;
}

/* A reply: three digits, and what may follow them (RFC 5321 §4.2). */
static bool
speaks_as_server(const struct packet *p)
{
	const uint8_t *d = packet_payload(p);

	return p->payload_len >= 4 && d[0] >= '2' && d[0] <= '5' && (uint8_t)(d[1] - '0') < 10 && (uint8_t)(d[2] - '0') < 10 &&
	       (d[3] == ' ' || d[3] == '-' || d[3] == '\r');
}

/* A verb: letters, and what may follow them. Lines of a message read so, too, and come from the client as well. */
static bool
speaks_as_client(const struct packet *p)
{
	const uint8_t *d = packet_payload(p);
	uint32_t i;

	for (i = 0; i < p->payload_len && i < 8 && (uint8_t)((d[i] | 0x20) - 'a') < 26; i++)
		;
	return i >= 4 && i < p->payload_len && (d[i] == ' ' || d[i] == '\r');
}

static bool
client_is_lo(struct flow *f, const struct packet *p, const uint16_t *ports, unsigned int nb)
{
	bool lo = is_mail_port(p->key.lo_port, ports, nb), hi = is_mail_port(p->key.hi_port, ports, nb);

	if (lo != hi) {
		f->flags |= FLOW_BY_PORT;
		return hi;
	}
	if (p->tcp_flags & PACKET_SYN)
		return (p->tcp_flags & PACKET_ACK) ? !p->from_lo : p->from_lo;
	/* Both or none of the ports is one of mail: what is said tells. */
	if (speaks_as_server(p))
		return !p->from_lo;
	if (speaks_as_client(p))
		return p->from_lo;
	if (p->key.lo_port != p->key.hi_port)
		return p->key.lo_port > p->key.hi_port;
	return p->from_lo;
}

void
tcp_open(struct flow *f, const struct packet *p, const uint16_t *ports, unsigned int nb_ports)
{
	if (client_is_lo(f, p, ports, nb_ports))
		f->flags |= FLOW_CLIENT_LO;
	if (!(p->tcp_flags & PACKET_SYN))
		f->flags |= FLOW_MIDSTREAM;
	else
		f->flags |= FLOW_AT_LINE;
	if (tcp_side(f, p) == FLOW_CLIENT)
		f->first_seq = p->seq;
	else
		f->first_seq = p->tcp_flags & PACKET_SYN ? p->ack - 1 : p->ack;
}

static void
set_base(struct flow *f, enum flow_side side, uint32_t seq, bool soft)
{
	f->flags |= (uint32_t)FLOW_BASE << side;
	if (soft)
		f->flags |= (uint32_t)FLOW_SOFT << side;
	f->dir[side].next = seq;
	f->dir[side].acked = seq;
}

/* Where the octets of the sender of @p begin. */
static void
track_base(struct flow *f, enum flow_side side, const struct packet *p)
{
	uint32_t seq = tcp_payload_seq(p);

	if (!(f->flags & FLOW_BASE << side)) {
		set_base(f, side, seq, !(p->tcp_flags & PACKET_SYN));
	} else if (f->flags & FLOW_SOFT << side && p->payload_len > 0 && f->dir[side].head == POOL_NONE &&
		   f->dir[side].next - seq - 1 < TCP_LATE_START) {
		f->dir[side].next = seq;
	}
	if (p->tcp_flags & PACKET_SYN)
		f->flags &= ~((uint32_t)FLOW_SOFT << side);
}

void
tcp_track_before(struct flow *f, enum flow_side side, const struct packet *p)
{
	enum flow_side other = side == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT;

	f->nb_pkts++;
	f->flags |= (uint32_t)FLOW_SEEN << side;
	if (f->flags & FLOW_SEEN << other)
		f->flags &= ~FLOW_ONE_SIDED;
	if (p->tcp_flags & PACKET_RST)
		return; /* its numbers are not worth much */
	track_base(f, side, p);
	if (!(p->tcp_flags & PACKET_ACK))
		return;
	if (!(f->flags & FLOW_BASE << other))
		set_base(f, other, p->ack, true);
	else if (tcp_seq_lt(f->dir[other].acked, p->ack) && p->ack - f->dir[other].acked < TCP_FAR)
		f->dir[other].acked = p->ack;
}

bool
tcp_track_after(struct flow *f, enum flow_side side, const struct packet *p)
{
	const uint32_t both = FLOW_FIN << FLOW_CLIENT | FLOW_FIN << FLOW_SERVER;

	if (p->tcp_flags & PACKET_RST) {
		uint32_t rcv = tcp_rcv(f, side);

		if (!(f->flags & FLOW_BASE << side) || p->seq - rcv + TCP_RST_WINDOW < 2 * (uint32_t)TCP_RST_WINDOW)
			f->flags |= FLOW_RST;
	} else if (p->tcp_flags & PACKET_FIN) {
		f->flags |= (uint32_t)FLOW_FIN << side;
		f->cold[side].fin = tcp_payload_seq(p) + p->payload_len + p->missing_len;
	}
	return f->flags & FLOW_RST || (f->flags & both) == both;
}

static bool
side_is_over(const struct flow *f, enum flow_side side)
{
	return f->flags & FLOW_FIN << side && f->dir[side].head == POOL_NONE &&
	       f->dir[side].next == f->cold[side].fin && f->dir[side].acked == f->cold[side].fin + 1;
}

bool
tcp_is_over(const struct flow *f)
{
	return side_is_over(f, FLOW_CLIENT) && side_is_over(f, FLOW_SERVER);
}
