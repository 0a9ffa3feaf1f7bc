/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_rules - entries of `rules` (suffixes) and `watch` (operators' expressions and literals) */
#include "rule_file.h"

#include <string.h>

#include <hs.h>

#define NB(table) (sizeof(table) / sizeof((table)[0]))
#define TECHNIQUE_BIT(id) (UINT64_C(1) << RULE_TECHNIQUE_##id)

enum {
	EXPRESSION_MAX = 4096, /* octets */
	NAME_MAX_LEN = 256,
};

/* One entry while it is read. */
struct entry {
	struct rule_def rule;
	struct rule_text **last;
	const char *text_what; /* of the values being read */
	const struct yaml_node *match, *techniques, *expression, *literal, *on, *flags, *list;
};

static void
key_id(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->rule.id_at = value->at;
	reader_id(r, value, &e->rule.info.id);
}

static void
key_name(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "a name", NAME_MAX_LEN, &((struct entry *)object)->rule.info.name);
}

static void
key_verdict(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_verdict(r, value, &((struct entry *)object)->rule.info.verdict);
}

static void
key_severity(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_severity(r, value, &((struct entry *)object)->rule.info.severity);
}

static void
key_senders(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_senders(r, value, "the sender", &((struct entry *)object)->rule.senders);
}

static void
key_enabled(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_bool(r, value, "enabled", &((struct entry *)object)->rule.info.enabled);
}

static void
read_technique(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {
#define RULE_TECHNIQUE(id, name, class, severity, explanation) {name, RULE_TECHNIQUE_##id},
#include "technique.def"
#undef RULE_TECHNIQUE
	};
	struct entry *e = object;
	int t;

	/* "none" is what a recipient without a match has: no rule can look for it. */
	if (!reader_word(r, value, "a technique", words + 1, NB(words) - 1, &t))
		return;
	if ((e->rule.techniques & UINT64_C(1) << t) != 0)
		reader_error(r, &value->at, "keep one of them", "the technique \"%s\" stands twice",
			     value->text);
	e->rule.techniques |= UINT64_C(1) << t;
}

static void
key_techniques(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->techniques = value;
	reader_list(r, value, "techniques", read_technique, object);
}

static void
add_text(struct rule_reader *r, struct entry *e, const struct yaml_node *at, const char *text)
{
	struct rule_text *t;

	t = arena_alloc(&r->model->arena, sizeof(*t));
	if (t == NULL)
		return;
	t->text = text;
	t->at = at->at;
	*e->last = t;
	e->last = &t->next;
}

/* A suffix may be written with its leading dot. */
static void
read_suffix(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;
	const char *text;

	if (reader_string(r, value, e->text_what, 1024, &text) &&
	    reader_domain_part(r, value, text[0] == '.' && text[1] != '\0', e->text_what, &text))
		add_text(r, e, value, text);
}

static void
key_suffix(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->text_what = "the suffix";
	reader_each(r, value, read_suffix, object);
}

static void
key_meant_suffix(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;
	const char *text;

	if (reader_string(r, value, "the suffix that was meant", 1024, &text))
		reader_domain_part(r, value, text[0] == '.' && text[1] != '\0',
				   "the suffix that was meant", &e->rule.meant);
}

static void
key_match(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {{"protected", RULE_TECHNIQUE_SUFFIX},
						 {"every", RULE_TECHNIQUE_SUFFIX_ANY}};
	struct entry *e = object;
	int t;

	e->match = value;
	if (!reader_word(r, value, "match", words, NB(words), &t))
		return;
	if (e->techniques == NULL)
		e->rule.techniques = UINT64_C(1) << t;
	else if (e->rule.techniques != UINT64_C(1) << t)
		reader_error(r, &value->at,
			     "remove one of them: match: protected is techniques: [suffix], match: "
			     "every "
			     "is techniques: [suffix_any]",
			     "\"match\" and \"techniques\" differ");
}

static void
begin(struct rule_reader *r, struct entry *e, const struct yaml_node *node)
{
	memset(e, 0, sizeof(*e));
	e->rule.info.file = node->at.file;
	e->rule.info.line = node->at.line;
	e->rule.info.verdict = r->default_verdict;
	e->rule.info.severity = r->default_severity;
	e->rule.info.enabled = true;
	e->rule.senders = r->default_senders;
	e->last = &e->rule.texts;
}

/* Techniques outside @possible are errors; none given: @usual. */
static void
end(struct rule_reader *r, struct entry *e, uint64_t possible, uint64_t usual, const char *hint)
{
	struct rule_def *rule;

	if (e->techniques == NULL && e->match == NULL)
		e->rule.techniques = usual;
	if ((e->rule.techniques & ~possible) != 0)
		reader_error(r, e->techniques != NULL ? &e->techniques->at : &e->match->at, hint,
			     "a technique of this list can't be used by this kind of rule");
	if (e->rule.info.id == NULL || e->rule.texts == NULL) /* an error has been added */
		return;
	if (e->rule.info.name == NULL)
		e->rule.info.name = e->rule.info.id;
	rule = rule_model_add_rule(r->model);
	if (rule != NULL)
		*rule = e->rule;
}

void
rule_section_rules(struct rule_reader *r, const struct yaml_node *entry, void *unused)
{
	static const struct rule_key keys[] = {
		{"id", key_id,
		 "give the rule an id, unique in the set, for example \"id: mil-ml\""},
		{"name", key_name, NULL},
		{"suffix", key_suffix,
		 "write the suffix that is typed by mistake, for example \"suffix: ml\""},
		{"meant", key_meant_suffix,
		 "write the suffix that is meant, for example \"meant: mil\""},
		{"techniques", key_techniques, NULL},
		{"match", key_match, NULL},
		{"verdict", key_verdict, NULL},
		{"severity", key_severity, NULL},
		{"senders", key_senders, NULL},
		{"enabled", key_enabled, NULL},
	};
	const struct rule_text *t;
	struct entry e;

	begin(r, &e, entry);
	e.rule.kind = RULE_KIND_SUFFIX;
	if (!reader_mapping(r, entry, keys, NB(keys), "a rule", &e))
		return;
	for (t = e.rule.texts; t != NULL && e.rule.meant != NULL; t = t->next)
		if (strcmp(t->text, e.rule.meant) == 0)
			reader_error(r, &t->at, "a rule says which suffix is typed for another one",
				     "the suffix and what is meant are the same: \"%s\"", t->text);
	if (e.rule.meant != NULL)
		end(r, &e, TECHNIQUE_BIT(SUFFIX) | TECHNIQUE_BIT(SUFFIX_ANY), TECHNIQUE_BIT(SUFFIX),
		    "a suffix rule has suffix and suffix_any");
}

static void
key_expression(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;
	const char *text;

	e->expression = value;
	if (!reader_string(r, value, "an expression", EXPRESSION_MAX, &text))
		return;
	/* (*UTF8) and the like would let Hyperscan take any octets for UTF-8, which it does not survive. */
	if (strncmp(text, "(*", 2) == 0) {
		reader_error(r, &value->at, "remove it; \"flags\" has what can be chosen",
			     "an expression can't begin with a control verb (*...)");
		return;
	}
	add_text(r, e, value, text);
}

static void
read_literal(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	const char *text;

	if (reader_domain(r, value, "the literal", &text))
		add_text(r, object, value, text);
}

static void
key_literal(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->literal = value;
	if (e->expression != NULL)
		reader_error(r, &value->at, "make two entries of it",
			     "an entry has either \"expression\" or \"literal\"");
	else
		reader_each(r, value, read_literal, object);
}

/* What ends so, and the ending itself: a literal that may be written with a dot. */
static void
key_watch_suffix(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	if (e->literal == NULL)
		e->literal = value;
	if (e->expression != NULL)
		reader_error(r, &value->at, "make two entries of it",
			     "an entry has either \"expression\" or \"suffix\"");
	else
		key_suffix(r, value, object);
}

static void
key_list(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->list = value;
	if (e->expression != NULL)
		reader_error(r, &value->at, "make two entries of it",
			     "an entry has either \"expression\" or \"list\"");
	else
		rule_list_read(r, value, "the list of literals", read_literal, object);
}

static void
key_on(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {{"domain", IMAGE_DB_DOMAIN},
						 {"address", IMAGE_DB_ADDRESS}};
	struct entry *e = object;
	int db;

	e->on = value;
	if (reader_word(r, value, "on", words, NB(words), &db))
		e->rule.db = (enum image_db)db;
}

static void
read_flag(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {
		{"caseless", HS_FLAG_CASELESS},
		{"case_sensitive", 0},
		{"dotall", HS_FLAG_DOTALL},
	};
	struct entry *e = object;
	int flag;

	if (reader_word(r, value, "a flag", words, NB(words), &flag))
		e->rule.hs_flags |= (unsigned int)flag;
}

static void
key_flags(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->flags = value;
	e->rule.hs_flags = 0;
	reader_each(r, value, read_flag, object);
}

static void
key_meant_domain(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_domain(r, value, "the domain that was meant", &((struct entry *)object)->rule.meant);
}

void
rule_section_watch(struct rule_reader *r, const struct yaml_node *entry, void *unused)
{
	static const struct rule_key keys[] = {
		{"id", key_id, "give the entry an id, unique in the set"},
		{"name", key_name, NULL},
		{"expression", key_expression, NULL},
		{"literal", key_literal, NULL},
		{"suffix", key_watch_suffix, NULL},
		{"list", key_list, NULL},
		{"on", key_on, NULL},
		{"flags", key_flags, NULL},
		{"meant", key_meant_domain, NULL},
		{"techniques", key_techniques, NULL},
		{"verdict", key_verdict, NULL},
		{"severity", key_severity, NULL},
		{"senders", key_senders, NULL},
		{"enabled", key_enabled, NULL},
	};
	struct entry e;

	begin(r, &e, entry);
	e.rule.hs_flags = HS_FLAG_CASELESS;
	if (!reader_mapping(r, entry, keys, NB(keys), "an entry of watch", &e))
		return;
	if (e.expression == NULL && e.literal == NULL && e.list == NULL)
		reader_error(r, &entry->at,
			     "write \"expression: '...'\", \"literal: example.com\", \"suffix: zip\" "
			     "or \"list: FILE\"",
			     "an entry of watch has neither \"expression\" nor \"literal\", \"suffix\" or "
			     "\"list\"");
	if (e.expression == NULL && (e.literal != NULL || e.list != NULL) && (e.on != NULL || e.flags != NULL))
		reader_error(r, e.on != NULL ? &e.on->at : &e.flags->at, "remove it",
			     "\"on\" and \"flags\" belong to an expression");
	if (e.expression != NULL) {
		e.rule.kind = RULE_KIND_EXPRESSION;
		end(r, &e, TECHNIQUE_BIT(EXPRESSION), TECHNIQUE_BIT(EXPRESSION),
		    "an expression has expression");
	} else {
		e.rule.kind = RULE_KIND_LITERAL;
		end(r, &e, TECHNIQUE_BIT(LITERAL), TECHNIQUE_BIT(LITERAL), "a literal has literal");
	}
}
