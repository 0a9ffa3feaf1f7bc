/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_file.h"

#include <string.h>

#define NB(table) (sizeof(table) / sizeof((table)[0]))

enum {
	NAME_MAX_LEN = 256,
};

bool
rule_value_verdict(struct rule_reader *r, const struct yaml_node *value, enum rule_verdict *ret)
{
	static const struct rule_word words[] = {
		{"pass", RULE_VERDICT_PASS},	 {"alert", RULE_VERDICT_ALERT},
		{"refuse", RULE_VERDICT_REFUSE}, {"divert", RULE_VERDICT_DIVERT},
		{"reset", RULE_VERDICT_RESET},
	};
	int word;

	if (!reader_word(r, value, "a verdict", words, NB(words), &word))
		return false;
	*ret = (enum rule_verdict)word;
	return true;
}

bool
rule_value_severity(struct rule_reader *r, const struct yaml_node *value, uint8_t *ret)
{
	static const struct rule_word words[] = {
		{"low", 1}, {"medium", 2}, {"high", 3}, {"critical", 4},
		{"1", 1},   {"2", 2},	   {"3", 3},	{"4", 4},
	};
	int word;

	if (!reader_word(r, value, "a severity", words, NB(words), &word))
		return false;
	*ret = (uint8_t)word;
	return true;
}

static void
read_version(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {{"1", 1}};
	int version;

	reader_word(r, value, "version", words, NB(words), &version);
}

static void
read_ruleset(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "the name of a rule set", NAME_MAX_LEN, &r->model->ruleset);
}

static void
default_verdict(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_verdict(r, value, &r->default_verdict);
}

static void
default_severity(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_severity(r, value, &r->default_severity);
}

static void
default_senders(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_senders(r, value, "the sender", &r->default_senders);
}

static void
read_defaults(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_key keys[] = {
		{"verdict", default_verdict, NULL},
		{"severity", default_severity, NULL},
		{"senders", default_senders, NULL},
		{"lookalikes", rule_lookalikes_default, NULL},
	};

	reader_mapping(r, value, keys, NB(keys), "defaults", NULL);
}

static void
read_protect(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_list(r, value, "protect", rule_section_protect, NULL);
}

static void
read_rules(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_list(r, value, "rules", rule_section_rules, NULL);
}

static void
read_watch(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_list(r, value, "watch", rule_section_watch, NULL);
}

static void
read_allow(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_list(r, value, "allow", rule_section_allow, NULL);
}

void
rule_file_read(const char *file, const char *octets, size_t len, const struct list_source *source,
	       struct rule_model *model, struct rule_errors *errs)
{
	/* Defaults stand before what they apply to, wherever they stand in the file. */
	static const struct rule_key keys[] = {
		{"version", read_version, "begin the file with \"version: 1\""},
		{"ruleset", read_ruleset, NULL},
		{"defaults", read_defaults, NULL},
		{"protect", read_protect, NULL},
		{"rules", read_rules, NULL},
		{"watch", read_watch, NULL},
		{"allow", read_allow, NULL},
	};
	struct rule_reader r = {.model = model,
				.source = source,
				.errs = errs,
				.default_verdict = RULE_VERDICT_REFUSE,
				.file = file};
	struct rule_place whole = {file, 0, 0};
	size_t nb_errors = errs->nb_errors;
	const struct yaml_node *root;

	rule_lookalikes_begin(&r);
	root = yaml_tree_read(file, octets, len, &model->arena, errs);
	if (root == NULL && errs->nb_errors == nb_errors)
		reader_error(&r, &whole, "begin the file with \"version: 1\"", "the file is empty");
	if (root != NULL)
		reader_mapping(&r, root, keys, NB(keys), "a rule file", NULL);
	rule_lookalikes_end(&r);
}
