/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring_feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dp_ring.h"
#include "dp_ruleset.h"
#include "dp_shm.h"

#define BASE_NS UINT64_C(1767225600000000000) /* 2026-01-01 */

enum {
	ACTIVE_MAX = 40, /* connections at once */
	STARTS_MAX = 200,
};

struct event {
	uint32_t len;
	unsigned int worker_hash;
	uint8_t *rec;
};

struct traffic {
	struct event *events;
	size_t nb, cap;
	uint64_t frame, ts_ns;
	unsigned int nb_matches;
};

struct sim_flow {
	struct dp_flow_id id;
	unsigned int step, nb_steps, lazy;
	uint32_t txn, rcpt, nb_rcpts;
	bool any_match;
	uint64_t shape;
};

struct feeder {
	const struct feeder_config *cfg;
	struct traffic traffic;
	struct dp_shm dp, ctrl;
	int dp_fd, dp_ro_fd, ctrl_fd, journal_fd, rules[2], status[2], out[2], err[2];
	char run_dir[256];
	struct dp_ring_writer writers[DP_WORKERS_MAX];
	size_t cursors[DP_WORKERS_MAX];
	pid_t pid;
	uint64_t rnd_kill, rnd_pace, next_kill_ns;
	struct feeder_result *res;
	char status_buf[4096];
	size_t status_len;
};

static uint64_t
rnd(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
emit(struct traffic *t, struct dp_record *rec, uint64_t uid)
{
	struct event *e;

	if (t->nb == t->cap) {
		t->cap = t->cap == 0 ? 1024 : t->cap * 2;
		t->events = reallocarray(t->events, t->cap, sizeof(*t->events));
		if (t->events == NULL)
			abort();
	}
	rec->frame_no = t->frame;
	rec->ts_ns = t->ts_ns;
	e = &t->events[t->nb++];
	e->len = rec->len;
	e->worker_hash = (unsigned int)(uid * 2654435761u >> 7);
	e->rec = malloc(rec->len);
	if (e->rec == NULL)
		abort();
	memcpy(e->rec, rec, rec->len);
}

static void
put(void *buf, struct dp_str *str, const char *s, size_t len, size_t max)
{
	dp_event_put_str(buf, str, s, len, max, len, 0);
}

union record {
	struct dp_record rec;
	struct dp_ev_txn_begin begin;
	struct dp_ev_rcpt rcpt;
	struct dp_ev_rcpt_reply reply;
	struct dp_ev_data data;
	struct dp_ev_txn_end end;
	struct dp_ev_flow_end flow_end;
	uint8_t octets[DP_RECORD_LEN_MAX];
};

static void
emit_begin(struct traffic *t, struct sim_flow *f, bool wanted)
{
	static union record r;
	char sender[64];
	int n = snprintf(sender, sizeof(sender), "sender%u@Corp%u.example", (unsigned int)(f->shape % 17),
			 (unsigned int)(f->shape % 5));

	f->txn++;
	f->rcpt = 0;
	if (!wanted)
		return;
	dp_event_begin(&r, DP_EV_TXN_BEGIN);
	r.begin.flow = f->id;
	r.begin.transaction = f->txn;
	put(&r, &r.begin.helo, "gw.example.com", 14, DP_STR_HELO_MAX);
	put(&r, &r.begin.sender, sender, (size_t)n, DP_STR_SENDER_MAX);
	emit(t, &r.rec, f->id.uid);
}

/* Of every kind: plain, with control characters, no UTF-8, far too long. */
static size_t
make_address(char *buf, size_t size, uint64_t k, bool match)
{
	const char *domain = match ? "army.ml" : "army.mil";
	size_t n;

	switch (k % 8) {
	case 0:
		return (size_t)snprintf(buf, size, "\x1b[31mred\a%u@%s", (unsigned int)(k % 1000), domain);
	case 1:
		return (size_t)snprintf(buf, size, "caf\xe9\xff%u@%s", (unsigned int)(k % 1000), domain);
	case 2:
		n = 700 + k % 300;
		memset(buf, 'x', n);
		return n + (size_t)snprintf(buf + n, size - n, "@%s", domain);
	default:
		return (size_t)snprintf(buf, size, "user%u@%s", (unsigned int)(k % 1000), domain);
	}
}

static void
emit_rcpt(struct traffic *t, struct sim_flow *f, uint64_t k, bool match, bool alternative, bool wanted)
{
	static union record r;
	char address[1200], sender[64];
	size_t n = make_address(address, sizeof(address), k, match);
	int m = snprintf(sender, sizeof(sender), "sender%u@Corp%u.example", (unsigned int)(f->shape % 17),
			 (unsigned int)(f->shape % 5));

	if (!alternative)
		f->rcpt++;
	if (!match && !wanted)
		return;
	dp_event_begin(&r, DP_EV_RCPT);
	r.rcpt.flow = f->id;
	r.rcpt.transaction = f->txn;
	r.rcpt.rcpt_index = alternative ? 0 : f->rcpt;
	r.rcpt.generation = 1;
	r.rcpt.rule = match ? 0 : DP_RULE_NONE;
	r.rcpt.technique = match ? 1 : 0;
	r.rcpt.flags = alternative ? DP_RCPT_ALTERNATIVE : 0;
	r.rcpt.anomalies = alternative ? DP_ANOMALY_BIT(ALTERNATIVE) : 0;
	r.rcpt.seq_start = f->id.first_seq + 100 * f->rcpt;
	r.rcpt.seq_end = r.rcpt.seq_start + (uint32_t)n + 12;
	put(&r, &r.rcpt.helo, "gw.example.com", 14, DP_STR_HELO_MAX);
	put(&r, &r.rcpt.sender, sender, (size_t)m, DP_STR_SENDER_MAX);
	put(&r, &r.rcpt.address, address, n, DP_STR_ADDRESS_MAX);
	put(&r, &r.rcpt.domain, "army.ml", match ? 7 : 0, DP_STR_DOMAIN_MAX);
	put(&r, &r.rcpt.meant, "army.mil", match ? 8 : 0, DP_STR_DOMAIN_MAX);
	if (match) {
		f->any_match = true;
		t->nb_matches++;
	}
	emit(t, &r.rec, f->id.uid);
}

static void
emit_reply(struct traffic *t, struct sim_flow *f, uint32_t index, uint16_t reply)
{
	static union record r;

	dp_event_begin(&r, DP_EV_RCPT_REPLY);
	r.reply.flow_uid = f->id.uid;
	r.reply.transaction = f->txn;
	r.reply.rcpt_index = index;
	r.reply.reply = reply;
	emit(t, &r.rec, f->id.uid);
}

static void
emit_data(struct traffic *t, struct sim_flow *f, uint16_t reply)
{
	static union record r;

	dp_event_begin(&r, DP_EV_DATA);
	r.data.flow_uid = f->id.uid;
	r.data.transaction = f->txn;
	r.data.kind = reply == 0 ? DP_DATA_BDAT : DP_DATA_DATA;
	r.data.reply = reply;
	emit(t, &r.rec, f->id.uid);
}

static void
emit_end(struct traffic *t, struct sim_flow *f, uint16_t go)
{
	static union record r;

	dp_event_begin(&r, DP_EV_TXN_END);
	r.end.flow_uid = f->id.uid;
	r.end.transaction = f->txn;
	r.end.kind = DP_DATA_DATA;
	r.end.go_reply = go;
	r.end.data_reply = go == 354 ? 250 : 0;
	r.end.flags = DP_TXN_COMPLETE;
	r.end.nb_rcpts = f->rcpt;
	r.end.body_octets = go == 354 ? 1000 + f->shape % 5000 : 0;
	emit(t, &r.rec, f->id.uid);
}

static void
emit_flow_end(struct traffic *t, struct sim_flow *f)
{
	static union record r;

	dp_event_begin(&r, DP_EV_FLOW_END);
	r.flow_end.flow = f->id;
	r.flow_end.nb_transactions = f->txn;
	r.flow_end.close = DP_CLOSE_FIN;
	r.flow_end.flags = DP_FLOW_SMTP | (f->shape % 11 == 0 ? DP_FLOW_STARTTLS | DP_FLOW_OPAQUE : 0);
	put(&r, &r.flow_end.helo, "gw.example.com", 14, DP_STR_HELO_MAX);
	emit(t, &r.rec, f->id.uid);
}

/*
 * One step of a connection. steps: 0 MAIL, 1..n RCPT (reply after each), n+1 DATA, n+2 end of the transaction, last: end
 * of the connection. Every eleventh has no transaction at all.
 */
static bool
step_flow(const struct feeder_config *cfg, struct traffic *t, struct sim_flow *f, uint64_t *seed)
{
	bool all = cfg->envelopes;
	uint64_t k = rnd(seed);
	unsigned int step = f->step++;
	uint16_t go = f->shape % 7 == 3 ? 554 : 354;

	if (f->shape % 11 == 0 || step == f->nb_rcpts + 3) {
		if (all || f->any_match)
			emit_flow_end(t, f);
		return false;
	}
	if (step == 0) {
		emit_begin(t, f, all);
	} else if (step <= f->nb_rcpts) {
		bool match = cfg->alerts_only || k % 4 == 0;

		emit_rcpt(t, f, k >> 8, match, false, all);
		if (match && k % 5 == 1)
			emit_rcpt(t, f, k >> 8, true, true, all);
		if ((all || f->any_match) && f->shape % 13 != 5)
			emit_reply(t, f, f->rcpt, k % 3 == 0 ? 550 : 250);
	} else if (step == f->nb_rcpts + 1) {
		if (all || f->any_match)
			emit_data(t, f, f->shape % 5 == 1 ? 0 : go);
	} else {
		if (all || f->any_match)
			emit_end(t, f, f->shape % 5 == 1 ? 0 : go);
		/* Some connections carry a second message. */
		if (f->txn == 1 && f->shape % 3 == 0)
			f->step = 0;
	}
	return true;
}

static void
open_flow(struct traffic *t, struct sim_flow *f, unsigned int number, uint64_t *seed)
{
	uint64_t k = rnd(seed);

	*f = (struct sim_flow){ .shape = k >> 16, .nb_rcpts = 1 + (uint32_t)(k % 4), .lazy = k % 9 == 0 ? 400 : 1 };
	f->id.uid = t->frame;
	f->id.start_ns = t->ts_ns;
	f->id.first_seq = (uint32_t)(k >> 20);
	f->id.key.family = number % 6 == 0 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4;
	f->id.key.client_addr[0] = 192;
	f->id.key.client_addr[2] = 2;
	f->id.key.client_addr[3] = (uint8_t)number;
	f->id.key.server_addr[0] = 198;
	f->id.key.server_addr[1] = 51;
	f->id.key.server_addr[2] = 100;
	f->id.key.server_addr[3] = 25;
	f->id.key.client_port = (uint16_t)(1024 + number % 60000);
	f->id.key.server_port = 25;
	f->id.key.vlan_outer = number % 10 == 0 ? 100 : 0;
}

static void
make_traffic(const struct feeder_config *cfg, struct traffic *t)
{
	struct sim_flow active[ACTIVE_MAX];
	unsigned int nb = 0, opened = 0;
	uint64_t seed = cfg->seed;

	*t = (struct traffic){ .frame = 1, .ts_ns = BASE_NS };
	while (opened < cfg->nb_flows || nb > 0) {
		unsigned int i;

		if (nb < ACTIVE_MAX && opened < cfg->nb_flows)
			open_flow(t, &active[nb++], opened++, &seed);
		i = (unsigned int)(rnd(&seed) % nb);
		if (active[i].lazy <= 1 || rnd(&seed) % active[i].lazy == 0 || opened == cfg->nb_flows)
			if (!step_flow(cfg, t, &active[i], &seed))
				active[i] = active[--nb];
		t->frame++;
		/* Several frames of one moment are common; now and then nothing happens for a while. */
		if (rnd(&seed) % 3 != 0)
			t->ts_ns += rnd(&seed) % (rnd(&seed) % 50 == 0 ? UINT64_C(5000000000) : 30000000);
	}
}

static void
set_cloexec_off(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

/* In the child. */
static void
exec_ctrl(struct feeder *f)
{
	sigset_t held;
	const struct feeder_config *cfg = f->cfg;
	char fds[5][16], run_id[17], starts[16];
	const char *argv[32] = { POSTERN_CTRL, "replay" };
	const int fd[5] = { f->dp_ro_fd, f->ctrl_fd, f->rules[1], f->status[1], f->journal_fd };
	static const char *const names[5] = { "--dp-fd", "--ctrl-fd", "--rules-fd", "--status-fd", "--journal-fd" };
	int n = 2, i;

	for (i = 0; i < 5; i++) {
		set_cloexec_off(fd[i]);
		snprintf(fds[i], sizeof(fds[i]), "%d", fd[i]);
		argv[n++] = names[i];
		argv[n++] = fds[i];
	}
	snprintf(run_id, sizeof(run_id), "%016llx", (unsigned long long)cfg->run_id);
	snprintf(starts, sizeof(starts), "%u", f->res->starts - 1);
	argv[n++] = "--rules";
	argv[n++] = cfg->rules;
	argv[n++] = "--run-dir";
	argv[n++] = f->run_dir;
	argv[n++] = "--run-id";
	argv[n++] = run_id;
	argv[n++] = "--store";
	argv[n++] = cfg->store;
	argv[n++] = "--observer";
	argv[n++] = "feeder";
	argv[n++] = "--alerts";
	argv[n++] = cfg->alerts;
	if (cfg->envelopes_to != NULL) {
		argv[n++] = "--envelopes";
		argv[n++] = cfg->envelopes_to;
	}
	setenv("POSTERN_CTRL_STARTS", starts, 1);
	setenv("TMPDIR", cfg->dir, 1);
	if (cfg->failpoint != NULL)
		setenv("POSTERN_FAILPOINT", cfg->failpoint, 1);
	if (cfg->file_size_limit > 0) {
		struct rlimit lim = { (rlim_t)cfg->file_size_limit, (rlim_t)cfg->file_size_limit };

		setrlimit(RLIMIT_FSIZE, &lim);
	}
	dup2(f->out[1], STDOUT_FILENO);
	dup2(f->err[1], STDERR_FILENO);
	/* As the supervisor does: SIGTERM waits until ctrl can act on it. */
	sigemptyset(&held);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, NULL);
	execv(POSTERN_CTRL, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
start_ctrl(struct feeder *f)
{
	f->res->starts++;
	f->pid = fork();
	if (f->pid < 0)
		return -errno;
	if (f->pid == 0)
		exec_ctrl(f);
	if (f->cfg->kill_seed != 0)
		/* From 1 ms, before it has opened its files, to 256 ms. */
		f->next_kill_ns = now_ns() + rnd(&f->rnd_kill) % (UINT64_C(1000000) << rnd(&f->rnd_kill) % 9);
	return 0;
}

static void
append(char **buf, size_t *len, const char *s, size_t n)
{
	char *p = realloc(*buf, *len + n + 1);

	if (p == NULL)
		abort();
	memcpy(p + *len, s, n);
	p[*len + n] = '\0';
	*buf = p;
	*len += n;
}

static void
note_error(struct feeder_result *res, const char *s, size_t n)
{
	size_t room = sizeof(res->error) - 1 - res->error_len;

	n = n < room ? n : room;
	memcpy(res->error + res->error_len, s, n);
	res->error_len += n;
	res->error[res->error_len] = '\0';
}

static void
read_status(struct feeder *f)
{
	unsigned long long alerts, updates;
	char *line, *end;
	ssize_t n = read(f->status[0], f->status_buf + f->status_len, sizeof(f->status_buf) - 1 - f->status_len);

	if (n <= 0)
		return;
	f->status_len += (size_t)n;
	f->status_buf[f->status_len] = '\0';
	for (line = f->status_buf; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (sscanf(line, "done\t%llu\t%llu", &alerts, &updates) == 2) {
			f->res->alerts = alerts;
			f->res->updates = updates;
		} else if (strncmp(line, "error\t", 6) == 0) {
			note_error(f->res, line, strlen(line));
		}
	}
	f->status_len = strlen(line);
	memmove(f->status_buf, line, f->status_len + 1);
}

/* Everything that ctrl says, and the offers that it makes. */
static void
serve(struct feeder *f)
{
	struct dp_ruleset_msg msg;
	char buf[65536];
	unsigned int i;
	ssize_t n;
	int fd = -1;

	while (dp_ruleset_receive(f->rules[0], &msg, &fd) == 1) {
		if (fd >= 0)
			close(fd);
		msg.type = DP_RULESET_ACK;
		for (i = 0; i < f->cfg->nb_workers; i++) {
			msg.worker = i;
			(void)dp_ruleset_send(f->rules[0], &msg, -1);
		}
	}
	while ((n = read(f->out[0], buf, sizeof(buf))) > 0)
		append(&f->res->out, &f->res->out_len, buf, (size_t)n);
	while ((n = read(f->err[0], buf, sizeof(buf))) > 0)
		note_error(f->res, buf, (size_t)n);
	read_status(f);
}

/* The next event of the worker at or after its cursor. */
static struct event *
next_event(struct feeder *f, unsigned int w, size_t end)
{
	struct traffic *t = &f->traffic;

	while (f->cursors[w] < end && t->events[f->cursors[w]].worker_hash % f->cfg->nb_workers != w)
		f->cursors[w]++;
	return f->cursors[w] < end ? &t->events[f->cursors[w]] : NULL;
}

/* Write up to @nb events of one worker; true when something was written. */
static bool
feed_worker(struct feeder *f, unsigned int w, unsigned int nb, size_t end)
{
	struct dp_ring_dp *dp = dp_shm_ring_dp(&f->dp, w);
	_Alignas(8) uint8_t rec[DP_RECORD_LEN_MAX];
	struct event *e = NULL;
	bool any = false;

	while (nb-- > 0 && (e = next_event(f, w, end)) != NULL) {
		memcpy(rec, e->rec, e->len);
		if (dp_ring_put(&f->writers[w], rec) < 0)
			return any;
		f->cursors[w]++;
		any = true;
	}
	e = next_event(f, w, end);
	if (e == NULL && end < f->traffic.nb)
		e = &f->traffic.events[end];
	if (e != NULL) {
		const struct dp_record *r = (const void *)e->rec;

		atomic_store(&dp->watermark_ns, r->ts_ns);
		atomic_store(&dp->watermark_frame, r->frame_no);
	} else if (end == f->traffic.nb) {
		atomic_store(&dp->done, 1);
	}
	return any;
}

/* false: it ended, for good. */
static bool
watch_ctrl(struct feeder *f)
{
	struct rusage ru;
	int status;
	pid_t pid;

	if (f->cfg->kill_seed != 0 && f->res->kills < f->cfg->kills_max && now_ns() >= f->next_kill_ns) {
		kill(f->pid, SIGKILL);
		f->res->kills++;
		f->next_kill_ns = UINT64_MAX;
	}
	pid = wait4(f->pid, &status, WNOHANG, &ru);
	if (pid != f->pid)
		return true;
	f->res->cpu_ns += ((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) * 1000000000 +
			  ((uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec) * 1000;
	if (WIFEXITED(status)) {
		f->res->exit_code = WEXITSTATUS(status);
		return false;
	}
	f->res->exit_code = -1;
	return f->res->starts < STARTS_MAX && start_ctrl(f) == 0;
}

static void
break_ring(struct feeder *f)
{
	struct dp_ring_writer *w = &f->writers[0];

	memset(w->records + (w->head & (w->ring_octets - 1)), 0x5a, DP_RECORD_ALIGN);
	w->head += DP_RECORD_ALIGN;
	atomic_store(&w->dp->head, w->head);
}

static void
feed(struct feeder *f)
{
	size_t end = f->cfg->stop_early || f->cfg->break_ring ? f->traffic.nb / 2 : f->traffic.nb;
	unsigned int idle = 0;
	bool special = false;

	for (;;) {
		unsigned int w = (unsigned int)(rnd(&f->rnd_pace) % f->cfg->nb_workers);
		bool any = feed_worker(f, w, 1 + (unsigned int)(rnd(&f->rnd_pace) % 200), end);

		serve(f);
		if (!watch_ctrl(f))
			return;
		idle = any ? 0 : idle + 1;
		if (end < f->traffic.nb && idle > 200 && !special) {
			special = true;
			if (f->cfg->break_ring)
				break_ring(f);
			else
				kill(f->pid, SIGTERM);
		}
		if (!any)
			usleep(200);
	}
}

static int
make_segments(struct feeder *f)
{
	struct dp_shm_geometry geo = {
		.nb_workers = f->cfg->nb_workers,
		.ring_octets = f->cfg->ring_octets,
		.run_flags = DP_RUN_REPLAY | (f->cfg->envelopes ? DP_RUN_ENVELOPES : 0),
	};
	unsigned int i;
	int rc;

	f->dp_fd = dp_shm_create(DP_SHM_DATAPLANE, &geo);
	f->ctrl_fd = dp_shm_create(DP_SHM_CTRL, &geo);
	if (f->dp_fd < 0 || f->ctrl_fd < 0)
		return -ENOMEM;
	f->dp_ro_fd = dp_shm_reopen_ro(f->dp_fd);
	rc = dp_shm_map(f->dp_fd, DP_SHM_DATAPLANE, true, &f->dp);
	if (rc == 0)
		rc = dp_shm_map(f->ctrl_fd, DP_SHM_CTRL, false, &f->ctrl);
	for (i = 0; i < f->cfg->nb_workers && rc == 0; i++)
		dp_ring_writer_init(&f->writers[i], &f->dp, &f->ctrl, i);
	return rc;
}

static int
make_descriptors(struct feeder *f)
{
	f->journal_fd = open(f->cfg->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->journal_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->rules) < 0 ||
	    pipe2(f->status, O_CLOEXEC) < 0 || pipe2(f->out, O_CLOEXEC) < 0 || pipe2(f->err, O_CLOEXEC) < 0)
		return -errno;
	fcntl(f->status[0], F_SETFL, O_NONBLOCK);
	fcntl(f->out[0], F_SETFL, O_NONBLOCK);
	fcntl(f->err[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static void
fini(struct feeder *f)
{
	int fds[] = { f->dp_fd,	    f->dp_ro_fd,  f->ctrl_fd, f->journal_fd, f->rules[0], f->rules[1],
		      f->status[0], f->status[1], f->out[0],  f->out[1],     f->err[0],	  f->err[1] };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] > 0)
			close(fds[i]);
	dp_shm_unmap(&f->dp);
	dp_shm_unmap(&f->ctrl);
	for (i = 0; i < f->traffic.nb; i++)
		free(f->traffic.events[i].rec);
	free(f->traffic.events);
}

int
feeder_run(const struct feeder_config *cfg, struct feeder_result *ret)
{
	struct feeder *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	*ret = (struct feeder_result){ .exit_code = -1, .alerts = UINT64_MAX, .updates = UINT64_MAX };
	f->cfg = cfg;
	f->res = ret;
	f->rnd_kill = cfg->kill_seed;
	f->rnd_pace = cfg->seed ^ cfg->nb_workers ^ cfg->kill_seed;
	f->next_kill_ns = UINT64_MAX;
	make_traffic(cfg, &f->traffic);
	ret->nb_matches = f->traffic.nb_matches;
	rc = make_segments(f);
	if (rc == 0)
		rc = make_descriptors(f);
	snprintf(f->run_dir, sizeof(f->run_dir), "%.200s/run.XXXXXX", cfg->dir);
	if (rc == 0 && mkdtemp(f->run_dir) == NULL)
		rc = -errno;
	if (rc == 0)
		rc = start_ctrl(f);
	if (rc == 0) {
		feed(f);
		serve(f);
	}
	fini(f);
	free(f);
	return rc;
}

void
feeder_result_fini(struct feeder_result *res)
{
	free(res->out);
	*res = (struct feeder_result){ 0 };
}
