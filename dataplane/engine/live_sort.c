/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_thash.h>

#include "live_frag.h"
#include "live_private.h"

enum {
	ETHER_LEN = 14,
};

/* The upper half of the hash: the flow table indexes by the lower. Both directions have the same hash. */
static unsigned int
owner_by_hash(const struct worker *w, uint32_t hash)
{
	return (unsigned int)((uint64_t)hash * w->group->nb >> 32);
}

/* Frames that a port with symmetric RSS spreads by the connection: TCP over IP right behind the Ethernet header. */
static bool
is_plain(const struct packet *p)
{
	return p->l3_off == ETHER_LEN && p->key.vlan_outer == 0;
}

/* The worker to which the port would have given @p, a datagram put together from fragments. */
static unsigned int
owner_by_rss(const struct worker *w, const struct live_port *port, const struct packet *p)
{
	const uint8_t *src = p->from_lo ? p->key.lo_addr : p->key.hi_addr;
	const uint8_t *dst = p->from_lo ? p->key.hi_addr : p->key.lo_addr;
	uint32_t tuple[9] = { 0 }, hash;
	unsigned int words = p->key.family == DP_FAMILY_IPV4 ? 1 : 4, i;
	uint8_t key[40];
	uint16_t reta = ethdev_facts(port->eth)->reta_size, nb_rxq = ethdev_facts(port->eth)->nb_inspect;

	for (i = 0; i < words; i++) {
		memcpy(&tuple[i], src + 4 * i, 4);
		memcpy(&tuple[words + i], dst + 4 * i, 4);
		tuple[i] = rte_be_to_cpu_32(tuple[i]);
		tuple[words + i] = rte_be_to_cpu_32(tuple[words + i]);
	}
	tuple[2 * words] = (uint32_t)(p->from_lo ? p->key.lo_port : p->key.hi_port) << 16 |
			   (p->from_lo ? p->key.hi_port : p->key.lo_port);
	for (i = 0; i < sizeof(key); i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
	hash = rte_softrss(tuple, 2 * words + 1, key);
	return (reta != 0 ? hash % reta : hash) % nb_rxq % w->group->nb;
}

static unsigned int
owner_of(const struct worker *w, const struct io_meta *meta)
{
	const struct packet *p = &meta->pkt;
	const struct live_port *port = &w->live->group->ports[meta->in_port];

	if (!port->rss || !(p->rebuilt > 0 || is_plain(p)))
		return owner_by_hash(w, p->hash);
	return p->rebuilt > 0 ? owner_by_rss(w, port, p) : w->index;
}

/* A chained frame in one piece. False: there is no buffer. */
static bool
join(struct worker *w, struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);
	struct packet *p = &meta->pkt;
	struct rte_mbuf *j = rte_pktmbuf_alloc(w->group->datagrams);
	const struct rte_mbuf *seg;
	uint8_t *at;

	if (j == NULL || m->pkt_len > rte_pktmbuf_tailroom(j)) {
		rte_pktmbuf_free(j);
		return false;
	}
	at = rte_pktmbuf_mtod(j, uint8_t *);
	for (seg = m; seg != NULL; seg = seg->next) {
		memcpy(at, rte_pktmbuf_mtod(seg, const void *), seg->data_len);
		at += seg->data_len;
	}
	meta->joined = j;
	p->frame = rte_pktmbuf_mtod(j, const uint8_t *);
	p->cap_len = m->pkt_len;
	return true;
}

/* Headers of @m. A chained frame is joined only if it may be for us, or its headers do not lie in its first buffer. */
static enum packet_class
decode(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = &io_meta(m)->pkt;
	enum packet_class class = packet_decode(p, &w->group->seed);

	if (likely(m->nb_segs == 1))
		return class;
	if (class == PACKET_OTHER || class == PACKET_MALFORMED ||
	    (class == PACKET_TCP && !packet_has_port(p, w->group->ports, w->group->nb_ports)))
		return class;
	dp_count(&w->counters, DP_STAT_CHAINED, 1);
	if (join(w, m))
		return packet_decode(p, &w->group->seed);
	/* What is missing is missing_len: the inspector takes it for a gap. */
	dp_count(&w->counters, DP_STAT_CHAINED_CUT, 1);
	return class;
}

static void
set_in_flags(const struct worker *w, struct io_meta *meta)
{
	const struct live_port *port = &w->live->group->ports[meta->in_port];

	meta->pkt.in_flags = (uint8_t)(meta->csum | (port->is_b ? PACKET_IN_PORT_B : 0) |
				       (port->peer == IO_PORT_NONE ? PACKET_IN_TAP : 0));
}

static void
sort_tcp(struct worker *w, struct live_burst *b, struct rte_mbuf *m, bool is_datagram)
{
	struct io_meta *meta = io_meta(m);
	unsigned int owner = owner_of(w, meta);

	set_in_flags(w, meta);
	meta->stage = LIVE_STAGE_INSPECT;
	if (owner != w->index)
		live_hand(w, m, owner, LIVE_STAGE_INSPECT);
	else if (is_datagram)
		b->datagrams[b->nb_datagrams++] = m;
	else
		b->mbufs[b->nb++] = m;
}

static void
sort_bypass(struct worker *w, struct live_burst *b, struct rte_mbuf *m)
{
	dp_count(&w->counters, DP_STAT_BYPASS, 1);
	io_meta(m)->stage = LIVE_STAGE_SEND;
	b->mbufs[b->nb++] = m;
}

/*
 * A datagram that came together is copied into an mbuf of its own, for the inspector only: its fragments go on themselves.
 */
static struct rte_mbuf *
datagram_mbuf(struct worker *w, unsigned int i, const struct io_meta *fragment)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->group->datagrams);
	struct io_meta *meta;
	uint16_t vlan[2];
	struct packet *p;

	if (m == NULL)
		return NULL;
	meta = io_meta(m);
	memset(meta, 0, sizeof(*meta));
	meta->in_port = fragment->in_port;
	meta->out_port = IO_PORT_NONE;
	p = &meta->pkt;
	ipfrag_get(w->frags, i, p, vlan);
	if (p->cap_len > rte_pktmbuf_tailroom(m)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), p->frame, p->cap_len);
	p->frame = rte_pktmbuf_mtod(m, const uint8_t *);
	m->data_len = (uint16_t)p->cap_len;
	m->pkt_len = p->cap_len;
	packet_decode(p, &w->group->seed);
	packet_set_vlan(p, vlan, &w->group->seed);
	return m;
}

/* A datagram of a mail connection to its owner. False: it is none, or there is no buffer for it. */
static bool
sort_datagram(struct worker *w, struct live_burst *b, unsigned int i, const struct io_meta *fragment)
{
	struct rte_mbuf *d = datagram_mbuf(w, i, fragment);
	const struct packet *p;

	/* The other reading of overlapping fragments (i == 1) is no packet of its own: not counted. */
	if (i == 0)
		dp_count(&w->counters, DP_STAT_DATAGRAMS, 1);
	if (d == NULL) {
		if (i == 0)
			dp_count(&w->counters, DP_STAT_DROP_NO_BUFFER, 1);
		return false;
	}
	p = &io_meta(d)->pkt;
	if (p->class == PACKET_TCP && packet_has_port(p, w->group->ports, w->group->nb_ports) &&
	    b->nb_datagrams < DATAGRAMS_TURN_MAX) {
		sort_tcp(w, b, d, true);
		return true;
	}
	live_send(w, d); /* to nowhere */
	return false;
}

/* Enforcing: nothing of a datagram goes on before it is known what it is. */
static void
enforce_fragment(struct worker *w, struct live_burst *b, struct rte_mbuf *m)
{
	const struct io_meta meta = *io_meta(m);
	const struct packet *p = &meta.pkt;
	unsigned int nb = ipfrag_input(w->frags, p);

	dp_count(&w->counters, DP_STAT_FRAGMENTS, 1);
	live_frag_keep(w, m);
	/* Receivers differ in what they make of it. */
	if (nb > 1)
		live_frag_end(w, p, LIVE_FRAG_DROP);
	else if (nb == 1)
		live_frag_end(w, p, sort_datagram(w, b, 0, &meta) ? LIVE_FRAG_MERGED : LIVE_FRAG_SEND);
}

void
live_fragment(struct worker *w, struct live_burst *b, struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);
	unsigned int nb, i;

	if (w->live->frags != NULL && live_frag_may_be_tcp(&meta->pkt)) {
		enforce_fragment(w, b, m);
		return;
	}
	nb = ipfrag_input(w->frags, &meta->pkt);
	for (i = 0; i < nb; i++)
		sort_datagram(w, b, i, meta);
	dp_count(&w->counters, DP_STAT_FRAGMENTS, 1);
	meta->stage = LIVE_STAGE_SEND;
	b->mbufs[b->nb++] = m;
}

/* A mirror shows the resets that we sent, too: they are no answer of anybody. */
static bool
is_own(const struct worker *w, struct rte_mbuf *m)
{
	const struct live_group *g = w->live->group;
	const struct live_port *port = &g->ports[io_meta(m)->in_port], *next = port + 1;

	/* The port that resets leave by stands behind its mirror port. */
	return port->peer == IO_PORT_NONE && next < g->ports + g->nb_ports && next->sends_only &&
	       m->data_len >= ETHER_LEN &&
	       memcmp(rte_pktmbuf_mtod(m, const uint8_t *) + sizeof(next->mac), next->mac, sizeof(next->mac)) == 0;
}

void
live_sort(struct worker *w, struct live_burst *b, struct rte_mbuf *m)
{
	struct io_meta *meta = io_meta(m);
	const struct packet *p = &meta->pkt;
	unsigned int owner;

	dp_count(&w->counters, DP_STAT_RX_OCTETS, p->wire_len);
	if (is_own(w, m)) {
		sort_bypass(w, b, m);
		return;
	}
	switch (decode(w, m)) {
	case PACKET_TCP:
		if (packet_has_port(p, w->group->ports, w->group->nb_ports))
			sort_tcp(w, b, m, false);
		else
			sort_bypass(w, b, m);
		break;
	case PACKET_FRAGMENT:
		if (w->live->bypass) {
			sort_bypass(w, b, m);
			break;
		}
		owner = owner_by_hash(w, p->hash);
		if (owner != w->index)
			live_hand(w, m, owner, LIVE_STAGE_FRAGMENT);
		else
			live_fragment(w, b, m);
		break;
	case PACKET_OTHER:
		sort_bypass(w, b, m);
		break;
	default:
		/* Whoever it is for may make more of it. */
		dp_count(&w->counters, DP_STAT_UNDECODABLE, 1);
		sort_bypass(w, b, m);
		break;
	}
}
