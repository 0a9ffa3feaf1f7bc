/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_frag - fragments that wait until it is known whose they are, when verdicts are carried out
 *
 * What:      a fragment that may lead to TCP is not sent on before its datagram is whole. Of a mail connection the datagram
 *            is inspected and its octets go on in segments of the inspector; its fragments end here. Of anything else they
 *            go on, in the order in which they came. What never comes together, and what reads in two ways, is dropped.
 * Limits:    LIVE_FRAG_DATAGRAMS at once, LIVE_FRAG_PIECES of each, LIVE_FRAG_MBUFS in all; the oldest goes first.
 * Threads:   one worker. Cost: linear in the datagrams that wait.
 */
#ifndef POSTERN_LIVE_FRAG_H
#define POSTERN_LIVE_FRAG_H

#include <rte_mbuf.h>

#include "packet.h"

struct worker;

enum {
	LIVE_FRAG_DATAGRAMS = 128,
	LIVE_FRAG_PIECES = 64,
	LIVE_FRAG_MBUFS = 1024,
	LIVE_FRAG_LIMIT_S = 30,
};

struct live_frag_datagram {
	struct packet_key key;
	uint32_t id;
	uint8_t proto, from_lo;
	uint8_t nb; /* 0: not in use */
	uint64_t since_ns;
	struct rte_mbuf *mbufs[LIVE_FRAG_PIECES];
};

struct live_frags {
	struct live_frag_datagram datagrams[LIVE_FRAG_DATAGRAMS];
	unsigned int nb_mbufs;
};

/* What is to become of the fragments of a datagram. */
enum live_frag_end {
	LIVE_FRAG_SEND,	  /* go on */
	LIVE_FRAG_MERGED, /* their octets go on otherwise */
	LIVE_FRAG_DROP,
};

/* May this fragment be a piece of TCP? */
bool live_frag_may_be_tcp(const struct packet *p);

/* Keep @m, counted; what had to go for it is dropped. */
void live_frag_keep(struct worker *w, struct rte_mbuf *m);

/* The datagram that fragment @p belongs to: all its fragments end so. */
void live_frag_end(struct worker *w, const struct packet *p, enum live_frag_end how);

/* Drop those that waited too long; all of them with @now_ns UINT64_MAX. */
/* All that wait go on as they are: nothing is inspected for now. */
void live_frag_let_go(struct worker *w);
void live_frag_age(struct worker *w, uint64_t now_ns);

#endif
