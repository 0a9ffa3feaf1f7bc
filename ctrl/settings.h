/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * settings - mappings of named settings in a YAML tree, for the readers of postern.yaml (config.c, live_config.c)
 *
 * What:      each reader has its own struct reader, which begins with a struct settings, and tables of names with what reads
 *            their values. Unknown and doubled names are reported, with what is meant or known.
 * Ownership: texts are the caller's to free. Trust: the file is root's; every length is bounded.
 * Threads:   none of its own, no state.
 */
#ifndef POSTERN_SETTINGS_H
#define POSTERN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "yaml_tree.h"

enum {
	SETTINGS_PATH_MAX = 4000, /* octets of a path */
	SETTINGS_MAX = 24,	  /* of one table */
};

struct settings {
	const char *path; /* of the file */
	struct rule_errors errs;
};

struct reader; /* of who includes this; begins with a struct settings */

/* One setting: its name and what reads its value. A table ends with a NULL name. */
struct setting {
	const char *name;
	void (*read)(struct reader *rd, const struct yaml_node *value);
};

#define settings_report(st, at, hint, ...) rule_errors_add(&(st)->errs, RULE_ERROR, at, hint, __VA_ARGS__)

/* A text of 1 to @max octets; NULL when it is none (reported). */
char *settings_text(struct settings *st, const struct yaml_node *value, size_t max, const char *name);
/* A path; a relative one counts from the folder of the file. */
char *settings_path(struct settings *st, const struct yaml_node *value, const char *name);
/* Whole number of @min to @max; false when it is none (reported), *ret untouched. */
bool settings_number(struct settings *st, const struct yaml_node *value, unsigned int min, unsigned int max,
		     const char *name, unsigned int *ret);

/* Does a key of the same name stand before @key in @map? */
bool settings_stands_before(const struct yaml_node *map, const struct yaml_node *key);
/* @where: what stands before the names of its settings in messages, "observer.". @st is what the struct reader begins with. */
void settings_mapping(struct settings *st, const struct yaml_node *map, const struct setting *table, const char *where);

/* The file's octets; NULL with the reason reported, and in *ret_error (negative errno). */
char *settings_slurp(struct settings *st, size_t *ret_len, int *ret_error);
/* Give all errors to @error, in the order of the file, and forget them. Their number without warnings. */
size_t settings_tell(struct settings *st, config_error_fn error, void *ctx);

#endif
