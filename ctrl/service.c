/* SPDX-License-Identifier: BSD-3-Clause */
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "bypass.h"
#include "control_server.h"
#include "control_status.h"
#include "dp_clock.h"
#include "metrics.h"
#include "metrics_text.h"
#include "output.h"
#include "reload.h"
#include "responder_rules.h"
#include "rule_error_print.h"

enum {
	ERRORS_ANSWERED = 100, /* of a rule file, in one answer */
	KEEP_ROWS = 500,       /* records deleted at once: some milliseconds */
	KEEP_PAGES = 256,      /* given back at once */
};

/* A client that waits for the result of a reload. */
struct waiter {
	uint64_t client, ticket;
};

struct service {
	struct service_config cfg;
	struct responder_rules *responder_rules; /* or NULL */
	struct reload *reload;
	struct control_server *control;
	struct metrics *metrics;
	uv_timer_t tick;
	uv_signal_t sighup, sigusr1;
	struct waiter waiters[2 * CONTROL_CLIENTS_MAX];
	unsigned int nb_waiters;
	struct json_out json;
	uint64_t started_ns;
	uint64_t keep_at_ns;	 /* when the store is looked at next */
	bool keep_failed;
	bool bypassed;		 /* as was logged */
	uint64_t lines_unlogged; /* since the last that was */
	char last_reload[512];
};

static void
answer(struct service *s, uint64_t client)
{
	static const char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}";

	if (s->json.failed)
		control_server_answer(s->control, client, no_memory, sizeof(no_memory) - 1);
	else
		control_server_answer(s->control, client, s->json.buf, s->json.len);
}

/* --- reload --- */

static void
put_rule_errors(struct json_out *o, const struct rule_errors *errs)
{
	size_t i, nb = errs->nb < ERRORS_ANSWERED ? errs->nb : ERRORS_ANSWERED;

	json_key(o, "errors");
	json_open(o, '[');
	for (i = 0; i < nb; i++) {
		const struct rule_error *e = &errs->list[i];

		json_open(o, '{');
		json_kv_cstr(o, "level", e->level == RULE_ERROR ? "error" : "warning");
		json_kv_text(o, "file", e->file, strlen(e->file));
		json_kv_u64(o, "line", (uint64_t)e->line);
		json_kv_u64(o, "column", (uint64_t)e->column);
		json_kv_text(o, "what", e->what, strlen(e->what));
		if (e->hint != NULL)
			json_kv_text(o, "hint", e->hint, strlen(e->hint));
		json_close(o, '}');
	}
	json_close(o, ']');
	json_kv_u64(o, "errors_omitted", errs->nb - nb);
}

static void
write_result(struct json_out *o, const struct reload_result *r, const char *outcome)
{
	bool ok = r->outcome == RELOAD_DONE || r->outcome == RELOAD_UNCHANGED;

	json_out_clear(o);
	json_open(o, '{');
	json_kv_bool(o, "ok", ok);
	json_kv_cstr(o, "outcome", outcome);
	json_kv_text(o, ok ? "text" : "error", r->text, strlen(r->text));
	json_kv_u64(o, "generation", r->generation);
	json_kv_u64(o, "compile_us", r->compile_ns / 1000);
	json_kv_u64(o, "all_us", r->all_ns / 1000);
	put_rule_errors(o, r->errs);
	json_close(o, '}');
}

/* Room for a line? One that reads standard error slowly, or not at all, must not hold up decisions. */
static bool
may_log(struct service *s)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) > 0 && (p.revents & POLLOUT) != 0) {
		if (s->lines_unlogged > 0)
			fprintf(stderr, "postern-ctrl: %llu lines are missing here: nobody read them\n",
				(unsigned long long)s->lines_unlogged);
		s->lines_unlogged = 0;
		return true;
	}
	s->lines_unlogged++;
	return false;
}

static void
log_result(struct service *s, const struct reload_result *r, const char *outcome)
{
	size_t i;

	/* Warnings of a good set were worth a look at the start, and are in the answer. */
	for (i = 0; i < r->errs->nb; i++)
		if (r->errs->list[i].level == RULE_ERROR && may_log(s))
			rule_error_print(stderr, &r->errs->list[i]);
	if (may_log(s))
		fprintf(stderr, "postern-ctrl: rules %s: %s\n", outcome, r->text);
}

static void
on_result(void *ctx, const struct reload_result *r)
{
	static const char *const outcomes[RELOAD_NB] = {
		[RELOAD_DONE] = "reloaded",   [RELOAD_UNCHANGED] = "unchanged", [RELOAD_WRONG] = "wrong",
		[RELOAD_REFUSED] = "refused", [RELOAD_LATE] = "late",		[RELOAD_FAILED] = "not reloaded",
	};
	struct service *s = ctx;
	unsigned int i, left = 0;

	snprintf(s->last_reload, sizeof(s->last_reload), "%s: %s", outcomes[r->outcome], r->text);
	log_result(s, r, outcomes[r->outcome]);
	write_result(&s->json, r, outcomes[r->outcome]);
	for (i = 0; i < s->nb_waiters; i++) {
		if (s->waiters[i].ticket <= r->ticket)
			answer(s, s->waiters[i].client);
		else
			s->waiters[left++] = s->waiters[i];
	}
	s->nb_waiters = left;
}

static void
on_ready(void *ctx)
{
	struct service *s = ctx;

	s->cfg.ready(s->cfg.ctx);
}

static void
on_refused(void *ctx, const char *why)
{
	struct service *s = ctx;

	s->cfg.refused(s->cfg.ctx, why);
}

/* Nobody will answer any more: the rings say themselves when they are finished. */
static void
on_gone(void *ctx)
{
	struct service *s = ctx;

	pipeline_drain(s->cfg.pipeline);
}

/* --- requests --- */

static struct control_view
view_of(struct service *s)
{
	return (struct control_view){
		.dp = s->cfg.dp,
		.ctrl = s->cfg.ctrl,
		.sets = s->cfg.sets,
		.reload = s->reload,
		.pipeline = s->cfg.pipeline,
		.observer = s->cfg.observer,
		.rules_path = s->cfg.rules_path,
		.last_reload = s->last_reload,
		.run_id = s->cfg.run_id,
		.started_ns = s->started_ns,
		.restarts = s->cfg.restarts,
		.clients_refused = s->control != NULL ? control_server_refused(s->control) : 0,
	};
}

static void
on_metrics_page(void *ctx, struct json_out *o)
{
	const struct control_view v = view_of(ctx);

	metrics_text_write(o, &v);
}

static void
put_status(struct service *s)
{
	const struct control_view v = view_of(s);

	json_out_clear(&s->json);
	control_status_write(&s->json, &v, uv_hrtime());
}

/* 0, or negative errno: the old file is still written to. */
static int
reopen(struct service *s)
{
	int rc = s->cfg.output != NULL ? output_reopen(s->cfg.output) : 0;

	if (rc < 0 && may_log(s))
		fprintf(stderr, "postern-ctrl: %s; the file that was open is still written to\n",
			output_error(s->cfg.output));
	return rc;
}

static void
put_reopened(struct service *s, int rc)
{
	json_out_clear(&s->json);
	json_open(&s->json, '{');
	json_kv_bool(&s->json, "ok", rc == 0);
	if (rc < 0)
		json_kv_cstr(&s->json, "error", output_error(s->cfg.output));
	else
		json_kv_bool(&s->json, "file", s->cfg.output != NULL && output_is_file(s->cfg.output));
	json_close(&s->json, '}');
}

/* Said when it begins and when it ends, whoever or whatever ended it. */
static void
watch_bypass(struct service *s)
{
	uint64_t left = bypass_left_ns(s->cfg.ctrl, uv_hrtime());

	if ((left > 0) == s->bypassed)
		return;
	s->bypassed = left > 0;
	if (!may_log(s))
		return;
	if (left > 0)
		fprintf(stderr, "postern-ctrl: bypass is on: mail goes on uninspected for %llu s\n",
			(unsigned long long)((left + 999999999) / 1000000000));
	else
		fprintf(stderr, "postern-ctrl: bypass is over: mail is inspected\n");
}

static void
order_bypass(struct service *s, const struct control_request *rq)
{
	bool is_replay = (s->cfg.dp->geo.run_flags & DP_RUN_REPLAY) != 0;

	json_out_clear(&s->json);
	json_open(&s->json, '{');
	json_kv_bool(&s->json, "ok", !is_replay);
	if (is_replay) {
		json_kv_cstr(&s->json, "error", "a replay has no wire that could be bypassed");
	} else {
		bypass_order(s->cfg.ctrl, rq->for_s, uv_hrtime());
		if (may_log(s))
			fprintf(stderr, "postern-ctrl: bypass %s was ordered by user %u\n", rq->for_s > 0 ? "on" : "off",
				rq->uid);
		watch_bypass(s);
		bypass_write(&s->json, s->cfg.dp, s->cfg.ctrl, uv_hrtime());
	}
	json_close(&s->json, '}');
}

/* It may have been answered already, when nothing could be begun. */
static void
note_ticket(struct service *s, uint64_t client, uint64_t ticket)
{
	unsigned int i;

	for (i = 0; i < s->nb_waiters; i++)
		if (s->waiters[i].client == client)
			s->waiters[i].ticket = ticket;
}

static void
on_request(void *ctx, uint64_t client, const struct control_request *rq)
{
	struct service *s = ctx;

	switch (rq->command) {
	case CONTROL_STATUS:
		put_status(s);
		answer(s, client);
		break;
	case CONTROL_RELOAD:
		/* A client asks one thing at a time: there is room, but for those that left without an answer. */
		if (s->nb_waiters == sizeof(s->waiters) / sizeof(s->waiters[0]))
			memmove(s->waiters, s->waiters + 1, --s->nb_waiters * sizeof(s->waiters[0]));
		s->waiters[s->nb_waiters++] = (struct waiter){ client, 0 };
		note_ticket(s, client, reload_request(s->reload));
		break;
	case CONTROL_REOPEN:
		put_reopened(s, reopen(s));
		answer(s, client);
		break;
	case CONTROL_BYPASS:
		order_bypass(s, rq);
		answer(s, client);
		break;
	case CONTROL_NB:
		break;
	}
}

static void
on_sighup(uv_signal_t *h, int signum)
{
	struct service *s = h->data;

	reload_request(s->reload);
}

static void
on_sigusr1(uv_signal_t *h, int signum)
{
	reopen(h->data);
}

/* A few old records at a time. What fails is said once, and tried again later. */
static void
keep_store(struct service *s)
{
	uint64_t now = uv_hrtime(), written = s->cfg.output != NULL ? output_last(s->cfg.output) : UINT64_MAX - 1;
	int rc;

	if ((s->cfg.limits.age_ns == 0 && s->cfg.limits.octets == 0) || now < s->keep_at_ns ||
	    store_in_transaction(s->cfg.store))
		return;
	rc = store_keep_step(s->cfg.store, &s->cfg.limits, written,
			     dp_clock_ns(CLOCK_REALTIME), KEEP_ROWS);
	if (rc == 0)
		rc = store_keep_vacuum(s->cfg.store, KEEP_PAGES);
	if (rc < 0 && !s->keep_failed && may_log(s))
		fprintf(stderr, "postern-ctrl: %s; old records stay for now\n", store_error(s->cfg.store));
	s->keep_failed = rc < 0;
	if (rc != 1)
		s->keep_at_ns = now + UINT64_C(1000000) * SERVICE_KEEP_MS;
}

static void
on_tick(uv_timer_t *h)
{
	struct service *s = h->data;

	reload_tick(s->reload);
	responder_rules_tick(s->responder_rules);
	metrics_tick(s->metrics);
	watch_bypass(s);
	keep_store(s);
}

/* --- life --- */

static int
open_signals(struct service *s, uv_loop_t *uv)
{
	int rc = uv_signal_init(uv, &s->sighup);

	if (rc == 0)
		rc = uv_signal_init(uv, &s->sigusr1);
	s->sighup.data = s;
	s->sigusr1.data = s;
	if (rc == 0)
		rc = uv_signal_start(&s->sighup, on_sighup, SIGHUP);
	if (rc == 0)
		rc = uv_signal_start(&s->sigusr1, on_sigusr1, SIGUSR1);
	if (rc == 0)
		rc = uv_timer_init(uv, &s->tick);
	s->tick.data = s;
	return rc == 0 ? uv_timer_start(&s->tick, on_tick, SERVICE_TICK_MS, SERVICE_TICK_MS) : rc;
}

static int
open_reload(struct service *s, uv_loop_t *uv)
{
	const struct reload_config rc = {
		.sets = s->cfg.sets,
		.dp = s->cfg.dp,
		.ctrl = s->cfg.ctrl,
		.sock = s->cfg.rules_fd,
		.path = s->cfg.rules_path,
		.run_dir = s->cfg.run_dir,
		.cache = s->cfg.cache,
		.ready = on_ready,
		.refused = on_refused,
		.gone = on_gone,
		.result = on_result,
		.ctx = s,
	};

	return reload_open(uv, &rc, &s->reload);
}

/* Without figures mail is inspected all the same. */
static void
open_metrics(struct service *s, uv_loop_t *uv)
{
	const struct metrics_config mc = { .listen = s->cfg.metrics, .page = on_metrics_page, .ctx = s };
	int rc;

	if (s->cfg.metrics == NULL)
		return;
	rc = metrics_open(uv, &mc, &s->metrics);
	if (rc < 0) {
		fprintf(stderr, "postern-ctrl: metrics.listen %s: %s; going on without\n", s->cfg.metrics, strerror(-rc));
		metrics_free(s->metrics);
		s->metrics = NULL;
	}
}

int
service_open(struct uv_loop_s *uv, const struct service_config *cfg, struct service **ret, const char **ret_what)
{
	struct service *s = calloc(1, sizeof(*s));
	int rc;

	*ret = s;
	*ret_what = "memory";
	if (s == NULL)
		return -ENOMEM;
	s->cfg = *cfg;
	s->started_ns = uv_hrtime();
	*ret_what = "cannot look after signals";
	rc = open_signals(s, uv);
	if (rc == 0) {
		*ret_what = "cannot offer the rules to the dataplane";
		rc = open_reload(s, uv);
	}
	if (rc == 0 && cfg->responder_rules_fd >= 0) {
		*ret_what = "cannot offer the rules to the responder";
		rc = responder_rules_open(uv, cfg->responder_rules_fd, cfg->sets, &s->responder_rules);
	}
	if (rc == 0 && cfg->control_fd >= 0) {
		const struct control_server_config cc = { .fd = cfg->control_fd, .request = on_request, .ctx = s };

		*ret_what = "cannot listen on the control socket";
		rc = control_server_open(uv, &cc, &s->control);
	}
	if (rc == 0)
		open_metrics(s, uv);
	return rc;
}

void
service_close(struct service *s)
{
	if (s == NULL)
		return;
	reload_close(s->reload);
	responder_rules_close(s->responder_rules);
	control_server_close(s->control);
	metrics_close(s->metrics);
}

void
service_free(struct service *s)
{
	if (s == NULL)
		return;
	reload_free(s->reload);
	responder_rules_free(s->responder_rules);
	control_server_free(s->control);
	metrics_free(s->metrics);
	json_out_free(&s->json);
	free(s);
}
