/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_reader - values of a YAML tree read against a schema, with an error for every fault
 *
 * What:      a mapping is described by a table of keys; unknown, doubled and missing keys and values of the wrong type
 *            are reported with their place and a hint, and reading goes on, so that all faults of a file are
 *            found at once. A reading function that returns false has added an error.
 */
#ifndef POSTERN_RULE_READER_H
#define POSTERN_RULE_READER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "rule_errors.h"
#include "rule_model.h"
#include "yaml_tree.h"

/* Where list files come from: 0 with octets of the source's own, YAML_LEN_MAX + 1 at most; or negative errno. */
struct list_source {
	int (*read)(void *ctx, const char *path, const char **ret, size_t *ret_len);
	void *ctx;
};

struct rule_reader {
	struct rule_model *model;
	const struct list_source *source; /* or NULL */
	struct sender_pattern *default_senders;
	struct rule_errors *errs;
	enum rule_verdict default_verdict;
	uint8_t default_severity;
	const char *file;
	struct lookalike_settings default_lookalikes;
	struct lookalike_def *shared_lookalikes; /* of the entries without settings of their own, or NULL */
	struct lookalike_def *lookalikes, **last_lookalikes; /* of the file, in their order */
};

struct rule_key {
	const char *name;
	void (*read)(struct rule_reader *r, const struct yaml_node *value, void *object);
	const char *missing; /* hint when it is missing; NULL: it may be missing */
};

struct rule_word {
	const char *name;
	int value;
};

void reader_error(struct rule_reader *r, const struct rule_place *at, const char *hint,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void reader_warning(struct rule_reader *r, const struct rule_place *at, const char *hint,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Read a mapping by @keys; the functions are called in the order of @keys (so that defaults can come first), each for
 * its value. @what names the mapping in errors. False: @node is no mapping.
 */
bool reader_mapping(struct rule_reader *r, const struct yaml_node *node,
		    const struct rule_key *keys, size_t nb_keys, const char *what, void *object);

/* Call @each for the elements of a list, or for the one value that stands in its place. */
void reader_each(struct rule_reader *r, const struct yaml_node *node,
		 void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
		 void *object);
/* The same, where a single value is an error. */
void reader_list(struct rule_reader *r, const struct yaml_node *node, const char *what,
		 void (*each)(struct rule_reader *r, const struct yaml_node *value, void *object),
		 void *object);

bool reader_string(struct rule_reader *r, const struct yaml_node *node, const char *what,
		   size_t max, const char **ret);
bool reader_word(struct rule_reader *r, const struct yaml_node *node, const char *what,
		 const struct rule_word *words, size_t nb, int *ret);
bool reader_bool(struct rule_reader *r, const struct yaml_node *node, const char *what, bool *ret);
/* Letters, digits, - _ . and no more than 64 of them. */
bool reader_id(struct rule_reader *r, const struct yaml_node *node, const char **ret);
bool reader_domain(struct rule_reader *r, const struct yaml_node *node, const char *what,
		   const char **ret);
/* The same of a part of the node's text, from octet @from on. */
bool reader_domain_part(struct rule_reader *r, const struct yaml_node *node, size_t from,
			const char *what, const char **ret);

#endif
