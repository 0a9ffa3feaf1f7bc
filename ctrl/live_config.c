/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live_config_reader.h"
#include "safe_text.h"

enum {
	CPU_MAX = 1023,
};

#define report(rd, at, hint, ...) settings_report(&(rd)->st, at, hint, __VA_ARGS__)

int
live_config_word(struct reader *rd, const struct yaml_node *value, const char *const *words, const char *name,
		 const char *wanted)
{
	int i;

	if (value->is_refused)
		return -1;
	for (i = 0; words[i] != NULL; i++)
		if (value->type == YAML_SCALAR && strcmp(value->text, words[i]) == 0)
			return i;
	report(rd, &value->at, NULL, "%s must be %s", name, wanted);
	return -1;
}

/* --- a pair, a tap --- */

/* The name of a port: what stands before the first comma is what DPDK knows it by, so it may stand once only. */
static void
read_port(struct reader *rd, const struct yaml_node *value, char **ret, const char *name)
{
	char *text = settings_text(&rd->st, value, LIVE_CONFIG_PORT_MAX, name);
	size_t len = text != NULL ? strcspn(text, ",") : 0;
	unsigned int i;

	if (text != NULL && !safe_text_is_safe(text, strlen(text)))
		report(rd, &value->at, NULL, "%s has octets that cannot be shown", name);
	for (i = 0; text != NULL && i < LIVE_CONFIG_WIRES_MAX; i++) {
		const char *others[] = { rd->cfg.wires[i].a, rd->cfg.wires[i].b };
		unsigned int k;

		for (k = 0; k < 2; k++)
			if (others[k] != NULL && strcspn(others[k], ",") == len && memcmp(others[k], text, len) == 0)
				report(rd, &value->at, "number virtual ports: net_af_packet0, net_af_packet1",
				       "port \"%.*s\" stands twice", (int)len, text);
	}
	*ret = text;
}

static void
read_a(struct reader *rd, const struct yaml_node *value)
{
	read_port(rd, value, &rd->wire->a, "a port");
}

static void
read_b(struct reader *rd, const struct yaml_node *value)
{
	read_port(rd, value, &rd->wire->b, "a port");
}

static const struct setting pair_settings[] = {
	{ "a", read_a },
	{ "b", read_b },
	{ NULL, NULL },
};

static void
read_resets(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "false", "true", NULL };

	rd->wire->resets = live_config_word(rd, value, words, "tap.resets", "true or false") == 1;
}

static const struct setting tap_settings[] = {
	{ "port", read_a },
	{ "resets", read_resets },
	{ "send", read_b },
	{ NULL, NULL },
};

static void
read_wires(struct reader *rd, const struct yaml_node *value, bool is_tap)
{
	const char *how = is_tap ? "write it as: taps: [{port: \"net_af_packet0,iface=mirror0\"}]" :
				   "write it as: pairs: [{a: 0000:3b:00.0, b: 0000:3b:00.1}]";
	const struct yaml_node *item;

	if (value->type != YAML_LIST || value->nb == 0) {
		report(rd, &value->at, how, "%s must be a list", is_tap ? "source.taps" : "source.pairs");
		return;
	}
	for (item = value->first; item != NULL; item = item->next) {
		if (item->type != YAML_MAPPING) {
			report(rd, &item->at, how, "%s must be a mapping", is_tap ? "a tap" : "a pair");
			continue;
		}
		if (rd->cfg.nb_wires == LIVE_CONFIG_WIRES_MAX) {
			report(rd, &item->at, NULL, "more than %d pairs and taps", LIVE_CONFIG_WIRES_MAX);
			return;
		}
		rd->wire = &rd->cfg.wires[rd->cfg.nb_wires++];
		rd->wire->is_tap = is_tap;
		if (item->nb < (is_tap ? 2 : 4))
			report(rd, &item->at, how, "%s", is_tap ? "a tap needs a port" : "a pair needs two ports, a and b");
		settings_mapping(&rd->st, item, is_tap ? tap_settings : pair_settings, is_tap ? "tap." : "pair.");
		if (is_tap && rd->wire->a == NULL && item->nb >= 2)
			report(rd, &item->at, how, "a tap needs a port");
		if (is_tap && rd->wire->resets != (rd->wire->b != NULL))
			report(rd, &item->at, "write it as: taps: [{port: ..., resets: true, send: ...}]",
			       rd->wire->resets ? "resets of a tap need a port to leave by: send" :
						  "send is the port that resets leave by: it goes with resets: true");
	}
}

static void
read_pairs(struct reader *rd, const struct yaml_node *value)
{
	read_wires(rd, value, false);
}

static void
read_taps(struct reader *rd, const struct yaml_node *value)
{
	read_wires(rd, value, true);
}

/* --- the rest of source --- */

static void
read_mtu(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 576, 65000, "source.mtu", &rd->cfg.mtu);
}

static void
read_descriptors(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 32, 32768, "source.descriptors", &rd->cfg.descriptors);
}

static void
read_memory(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 16, 1 << 20, "source.memory", &rd->cfg.memory_mib);
}

static void
read_cores(struct reader *rd, const struct yaml_node *value)
{
	const struct yaml_node *item;
	unsigned int i;

	if (value->type != YAML_LIST || value->nb == 0) {
		report(rd, &value->at, "write it as: cores: [2, 3]", "source.cores must be a list of CPUs, one per worker");
		return;
	}
	for (item = value->first; item != NULL; item = item->next) {
		unsigned int cpu;

		if (!settings_number(&rd->st, item, 0, CPU_MAX, "a CPU", &cpu))
			continue;
		for (i = 0; i < rd->cfg.nb_cores && rd->cfg.cores[i] != cpu; i++)
			;
		if (i < rd->cfg.nb_cores) {
			report(rd, &item->at, NULL, "CPU %u stands twice", cpu);
		} else if (i == CONFIG_WORKERS_MAX) {
			report(rd, &item->at, NULL, "more than %d CPUs", CONFIG_WORKERS_MAX);
			return;
		} else {
			rd->cfg.cores[rd->cfg.nb_cores++] = cpu;
		}
	}
}

static void
read_idle(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "poll", "sleep", NULL };

	if (live_config_word(rd, value, words, "source.idle", "poll or sleep") == 1)
		rd->cfg.idle_us = LIVE_CONFIG_SLEEP_US;
}

static void
read_hugepages(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "auto", "yes", "no", NULL };
	int i = live_config_word(rd, value, words, "source.hugepages", "auto, yes or no");

	if (i >= 0)
		rd->cfg.hugepages = words[i];
}

static const struct setting source_settings[] = {
	{ "cores", read_cores },
	{ "descriptors", read_descriptors },
	{ "hugepages", read_hugepages },
	{ "idle", read_idle },
	{ "memory", read_memory },
	{ "mtu", read_mtu },
	{ "pairs", read_pairs },
	{ "taps", read_taps },
	{ NULL, NULL },
};

/* --- the top --- */

static void
read_enforce(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "false", "true", NULL };

	rd->cfg.enforce = live_config_word(rd, value, words, "enforce", "true or false") == 1;
}

static const char *const cause_names[LIVE_CAUSE_NB] = {
	[LIVE_CTRL_SLOW] = "ctrl_slow",
	[LIVE_CTRL_GONE] = "ctrl_gone",
	[LIVE_RING_FULL] = "ring_full",
	[LIVE_MEMORY] = "memory",
	[LIVE_OVERLOAD] = "overload",
	[LIVE_RESPONDER] = "responder",
};

const char *
live_cause_name(enum live_cause cause)
{
	return cause_names[cause];
}

static void
read_hold_limit(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, 60000, "hold_limit_ms", &rd->cfg.hold_limit_ms);
}

static void
read_overload_ms(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 0, 10000, "overload_ms", &rd->cfg.overload_ms);
}

static bool
read_open(struct reader *rd, const struct yaml_node *value, const char *name)
{
	static const char *const words[] = { "closed", "open", NULL };

	return live_config_word(rd, value, words, name, "open or closed") == 1;
}

#define CAUSE(fn, cause)                                                              \
	static void fn(struct reader *rd, const struct yaml_node *value)              \
	{                                                                             \
		rd->cfg.open[cause] = read_open(rd, value, "a fallback");             \
	}
CAUSE(read_ctrl_gone, LIVE_CTRL_GONE)
CAUSE(read_ctrl_slow, LIVE_CTRL_SLOW)
CAUSE(read_memory_short, LIVE_MEMORY)
CAUSE(read_overload_open, LIVE_OVERLOAD)
CAUSE(read_responder_fallback, LIVE_RESPONDER)
CAUSE(read_ring_full, LIVE_RING_FULL)
#undef CAUSE

static const struct setting fallback_settings[] = {
	{ "ctrl_gone", read_ctrl_gone },
	{ "ctrl_slow", read_ctrl_slow },
	{ "memory", read_memory_short },
	{ "overload", read_overload_open },
	{ "responder", read_responder_fallback },
	{ "ring_full", read_ring_full },
	{ NULL, NULL },
};

static void
read_fallback(struct reader *rd, const struct yaml_node *value)
{
	unsigned int i;
	bool open;

	if (value->type == YAML_MAPPING) {
		settings_mapping(&rd->st, value, fallback_settings, "fallback.");
		return;
	}
	open = read_open(rd, value, "fallback");
	for (i = 0; i < LIVE_CAUSE_NB; i++)
		rd->cfg.open[i] = open;
}

static void
read_alerts(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.alerts = settings_path(&rd->st, value, "alerts");
}

static void
read_down(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.down_open = read_open(rd, value, "down");
	rd->down_at = value->at;
}

static void
read_program(struct reader *rd, const struct yaml_node *value)
{
	struct stat st;

	rd->cfg.hook = settings_path(&rd->st, value, "hook.program");
	if (rd->cfg.hook == NULL)
		return;
	if (stat(rd->cfg.hook, &st) != 0)
		report(rd, &value->at, NULL, "hook.program: %s: %s", rd->cfg.hook, strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(rd->cfg.hook, X_OK) != 0)
		report(rd, &value->at, "chmod +x it, and see that the user that runs postern may run it",
		       "hook.program: %s is no program that can be run", rd->cfg.hook);
}

static void
read_limit_s(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, 60, "hook.limit_s", &rd->cfg.hook_limit_s);
}

static const struct setting hook_settings[] = {
	{ "limit_s", read_limit_s },
	{ "program", read_program },
	{ NULL, NULL },
};

static void
read_hook(struct reader *rd, const struct yaml_node *value)
{
	static const char how[] = "write it as: hook: {program: /etc/postern/bypass-nic}";
	const struct yaml_node *key;

	if (value->type != YAML_MAPPING) {
		report(rd, &value->at, how, "hook must be a mapping");
		return;
	}
	for (key = value->first; key != NULL && strcmp(key->text, "program") != 0; key = key->next->next)
		;
	if (key == NULL)
		report(rd, &value->at, how, "hook names no program");
	settings_mapping(&rd->st, value, hook_settings, "hook.");
}

static void
read_source(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING) {
		report(rd, &value->at, "write it as: source: {pairs: [{a: 0000:3b:00.0, b: 0000:3b:00.1}]}",
		       "source must be a mapping");
		return;
	}
	settings_mapping(&rd->st, value, source_settings, "source.");
	if (rd->cfg.nb_wires == 0 && rd->st.errs.nb_errors == 0)
		report(rd, &value->at, NULL, "source names no port; give it pairs or taps");
}

static const struct setting top_settings[] = {
	{ "alerts", read_alerts },
	{ "down", read_down },
	{ "enforce", read_enforce },
	{ "fallback", read_fallback },
	{ "hook", read_hook },
	{ "hold_limit_ms", read_hold_limit },
	{ "overload_ms", read_overload_ms },
	{ "responder", live_config_responder },
	{ "source", read_source },
	{ NULL, NULL },
};

/* Whatever else stands there is config.h's to judge. */
static void
read_top(struct reader *rd, const struct yaml_node *root)
{
	const struct rule_place whole = { rd->st.path, 0, 0 };
	const struct yaml_node *key;
	bool has_source = false;
	size_t i;

	for (key = root != NULL && root->type == YAML_MAPPING ? root->first : NULL; key != NULL; key = key->next->next) {
		for (i = 0; top_settings[i].name != NULL && strcmp(top_settings[i].name, key->text) != 0; i++)
			;
		if (top_settings[i].name == NULL)
			continue;
		has_source |= strcmp(key->text, "source") == 0;
		if (settings_stands_before(root, key))
			report(rd, &key->at, "keep one of them", "duplicate key \"%s\"", top_settings[i].name);
		else
			top_settings[i].read(rd, key->next);
	}
	for (i = 0; rd->cfg.enforce && i < rd->cfg.nb_wires; i++)
		if (rd->cfg.wires[i].is_tap && !rd->cfg.wires[i].resets)
			report(rd, &whole,
			       "give it resets: true and a port to send by, or a configuration of its own with enforce: false",
			       "enforce: true and source.taps: what goes past a tap cannot be held");
	if (rd->cfg.down_open && rd->cfg.hook == NULL)
		report(rd, &rd->down_at, "name the program that switches a bypass NIC (hook: {program: ...}), or write closed",
		       "down: open: these ports forward nothing while no dataplane runs");
	if (!has_source)
		report(rd, &whole, "write: source: {pairs: [{a: 0000:3b:00.0, b: 0000:3b:00.1}]}",
		       "there is no setting \"source\": which ports are to be used?");
}

int
live_config_load(const char *path, config_error_fn error, void *ctx, struct live_config *ret)
{
	struct reader rd = { .st = { .path = path },
			     .cfg = { .hugepages = "auto",
				      .hook_limit_s = LIVE_CONFIG_HOOK_S,
				      .overload_ms = LIVE_CONFIG_OVERLOAD_MS } };
	const struct rule_place whole = { path, 0, 0 };
	const struct yaml_node *root = NULL;
	struct arena arena = { 0 };
	size_t len = 0;
	int rc = 0;
	char *text = settings_slurp(&rd.st, &len, &rc);

	if (text != NULL)
		root = yaml_tree_read(path, text, len, &arena, &rd.st.errs);
	if (text != NULL && (root != NULL || rd.st.errs.nb_errors == 0))
		read_top(&rd, root);
	if (arena.failed)
		report(&rd, &whole, NULL, "no memory to read it");
	arena_free(&arena);
	free(text);
	if (settings_tell(&rd.st, error, ctx) != 0) {
		live_config_fini(&rd.cfg);
		return rc != 0 ? rc : -EINVAL;
	}
	*ret = rd.cfg;
	return 0;
}

void
live_config_fini(struct live_config *cfg)
{
	unsigned int i;

	if (cfg == NULL)
		return;
	for (i = 0; i < LIVE_CONFIG_WIRES_MAX; i++) {
		free(cfg->wires[i].a);
		free(cfg->wires[i].b);
	}
	free(cfg->alerts);
	live_config_responder_fini(&cfg->responder);
	free(cfg->hook);
	memset(cfg, 0, sizeof(*cfg));
}
