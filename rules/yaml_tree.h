/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yaml_tree - a YAML document as a tree in which every node knows its line and column
 *
 * What:      reads octets with libfyaml's event interface. Refused, each with its place: what is no UTF-8, control
 *            characters, aliases and anchors (a "billion laughs" needs them, rules do not), tags, keys that are no
 *            scalars, a second document, nesting deeper than YAML_DEPTH_MAX, more than YAML_NODES_MAX nodes.
 * Ownership: nodes live in the caller's arena.
 * Cost:      O(octets).
 * Hostile:   all octets up to YAML_LEN_MAX.
 */
#ifndef POSTERN_YAML_TREE_H
#define POSTERN_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "rule_errors.h"

enum {
	YAML_LEN_MAX = 16 << 20, /* octets of one file */
	YAML_DEPTH_MAX = 16,
	YAML_NODES_MAX = 2 << 20,
};

enum yaml_type {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAPPING,
};

/* A mapping's children are key, value, key, value. */
struct yaml_node {
	enum yaml_type type;
	bool is_plain;	      /* a scalar without quotes */
	bool is_refused;      /* an error has been added: to be passed over */
	struct rule_place at; /* of a quoted scalar: the first octet inside the quotes */
	const char *text;     /* of a scalar, NUL-terminated and without other NUL */
	size_t len;
	size_t nb; /* children */
	struct yaml_node *first, *last, *next;
};

/* The tree of @len octets, NULL when there is none (empty document, or errors were added). */
struct yaml_node *yaml_tree_read(const char *file, const char *octets, size_t len,
				 struct arena *arena, struct rule_errors *errs);

/* An empty plain scalar, ~ or null. */
bool yaml_is_null(const struct yaml_node *n);

#endif
