/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_private - what the files of the store share: store_open.c (opening, locking, the schema), store_stmt.c (statements
 * and the words for what failed), store.c (records, positions, runs)
 */
#ifndef POSTERN_STORE_PRIVATE_H
#define POSTERN_STORE_PRIVATE_H

#include <sqlite3.h>

#include "store.h"

enum stmt_id {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ADD,
	STMT_ADD_ALERT,
	STMT_ADD_UPDATE,
	STMT_RING_GET,
	STMT_RING_PUT,
	STMT_META_GET,
	STMT_META_PUT,
	STMT_READ,
	STMT_ADD_SPAN,
	STMT_NB,
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *stmts[STMT_NB];
	char *path;
	bool readonly;
	int lock_fd;
	bool in_transaction;
	uint64_t next_sequence;
	uint64_t begun_sequence; /* next_sequence when the open transaction began */
	uint64_t span_ns;	 /* when the last span began; 0: there is none */
	char id[UUID_LEN + 1];
	char error[512];
};

/* "PATH: @what: @why", and what to do about @err; gives -@err. */
int store_set_error(struct store *s, const char *what, const char *why, int err);

/* Prepared once, at its first use; NULL: see store_fail(). */
sqlite3_stmt *store_stmt(struct store *s, enum stmt_id id);
/* Run a statement that gives no rows, and make it ready for the next time. 0 or store_fail(@what). */
int store_stmt_run(struct store *s, sqlite3_stmt *st, const char *what);
/* Plain SQL without arguments. 0 or store_fail(@what). */
int store_exec(struct store *s, const char *sql, const char *what);

int store_meta_put(struct store *s, const char *key, uint64_t v);
/* Absent: 0. */
int store_meta_get(struct store *s, const char *key, uint64_t *ret);

#endif
