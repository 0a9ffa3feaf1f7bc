/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_ruleset - how a compiled rule set reaches the workers
 *
 * What:      messages of 128 octets over a SOCK_SEQPACKET pair between ctrl and the dataplane's service thread.
 *
 *              ctrl                                service thread                     workers
 *               | OFFER gen, hash, size  + memfd        |                                |
 *               |-------------------------------------->| map, check, deserialise,       |
 *               |                                       | scratch per worker             |
 *               |                                       |---- RCU swap ----------------->|
 *               |                  ACK gen, worker 0    |<--- quiescent, gen in use -----|
 *               |<--------------------------------------|                                |
 *               |                  ACK gen, worker 1 ...| old set freed after grace      |
 *               | or REFUSED gen, error, text           |                                |
 *
 *            The memfd is sealed against writing, shrinking and growing; its content is the image of rules/matcher.h.
 *            An offer of the content in use is acknowledged without a swap (a restarted ctrl offers again).
 * Trust:     the service thread checks seals, size and the image; a bad one leaves the old set in force. ctrl takes ACK
 *            and REFUSED as claims of a client: text is shown escaped.
 */
#ifndef POSTERN_DP_RULESET_H
#define POSTERN_DP_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"

#define DP_RULESET_MAGIC 0x534c5552u /* "RULS" */

enum {
	DP_RULESET_SIZE_MAX = 1 << 30,
};

enum dp_ruleset_type {
	DP_RULESET_OFFER = 1, /* ctrl; one descriptor rides along */
	DP_RULESET_ACK,	      /* service thread, once per worker */
	DP_RULESET_REFUSED,   /* service thread */
	DP_RULESET_WANTED,    /* service thread of a dataplane that was started again: offer, please; generation 1 */
	DP_RULESET_NB,
};

struct dp_ruleset_msg {
	uint32_t magic;
	uint16_t abi_version;
	uint16_t type;	     /* enum dp_ruleset_type */
	uint32_t generation; /* > 0 */
	uint32_t worker;     /* ACK */
	uint64_t size;	     /* OFFER: octets of the image */
	uint64_t hash;	     /* OFFER: dp_hash64() of the image; ACK, REFUSED: that of the offer they answer */
	int32_t error;	     /* REFUSED: negative errno */
	char text[92];	     /* REFUSED: why, NUL-terminated */
};
_Static_assert(sizeof(struct dp_ruleset_msg) == 128, "rule-set message layout");

/* 0 or -EBADMSG: magic, version, type, terminated text, sizes in range. @len: octets received. */
int dp_ruleset_check(const struct dp_ruleset_msg *msg, size_t len);

/*
 * Send one message, with @fd >= 0 riding along. 0 or negative errno (-EAGAIN: the other end has not read hundreds of them);
 * never waits, never raises SIGPIPE.
 */
int dp_ruleset_send(int sock, const struct dp_ruleset_msg *msg, int fd);

/*
 * Receive one message without blocking; the caller polls. 1: got one, checked, *ret_fd is the descriptor (close-on-exec)
 * or -1; 0: nothing there; -ECONNRESET: the other end is gone; -EBADMSG: not a message of ours (descriptors closed).
 */
int dp_ruleset_receive(int sock, struct dp_ruleset_msg *ret_msg, int *ret_fd);

/*
 * Map the image behind @fd that came with the checked @offer: sealed, so that nobody changes it while it is read, of the
 * promised size and hash. 0, *ret_image is to be given to munmap() with @offer->size; or negative errno with *ret_why.
 */
int dp_ruleset_map(int fd, const struct dp_ruleset_msg *offer, void **ret_image, const char **ret_why);

#endif
