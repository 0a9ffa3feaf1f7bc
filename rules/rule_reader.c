/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain_name.h"

enum {
	ID_MAX = 64,
	WORD_MAX = 32, /* longest word a suggestion is looked for */
};

__attribute__((format(printf, 5, 0))) static void
add(struct rule_reader *r, enum rule_level level, const struct rule_place *at, const char *hint,
    const char *fmt, va_list ap)
{
	char *what = NULL;

	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	rule_errors_add(r->errs, level, at, hint, "%s", what != NULL ? what : "out of memory");
	free(what);
}

void
reader_error(struct rule_reader *r, const struct rule_place *at, const char *hint, const char *fmt,
	     ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, RULE_ERROR, at, hint, fmt, ap);
	va_end(ap);
}

void
reader_warning(struct rule_reader *r, const struct rule_place *at, const char *hint,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, RULE_WARNING, at, hint, fmt, ap);
	va_end(ap);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Edits from @a to @b (Levenshtein), for a hint. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], la = strlen(a), lb = strlen(b), i, j, corner, up;

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = min3(row[j] + 1, row[j - 1] + 1, corner + (a[i - 1] != b[j - 1]));
			corner = up;
		}
	}
	return row[lb];
}

/* Names at @stride octets; NULL when none is near. */
static const char *
nearest(const char *word, const void *names, size_t nb, size_t stride)
{
	size_t best = strlen(word) / 3 + 1, d, i;
	const char *name, *found = NULL;

	if (strlen(word) < 3) /* near to everything */
		return NULL;
	for (i = 0; i < nb; i++) {
		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		d = distance(word, name);
		if (d <= best) {
			best = d - (d > 0);
			found = name;
		}
	}
	return found;
}

static void
make_hint(char *buf, size_t size, const char *word, const void *names, size_t nb, size_t stride)
{
	const char *near = nearest(word, names, nb, stride), *name;
	size_t used, i;

	if (near != NULL) {
		snprintf(buf, size, "did you mean \"%s\"?", near);
		return;
	}
	used = (size_t)snprintf(buf, size, "possible here: ");
	for (i = 0; i < nb && used < size; i++) {
		memcpy(&name, (const char *)names + i * stride, sizeof(name));
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 0 ? ", " : "", name);
	}
}

static size_t
find_key(const struct rule_key *keys, size_t nb, const char *name)
{
	size_t i;

	for (i = 0; i < nb; i++)
		if (strcmp(keys[i].name, name) == 0)
			break;
	return i;
}

bool
reader_mapping(struct rule_reader *r, const struct yaml_node *node, const struct rule_key *keys,
	       size_t nb_keys, const char *what, void *object)
{
	const struct yaml_node *values[32] = {NULL}, *at[32] = {NULL}, *key;
	char hint[512];
	size_t i;

	if (node->type != YAML_MAPPING || nb_keys > 32) {
		make_hint(hint, sizeof(hint), "", keys, nb_keys, sizeof(*keys));
		reader_error(r, &node->at, hint, "%s must be a mapping (key: value)", what);
		return false;
	}
	for (key = node->first; key != NULL && key->next != NULL; key = key->next->next) {
		if (key->is_refused)
			continue;
		i = find_key(keys, nb_keys, key->text);
		if (i == nb_keys) {
			make_hint(hint, sizeof(hint), key->text, keys, nb_keys, sizeof(*keys));
			reader_error(r, &key->at, hint, "unknown key \"%s\" in %s", key->text,
				     what);
		} else if (at[i] != NULL) {
			reader_error(r, &key->at, "keep one of them",
				     "\"%s\" stands twice in %s, first at %s:%d:%d", key->text,
				     what, at[i]->at.file, at[i]->at.line, at[i]->at.column);
		} else {
			at[i] = key;
			values[i] = key->next;
		}
	}
	for (i = 0; i < nb_keys; i++) {
		if (values[i] != NULL && values[i]->is_refused)
			continue;
		if (values[i] != NULL && yaml_is_null(values[i]))
			reader_error(r, &at[i]->at, "give it a value or remove the line",
				     "\"%s\" has no value", keys[i].name);
		else if (values[i] != NULL)
			keys[i].read(r, values[i], object);
		else if (keys[i].missing != NULL)
			reader_error(r, &node->at, keys[i].missing, "%s has no \"%s\"", what,
				     keys[i].name);
	}
	return true;
}

void
reader_each(struct rule_reader *r, const struct yaml_node *node,
	    void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
	    void *object)
{
	const struct yaml_node *n;

	if (node->type != YAML_LIST) {
		if (!node->is_refused)
			each(r, node, object);
		return;
	}
	if (node->first == NULL)
		reader_error(r, &node->at, "put something in or remove the line",
			     "the list is empty");
	for (n = node->first; n != NULL; n = n->next)
		if (!n->is_refused)
			each(r, n, object);
}

void
reader_list(struct rule_reader *r, const struct yaml_node *node, const char *what,
	    void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
	    void *object)
{
	if (node->type != YAML_LIST)
		reader_error(r, &node->at, "begin each entry with \"- \"", "%s must be a list",
			     what);
	else
		reader_each(r, node, each, object);
}

bool
reader_string(struct rule_reader *r, const struct yaml_node *node, const char *what, size_t max,
	      const char **ret)
{
	if (node->type != YAML_SCALAR) {
		reader_error(r, &node->at, NULL, "%s must be a single value, not a %s", what,
			     node->type == YAML_LIST ? "list" : "mapping");
		return false;
	}
	if (node->len == 0) {
		reader_error(r, &node->at, NULL, "%s is empty", what);
		return false;
	}
	if (node->len > max) {
		reader_error(r, &node->at, NULL, "%s is longer than %zu octets", what, max);
		return false;
	}
	*ret = node->text;
	return true;
}

bool
reader_word(struct rule_reader *r, const struct yaml_node *node, const char *what,
	    const struct rule_word *words, size_t nb, int *ret)
{
	const char *text;
	char hint[512];
	size_t i;

	if (!reader_string(r, node, what, 256, &text))
		return false;
	for (i = 0; i < nb; i++) {
		if (strcmp(words[i].name, text) == 0) {
			*ret = words[i].value;
			return true;
		}
	}
	make_hint(hint, sizeof(hint), text, words, nb, sizeof(*words));
	reader_error(r, &node->at, hint, "%s can't be \"%s\"", what, text);
	return false;
}

bool
reader_bool(struct rule_reader *r, const struct yaml_node *node, const char *what, bool *ret)
{
	static const struct rule_word words[] = {{"true", 1}, {"false", 0}};
	int value;

	if (!reader_word(r, node, what, words, 2, &value))
		return false;
	*ret = value != 0;
	return true;
}

bool
reader_id(struct rule_reader *r, const struct yaml_node *node, const char **ret)
{
	const char *text;
	size_t good;

	if (!reader_string(r, node, "an id", ID_MAX, &text))
		return false;
	good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (text[good] != '\0') {
		reader_error(r, &node->at, "letters, digits, - _ and . make an id",
			     "the id \"%s\" has a character that is not allowed", text);
		return false;
	}
	*ret = text;
	return true;
}

bool
reader_domain_part(struct rule_reader *r, const struct yaml_node *node, size_t from,
		   const char *what, const char **ret)
{
	char name[DOMAIN_NAME_MAX + 1];
	struct domain_fault fault;
	struct rule_place at;
	int len;

	len = domain_name_read(node->text + from, node->len - from, name, &fault);
	if (len < 0) {
		at = node->at;
		if (fault.offset <
		    (size_t)DOMAIN_NAME_MAX) /* exact for a value on one line without escapes */
			at.column += (int)(from + fault.offset);
		reader_error(r, &at, fault.hint, "%s \"%.300s\" %s", what, node->text, fault.what);
		return false;
	}
	*ret = arena_string(&r->model->arena, name, (size_t)len);
	return *ret != NULL;
}

bool
reader_domain(struct rule_reader *r, const struct yaml_node *node, const char *what,
	      const char **ret)
{
	const char *text;

	return reader_string(r, node, what, 1024, &text) &&
	       reader_domain_part(r, node, 0, what, ret);
}
