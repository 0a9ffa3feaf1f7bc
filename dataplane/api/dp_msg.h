/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_msg - datagrams between the processes, with a descriptor riding along
 *
 * What:      one SOCK_SEQPACKET datagram is one message; its layout and its check are its owner's (dp_ruleset.h,
 *            dp_responder.h, dp_takeover.h).
 * Threads:   pure functions of their arguments. They never wait and never raise SIGPIPE.
 */
#ifndef POSTERN_DP_MSG_H
#define POSTERN_DP_MSG_H

#include <stddef.h>
#include <sys/types.h>

/* Send @len octets, with @fd >= 0 riding along. 0 or negative errno; -EAGAIN: the other end has not read what it got. */
int dp_msg_send(int sock, const void *msg, size_t len, int fd);

/*
 * Receive one datagram into @buf. Its length (> 0), *ret_fd a descriptor (close-on-exec) or -1; 0: nothing there;
 * -ECONNRESET: the other end is gone; -EBADMSG: longer than @size (descriptors closed). The caller checks the octets.
 */
ssize_t dp_msg_receive(int sock, void *buf, size_t size, int *ret_fd);

#endif
