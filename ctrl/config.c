/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listen_addr.h"
#include "safe_text.h"
#include "settings.h"
#include "units.h"

struct reader {
	struct settings st;
	struct config cfg;
};

#define report(rd, at, hint, ...) settings_report(&(rd)->st, at, hint, __VA_ARGS__)

static void
read_rules(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.rules = settings_path(&rd->st, value, "rules");
}

static void
read_state(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.state = settings_path(&rd->st, value, "state");
}

static void
read_cache(struct reader *rd, const struct yaml_node *value)
{
	if (value->type == YAML_SCALAR && strcmp(value->text, "off") == 0)
		rd->cfg.cache = settings_text(&rd->st, value, SETTINGS_PATH_MAX, "cache");
	else
		rd->cfg.cache = settings_path(&rd->st, value, "cache");
}

static void
read_keep(struct reader *rd, const struct yaml_node *value)
{
	char *text = settings_text(&rd->st, value, CONFIG_NAME_MAX, "store.keep");

	if (text != NULL && units_age(text, &rd->cfg.keep_s) < 0)
		report(rd, &value->at, "write it as: keep: 90d", "store.keep must be an age: a number and s, m, h, d or w");
	free(text);
}

static void
read_size(struct reader *rd, const struct yaml_node *value)
{
	char *text = settings_text(&rd->st, value, CONFIG_NAME_MAX, "store.size");

	if (text != NULL && units_size(text, &rd->cfg.keep_octets) < 0)
		report(rd, &value->at, "write it as: size: 2GiB",
		       "store.size must be a size: a number and KiB, MiB, GiB or TiB");
	free(text);
}

static void
read_listen(struct reader *rd, const struct yaml_node *value)
{
	union listen_addr addr;

	rd->cfg.metrics = settings_text(&rd->st, value, CONFIG_NAME_MAX, "metrics.listen");
	if (rd->cfg.metrics != NULL && listen_addr_parse(rd->cfg.metrics, &addr) < 0)
		report(rd, &value->at, "write it as: listen: 127.0.0.1:9517, or [::1]:9517 in quotes",
		       "metrics.listen must be an address and a port");
}

static void
read_workers(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, CONFIG_WORKERS_MAX, "workers", &rd->cfg.workers);
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
		if (!settings_number(&rd->st, item, 1, UINT16_MAX, "a port", &port))
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
	settings_number(&rd->st, value, 1, DP_ARGS_FLOWS_MAX, "limits.flows", &rd->cfg.flows_max);
}

static void
read_sessions(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, DP_ARGS_FLOWS_MAX, "limits.sessions", &rd->cfg.sessions_max);
}

static void
read_observer_name(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.observer = settings_text(&rd->st, value, CONFIG_NAME_MAX, "observer.name");
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
	{ "down", pass_over },	     { "hook", pass_over },	  { "metrics", read_metrics },
	{ "observer", read_observer }, { "overload_ms", pass_over }, { "ports", read_ports },
	{ "responder", pass_over },
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
read_observer(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: observer: {name: gw1}", "observer must be a mapping");
	else
		settings_mapping(&rd->st, value, observer_settings, "observer.");
}

static void
read_limits(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: limits: {flows: 1000000, sessions: 100000}", "limits must be a mapping");
	else
		settings_mapping(&rd->st, value, limits_settings, "limits.");
}

static void
read_metrics(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: metrics: {listen: \"127.0.0.1:9517\"}", "metrics must be a mapping");
	else
		settings_mapping(&rd->st, value, metrics_settings, "metrics.");
}

static void
read_store(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING)
		report(rd, &value->at, "write it as: store: {keep: 90d, size: 2GiB}", "store must be a mapping");
	else
		settings_mapping(&rd->st, value, store_settings, "store.");
}

void
config_read(const char *path, const char *text, size_t len, struct rule_errors *errs, struct config *ret)
{
	struct reader rd = { .st = { .path = path, .errs = *errs } };
	struct arena arena = { 0 };
	const struct yaml_node *root = yaml_tree_read(path, text, len, &arena, &rd.st.errs);
	const struct rule_place whole = { path, 0, 0 };

	if (root != NULL && root->type == YAML_MAPPING)
		settings_mapping(&rd.st, root, top_settings, "");
	else if (root != NULL && !yaml_is_null(root))
		report(&rd, &root->at, NULL, "a configuration is a mapping of settings, \"name: value\"");
	if (arena.failed)
		report(&rd, &whole, NULL, "no memory to read it");
	arena_free(&arena);
	rule_errors_sort(&rd.st.errs);
	*errs = rd.st.errs;
	if (errs->nb_errors == 0)
		*ret = rd.cfg;
	else
		config_fini(&rd.cfg);
}

int
config_load(const char *path, config_error_fn error, void *ctx, struct config *ret)
{
	struct settings st = { .path = path };
	size_t len = 0;
	int rc = 0;
	char *text = settings_slurp(&st, &len, &rc);

	if (text != NULL)
		config_read(path, text, len, &st.errs, ret);
	free(text);
	if (settings_tell(&st, error, ctx) != 0 && rc == 0)
		rc = -EINVAL;
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
