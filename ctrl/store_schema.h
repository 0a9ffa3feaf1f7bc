/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * store_schema - the tables of the store, version 1, and the steps from each version to the next
 *
 * Change:    a new version gets a new STORE_VERSION and a step from the one before it; a published text never changes.
 */
#ifndef POSTERN_STORE_SCHEMA_H
#define POSTERN_STORE_SCHEMA_H

#define STORE_APPLICATION_ID 0x5053544e /* "PSTN": tells our files from other SQLite databases */

static const char store_schema_v1[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE record(sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, event_id BLOB, json TEXT NOT NULL);"
	"CREATE UNIQUE INDEX record_event ON record(event_id) WHERE event_id IS NOT NULL;"
	"CREATE TABLE alert_update(alert INTEGER PRIMARY KEY REFERENCES record(sequence), sequence INTEGER NOT NULL);"
	"CREATE TABLE alert(sequence INTEGER PRIMARY KEY REFERENCES record(sequence), ts_ns INTEGER NOT NULL,"
	" rule TEXT NOT NULL, verdict INTEGER NOT NULL, severity INTEGER NOT NULL, domain BLOB NOT NULL,"
	" sender BLOB NOT NULL);"
	"CREATE INDEX alert_ts ON alert(ts_ns);"
	"CREATE INDEX alert_rule ON alert(rule, ts_ns);"
	"CREATE INDEX alert_verdict ON alert(verdict, ts_ns);"
	"CREATE INDEX alert_domain ON alert(domain, ts_ns);"
	"CREATE INDEX alert_sender ON alert(sender, ts_ns);"
	"CREATE TABLE ring(worker INTEGER PRIMARY KEY, position INTEGER NOT NULL, alerts INTEGER NOT NULL);"
	"CREATE TABLE open_alert(sequence INTEGER PRIMARY KEY, run INTEGER NOT NULL, ts_ns INTEGER NOT NULL,"
	" event_id BLOB NOT NULL, flow_uid INTEGER NOT NULL, txn INTEGER NOT NULL, rcpt INTEGER NOT NULL,"
	" command_octets INTEGER NOT NULL, reply INTEGER NOT NULL, data_begun INTEGER NOT NULL, closed_ns INTEGER);"
	"CREATE INDEX open_alert_flow ON open_alert(flow_uid, txn, data_begun, rcpt);"
	"CREATE INDEX open_alert_closed ON open_alert(sequence) WHERE closed_ns IS NOT NULL;";

/* What was enforced, of alerts that wait for their update. */
static const char store_schema_v2[] =
	"ALTER TABLE open_alert ADD COLUMN enforcement INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE open_alert ADD COLUMN hold_us INTEGER NOT NULL DEFAULT 0;";

/*
 * When records were stored, coarsely: those from @sequence on, up to the next row, not before @stored_ns. What was there
 * before counts as stored by the step.
 */
static const char store_schema_v3[] =
	"CREATE TABLE span(sequence INTEGER PRIMARY KEY, stored_ns INTEGER NOT NULL);"
	"INSERT INTO span SELECT min(sequence), CAST(strftime('%s', 'now') AS INTEGER) * 1000000000 FROM record"
	" WHERE true HAVING min(sequence) IS NOT NULL;";

/* From version i to i + 1; a new store takes all of them. */
static const char *const store_schema_steps[] = { store_schema_v1, store_schema_v2, store_schema_v3 };

/* What a scratch store does without: the indices of those who ask, which cost more than all the rest. */
static const char store_schema_scratch[] =
	"DROP INDEX alert_ts; DROP INDEX alert_rule; DROP INDEX alert_verdict; DROP INDEX alert_domain; DROP INDEX alert_sender;";

#endif
