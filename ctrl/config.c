/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libfyaml.h>

#include "safe_text.h"
#include "suggest.h"

struct reader {
	const char *path;
	config_error_fn error;
	void *ctx;
	unsigned int nb_errors;
	struct config cfg;
};

/* One setting: its name and what reads its value. @key tells the place when the value is no scalar.
 */
struct setting {
	const char *name;
	void (*read)(struct reader *rd, struct fy_node *key, struct fy_node *value);
};

__attribute__((format(printf, 4, 5))) static void
report(struct reader *rd, struct fy_node *at, const char *hint, const char *fmt, ...)
{
	struct config_error err = {.file = rd->path, .hint = hint};
	struct fy_token *token = at != NULL ? fy_node_get_scalar_token(at) : NULL;
	const struct fy_mark *mark = token != NULL ? fy_token_start_mark(token) : NULL;
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err.what = what;
	if (mark != NULL) {
		err.line = mark->line + 1;
		err.column = mark->column + 1;
	}
	rd->nb_errors++;
	rd->error(rd->ctx, &err);
}

/* The scalar of @value as a string of 1 to @max octets without NUL; NULL when it is none
 * (reported). To be freed. */
static char *
read_string(struct reader *rd, struct fy_node *key, struct fy_node *value, size_t max,
	    const char *name)
{
	const char *text = NULL;
	size_t len = 0;

	if (value != NULL && fy_node_is_scalar(value))
		text = fy_node_get_scalar(value, &len);
	if (text == NULL || len == 0) {
		report(rd, len != 0 ? value : key, NULL, "%s needs a text as its value", name);
		return NULL;
	}
	if (len > max || memchr(text, '\0', len) != NULL) {
		report(rd, value, NULL, "%s: longer than %zu octets, or with a NUL", name, max);
		return NULL;
	}
	return strndup(text, len);
}

/* Whole number of @min to @max; 0 when it is none (reported; @min is at least 1). */
static unsigned int
read_number(struct reader *rd, struct fy_node *key, struct fy_node *value, unsigned int min,
	    unsigned int max, const char *name)
{
	const char *text = NULL;
	char shown[64];
	size_t len = 0, i;
	unsigned int n = 0;

	if (value != NULL && fy_node_is_scalar(value))
		text = fy_node_get_scalar(value, &len);
	for (i = 0; text != NULL && i < len && i < 7; i++) {
		if (text[i] < '0' || text[i] > '9')
			break;
		n = n * 10 + (unsigned int)(text[i] - '0');
	}
	if (text == NULL || len == 0 || i < len || n < min || n > max) {
		safe_text(shown, sizeof(shown), text != NULL ? text : "", len);
		report(rd, len != 0 ? value : key, NULL,
		       "%s must be a whole number from %u to %u%s%s%s", name, min, max,
		       len != 0 ? ", not \"" : "", shown, len != 0 ? "\"" : "");
		return 0;
	}
	return n;
}

/* A path; a relative one counts from the folder of the file. */
static char *
read_path(struct reader *rd, struct fy_node *key, struct fy_node *value, const char *name)
{
	char *path = read_string(rd, key, value, 4000, name), *whole = NULL;
	const char *slash = strrchr(rd->path, '/');

	if (path == NULL || path[0] == '/' || slash == NULL)
		return path;
	if (asprintf(&whole, "%.*s/%s", (int)(slash - rd->path), rd->path, path) < 0)
		whole = NULL;
	free(path);
	return whole;
}

static void
read_rules(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	rd->cfg.rules = read_path(rd, key, value, "rules");
}

static void
read_state(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	rd->cfg.state = read_path(rd, key, value, "state");
}

static void
read_workers(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	rd->cfg.workers = read_number(rd, key, value, 1, CONFIG_WORKERS_MAX, "workers");
}

static void
read_ports(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	struct fy_node *item;
	unsigned int port, i;
	void *it = NULL;

	if (value == NULL || !fy_node_is_sequence(value) || fy_node_sequence_is_empty(value)) {
		report(rd, key, "write it as: ports: [25, 587, 2525]",
		       "ports must be a list of TCP ports");
		return;
	}
	while ((item = fy_node_sequence_iterate(value, &it)) != NULL) {
		port = read_number(rd, key, item, 1, 65535, "a port");
		if (port == 0)
			continue;
		for (i = 0; i < rd->cfg.nb_ports && rd->cfg.ports[i] != port; i++)
			;
		if (i < rd->cfg.nb_ports) {
			report(rd, item, NULL, "port %u stands twice", port);
		} else if (i == CONFIG_PORTS_MAX) {
			report(rd, item, NULL, "more than %d ports", CONFIG_PORTS_MAX);
			return;
		} else {
			rd->cfg.ports[rd->cfg.nb_ports++] = (uint16_t)port;
		}
	}
}

static void
read_observer_name(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	rd->cfg.observer = read_string(rd, key, value, CONFIG_NAME_MAX, "observer.name");
	if (rd->cfg.observer != NULL &&
	    !safe_text_is_safe(rd->cfg.observer, strlen(rd->cfg.observer)))
		report(rd, value, NULL, "observer.name has octets that cannot be shown");
}

static void read_observer(struct reader *rd, struct fy_node *key, struct fy_node *value);

/* Settings of live ports: live_config.h. */
static void
pass_over(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
}

static const struct setting top_settings[] = {
	{"alerts", pass_over},	     {"enforce", pass_over}, {"fallback", pass_over},
	{"hold_limit_ms", pass_over}, {"observer", read_observer},
	{"ports", read_ports},	     {"rules", read_rules},  {"source", pass_over},
	{"state", read_state},	     {"workers", read_workers}, {NULL, NULL},
};

static const struct setting observer_settings[] = {
	{"name", read_observer_name},
	{NULL, NULL},
};

static void
report_unknown(struct reader *rd, struct fy_node *key, const struct setting *settings,
	       const char *where)
{
	const char *names[16], *meant;
	char shown[128], hint[256];
	size_t len = 0, nb, used = 0;
	const char *text = fy_node_is_scalar(key) ? fy_node_get_scalar(key, &len) : NULL;

	safe_text(shown, sizeof(shown), text != NULL ? text : "", len);
	for (nb = 0; settings[nb].name != NULL; nb++)
		names[nb] = settings[nb].name;
	meant = suggest_word(shown, names, nb);
	if (meant != NULL) {
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", meant);
	} else {
		used = (size_t)snprintf(hint, sizeof(hint), "known here:");
		for (nb = 0; settings[nb].name != NULL && used < sizeof(hint); nb++)
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s %s",
						 nb != 0 ? "," : "", settings[nb].name);
	}
	report(rd, key, hint, "unknown setting %s\"%s\"", where, shown);
}

static void
read_mapping(struct reader *rd, struct fy_node *map, const struct setting *settings,
	     const char *where)
{
	struct fy_node_pair *pair;
	void *it = NULL;
	size_t i, len;

	while ((pair = fy_node_mapping_iterate(map, &it)) != NULL) {
		struct fy_node *key = fy_node_pair_key(pair);
		const char *name = key != NULL && fy_node_is_scalar(key)
					   ? fy_node_get_scalar(key, &len)
					   : NULL;

		for (i = 0; name != NULL && settings[i].name != NULL; i++)
			if (strlen(settings[i].name) == len &&
			    memcmp(settings[i].name, name, len) == 0)
				break;
		if (name == NULL)
			report(rd, key, NULL, "a setting's name must be a plain text");
		else if (settings[i].name == NULL)
			report_unknown(rd, key, settings, where);
		else
			settings[i].read(rd, key, fy_node_pair_value(pair));
	}
}

static void
read_observer(struct reader *rd, struct fy_node *key, struct fy_node *value)
{
	if (value == NULL || !fy_node_is_mapping(value)) {
		report(rd, key, "write it as: observer: {name: gw1}", "observer must be a mapping");
		return;
	}
	read_mapping(rd, value, observer_settings, "observer.");
}

/* The file's octets, NUL-terminated; NULL with the reason reported and in *ret_error (negative
 * errno). */
static char *
slurp(struct reader *rd, size_t *ret_len, int *ret_error)
{
	int fd = open(rd->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
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
	text = malloc(CONFIG_FILE_MAX + 1);
	if (text == NULL)
		goto fail;
	while (len < CONFIG_FILE_MAX && (n = read(fd, text + len, CONFIG_FILE_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		goto fail;
	close(fd);
	text[len] = '\0';
	*ret_len = len;
	return text;
fail:
	*ret_error = -errno;
	report(rd, NULL, NULL, "cannot be read: %s", strerror(errno));
	free(text);
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Hand on what the YAML parser itself found. */
static void
report_yaml(struct reader *rd, struct fy_diag *diag)
{
	struct fy_diag_error *e;
	void *it = NULL;

	while ((e = fy_diag_errors_iterate(diag, &it)) != NULL) {
		struct config_error err = {.file = rd->path, .what = e->msg};

		/* The parser counts lines from 0 in marks and from 1 here; an error at the end has
		 * none. */
		err.line = e->line > 0 ? e->line : 0;
		err.column = e->line > 0 && e->column > 0 ? e->column : 0;
		rd->nb_errors++;
		rd->error(rd->ctx, &err);
	}
	if (rd->nb_errors == 0)
		report(rd, NULL, NULL, "is not YAML");
}

static void
read_text(struct reader *rd, const char *text, size_t len)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg parse_cfg = {.flags = FYPCF_RESOLVE_DOCUMENT};
	struct fy_document *doc;
	struct fy_node *root;

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.level = FYET_ERROR;
	parse_cfg.diag = fy_diag_create(&diag_cfg);
	if (parse_cfg.diag == NULL) {
		report(rd, NULL, NULL, "no memory to read it");
		return;
	}
	fy_diag_set_collect_errors(parse_cfg.diag, true);
	doc = fy_document_build_from_string(&parse_cfg, text, len);
	root = doc != NULL ? fy_document_root(doc) : NULL;
	if (doc == NULL || fy_diag_got_error(parse_cfg.diag))
		report_yaml(rd, parse_cfg.diag);
	else if (root != NULL && fy_node_is_mapping(root))
		read_mapping(rd, root, top_settings, "");
	else if (root != NULL && !(fy_node_is_scalar(root) && fy_node_is_null(root)))
		report(rd, root, NULL, "a configuration is a mapping of settings, \"name: value\"");
	fy_document_destroy(doc);
	fy_diag_destroy(parse_cfg.diag);
}

/* Nothing but blanks and comments: to the YAML parser no document at all, to us a configuration
 * that sets nothing. */
static bool
is_empty(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text == '\0';
		text += strcspn(text, "\n");
	}
}

/* libfyaml 0.7.12 crashes while it shows some lines that have many tabs; YAML does not indent with them anyway. */
static void
report_tab(struct reader *rd, const char *text, const char *tab)
{
	struct config_error err = {
		.file = rd->path,
		.line = 1,
		.column = 1,
		.what = "a tab stands here",
		.hint = "use blanks; inside double quotes write \\t",
	};

	for (; text < tab; text++) {
		err.column++;
		if (*text == '\n') {
			err.line++;
			err.column = 1;
		}
	}
	rd->nb_errors++;
	rd->error(rd->ctx, &err);
}

int
config_load(const char *path, config_error_fn error, void *ctx, struct config *ret)
{
	struct reader rd = {.path = path, .error = error, .ctx = ctx};
	size_t len = 0;
	int rc = -EINVAL;
	char *text = slurp(&rd, &len, &rc), *tab;

	if (text == NULL)
		return rc;
	tab = memchr(text, '\t', len);
	if (memchr(text, '\0', len) != NULL)
		report(&rd, NULL, NULL, "is no text: it has NUL octets");
	else if (tab != NULL)
		report_tab(&rd, text, tab);
	else if (!is_empty(text))
		read_text(&rd, text, len);
	free(text);
	if (rd.nb_errors != 0) {
		config_fini(&rd.cfg);
		return -EINVAL;
	}
	*ret = rd.cfg;
	return 0;
}

void
config_fini(struct config *cfg)
{
	if (cfg == NULL)
		return;
	free(cfg->rules);
	free(cfg->state);
	free(cfg->observer);
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
	fprintf(out, " error: %s%s%s\n", what, err->hint != NULL ? "; " : "",
		err->hint != NULL ? err->hint : "");
}

int
config_parse_ports(const char *text, uint16_t ports[static CONFIG_PORTS_MAX], unsigned int *ret_nb,
		   const char **ret_why)
{
	unsigned int nb = 0, i, port;

	for (;;) {
		const char *start = text;

		for (port = 0; *text >= '0' && *text <= '9' && text - start < 6; text++)
			port = port * 10 + (unsigned int)(*text - '0');
		*ret_why = "expected TCP ports from 1 to 65535, separated by commas";
		if (text == start || port == 0 || port > 65535 || (*text != ',' && *text != '\0'))
			return -EINVAL;
		*ret_why = "a port stands twice";
		for (i = 0; i < nb; i++)
			if (ports[i] == port)
				return -EINVAL;
		*ret_why = "more than 16 ports";
		if (nb == CONFIG_PORTS_MAX)
			return -EINVAL;
		ports[nb++] = (uint16_t)port;
		if (*text == '\0')
			break;
		text++;
	}
	*ret_nb = nb;
	return 0;
}
