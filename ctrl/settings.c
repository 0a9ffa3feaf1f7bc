/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safe_text.h"
#include "suggest.h"

enum {
	SHOWN_MAX = 128, /* octets of a wrong value that are repeated in a message */
};

char *
settings_text(struct settings *st, const struct yaml_node *value, size_t max, const char *name)
{
	if (value->is_refused)
		return NULL;
	if (value->type != YAML_SCALAR || value->len == 0 || yaml_is_null(value)) {
		settings_report(st, &value->at, NULL, "%s needs a text as its value", name);
		return NULL;
	}
	if (value->len > max) {
		settings_report(st, &value->at, NULL, "%s: longer than %zu octets", name, max);
		return NULL;
	}
	return strndup(value->text, value->len);
}

bool
settings_number(struct settings *st, const struct yaml_node *value, unsigned int min, unsigned int max, const char *name,
		unsigned int *ret)
{
	char shown[SHOWN_MAX];
	uint64_t n;

	if (value->is_refused)
		return false;
	if (value->type == YAML_SCALAR && dp_args_number(value->text, min, max, &n) == 0) {
		*ret = (unsigned int)n;
		return true;
	}
	safe_text(shown, sizeof(shown), value->type == YAML_SCALAR ? value->text : "", value->len);
	settings_report(st, &value->at, NULL, "%s must be a whole number from %u to %u%s%s%s", name, min, max,
			shown[0] != '\0' ? ", not \"" : "", shown, shown[0] != '\0' ? "\"" : "");
	return false;
}

char *
settings_path(struct settings *st, const struct yaml_node *value, const char *name)
{
	char *path = settings_text(st, value, SETTINGS_PATH_MAX, name), *whole = NULL;
	const char *slash = strrchr(st->path, '/');

	if (path == NULL || path[0] == '/' || slash == NULL)
		return path;
	if (asprintf(&whole, "%.*s/%s", (int)(slash - st->path), st->path, path) < 0)
		whole = NULL;
	free(path);
	return whole;
}

static void
report_unknown(struct settings *st, const struct yaml_node *key, const struct setting *table, const char *where)
{
	const char *names[SETTINGS_MAX], *meant;
	char shown[SHOWN_MAX], hint[256];
	size_t nb, used;

	safe_text(shown, sizeof(shown), key->text, key->len);
	for (nb = 0; table[nb].name != NULL && nb < SETTINGS_MAX; nb++)
		names[nb] = table[nb].name;
	meant = suggest_word(shown, names, nb);
	if (meant != NULL) {
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", meant);
	} else {
		used = (size_t)snprintf(hint, sizeof(hint), "known here:");
		for (nb = 0; table[nb].name != NULL && used < sizeof(hint); nb++)
			used += (size_t)snprintf(hint + used, sizeof(hint) - used, "%s %s", nb != 0 ? "," : "",
						 table[nb].name);
	}
	settings_report(st, &key->at, hint, "unknown setting %s\"%s\"", where, shown);
}

bool
settings_stands_before(const struct yaml_node *map, const struct yaml_node *key)
{
	const struct yaml_node *k;

	for (k = map->first; k != key; k = k->next->next)
		if (k->len == key->len && memcmp(k->text, key->text, k->len) == 0)
			return true;
	return false;
}

void
settings_mapping(struct settings *st, const struct yaml_node *map, const struct setting *table, const char *where)
{
	struct reader *rd = (struct reader *)st;
	const struct yaml_node *key;
	size_t i;

	for (key = map->first; key != NULL; key = key->next->next) {
		for (i = 0; table[i].name != NULL && strcmp(table[i].name, key->text) != 0; i++)
			;
		if (table[i].name == NULL)
			report_unknown(st, key, table, where);
		else if (settings_stands_before(map, key))
			settings_report(st, &key->at, "keep one of them", "duplicate key \"%s%s\"", where, table[i].name);
		else
			table[i].read(rd, key->next);
	}
}

char *
settings_slurp(struct settings *st, size_t *ret_len, int *ret_error)
{
	const struct rule_place whole = { st->path, 0, 0 };
	int fd = open(st->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat s;
	char *text = NULL;
	ssize_t n = 0;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &s) < 0)
		goto fail;
	if (!S_ISREG(s.st_mode) || s.st_size > CONFIG_FILE_MAX) {
		errno = S_ISDIR(s.st_mode) ? EISDIR : S_ISREG(s.st_mode) ? EFBIG : EINVAL;
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
	settings_report(st, &whole, NULL, "cannot be read: %s", strerror(errno));
	free(text);
	if (fd >= 0)
		close(fd);
	return NULL;
}

size_t
settings_tell(struct settings *st, config_error_fn error, void *ctx)
{
	size_t nb = st->errs.nb_errors, i;

	rule_errors_sort(&st->errs);
	for (i = 0; i < st->errs.nb; i++) {
		const struct rule_error *e = &st->errs.list[i];
		const struct config_error err = { e->file, e->line, e->column, e->what, e->hint };

		error(ctx, &err);
	}
	rule_errors_free(&st->errs);
	return nb;
}
