/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "dp_clock.h"
#include "dp_msg.h"
#include "dp_responder.h"
#include "handover_table.h"

enum {
	BURST = 64,	  /* packets, messages and answers in one round of one ring */
	IDLE_MS = 20,	  /* without a responder */
	TIMER_SLACK_NS = 1000,
};

struct handover {
	int sock, tun;
	uint32_t instance;
	unsigned int nb;
	pthread_t thread;
	_Atomic bool stop;
	struct handover_table table;
	struct handover_lane lanes[];
};

/* --- to the workers --- */

static void
answer(struct handover *h, unsigned int worker, const struct handover_flow *flow, enum handover_answer_type type)
{
	struct handover_answer *a = slot_ring_claim(&h->lanes[worker].answers);

	if (a == NULL)
		return; /* the hold falls back, or the connection ages */
	*a = (struct handover_answer){ .flow = *flow, .type = type };
	slot_ring_commit(&h->lanes[worker].answers);
}

/* There is another responder, or none (0). */
static void
set_instance(struct handover *h, uint32_t instance, int tun)
{
	unsigned int i;

	if (h->tun >= 0)
		close(h->tun);
	h->tun = tun;
	h->instance = instance;
	handover_table_clear(&h->table);
	for (i = 0; i < h->nb; i++)
		atomic_store_explicit(&h->lanes[i].instance, instance, memory_order_release);
}

/* --- to the responder --- */

static int
say(struct handover *h, enum dp_responder_type type, unsigned int worker, const struct handover_flow *flow)
{
	struct dp_responder_msg msg = {
		.magic = DP_RESPONDER_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = (uint16_t)type,
	};

	if (flow != NULL) {
		msg.instance = h->instance;
		msg.worker = (uint16_t)worker;
		msg.epoch = flow->epoch;
		msg.hold_id = flow->hold_id;
		msg.flow_uid = flow->uid;
	}
	return dp_msg_send(h->sock, &msg, sizeof(msg), -1);
}

/* The responder's clock is the monotonic one. */
static uint64_t
monotonic(uint64_t at_ns, uint64_t real_ns, uint64_t mono_ns)
{
	uint64_t age = real_ns > at_ns ? real_ns - at_ns : 0;

	return mono_ns > age ? mono_ns - age : 0;
}

/* False: the socket is full, not now. */
static bool
tell(struct handover *h, unsigned int worker, struct handover_told *told)
{
	struct dp_takeover *t = (struct dp_takeover *)(void *)told->record;
	uint64_t real = dp_clock_ns(CLOCK_REALTIME), mono = dp_clock_ns(CLOCK_MONOTONIC);
	struct handover_entry *e;
	struct dp_takeover rec;
	int rc;

	if (t->instance != h->instance || handover_table_add(&h->table, &t->flow.key, worker, &told->flow) != 0) {
		answer(h, worker, &told->flow, HANDOVER_REFUSED);
		return true;
	}
	rec = *t;
	t->client.last_tsval_ns = monotonic(t->client.last_tsval_ns, real, mono);
	t->server.last_tsval_ns = monotonic(t->server.last_tsval_ns, real, mono);
	rc = dp_msg_send(h->sock, t, t->len, -1);
	if (rc == 0)
		return true;
	e = handover_table_find(&h->table, &t->flow.key);
	if (e != NULL)
		handover_table_remove(&h->table, e);
	if (rc == -EAGAIN) {
		*t = rec; /* the times of the next try are others */
		return false;
	}
	answer(h, worker, &told->flow, HANDOVER_REFUSED);
	return true;
}

static void
ended(struct handover *h, unsigned int worker, const struct handover_ended *m)
{
	struct handover_entry *e = handover_table_find(&h->table, &m->key);

	if (e == NULL || e->worker != worker || e->flow.uid != m->flow.uid || e->flow.hold_id != m->flow.hold_id)
		return;
	handover_table_remove(&h->table, e);
	/* Full: the responder is told by silence, and gives up by itself. */
	say(h, DP_RESPONDER_CANCEL, worker, &m->flow);
}

/* One round of a worker's rings. True: there was something. */
static bool
serve_lane(struct handover *h, unsigned int worker)
{
	struct handover_lane *l = &h->lanes[worker];
	unsigned int i;
	bool any = false;
	void *slot;

	for (i = 0; i < BURST && (slot = slot_ring_look(&l->told)) != NULL; i++, any = true) {
		if (!tell(h, worker, slot))
			break;
		slot_ring_done(&l->told);
	}
	for (i = 0; i < BURST && (slot = slot_ring_look(&l->ended)) != NULL; i++, any = true) {
		ended(h, worker, slot);
		slot_ring_done(&l->ended);
	}
	for (i = 0; i < BURST && (slot = slot_ring_look(&l->inward)) != NULL; i++, any = true) {
		const struct handover_packet *p = slot;

		/* What a TUN does not take is lost, as on a wire. */
		if (h->tun >= 0 && write(h->tun, p->octets, p->len) < 0 && errno == EBADFD)
			set_instance(h, 0, -1);
		slot_ring_done(&l->inward);
	}
	return any;
}

/* --- from the responder --- */

/* Of what the responder says a connection of ours only. */
static void
about_flow(struct handover *h, const struct dp_responder_msg *msg)
{
	static const enum handover_answer_type types[DP_RESPONDER_NB] = {
		[DP_RESPONDER_READY] = HANDOVER_READY,
		[DP_RESPONDER_REFUSED] = HANDOVER_REFUSED,
		[DP_RESPONDER_CLOSED] = HANDOVER_CLOSED,
	};
	const struct handover_entry *e;

	if (msg->instance != h->instance || msg->worker >= h->nb)
		return;
	e = handover_table_find_hold(&h->table, msg->worker, msg->hold_id);
	if (e != NULL && e->flow.uid == msg->flow_uid && e->flow.epoch == msg->epoch)
		answer(h, msg->worker, &e->flow, types[msg->type]);
}

static bool
hear(struct handover *h)
{
	struct dp_responder_msg msg;
	unsigned int i;
	ssize_t n;
	int fd;

	for (i = 0; i < BURST; i++) {
		n = dp_msg_receive(h->sock, &msg, sizeof(msg), &fd);
		if (n == 0 || n == -ECONNRESET)
			break;
		if (n < 0 || dp_responder_check(&msg, (size_t)n) != 0 ||
		    (msg.type == DP_RESPONDER_HELLO) != (fd >= 0)) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		if (msg.type == DP_RESPONDER_HELLO)
			set_instance(h, msg.instance, fd);
		else if (msg.type == DP_RESPONDER_READY || msg.type == DP_RESPONDER_REFUSED ||
			 msg.type == DP_RESPONDER_CLOSED)
			about_flow(h, &msg);
	}
	return i > 0;
}

/* Packets out of the TUN, to the workers whose connections they are of. */
static bool
take_out(struct handover *h)
{
	uint8_t buf[HANDOVER_PACKET_MAX];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST && h->tun >= 0; i++) {
		const struct handover_entry *e;
		struct handover_packet *p;

		n = read(h->tun, buf, sizeof(buf));
		if (n <= 0)
			break;
		e = handover_table_of_packet(&h->table, buf, (uint32_t)n);
		p = e != NULL ? slot_ring_claim(&h->lanes[e->worker].outward) : NULL;
		if (p == NULL)
			continue; /* of nothing that was handed over, or more than goes out: TCP sends it again */
		p->flow = e->flow;
		p->len = (uint32_t)n;
		memcpy(p->octets, buf, (size_t)n);
		slot_ring_commit(&h->lanes[e->worker].outward);
	}
	return i > 0;
}

/* --- the thread --- */

static void
wait_for_more(const struct handover *h)
{
	struct pollfd p[2] = { { .fd = h->sock, .events = POLLIN }, { .fd = h->tun, .events = POLLIN } };
	const struct timespec nap = { .tv_nsec = HANDOVER_NAP_US * 1000L };
	const struct timespec idle = { .tv_nsec = IDLE_MS * 1000000L };

	ppoll(p, 2, h->instance != 0 ? &nap : &idle, NULL);
}

static void *
run(void *arg)
{
	struct handover *h = arg;
	unsigned int i;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	/* A responder that has been there longer than this process says so again. */
	say(h, DP_RESPONDER_WANTED, 0, NULL);
	while (!atomic_load_explicit(&h->stop, memory_order_relaxed)) {
		bool any = hear(h);

		for (i = 0; i < h->nb; i++)
			any |= serve_lane(h, i);
		any |= take_out(h);
		if (!any)
			wait_for_more(h);
	}
	return NULL;
}

static int
lane_init(struct handover_lane *l)
{
	int rc = slot_ring_init(&l->told, HANDOVER_TOLD, sizeof(struct handover_told));

	rc = rc != 0 ? rc : slot_ring_init(&l->ended, HANDOVER_ENDED, sizeof(struct handover_ended));
	rc = rc != 0 ? rc : slot_ring_init(&l->inward, HANDOVER_PACKETS, sizeof(struct handover_packet));
	rc = rc != 0 ? rc : slot_ring_init(&l->answers, HANDOVER_ANSWERS, sizeof(struct handover_answer));
	return rc != 0 ? rc : slot_ring_init(&l->outward, HANDOVER_PACKETS, sizeof(struct handover_packet));
}

static void
lane_fini(struct handover_lane *l)
{
	free(l->told.mem);
	free(l->ended.mem);
	free(l->inward.mem);
	free(l->answers.mem);
	free(l->outward.mem);
}

static void
destroy(struct handover *h)
{
	unsigned int i;

	for (i = 0; i < h->nb; i++)
		lane_fini(&h->lanes[i]);
	handover_table_fini(&h->table);
	if (h->tun >= 0)
		close(h->tun);
	free(h);
}

int
handover_start(int sock, unsigned int nb_workers, const struct packet_hash_seed *seed, struct handover **ret)
{
	size_t len = sizeof(struct handover) + nb_workers * sizeof(struct handover_lane);
	struct handover *h = aligned_alloc(DP_CACHE_LINE, (len + DP_CACHE_LINE - 1) & ~(size_t)(DP_CACHE_LINE - 1));
	sigset_t all, before;
	unsigned int i;
	int rc;

	if (h == NULL)
		return -ENOMEM;
	memset(h, 0, len);
	h->sock = sock;
	h->tun = -1;
	h->nb = nb_workers;
	rc = handover_table_init(&h->table, seed);
	if (rc != 0) {
		free(h);
		return rc;
	}
	for (i = 0; i < nb_workers && rc == 0; i++)
		rc = lane_init(&h->lanes[i]);
	if (rc == 0) {
		/* Signals are the main thread's. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		rc = -pthread_create(&h->thread, NULL, run, h);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (rc != 0) {
		destroy(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void
handover_stop(struct handover *h)
{
	if (h == NULL)
		return;
	atomic_store_explicit(&h->stop, true, memory_order_relaxed);
	pthread_join(h->thread, NULL);
	destroy(h);
}

struct handover_lane *
handover_lane(struct handover *h, unsigned int worker)
{
	return &h->lanes[worker];
}
