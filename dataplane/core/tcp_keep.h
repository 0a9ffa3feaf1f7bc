/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_keep - the other reading: client octets that were sent twice and differ
 *
 * What:      a server may take the second copy of octets that it had not acknowledged. Copies of delivered command octets
 *            are kept until the server acknowledges them; a retransmission is compared with them, and where it differs
 *            the text that the server may read instead goes to alternative(), whole lines at a time.
 * Rules:     1. The first copy is the stream.  Acknowledged octets cannot change any more: later copies are ignored.
 *            2. Each differing copy is one other reading: the stream with that segment's octets in their place, from the
 *               begin of the line to the end of the line; if the rest of that line is not there yet, it is awaited.
 *               Combinations of several copies are not multiplied out.
 *            3. Copies that differ from octets still waiting (beyond a gap, or for a reply) are kept as rivals and judged
 *               by rule 2 as soon as the stream has come to their end, when the head of their line is known.
 *            4. Of message bodies no copies are kept, but for chunks behind commands that are not acknowledged. A
 *               retransmission of unacknowledged body octets is searched for an end of data: CRLF.CRLF inside it, or in
 *               it and the one before that it follows, or
 *               .CRLF at its begin with a mail command on the next line. Where the stream did not end the message
 *               there, it is a difference: what follows is another reading, and goes on being one with all octets of
 *               the message that follow. (A body line ends with CRLF.CRLF only at its end, so a plain retransmission
 *               never qualifies but for a "." split from its line, before a line that reads as a command.)
 *            5. When the line that differs begins DATA or BDAT in either reading, or the message is over in one of them
 *               only, the octets of the following message are read as commands as well, as another reading.
 * Limits:    TCP_RIVALS_MAX, TCP_ALT_LINE_MAX, flow_blocks: beyond them RESOURCE is noted. One line awaits its rest at a time.
 *            In a capture of the client alone nothing is acknowledged: the last 8 KiB are kept.
 */
#ifndef POSTERN_TCP_KEEP_H
#define POSTERN_TCP_KEEP_H

#include "tcp_reasm.h"

/* Client octets [@seq, @seq + @len) were delivered as commands: keep them. @seq is dir[FLOW_CLIENT].next or before. */
void tcp_keep_add(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len);

/* Forget what the server has acknowledged, but for the begin of a line that is not wholly acknowledged. */
void tcp_keep_trim(struct tcp_reasm *r, struct flow *f);

/* Forget all copies; the next octet kept begins anew. */
void tcp_keep_reset(struct tcp_reasm *r, struct flow *f);

/* [@seq, @seq + @len), all before dir[FLOW_CLIENT].next, came again. @unacked_from: rule 1 applies before it. */
void tcp_keep_compare(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len,
		      uint32_t unacked_from);

/* The line that octet @seq lies in may be read without it; nothing happens where no copy of it is kept. */
void tcp_keep_without(struct tcp_reasm *r, struct flow *f, uint32_t seq);

/* A copy that differs from waiting octets (rule 3). */
void tcp_keep_rival(struct tcp_reasm *r, struct flow *f, uint32_t seq, const uint8_t *p, uint32_t len);
/* Judge the rivals that the stream has come to the end of; all of them when @force. */
void tcp_keep_judge(struct tcp_reasm *r, struct flow *f, bool force);

/* Octets of the stream go on an unfinished line of another reading. */
void tcp_keep_alt_feed(struct tcp_reasm *r, struct flow *f, const uint8_t *p, uint32_t len, bool whole_lines);

/* The connection ends: give out an unfinished line, give back all memory. */
void tcp_keep_finish(struct tcp_reasm *r, struct flow *f);

#endif
