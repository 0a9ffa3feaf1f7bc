/* SPDX-License-Identifier: BSD-3-Clause */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_path.h"
#include "dp_shm.h"
#include "live_config.h"
#include "rundir.h"

enum {
	ARGS_MAX = 80, /* of a command line, captures aside */
	NUMBER_MAX = 24,
};

/* A command line under construction; numbers are written into @text. */
struct args {
	char *argv[ARGS_MAX];
	unsigned int nb;
	char text[ARGS_MAX][NUMBER_MAX];
};

static void
add(struct args *a, const char *word)
{
	/* execv() takes pointers to non-const and does not write through them. */
	a->argv[a->nb++] = (char *)(uintptr_t)word;
	a->argv[a->nb] = NULL;
}

static void
add_option(struct args *a, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add(a, name);
	add(a, value);
}

static void
add_number(struct args *a, const char *name, uint64_t n)
{
	char *text = a->text[a->nb];

	snprintf(text, NUMBER_MAX, "%" PRIu64, n);
	add_option(a, name, text);
}

static int
open_segment(enum dp_shm_kind kind, const struct dp_shm_geometry *geo, int *ret_rw, int *ret_ro)
{
	*ret_rw = dp_shm_create(kind, geo);
	if (*ret_rw < 0)
		return *ret_rw;
	*ret_ro = dp_shm_reopen_ro(*ret_rw);
	return *ret_ro < 0 ? *ret_ro : 0;
}

/* A pipe whose end for us does not block. */
static int
open_pipe(int ends[static 2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int
open_sockets(int ends[static 2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

/* What joins the responder to the others. */
static int
open_responder(const struct dp_shm_geometry *of, struct launch *l)
{
	struct dp_shm_geometry geo = *of;
	int rc;

	/* Its ring is the last, so that no two rings of a run have one number. */
	geo.nb_workers++;
	rc = open_segment(DP_SHM_DATAPLANE, &geo, &l->responder_dp_rw, &l->responder_dp_ro);
	if (rc == 0)
		rc = open_segment(DP_SHM_CTRL, &geo, &l->responder_ctrl_rw, &l->responder_ctrl_ro);
	if (rc == 0)
		rc = open_sockets(l->takeover);
	if (rc == 0)
		rc = open_sockets(l->answers);
	if (rc == 0)
		rc = open_sockets(l->responder_rules);
	return rc == 0 ? open_pipe(l->responder_status) : rc;
}

int
launch_open(const struct supervisor_config *cfg, struct launch *ret, const char **ret_what)
{
	struct dp_shm_geometry geo = {
		.nb_workers = cfg->nb_workers,
		.ring_octets = DP_RING_OCTETS_DEFAULT,
		.run_flags = cfg->live != NULL ? (cfg->live->enforce ? DP_RUN_ENFORCE : 0) :
						 DP_RUN_REPLAY | (cfg->envelopes != NULL ? DP_RUN_ENVELOPES : 0),
	};
	int rc;

	memset(ret, 0xff, sizeof(*ret)); /* -1 everywhere */
	*ret_what = "shared memory";
	rc = open_segment(DP_SHM_DATAPLANE, &geo, &ret->dp_rw, &ret->dp_ro);
	if (rc == 0)
		rc = open_segment(DP_SHM_CTRL, &geo, &ret->ctrl_rw, &ret->ctrl_ro);
	if (rc < 0)
		return rc;
	*ret_what = "pipes between the processes";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret->rules) < 0)
		return -errno;
	if ((rc = open_pipe(ret->dp_status)) < 0 || (rc = open_pipe(ret->ctrl_status)) < 0)
		return rc;
	if (cfg->progress && ((rc = open_pipe(ret->out)) < 0 || (rc = open_pipe(ret->err)) < 0))
		return rc;
	*ret_what = "what joins the responder";
	if (cfg->responder_path != NULL && (rc = open_responder(&geo, ret)) < 0)
		return rc;
	*ret_what = "the control socket";
	ret->control = control_listen(cfg->run_dir);
	if (ret->control < 0)
		return ret->control;
	*ret_what = "a nameless temporary file";
	ret->journal = rundir_nameless(cfg->journal_dir);
	return ret->journal < 0 ? ret->journal : 0;
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

void
launch_close(struct launch *l)
{
	int i;

	close_if(l->dp_rw);
	close_if(l->dp_ro);
	close_if(l->ctrl_rw);
	close_if(l->ctrl_ro);
	close_if(l->journal);
	close_if(l->control);
	close_if(l->responder_dp_rw);
	close_if(l->responder_dp_ro);
	close_if(l->responder_ctrl_rw);
	close_if(l->responder_ctrl_ro);
	for (i = 0; i < 2; i++) {
		close_if(l->takeover[i]);
		close_if(l->answers[i]);
		close_if(l->responder_rules[i]);
		close_if(l->responder_status[i]);
		close_if(l->rules[i]);
		close_if(l->dp_status[i]);
		close_if(l->ctrl_status[i]);
		close_if(l->out[i]);
		close_if(l->err[i]);
	}
	memset(l, 0xff, sizeof(*l));
}

int
launch_dataplane(const struct supervisor_config *cfg, const struct launch *l, struct child *c)
{
	struct args a = {.nb = 0};
	struct child_spec spec = {
		.path = cfg->dataplane_path,
		.fds = {l->dp_rw, l->ctrl_ro, l->rules[0], l->dp_status[1]},
		.nb_fds = 4,
		.stdin_fd = -1,
		.stdout_fd = l->err[1],
		.stderr_fd = l->err[1],
	};
	char runtime[RUNDIR_PATH_MAX + 32], *env[] = {runtime, NULL}, **argv;
	unsigned int i;
	int rc;

	/* What DPDK leaves behind goes away with the folder of the run, even if the dataplane is
	 * killed. */
	snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=%s", cfg->run_dir);
	spec.envp = env;
	add(&a, "postern-dataplane");
	add(&a, "replay");
	add_number(&a, "--dp-fd", (unsigned int)l->dp_rw);
	add_number(&a, "--ctrl-fd", (unsigned int)l->ctrl_ro);
	add_number(&a, "--rules-fd", (unsigned int)l->rules[0]);
	add_number(&a, "--status-fd", (unsigned int)l->dp_status[1]);
	add_option(&a, "--ports", cfg->ports);
	add_option(&a, "--speed", cfg->speed);
	add_number(&a, "--loop", cfg->loop);
	if (cfg->flows_max != 0)
		add_number(&a, "--flows", cfg->flows_max);
	if (cfg->sessions_max != 0)
		add_number(&a, "--sessions", cfg->sessions_max);
	if (cfg->ignore_vlan)
		add(&a, "--ignore-vlan");
	add(&a, "--");
	argv = calloc(a.nb + cfg->nb_captures + 1, sizeof(*argv));
	if (argv == NULL)
		return -ENOMEM;
	memcpy(argv, a.argv, a.nb * sizeof(*argv));
	for (i = 0; i < cfg->nb_captures; i++) {
		argv[a.nb + i] = cfg->captures[i];
		if (strcmp(cfg->captures[i], "-") == 0)
			spec.stdin_fd = STDIN_FILENO;
	}
	spec.argv = argv;
	rc = child_spawn(c, &spec);
	free(argv);
	return rc;
}

/* "2,3" */
static const char *
cores_text(const struct live_config *lc, char *buf, size_t size)
{
	size_t used = 0;
	unsigned int i;

	if (lc->nb_cores == 0)
		return NULL;
	for (i = 0; i < lc->nb_cores && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%u", i > 0 ? "," : "", lc->cores[i]);
	return buf;
}

static void
add_wires(struct args *a, const struct live_config *lc)
{
	unsigned int i;

	for (i = 0; i < lc->nb_wires; i++) {
		const struct live_config_wire *w = &lc->wires[i];

		add_option(a, w->is_tap ? "--tap" : "--pair-a", w->a);
		add_option(a, w->is_tap ? "--tap-resets" : "--pair-b", w->b);
	}
}

int
launch_live(const struct supervisor_config *cfg, const struct launch *l, struct child *c)
{
	const struct live_config *lc = cfg->live;
	struct args a = {.nb = 0};
	/* The last one only with a responder. */
	struct child_spec spec = {
		.path = cfg->dataplane_path,
		.argv = a.argv,
		.fds = {l->dp_rw, l->ctrl_ro, l->rules[0], l->dp_status[1], l->takeover[0]},
		.nb_fds = cfg->responder_path != NULL ? 5 : 4,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
	};
	char fallbacks[LIVE_CAUSE_NB][32];
	unsigned int i;
	char runtime[RUNDIR_PATH_MAX + 32], cores[5 * CONFIG_WORKERS_MAX], *env[] = {runtime, NULL};

	/* DPDK keeps its telemetry socket there, root's too; it goes away with the folder, even if the dataplane is killed. */
	snprintf(runtime, sizeof(runtime), "RUNTIME_DIRECTORY=%s", cfg->run_dir);
	spec.envp = env;
	add(&a, "postern-dataplane-live");
	add_number(&a, "--dp-fd", (unsigned int)l->dp_rw);
	add_number(&a, "--ctrl-fd", (unsigned int)l->ctrl_ro);
	add_number(&a, "--rules-fd", (unsigned int)l->rules[0]);
	add_number(&a, "--status-fd", (unsigned int)l->dp_status[1]);
	add_option(&a, "--ports", cfg->ports);
	add_wires(&a, lc);
	if (lc->mtu != 0)
		add_number(&a, "--mtu", lc->mtu);
	if (lc->descriptors != 0)
		add_number(&a, "--descriptors", lc->descriptors);
	if (lc->memory_mib != 0)
		add_number(&a, "--memory", lc->memory_mib);
	if (cfg->flows_max != 0)
		add_number(&a, "--flows", cfg->flows_max);
	if (cfg->sessions_max != 0)
		add_number(&a, "--sessions", cfg->sessions_max);
	if (cfg->ignore_vlan)
		add(&a, "--ignore-vlan");
	add_number(&a, "--idle-us", lc->idle_us);
	add_option(&a, "--cores", cores_text(lc, cores, sizeof(cores)));
	add_option(&a, "--hugepages", lc->hugepages);
	if (lc->hold_limit_ms != 0)
		add_number(&a, "--hold-limit-ms", lc->hold_limit_ms);
	add_number(&a, "--overload-ms", lc->overload_ms);
	for (i = 0; i < LIVE_CAUSE_NB; i++) {
		snprintf(fallbacks[i], sizeof(fallbacks[i]), "%s=%s", live_cause_name(i), lc->open[i] ? "open" : "closed");
		add_option(&a, "--fallback", fallbacks[i]);
	}
	if (cfg->responder_path != NULL)
		add_number(&a, "--takeover-fd", (unsigned int)l->takeover[0]);
	return child_spawn(c, &spec);
}

int
launch_responder(const struct supervisor_config *cfg, const struct launch *l, struct child *c)
{
	const struct live_responder *r = &cfg->live->responder;
	struct args a = {.nb = 0};
	struct child_spec spec = {
		.path = cfg->responder_path,
		.argv = a.argv,
		.fds = {l->takeover[1], l->answers[1], l->responder_dp_rw, l->responder_ctrl_ro, l->responder_rules[1],
			l->responder_status[1]},
		.nb_fds = 6,
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
	};

	add(&a, "postern-responder");
	add_number(&a, "--takeover-fd", (unsigned int)l->takeover[1]);
	add_number(&a, "--answer-fd", (unsigned int)l->answers[1]);
	add_number(&a, "--dp-fd", (unsigned int)l->responder_dp_rw);
	add_number(&a, "--ctrl-fd", (unsigned int)l->responder_ctrl_ro);
	add_number(&a, "--rules-fd", (unsigned int)l->responder_rules[1]);
	add_number(&a, "--status-fd", (unsigned int)l->responder_status[1]);
	/* What comes in by the ports may be larger; what it sends has to leave by them, and fit the dataplane's slots. */
	add_number(&a, "--mtu", LIVE_RESPONDER_MTU(cfg->live->mtu));
	if (r->connections != 0)
		add_number(&a, "--limit", r->connections);
	if (r->per_source != 0)
		add_number(&a, "--limit-source", r->per_source);
	add_option(&a, "--text", r->text);
	return child_spawn(c, &spec);
}

/* What ctrl needs for it; texts for a rule or a sender are "NAME=TEXT" already. */
static void
add_responder(struct args *a, struct child_spec *spec, const struct supervisor_config *cfg, const struct launch *l)
{
	const struct live_responder *r = &cfg->live->responder;
	const int fds[] = {l->responder_dp_ro, l->responder_ctrl_rw, l->responder_rules[0], l->answers[0]};
	unsigned int i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		spec->fds[spec->nb_fds++] = fds[i];
	add_number(a, "--responder-dp-fd", (unsigned int)l->responder_dp_ro);
	add_number(a, "--responder-ctrl-fd", (unsigned int)l->responder_ctrl_rw);
	add_number(a, "--responder-rules-fd", (unsigned int)l->responder_rules[0]);
	add_number(a, "--answer-fd", (unsigned int)l->answers[0]);
	add_option(a, "--refuse-text", r->text);
	add_option(a, "--refuse-contact", r->contact);
	for (i = 0; i < r->nb_texts; i++)
		add_option(a, r->texts[i].is_rule ? "--refuse-text-rule" : "--refuse-text-sender", r->texts[i].text);
	if (r->per_minute != 0) {
		add_number(a, "--refuse-limit", r->per_minute);
		add_option(a, "--refuse-beyond", r->beyond_alert ? "alert" : "reset");
	}
}

int
launch_ctrl(const struct supervisor_config *cfg, const struct launch *l, unsigned int start,
	    struct child *c)
{
	struct args a = {.nb = 0};
	struct child_spec spec = {
		.path = cfg->ctrl_path,
		.fds = {l->dp_ro, l->ctrl_rw, l->rules[1], l->ctrl_status[1], l->journal, l->control},
		.nb_fds = 6,
		.holds_control = true,
		.stdin_fd = -1,
		.stdout_fd = l->out[1],
		.stderr_fd = l->err[1],
	};
	char starts[64], run_id[NUMBER_MAX], *env[] = {starts, NULL};

	snprintf(starts, sizeof(starts), "POSTERN_CTRL_STARTS=%u", start);
	snprintf(run_id, sizeof(run_id), "%016" PRIx64, cfg->run_id);
	spec.envp = env;
	add(&a, "postern-ctrl");
	add(&a, cfg->live != NULL ? "live" : "replay");
	add_number(&a, "--dp-fd", (unsigned int)l->dp_ro);
	add_number(&a, "--ctrl-fd", (unsigned int)l->ctrl_rw);
	add_number(&a, "--rules-fd", (unsigned int)l->rules[1]);
	add_number(&a, "--status-fd", (unsigned int)l->ctrl_status[1]);
	add_number(&a, "--journal-fd", (unsigned int)l->journal);
	add_number(&a, "--control-fd", (unsigned int)l->control);
	add_option(&a, "--rules", cfg->rules);
	add_option(&a, "--run-dir", cfg->run_dir);
	add_option(&a, "--cache", cfg->cache);
	add_option(&a, "--metrics", cfg->metrics);
	if (cfg->keep_s != 0)
		add_number(&a, "--keep-age", cfg->keep_s);
	if (cfg->keep_octets != 0)
		add_number(&a, "--keep-size", cfg->keep_octets);
	add_option(&a, "--run-id", run_id);
	add_option(&a, "--store", cfg->store);
	/* Without the option ctrl would print them for people. */
	add_option(&a, "--alerts", cfg->alerts != NULL ? cfg->alerts : "/dev/null");
	add_option(&a, "--envelopes", cfg->envelopes);
	add_option(&a, "--observer", cfg->observer);
	if (cfg->responder_path != NULL)
		add_responder(&a, &spec, cfg, l);
	spec.argv = a.argv;
	return child_spawn(c, &spec);
}
