/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern-ctrl - decides on what the dataplane reports, stores it, writes it out
 *
 * What:      one run: load the rules, offer them to the dataplane, work the rings empty, write envelope records, end.
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
#include "rules_offer.h"
#include "safe_text.h"

enum {
	EXIT_DONE = 0,
	EXIT_RULES = 2,
	EXIT_STORE = 4,
};

struct ctrl {
	struct ctrl_options opt;
	struct failpoint fp;
	struct dp_shm dp, shm;
	struct ruleset *rules;
	struct store *store;
	struct journal *journal;
	struct output *output;
	struct pipeline *pipeline;
	struct decider *decider;
	struct rules_offer offer;
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
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-rc));
	return fail(c, code, text);
}

static void
print_rule_error(const struct rule_error *e)
{
	char file[1024], what[1024], hint[1024] = "";

	safe_text(file, sizeof(file), e->file != NULL ? e->file : "", e->file != NULL ? strlen(e->file) : 0);
	safe_text(what, sizeof(what), e->what, strlen(e->what));
	if (e->hint != NULL)
		safe_text(hint, sizeof(hint), e->hint, strlen(e->hint));
	if (e->line > 0)
		fprintf(stderr, "%s:%d:%d: %s: %s%s%s\n", file, e->line, e->column,
			e->level == RULE_ERROR ? "error" : "warning", what, hint[0] != '\0' ? "; " : "", hint);
	else
		fprintf(stderr, "%s: %s: %s%s%s\n", file, e->level == RULE_ERROR ? "error" : "warning", what,
			hint[0] != '\0' ? "; " : "", hint);
}

static int
load_rules(struct ctrl *c)
{
	struct rule_errors errs = { 0 };
	const char *starts = getenv("POSTERN_CTRL_STARTS");
	int rc = ruleset_load(c->opt.rules, 1, &errs, &c->rules);
	size_t i;

	/* A restarted ctrl has said it all before. */
	for (i = 0; i < errs.nb && (rc < 0 || starts == NULL || strcmp(starts, "0") == 0); i++)
		print_rule_error(&errs.list[i]);
	rule_errors_free(&errs);
	if (rc < 0)
		return fail(c, EXIT_RULES, "the rules have errors; nothing was inspected");
	return EXIT_DONE;
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

static int
map_segments(struct ctrl *c)
{
	int rc = dp_shm_map(c->opt.dp_fd, DP_SHM_DATAPLANE, false, &c->dp);

	if (rc == 0)
		rc = dp_shm_map(c->opt.ctrl_fd, DP_SHM_CTRL, true, &c->shm);
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
		rc = store_run_begin(c->store, c->opt.run_id, ruleset_hash(c->rules));
		if (rc == 0)
			rc = close_strangers(c);
	}
	if (rc == 0)
		rc = store_run_load(c->store, &run);
	if (rc < 0)
		return fail(c, EXIT_STORE, store_error(c->store));
	if (run.ruleset_hash != ruleset_hash(c->rules))
		return fail(c, EXIT_RULES, "the rules were changed while the run was under way; run it again");
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

static int
open_store(struct ctrl *c)
{
	int rc = store_open(c->opt.store, 0, &c->store);

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
		.rules = c->rules,
		.store = c->store,
		.output = c->output,
		.journal = c->opt.envelopes != NULL ? c->journal : NULL,
		.fp = &c->fp,
		.observer = c->observer,
		.run_id = c->opt.run_id,
		.follow_decided = (c->dp.geo.run_flags & DP_RUN_ENFORCE) != 0,
	};
	int rc = pipeline_new(&cfg, &c->pipeline);

	if (rc < 0)
		return fail(c, EXIT_STORE, c->pipeline != NULL ? pipeline_error(c->pipeline) : strerror(-rc));
	if (cfg.follow_decided)
		rc = decider_start(&c->dp, &c->shm, c->rules, &c->decider);
	if (rc < 0)
		return fail_errno(c, EXIT_STORE, "cannot start the thread that decides", rc);
	rc = rules_offer_send(&c->offer, c->opt.rules_fd, c->dp.geo.nb_workers, c->rules);
	/* The dataplane may have ended already, all of its records in the rings. */
	if (rc < 0 && rc != -EPIPE && rc != -ECONNRESET)
		return fail_errno(c, EXIT_STORE, "cannot offer the rules to the dataplane", rc);
	return EXIT_DONE;
}

static void
on_ready(void *ctx)
{
	say(ctx, "ready");
}

static int
offer_again(void *ctx)
{
	struct ctrl *c = ctx;
	int rc = rules_offer_send(&c->offer, c->opt.rules_fd, c->dp.geo.nb_workers, c->rules);

	return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

static int
work(struct ctrl *c)
{
	bool is_replay = (c->dp.geo.run_flags & DP_RUN_REPLAY) != 0;
	struct loop_config cfg = {
		.pipeline = c->pipeline,
		.offer = &c->offer,
		.offer_again = is_replay ? NULL : offer_again,
		.ready = on_ready,
		.ctx = c,
	};
	char text[512];
	int rc = loop_run(&cfg);

	if (rc == LOOP_REFUSED) {
		snprintf(text, sizeof(text), "the dataplane refused the rules: %s", c->offer.refused);
		return fail(c, EXIT_RULES, text);
	}
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

static int
say_done(struct ctrl *c)
{
	uint64_t alerts, updates;
	char line[64];

	failpoint_hit(&c->fp, FAILPOINT_BEFORE_DONE);
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
	dp_shm_unmap(&c->shm);
	dp_shm_unmap(&c->dp);
	ruleset_free(c->rules);
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
	signal(SIGHUP, SIG_IGN);
	if (failpoint_init(&c.fp) < 0) {
		fprintf(stderr, "postern-ctrl: POSTERN_FAILPOINT names no fail point\n");
		return EXIT_RULES;
	}
	code = run(&c);
	fini(&c);
	return code;
}
