/* SPDX-License-Identifier: BSD-3-Clause */
#include "responder_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct responder_rules {
	uv_poll_t poll;
	int sock;
	const struct rule_sets *sets;
	struct rules_offer offer; /* the last one; generation 0: none */
	bool wanted;		  /* it asks for one */
};

/* What it has not read yet is in its way: at the next tick. */
void
responder_rules_tick(struct responder_rules *r)
{
	const struct ruleset *set;

	if (r == NULL || r->sets->in_force == 0 || (!r->wanted && r->offer.generation == r->sets->in_force))
		return;
	set = rule_sets_find(r->sets, r->sets->in_force);
	if (set != NULL && rules_offer_send(&r->offer, r->sock, DP_WORKERS_MAX, set) == 0)
		r->wanted = false;
	else
		r->offer.generation = 0;
}

static void
on_answers(uv_poll_t *h, int status, int events)
{
	struct responder_rules *r = h->data;
	int rc;

	do {
		rc = rules_offer_poll(&r->offer);
		if (rc == -ESTALE)
			r->wanted = true;
		if (rc == -EPERM)
			fprintf(stderr, "postern-ctrl: the responder refused the rules, and goes on with those before: %s\n",
				r->offer.refused);
	} while (rc == -ESTALE || rc == -EPERM || rc == -EBADMSG);
	/* The other end is the supervisor's, too: it goes when the run does. */
	if (rc < 0 && rc != -EAGAIN)
		uv_poll_stop(h);
	responder_rules_tick(r);
}

int
responder_rules_open(struct uv_loop_s *uv, int sock, const struct rule_sets *sets, struct responder_rules **ret)
{
	struct responder_rules *r = calloc(1, sizeof(*r));
	int rc;

	*ret = r;
	if (r == NULL)
		return -ENOMEM;
	r->sock = sock;
	r->offer.sock = sock;
	r->sets = sets;
	rc = uv_poll_init(uv, &r->poll, sock);
	r->poll.data = r;
	return rc == 0 ? uv_poll_start(&r->poll, UV_READABLE, on_answers) : rc;
}

void
responder_rules_close(struct responder_rules *r)
{
	if (r != NULL)
		uv_poll_stop(&r->poll);
}

void
responder_rules_free(struct responder_rules *r)
{
	free(r);
}
