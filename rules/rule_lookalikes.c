/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_lookalikes - `lookalikes` under defaults and in entries of protect, and the rules that come
 * of it */
#include "rule_file.h"

#include <stdio.h>
#include <string.h>

#include "technique.h"

#define NB(table) (sizeof(table) / sizeof((table)[0]))

enum {
	ID_MAX = 64,
	NAME_MAX_LEN = 256,
	MIN_LABEL_MAX = 63,
	NB_KEYS = 9, /* of lookalikes, without the techniques */
};

/* One `lookalikes` while it is read. */
struct entry {
	struct lookalike_settings settings;
	const char *id, *name;
	struct rule_place id_at;
	bool has_words; /* settings.words is its own, not that of the defaults */
};

/* What is said about some techniques. */
struct choice {
	bool is_on;
	uint8_t severity;	   /* 0: not given */
	enum rule_verdict verdict; /* 0: not given */
	int min_label;		   /* 0: not given */
};

static uint64_t techniques_of(enum technique_class class)
{
	uint64_t set = 0;
	int t;

	for (t = TECHNIQUE_LOOKALIKE_FIRST; t < RULE_TECHNIQUE_NB; t++)
		if (technique_class((enum rule_technique)t) == class)
			set |= UINT64_C(1) << t;
	return set;
}

static uint64_t
usual_of(uint64_t set)
{
	int t;

	for (t = TECHNIQUE_LOOKALIKE_FIRST; t < RULE_TECHNIQUE_NB; t++)
		if (!technique_is_usual((enum rule_technique)t))
			set &= ~(UINT64_C(1) << t);
	return set;
}

static void
choice_severity(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_severity(r, value, &((struct choice *)object)->severity);
}

static void
choice_verdict(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_verdict(r, value, &((struct choice *)object)->verdict);
}

static void
choice_min_label(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct choice *c = object;
	const char *text;
	int n = 0, used = 0;

	if (!reader_string(r, value, "min_label", 16, &text))
		return;
	if (strspn(text, "0123456789") != value->len || value->len > 2 ||
	    sscanf(text, "%d%n", &n, &used) != 1 || n < 1 || n > MIN_LABEL_MAX)
		reader_error(r, &value->at, "write the characters a label must have, 1 to 63",
			     "min_label can't be \"%s\"", text);
	else
		c->min_label = n;
}

static void
read_choice(struct rule_reader *r, const struct yaml_node *value, struct choice *c)
{
	static const struct rule_key keys[] = {
		{"severity", choice_severity, NULL},
		{"verdict", choice_verdict, NULL},
		{"min_label", choice_min_label, NULL},
	};

	memset(c, 0, sizeof(*c));
	c->is_on = true;
	if (value->type == YAML_SCALAR)
		reader_bool(r, value, "a technique", &c->is_on);
	else
		reader_mapping(r, value, keys, NB(keys), "a technique", c);
}

/* @set: the techniques spoken of, @usual: those that are put on when they are wanted. */
static void
apply(struct lookalike_settings *s, const struct choice *c, uint64_t set, uint64_t usual)
{
	int t;

	s->techniques = c->is_on ? s->techniques | usual : s->techniques & ~set;
	for (t = TECHNIQUE_LOOKALIKE_FIRST; t < RULE_TECHNIQUE_NB; t++) {
		if ((set >> t & 1) == 0)
			continue;
		if (c->severity != 0)
			s->severity[t] = c->severity;
		if (c->verdict != 0)
			s->verdict[t] = (uint8_t)c->verdict;
		if (c->min_label != 0)
			s->min_label[t] = (uint8_t)c->min_label;
	}
}

static void
read_class(struct rule_reader *r, const struct yaml_node *value, void *object,
	   enum technique_class class)
{
	uint64_t set = techniques_of(class);
	struct choice c;

	read_choice(r, value, &c);
	apply(&((struct entry *)object)->settings, &c, set, usual_of(set));
}

static void
key_typing(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	read_class(r, value, object, TECHNIQUE_SLIP);
}

static void
key_squatting(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	read_class(r, value, object, TECHNIQUE_SQUAT);
}

static void
read_technique(struct rule_reader *r, const struct yaml_node *value, void *object,
	       enum rule_technique t)
{
	uint64_t set = UINT64_C(1) << t;
	struct choice c;

	read_choice(r, value, &c);
	((struct entry *)object)->settings.named |= set;
	apply(&((struct entry *)object)->settings, &c, set, set);
}

/* A reading function for each technique: that is how a table of keys names its values. */
#define RULE_TECHNIQUE(id, name, class, severity, explanation)                                   \
	static void key_##id(struct rule_reader *r, const struct yaml_node *value, void *object) \
	{                                                                                        \
		read_technique(r, value, object, RULE_TECHNIQUE_##id);                           \
	}
#include "technique.def"
#undef RULE_TECHNIQUE

static void
key_id(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->id_at = value->at;
	reader_id(r, value, &e->id);
}

static void
key_name(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "a name", NAME_MAX_LEN, &((struct entry *)object)->name);
}

/* What is said about all techniques at once; which of them are on does not change. */
static void
apply_all(struct entry *e, const struct choice *c)
{
	apply(&e->settings, c, techniques_of(TECHNIQUE_SLIP) | techniques_of(TECHNIQUE_SQUAT), 0);
}

static void
key_verdict(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct choice c = {.is_on = true};

	choice_verdict(r, value, &c);
	apply_all(object, &c);
}

static void
key_severity(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct choice c = {.is_on = true};

	choice_severity(r, value, &c);
	apply_all(object, &c);
}

static void
key_min_label(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct choice c = {.is_on = true};

	choice_min_label(r, value, &c);
	apply_all(object, &c);
}

/* The entry's own list of words, NULL when memory is short: the arena remembers. */
static struct word_list *
own_words(struct rule_reader *r, struct entry *e)
{
	if (!e->has_words)
		e->settings.words = rule_words_begin(r, e->settings.words);
	e->has_words = true;
	return e->settings.words;
}

static void
key_words(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct word_list *list = own_words(r, object);

	if (list != NULL)
		rule_words_read(r, value, list);
}

static void
key_words_file(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct word_list *list = own_words(r, object);

	if (list != NULL)
		rule_words_file(r, value, list);
}

/* From the wide to the narrow, wherever they stand in the file: all, classes, techniques. The narrower one decides. */
static void
read_settings(struct rule_reader *r, const struct yaml_node *value, struct entry *e)
{
	static const struct rule_key techniques[] = {
#define RULE_TECHNIQUE(id, name, class, severity, explanation) {name, key_##id, NULL},
#include "technique.def"
#undef RULE_TECHNIQUE
	};
	struct rule_key keys[NB_KEYS + RULE_TECHNIQUE_NB - TECHNIQUE_LOOKALIKE_FIRST] = {
		{"id", key_id, NULL},
		{"name", key_name, NULL},
		{"verdict", key_verdict, NULL},
		{"severity", key_severity, NULL},
		{"min_label", key_min_label, NULL},
		{"typing", key_typing, NULL},
		{"squatting", key_squatting, NULL},
		{"words", key_words, NULL},
		{"words_file", key_words_file, NULL},
	};
	bool is_on = true;

	if (value->type == YAML_SCALAR) {
		if (reader_bool(r, value, "lookalikes", &is_on) && !is_on)
			e->settings.techniques = 0;
		else if (is_on && e->settings.techniques == 0)
			e->settings.techniques = usual_of(techniques_of(TECHNIQUE_SLIP) |
							  techniques_of(TECHNIQUE_SQUAT));
		return;
	}
	memcpy(keys + NB_KEYS, techniques + TECHNIQUE_LOOKALIKE_FIRST,
	       sizeof(keys) - NB_KEYS * sizeof(keys[0]));
	reader_mapping(r, value, keys, NB(keys), "lookalikes", e);
}

void
rule_lookalikes_begin(struct rule_reader *r)
{
	struct lookalike_settings *s = &r->default_lookalikes;
	int t;

	r->last_lookalikes = &r->lookalikes;
	s->techniques = usual_of(techniques_of(TECHNIQUE_SLIP) | techniques_of(TECHNIQUE_SQUAT));
	for (t = TECHNIQUE_LOOKALIKE_FIRST; t < RULE_TECHNIQUE_NB; t++) {
		s->severity[t] = technique_severity((enum rule_technique)t);
		s->min_label[t] = technique_min_label((enum rule_technique)t);
		if (technique_is_doubtful((enum rule_technique)t))
			s->verdict[t] = RULE_VERDICT_ALERT;
	}
}

void
rule_lookalikes_default(struct rule_reader *r, const struct yaml_node *value, void *unused)
{
	struct entry e = {.settings = r->default_lookalikes};

	read_settings(r, value, &e);
	if (e.id != NULL || e.name != NULL)
		reader_error(r, &value->at, "write it in an entry of protect",
			     "lookalikes under defaults can't have an id or name");
	r->default_lookalikes = e.settings;
	r->default_lookalikes.named = 0; /* defaults are not about one entry */
}

/* "lookalikes-" and @text, with only what an id may have. */
static const char *
make_id(struct rule_reader *r, const char *text, size_t len)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char id[ID_MAX + 1], *p;

	snprintf(id, sizeof(id), "lookalikes-%.*s", (int)len, text);
	for (p = id; *p != '\0'; p++)
		if (strchr(good, *p) == NULL)
			*p = '-';
	return arena_string(&r->model->arena, id, strlen(id));
}

static struct lookalike_def *
add_def(struct rule_reader *r, const struct entry *e, struct sender_pattern *senders,
	const struct rule_place *at, const char *text, size_t len)
{
	struct lookalike_def *d = arena_alloc(&r->model->arena, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->settings = e->settings;
	d->senders = senders != NULL ? senders : r->default_senders;
	d->id = e->id != NULL ? e->id : make_id(r, text, len);
	d->name = e->name != NULL ? e->name : d->id;
	d->at = e->id != NULL ? e->id_at : *at;
	*r->last_lookalikes = d;
	r->last_lookalikes = &d->next;
	return d;
}

struct lookalike_def *
rule_lookalikes_of(struct rule_reader *r, const struct yaml_node *value,
		   struct sender_pattern *senders, const struct yaml_node *domain)
{
	struct entry e = {.settings = r->default_lookalikes};
	const char *base = strrchr(r->file, '/');
	size_t len;

	if (value != NULL || senders != NULL) {
		if (value != NULL)
			read_settings(r, value, &e);
		if (e.settings.techniques != 0)
			return add_def(r, &e, senders, value != NULL ? &value->at : &domain->at,
				       domain->text, domain->len);
		if (value != NULL && value->type == YAML_MAPPING)
			reader_warning(r, &value->at, "write \"lookalikes: false\" when that is meant",
				       "no technique is left: nothing is taken for \"%.253s\"",
				       domain->text);
		return NULL;
	}
	base = base != NULL ? base + 1 : r->file;
	len = strlen(base);
	if (len > 5 && strcmp(base + len - 5, ".yaml") == 0)
		len -= 5;
	if (r->shared_lookalikes == NULL && e.settings.techniques != 0)
		r->shared_lookalikes = add_def(r, &e, NULL, &domain->at, base, len);
	return r->shared_lookalikes;
}

void
rule_lookalikes_end(struct rule_reader *r)
{
	struct lookalike_def *d;
	struct rule_def *rule;

	for (d = r->lookalikes; d != NULL; d = d->next) {
		rule = rule_model_add_rule(r->model);
		if (rule == NULL || d->id == NULL)
			return;
		d->rule = (uint32_t)(rule - r->model->rules);
		rule->info.id = d->id;
		rule->info.name = d->name;
		rule->info.file = d->at.file;
		rule->info.line = d->at.line;
		rule->info.verdict = r->default_verdict;
		rule->info.enabled = true;
		rule->id_at = d->at;
		rule->kind = RULE_KIND_LOOKALIKE;
		rule->techniques = d->settings.techniques;
		rule->senders = d->senders;
		rule->lookalikes = d;
	}
}
