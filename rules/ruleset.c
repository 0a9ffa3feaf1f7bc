/* SPDX-License-Identifier: BSD-3-Clause */
#include "ruleset.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "compile.h"
#include "hash64.h"
#include "kept_files.h"
#include "read_file.h"
#include "rule_check.h"
#include "rule_file.h"
#include "rule_model.h"
#include "technique.h"

/* To ask again without rules that are not for the sender. Only of a set that has such rules. */
struct again {
	pthread_mutex_t lock; /* of the scratch */
	struct matcher *matcher;
	struct matcher_scratch *scratch;
};

struct ruleset {
	struct rule_model model;
	const char *name;
	void *image;
	size_t image_len;
	struct db_cache *cache; /* while it is loaded; or NULL */
	struct kept_files kept;
	uint64_t hash;
	uint32_t generation;
	size_t nb_files;
	struct again *again; /* or NULL */
	bool has_lists; /* rule files may name list files */
	bool is_snapshot; /* all there is stands in @kept */
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
fail_file(struct rule_errors *errs, const char *file, int err, const char *hint)
{
	struct rule_place at = {file, 0, 0};

	rule_errors_add(errs, RULE_ERROR, &at, hint, "can't be read: %s", strerror(err));
	return -err;
}

/*
 * A list that a rule file names: part of the content like the file itself. Named twice, or of a snapshot: the octets that
 * were read first.
 */
static int
read_list(void *ctx, const char *path, const char **ret, size_t *ret_len)
{
	struct ruleset *set = ctx;
	const struct kept_file *kept = kept_files_find(&set->kept, path);
	char *octets;
	size_t len;
	int rc;

	if (kept == NULL && set->is_snapshot)
		return -ENOENT;
	if (kept == NULL) {
		rc = read_file(path, YAML_LEN_MAX + 1, &octets, &len);
		if (rc == 0)
			rc = kept_files_add(&set->kept, path, octets, len, true);
		if (rc < 0)
			return rc;
		kept = kept_files_find(&set->kept, path);
	}
	set->hash = hash64(base_name(path), strlen(base_name(path)), set->hash);
	set->hash = hash64(kept->octets, kept->len, set->hash);
	*ret = kept->octets;
	*ret_len = kept->len;
	return 0;
}

static void
take_octets(struct ruleset *set, const char *file, const char *octets, size_t len,
	    struct rule_errors *errs)
{
	const struct list_source lists = {read_list, set};
	const char *base = base_name(file);

	set->hash = hash64(base, strlen(base), set->hash);
	set->hash = hash64(octets, len, set->hash);
	set->nb_files++;
	rule_file_read(file, octets, len, set->has_lists ? &lists : NULL, &set->model, errs);
}

static int
take_file(struct ruleset *set, const char *path, struct rule_errors *errs)
{
	char *file = arena_string(&set->model.arena, path, strlen(path)), *octets = NULL;
	size_t len = 0;
	int rc;

	if (file == NULL)
		return -ENOMEM;
	rc = read_file(path, YAML_LEN_MAX + 1, &octets, &len);
	if (rc < 0)
		return fail_file(errs, path, -rc,
				 rc == -EINVAL ? "it is no file and no folder" : NULL);
	rc = kept_files_add(&set->kept, path, octets, len, false);
	if (rc == 0)
		take_octets(set, file, octets, len, errs);
	return rc;
}

static int
is_rule_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".yaml") == 0;
}

static int
by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* One unreadable file does not keep the faults of the others from being found. */
static int
take_folder(struct ruleset *set, const char *path, struct rule_errors *errs)
{
	struct rule_place at = {path, 0, 0};
	struct dirent **list;
	char *file;
	int nb, i, rc = 0, one;

	nb = scandir(path, &list, is_rule_file, by_octets);
	if (nb < 0)
		return fail_file(errs, path, errno, NULL);
	if (nb == 0)
		rule_errors_add(errs, RULE_ERROR, &at, "rule files are named *.yaml",
				"the folder has no rule file");
	for (i = 0; i < nb; i++) {
		if (asprintf(&file, "%s/%s", path, list[i]->d_name) < 0) {
			rc = -ENOMEM;
		} else {
			one = take_file(set, file, errs);
			rc = rc == 0 ? one : rc;
			free(file);
		}
		free(list[i]);
	}
	free(list);
	return rc;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* The folder's name without slashes at its end. */
static const char *
set_name(struct ruleset *set, const char *path)
{
	size_t len = strlen(path);
	char *copy;

	if (set->nb_files == 1 && set->model.ruleset != NULL)
		return set->model.ruleset;
	while (len > 1 && path[len - 1] == '/')
		len--;
	copy = arena_string(&set->model.arena, path, len);
	return copy != NULL ? base_name(copy) : "";
}

static void
again_free(struct again *a)
{
	if (a == NULL)
		return;
	matcher_scratch_free(a->scratch);
	matcher_free(a->matcher);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

static int
make_again(struct ruleset *set, const char *path, struct rule_errors *errs)
{
	struct rule_place at = {path, 0, 0};
	bool needed = false;
	struct again *a;
	size_t i;
	int rc;

	for (i = 0; i < set->model.nb_rules && !needed; i++)
		needed = set->model.rules[i].senders != NULL;
	if (!needed)
		return 0;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	rc = matcher_load(set->image, set->image_len, &a->matcher);
	if (rc == 0)
		rc = matcher_scratch_new(a->matcher, &a->scratch);
	if (rc < 0) {
		again_free(a);
		rule_errors_add(errs, RULE_ERROR, &at, NULL, "the compiled rules can't be used: %s",
				strerror(-rc));
		return rc;
	}
	set->again = a;
	return 0;
}

/* What follows reading: checks across files, compilation. */
static int
finish(struct ruleset *set, const char *path, struct rule_errors *errs)
{
	struct rule_place at = {path, 0, 0};
	int rc;

	set->name = set_name(set, path);
	if (set->model.arena.failed) {
		rule_errors_add(errs, RULE_ERROR, &at, NULL, "out of memory");
		return -ENOMEM;
	}
	rule_check(&set->model, now_ns(), errs);
	/* Expressions are checked even when other faults are known: all faults at once. */
	rc = compile_model(&set->model, set->generation, set->cache, errs, &set->image, &set->image_len);
	if (rc == 0 && errs->nb_errors > 0)
		rc = -EINVAL;
	exceptions_sort(set->model.exceptions, set->model.nb_exceptions);
	return rc == 0 ? make_again(set, path, errs) : rc;
}

int
ruleset_load(const char *path, uint32_t generation, struct rule_errors *errs,
	     struct ruleset **ret_set)
{
	return ruleset_load_cached(path, generation, NULL, errs, ret_set);
}

/* What is left to do when the octets are read: @rc says how that went. */
static int
end_load(struct ruleset *set, const char *path, int rc, struct rule_errors *errs,
	 struct ruleset **ret_set)
{
	int rc_finish;

	if (set->nb_files > 0) {
		rc_finish = finish(set, path, errs);
		rc = rc == 0 ? rc_finish : rc;
	}
	if (rc == 0 && errs->nb_errors > 0)
		rc = -EINVAL;
	rule_errors_sort(errs);
	if (rc < 0) {
		ruleset_free(set);
		return rc;
	}
	set->cache = NULL;
	*ret_set = set;
	return 0;
}

int
ruleset_load_cached(const char *path, uint32_t generation, struct db_cache *cache,
		    struct rule_errors *errs, struct ruleset **ret_set)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	struct stat st;
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->generation = generation;
	set->cache = cache;
	memset(errs, 0, sizeof(*errs));
	set->has_lists = true;
	if (stat(path, &st) < 0)
		rc = fail_file(errs, path, errno, NULL);
	else if ((rc = kept_files_set_name(&set->kept, path)) < 0)
		;
	else if (S_ISDIR(st.st_mode))
		rc = take_folder(set, path, errs);
	else
		rc = take_file(set, path, errs);
	return end_load(set, path, rc, errs, ret_set);
}

int
ruleset_load_snapshot(const void *snapshot, size_t len, uint32_t generation, struct db_cache *cache,
		      struct rule_errors *errs, struct ruleset **ret_set)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	const struct kept_file *src;
	char *file;
	size_t i;
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->generation = generation;
	set->cache = cache;
	memset(errs, 0, sizeof(*errs));
	set->has_lists = set->is_snapshot = true;
	rc = kept_files_read(snapshot, len, &set->kept);
	if (rc < 0) {
		ruleset_free(set);
		return rc;
	}
	for (i = 0; i < set->kept.nb && rc == 0; i++) {
		src = &set->kept.list[i];
		if (src->is_list)
			continue;
		file = arena_string(&set->model.arena, src->path, strlen(src->path));
		if (file != NULL)
			take_octets(set, file, src->octets, src->len, errs);
		rc = file != NULL ? 0 : -ENOMEM;
	}
	return end_load(set, set->kept.name, rc, errs, ret_set);
}

int
ruleset_snapshot(const struct ruleset *set, void **ret, size_t *ret_len)
{
	return kept_files_write(&set->kept, ret, ret_len);
}

int
ruleset_load_octets(const char *name, const void *octets, size_t len, uint32_t generation,
		    struct rule_errors *errs, struct ruleset **ret_set)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	char *file;
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->generation = generation;
	memset(errs, 0, sizeof(*errs));
	file = arena_string(&set->model.arena, name, strlen(name));
	rc = file != NULL ? 0 : -ENOMEM;
	if (rc == 0) {
		take_octets(set, file, octets, len, errs);
		rc = finish(set, name, errs);
	}
	rule_errors_sort(errs);
	if (rc < 0) {
		ruleset_free(set);
		return rc;
	}
	*ret_set = set;
	return 0;
}

void
ruleset_free(struct ruleset *set)
{
	if (set == NULL)
		return;
	again_free(set->again);
	rule_model_free(&set->model);
	kept_files_free(&set->kept);
	free(set->image);
	free(set);
}

const void *
ruleset_image(const struct ruleset *set, size_t *ret_len)
{
	*ret_len = set->image_len;
	return set->image;
}

const char *
rule_verdict_name(enum rule_verdict v)
{
	static const char *const names[] = {
		[RULE_VERDICT_PASS] = "pass",	  [RULE_VERDICT_ALERT] = "alert",
		[RULE_VERDICT_REFUSE] = "refuse", [RULE_VERDICT_DIVERT] = "divert",
		[RULE_VERDICT_RESET] = "reset",
	};

	return v >= RULE_VERDICT_PASS && v <= RULE_VERDICT_RESET ? names[v] : "unknown";
}

const char *
ruleset_name(const struct ruleset *set)
{
	return set->name;
}

uint32_t
ruleset_generation(const struct ruleset *set)
{
	return set->generation;
}

uint64_t
ruleset_hash(const struct ruleset *set)
{
	return set->hash;
}

size_t
ruleset_nb_rules(const struct ruleset *set)
{
	return set->model.nb_rules;
}

const struct rule_info *
ruleset_rule(const struct ruleset *set, uint32_t rule)
{
	return rule < set->model.nb_rules ? &set->model.rules[rule].info : NULL;
}

uint64_t
ruleset_rule_techniques(const struct ruleset *set, uint32_t rule)
{
	return rule < set->model.nb_rules ? set->model.rules[rule].techniques : 0;
}

static const struct lookalike_settings *
settings_of(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_def *d = NULL;

	if (rule < set->model.nb_rules && (unsigned int)t < RULE_TECHNIQUE_NB)
		d = set->model.rules[rule].lookalikes;
	return d != NULL ? &d->settings : NULL;
}

uint8_t
ruleset_rule_severity(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);
	uint8_t severity = rule < set->model.nb_rules ? set->model.rules[rule].info.severity : 0;

	if (s != NULL && s->severity[t] != 0)
		return s->severity[t];
	return severity != 0 ? severity : technique_severity(t);
}

enum rule_verdict
ruleset_rule_verdict(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);

	if (s != NULL && s->verdict[t] != 0)
		return (enum rule_verdict)s->verdict[t];
	return rule < set->model.nb_rules ? set->model.rules[rule].info.verdict
					  : RULE_VERDICT_ALERT;
}

uint8_t
ruleset_rule_min_label(const struct ruleset *set, uint32_t rule, enum rule_technique t)
{
	const struct lookalike_settings *s = settings_of(set, rule, t);

	return s != NULL ? s->min_label[t] : 0;
}

size_t
ruleset_nb_exceptions(const struct ruleset *set)
{
	return set->model.nb_exceptions;
}

void
ruleset_exception(const struct ruleset *set, size_t i, struct exception_info *ret)
{
	static const char *const kinds[] = {"address", "domain", "subtree"};
	const struct exception *x = &set->model.exceptions[i];

	*ret = (struct exception_info){
		.id = x->id,
		.kind = kinds[x->kind],
		.local = x->local,
		.domain = x->domain,
		.has_sender = x->senders != NULL,
		.owner = x->owner,
		.reason = x->reason,
		.ticket = x->ticket,
		.file = x->at.file,
		.line = x->at.line,
		.from_ns = x->from_ns,
		.until_ns = x->until_ns,
	};
}

/* Find the next match among the rules that are for this sender. False: there is none. */
static bool
match_in_scope(const struct ruleset *set, const struct ruleset_query *q, struct matcher_match *match)
{
	const struct matcher_query mq = {q->local, q->local_len, q->domain, q->domain_len};
	size_t words = set->model.nb_rules / 64 + 1;
	uint64_t *without = calloc(words, sizeof(*without));
	bool found = false;
	uint32_t rule;

	if (without == NULL)
		return false;
	pthread_mutex_lock(&set->again->lock);
	do {
		without[match->rule / 64] |= UINT64_C(1) << match->rule % 64;
		if (matcher_judge_without(set->again->matcher, set->again->scratch, &mq, without,
					  match) != 1)
			break;
		rule = match->rule;
		found = senders_match(set->model.rules[rule].senders, q);
	} while (!found);
	pthread_mutex_unlock(&set->again->lock);
	free(without);
	return found;
}

static uint32_t
index_of(const struct ruleset *set, const struct exception *x)
{
	return x != NULL ? (uint32_t)(x - set->model.exceptions) : RULESET_NONE;
}

void
ruleset_decide(const struct ruleset *set, const struct matcher_match *match,
	       const struct ruleset_query *q, struct ruleset_decision *ret)
{
	const struct rule_info *rule = ruleset_rule(set, match->rule);
	const struct exception *x, *expired;

	ret->match = *match;
	ret->exception = ret->expired = ret->scope = RULESET_NONE;
	ret->verdict = RULE_VERDICT_PASS;
	if (rule != NULL && !senders_match(set->model.rules[match->rule].senders, q)) {
		ret->scope = match->rule;
		if (!match_in_scope(set, q, &ret->match)) {
			ret->match = *match;
			snprintf(ret->by, sizeof(ret->by), "scope:%s", rule->id);
			return;
		}
		rule = ruleset_rule(set, ret->match.rule);
	}
	x = exception_find(set->model.exceptions, set->model.nb_exceptions, q, &expired);
	ret->exception = index_of(set, x);
	if (x != NULL) {
		snprintf(ret->by, sizeof(ret->by), "exception:%s", x->id);
		return;
	}
	ret->expired = index_of(set, expired);
	/* A match of another generation can name a rule that is gone: alert, and say so. */
	ret->verdict = ruleset_rule_verdict(set, ret->match.rule,
					    (enum rule_technique)ret->match.technique);
	snprintf(ret->by, sizeof(ret->by), "rule:%s", rule != NULL ? rule->id : "unknown");
}
