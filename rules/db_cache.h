/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * db_cache - compiled Hyperscan databases kept on disk
 *
 * What:      compiling is the slow part of loading rules (seconds for tens of thousands of patterns). A database is kept in
 *            a file named by all that went into it: every pattern with its flags and id, the version of the engine and the
 *            features of the CPU. What differs in any of these is another file, so nothing ever has to be invalidated.
 *
 *              <SHA-256 in hex>.db :  | struct file_header | serialised database |
 *
 * Writing:   into a file of another name in the same folder, then rename(): readers see a whole file or none. Nothing is
 *            synced: what a crash of the machine leaves of it has a wrong digest.
 * Reading:   size, header, key, SHA-256 of the content, then Hyperscan's own checks. A file that fails any of them, or that
 *            is not this user's alone to write, is removed if possible and compiled anew; it is never used.
 * Limits:    octets of all files, DB_CACHE_FILES_MAX files; the longest unused go first.
 * Trust:     of the user's own folder. The digest is against damage; who can write there as this user can do worse.
 * Errors:    none that stop anything: without a cache rules are compiled each time. struct db_cache says what happened.
 * Threads:   one per struct; any number of processes share a folder.
 */
#ifndef POSTERN_DB_CACHE_H
#define POSTERN_DB_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DB_CACHE_PATH_MAX = 1024,
	DB_CACHE_FILES_MAX = 256,
	DB_CACHE_KEY_LEN = 32,
};

#define DB_CACHE_OCTETS_MAX (UINT64_C(256) << 20) /* unless the caller says otherwise */

struct db_cache {
	char dir[DB_CACHE_PATH_MAX];	/* empty: there is none, every call does nothing */
	uint64_t octets_max;
	unsigned int hits, misses;	/* of db_cache_get() */
	unsigned int refused;		/* of the misses: files that were there and were not trusted */
	int error;			/* negative errno of the last failure to read or write; 0: none */
};

/* One pattern of a database. */
struct db_cache_pattern {
	const char *expression;
	unsigned int flags, id;
};

struct db_cache_key {
	uint8_t octets[DB_CACHE_KEY_LEN];
};

/*
 * @dir: folder, made when it is missing (its parent too); "off": no cache; NULL: that of POSTERN_CACHE, else
 * /var/cache/postern for root, else postern in XDG_CACHE_HOME or ~/.cache. A folder that others may write to is not
 * used. @octets_max: 0 for the default.
 */
void db_cache_open(struct db_cache *c, const char *dir, uint64_t octets_max);

/* 0 or -EPROTO: the engine does not run here. */
int db_cache_key(const struct db_cache_pattern *patterns, size_t nb, struct db_cache_key *ret);

/* A serialised database, for free(). false: it is to be compiled. */
bool db_cache_get(struct db_cache *c, const struct db_cache_key *key, char **ret_db, size_t *ret_len);

/* Keep a serialised database, and let the oldest go if there are too many. */
void db_cache_put(struct db_cache *c, const struct db_cache_key *key, const char *db, size_t len);

#endif
