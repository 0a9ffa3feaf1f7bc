/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_file - one rule file read into the model (the schema: README.md)
 *
 * What:      every fault of the file is added to the errors; what is good goes into the model all the same, so that
 *            checks across files (rule_check.h) see it. The caller throws the model away when there are errors.
 * Hostile:   any octets (fuzzed); rule files are root's, but a slip must never become a crash.
 */
#ifndef POSTERN_RULE_FILE_H
#define POSTERN_RULE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "rule_errors.h"
#include "rule_model.h"
#include "rule_reader.h"

/* @file must live as long as the model. @source: where the lists that the file names come from; NULL: it can't name any. */
void rule_file_read(const char *file, const char *octets, size_t len, const struct list_source *source,
		    struct rule_model *model, struct rule_errors *errs);

/* The sections of a file; each reads one entry of its list. */
void rule_section_protect(struct rule_reader *r, const struct yaml_node *entry, void *unused);
void rule_section_rules(struct rule_reader *r, const struct yaml_node *entry, void *unused);
void rule_section_watch(struct rule_reader *r, const struct yaml_node *entry, void *unused);
void rule_section_allow(struct rule_reader *r, const struct yaml_node *entry, void *unused);

/*
 * Lookalikes (rule_lookalikes.c): what a file begins with, `lookalikes` under `defaults`, the rule of an entry of protect
 * (@value: its `lookalikes`, @senders: its own, each or NULL; NULL: none are looked for), and the end of the file, where
 * the rules are added.
 */
void rule_lookalikes_begin(struct rule_reader *r);
void rule_lookalikes_default(struct rule_reader *r, const struct yaml_node *value, void *unused);
struct lookalike_def *rule_lookalikes_of(struct rule_reader *r, const struct yaml_node *value,
					 struct sender_pattern *senders, const struct yaml_node *domain);
void rule_lookalikes_end(struct rule_reader *r);

/*
 * The names of a list file (rule_list.c): @each is called for each line that has one, as a scalar with its place there.
 * @what names the list in errors.
 */
void rule_list_read(struct rule_reader *r, const struct yaml_node *path, const char *what,
		    void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
		    void *object);

/* `words` and `words_file` of lookalikes (rule_words.c): one more list, which goes on with @list's words (or NULL). */
struct word_list *rule_words_begin(struct rule_reader *r, const struct word_list *list);
void rule_words_read(struct rule_reader *r, const struct yaml_node *value, struct word_list *list);
void rule_words_file(struct rule_reader *r, const struct yaml_node *value, struct word_list *list);

/* Values more than one section has. "local@domain" goes into its lower-case halves. */
bool rule_value_address(struct rule_reader *r, const struct yaml_node *value, const char *what,
			const char **ret_local, const char **ret_domain);
/* One or a list of addresses, domains, "*.domain", networks, or "any". */
void rule_value_senders(struct rule_reader *r, const struct yaml_node *value, const char *what,
			struct sender_pattern **ret);
bool rule_value_verdict(struct rule_reader *r, const struct yaml_node *value,
			enum rule_verdict *ret);
bool rule_value_severity(struct rule_reader *r, const struct yaml_node *value, uint8_t *ret);

#endif
