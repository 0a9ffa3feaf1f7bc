/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dp_event.h"
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

int
dp_ruleset_map(int fd, const struct dp_ruleset_msg *offer, void **ret_image, const char **ret_why)
{
	const int wanted = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	void *image;
	int seals = fcntl(fd, F_GET_SEALS);

	*ret_why = "the image is not sealed";
	if (seals < 0 || (seals & wanted) != wanted)
		return -EPERM;
	*ret_why = "the image has another size than promised";
	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size != offer->size)
		return -EBADMSG;
	image = mmap(NULL, offer->size, PROT_READ, MAP_PRIVATE, fd, 0);
	*ret_why = "the image cannot be mapped";
	if (image == MAP_FAILED)
		return -errno;
	if (dp_hash64(DP_HASH64_INIT, image, offer->size) != offer->hash) {
		*ret_why = "the image is damaged";
		munmap(image, offer->size);
		return -EBADMSG;
	}
	*ret_image = image;
	return 0;
}
