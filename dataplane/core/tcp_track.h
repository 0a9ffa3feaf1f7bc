/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_track - which connection a packet belongs to, who is the client, when it is over
 *
 * Roles:     the server is the side on a mail port, whoever sent a SYN first: in a simultaneous open or a split handshake
 *            that says nothing. When both or neither are, the client sent the SYN, a SYN-ACK tells the server; met in
 *            the middle, the server has the lower port; with equal ports it is the receiver of the first packet.
 * Lives:     a SYN with another initial number begins a new connection; so does data far outside the window or before
 *            the first octet of the known one (a blind SYN may have misled us; what comes is inspected all the same).
 * Closing:   both FINs delivered and acknowledged: over. Both FINs or a plausible RST seen: closed; late segments are
 *            still inspected, the end is reported when closed_ns pass in silence. An RST is never taken at its word: its
 *            sender may have meant it for us alone.
 * Source:    RFC 9293 §3.10.7; RFC 5961 §3-4; RFC 7413 (data on a SYN).
 */
#ifndef POSTERN_TCP_TRACK_H
#define POSTERN_TCP_TRACK_H

#include "flow.h"
#include "packet.h"
#include "tcp_seq.h"

enum {
	TCP_FAR = 1 << 26,	   /* octets; beyond any window in use */
	TCP_RST_WINDOW = 1 << 20,  /* an RST further off is noise */
	TCP_LATE_START = 1 << 16,  /* the first packets of a connection may be captured in any order this far */
};

enum tcp_belongs {
	TCP_SAME,	 /* to the known connection */
	TCP_NEW,	 /* to another one between the same ends */
	TCP_STRAY,	 /* to none; nothing in it to inspect */
};

/* Which side of @f sent @p. */
static inline enum flow_side
tcp_side(const struct flow *f, const struct packet *p)
{
	return (f->flags & FLOW_CLIENT_LO ? 1 : 0) == p->from_lo ? FLOW_CLIENT : FLOW_SERVER;
}

/* Sequence number of the first payload octet. */
static inline uint32_t
tcp_payload_seq(const struct packet *p)
{
	return p->seq + (p->tcp_flags & PACKET_SYN ? 1 : 0);
}

enum tcp_belongs tcp_belongs(const struct flow *f, const struct packet *p);

/* Is @p worth a new entry? */
static inline bool
tcp_opens(const struct packet *p)
{
	return p->payload_len > 0 || p->missing_len > 0 ||
	       (p->tcp_flags & (PACKET_SYN | PACKET_RST)) == PACKET_SYN;
}

/* First packet of the fresh entry @f. */
void tcp_open(struct flow *f, const struct packet *p, const uint16_t *ports, unsigned int nb_ports);

/* Note what the header of @p says about beginning and acknowledgement; before its payload is looked at. */
void tcp_track_before(struct flow *f, enum flow_side side, const struct packet *p);

/* FIN and RST; after its payload was looked at. True: closed now. */
bool tcp_track_after(struct flow *f, enum flow_side side, const struct packet *p);

/* Both directions are delivered to their FINs and acknowledged. */
bool tcp_is_over(const struct flow *f);

#endif
