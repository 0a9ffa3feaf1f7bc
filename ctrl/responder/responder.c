/* SPDX-License-Identifier: BSD-3-Clause */
#include "responder.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dp_clock.h"
#include "dp_msg.h"

#define MS UINT64_C(1000000) /* in ns */

enum {
	BURST = 64,	   /* events of one turn */
	RECORDS_TURN = 64, /* messages read of one socket in one turn */
};

/* --- to the dataplane --- */

static int
say(struct responder *r, enum dp_responder_type type, const struct dp_responder_msg *of, int error)
{
	struct dp_responder_msg msg = {
		.magic = DP_RESPONDER_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = (uint16_t)type,
		.instance = r->instance,
		.error = error,
	};

	if (type == DP_RESPONDER_HELLO) {
		msg.mtu = r->opt.mtu;
		return dp_msg_send(r->opt.takeover_fd, &msg, sizeof(msg), r->tun_fd);
	}
	msg.epoch = of->epoch;
	msg.worker = of->worker;
	msg.hold_id = of->hold_id;
	msg.flow_uid = of->flow_uid;
	return dp_msg_send(r->opt.takeover_fd, &msg, sizeof(msg), -1);
}

static void
greet(struct responder *r)
{
	if (!r->greeted && r->judge.matcher != NULL && r->end_ns == 0)
		r->greeted = say(r, DP_RESPONDER_HELLO, NULL, 0) == 0;
}

/* --- sessions --- */

/* @s is over: the dataplane is told, unless it need not be. */
static void
bury(struct responder *r, struct session *s, bool silent)
{
	const struct dp_responder_msg of = {
		.epoch = s->epoch,
		.worker = s->worker,
		.hold_id = s->hold_id,
		.flow_uid = s->flow.uid,
	};

	table_remove(&r->table, s);
	session_close(s, silent);
	r->nb_ended++;
	if (!silent)
		say(r, DP_RESPONDER_CLOSED, &of, 0);
}

static void
bury_all(struct responder *r, bool silent)
{
	while (r->table.all != NULL)
		bury(r, r->table.all, silent);
}

static int
take_over(struct responder *r, const struct dp_takeover *t)
{
	struct session *s;
	int rc;

	if (r->end_ns != 0)
		return -ESHUTDOWN;
	if (t->verdict != DP_VERDICT_REFUSE)
		return -EOPNOTSUPP;
	if (r->judge.matcher == NULL)
		return -EAGAIN;
	if (table_find(&r->table, t->flow.uid) != NULL)
		return -EALREADY;
	if (r->table.nb >= r->opt.limit || table_count_source(&r->table, &t->flow.key) >= r->opt.limit_source)
		return -EBUSY;
	rc = session_open(&r->env, t, &s);
	if (rc == 0)
		table_add(&r->table, s);
	return rc;
}

static void
record_came(struct responder *r, size_t len)
{
	const struct dp_takeover *t = (const struct dp_takeover *)r->record;
	struct dp_responder_msg of;
	struct session *s;
	int rc;

	if (dp_takeover_check(r->record, len) != 0) {
		r->nb_malformed++;
		return;
	}
	/* Meant for a predecessor, to which the dataplane had sent it before it heard of this one. */
	if (t->instance != r->instance)
		return;
	of = (struct dp_responder_msg){
		.epoch = t->epoch,
		.worker = t->worker,
		.hold_id = t->hold_id,
		.flow_uid = t->flow.uid,
	};
	rc = take_over(r, t);
	if (rc != 0) {
		r->nb_refused++;
		say(r, DP_RESPONDER_REFUSED, &of, rc);
		return;
	}
	s = table_find(&r->table, of.flow_uid);
	r->nb_taken++;
	/* A dataplane that does not hear of it falls back by itself, and resets both ends. */
	if (say(r, DP_RESPONDER_READY, &of, 0) != 0 || session_start(s) != 0)
		bury(r, s, true);
}

static void
message_came(struct responder *r, const struct dp_responder_msg *msg)
{
	struct session *s;

	if (msg->type == DP_RESPONDER_WANTED) {
		bury_all(r, true);
		r->greeted = false;
		greet(r);
	} else if (msg->type == DP_RESPONDER_CANCEL && msg->instance == r->instance) {
		s = table_find(&r->table, msg->flow_uid);
		if (s != NULL && s->hold_id == msg->hold_id && s->epoch == msg->epoch && s->worker == msg->worker)
			bury(r, s, true);
	} else {
		r->nb_malformed++;
	}
}

static void
takeover_ready(struct responder *r)
{
	const struct dp_responder_msg *msg = (const struct dp_responder_msg *)r->record;
	unsigned int i;

	for (i = 0; i < RECORDS_TURN; i++) {
		int fd = -1;
		ssize_t n = dp_msg_receive(r->opt.takeover_fd, r->record, sizeof(r->record), &fd);

		if (fd >= 0)
			close(fd);
		if (n == -EBADMSG) {
			r->nb_malformed++;
			continue;
		}
		if (n <= 0)
			return;
		if (dp_responder_check(msg, (size_t)n) == 0)
			message_came(r, msg);
		else
			record_came(r, (size_t)n);
	}
}

static void
answer_ready(struct responder *r)
{
	struct dp_answer answer;
	struct session *s;
	unsigned int i;

	for (i = 0; i < RECORDS_TURN; i++) {
		int fd = -1;
		ssize_t n = dp_msg_receive(r->opt.answer_fd, &answer, sizeof(answer), &fd);

		if (fd >= 0)
			close(fd);
		if (n == 0 || (n < 0 && n != -EBADMSG))
			return;
		if (n < 0 || dp_answer_check(&answer, (size_t)n) != 0) {
			r->nb_malformed++;
			continue;
		}
		judge_keep_answer(&r->judge, &answer, r->env.now_ns);
		s = table_find(&r->table, answer.flow_uid);
		if (s != NULL)
			session_answer(s, &answer);
	}
}

static void
signal_ready(struct responder *r)
{
	struct signalfd_siginfo si;

	if (read(r->signal_fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	/* Once more: at once. */
	r->end_ns = r->end_ns != 0 ? 1 : r->env.now_ns + RESPONDER_DRAIN_MS * MS;
}

/* --- the loop --- */

static void
tick(struct responder *r)
{
	struct session *s, *next;

	if (r->env.now_ns - r->tick_ns < RESPONDER_TICK_MS * MS)
		return;
	r->tick_ns = r->env.now_ns;
	for (s = r->table.all; s != NULL; s = s->next)
		session_tick(s);
	for (s = r->table.all; s != NULL; s = next) {
		next = s->next;
		if (s->over)
			bury(r, s, false);
	}
	greet(r);
	dp_ring_report_lost(&r->judge.ring, 0, 0);
	atomic_fetch_add_explicit(&r->judge.ring.dp->heartbeat, 1, memory_order_relaxed);
}

static void
event(struct responder *r, const struct epoll_event *ev)
{
	if (ev->data.ptr == &r->opt.takeover_fd)
		takeover_ready(r);
	else if (ev->data.ptr == &r->opt.answer_fd)
		answer_ready(r);
	else if (ev->data.ptr == &r->opt.rules_fd)
		judge_take_rules(&r->judge);
	else if (ev->data.ptr == &r->signal_fd)
		signal_ready(r);
	else
		session_ready(ev->data.ptr, ev->events);
}

void
responder_run(struct responder *r)
{
	struct epoll_event evs[BURST];
	int i, nb;

	judge_want_rules(&r->judge);
	while (r->end_ns == 0 || (r->table.nb > 0 && r->env.now_ns < r->end_ns)) {
		nb = epoll_wait(r->env.epoll_fd, evs, BURST, RESPONDER_TICK_MS);
		r->env.now_ns = dp_clock_ns(CLOCK_MONOTONIC);
		/* Sessions first: what is said on the sockets may end some that have events here. */
		for (i = 0; i < nb; i++)
			if (evs[i].data.ptr < (void *)r || evs[i].data.ptr >= (void *)(r + 1))
				event(r, &evs[i]);
		for (i = 0; i < nb; i++)
			if (evs[i].data.ptr >= (void *)r && evs[i].data.ptr < (void *)(r + 1))
				event(r, &evs[i]);
		greet(r);
		tick(r);
	}
	bury_all(r, false);
}

static int
watch(struct responder *r, int *fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = fd };

	return epoll_ctl(r->env.epoll_fd, EPOLL_CTL_ADD, *fd, &ev) != 0 ? -errno : 0;
}

static int
make_machines(struct responder *r)
{
	/* Lines are given whole: strings are names alone, and large objects long ones, and long lists of what is owed. */
	const struct smtp_limits limits = {
		.sessions = r->opt.limit,
		.strings = 2 * r->opt.limit,
		.big = r->opt.limit / 4 + 64,
	};

	r->smtp_mem = aligned_alloc(DP_CACHE_LINE, smtp_ctx_mem_size(&limits));
	if (r->smtp_mem == NULL)
		return -ENOMEM;
	smtp_ctx_init(&r->smtp_ctx, r->smtp_mem, &limits);
	r->smtp_ctx.ops = &proxy_smtp_ops;
	r->smtp_ctx.counters = &r->counters;
	return 0;
}

int
responder_init(struct responder *r, const struct dp_shm *dp, const struct dp_shm *ctrl)
{
	uint64_t seed[2];
	int rc;

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -EIO;
	r->instance = (uint32_t)seed[1] | 1;
	r->env.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->env.epoll_fd < 0)
		return -errno;
	r->env.smtp_ctx = &r->smtp_ctx;
	r->env.judge = &r->judge;
	r->env.answer_ms = r->opt.answer_ms;
	r->env.template = r->opt.text;
	r->env.now_ns = dp_clock_ns(CLOCK_MONOTONIC);
	judge_init(&r->judge, r->opt.rules_fd, dp, ctrl);
	rc = make_machines(r);
	if (rc == 0)
		rc = table_init(&r->table, r->opt.limit, seed[0]);
	if (rc == 0)
		rc = watch(r, &r->opt.takeover_fd);
	if (rc == 0)
		rc = watch(r, &r->opt.answer_fd);
	if (rc == 0)
		rc = watch(r, &r->opt.rules_fd);
	return rc != 0 ? rc : watch(r, &r->signal_fd);
}

void
responder_fini(struct responder *r)
{
	bury_all(r, false);
	table_fini(&r->table);
	judge_fini(&r->judge);
	free(r->smtp_mem);
	close(r->env.epoll_fd);
}
