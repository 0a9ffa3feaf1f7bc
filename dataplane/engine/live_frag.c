/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_frag.h"

#include <string.h>

#include "live_private.h"

enum {
	PROTO_TCP = 6,
};

bool
live_frag_may_be_tcp(const struct packet *p)
{
	if (p->key.family == DP_FAMILY_IPV4)
		return p->frag_proto == PROTO_TCP;
	switch (p->frag_proto) {
	case PROTO_TCP:
	case 0: /* extension headers: hop-by-hop, routing, fragment, authentication, destination, mobility, HIP, shim6 */
	case 43:
	case 44:
	case 51:
	case 60:
	case 135:
	case 139:
	case 140:
		return true;
	default:
		return false;
	}
}

static void
end_one(struct worker *w, struct live_frag_datagram *d, enum live_frag_end how)
{
	unsigned int i;

	dp_count(&w->counters, DP_STAT_FRAGS_RELEASED, d->nb);
	w->live->frags->nb_mbufs -= d->nb;
	for (i = 0; i < d->nb; i++) {
		if (how == LIVE_FRAG_SEND) {
			live_send(w, d->mbufs[i]);
			continue;
		}
		dp_count(&w->counters, how == LIVE_FRAG_MERGED ? DP_STAT_MERGED : DP_STAT_DROP_FRAGMENTS, 1);
		live_free(d->mbufs[i]);
	}
	d->nb = 0;
}

static bool
is_of(const struct live_frag_datagram *d, const struct packet *p)
{
	return d->nb > 0 && d->id == p->frag_id && d->from_lo == p->from_lo &&
	       (p->key.family != DP_FAMILY_IPV4 || d->proto == p->frag_proto) &&
	       memcmp(&d->key, &p->key, sizeof(d->key)) == 0;
}

static struct live_frag_datagram *
find(struct live_frags *f, const struct packet *p)
{
	unsigned int i;

	for (i = 0; i < LIVE_FRAG_DATAGRAMS; i++)
		if (is_of(&f->datagrams[i], p))
			return &f->datagrams[i];
	return NULL;
}

/* A free place; the oldest goes when there is none, or too many frames wait. */
static struct live_frag_datagram *
make_room(struct worker *w)
{
	struct live_frags *f = w->live->frags;
	struct live_frag_datagram *free_one = NULL, *oldest = NULL;
	unsigned int i;

	for (i = 0; i < LIVE_FRAG_DATAGRAMS; i++) {
		struct live_frag_datagram *d = &f->datagrams[i];

		if (d->nb == 0)
			free_one = d;
		else if (oldest == NULL || d->since_ns < oldest->since_ns)
			oldest = d;
	}
	if (free_one != NULL && f->nb_mbufs < LIVE_FRAG_MBUFS)
		return free_one;
	end_one(w, oldest, LIVE_FRAG_DROP);
	return oldest;
}

void
live_frag_keep(struct worker *w, struct rte_mbuf *m)
{
	const struct packet *p = &io_meta(m)->pkt;
	struct live_frag_datagram *d = find(w->live->frags, p);

	dp_count(&w->counters, DP_STAT_FRAGS_KEPT, 1);
	if (d != NULL && (d->nb == LIVE_FRAG_PIECES || w->live->frags->nb_mbufs == LIVE_FRAG_MBUFS)) {
		end_one(w, d, LIVE_FRAG_DROP);
		d = NULL;
	}
	if (d == NULL) {
		d = make_room(w);
		d->key = p->key;
		d->id = p->frag_id;
		d->proto = p->frag_proto;
		d->from_lo = p->from_lo;
		d->since_ns = p->ts_ns;
	}
	d->mbufs[d->nb++] = m;
	w->live->frags->nb_mbufs++;
}

void
live_frag_end(struct worker *w, const struct packet *p, enum live_frag_end how)
{
	struct live_frag_datagram *d = find(w->live->frags, p);

	if (d != NULL)
		end_one(w, d, how);
}

void
live_frag_let_go(struct worker *w)
{
	struct live_frags *f = w->live->frags;
	unsigned int i;

	for (i = 0; f != NULL && f->nb_mbufs > 0 && i < LIVE_FRAG_DATAGRAMS; i++)
		end_one(w, &f->datagrams[i], LIVE_FRAG_SEND);
}

void
live_frag_age(struct worker *w, uint64_t now_ns)
{
	struct live_frags *f = w->live->frags;
	unsigned int i;

	if (f == NULL || f->nb_mbufs == 0)
		return;
	for (i = 0; i < LIVE_FRAG_DATAGRAMS; i++) {
		struct live_frag_datagram *d = &f->datagrams[i];

		if (d->nb > 0 && now_ns > d->since_ns &&
		    now_ns - d->since_ns > (uint64_t)LIVE_FRAG_LIMIT_S * 1000000000)
			end_one(w, d, LIVE_FRAG_DROP);
	}
}
