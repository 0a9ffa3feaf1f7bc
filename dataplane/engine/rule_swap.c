/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_swap.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "dp_ruleset.h"

struct rule_swap {
	int sock;
	unsigned int nb_workers;
	struct rte_rcu_qsbr *qsbr;
	_Atomic(struct rule_set *) current;
};

static void
rule_set_free(struct rule_set *set)
{
	unsigned int i;

	if (set == NULL)
		return;
	for (i = 0; i < set->nb_workers; i++)
		matcher_scratch_free(set->scratch[i]);
	matcher_free(set->matcher);
	free(set);
}

int
rule_swap_new(int sock, unsigned int nb_workers, struct rule_swap **ret)
{
	struct rule_swap *rs = calloc(1, sizeof(*rs));
	unsigned int i;

	if (rs == NULL)
		return -ENOMEM;
	rs->sock = sock;
	rs->nb_workers = nb_workers;
	rs->qsbr = rte_zmalloc("rule_swap", rte_rcu_qsbr_get_memsize(nb_workers), RTE_CACHE_LINE_SIZE);
	if (rs->qsbr == NULL || rte_rcu_qsbr_init(rs->qsbr, nb_workers) != 0) {
		rule_swap_free(rs);
		return -ENOMEM;
	}
	for (i = 0; i < nb_workers; i++)
		rte_rcu_qsbr_thread_register(rs->qsbr, i);
	*ret = rs;
	return 0;
}

void
rule_swap_free(struct rule_swap *rs)
{
	if (rs == NULL)
		return;
	rule_set_free(atomic_load(&rs->current));
	rte_free(rs->qsbr);
	free(rs);
}

const struct rule_set *
rule_swap_get(const struct rule_swap *rs)
{
	return atomic_load_explicit(&rs->current, memory_order_acquire);
}

void
rule_swap_online(struct rule_swap *rs, unsigned int worker)
{
	rte_rcu_qsbr_thread_online(rs->qsbr, worker);
}

void
rule_swap_offline(struct rule_swap *rs, unsigned int worker)
{
	rte_rcu_qsbr_thread_offline(rs->qsbr, worker);
}

void
rule_swap_quiescent(struct rule_swap *rs, unsigned int worker)
{
	rte_rcu_qsbr_quiescent(rs->qsbr, worker);
}

static int
load_image(int fd, const struct dp_ruleset_msg *offer, struct matcher **ret, const char **ret_why)
{
	void *image;
	int rc = dp_ruleset_map(fd, offer, &image, ret_why);

	if (rc != 0)
		return rc;
	*ret_why = "the image is not a rule set for this machine";
	rc = matcher_load(image, offer->size, ret);
	munmap(image, offer->size);
	return rc;
}

static int
rule_set_new(int fd, const struct dp_ruleset_msg *offer, unsigned int nb_workers, struct rule_set **ret,
	     const char **ret_why)
{
	struct rule_set *set = calloc(1, sizeof(*set) + nb_workers * sizeof(set->scratch[0]));
	unsigned int i;
	int rc;

	*ret_why = "out of memory";
	if (set == NULL)
		return -ENOMEM;
	set->nb_workers = nb_workers;
	set->generation = offer->generation;
	set->hash = offer->hash;
	rc = load_image(fd, offer, &set->matcher, ret_why);
	for (i = 0; rc == 0 && i < nb_workers; i++) {
		*ret_why = "no scratch memory for a worker";
		rc = matcher_scratch_new(set->matcher, &set->scratch[i]);
	}
	if (rc == 0 && matcher_generation(set->matcher) != offer->generation) {
		*ret_why = "the image has another generation than promised";
		rc = -EBADMSG;
	}
	if (rc != 0) {
		rule_set_free(set);
		return rc;
	}
	*ret = set;
	return 0;
}

static void
acknowledge(const struct rule_swap *rs, const struct dp_ruleset_msg *offer)
{
	struct dp_ruleset_msg msg = {
		.magic = DP_RULESET_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = DP_RULESET_ACK,
		.generation = offer->generation,
		.hash = offer->hash,
	};

	/* A ctrl that is gone gets no answer; its successor offers again. */
	for (msg.worker = 0; msg.worker < rs->nb_workers; msg.worker++)
		if (dp_ruleset_send(rs->sock, &msg, -1) != 0)
			return;
}

static void
refuse(const struct rule_swap *rs, const struct dp_ruleset_msg *offer, int error, const char *why)
{
	struct dp_ruleset_msg msg = {
		.magic = DP_RULESET_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = DP_RULESET_REFUSED,
		.generation = offer->generation,
		.hash = offer->hash,
		.error = error,
	};

	snprintf(msg.text, sizeof(msg.text), "%s", why);
	dp_ruleset_send(rs->sock, &msg, -1);
}

static void
take_offer(struct rule_swap *rs, const struct dp_ruleset_msg *offer, int fd)
{
	struct rule_set *old = atomic_load_explicit(&rs->current, memory_order_relaxed), *set = NULL;
	const char *why = "";
	int rc;

	if (old != NULL && old->hash == offer->hash && old->generation == offer->generation) {
		acknowledge(rs, offer);
		return;
	}
	rc = rule_set_new(fd, offer, rs->nb_workers, &set, &why);
	if (rc != 0) {
		refuse(rs, offer, rc, why);
		return;
	}
	atomic_store_explicit(&rs->current, set, memory_order_release);
	rte_rcu_qsbr_synchronize(rs->qsbr, RTE_QSBR_THRID_INVALID);
	rule_set_free(old);
	acknowledge(rs, offer);
}

void
rule_swap_ask(struct rule_swap *rs)
{
	const struct dp_ruleset_msg msg = {
		.magic = DP_RULESET_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = DP_RULESET_WANTED,
		.generation = 1,
	};

	/* No ctrl: the one that comes offers of its own accord. */
	dp_ruleset_send(rs->sock, &msg, -1);
}

int
rule_swap_poll(struct rule_swap *rs)
{
	struct dp_ruleset_msg msg;
	int fd, rc;

	for (;;) {
		rc = dp_ruleset_receive(rs->sock, &msg, &fd);
		if (rc == 0)
			return 0;
		if (rc == -EBADMSG)
			continue; /* not a message of ours: nothing to answer to */
		if (rc < 0)
			return rc;
		if (msg.type == DP_RULESET_OFFER && fd >= 0)
			take_offer(rs, &msg, fd);
		if (fd >= 0)
			close(fd);
	}
}
