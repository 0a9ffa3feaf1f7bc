/* SPDX-License-Identifier: BSD-3-Clause */
#include "compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hs.h>

#include "db_cache.h"
#include "image.h"
#include "image_check.h"
#include "suffix_slips.h"
#include "technique.h"

enum {
	WORDS_MAX = 1 << 20, /* of all lists */
};

/* What one pattern needs until Hyperscan has seen it; the image's part is built beside it. */
struct source {
	const char *expression;
	unsigned int flags;
	const struct rule_place *at;
};

/* The patterns of one database, as Hyperscan takes them. */
struct pattern_list {
	const char **expressions;
	unsigned int *flags, *ids;
	struct db_cache_pattern *key; /* the same, for the cache */
	unsigned int nb;
};

struct compiler {
	const struct rule_model *model;
	struct rule_errors *errs;
	struct db_cache *cache; /* or NULL */
	struct arena arena; /* expressions */
	struct image_name *names;
	struct image_profile *profiles;
	size_t nb_profiles;
	struct image_suffix *suffixes;
	size_t nb_suffixes, cap_suffixes;
	struct image_word *words;
	size_t nb_words, cap_words;
	uint32_t nb_lists;
	struct image_pattern *patterns;
	struct source *sources;
	size_t nb_patterns, max_patterns;
	char *strings;
	size_t strings_len, strings_cap;
	char *db[IMAGE_DB_NB];
	size_t db_len[IMAGE_DB_NB];
};

static int
put_string(struct compiler *c, const char *s, struct image_string *ret)
{
	size_t len = s != NULL ? strlen(s) : 0, cap = c->strings_cap;
	char *bigger;

	if (c->strings_len + len > cap) {
		cap = (cap + len) * 2;
		bigger = cap < IMAGE_LEN_MAX ? realloc(c->strings, cap) : NULL;
		if (bigger == NULL)
			return -ENOMEM;
		c->strings = bigger;
		c->strings_cap = cap;
	}
	if (len > 0)
		memcpy(c->strings + c->strings_len, s, len);
	ret->offset = (uint32_t)c->strings_len;
	ret->len = (uint32_t)len;
	c->strings_len += len;
	return 0;
}

/* A list that several profiles have is put once. */
static int
put_words(struct compiler *c, struct word_list *list)
{
	const struct word_def *w;
	struct image_word *bigger;
	size_t cap;
	int rc = 0;

	if (list == NULL || list->number > 0)
		return 0;
	list->number = ++c->nb_lists;
	for (w = list->first; w != NULL && rc == 0; w = w->next) {
		if (c->nb_words == WORDS_MAX)
			return -E2BIG;
		if (c->nb_words == c->cap_words) {
			cap = c->cap_words > 0 ? 2 * c->cap_words : 64;
			bigger = reallocarray(c->words, cap, sizeof(*bigger));
			if (bigger == NULL)
				return -ENOMEM;
			c->words = bigger;
			c->cap_words = cap;
		}
		c->words[c->nb_words] = (struct image_word){.list = list->number};
		rc = put_string(c, w->text, &c->words[c->nb_words].text);
		c->nb_words++;
	}
	return rc;
}

static int
put_profiles(struct compiler *c)
{
	const struct rule_model *m = c->model;
	size_t i;
	int t, rc;

	for (i = 0; i < m->nb_rules; i++)
		if (m->rules[i].lookalikes != NULL && m->rules[i].lookalikes->settings.words != NULL)
			m->rules[i].lookalikes->settings.words->number = 0;
	c->profiles = calloc(m->nb_rules + 1, sizeof(*c->profiles));
	if (c->profiles == NULL)
		return -ENOMEM;
	for (i = 0; i < m->nb_rules; i++) {
		struct lookalike_def *d = m->rules[i].lookalikes;
		struct image_profile *p = &c->profiles[c->nb_profiles];

		if (d == NULL)
			continue;
		p->rule = (uint32_t)i;
		p->techniques = d->settings.techniques;
		for (t = 0; t < RULE_TECHNIQUE_NB; t++) {
			p->severity[t] = d->settings.severity[t];
			p->min_label[t] = d->settings.min_label[t];
		}
		d->profile = (uint32_t)c->nb_profiles++;
		rc = put_words(c, d->settings.words);
		if (rc < 0)
			return rc;
		p->words = d->settings.words != NULL ? d->settings.words->number : 0;
	}
	return 0;
}

static int
put_suffix(void *ctx, const char *typed, const char *meant, enum image_suffix_kind kind)
{
	struct compiler *c = ctx;
	struct image_suffix *s;
	size_t cap;
	int rc;

	if (c->nb_suffixes == c->cap_suffixes) {
		cap = c->cap_suffixes > 0 ? 2 * c->cap_suffixes : 256;
		s = reallocarray(c->suffixes, cap, sizeof(*s));
		if (s == NULL)
			return -ENOMEM;
		c->suffixes = s;
		c->cap_suffixes = cap;
	}
	s = &c->suffixes[c->nb_suffixes];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	rc = put_string(c, typed, &s->typed);
	if (rc == 0)
		rc = put_string(c, meant, &s->meant);
	c->nb_suffixes++;
	return rc;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The slips of each suffix that a name has, once. */
static int
put_suffixes(struct compiler *c, const char **suffixes, size_t nb)
{
	const struct suffix_list *list = suffix_list_get();
	size_t i;
	int rc = 0;

	if (nb > 0)
		qsort(suffixes, nb, sizeof(*suffixes), compare_texts);
	for (i = 0; i < nb && rc == 0; i++)
		if (i == 0 || strcmp(suffixes[i], suffixes[i - 1]) != 0)
			rc = suffix_slips(list, suffixes[i], put_suffix, c);
	return rc;
}

static int
put_names(struct compiler *c)
{
	const struct suffix_list *list = suffix_list_get();
	const struct rule_model *m = c->model;
	size_t nb_suffixes = 0, len, i;
	const char **suffixes;
	int rc = 0;

	c->names = calloc(m->nb_protects + 1, sizeof(*c->names));
	suffixes = calloc(m->nb_protects + 1, sizeof(*suffixes));
	if (c->names == NULL || suffixes == NULL)
		rc = -ENOMEM;
	for (i = 0; i < m->nb_protects && rc == 0; i++) {
		const struct protect_def *d = &m->protects[i];

		rc = put_string(c, d->domain, &c->names[i].name);
		c->names[i].flags = d->flags;
		if (d->lookalikes == NULL)
			continue;
		len = suffix_list_suffix_len(list, d->domain);
		c->names[i].profile = d->lookalikes->profile + 1;
		c->names[i].suffix_len = (uint32_t)len;
		suffixes[nb_suffixes++] = d->domain + c->names[i].name.len - len;
	}
	if (rc == 0)
		rc = put_suffixes(c, suffixes, nb_suffixes);
	free(suffixes);
	return rc;
}

/* @before, the name with its dots escaped, @after: names have no other special character. */
static const char *
name_expression(struct compiler *c, const char *before, const char *name, const char *after)
{
	char *e = arena_alloc(&c->arena, strlen(before) + 2 * strlen(name) + strlen(after) + 1), *p;

	if (e == NULL)
		return NULL;
	p = stpcpy(e, before);
	for (; *name != '\0'; name++) {
		if (*name == '.')
			*p++ = '\\';
		*p++ = *name;
	}
	memcpy(p, after, strlen(after));
	return e;
}

static int
put_pattern(struct compiler *c, const struct rule_def *rule, const struct rule_text *text,
	    enum rule_technique technique)
{
	struct image_pattern *p = &c->patterns[c->nb_patterns];
	struct source *s = &c->sources[c->nb_patterns];
	int rc = 0;

	p->rule = (uint32_t)(rule - c->model->rules);
	p->technique = (uint16_t)technique;
	p->severity =
		rule->info.severity != 0 ? rule->info.severity : technique_severity(technique);
	p->db = IMAGE_DB_DOMAIN;
	s->at = &text->at;
	s->flags = HS_FLAG_SINGLEMATCH;
	switch (rule->kind) {
	case RULE_KIND_SUFFIX:
		p->kind = technique == RULE_TECHNIQUE_SUFFIX ? IMAGE_PATTERN_SUFFIX
							     : IMAGE_PATTERN_SUFFIX_ANY;
		s->expression = name_expression(c, "\\.", text->text, "\\z");
		break;
	case RULE_KIND_LITERAL:
		p->kind = IMAGE_PATTERN_LITERAL;
		/* Anchors would cost ten times the compile time of long lists; the matcher verifies where it stands. */
		s->expression = name_expression(c, "", text->text, "");
		break;
	case RULE_KIND_LOOKALIKE: /* has no text */
		break;
	case RULE_KIND_EXPRESSION:
		p->kind = IMAGE_PATTERN_EXPRESSION;
		p->db = (uint8_t)rule->db;
		s->expression = text->text;
		s->flags |= rule->hs_flags;
		break;
	}
	if (s->expression == NULL)
		return -ENOMEM;
	if (rule->kind != RULE_KIND_EXPRESSION)
		rc = put_string(c, text->text, &p->text);
	if (rc == 0)
		rc = put_string(c, rule->meant, &p->meant);
	c->nb_patterns++;
	return rc;
}

static int
put_patterns(struct compiler *c)
{
	const struct rule_model *m = c->model;
	const struct rule_text *t;
	size_t nb = 0, i;
	int technique, rc;

	for (i = 0; i < m->nb_rules; i++)
		for (t = m->rules[i].texts; t != NULL; t = t->next)
			nb += (size_t)__builtin_popcountll(m->rules[i].techniques);
	c->patterns = calloc(nb + 1, sizeof(*c->patterns));
	c->sources = calloc(nb + 1, sizeof(*c->sources));
	if (c->patterns == NULL || c->sources == NULL)
		return -ENOMEM;
	for (i = 0; i < m->nb_rules; i++) {
		if (!m->rules[i].info.enabled)
			continue;
		for (t = m->rules[i].texts; t != NULL; t = t->next) {
			for (technique = 0; technique < RULE_TECHNIQUE_NB; technique++) {
				if ((m->rules[i].techniques & UINT64_C(1) << technique) == 0)
					continue;
				rc = put_pattern(c, &m->rules[i], t,
						 (enum rule_technique)technique);
				if (rc < 0)
					return rc;
			}
		}
	}
	return 0;
}

static void
hs_fault(struct compiler *c, const struct rule_place *at, const hs_compile_error_t *error)
{
	rule_errors_add(c->errs, RULE_ERROR, at,
			"correct the expression (PCRE syntax; Hyperscan has no back references, "
			"look-around or "
			"patterns that match nothing)",
			"the expression is refused: %s",
			error != NULL && error->message != NULL ? error->message
								: "it can't be compiled");
}

/* Each expression alone first, disabled rules too: the joint compilation would stop at the first fault. */
static void
check_expressions(struct compiler *c)
{
	const struct rule_def *rule;
	hs_compile_error_t *error;
	hs_expr_info_t *info;
	size_t i;

	for (i = 0; i < c->model->nb_rules; i++) {
		rule = &c->model->rules[i];
		if (rule->kind != RULE_KIND_EXPRESSION)
			continue;
		error = NULL;
		info = NULL;
		if (hs_expression_info(rule->texts->text, rule->hs_flags | HS_FLAG_SINGLEMATCH,
				       &info, &error) != HS_SUCCESS)
			hs_fault(c, &rule->texts->at, error);
		hs_free_compile_error(error);
		free(info);
	}
}

static void
pattern_list_free(struct pattern_list *l)
{
	free(l->expressions);
	free(l->flags);
	free(l->ids);
	free(l->key);
}

static int
pattern_list_make(const struct compiler *c, enum image_db db, struct pattern_list *ret)
{
	size_t i;

	ret->expressions = calloc(c->nb_patterns + 1, sizeof(*ret->expressions));
	ret->flags = calloc(c->nb_patterns + 1, sizeof(*ret->flags));
	ret->ids = calloc(c->nb_patterns + 1, sizeof(*ret->ids));
	ret->key = calloc(c->nb_patterns + 1, sizeof(*ret->key));
	if (ret->expressions == NULL || ret->flags == NULL || ret->ids == NULL || ret->key == NULL)
		return -ENOMEM;
	for (i = 0; i < c->nb_patterns; i++) {
		if (c->patterns[i].db != db)
			continue;
		ret->key[ret->nb] = (struct db_cache_pattern){c->sources[i].expression,
							      c->sources[i].flags, (unsigned int)i};
		ret->expressions[ret->nb] = c->sources[i].expression;
		ret->flags[ret->nb] = c->sources[i].flags;
		ret->ids[ret->nb++] = (unsigned int)i;
	}
	return 0;
}

static int
run_hyperscan(struct compiler *c, enum image_db db, const struct pattern_list *l)
{
	hs_compile_error_t *error = NULL;
	hs_database_t *compiled = NULL;
	hs_error_t err;
	int rc = 0;

	err = hs_compile_multi(l->expressions, l->flags, l->ids, l->nb, HS_MODE_BLOCK, NULL,
			       &compiled, &error);
	if (err == HS_COMPILER_ERROR) {
		rc = -EINVAL;
		hs_fault(c,
			 c->sources[l->ids[error != NULL && error->expression >= 0
						   ? error->expression
						   : 0]]
				 .at,
			 error);
	} else if (err != HS_SUCCESS ||
		   hs_serialize_database(compiled, &c->db[db], &c->db_len[db]) != HS_SUCCESS) {
		rc = -ENOMEM;
	}
	hs_free_compile_error(error);
	hs_free_database(compiled);
	return rc;
}

static int
compile_db(struct compiler *c, enum image_db db)
{
	struct pattern_list list = {0};
	struct db_cache_key key;
	bool keyed = false;
	int rc;

	rc = pattern_list_make(c, db, &list);
	if (rc < 0 || list.nb == 0)
		goto out;
	if (c->cache != NULL)
		keyed = db_cache_key(list.key, list.nb, &key) == 0;
	if (keyed && db_cache_get(c->cache, &key, &c->db[db], &c->db_len[db]))
		goto out;
	rc = run_hyperscan(c, db, &list);
	if (rc == 0 && keyed)
		db_cache_put(c->cache, &key, c->db[db], c->db_len[db]);
out:
	pattern_list_free(&list);
	return rc;
}

static struct image_part
place_part(size_t *len, size_t nb, size_t entry)
{
	struct image_part part = {(uint32_t)*len, (uint32_t)nb};

	*len = (*len + nb * entry + IMAGE_ALIGN - 1) & ~(size_t)(IMAGE_ALIGN - 1);
	return part;
}

static void
copy_part(uint8_t *image, const struct image_part *part, const void *from, size_t entry)
{
	if (part->nb > 0)
		memcpy(image + part->offset, from, part->nb * entry);
}

static int
write_image(struct compiler *c, uint32_t generation, void **ret_image, size_t *ret_len)
{
	struct image_header h = {
		.magic = IMAGE_MAGIC, .version = IMAGE_VERSION, .header_len = sizeof(h)};
	size_t len = sizeof(h), db;
	uint8_t *image;

	if (image_engine(h.engine, &h.cpu_features) < 0)
		return -EPROTO;
	h.generation = generation;
	h.nb_rules = (uint32_t)c->model->nb_rules;
	h.names = place_part(&len, c->model->nb_protects, sizeof(*c->names));
	h.patterns = place_part(&len, c->nb_patterns, sizeof(*c->patterns));
	h.profiles = place_part(&len, c->nb_profiles, sizeof(*c->profiles));
	h.suffixes = place_part(&len, c->nb_suffixes, sizeof(*c->suffixes));
	h.words = place_part(&len, c->nb_words, sizeof(*c->words));
	h.strings = place_part(&len, c->strings_len, 1);
	for (db = 0; db < IMAGE_DB_NB; db++)
		h.db[db] = place_part(&len, c->db_len[db], 1);
	if (len > IMAGE_LEN_MAX)
		return -E2BIG;
	h.total_len = len;
	image = calloc(1, len);
	if (image == NULL)
		return -ENOMEM;
	copy_part(image, &h.names, c->names, sizeof(*c->names));
	copy_part(image, &h.patterns, c->patterns, sizeof(*c->patterns));
	copy_part(image, &h.profiles, c->profiles, sizeof(*c->profiles));
	copy_part(image, &h.suffixes, c->suffixes, sizeof(*c->suffixes));
	copy_part(image, &h.words, c->words, sizeof(*c->words));
	copy_part(image, &h.strings, c->strings, 1);
	for (db = 0; db < IMAGE_DB_NB; db++)
		copy_part(image, &h.db[db], c->db[db], 1);
	memcpy(image, &h, sizeof(h));
	h.checksum = image_checksum(image, len);
	memcpy(image, &h, sizeof(h));
	*ret_image = image;
	*ret_len = len;
	return 0;
}

static void
add_reason(struct rule_errors *errs, int rc)
{
	struct rule_place nowhere = {NULL, 0, 0};

	if (rc == -EPROTO)
		rule_errors_add(errs, RULE_ERROR, &nowhere, NULL,
				"Hyperscan does not run on this CPU (it needs SSSE3)");
	else if (rc == -E2BIG)
		rule_errors_add(errs, RULE_ERROR, &nowhere, "use fewer names or expressions",
				"the compiled set is too large");
	else
		rule_errors_add(errs, RULE_ERROR, &nowhere, NULL,
				"out of memory while the rules were compiled");
}

int
compile_model(const struct rule_model *m, uint32_t generation, struct db_cache *cache,
	      struct rule_errors *errs, void **ret_image, size_t *ret_len)
{
	struct compiler c = {.model = m, .errs = errs, .cache = cache};
	size_t db;
	int rc;

	check_expressions(&c);
	rc = errs->nb_errors == 0 ? put_profiles(&c) : -EINVAL;
	if (rc == 0)
		rc = put_names(&c);
	if (rc == 0)
		rc = put_patterns(&c);
	for (db = 0; db < IMAGE_DB_NB && rc == 0; db++)
		rc = compile_db(&c, (enum image_db)db);
	if (rc == 0)
		rc = write_image(&c, generation, ret_image, ret_len);
	if (rc < 0 && rc != -EINVAL)
		add_reason(errs, rc);
	for (db = 0; db < IMAGE_DB_NB; db++)
		free(c.db[db]);
	free(c.names);
	free(c.profiles);
	free(c.suffixes);
	free(c.words);
	free(c.patterns);
	free(c.sources);
	free(c.strings);
	arena_free(&c.arena);
	return rc;
}
