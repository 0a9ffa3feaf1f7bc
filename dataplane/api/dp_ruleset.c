/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_ruleset.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "dp_msg.h"

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
	return dp_msg_send(sock, msg, sizeof(*msg), fd);
}

int
dp_ruleset_receive(int sock, struct dp_ruleset_msg *ret_msg, int *ret_fd)
{
	struct dp_ruleset_msg msg;
	int fd;
	ssize_t n = dp_msg_receive(sock, &msg, sizeof(msg), &fd);

	if (n <= 0)
		return (int)n;
	if (dp_ruleset_check(&msg, (size_t)n) != 0) {
		if (fd >= 0)
			close(fd);
		return -EBADMSG;
	}
	*ret_msg = msg;
	*ret_fd = fd;
	return 1;
}
