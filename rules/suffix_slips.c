/* SPDX-License-Identifier: BSD-3-Clause */
#include "suffix_slips.h"

#include <stdio.h>
#include <string.h>

#include <libpsl.h>

enum {
	SUFFIX_MAX = 256,
};

/* Slips that lead to suffixes which exist: people make them all the same. */
static const struct {
	const char *meant, *typed;
	enum image_suffix_kind kind;
} known_slips[] = {
	{"mil", "ml", IMAGE_SUFFIX_TLD},     {"mil", "il", IMAGE_SUFFIX_TLD},
	{"com", "co", IMAGE_SUFFIX_COUNTRY}, {"com", "cm", IMAGE_SUFFIX_COUNTRY},
	{"com", "om", IMAGE_SUFFIX_COUNTRY},
};

const struct suffix_list *
suffix_list_get(void)
{
	return (const struct suffix_list *)psl_builtin();
}

/* libpsl answers for a list that is not there that all is public. */
static bool
is_public(const struct suffix_list *list, const char *name, int type)
{
	return list != NULL && psl_is_public_suffix2((const psl_ctx_t *)list, name,
						     type | PSL_TYPE_NO_STAR_RULE) != 0;
}

bool
suffix_list_has(const struct suffix_list *list, const char *suffix)
{
	return is_public(list, suffix, PSL_TYPE_ICANN);
}

size_t
suffix_list_suffix_len(const struct suffix_list *list, const char *domain)
{
	const char *p = strchr(domain, '.');

	/* From the left: the first that is public is the longest. */
	for (; p != NULL && strchr(p + 1, '.') != NULL; p = strchr(p + 1, '.'))
		if (is_public(list, p + 1, PSL_TYPE_ICANN))
			break;
	return p != NULL ? strlen(p + 1) : strlen(domain);
}

struct maker {
	const struct suffix_list *list;
	const char *suffix;
	size_t len;
	enum image_suffix_kind kind;
	int (*add)(void *ctx, const char *typed, const char *meant, enum image_suffix_kind kind);
	void *ctx;
};

static const char *
last_label(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL ? dot + 1 : name;
}

/* Can it be an ending at all, and does it lead nowhere, or to the same registry? */
static bool
is_slip(const struct maker *m, const char *typed)
{
	size_t len = strlen(typed);

	if (len == 0 || strcmp(typed, m->suffix) == 0 || typed[0] == '.' || typed[0] == '-' ||
	    typed[len - 1] == '.' || typed[len - 1] == '-' || strstr(typed, "..") != NULL ||
	    is_public(m->list, typed, PSL_TYPE_ANY))
		return false;
	return strcmp(last_label(typed), last_label(m->suffix)) == 0 ||
	       !is_public(m->list, last_label(typed), PSL_TYPE_ANY);
}

static int
try_slip(const struct maker *m, const char *typed)
{
	return is_slip(m, typed) ? m->add(m->ctx, typed, m->suffix, m->kind) : 0;
}

/* All texts with one edit at @pos. A dot that is one too many is no matter of the suffix. */
static int
try_edits_at(const struct maker *m, size_t pos)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *s = m->suffix, *c;
	char typed[SUFFIX_MAX + 2];
	int rc = 0;

	for (c = characters; *c != '\0' && rc == 0; c++) {
		snprintf(typed, sizeof(typed), "%.*s%c%s", (int)pos, s, *c, s + pos);
		if (pos == 0 || s[pos - 1] != *c) /* else it was made one place before */
			rc = try_slip(m, typed);
		if (rc == 0 && pos < m->len && s[pos] != *c) {
			snprintf(typed, sizeof(typed), "%.*s%c%s", (int)pos, s, *c, s + pos + 1);
			rc = try_slip(m, typed);
		}
	}
	if (rc == 0 && pos < m->len && (pos == 0 || s[pos - 1] != s[pos])) {
		snprintf(typed, sizeof(typed), "%.*s%s", (int)pos, s, s + pos + 1);
		rc = try_slip(m, typed);
	}
	if (rc == 0 && pos + 1 < m->len && s[pos] != s[pos + 1]) {
		snprintf(typed, sizeof(typed), "%.*s%c%c%s", (int)pos, s, s[pos + 1], s[pos],
			 s + pos + 2);
		rc = try_slip(m, typed);
	}
	return rc;
}

static int
take_letters(void *ctx, const char *typed)
{
	return try_slip(ctx, typed);
}

/* What stands below other countries' registries: mil.ph. */
static int
add_real(const struct maker *m)
{
	char name[SUFFIX_MAX + 4];
	char a, b;
	int rc;

	for (a = 'a'; a <= 'z'; a++) {
		for (b = 'a'; b <= 'z'; b++) {
			snprintf(name, sizeof(name), "%s.%c%c", m->suffix, a, b);
			if (!is_public(m->list, name, PSL_TYPE_ANY))
				continue;
			rc = m->add(m->ctx, name, "", IMAGE_SUFFIX_REAL);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int
suffix_slips(const struct suffix_list *list, const char *suffix,
	     int (*add)(void *ctx, const char *typed, const char *meant,
			enum image_suffix_kind kind),
	     void *ctx)
{
	struct maker m = {list, suffix, strlen(suffix), IMAGE_SUFFIX_TLD, add, ctx};
	bool has_dot = strchr(suffix, '.') != NULL;
	char typed[2 * SUFFIX_MAX];
	size_t i;
	int rc = 0;

	if (m.len >= SUFFIX_MAX)
		return 0;
	for (i = 0; i < sizeof(known_slips) / sizeof(known_slips[0]) && rc == 0; i++)
		if (strcmp(known_slips[i].meant, suffix) == 0)
			rc = add(ctx, known_slips[i].typed, suffix, known_slips[i].kind);
	if (has_dot)
		m.kind = IMAGE_SUFFIX_COUNTRY;
	for (i = 0; i <= m.len && rc == 0; i++)
		rc = try_edits_at(&m, i);
	if (rc == 0)
		rc = suffix_letters(suffix, take_letters, &m);
	snprintf(typed, sizeof(typed), "%s.com", suffix);
	if (rc == 0 && !is_public(list, typed, PSL_TYPE_ANY))
		rc = add(ctx, typed, suffix, IMAGE_SUFFIX_TLD);
	snprintf(typed, sizeof(typed), "%s.%s", suffix, suffix);
	if (rc == 0 && strcmp(suffix, "com") != 0 && strlen(typed) < SUFFIX_MAX &&
	    !is_public(list, typed, PSL_TYPE_ANY))
		rc = add(ctx, typed, suffix, IMAGE_SUFFIX_TLD);
	if (rc == 0 && !has_dot)
		rc = add_real(&m);
	return rc;
}
