/* SPDX-License-Identifier: BSD-3-Clause */
#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "rule_snapshot.h"

/* What the compiling thread works on; nobody else looks at it meanwhile. */
struct job {
	const char *path, *run_dir;
	struct db_cache *cache;
	uint32_t generation;
	bool settled; /* all workers have the newest set */
	uint64_t newest_hash;
	struct rule_errors errs;
	struct ruleset *set;
	bool unchanged;
	int rc;	      /* of reading and compiling */
	int save_rc;  /* of the snapshot */
	uint64_t ns;
};

struct reload {
	struct reload_config cfg;
	uv_loop_t *uv;
	uv_poll_t answers;
	uv_timer_t limit;
	uv_work_t work;
	struct job job;
	struct rules_offer offer;
	enum reload_state state;
	bool first;	/* the offer under way is that of the start */
	bool again;	/* it is to a dataplane that was started again */
	bool working;	/* the thread has the job */
	bool closing;
	uint64_t tickets, running; /* last one given; last one that the reload under way answers */
	uint64_t began_ns;
	struct reload_counts counts;
};

static void begin(struct reload *r);

enum reload_state
reload_state(const struct reload *r)
{
	return r->state;
}

bool
reload_acked(const struct reload *r, unsigned int worker)
{
	return worker < r->offer.nb_workers && r->offer.acked[worker];
}

struct reload_counts
reload_counts(const struct reload *r)
{
	return r->counts;
}

/* Tell the result, then go on with what came meanwhile. */
static void
conclude(struct reload *r, enum reload_outcome outcome, const char *text)
{
	struct reload_result res = {
		.outcome = outcome,
		.ticket = r->running,
		.generation = r->cfg.sets->in_force,
		.compile_ns = r->job.ns,
		.all_ns = uv_hrtime() - r->began_ns,
		.errs = &r->job.errs,
		.text = text,
	};

	if (outcome == RELOAD_DONE)
		r->counts.done++;
	else if (outcome == RELOAD_UNCHANGED)
		r->counts.unchanged++;
	else
		r->counts.failed++;
	r->state = RELOAD_IDLE;
	r->cfg.result(r->cfg.ctx, &res);
	rule_errors_free(&r->job.errs);
	if (r->tickets > r->running && !r->closing)
		begin(r);
}

static int
send_offer(struct reload *r, const struct ruleset *set)
{
	int rc = rules_offer_send(&r->offer, r->cfg.sock, r->cfg.dp->geo.nb_workers, set);

	/* The dataplane may have ended already, all of its records in the rings. */
	return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
}

/* Workers have it: what was before is needed only for what stands in the rings. */
static void
all_acked(struct reload *r)
{
	char text[160];

	rule_sets_acknowledged(r->cfg.sets, r->offer.generation, r->cfg.dp);
	uv_timer_stop(&r->limit);
	if (r->first) {
		r->first = false;
		r->state = RELOAD_IDLE;
		r->cfg.ready(r->cfg.ctx);
		if (r->tickets > r->running)
			begin(r);
		return;
	}
	if (r->state != RELOAD_OFFERED)
		return; /* late, and told so */
	snprintf(text, sizeof(text), "generation %u is in force in all workers", r->offer.generation);
	conclude(r, RELOAD_DONE, text);
}

/* What is in force is refused by a dataplane that was started again: it has none, and will ask anew. */
static void
tell_refused_again(struct reload *r)
{
	const struct rule_errors none = { 0 };
	char text[640];
	const struct reload_result res = {
		.outcome = RELOAD_REFUSED,
		.generation = r->offer.generation,
		.errs = &none,
		.text = text,
	};

	snprintf(text, sizeof(text), "the dataplane was started again and refused them: %s", r->offer.refused);
	r->counts.failed++;
	r->cfg.result(r->cfg.ctx, &res);
}

static void
refused(struct reload *r)
{
	uint32_t generation = r->offer.generation;
	char text[640];

	if (r->first) {
		r->cfg.refused(r->cfg.ctx, r->offer.refused);
		return;
	}
	if (generation == r->cfg.sets->in_force) {
		tell_refused_again(r);
		return;
	}
	if (ruleset_generation(rule_sets_newest(r->cfg.sets)) == generation) {
		rule_sets_drop_newest(r->cfg.sets);
		rule_snapshot_remove(r->cfg.run_dir, generation);
	}
	uv_timer_stop(&r->limit);
	snprintf(text, sizeof(text), "the dataplane refused it: %s; the rules before stay in force", r->offer.refused);
	/* One that was started again has not had the rules before. */
	if (r->again)
		(void)send_offer(r, rule_sets_newest(r->cfg.sets));
	if (r->state == RELOAD_OFFERED)
		conclude(r, RELOAD_REFUSED, text);
}

static void
on_answers(uv_poll_t *h, int status, int events)
{
	struct reload *r = h->data;
	int rc = rules_offer_poll(&r->offer);

	/* A dataplane that was started again has none, whatever its predecessor had. */
	if (rc == -ESTALE) {
		r->again = true;
		rc = send_offer(r, rule_sets_newest(r->cfg.sets));
	}
	if (rc == -EPERM) {
		refused(r);
	} else if (rc == 1) {
		r->again = false;
		if (r->cfg.sets->in_force != r->offer.generation)
			all_acked(r);
	} else if (rc < 0 && rc != -EAGAIN && rc != -EBADMSG) {
		uv_poll_stop(h);
		r->cfg.gone(r->cfg.ctx);
	}
}

static void
on_limit(uv_timer_t *h)
{
	struct reload *r = h->data;
	char text[200];

	snprintf(text, sizeof(text),
		 "%u of %u workers have taken generation %u over after %d s; `postern status` shows when the others do",
		 r->offer.nb_acked, r->offer.nb_workers, r->offer.generation, RELOAD_ACK_MS / 1000);
	if (r->state == RELOAD_OFFERED && !r->first)
		conclude(r, RELOAD_LATE, text);
}

/* On libuv's thread. */
static void
compile(uv_work_t *w)
{
	struct job *j = w->data;
	uint64_t began = uv_hrtime();

	j->rc = ruleset_load_cached(j->path, j->generation, j->cache, &j->errs, &j->set);
	if (j->rc == 0) {
		j->unchanged = j->settled && ruleset_hash(j->set) == j->newest_hash;
		if (!j->unchanged)
			j->save_rc = rule_snapshot_save(j->run_dir, j->set);
	}
	j->ns = uv_hrtime() - began;
}

/* The compiled set into the table and to the dataplane. 0 or negative errno with @text. */
static int
offer_job(struct reload *r, char *text, size_t size)
{
	int rc = r->job.save_rc;

	if (rc < 0) {
		snprintf(text, size, "%s: the rules cannot be kept there: %s", r->cfg.run_dir, strerror(-rc));
		return rc;
	}
	rc = rule_sets_add(r->cfg.sets, r->job.set);
	if (rc < 0) {
		snprintf(text, size, "%d sets are still in use by what was seen before; try again in a moment",
			 RULE_SETS_MAX);
		return rc;
	}
	rc = send_offer(r, r->job.set);
	if (rc < 0) {
		r->job.set = NULL;
		rule_sets_drop_newest(r->cfg.sets);
		snprintf(text, size, "the set cannot be handed to the dataplane: %s", strerror(-rc));
		return rc;
	}
	r->job.set = NULL;
	return 0;
}

static void
on_compiled(uv_work_t *w, int status)
{
	struct job *j = w->data;
	struct reload *r = (struct reload *)((char *)w - offsetof(struct reload, work));
	char text[PATH_MAX + 128];

	r->working = false;
	if (r->closing) {
		conclude(r, RELOAD_FAILED, "the run has ended");
	} else if (j->rc < 0) {
		snprintf(text, sizeof(text), "%zu error%s; the rules before stay in force", j->errs.nb_errors,
			 j->errs.nb_errors == 1 ? "" : "s");
		conclude(r, RELOAD_WRONG, text);
	} else if (j->unchanged) {
		conclude(r, RELOAD_UNCHANGED, "the files say what is in force already");
	} else if (offer_job(r, text, sizeof(text)) < 0) {
		rule_snapshot_remove(r->cfg.run_dir, j->generation);
		conclude(r, RELOAD_FAILED, text);
	} else {
		r->state = RELOAD_OFFERED;
		uv_timer_start(&r->limit, on_limit, RELOAD_ACK_MS, 0);
	}
	ruleset_free(j->set);
	j->set = NULL;
}

static void
begin(struct reload *r)
{
	const struct ruleset *newest = rule_sets_newest(r->cfg.sets);
	int rc;

	/* A job may have ended without a set: its number was shown to nobody. */
	r->job = (struct job){
		.path = r->cfg.path,
		.run_dir = r->cfg.run_dir,
		.cache = r->cfg.cache,
		.generation = r->cfg.sets->last + 1,
		.settled = ruleset_generation(newest) == r->cfg.sets->in_force,
		.newest_hash = ruleset_hash(newest),
	};
	r->running = r->tickets;
	r->began_ns = uv_hrtime();
	r->state = RELOAD_COMPILING;
	r->work.data = &r->job;
	r->working = true;
	rc = uv_queue_work(r->uv, &r->work, compile, on_compiled);
	if (rc < 0) {
		r->working = false;
		conclude(r, RELOAD_FAILED, uv_strerror(rc));
	}
}

uint64_t
reload_request(struct reload *r)
{
	r->tickets++;
	if (r->state == RELOAD_IDLE && !r->first && !r->closing)
		begin(r);
	return r->tickets;
}

void
reload_tick(struct reload *r)
{
	uint32_t generation;

	while ((generation = rule_sets_release(r->cfg.sets, r->cfg.ctrl)) != 0)
		rule_snapshot_remove(r->cfg.run_dir, generation);
}

int
reload_open(struct uv_loop_s *uv, const struct reload_config *cfg, struct reload **ret)
{
	struct reload *r = calloc(1, sizeof(*r));
	int rc;

	*ret = r;
	if (r == NULL)
		return -ENOMEM;
	r->cfg = *cfg;
	r->uv = uv;
	r->first = true;
	r->state = RELOAD_OFFERED;
	rc = uv_timer_init(uv, &r->limit);
	if (rc == 0)
		rc = uv_poll_init(uv, &r->answers, cfg->sock);
	r->answers.data = r;
	r->limit.data = r;
	if (rc == 0)
		rc = send_offer(r, rule_sets_newest(cfg->sets));
	if (rc == 0)
		rc = uv_poll_start(&r->answers, UV_READABLE | UV_DISCONNECT, on_answers);
	return rc;
}

void
reload_close(struct reload *r)
{
	if (r == NULL)
		return;
	r->closing = true;
	if (r->working)
		uv_cancel((uv_req_t *)&r->work); /* not begun: on_compiled() comes with UV_ECANCELED all the same */
	else if (r->state == RELOAD_OFFERED && !r->first)
		conclude(r, RELOAD_FAILED, "the run has ended");
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	rule_errors_free(&r->job.errs);
	ruleset_free(r->job.set);
	free(r);
}
