/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_responder - how the dataplane, ctrl and the responder are joined
 *
 * What:      four ways, all made by the supervisor, which keeps both ends of each, so that any of the three may be started
 *            again:
 *
 *                         take-over socket                       answer socket
 *              dataplane <================> responder <------------------------------ ctrl
 *              service     SOCK_SEQPACKET   |  ^   |            SOCK_SEQPACKET         ^ ^
 *              thread                       |  |   | event ring (its own segment)      | |
 *                 ^                         |  |   +-----------------------------------+ |
 *                 +---- TUN (descriptor) ---+  +-- rule sets (dp_ruleset.h, own pair) ---+
 *
 *            1. Take-over socket. The service thread gets records from its workers (inside the dataplane) and sends each as
 *               one datagram; struct dp_responder_msg goes both ways:
 *
 *                 dataplane                                  responder
 *                  | WANTED (a new dataplane)                    | ends all it has, without a word on the wire
 *                  |-------------------------------------------->|
 *                  |           HELLO instance, mtu  + TUN fd     | has a rule set; can take over
 *                  |<--------------------------------------------|
 *                  | struct dp_takeover (of that instance)       | makes the sockets
 *                  |-------------------------------------------->|
 *                  |                           READY hold_id     | from here on frames of the flow go to the TUN:
 *                  |<--------------------------------------------| first a pure ACK of each side, then the held ones
 *                  | or        REFUSED hold_id, error            | the hold falls back (cause RESPONDER)
 *                  | CANCEL hold_id (READY came too late)        | both sockets go, without a word on the wire
 *                  |-------------------------------------------->|
 *                  |                           CLOSED hold_id    | the responder is done with it; the kernel may still
 *                  |<--------------------------------------------| send FIN, RST and retransmissions for a while
 *
 *               Records of another instance than the responder's own are dropped. HELLO of a new instance: all flows taken
 *               over by the old one are dead; its namespace lives as long as the old TUN descriptor is open.
 *            2. Answer socket, ctrl to responder only: struct dp_answer for every held recipient that gets the verdict
 *               refuse or divert, of the dataplane (as the verdict goes to the worker) and of the responder (all verdicts,
 *               pass too; it has no command ring). Joined by (epoch, worker, hold_id). An answer may come before or after
 *               the record: the responder keeps it, bounded, for DP_ANSWER_KEEP_MS.
 *            3. Event ring: a segment pair as between dataplane and ctrl (dp_shm.h), with one worker more than the
 *               dataplane has; the responder uses the last ring alone (worker number = nb_workers of the dataplane), so that
 *               no two rings of a run have one number. It carries, of connections taken over, RCPT of later recipients that
 *               match (hold_id != 0, held), OUTCOME of each, and FLOW_END of connections with such recipients.
 *            4. Rule sets: a socket pair of its own with dp_ruleset.h's messages; worker in ACK is that of the ring.
 * TUN:       IFF_TUN | IFF_NO_PI: raw IPv4 or IPv6 packets. Full checksums out of it; those written into it must be complete,
 *            too. The dataplane lets packets out of it go on the wire only when they belong to a connection that it has
 *            handed over, with the link layer header of struct dp_takeover_end, and counts the others.
 *            Messages, records and answers are sent and received by dp_msg.h.
 * Trust:     every message is checked by who gets it; the responder is a client of ctrl as the dataplane is, and the
 *            dataplane believes the responder nothing but its words on hold ids that it handed over.
 * Limits:    the responder takes as many connections as it is told, and a number of each source (its REFUSED: -EBUSY).
 */
#ifndef POSTERN_DP_RESPONDER_H
#define POSTERN_DP_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"

#define DP_RESPONDER_MAGIC 0x52505352u /* "RSPR" */
#define DP_ANSWER_MAGIC 0x52575341u    /* "ASWR" */

enum {
	DP_READY_MS = 200,	   /* after this without READY a hold falls back, and CANCEL is sent */
	DP_ANSWER_TEXT_MAX = 510,  /* RFC 5321 §4.5.3.1.5: a reply line is 512 octets with its end */
	DP_ANSWER_KEEP_MS = 10000,
};

enum dp_responder_type {
	DP_RESPONDER_HELLO = 1, /* responder; the TUN's descriptor rides along */
	DP_RESPONDER_READY,	/* responder */
	DP_RESPONDER_REFUSED,	/* responder */
	DP_RESPONDER_CLOSED,	/* responder */
	DP_RESPONDER_WANTED,	/* dataplane */
	DP_RESPONDER_CANCEL,	/* dataplane */
	DP_RESPONDER_NB,
};

struct dp_responder_msg {
	uint32_t magic;
	uint16_t abi_version;
	uint16_t type;	   /* enum dp_responder_type */
	uint32_t instance; /* of the responder, never 0; WANTED: 0 */
	uint32_t epoch;	   /* of the worker; HELLO, WANTED: 0 */
	uint16_t worker;
	uint16_t mtu;	   /* HELLO: of the TUN */
	int32_t error;	   /* REFUSED: negative errno */
	uint64_t hold_id;  /* that of the record; HELLO, WANTED: 0 */
	uint64_t flow_uid;
	uint64_t reserved[3]; /* zero */
};
_Static_assert(sizeof(struct dp_responder_msg) == 64, "responder message layout");

/*
 * What the author of a mail is told. @text: one reply line without its end, "550 5.1.2 <x@army.ml>: ...": code of 4yz or
 * 5yz, RFC 3463 code, printable ASCII, made fit by ctrl (addresses sanitised). Empty: the responder's own words.
 */
struct dp_answer {
	uint32_t magic;
	uint16_t abi_version;
	uint16_t worker;
	uint32_t epoch;
	uint32_t rcpt_index;
	uint64_t hold_id;
	uint64_t flow_uid;
	uint32_t transaction;
	uint8_t verdict;   /* enum dp_verdict */
	uint8_t reserved;  /* zero */
	uint16_t text_len;
	char text[512];	   /* zero behind text_len */
};
_Static_assert(sizeof(struct dp_answer) == 552, "answer layout");

/* 0 or -EBADMSG; @len: octets received. */
int dp_responder_check(const struct dp_responder_msg *msg, size_t len);
int dp_answer_check(const struct dp_answer *answer, size_t len);

#endif
