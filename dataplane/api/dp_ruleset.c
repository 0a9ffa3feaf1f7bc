/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_ruleset.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
dp_ruleset_check(const struct dp_ruleset_msg *msg, size_t len)
{
	if (len != sizeof(*msg) || msg->magic != DP_RULESET_MAGIC || msg->abi_version != DP_ABI_VERSION ||
	    msg->type == 0 || msg->type >= DP_RULESET_NB || msg->generation == 0)
		return -EBADMSG;
	if (memchr(msg->text, '\0', sizeof(msg->text)) == NULL || msg->worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	if (msg->type == DP_RULESET_OFFER && (msg->size == 0 || msg->size > DP_RULESET_SIZE_MAX))
		return -EBADMSG;
	return 0;
}

int
dp_ruleset_send(int sock, const struct dp_ruleset_msg *msg, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	do {
		n = sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*msg) ? 0 : -EIO;
}

/* Take the first descriptor of @mh, close any further ones. */
static int
take_fd(struct msghdr *mh)
{
	struct cmsghdr *c;
	int first = -1;

	for (c = CMSG_FIRSTHDR(mh); c != NULL; c = CMSG_NXTHDR(mh, c)) {
		size_t nb, i;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		nb = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < nb; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

int
dp_ruleset_receive(int sock, struct dp_ruleset_msg *ret_msg, int *ret_fd)
{
	union {
		char buf[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct dp_ruleset_msg msg;
	struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;
	int fd;

	do {
		n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	fd = take_fd(&mh);
	if ((mh.msg_flags & MSG_TRUNC) != 0 || dp_ruleset_check(&msg, (size_t)n) != 0) {
		if (fd >= 0)
			close(fd);
		return -EBADMSG;
	}
	*ret_msg = msg;
	*ret_fd = fd;
	return 1;
}
