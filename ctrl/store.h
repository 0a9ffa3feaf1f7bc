/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store - alerts, updates and lost records in SQLite, and all that a restarted ctrl needs to go on
 *
 * What:      one file (write-ahead log beside it), one writing process. Everything of a batch goes into one transaction:
 *            records with their sequence numbers, the open alerts, and the ring positions up to which all is in it. So a
 *            ctrl that dies between the commit and telling the ring neither loses nor doubles: it reads the positions.
 *
 *              record      sequence, kind, event_id, json       what is written out, octet for octet
 *              alert_update alert, sequence                     which record is the update of an alert
 *              alert       sequence, time, rule, ...            what `postern alerts` filters by, indexed
 *              open_alert  alerts that wait for their update
 *              ring        worker, position, alerts
 *              span        sequence, when it was stored: for retention by age (store_keep.h)
 *              meta        store_id, next_sequence, run, ...
 *
 * Sequence:  from 1, without gaps over all kinds, given inside the transaction. A record that is there already uses
 *            none up: a second replay of the same input adds nothing.
 * Death:     of the process at any point: nothing committed is lost (synchronous=NORMAL is enough for that). Of the machine:
 *            the file stays consistent, but the last commits may be gone while their lines stand in an output file already.
 *            STORE_DURABLE (synchronous=FULL) costs an fsync() per batch and rules that out; live runs use it.
 * Versions:  user_version. An older store is brought up to date by the steps of store_schema.h when it is opened for writing,
 *            in one transaction; to be read only, it is read as it is. A newer one is refused, never used by guess.
 * Errors:    negative errno; store_error() has the sentence for people, naming the file, the cause and what to do.
 * Threads:   one.
 */
#ifndef POSTERN_STORE_H
#define POSTERN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ids.h"

enum {
	STORE_VERSION = 3,
};

/* How exactly it is known when a record was stored. */
#define STORE_SPAN_NS UINT64_C(600000000000)

enum store_flags {
	STORE_READONLY = 1u << 0, /* for `postern alerts`: never waits for, never disturbs the writer */
	STORE_DURABLE = 1u << 1,
	STORE_SCRATCH = 1u << 2, /* goes with the run: no indices for questions, no fsync() */
};

enum store_kind {
	STORE_ALERT = 1,
	STORE_UPDATE,
	STORE_LOST,
};

struct store;
struct sqlite3;

/*
 * Open, making it where it is not there (not with STORE_READONLY). Always gives an object, for store_error(), unless
 * there is no memory; free it in any case. -EBUSY: another process writes to it; -EPROTO: of a newer version;
 * -EBADMSG: not a store of ours, or damaged.
 */
int store_open(const char *path, unsigned int flags, struct store **ret);
void store_free(struct store *s);
const char *store_error(const struct store *s);
const char *store_id(const struct store *s);
const char *store_path(const struct store *s);
struct sqlite3 *store_db(struct store *s); /* for the modules that keep tables of their own in it */
/* Turn the last SQLite error into store_error() and an errno. */
int store_fail(struct store *s, const char *what);

/* What it was opened for: forget the rings of an earlier run, remember this one. */
int store_run_begin(struct store *s, uint64_t run_id, uint64_t ruleset_hash);
struct store_run {
	uint64_t first_sequence; /* first number that this run gives */
	uint64_t ruleset_hash;
	uint64_t alerts, updates; /* stored by this run */
	uint64_t last_ts_ns;	  /* moment up to which all is stored */
	uint64_t previous_run;	  /* run id of the one before, 0: none */
};
int store_run_load(struct store *s, struct store_run *ret);

/* One transaction. store_begin() in an open one does nothing. */
int store_begin(struct store *s);
bool store_in_transaction(const struct store *s);
/* @run: counts to be kept with it. */
int store_commit(struct store *s, const struct store_run *run);

/* The number that the next record will get. */
uint64_t store_next_sequence(const struct store *s);

/* What alerts are filtered by; text as the JSON shows it. */
struct store_alert {
	uint64_t ts_ns;
	const char *rule;
	unsigned int verdict; /* enum dp_verdict */
	unsigned int severity;
	const void *domain, *sender; /* octets; kept lower-cased and reversed, so that sub-domains are a range */
	size_t domain_len, sender_len;
};

/*
 * Add a record with the next number, which its @json (one line, no line end) names. 1: added; 0: it is there already,
 * nothing was changed. An alert or lost record is known by its event id; an update by its alert, whose numbers make a
 * dense index (event ids are random: an index of them touches a page per record).
 */
int store_add_alert(struct store *s, const uint8_t event_id[EVENT_ID_OCTETS], const char *json, size_t json_len,
		    const struct store_alert *alert);
int store_add_lost(struct store *s, const uint8_t event_id[EVENT_ID_OCTETS], const char *json, size_t json_len);
int store_add_update(struct store *s, uint64_t alert_sequence, const char *json, size_t json_len);

/* Ring positions. */
int store_ring_get(struct store *s, unsigned int worker, uint64_t *ret_pos, uint64_t *ret_alerts);
int store_ring_put(struct store *s, unsigned int worker, uint64_t pos, uint64_t alerts);

/*
 * Call @fn for each record after @after in sequence order, until it returns non-zero (which is returned). Reads in
 * pieces: no read transaction stays open over a slow output.
 */
typedef int (*store_record_fn)(void *ctx, uint64_t sequence, enum store_kind kind, const char *json, size_t len);
int store_read(struct store *s, uint64_t after, store_record_fn fn, void *ctx);

/* Reversed and lower-cased for the index, into @dst of at least @len octets. */
void store_reverse(const void *src, size_t len, char *dst);

#endif
