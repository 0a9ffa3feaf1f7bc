/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-ctrl - decides on what the dataplane reports, stores it, writes it out
 *
 * What:      one run: load the rules, offer them to the dataplane, work the rings empty, write envelope records, end. Rules
 *            are exchanged, and questions answered, while it runs (service.h).
 * Exit:      0 all is stored and written; 2 rules or configuration wrong; 4 store or output failed. Any other death is
 *            the supervisor's to repair: started again with the same descriptors, it goes on where it was.
 * Logs:      this file is the one that speaks: problems on standard error, one line each, and on the status pipe.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "ctrl_options.h"
#include "decider.h"
#include "envelope.h"
#include "loop.h"
#include "open_alerts.h"
#include "pipeline.h"
#include "rule_hits.h"
#include "rule_error_print.h"
#include "rule_snapshot.h"
#include "safe_text.h"
#include "service.h"

enum {
	EXIT_DONE = 0,
	EXIT_RULES = 2,
	EXIT_STORE = 4,
};

struct ctrl {
	struct ctrl_options opt;
	struct failpoint fp;
	struct dp_shm dp, shm;
	struct dp_shm responder_dp, responder_ctrl; /* base NULL: there is none */
	struct rule_sets rules;
	struct rule_view view; /* of the decider */
	struct db_cache cache;
	struct store *store;
	struct journal *journal;
	struct output *output;
	struct pipeline *pipeline;
	struct decider *decider;
	struct service *service;
	struct loop *loop;
	char refused[512];
	char observer[CONFIG_NAME_MAX + 1];
};

/* One line to the supervisor; it may be gone. */
static void
say(const struct ctrl *c, const char *text)
{
	char line[1100];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(c->opt.status_fd, line, (size_t)n) < 0)
		return;
}

static int
fail(const struct ctrl *c, int code, const char *text)
{
	char safe[1024], line[1060];

	safe_text(safe, sizeof(safe), text, strlen(text));
	fprintf(stderr, "postern-ctrl: %s\n", safe);
	snprintf(line, sizeof(line), "error\t%s", safe);
	say(c, line);
	return code;
}

static int
fail_errno(const struct ctrl *c, int code, const char *what, int rc)
{
	char text[640];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-rc));
	return fail(c, code, text);
}

/* How often the supervisor had started ctrl in this run before. */
static unsigned int
nb_starts(void)
{
	const char *text = getenv("POSTERN_CTRL_STARTS");

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : 0;
}

/* Sets of a predecessor in this run stand in its folder; else the files are read. */
static int
load_rules(struct ctrl *c)
{
	struct rule_errors errs = { 0 };
	struct ruleset *set = NULL;
	size_t i;
	int rc;

	c->rules.view = &c->view;
	db_cache_open(&c->cache, c->opt.cache, 0);
	rc = rule_snapshot_load(c->opt.run_dir, &c->cache, &errs, &c->rules);
	if (rc < 0)
		return fail_errno(c, EXIT_STORE, "the rules that were in force, in the folder of the run", rc);
	if (rc > 0) {
		rule_errors_free(&errs);
		return EXIT_DONE;
	}
	rc = ruleset_load_cached(c->opt.rules, 1, &c->cache, &errs, &set);
	for (i = 0; i < errs.nb; i++)
		rule_error_print(stderr, &errs.list[i]);
	rule_errors_free(&errs);
	if (rc < 0)
		return fail(c, EXIT_RULES, "the rules have errors; nothing was inspected");
	rule_sets_add(&c->rules, set);
	rc = rule_snapshot_save(c->opt.run_dir, set);
	return rc < 0 ? fail_errno(c, EXIT_STORE, "the rules cannot be kept in the folder of the run", rc) : EXIT_DONE;
}

static int
load_config(struct ctrl *c)
{
	struct config cfg = { 0 };
	const char *name = c->opt.observer;

	if (c->opt.config != NULL && config_load(c->opt.config, config_error_print, stderr, &cfg) < 0)
		return fail(c, EXIT_RULES, "the configuration has errors; nothing was inspected");
	if (name == NULL)
		name = cfg.observer;
	if (name != NULL)
		snprintf(c->observer, sizeof(c->observer), "%s", name);
	else if (gethostname(c->observer, sizeof(c->observer) - 1) < 0)
		snprintf(c->observer, sizeof(c->observer), "postern");
	config_fini(&cfg);
	return EXIT_DONE;
}

static bool
has_responder(const struct ctrl *c)
{
	return c->responder_dp.base != NULL && c->responder_ctrl.base != NULL;
}

static int
map_segments(struct ctrl *c)
{
	int rc = dp_shm_map(c->opt.dp_fd, DP_SHM_DATAPLANE, false, &c->dp);

	if (rc == 0)
		rc = dp_shm_map(c->opt.ctrl_fd, DP_SHM_CTRL, true, &c->shm);
	if (rc == 0 && c->opt.responder_dp_fd >= 0)
		rc = dp_shm_map(c->opt.responder_dp_fd, DP_SHM_DATAPLANE, false, &c->responder_dp);
	if (rc == 0 && c->opt.responder_ctrl_fd >= 0)
		rc = dp_shm_map(c->opt.responder_ctrl_fd, DP_SHM_CTRL, true, &c->responder_ctrl);
	if (rc == 0 && has_responder(c)) {
		c->rules.responder_dp = &c->responder_dp;
		c->rules.responder_ctrl = &c->responder_ctrl;
	}
	return rc < 0 ? fail_errno(c, EXIT_STORE, "shared memory", rc) : EXIT_DONE;
}

/* Alerts that a run of other input left waiting: nothing more will be seen of them. */
static int
close_strangers(struct ctrl *c)
{
	struct record_context ctx = { .store_id = store_id(c->store), .observer = c->observer };
	struct store_run run = { 0 };
	struct json_out json = { 0 };
	struct open_alert a;
	char id[2 * EVENT_ID_OCTETS + 1];
	int rc = store_begin(c->store);

	while (rc >= 0 && (rc = open_alerts_next_stranger(c->store, c->opt.run_id, &a)) == 1) {
		struct record_update u = {
			.ts_ns = a.ts_ns + OPEN_ALERT_NS,
			.sequence = store_next_sequence(c->store),
			.alert_sequence = a.sequence,
			.event_id = id,
			.outcome = a.outcome != 0 ? record_outcome(&a) : "unknown",
			.enforcement = &a,
			.command_octets = a.command_octets,
			.reply = a.reply,
			.data = (enum open_data)a.data,
		};

		ids_hex(a.event_id, EVENT_ID_OCTETS, id);
		json_out_clear(&json);
		record_json_update(&json, &ctx, &u);
		rc = json.failed ? -ENOMEM : store_add_update(c->store, a.sequence, json.buf, json.len);
	}
	json_out_free(&json);
	return rc < 0 ? rc : store_commit(c->store, &run);
}

/*
 * The first ctrl of this run makes it known in the store, before it takes an epoch in the segment: a restarted one finds
 * the epoch and goes on with the positions that stand there.
 */
static int
begin_run(struct ctrl *c)
{
	bool is_first = atomic_load(&dp_shm_ring_ctrl(&c->shm, 0)->epoch) == 0;
	struct store_run run;
	int rc = 0;

	if (is_first) {
		rc = store_run_begin(c->store, c->opt.run_id, ruleset_hash(rule_sets_newest(&c->rules)));
		if (rc == 0)
			rc = close_strangers(c);
	}
	if (rc == 0)
		rc = store_run_load(c->store, &run);
	if (rc < 0)
		return fail(c, EXIT_STORE, store_error(c->store));
	return EXIT_DONE;
}

static int
open_outputs(struct ctrl *c)
{
	struct store_run run;
	char error[512];
	int rc = journal_new(c->opt.journal_fd, &c->journal);

	if (rc < 0)
		return fail_errno(c, EXIT_STORE, "the journal, in the folder for temporary files (TMPDIR)", rc);
	if (c->opt.envelopes != NULL && envelope_check(c->opt.envelopes, error, sizeof(error)) < 0)
		return fail(c, EXIT_STORE, error);
	rc = store_run_load(c->store, &run);
	if (rc < 0)
		return fail(c, EXIT_STORE, store_error(c->store));
	rc = output_open(c->opt.alerts, c->store, run.first_sequence, journal_progress(c->journal), &c->fp, &c->output);
	if (rc < 0)
		return fail(c, EXIT_STORE, c->output != NULL ? output_error(c->output) : strerror(-rc));
	return EXIT_DONE;
}

/* In the folder of the run, it goes with the run. */
static bool
is_store_scratch(const struct ctrl_options *o)
{
	size_t len = o->run_dir == NULL ? 0 : strlen(o->run_dir);

	return len > 0 && strncmp(o->store, o->run_dir, len) == 0 && o->store[len] == '/';
}

/* What the wire said cannot be asked again; a capture can. */
static unsigned int
store_flags(const struct ctrl *c)
{
	return (is_store_scratch(&c->opt) ? STORE_SCRATCH : 0) |
	       (c->dp.geo.run_flags & DP_RUN_REPLAY ? 0 : STORE_DURABLE);
}

static int
open_store(struct ctrl *c)
{
	int rc = store_open(c->opt.store, store_flags(c), &c->store);

	if (rc < 0)
		return fail(c, EXIT_STORE, c->store != NULL ? store_error(c->store) : strerror(-rc));
	return EXIT_DONE;
}

static int
start_pipeline(struct ctrl *c)
{
	struct pipeline_config cfg = {
		.dp = &c->dp,
		.ctrl = &c->shm,
		.rules = &c->rules,
		.store = c->store,
		.output = c->output,
		.journal = c->opt.envelopes != NULL ? c->journal : NULL,
		.fp = &c->fp,
		.observer = c->observer,
		.run_id = c->opt.run_id,
		.follow_decided = (c->dp.geo.run_flags & DP_RUN_ENFORCE) != 0,
		.responder_dp = has_responder(c) ? &c->responder_dp : NULL,
		.responder_ctrl = has_responder(c) ? &c->responder_ctrl : NULL,
	};
	const struct decider_config dc = {
		.dp = &c->dp,
		.ctrl = &c->shm,
		.responder_dp = cfg.responder_dp,
		.responder_ctrl = cfg.responder_ctrl,
		.rules = &c->view,
		.answers = c->opt.answers,
	};
	int rc = pipeline_new(&cfg, &c->pipeline);

	if (rc < 0)
		return fail(c, EXIT_STORE, c->pipeline != NULL ? pipeline_error(c->pipeline) : strerror(-rc));
	if (cfg.follow_decided)
		rc = decider_start(&dc, &c->decider);
	if (rc < 0)
		return fail_errno(c, EXIT_STORE, "cannot start the thread that decides", rc);
	return EXIT_DONE;
}

static void
on_ready(void *ctx)
{
	say(ctx, "ready");
}

static void
on_refused(void *ctx, const char *why)
{
	struct ctrl *c = ctx;

	snprintf(c->refused, sizeof(c->refused), "%s", why);
	loop_end(c->loop, LOOP_REFUSED);
}

static int
open_service(void *ctx, struct uv_loop_s *uv, struct loop *l)
{
	struct ctrl *c = ctx;
	const struct service_config cfg = {
		.pipeline = c->pipeline,
		.dp = &c->dp,
		.ctrl = &c->shm,
		.sets = &c->rules,
		.cache = &c->cache,
		.store = c->store,
		.limits = { .age_ns = c->opt.keep_s * UINT64_C(1000000000), .octets = c->opt.keep_octets },
		.output = c->output,
		.rules_path = c->opt.rules,
		.run_dir = c->opt.run_dir,
		.observer = c->observer,
		.run_id = c->opt.run_id,
		.restarts = nb_starts(),
		.rules_fd = c->opt.rules_fd,
		.responder_rules_fd = has_responder(c) ? c->opt.responder_rules_fd : -1,
		.control_fd = c->opt.control_fd,
		.metrics = c->opt.metrics,
		.ready = on_ready,
		.refused = on_refused,
		.ctx = c,
	};
	const char *what;
	int rc;

	c->loop = l;
	rc = service_open(uv, &cfg, &c->service, &what);
	if (rc < 0)
		snprintf(c->refused, sizeof(c->refused), "%s", what);
	return rc;
}

static void
close_service(void *ctx)
{
	struct ctrl *c = ctx;

	service_close(c->service);
}

static int
work(struct ctrl *c)
{
	struct loop_config cfg = {
		.pipeline = c->pipeline,
		.idle_min_us = c->dp.geo.run_flags & DP_RUN_REPLAY ? LOOP_IDLE_REPLAY_US : LOOP_IDLE_LIVE_US,
		.open = open_service,
		.close = close_service,
		.ctx = c,
	};
	char text[640];
	int rc = loop_run(&cfg);

	service_free(c->service);
	c->service = NULL;
	if (rc == LOOP_REFUSED) {
		snprintf(text, sizeof(text), "the dataplane refused the rules: %s", c->refused);
		return fail(c, EXIT_RULES, text);
	}
	if (rc < 0 && c->refused[0] != '\0')
		return fail_errno(c, EXIT_STORE, c->refused, rc);
	if (rc < 0) {
		const char *why = pipeline_error(c->pipeline);

		return fail(c, EXIT_STORE, why[0] != '\0' ? why : strerror(-rc));
	}
	return EXIT_DONE;
}

static int
write_envelopes(struct ctrl *c)
{
	char error[512];

	if (c->opt.envelopes == NULL)
		return EXIT_DONE;
	failpoint_hit(&c->fp, FAILPOINT_BEFORE_ENVELOPES);
	if (envelope_write(c->journal, c->opt.envelopes, ENVELOPE_MEMORY, &c->fp, error, sizeof(error)) < 0)
		return fail(c, EXIT_STORE, error);
	return EXIT_DONE;
}

static void
say_hits(const struct ctrl *c)
{
	const struct rule_hits *hits = pipeline_hits(c->pipeline);
	char line[128];
	size_t i;

	for (i = 0; i < rule_hits_nb(hits); i++) {
		const struct rule_hit *h = rule_hits_get(hits, i);

		snprintf(line, sizeof(line), "hit\t%s\t%s\t%llu", rule_hit_kind_name(h->kind), h->id,
			 (unsigned long long)h->nb);
		say(c, line);
	}
}

static int
say_done(struct ctrl *c)
{
	uint64_t alerts, updates;
	char line[64];

	failpoint_hit(&c->fp, FAILPOINT_BEFORE_DONE);
	say_hits(c);
	pipeline_counts(c->pipeline, &alerts, &updates);
	snprintf(line, sizeof(line), "done\t%llu\t%llu", (unsigned long long)alerts, (unsigned long long)updates);
	say(c, line);
	return EXIT_DONE;
}

static int
run(struct ctrl *c)
{
	static int (*const stages[])(struct ctrl *) = {
		load_config,	load_rules, map_segments,    open_store, begin_run, open_outputs,
		start_pipeline, work,	    write_envelopes, say_done,
	};
	size_t i;
	int code;

	for (i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		code = stages[i](c);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

static void
fini(struct ctrl *c)
{
	decider_stop(c->decider);
	pipeline_free(c->pipeline);
	output_free(c->output);
	journal_free(c->journal);
	store_free(c->store);
	dp_shm_unmap(&c->responder_ctrl);
	dp_shm_unmap(&c->responder_dp);
	dp_shm_unmap(&c->shm);
	dp_shm_unmap(&c->dp);
	rule_sets_free(&c->rules);
}

int
main(int argc, char **argv)
{
	static struct ctrl c; /* large; zeroed */
	int code, rc = ctrl_options_parse(argc, argv, &c.opt);

	if (rc != 0)
		return rc > 0 ? EXIT_DONE : EXIT_RULES;
	/* A full disk, a limit, a reader that went away: errors to be reported, not deaths. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (failpoint_init(&c.fp) < 0) {
		fprintf(stderr, "postern-ctrl: POSTERN_FAILPOINT names no fail point\n");
		return EXIT_RULES;
	}
	code = run(&c);
	fini(&c);
	return code;
}
