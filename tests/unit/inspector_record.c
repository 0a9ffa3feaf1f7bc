/* SPDX-License-Identifier: BSD-3-Clause */
#include "inspector_record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void
put(struct record_text *t, const void *p, size_t len)
{
	if (t->len + len + 1 > t->cap) {
		t->cap = 2 * (t->len + len) + 256;
		t->p = realloc(t->p, t->cap);
		if (t->p == NULL)
			abort();
	}
	memcpy(t->p + t->len, p, len);
	t->len += len;
	t->p[t->len] = '\0';
}

static void putf(struct record_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
putf(struct record_text *t, const char *fmt, ...)
{
	char buf[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(buf))
		abort();
	put(t, buf, (size_t)n);
}

static void
put_str(struct record_text *t, const char *name, const struct smtp_str *s)
{
	uint32_t i;

	putf(t, " %s=", name);
	for (i = 0; i < s->len && i < 64; i++) {
		if (s->p[i] > ' ' && s->p[i] < 127)
			put(t, &s->p[i], 1);
		else
			putf(t, "\\x%02x", s->p[i]);
	}
	if (s->full_len > i)
		putf(t, "..(%u %016" PRIx64 ")", s->full_len, s->len < s->full_len ? s->hash : 0);
}

static void
put_anomalies(struct record_text *t, uint64_t set)
{
	for (; set != 0; set &= set - 1)
		putf(t, " %s", dp_anomaly_name((enum dp_anomaly)__builtin_ctzll(set)));
	putf(t, "\n");
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
	struct inspector_record *r = ctx;

	(void)owner;
	putf(&r->client, "begin %u", transaction);
	put_str(&r->client, "helo", helo);
	put_str(&r->client, "sender", sender);
	put_anomalies(&r->client, anomalies);
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	struct inspector_record *r = ctx;
	struct dp_flow_id id;
	uint32_t start, end;

	flow_id(owner, &id);
	flow_line_seq(owner, rcpt, &start, &end);
	r->nb_alternatives += rcpt->index == 0;
	putf(&r->client, "rcpt %u/%u", rcpt->transaction, rcpt->index);
	put_str(&r->client, "to", &rcpt->address);
	put_str(&r->client, "from", &rcpt->sender);
	if (rcpt->index != 0)
		putf(&r->client, " at %u+%u", start - id.first_seq - 1, end - start);
	putf(&r->client, rcpt->flags & DP_RCPT_ALTERNATIVE ? " other" : "");
	put_anomalies(&r->client, rcpt->anomalies);
	return rcpt->index % 2 == 0;
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	struct inspector_record *r = ctx;

	(void)owner;
	putf(&r->reply, "reply %u/%u %u\n", transaction, index, reply);
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	struct inspector_record *r = ctx;

	(void)owner;
	/* A chunk is begun by the client. */
	putf(kind == DP_DATA_BDAT ? &r->client : &r->reply, "data %u kind %d %u\n", transaction, kind, reply);
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *end)
{
	struct inspector_record *r = ctx;

	(void)owner;
	putf(&r->reply, "end %u rcpts %u kind %u %u/%u body %" PRIu64 "%s", end->transaction, end->nb_rcpts, end->kind,
	     end->go_reply, end->data_reply, end->body_octets, end->complete ? " complete" : "");
	put_anomalies(&r->reply, end->anomalies);
}

static void
on_flow_end(void *ctx, struct flow *f, enum dp_close how, const struct smtp_summary *sum)
{
	static const char *const names[] = { "?", "fin", "rst", "aged", "end", "evicted", "replaced" };
	struct inspector_record *r = ctx;
	struct dp_flow_id id;

	flow_id(f, &id);
	r->last_end_uid = id.uid;
	r->nb_ends++;
	putf(&r->ends, "flow %u.%u>%u.%u %s txns %u flags %u", id.key.client_addr[3], id.key.client_port,
	     id.key.server_addr[3], id.key.server_port, names[how], sum->nb_transactions, sum->flags);
	put_str(&r->ends, "helo", &sum->helo);
	put_anomalies(&r->ends, sum->anomalies);
}

static const struct inspector_ops ops = {
	.smtp = { on_txn_begin, on_rcpt, on_rcpt_reply, on_data, on_txn_end },
	.flow_end = on_flow_end,
};

void
inspector_record_config(struct inspector_config *cfg)
{
	inspector_config_default(cfg);
	cfg->flows_max = 64;
	cfg->sessions_max = 64;
	cfg->reasm_blocks = 4096;
	cfg->reasm_flow_blocks = 2048;
	cfg->all_events = true;
}

void
inspector_record_init(struct inspector_record *r, const struct inspector_config *cfg)
{
	*r = (struct inspector_record){ .cfg = *cfg, .mem_len = inspector_mem_size(cfg) };
	r->mem = mmap(NULL, r->mem_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->mem == MAP_FAILED)
		abort();
	r->ins = inspector_init(r->mem, &r->cfg, &ops, r, &r->counters);
	if (r->ins == NULL)
		abort();
}

void
inspector_record_fini(struct inspector_record *r)
{
	munmap(r->mem, r->mem_len);
	free(r->client.p);
	free(r->reply.p);
	free(r->ends.p);
}

void
inspector_record_feed(struct inspector_record *r, struct packet *pkts, uint32_t nb, unsigned int burst)
{
	struct packet *list[INSPECTOR_BURST_MAX];
	uint32_t i, n;

	for (i = 0; i < nb; i += n) {
		for (n = 0; n < burst && i + n < nb; n++)
			list[n] = &pkts[i + n];
		inspector_burst(r->ins, list, n);
	}
}

void
inspector_record_flush(struct inspector_record *r)
{
	while (!inspector_flush_step(r->ins, 1))
		;
}
