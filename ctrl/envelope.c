/* SPDX-License-Identifier: BSD-3-Clause */
#include "envelope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extsort.h"
#include "ids.h"
#include "json_out.h"
#include "output.h"
#include "txn_build.h"

enum {
	/* Connection (FLOW_END first), transaction, number in the journal. */
	PART_KEY_LEN = 8 + 1 + 4 + 8,
	/* Time, connection, transaction, and the run's own number of the connection. */
	LINE_KEY_LEN = 8 + FLOW_SORT_KEY_LEN + 4 + 8,
	WRITE_SIZE = 256 << 10,
};

struct envelope {
	struct extsort *parts, *lines;
	struct txn_build *txn;
	struct json_out json;
	size_t memory;
	bool open;		/* a transaction is being put together */
	uint64_t uid;
	uint32_t transaction;
	uint64_t stated;	/* anomalies in the lines of connection @uid */
	bool has_end;		/* @end is of connection @uid */
	_Alignas(8) uint8_t end[DP_RECORD_LEN_MAX];
};

static uint8_t *
put_be(uint8_t *p, uint64_t v, unsigned int octets)
{
	while (octets-- > 0)
		*p++ = (uint8_t)(v >> (8 * octets));
	return p;
}

static uint64_t
get_be(const uint8_t *p, unsigned int octets)
{
	uint64_t v = 0;

	while (octets-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* Which connection and transaction is the record part of? false: of none. */
static bool
part_of(const struct dp_record *rec, uint64_t *ret_uid, uint32_t *ret_transaction)
{
	const void *r = rec;

	*ret_transaction = 0;
	switch (rec->type) {
	case DP_EV_TXN_BEGIN:
		*ret_uid = ((const struct dp_ev_txn_begin *)r)->flow.uid;
		*ret_transaction = ((const struct dp_ev_txn_begin *)r)->transaction;
		return true;
	case DP_EV_RCPT:
		*ret_uid = ((const struct dp_ev_rcpt *)r)->flow.uid;
		*ret_transaction = ((const struct dp_ev_rcpt *)r)->transaction;
		return true;
	case DP_EV_RCPT_REPLY:
		*ret_uid = ((const struct dp_ev_rcpt_reply *)r)->flow_uid;
		*ret_transaction = ((const struct dp_ev_rcpt_reply *)r)->transaction;
		return true;
	case DP_EV_DATA:
		*ret_uid = ((const struct dp_ev_data *)r)->flow_uid;
		*ret_transaction = ((const struct dp_ev_data *)r)->transaction;
		return true;
	case DP_EV_TXN_END:
		*ret_uid = ((const struct dp_ev_txn_end *)r)->flow_uid;
		*ret_transaction = ((const struct dp_ev_txn_end *)r)->transaction;
		return true;
	case DP_EV_FLOW_END:
		*ret_uid = ((const struct dp_ev_flow_end *)r)->flow.uid;
		return true;
	default:
		return false;
	}
}

static int
sort_parts(struct envelope *v, struct journal *j)
{
	_Alignas(8) uint8_t buf[1 + DP_RECORD_LEN_MAX + 7], *rec = buf + 8;
	uint8_t key[PART_KEY_LEN], *p;
	struct journal_entry e;
	uint32_t transaction;
	uint64_t uid, nb = 0;
	int rc;

	_Static_assert(sizeof(buf) >= 8 + DP_RECORD_LEN_MAX, "one octet of verdict before the record, aligned");
	rc = extsort_new(PART_KEY_LEN, v->memory / 2, &v->parts);
	if (rc < 0)
		return rc;
	journal_rewind(j);
	while ((rc = journal_read(j, &e, rec)) == 1) {
		const struct dp_record *r = (const void *)rec;

		if (!part_of(r, &uid, &transaction))
			continue;
		p = put_be(key, uid, 8);
		*p++ = r->type != DP_EV_FLOW_END;
		p = put_be(p, transaction, 4);
		put_be(p, nb++, 8);
		buf[7] = e.verdict;
		rc = extsort_put(v->parts, key, buf + 7, 1 + (size_t)r->len);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? rc : extsort_sort(v->parts);
}

static const struct dp_ev_flow_end *
end_of(const struct envelope *v)
{
	return v->has_end ? (const void *)v->end : NULL;
}

/* The transaction is whole: its line, with a key to sort it by. */
static int
close_txn(struct envelope *v)
{
	uint8_t key[LINE_KEY_LEN], *p;

	if (!v->open)
		return 0;
	v->open = false;
	/* Replies to commands whose own record never came: nothing can be said of them. */
	if (!txn_build_has_flow(v->txn))
		return 0;
	v->stated |= txn_build_anomalies(v->txn);
	json_out_clear(&v->json);
	txn_build_json(v->txn, &v->json);
	if (v->json.failed)
		return -ENOMEM;
	p = put_be(key, txn_build_ts(v->txn), 8);
	ids_flow_sort_key(txn_build_flow(v->txn), p);
	p = put_be(p + FLOW_SORT_KEY_LEN, v->transaction, 4);
	put_be(p, v->uid, 8);
	return extsort_put(v->lines, key, v->json.buf, v->json.len);
}

/* Whole transactions may be missing where one of these was noted. */
#define UNSEEN                                                                                                         \
	(DP_ANOMALY_BIT(GAP_CLIENT) | DP_ANOMALY_BIT(GAP_SERVER) | DP_ANOMALY_BIT(TRUNCATED) |                         \
	 DP_ANOMALY_BIT(OVERLAP_DIFF) | DP_ANOMALY_BIT(FRAG_OVERLAP) | DP_ANOMALY_BIT(RESOURCE))

/*
 * All of the connection is there. Where octets were missed and none of its transactions says so (the gap swallowed one
 * whole, perhaps), a line of its own does: with transaction 0, as for a connection without any.
 */
static int
close_flow(struct envelope *v)
{
	int rc = close_txn(v);

	if (rc == 0 && v->has_end) {
		const struct dp_ev_flow_end *end = (const void *)v->end;

		if ((end->flags & DP_FLOW_SMTP) && (end->anomalies & UNSEEN & ~v->stated)) {
			v->open = true;
			v->transaction = 0;
			txn_build_begin(v->txn, 0, end);
			rc = close_txn(v);
		}
	}
	v->has_end = false;
	v->stated = 0;
	return rc;
}

/* FLOW_END comes before the parts of its connection. */
static int
new_flow(struct envelope *v, const struct dp_record *rec)
{
	const struct dp_ev_flow_end *end = (const void *)v->end;

	memcpy(v->end, rec, rec->len);
	v->has_end = true;
	if (end->nb_transactions > 0 || !(end->flags & DP_FLOW_SMTP))
		return 0;
	v->open = true;
	v->transaction = 0;
	txn_build_begin(v->txn, 0, end);
	return 0;
}

static int
add_part(struct envelope *v, const uint8_t *key, const uint8_t *payload, size_t len)
{
	_Alignas(8) uint8_t rec[DP_RECORD_LEN_MAX];
	const struct dp_record *r = (const void *)rec;
	uint64_t uid = get_be(key, 8);
	uint32_t transaction = (uint32_t)get_be(key + 9, 4);
	int rc;

	if (len < 1 + sizeof(*r) || len > 1 + sizeof(rec))
		return -EIO;
	memcpy(rec, payload + 1, len - 1);
	if (uid != v->uid)
		rc = close_flow(v);
	else
		rc = v->open && transaction != v->transaction ? close_txn(v) : 0;
	if (rc < 0)
		return rc;
	v->uid = uid;
	if (r->type == DP_EV_FLOW_END)
		return new_flow(v, r);
	if (!v->open) {
		v->open = true;
		v->transaction = transaction;
		txn_build_begin(v->txn, transaction, end_of(v));
	}
	return txn_build_add(v->txn, r, (enum dp_verdict)payload[0]);
}

static int
build_lines(struct envelope *v)
{
	const uint8_t *key, *payload;
	size_t len;
	int rc = extsort_new(LINE_KEY_LEN, v->memory / 2, &v->lines);

	while (rc >= 0 && (rc = extsort_next(v->parts, &key, &payload, &len)) == 1)
		rc = add_part(v, key, payload, len);
	if (rc == 0)
		rc = close_flow(v);
	extsort_free(v->parts);
	v->parts = NULL;
	return rc < 0 ? rc : extsort_sort(v->lines);
}

/* Write the buffer but for its first *skip octets. */
static int
flush(struct json_out *o, int fd, size_t *skip, _Atomic uint64_t *progress, struct failpoint *fp)
{
	size_t done = *skip < o->len ? *skip : o->len, begun = done, mark = done;
	int rc = 0;

	*skip -= done;
	if (failpoint_due(fp, FAILPOINT_MID_ENVELOPES)) {
		(void)output_write_all(fd, o->buf + done, (o->len - done) / 2, &done);
		if (progress != NULL)
			atomic_fetch_add(progress, done - begun);
		failpoint_die();
	}
	while (rc == 0 && done < o->len) {
		size_t n = progress != NULL && o->len - done > PIPE_BUF ? PIPE_BUF : o->len - done;

		rc = output_write_all(fd, o->buf + done, n, &done);
		if (progress != NULL)
			atomic_fetch_add(progress, done - mark);
		mark = done;
	}
	json_out_clear(o);
	return rc;
}

static int
write_lines(struct envelope *v, int fd, _Atomic uint64_t *progress, struct failpoint *fp)
{
	size_t skip = progress != NULL ? (size_t)atomic_load(progress) : 0, len;
	const uint8_t *key, *line;
	int rc;

	json_out_clear(&v->json);
	while ((rc = extsort_next(v->lines, &key, &line, &len)) == 1) {
		json_raw(&v->json, line, len);
		if (v->json.failed)
			return -ENOMEM;
		if (v->json.len < WRITE_SIZE)
			continue;
		rc = flush(&v->json, fd, &skip, progress, fp);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? rc : flush(&v->json, fd, &skip, progress, fp);
}

static int
explain(int rc, const char *path, char *error, size_t error_size)
{
	if (rc < 0)
		snprintf(error, error_size, "%s: cannot write envelope records: %s%s",
			 strcmp(path, "-") == 0 ? "standard output" : path, strerror(-rc),
			 rc == -ENOSPC || rc == -EDQUOT || rc == -EFBIG
				 ? "; make room there and in the folder for temporary files (TMPDIR), then run it again"
				 : "");
	return rc;
}

int
envelope_check(const char *path, char *error, size_t error_size)
{
	struct stat st;
	int fd;

	/* Opening a FIFO would wait for its reader. */
	if (strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return explain(-errno, path, error, error_size);
	close(fd);
	return 0;
}

int
envelope_write(struct journal *j, const char *path, size_t memory, struct failpoint *fp, char *error, size_t error_size)
{
	struct envelope *v = calloc(1, sizeof(*v));
	bool is_stdout = strcmp(path, "-") == 0;
	_Atomic uint64_t *progress = is_stdout ? &journal_progress(j)->envelopes : NULL;
	int fd = STDOUT_FILENO, rc;

	if (v == NULL)
		return explain(-ENOMEM, path, error, error_size);
	v->memory = memory;
	rc = txn_build_new(&v->txn);
	if (rc == 0)
		rc = sort_parts(v, j);
	if (rc == 0)
		rc = build_lines(v);
	if (rc == 0 && !is_stdout) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			rc = -errno;
	}
	if (rc == 0)
		rc = write_lines(v, fd, progress, fp);
	if (fd >= 0 && !is_stdout && close(fd) < 0 && rc == 0)
		rc = -errno;
	extsort_free(v->parts);
	extsort_free(v->lines);
	txn_build_free(v->txn);
	json_out_free(&v->json);
	free(v);
	return explain(rc, path, error, error_size);
}
