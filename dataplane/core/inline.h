/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline - the enforcing side of the inspector: what may go on, what waits, what is dropped
 *
 * What:      between two ports the server sees only what was inspected, octet for octet:
 *              - a client's octets go on when the SMTP machine has read them; what is beyond a gap, or waits for a reply
 *                that decides how it is read, is parked; in a message, segments beyond a gap go on at once, unless the
 *                message might end in them;
 *              - a recipient that matched holds its whole frame, and all that follows, until its verdict;
 *              - what went on is kept until it is acknowledged: a retransmission that differs is dropped; what is
 *                acknowledged is cut away; what straddles a hold is cut there;
 *              - of a frame whose octets wait, the acknowledgment goes on;
 *              - FIN and RST of the client wait their turn behind what is withheld;
 *              - wrong checksums, impossible flags and second readings of fragments do not go on; the urgent pointer is
 *                taken away, so that the server reads what was read here.
 *            A server's octets are never withheld.
 * Shape:     sequence numbers of the client:
 *
 *              acked      fwd          next               | hole |
 *                | sent    | read, held | parked, unread   |      | parked (or sent, in a message) |
 *
 * Verdicts:  inspector_verdict(); all recipients of a connection that wait are judged before it moves, the strongest
 *            verdict wins. refuse and divert hand the connection over to the responder, see inline_takeover.c; where that
 *            cannot be, the fallback of the cause applies (reset).
 * Reset:     exact RSTs to both ends, then probes: an end that answers one with RST is closed. Until both did, or
 *            confirm_ns passed, the flow's entry answers what comes; after that a tombstone does.
 * Memory:    one struct inline_flow for each entry of the flow table, untouched until used; blocks, holds, tombstones from
 *            pools. What cannot be copied is dropped, and comes again.
 * Threads:   one worker, as the inspector.
 * Source:    RFC 9293 §3.10.7.4, §3.5.2 (resets); RFC 5961 §3 (challenge ACK); RFC 7323 §5 (PAWS).
 */
#ifndef POSTERN_INLINE_H
#define POSTERN_INLINE_H

#include "flow.h"
#include "inspector.h"

struct inline_gate;

bool inline_config_is_valid(const struct inspector_inline *c);
size_t inline_mem_size(const struct inspector_config *cfg);
/* @mem: inline_mem_size() octets, 64-aligned, zero. */
struct inline_gate *inline_init(void *mem, const struct inspector_config *cfg);

/* A new entry of the flow table. */
void inline_open(struct inspector *ins, struct flow *f);
/* An entry is about to go: outcomes of what still waits. */
void inline_forget(struct inspector *ins, struct flow *f);

/* One packet of a burst: inspect it, and set its fate. */
void inline_packet(struct inspector *ins, struct packet *p);
void inline_age_step(struct inspector *ins, uint64_t now_ns, unsigned int budget);

/* Is @f seen by copies only, so that all of it has gone on? */
bool inline_is_tap(const struct inspector *ins, const struct flow *f);

/* Octets of the line of @rcpt that have gone on. */
uint32_t inline_line_back(const struct inspector *ins, const struct flow *f, const struct smtp_rcpt *rcpt);

#endif
