/* SPDX-License-Identifier: BSD-3-Clause */
#include "ruleset_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "compile.h"
#include "hash64.h"
#include "read_file.h"
#include "rule_advice.h"
#include "rule_check.h"
#include "rule_file.h"

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
	set->hash = hash64(ruleset_base_name(path), strlen(ruleset_base_name(path)), set->hash);
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
	const char *base = ruleset_base_name(file);

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
	return copy != NULL ? ruleset_base_name(copy) : "";
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
	rule_check(&set->model, set->at_ns != 0 ? set->at_ns : now_ns(), errs);
	/* Expressions are checked even when other faults are known: all faults at once. */
	rc = compile_model(&set->model, set->generation, set->cache, errs, &set->image, &set->image_len);
	if (rc == 0 && errs->nb_errors > 0)
		rc = -EINVAL;
	exceptions_sort(set->model.exceptions, set->model.nb_exceptions);
	if (rc == 0 && (rc = ruleset_again_make(set)) < 0)
		rule_errors_add(errs, RULE_ERROR, &at, NULL, "the compiled rules can't be used: %s",
				strerror(-rc));
	return rc;
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

static int
load_path(const char *path, uint32_t generation, struct db_cache *cache, uint64_t at_ns,
	  struct rule_errors *errs, struct ruleset **ret_set)
{
	struct ruleset *set = calloc(1, sizeof(*set));
	struct stat st;
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->generation = generation;
	set->cache = cache;
	set->at_ns = at_ns;
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
ruleset_load_at(const char *path, uint32_t generation, uint64_t at_ns, struct rule_errors *errs,
		struct ruleset **ret_set)
{
	return load_path(path, generation, NULL, at_ns, errs, ret_set);
}

int
ruleset_load(const char *path, uint32_t generation, struct rule_errors *errs,
	     struct ruleset **ret_set)
{
	return ruleset_load_cached(path, generation, NULL, errs, ret_set);
}

int
ruleset_advise(const struct ruleset *set, struct rule_errors *errs)
{
	struct matcher *m;
	int rc = matcher_load(set->image, set->image_len, &m);

	if (rc < 0)
		return rc;
	rc = rule_advice(&set->model, m, errs);
	matcher_free(m);
	rule_errors_sort(errs);
	return rc;
}

int
ruleset_load_cached(const char *path, uint32_t generation, struct db_cache *cache,
		    struct rule_errors *errs, struct ruleset **ret_set)
{
	return load_path(path, generation, cache, 0, errs, ret_set);
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
