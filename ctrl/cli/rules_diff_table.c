/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_diff_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum {
	COLUMN_ADDRESS,
	COLUMN_COUNT,
	COLUMN_WAS, /* five columns */
	COLUMN_IS = COLUMN_WAS + 5,
};

struct rules_diff_table {
	sqlite3 *db;
	sqlite3_stmt *add;
};

/* An empty name is a temporary file; what fits stays in memory. */
static const char schema[] =
	"PRAGMA cache_size = -16384;"
	"PRAGMA temp_store = FILE;"
	"PRAGMA synchronous = OFF;"
	"PRAGMA journal_mode = OFF;"
	"CREATE TABLE diff (address BLOB NOT NULL,"
	" was_match INTEGER NOT NULL, was_verdict INTEGER NOT NULL, was_technique INTEGER NOT NULL,"
	" was_meant BLOB NOT NULL, was_by TEXT NOT NULL,"
	" is_match INTEGER NOT NULL, is_verdict INTEGER NOT NULL, is_technique INTEGER NOT NULL,"
	" is_meant BLOB NOT NULL, is_by TEXT NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (address, was_match, was_verdict, was_technique, was_meant, was_by,"
	" is_match, is_verdict, is_technique, is_meant, is_by)) WITHOUT ROWID;"
	"BEGIN";

static const char add_text[] = "INSERT INTO diff VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
			       " ON CONFLICT DO UPDATE SET count = count + 1";

static const char each_text[] =
	"SELECT address, count, was_match, was_verdict, was_technique, was_meant, was_by,"
	" is_match, is_verdict, is_technique, is_meant, is_by FROM diff"
	" ORDER BY count DESC, address, was_by, is_by";

void
rules_judgement_of(const struct rules_answer *a, struct rules_judgement *ret)
{
	*ret = (struct rules_judgement){
		.is_match = a->is_match, .verdict = rules_answer_verdict(a), .by = "", .meant = ""};
	if (!a->is_match)
		return;
	ret->technique = a->match.technique;
	ret->by = a->decision.by;
	ret->meant = a->match.meant;
	ret->meant_len = a->match.meant_len;
}

bool
rules_judgement_equal(const struct rules_judgement *a, const struct rules_judgement *b)
{
	return a->is_match == b->is_match && a->verdict == b->verdict &&
	       a->technique == b->technique && a->meant_len == b->meant_len &&
	       memcmp(a->meant, b->meant, a->meant_len) == 0;
}

int
rules_diff_table_open(struct rules_diff_table **ret)
{
	struct rules_diff_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	*ret = t;
	if (sqlite3_open("", &t->db) != SQLITE_OK ||
	    sqlite3_exec(t->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(t->db, add_text, -1, &t->add, NULL) != SQLITE_OK)
		return -EIO;
	return 0;
}

void
rules_diff_table_close(struct rules_diff_table *t)
{
	if (t == NULL)
		return;
	sqlite3_finalize(t->add);
	sqlite3_close(t->db);
	free(t);
}

const char *
rules_diff_table_error(const struct rules_diff_table *t)
{
	return t != NULL && t->db != NULL ? sqlite3_errmsg(t->db) : "out of memory";
}

static void
bind(sqlite3_stmt *st, int at, const struct rules_judgement *j)
{
	sqlite3_bind_int(st, at, j->is_match);
	sqlite3_bind_int(st, at + 1, (int)j->verdict);
	sqlite3_bind_int(st, at + 2, j->technique);
	sqlite3_bind_blob(st, at + 3, j->meant, (int)j->meant_len, SQLITE_STATIC);
	sqlite3_bind_text(st, at + 4, j->by, -1, SQLITE_STATIC);
}

int
rules_diff_table_add(struct rules_diff_table *t, const char *address, size_t len,
		     const struct rules_judgement *was, const struct rules_judgement *is)
{
	int rc;

	sqlite3_bind_blob64(t->add, 1, address, len, SQLITE_STATIC);
	bind(t->add, 2, was);
	bind(t->add, 7, is);
	rc = sqlite3_step(t->add);
	sqlite3_reset(t->add);
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int
rules_diff_table_count(struct rules_diff_table *t, uint64_t *ret_nb)
{
	sqlite3_stmt *st = NULL;
	int rc = -EIO;

	if (sqlite3_prepare_v2(t->db, "SELECT count(*) FROM (SELECT DISTINCT address FROM diff)",
			       -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		*ret_nb = (uint64_t)sqlite3_column_int64(st, 0);
		rc = 0;
	}
	sqlite3_finalize(st);
	return rc;
}

static void
fetch(sqlite3_stmt *st, int at, struct rules_judgement *ret)
{
	ret->is_match = sqlite3_column_int(st, at) != 0;
	ret->verdict = (enum rule_verdict)sqlite3_column_int(st, at + 1);
	ret->technique = sqlite3_column_int(st, at + 2);
	ret->meant = sqlite3_column_blob(st, at + 3);
	ret->meant_len = (size_t)sqlite3_column_bytes(st, at + 3);
	ret->by = (const char *)sqlite3_column_text(st, at + 4);
}

int
rules_diff_table_each(struct rules_diff_table *t,
		      int (*each)(void *ctx, const char *address, size_t len, uint64_t count,
				  const struct rules_judgement *was,
				  const struct rules_judgement *is),
		      void *ctx)
{
	struct rules_judgement was, is;
	sqlite3_stmt *st = NULL;
	int rc = 0, step = SQLITE_ERROR;

	if (sqlite3_prepare_v2(t->db, each_text, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *address = sqlite3_column_blob(st, COLUMN_ADDRESS);

		fetch(st, COLUMN_WAS, &was);
		fetch(st, COLUMN_IS, &is);
		rc = each(ctx, address, (size_t)sqlite3_column_bytes(st, COLUMN_ADDRESS),
			  (uint64_t)sqlite3_column_int64(st, COLUMN_COUNT), &was, &is);
	}
	sqlite3_finalize(st);
	return rc == 0 && step != SQLITE_DONE ? -EIO : rc;
}
