/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * responder_host - supervisor and ctrl of a postern-responder, for tests of it alone
 *
 * Usage: responder_host POSTERN_RESPONDER RULES TAKEOVER_FD [OPTION...]
 *
 * Starts it with a ring, an answer socket and a rule set; the test has the other end of the take-over socket. Recipients that
 * it asks about are decided by their local part: "fine..." passes, "slow..." is not answered, every other one is refused.
 * Prints what it hears, a line each: "started PID", "rcpt T/I HOLD-OWN ADDRESS", "outcome NUMBER VERDICT", "end", and at last
 * "exit CODE". A line on its standard input: ask the responder to end; the end of it: kill it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dp_msg.h"
#include "dp_responder.h"
#include "dp_ring.h"
#include "reply_text.h"
#include "rules_offer.h"
#include "ruleset.h"

enum {
	NB_WORKERS = 2, /* of which the last is the responder's */
	ARGS_MAX = 40,
};

struct host {
	int dp_rw, dp_ro, ctrl_rw, ctrl_ro;
	int answers[2], rules[2], status[2];
	struct dp_shm dp, ctrl;
	struct dp_ring_reader reader;
	struct ruleset *set;
	struct rules_offer offer;
	pid_t pid;
};

static void
die(const char *what, int rc)
{
	fprintf(stderr, "responder_host: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void
make_segments(struct host *h)
{
	const struct dp_shm_geometry geo = { .nb_workers = NB_WORKERS, .ring_octets = DP_RING_OCTETS_MIN };
	int rc;

	h->dp_rw = dp_shm_create(DP_SHM_DATAPLANE, &geo);
	h->ctrl_rw = dp_shm_create(DP_SHM_CTRL, &geo);
	h->dp_ro = h->dp_rw < 0 ? h->dp_rw : dp_shm_reopen_ro(h->dp_rw);
	h->ctrl_ro = h->ctrl_rw < 0 ? h->ctrl_rw : dp_shm_reopen_ro(h->ctrl_rw);
	rc = h->dp_ro < 0 ? h->dp_ro : h->ctrl_ro;
	if (rc >= 0)
		rc = dp_shm_map(h->dp_ro, DP_SHM_DATAPLANE, false, &h->dp);
	if (rc >= 0)
		rc = dp_shm_map(h->ctrl_rw, DP_SHM_CTRL, true, &h->ctrl);
	if (rc < 0)
		die("segments", rc);
	dp_ring_reader_init(&h->reader, &h->dp, &h->ctrl, NB_WORKERS - 1);
}

static void
make_pairs(struct host *h)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, h->answers) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, h->rules) != 0 || pipe2(h->status, O_CLOEXEC) != 0)
		die("sockets", -errno);
}

static void
start(struct host *h, const char *path, const char *takeover, char **more)
{
	const int fds[] = { atoi(takeover), h->answers[1], h->dp_rw, h->ctrl_ro, h->rules[1], h->status[1] };
	const char *const names[] = { "--takeover-fd", "--answer-fd", "--dp-fd", "--ctrl-fd", "--rules-fd", "--status-fd" };
	char numbers[6][16], *argv[ARGS_MAX];
	unsigned int nb = 0, i;

	argv[nb++] = (char *)(uintptr_t)"postern-responder";
	for (i = 0; i < 6; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%d", fds[i]);
		argv[nb++] = (char *)(uintptr_t)names[i];
		argv[nb++] = numbers[i];
	}
	while (*more != NULL && nb < ARGS_MAX - 1)
		argv[nb++] = *more++;
	argv[nb] = NULL;
	h->pid = fork();
	if (h->pid == 0) {
		for (i = 0; i < 6; i++)
			fcntl(fds[i], F_SETFD, 0);
		execv(path, argv);
		_exit(127);
	}
	printf("started %d\n", h->pid);
}

static void
answer(struct host *h, const struct dp_ev_rcpt *ev)
{
	const char *address = (const char *)dp_event_str(ev, &ev->address), *meant = (const char *)dp_event_str(ev, &ev->meant);
	char text[REPLY_TEXT_MAX + 1], meant_text[DP_STR_DOMAIN_MAX + 1];
	struct dp_answer a = {
		.magic = DP_ANSWER_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.worker = ev->rec.worker,
		.epoch = ev->rec.epoch,
		.hold_id = ev->hold_id,
		.flow_uid = ev->flow.uid,
		.transaction = ev->transaction,
		.rcpt_index = ev->rcpt_index,
		.verdict = DP_VERDICT_REFUSE,
	};
	const struct reply_fields fields = {
		.recipient = (const uint8_t *)address,
		.recipient_len = ev->address.len,
		.domain = "",
		.meant = meant_text,
		.contact = "help@army.mil",
	};

	if (strncmp(address, "slow", 4) == 0)
		return;
	if (strncmp(address, "fine", 4) == 0)
		a.verdict = DP_VERDICT_PASS;
	snprintf(meant_text, sizeof(meant_text), "%.*s", ev->meant.len, meant);
	a.text_len = (uint16_t)reply_text(text, REPLY_TEXT_DEFAULT, &fields);
	memcpy(a.text, text, a.text_len);
	if (dp_msg_send(h->answers[0], &a, sizeof(a), -1) != 0)
		fprintf(stderr, "responder_host: an answer could not be sent\n");
}

static void
hear(struct host *h)
{
	static _Alignas(8) uint8_t record[DP_RECORD_LEN_MAX];
	const struct dp_record *rec = (const struct dp_record *)record;
	uint64_t pos;
	int rc;

	while ((rc = dp_ring_next(&h->reader, record, &pos)) == 1) {
		if (rec->type == DP_EV_RCPT) {
			const struct dp_ev_rcpt *ev = (const struct dp_ev_rcpt *)record;

			printf("rcpt %u/%u %d %.*s\n", ev->transaction, ev->rcpt_index, ev->hold_id != 0, ev->address.len,
			       (const char *)dp_event_str(ev, &ev->address));
			answer(h, ev);
		} else if (rec->type == DP_EV_OUTCOME) {
			printf("outcome %u %u\n", ((const struct dp_ev_outcome *)record)->outcome,
			       ((const struct dp_ev_outcome *)record)->verdict);
		} else if (rec->type == DP_EV_FLOW_END) {
			printf("end\n");
		}
		dp_ring_set_stored(&h->reader, h->reader.pos);
	}
	if (rc < 0)
		die("the ring is broken", rc);
}

int
main(int argc, char **argv)
{
	struct rule_errors errs = { 0 };
	struct host h = { 0 };
	bool told = false;
	char buf[256];
	int rc, status;

	if (argc < 4) {
		fprintf(stderr, "usage: responder_host POSTERN_RESPONDER RULES TAKEOVER_FD [OPTION...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	rc = ruleset_load(argv[2], 1, &errs, &h.set);
	if (rc < 0)
		die("rules", rc);
	make_segments(&h);
	make_pairs(&h);
	start(&h, argv[1], argv[3], argv + 4);
	rc = rules_offer_send(&h.offer, h.rules[0], 1, h.set);
	if (rc < 0)
		die("rules", rc);
	for (;;) {
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

		hear(&h);
		/* The ring has no bell. */
		if (poll(&p, 1, 1) > 0 && !told) {
			told = read(STDIN_FILENO, buf, sizeof(buf)) <= 0;
			kill(h.pid, told ? SIGKILL : SIGTERM);
		}
		if (waitpid(h.pid, &status, WNOHANG) == h.pid)
			break;
	}
	hear(&h);
	printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	ruleset_free(h.set);
	rule_errors_free(&errs);
	return 0;
}
