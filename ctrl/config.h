/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config - postern.yaml
 *
 * What:      reads the configuration file, checks all of it, and gives out either a whole configuration or every error
 *            with file:line:column.
 *
 *              rules: /etc/postern/rules      # a rule file, or a folder of them
 *              state: /var/lib/postern        # where the store is kept
 *              ports: [25, 587, 2525]         # TCP ports that speak SMTP
 *              vlan: separate                 # or ignore: copies of a frame with other tags are one connection's
 *              workers: 2                     # cores that inspect
 *              limits:                        # of each worker; what is beyond is counted and stated
 *                flows: 262144                # connections at once
 *                sessions: 131072             # of these, with an SMTP session remembered
 *              cache: /var/cache/postern     # folder of compiled rules, or off
 *              store: {keep: 90d, size: 2GiB} # older records are deleted
 *              metrics: {listen: "127.0.0.1:9517"} # for Prometheus; default: nobody listens
 *              observer:
 *                name: gw1.example.net        # observer.name of alerts
 *
 *            Every key may be left out. Relative paths count from the folder of the file.
 * Ownership: config_fini() frees what config_load() filled in.
 * Trust:     the file is root's; still every length is bounded, and an unknown key is an error (a mistyped setting that
 *            is silently ignored is worse than a start that fails).
 * Threads:   none of its own, no state.
 */
#ifndef POSTERN_CONFIG_H
#define POSTERN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_args.h"

enum {
	CONFIG_WORKERS_MAX = 64,      /* DP_WORKERS_MAX */
	CONFIG_NAME_MAX = 255,	      /* octets of observer.name */
	CONFIG_FILE_MAX = 1024 * 1024, /* octets of the file */
};

struct config {
	char *rules;    /* NULL: not set */
	char *state;    /* NULL: not set */
	char *observer; /* observer.name; NULL: not set */
	uint16_t ports[DP_ARGS_PORTS_MAX];
	unsigned int nb_ports; /* 0: not set */
	char *cache;	/* folder of compiled rules or "off"; NULL: not set */
	char *metrics;	/* metrics.listen; NULL: not set */
	uint64_t keep_s, keep_octets; /* store.keep, store.size; 0: not set */
	unsigned int workers;  /* 0: not set */
	bool ignore_vlan;
	unsigned int flows_max, sessions_max; /* of each worker; 0: not set */
};

struct config_error {
	const char *file;
	int line, column; /* from 1; 0: the file as a whole */
	const char *what;
	const char *hint; /* what to do, or NULL */
};

/* Called once per error, in the order of the file; the strings are valid during the call. */
typedef void (*config_error_fn)(void *ctx, const struct config_error *err);

/*
 * Read @path. 0 with *ret filled; -EINVAL: at least one error was reported; other negative errno: the file could not be
 * read (reported too). @ret is untouched on failure.
 */
int config_load(const char *path, config_error_fn error, void *ctx, struct config *ret);
/*
 * The same of @len octets; @path stands for the file. Errors are added to @errs, in the order of the file; *ret is filled
 * when there are none.
 */
struct rule_errors;
void config_read(const char *path, const char *text, size_t len, struct rule_errors *errs, struct config *ret);
void config_fini(struct config *cfg); /* NULL and zeroed are fine */

/* config_error_fn: one line per error on the FILE given as @ctx, "file:line:column: error: what; hint". */
void config_error_print(void *ctx, const struct config_error *err);

#endif
