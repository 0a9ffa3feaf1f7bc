/* SPDX-License-Identifier: BSD-3-Clause */
#include "decider.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "decide.h"
#include "dp_clock.h"
#include "dp_ring.h"

struct decider_ring {
	struct dp_ring_reader reader;
	uint64_t blocked_ns; /* since when its command ring is full; 0: it is not */
	bool broken;
	bool is_responder; /* it is answered by its socket alone, and has no command ring */
	bool pending;	     /* @cmd could not be sent yet */
	struct dp_command cmd;
};

struct decider {
	struct rule_view *rules;
	struct answers answers;
	unsigned int nb;
	pthread_t thread;
	_Atomic bool stop;
	_Alignas(8) uint8_t record[DP_RECORD_LEN_MAX];
	struct decider_ring rings[];
};

/* The command goes, or has to wait, or is given up. False: it waits. */
static bool
send_command(struct decider_ring *ring)
{
	uint64_t now;

	if (dp_ring_send_command(&ring->reader, &ring->cmd) != 0) {
		now = dp_clock_ns(CLOCK_MONOTONIC);
		if (ring->blocked_ns == 0)
			ring->blocked_ns = now;
		if (now - ring->blocked_ns < UINT64_C(1000000) * DECIDER_PATIENCE_MS)
			return false;
	} else {
		ring->blocked_ns = 0;
	}
	ring->pending = false;
	dp_ring_set_decided(&ring->reader, ring->reader.pos);
	return true;
}

/*
 * The verdict on @ev, this process's or its predecessor's; NONE when it cannot be decided (the pipeline says why). The
 * responder is told of it before the worker is: its words are there when the connection comes.
 */
static enum dp_verdict
verdict_on(struct decider *d, struct decider_ring *ring, uint64_t pos, const struct dp_ev_rcpt *ev)
{
	struct dp_verdict_slot slot = dp_ring_verdict(&ring->reader, pos, ev->rec.seq, ev->rec.epoch);
	const struct ruleset *set = rule_view_find(d->rules, ev->generation);
	struct decision decision;
	enum dp_verdict verdict = slot.verdict;
	bool known = set != NULL && decide(set, ev, &decision) == 1;
	uint64_t now;

	if (verdict == DP_VERDICT_NONE) {
		if (!known)
			return DP_VERDICT_NONE;
		now = dp_clock_ns(CLOCK_REALTIME);
		verdict = answers_limit(&d->answers, ev, decision.verdict, now);
		dp_ring_decide(&ring->reader, pos, ev->rec.seq, ev->rec.epoch, verdict, true,
			       now > ev->rec.ts_ns ? (now - ev->rec.ts_ns) / 1000 : 0);
	}
	if (ev->hold_id != 0 && (ring->is_responder || verdict == DP_VERDICT_REFUSE || verdict == DP_VERDICT_DIVERT))
		answers_send(&d->answers, ev, verdict, known ? &decision : NULL);
	return verdict;
}

/* One record of a ring. False: there is none, or it has to wait. */
static bool
step(struct decider *d, struct decider_ring *ring)
{
	const struct dp_ev_rcpt *ev = (const void *)d->record;
	enum dp_verdict verdict;
	uint64_t pos;
	int rc;

	if (ring->pending)
		return send_command(ring);
	rc = dp_ring_next(&ring->reader, d->record, &pos);
	if (rc < 0 && !ring->broken) {
		/* The pipeline is to find it, too. */
		ring->broken = true;
		dp_ring_set_decided(&ring->reader, atomic_load_explicit(&ring->reader.dp->head, memory_order_relaxed));
	}
	if (rc != 1)
		return false;
	if (ev->rec.type == DP_EV_RCPT && ev->rule != DP_RULE_NONE) {
		verdict = verdict_on(d, ring, pos, ev);
		if (!ring->is_responder && ev->hold_id != 0 && verdict != DP_VERDICT_NONE &&
		    ev->rec.epoch == atomic_load_explicit(&ring->reader.dp->epoch, memory_order_relaxed)) {
			ring->cmd = (struct dp_command){
				.magic = DP_COMMAND_MAGIC,
				.type = DP_CMD_VERDICT,
				.worker = ring->reader.worker,
				.epoch = ev->rec.epoch,
				.verdict = (uint8_t)verdict,
				.hold_id = ev->hold_id,
				.flow_uid = ev->flow.uid,
			};
			ring->pending = true;
			return send_command(ring);
		}
	}
	dp_ring_set_decided(&ring->reader, ring->reader.pos);
	return true;
}

static void *
run(void *arg)
{
	struct decider *d = arg;
	const struct timespec nap = { .tv_nsec = DECIDER_SLEEP_US * 1000L };
	unsigned int idle = 0, i;
	uint32_t beat = 0;

	while (!atomic_load_explicit(&d->stop, memory_order_relaxed)) {
		bool any = false;

		for (i = 0; i < d->nb; i++) {
			any |= step(d, &d->rings[i]);
			atomic_store_explicit(&d->rings[i].reader.ctrl->heartbeat, beat, memory_order_relaxed);
		}
		rule_view_turn(d->rules);
		beat++;
		idle = any ? 0 : idle + 1;
		if (idle > DECIDER_SPINS)
			nanosleep(&nap, NULL);
	}
	return NULL;
}

int
decider_start(const struct decider_config *cfg, struct decider **ret)
{
	struct rule_view *rules = cfg->rules;
	unsigned int nb = cfg->dp->geo.nb_workers, i;
	struct decider *d = calloc(1, sizeof(*d) + (nb + 1) * sizeof(d->rings[0]));
	sigset_t all, before;
	int rc;

	if (d == NULL)
		return -ENOMEM;
	d->rules = rules;
	d->nb = nb;
	for (i = 0; i < nb; i++)
		dp_ring_reader_attach(&d->rings[i].reader, cfg->dp, cfg->ctrl, i);
	if (cfg->responder_dp != NULL) {
		dp_ring_reader_attach(&d->rings[nb].reader, cfg->responder_dp, cfg->responder_ctrl, nb);
		d->rings[nb].is_responder = true;
		d->nb++;
	}
	answers_init(&d->answers, &cfg->answers);
	rule_view_attach(rules);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&d->thread, NULL, run, d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		rule_view_detach(rules);
		free(d);
		return -rc;
	}
	*ret = d;
	return 0;
}

void
decider_stop(struct decider *d)
{
	if (d == NULL)
		return;
	atomic_store_explicit(&d->stop, true, memory_order_relaxed);
	pthread_join(d->thread, NULL);
	rule_view_detach(d->rules);
	free(d);
}
