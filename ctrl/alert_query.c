/* SPDX-License-Identifier: BSD-3-Clause */
#include "alert_query.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TERMS_MAX = 512, /* octets of all conditions */
	BINDS_MAX = 16,
};

struct query {
	char where[TERMS_MAX];
	struct bind {
		bool is_blob, is_text;
		sqlite3_int64 number;
		char *octets;
		size_t len;
	} binds[BINDS_MAX];
	int nb_binds;
	bool failed;
};

static void
add_term(struct query *q, const char *term)
{
	size_t n = strlen(q->where);

	snprintf(q->where + n, sizeof(q->where) - n, " AND %s", term);
}

static void
bind_number(struct query *q, uint64_t v)
{
	q->binds[q->nb_binds++] = (struct bind){ .number = (sqlite3_int64)v };
}

/* Owns @octets. */
static void
bind_octets(struct query *q, char *octets, size_t len, bool is_text)
{
	if (octets == NULL)
		q->failed = true;
	q->binds[q->nb_binds++] = (struct bind){ .is_blob = !is_text, .is_text = is_text, .octets = octets, .len = len };
}

/* "reversed name" followed by @last: a bound of the range of everything below a name. */
static char *
reversed(const char *name, const char *last)
{
	size_t n = strlen(name);
	char *s = malloc(n + strlen(last) + 1);

	if (s == NULL)
		return NULL;
	store_reverse(name, n, s);
	strcpy(s + n, last);
	return s;
}

/* A domain itself and what stands below it: reversed, that is the name, and the range "name." .. "name/". */
static void
add_domain(struct query *q, const char *domain)
{
	size_t n = strlen(domain);

	add_term(q, "(a.domain = ? OR (a.domain >= ? AND a.domain < ?))");
	bind_octets(q, reversed(domain, ""), n, false);
	bind_octets(q, reversed(domain, "."), n + 1, false);
	bind_octets(q, reversed(domain, "/"), n + 1, false);
}

static void
add_sender(struct query *q, const char *sender)
{
	const char *at = strrchr(sender, '@');
	size_t n = strlen(sender);

	if (n == 0 || (at != NULL && at != sender)) {
		add_term(q, "a.sender = ?");
		bind_octets(q, reversed(sender, ""), n, false);
		return;
	}
	if (at == sender) {
		sender++;
		n--;
	}
	/* '@' follows the reversed domain, or '.' and a sub-domain. */
	add_term(q, "((a.sender >= ? AND a.sender < ?) OR (a.sender >= ? AND a.sender < ?))");
	bind_octets(q, reversed(sender, "@"), n + 1, false);
	bind_octets(q, reversed(sender, "A"), n + 1, false);
	bind_octets(q, reversed(sender, "."), n + 1, false);
	bind_octets(q, reversed(sender, "/"), n + 1, false);
}

static void
build(struct query *q, const struct alert_filter *f)
{
	if (f->since_ns != 0) {
		add_term(q, "a.ts_ns >= ?");
		bind_number(q, f->since_ns);
	}
	if (f->until_ns != 0) {
		add_term(q, "a.ts_ns < ?");
		bind_number(q, f->until_ns);
	}
	if (f->rule != NULL) {
		add_term(q, "a.rule = ?");
		bind_octets(q, strdup(f->rule), strlen(f->rule), true);
	}
	if (f->verdict != DP_VERDICT_NONE) {
		add_term(q, "a.verdict = ?");
		bind_number(q, f->verdict);
	}
	if (f->domain != NULL)
		add_domain(q, f->domain);
	if (f->sender != NULL)
		add_sender(q, f->sender);
	bind_number(q, f->limit == 0 ? INT64_MAX : f->limit);
}

static void
bind_all(const struct query *q, sqlite3_stmt *st)
{
	int i;

	for (i = 0; i < q->nb_binds; i++) {
		const struct bind *b = &q->binds[i];

		if (b->is_text)
			sqlite3_bind_text(st, i + 1, b->octets, (int)b->len, SQLITE_STATIC);
		else if (b->is_blob)
			sqlite3_bind_blob(st, i + 1, b->octets, (int)b->len, SQLITE_STATIC);
		else
			sqlite3_bind_int64(st, i + 1, b->number);
	}
}

/* Rows of (sequence, kind, json) to @fn. 0, what @fn returned, or negative errno; *ret_nb rows were seen. */
static int
give_rows(struct store *s, sqlite3_stmt *st, store_record_fn fn, void *ctx, unsigned int *ret_nb)
{
	int rc = 0, step;

	while ((step = sqlite3_step(st)) == SQLITE_ROW && rc == 0) {
		rc = fn(ctx, (uint64_t)sqlite3_column_int64(st, 0), (enum store_kind)sqlite3_column_int(st, 1),
			(const char *)sqlite3_column_text(st, 2), (size_t)sqlite3_column_bytes(st, 2));
		(*ret_nb)++;
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = store_fail(s, "cannot read");
	return rc;
}

int
alert_query(struct store *s, const struct alert_filter *f, store_record_fn fn, void *ctx)
{
	struct query q = { .where = "1" };
	sqlite3_stmt *st = NULL;
	char sql[TERMS_MAX + 256];
	unsigned int nb = 0;
	int rc, i;

	build(&q, f);
	snprintf(sql, sizeof(sql),
		 "SELECT sequence, kind, json FROM record WHERE sequence IN (SELECT a.sequence FROM alert a WHERE %s"
		 " ORDER BY a.sequence DESC LIMIT ?) ORDER BY sequence", q.where);
	if (q.failed) {
		rc = -ENOMEM;
	} else if (sqlite3_prepare_v2(store_db(s), sql, -1, &st, NULL) != SQLITE_OK) {
		rc = store_fail(s, "cannot read");
	} else {
		bind_all(&q, st);
		rc = give_rows(s, st, fn, ctx, &nb);
	}
	sqlite3_finalize(st);
	for (i = 0; i < q.nb_binds; i++)
		free(q.binds[i].octets);
	return rc;
}

int
alert_query_one(struct store *s, uint64_t sequence, store_record_fn fn, void *ctx)
{
	sqlite3_stmt *st = NULL;
	unsigned int nb = 0;
	int rc;

	if (sqlite3_prepare_v2(store_db(s),
			       "SELECT sequence, kind, json FROM record WHERE sequence = ?1 AND kind = 1 UNION ALL"
			       " SELECT r.sequence, r.kind, r.json FROM alert_update u JOIN record r"
			       " ON r.sequence = u.sequence WHERE u.alert = ?1", -1, &st, NULL) != SQLITE_OK)
		return store_fail(s, "cannot read");
	sqlite3_bind_int64(st, 1, (sqlite3_int64)sequence);
	rc = give_rows(s, st, fn, ctx, &nb);
	sqlite3_finalize(st);
	return rc != 0 ? rc : nb > 0;
}

uint64_t
alert_query_updated(struct store *s, uint64_t sequence)
{
	sqlite3_stmt *st = NULL;
	uint64_t alert = 0;

	if (sqlite3_prepare_v2(store_db(s), "SELECT alert FROM alert_update WHERE sequence = ?", -1, &st, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(st, 1, (sqlite3_int64)sequence);
	if (sqlite3_step(st) == SQLITE_ROW)
		alert = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return alert;
}
