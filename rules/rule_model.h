/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_model - what rule files say, read and checked one by one, not yet compiled
 *
 * Ownership: all strings and nodes live in the model's arena; the arrays are the model's own.
 */
#ifndef POSTERN_RULE_MODEL_H
#define POSTERN_RULE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "exception.h"
#include "image.h"
#include "ruleset.h"

/* Words that may be added to names, besides everybody's (added_words.h). Lists may share their ends. */
struct word_def {
	const struct word_def *next;
	const char *text; /* lower case */
};
struct word_list {
	const struct word_def *first;
	uint32_t number; /* in the image; 0: not there yet */
};

/* How lookalikes of names are looked for: `lookalikes` of a file or an entry, with defaults put in. */
struct lookalike_settings {
	uint64_t techniques; /* set of 1 << enum rule_technique; 0: none */
	uint64_t named;	     /* those that the entry names one by one */
	uint8_t severity[RULE_TECHNIQUE_NB];
	uint8_t verdict[RULE_TECHNIQUE_NB]; /* enum rule_verdict; 0: that of the file */
	uint8_t min_label[RULE_TECHNIQUE_NB];
	struct word_list *words; /* NULL: none of its own */
};

/* A rule that protect entries make: all entries of a file without settings of their own share one. */
struct lookalike_def {
	struct lookalike_def *next;
	struct lookalike_settings settings;
	struct sender_pattern *senders; /* NULL: everybody */
	const char *id, *name;
	struct rule_place at;
	uint32_t rule;	  /* its index, once the file is read */
	uint32_t profile; /* its index in the image */
};

/* A name given under `protect`: a domain, a zone ("*.mil" without its "*."), or a known name of a zone. */
struct protect_def {
	const char *domain;
	uint32_t flags; /* enum image_name_flags */
	uint32_t entry; /* names of one number stand in one entry and know of each other; 0: of none */
	struct lookalike_def *lookalikes; /* NULL: they are not looked for */
	struct rule_place at;
};

enum rule_kind {
	RULE_KIND_SUFFIX,
	RULE_KIND_EXPRESSION,
	RULE_KIND_LITERAL,
	RULE_KIND_LOOKALIKE,
};

struct rule_text {
	struct rule_text *next;
	const char *text;
	struct rule_place at;
};

struct rule_def {
	struct rule_info info; /* verdict and severity with defaults put in */
	struct rule_place id_at;
	struct sender_pattern *senders; /* for whose mail it holds; NULL: everybody's */
	enum rule_kind kind;
	uint64_t techniques; /* set of 1 << enum rule_technique */
	struct rule_text
		*texts;	   /* suffixes or literals without a leading dot, or the one expression */
	const char *meant; /* suffix of a suffix rule; domain of a watch entry or NULL */
	enum image_db db;  /* expression: over which subject */
	unsigned int hs_flags;
	struct lookalike_def *lookalikes; /* of RULE_KIND_LOOKALIKE */
};

struct rule_model {
	struct arena arena;
	const char *ruleset; /* `ruleset:` of the only file, or NULL */
	struct protect_def *protects;
	size_t nb_protects, cap_protects;
	struct rule_def *rules;
	size_t nb_rules, cap_rules;
	struct exception *exceptions;
	size_t nb_exceptions, cap_exceptions;
	uint32_t nb_entries; /* of protect, for struct protect_def */
};

void rule_model_free(struct rule_model *m);

/* One more zeroed entry; NULL: out of memory (remembered in the arena). */
struct protect_def *rule_model_add_protect(struct rule_model *m);
struct rule_def *rule_model_add_rule(struct rule_model *m);
struct exception *rule_model_add_exception(struct rule_model *m);

#endif
