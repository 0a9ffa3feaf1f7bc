/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_offer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp_event.h"
#include "dp_ruleset.h"
#include "safe_text.h"

/* A descriptor of a sealed copy of @image, or negative errno. */
static int
sealed_copy(const void *image, size_t len)
{
	int fd = memfd_create("postern-rules", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc = 0;
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < len && rc == 0) {
		ssize_t w = write(fd, (const char *)image + done, len - done);

		if (w > 0)
			done += (size_t)w;
		else if (w == 0 || errno != EINTR)
			rc = w == 0 ? -EIO : -errno;
	}
	if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		rc = -errno;
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int
rules_offer_send(struct rules_offer *ro, int sock, unsigned int nb_workers, const struct ruleset *set)
{
	struct dp_ruleset_msg msg = { .magic = DP_RULESET_MAGIC, .abi_version = DP_ABI_VERSION, .type = DP_RULESET_OFFER };
	const void *image;
	size_t len;
	int fd, rc;

	*ro = (struct rules_offer){
		.sock = sock,
		.generation = ruleset_generation(set),
		.nb_workers = nb_workers,
	};
	image = ruleset_image(set, &len);
	if (len > DP_RULESET_SIZE_MAX)
		return -EFBIG;
	fd = sealed_copy(image, len);
	if (fd < 0)
		return fd;
	msg.generation = ro->generation;
	msg.size = len;
	msg.hash = ro->hash = dp_hash64(DP_HASH64_INIT, image, len);
	rc = dp_ruleset_send(sock, &msg, fd);
	close(fd);
	return rc;
}

static void
note_refusal(struct rules_offer *ro, const struct dp_ruleset_msg *msg)
{
	char text[4 * sizeof(msg->text) + 1];

	safe_text(text, sizeof(text), msg->text, strnlen(msg->text, sizeof(msg->text)));
	snprintf(ro->refused, sizeof(ro->refused), "%s (%s)", text[0] != '\0' ? text : "no reason given",
		 strerror(msg->error < 0 && msg->error > -4096 ? -msg->error : EPROTO));
}

int
rules_offer_poll(struct rules_offer *ro)
{
	struct dp_ruleset_msg msg;
	int fd = -1, rc;

	while ((rc = dp_ruleset_receive(ro->sock, &msg, &fd)) == 1) {
		if (fd >= 0)
			close(fd); /* nobody asked for one */
		fd = -1;
		if (msg.type == DP_RULESET_WANTED)
			return -ESTALE;
		/* An answer to an older offer, of a predecessor perhaps, which may have used the same number. */
		if (msg.generation != ro->generation || msg.hash != ro->hash)
			continue;
		if (msg.type == DP_RULESET_REFUSED) {
			note_refusal(ro, &msg);
			return -EPERM;
		}
		if (msg.type != DP_RULESET_ACK || msg.worker >= ro->nb_workers || ro->acked[msg.worker])
			continue;
		ro->acked[msg.worker] = true;
		ro->nb_acked++;
	}
	if (rc < 0)
		return rc;
	return ro->nb_acked == ro->nb_workers;
}
