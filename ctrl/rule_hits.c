/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_hits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#define OTHERS "(others)"

/* Rows of the table meta: "hit:KIND:ID", everything from FIRST up to BEHIND. store_run_begin() removes them. */
#define FIRST "hit:"
#define BEHIND "hit;"

struct entry {
	struct rule_hit hit;
	bool is_changed;
};

struct rule_hits {
	struct store *store;
	struct entry *entries; /* by kind and id */
	size_t nb, cap;
	bool is_changed; /* some entry is */
};

/* The place of the count, or where it belongs. */
static size_t
place(const struct rule_hits *h, enum rule_hit_kind kind, const char *id, bool *ret_found)
{
	size_t first = 0, last = h->nb, middle;
	int c;

	while (first < last) {
		middle = (first + last) / 2;
		c = (int)h->entries[middle].hit.kind - (int)kind;
		if (c == 0)
			c = strcmp(h->entries[middle].hit.id, id);
		if (c == 0) {
			*ret_found = true;
			return middle;
		}
		if (c < 0)
			first = middle + 1;
		else
			last = middle;
	}
	*ret_found = false;
	return first;
}

/* The count of an id, made where there is none; NULL: no memory. */
static struct entry *
take(struct rule_hits *h, enum rule_hit_kind kind, const char *id)
{
	bool found;
	size_t at = place(h, kind, id, &found), cap;
	struct entry *bigger;
	char *copy;

	if (found)
		return &h->entries[at];
	if (h->nb >= RULE_HITS_MAX && strcmp(id, OTHERS) != 0)
		return take(h, kind, OTHERS);
	if (h->nb == h->cap) {
		cap = h->cap > 0 ? 2 * h->cap : 16;
		bigger = reallocarray(h->entries, cap, sizeof(*bigger));
		if (bigger == NULL)
			return NULL;
		h->entries = bigger;
		h->cap = cap;
	}
	copy = strdup(id);
	if (copy == NULL)
		return NULL;
	memmove(&h->entries[at + 1], &h->entries[at], (h->nb - at) * sizeof(*h->entries));
	h->nb++;
	h->entries[at] = (struct entry){ .hit = { .kind = kind, .id = copy } };
	return &h->entries[at];
}

static int
load_row(struct rule_hits *h, const char *key, uint64_t nb)
{
	const char *colon = strchr(key + strlen(FIRST), ':');
	char kind[32];
	struct entry *e;
	int k;

	if (colon == NULL)
		return 0;
	snprintf(kind, sizeof(kind), "%.*s", (int)(colon - key - (ptrdiff_t)strlen(FIRST)), key + strlen(FIRST));
	k = rule_hit_kind_from_name(kind);
	if (k < 0)
		return 0;
	e = take(h, (enum rule_hit_kind)k, colon + 1);
	if (e == NULL)
		return -ENOMEM;
	e->hit.nb += nb;
	return 0;
}

static int
load(struct rule_hits *h)
{
	static const char sql[] = "SELECT key, value FROM meta WHERE key >= '" FIRST "' AND key < '" BEHIND "'";
	sqlite3_stmt *st;
	int rc = 0, step;

	if (sqlite3_prepare_v2(store_db(h->store), sql, -1, &st, NULL) != SQLITE_OK)
		return store_fail(h->store, "cannot read");
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		rc = load_row(h, (const char *)sqlite3_column_text(st, 0), (uint64_t)sqlite3_column_int64(st, 1));
	if (rc == 0 && step != SQLITE_DONE)
		rc = store_fail(h->store, "cannot read");
	sqlite3_finalize(st);
	return rc;
}

int
rule_hits_new(struct store *s, struct rule_hits **ret)
{
	struct rule_hits *h = calloc(1, sizeof(*h));
	int rc;

	if (h == NULL)
		return -ENOMEM;
	h->store = s;
	rc = load(h);
	if (rc < 0) {
		rule_hits_free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void
rule_hits_free(struct rule_hits *h)
{
	size_t i;

	if (h == NULL)
		return;
	for (i = 0; i < h->nb; i++)
		free(h->entries[i].hit.id);
	free(h->entries);
	free(h);
}

static int
count(struct rule_hits *h, enum rule_hit_kind kind, const char *id)
{
	struct entry *e = take(h, kind, id);

	if (e == NULL)
		return -ENOMEM;
	e->hit.nb++;
	e->is_changed = true;
	h->is_changed = true;
	return 0;
}

static int
count_exception(struct rule_hits *h, enum rule_hit_kind kind, const struct ruleset *set, uint32_t exception)
{
	struct exception_info x;

	if (exception == RULESET_NONE)
		return 0;
	ruleset_exception(set, exception, &x);
	return count(h, kind, x.id);
}

int
rule_hits_count(struct rule_hits *h, const struct decision *d)
{
	int rc = count_exception(h, RULE_HIT_EXCEPTION, d->set, d->exception);

	if (rc == 0)
		rc = count_exception(h, RULE_HIT_EXPIRED, d->set, d->expired);
	if (rc == 0 && d->scope != RULESET_NONE)
		rc = count(h, RULE_HIT_SCOPE, ruleset_rule(d->set, d->scope)->id);
	return rc;
}

static int
put(sqlite3_stmt *st, struct store *s, const struct rule_hit *hit)
{
	char key[256];
	int rc;

	snprintf(key, sizeof(key), FIRST "%s:%s", rule_hit_kind_name(hit->kind), hit->id);
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)hit->nb);
	rc = sqlite3_step(st) == SQLITE_DONE ? 0 : store_fail(s, "cannot write");
	sqlite3_reset(st);
	return rc;
}

int
rule_hits_save(struct rule_hits *h)
{
	static const char sql[] = "INSERT INTO meta(key, value) VALUES(?, ?) "
				  "ON CONFLICT(key) DO UPDATE SET value = excluded.value";
	sqlite3_stmt *st;
	size_t i;
	int rc = 0;

	if (!h->is_changed)
		return 0;
	if (sqlite3_prepare_v2(store_db(h->store), sql, -1, &st, NULL) != SQLITE_OK)
		return store_fail(h->store, "cannot write");
	for (i = 0; i < h->nb && rc == 0; i++) {
		if (h->entries[i].is_changed)
			rc = put(st, h->store, &h->entries[i].hit);
		if (rc == 0)
			h->entries[i].is_changed = false;
	}
	sqlite3_finalize(st);
	h->is_changed = rc < 0;
	return rc;
}

size_t
rule_hits_nb(const struct rule_hits *h)
{
	return h->nb;
}

const struct rule_hit *
rule_hits_get(const struct rule_hits *h, size_t i)
{
	return &h->entries[i].hit;
}
