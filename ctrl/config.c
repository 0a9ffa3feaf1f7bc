/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listen_addr.h"
#include "safe_text.h"
#include "suggest.h"
#include "units.h"
#include "yaml_tree.h"

enum {
	PATH_LEN_MAX = 4000,
	SHOWN_MAX = 128, /* octets of a wrong value that are repeated in a message */
};

struct reader {
	const char *path;
	struct rule_errors errs;
	struct config cfg;
};

/* One setting: its name and what reads its value. */
struct setting {
	const char *name;
	void (*read)(struct reader *rd, const struct yaml_node *value);
};

/* At @at. */
#define report(rd, at, hint, ...) rule_errors_add(&(rd)->errs, RULE_ERROR, at, hint, __VA_ARGS__)

/* A string of 1 to @max octets, to be freed; NULL when it is none (reported). */
static char *
read_string(struct reader *rd, const struct yaml_node *value, size_t max, const char *name)
{
	if (value->is_refused)
		return NULL;
	if (value->type != YAML_SCALAR || value->len == 0 || yaml_is_null(value)) {
		report(rd, &value->at, NULL, "%s needs a text as its value", name);
		return NULL;
	}
	if (value->len > max) {
		report(rd, &value->at, NULL, "%s: longer than %zu octets", name, max);
		return NULL;
	}
	return strndup(value->text, value->len);
}

/* Whole number of @min to @max; 0 when it is none (reported; @min is at least 1). */
static unsigned int
read_number(struct reader *rd, const struct yaml_node *value, unsigned int min, unsigned int max, const char *name)
{
	char shown[SHOWN_MAX];
	uint64_t n;

	if (value->is_refused)
		return 0;
	if (value->type == YAML_SCALAR && dp_args_number(value->text, min, max, &n) == 0)
		return (unsigned int)n;
	safe_text(shown, sizeof(shown), value->type == YAML_SCALAR ? value->text : "", value->len);
	report(rd, &value->at, NULL, "%s must be a whole number from %u to %u%s%s%s", name, min, max,
	       shown[0] != '\0' ? ", not \"" : "", shown, shown[0] != '\0' ? "\"" : "");
	return 0;
}

/* A path; a relative one counts from the folder of the file. */
static char *
read_path(struct reader *rd, const struct yaml_node *value, const char *name)
{
	char *path = read_string(rd, value, PATH_LEN_MAX, name), *whole = NULL;
	const char *slash = strrchr(rd->path, '/');

	if (path == NULL || path[0] == '/' || slash == NULL)
		return path;
	if (asprintf(&whole, "%.*s/%s", (int)(slash - rd->path), rd->path, path) < 0)
		whole = NULL;
	free(path);
	return whole;
}

static void
read_rules(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.rules = read_path(rd, value, "rules");
}

static void
read_state(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.state = read_path(rd, value, "state");
}

static void
read_cache(struct reader *rd, const struct yaml_node *value)
{
	if (value->type == YAML_SCALAR && strcmp(value->text, "off") == 0)
		rd->cfg.cache = read_string(rd, value, PATH_LEN_MAX, "cache");
	else
		rd->cfg.cache = read_path(rd, value, "cache");
}

static void
read_keep(struct reader *rd, const struct yaml_node *value)
{
	char *text = read_string(rd, value, CONFIG_NAME_MAX, "store.keep");

	if (text != NULL && units_age(text, &rd->cfg.keep_s) < 0)
		report(rd, &value->at, "write it as: keep: 90d", "store.keep must be an age: a number and s, m, h, d or w");
	free(text);
}

static void
read_size(struct reader *rd, const struct yaml_node *value)
{
	char *text = read_string(rd, value, CONFIG_NAME_MAX, "store.size");

	if (text != NULL && units_size(text, &rd->cfg.keep_octets) < 0)
		report(rd, &value->at, "write it as: size: 2GiB",
		       "store.size must be a size: a number and KiB, MiB, GiB or TiB");
	free(text);
}

static void
read_listen(struct reader *rd, const struct yaml_node *value)
{
	union listen_addr addr;

	rd->cfg.metrics = read_string(rd, value, CONFIG_NAME_MAX, "metrics.listen");
	if (rd->cfg.metrics != NULL && listen_addr_parse(rd->cfg.metrics, &addr) < 0)
		report(rd, &value->at, "write it as: listen: 127.0.0.1:9517, or [::1]:9517 in quotes",
		       "metrics.listen must be an address and a port");
}

static void
read_workers(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.workers = read_number(rd, value, 1, CONFIG_WORKERS_MAX, "workers");
}

static void
read_ports(struct reader *rd, const struct yaml_node *value)
{
	const struct yaml_node *item;
	unsigned int port, i;

	if (value->type != YAML_LIST || value->nb == 0) {
		report(rd, &value->at, "write it as: ports: [25, 587, 2525]", "ports must be a list of TCP ports");
		return;
	}
	for (item = value->first; item != NULL; item = item->next) {
		port = read_number(rd, item, 1, UINT16_MAX, "a port");
		if (port == 0)
			continue;
		for (i = 0; i < rd->cfg.nb_ports && rd->cfg.ports[i] != port; i++)
			;
		if (i < rd->cfg.nb_ports) {
			report(rd, &item->at, NULL, "port %u stands twice", port);
		} else if (i == DP_ARGS_PORTS_MAX) {
			report(rd, &item->at, NULL, "more than %d ports", DP_ARGS_PORTS_MAX);
			return;
		} else {
			rd->cfg.ports[rd->cfg.nb_ports++] = (uint16_t)port;
		}
	}
}

static void
read_vlan(struct reader *rd, const struct yaml_node *value)
{
	if (value->type == YAML_SCALAR && strcmp(value->text, "ignore") == 0)
		rd->cfg.ignore_vlan = true;
	else if (!value->is_refused && (value->type != YAML_SCALAR || strcmp(value->text, "separate") != 0))
		report(rd, &value->at, "separate: one connection per tag; ignore: tags tell nothing apart",
		       "vlan must be separate or ignore");
}

static void
read_flows(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.flows_max = read_number(rd, value, 1, DP_ARGS_FLOWS_MAX, "limits.flows");
}

static void
read_sessions(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.sessions_max = read_number(rd, value, 1, DP_ARGS_FLOWS_MAX, "limits.sessions");
}

static void
read_observer_name(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.observer = read_string(rd, value, CONFIG_NAME_MAX, "observer.name");
	if (rd->cfg.observer != NULL && !safe_text_is_safe(rd->cfg.observer, strlen(rd->cfg.observer)))
		report(rd, &value->at, NULL, "observer.name has octets that cannot be shown");
}

static void read_observer(struct reader *rd, const struct yaml_node *value);

static void read_limits(struct reader *rd, const struct yaml_node *value);

static void read_metrics(struct reader *rd, const struct yaml_node *value);

static void read_store(struct reader *rd, const struct yaml_node *value);

/* Settings of live ports: live_config.h. */
static void
pass_over(struct reader *rd, const struct yaml_node *value)
{
}

static const struct setting top_settings[] = {
	{ "alerts", pass_over },     { "cache", read_cache },	  { "enforce", pass_over },
	{ "fallback", pass_over },   { "hold_limit_ms", pass_over }, { "limits", read_limits },
	{ "metrics", read_metrics }, { "observer", read_observer }, { "ports", read_ports },
	{ "rules", read_rules },     { "source", pass_over },	  { "state", read_state },
	{ "store", read_store },     { "vlan", read_vlan },	  { "workers", read_workers },
	{ NULL, NULL },
};

static const struct setting limits_settings[] = {
	{ "flows", read_flows },
	{ "sessions", read_sessions },
	{ NULL, NULL },
};

static const struct setting metrics_settings[] = {
	{ "listen", read_listen },
	{ NULL, NULL },
};

static const struct setting store_settings[] = {
	{ "keep", read_keep },
	{ "size", read_size },
	{ NULL, NULL },
};

static const struct setting observer_settings[] = {
	{ "name", read_observer_name },
	{ NULL, NULL },
};

static void
report_unknown(struct reader *rd, const struct yaml_node *key, const struct setting *settings, const char *where)
{
	const char *names[16], *meant;
	char shown[SHOWN_MAX], hint[256];
	size_t nb, used;

	safe_text(shown, sizeof(shown), key->text, key->len);
	for (nb = 0; settings[nb].name != NULL; nb++)
		names[nb] = settings[nb].name;
	meant = suggest_word(shown, names, nb);
	if (meant != NULL) {
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", meant);
	} else {
		used = (size_t)snprintf(hint, sizeof(hint), "known here:");
		for (nb = 0; settings[nb].name != NULL && used < sizeof(hint); nb++)
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s %s", nb != 0 ? "," : "",
						 settings[nb].name);
	}
	report(rd, &key->at, hint, "unknown setting %s\"%s\"", where, shown);
}

/* Does a key of the same name stand before @key in @map? */
static bool
stands_before(const struct yaml_node *map, const struct yaml_node *key)
{
	const struct yaml_node *k;

	for (k = map->first; k != key; k = k->next->next)
		if (k->len == key->len && memcmp(k->text, key->text, k->len) == 0)
			return true;
	return false;
}

/* @where: what stands before the names of its settings in messages, "observer.". */
static void
read_mapping(struct reader *rd, const struct yaml_node *map, const struct setting *settings, const char *where)
{
	const struct yaml_node *key;
	size_t i;

	for (key = map->first; key != NULL; key = key->next->next) {
		for (i = 0; settings[i].name != NULL && strcmp(settings[i].name, key->text) != 0; i++)
			;
		if (settings[i].name == NULL)
			report_unknown(rd, key, settings, where);
		else if (stands_before(map, key))
			report(rd, &key->at, "keep one of them", "duplicate key \"%s%s\"", where, settings[i].name);
		else
			settings[i].read(rd, key->next);
	}
}

static void
read_observer(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: observer: {name: gw1}", "observer must be a mapping");
	else
		read_mapping(rd, value, observer_settings, "observer.");
}

static void
read_limits(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: limits: {flows: 1000000, sessions: 100000}", "limits must be a mapping");
	else
		read_mapping(rd, value, limits_settings, "limits.");
}

static void
read_metrics(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: metrics: {listen: \"127.0.0.1:9517\"}", "metrics must be a mapping");
	else
		read_mapping(rd, value, metrics_settings, "metrics.");
}

static void
read_store(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: store: {keep: 90d, size: 2GiB}", "store must be a mapping");
	else
		read_mapping(rd, value, store_settings, "store.");
}

void
config_read(const char *path, const char *text, size_t len, struct rule_errors *errs, struct config *ret)
{
	struct reader rd = { .path = path, .errs = *errs };
	struct arena arena = { 0 };
	const struct yaml_node *root = yaml_tree_read(path, text, len, &arena, &rd.errs);
	const struct rule_place whole = { path, 0, 0 };

	if (root != NULL && root->type == YAML_MAPPING)
		read_mapping(&rd, root, top_settings, "");
	else if (root != NULL && !yaml_is_null(root))
		report(&rd, &root->at, NULL, "a configuration is a mapping of settings, \"name: value\"");
	if (arena.failed)
		report(&rd, &whole, NULL, "no memory to read it");
	arena_free(&arena);
	rule_errors_sort(&rd.errs);
	*errs = rd.errs;
	if (errs->nb_errors == 0)
		*ret = rd.cfg;
	else
		config_fini(&rd.cfg);
}

/* The file's octets; NULL with the reason reported and in *ret_error (negative errno). */
static char *
slurp(const char *path, struct rule_errors *errs, size_t *ret_len, int *ret_error)
{
	const struct rule_place whole = { path, 0, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text = NULL;
	ssize_t n = 0;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		goto fail;
	if (!S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MAX) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		goto fail;
	}
	text = malloc(CONFIG_FILE_MAX);
	if (text == NULL)
		goto fail;
	while (len < CONFIG_FILE_MAX && (n = read(fd, text + len, CONFIG_FILE_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		goto fail;
	close(fd);
	*ret_len = len;
	return text;
fail:
	*ret_error = -errno;
	rule_errors_add(errs, RULE_ERROR, &whole, NULL, "cannot be read: %s", strerror(errno));
	free(text);
	if (fd >= 0)
		close(fd);
	return NULL;
}

int
config_load(const char *path, config_error_fn error, void *ctx, struct config *ret)
{
	struct rule_errors errs = { 0 };
	int rc = 0;
	size_t len = 0, i;
	char *text = slurp(path, &errs, &len, &rc);

	if (text != NULL)
		config_read(path, text, len, &errs, ret);
	free(text);
	for (i = 0; i < errs.nb; i++) {
		const struct rule_error *e = &errs.list[i];
		const struct config_error err = { e->file, e->line, e->column, e->what, e->hint };

		error(ctx, &err);
	}
	if (rc == 0 && errs.nb_errors != 0)
		rc = -EINVAL;
	rule_errors_free(&errs);
	return rc;
}

void
config_fini(struct config *cfg)
{
	if (cfg == NULL)
		return;
	free(cfg->rules);
	free(cfg->state);
	free(cfg->observer);
	free(cfg->cache);
	free(cfg->metrics);
	memset(cfg, 0, sizeof(*cfg));
}

void
config_error_print(void *ctx, const struct config_error *err)
{
	FILE *out = ctx;
	char file[1024], what[1024];

	safe_text(file, sizeof(file), err->file, strlen(err->file));
	safe_text(what, sizeof(what), err->what, strlen(err->what));
	fprintf(out, "%s:", file);
	if (err->line > 0)
		fprintf(out, "%d:%d:", err->line, err->column);
	fprintf(out, " error: %s%s%s\n", what, err->hint != NULL ? "; " : "", err->hint != NULL ? err->hint : "");
}
