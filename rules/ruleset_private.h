/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ruleset_private - what the files of the rule set share: ruleset_load.c reads and compiles it, ruleset_decide.c says what
 * a match means, ruleset.c tells what is in it
 */
#ifndef POSTERN_RULESET_PRIVATE_H
#define POSTERN_RULESET_PRIVATE_H

#include <string.h>

#include "kept_files.h"
#include "rule_model.h"
#include "ruleset.h"

struct ruleset_again; /* to ask again without rules that are not for the sender */

struct ruleset {
	struct rule_model model;
	const char *name;
	void *image;
	size_t image_len;
	struct db_cache *cache; /* while it is loaded; or NULL */
	struct kept_files kept;
	uint64_t hash;
	uint32_t generation;
	size_t nb_files;
	struct ruleset_again *again; /* or NULL: no rule is for some senders only */
	bool has_lists; /* rule files may name list files */
	uint64_t at_ns;	  /* moment for warnings about exceptions; 0: now */
	bool is_snapshot; /* all there is stands in @kept */
};

/* Make @set->again, of the compiled set, if it is needed. 0 or negative errno. */
int ruleset_again_make(struct ruleset *set);
void ruleset_again_free(struct ruleset_again *a);

/* The last part of a path. */
static inline const char *
ruleset_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

#endif
