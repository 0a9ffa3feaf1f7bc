/* SPDX-License-Identifier: BSD-3-Clause */
#include "group.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ids.h"

struct group *
group_new(void)
{
	/* Not calloc(): most of it is never touched. */
	struct group *g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return g == MAP_FAILED ? NULL : g;
}

void
group_free(struct group *g)
{
	if (g != NULL)
		munmap(g, sizeof(*g));
}

void
group_clear(struct group *g)
{
	memset(g->begin, 0, sizeof(g->begin));
	memset(g->end, 0, sizeof(g->end));
	g->nb = 0;
	g->nb_alerts = 0;
	g->arena_len = 0;
}

bool
group_takes(const struct group *g, const struct merge_item *item, uint32_t ring_octets)
{
	unsigned int w = item->worker;

	if (g->nb == 0)
		return true;
	if (g->nb == GROUP_RECORDS || item->rec->ts_ns != g->ts_ns)
		return false;
	/* What waits in the group is room that the worker lacks. */
	return g->begin[w] == g->end[w] || item->end - g->begin[w] <= ring_octets / 2;
}

struct group_record *
group_add(struct group *g, const struct merge_item *item)
{
	struct group_record *r = &g->records[g->nb++];
	uint8_t *copy = g->arena + g->arena_len;

	memcpy(copy, item->rec, item->rec->len);
	g->arena_len += ((size_t)item->rec->len + 7) / 8 * 8;
	g->ts_ns = item->rec->ts_ns;
	if (g->begin[item->worker] == g->end[item->worker])
		g->begin[item->worker] = item->pos;
	g->end[item->worker] = item->end;
	r->rec = (const struct dp_record *)(const void *)copy;
	r->worker = item->worker;
	r->decision.verdict = DP_VERDICT_NONE;
	return r;
}

void
group_note_alert(struct group *g, const struct group_record *r)
{
	g->alerts[g->nb_alerts++] = (uint16_t)(r - g->records);
}

static const struct dp_ev_rcpt *
rcpt_of(const struct group *g, uint16_t i)
{
	return (const void *)g->records[i].rec;
}

/* By connection, transaction, recipient; alternative readings, which have no index, by where they stood. */
static int
compare(const void *a_, const void *b_, void *g)
{
	uint16_t ia = *(const uint16_t *)a_, ib = *(const uint16_t *)b_;
	const struct dp_ev_rcpt *a = rcpt_of(g, ia), *b = rcpt_of(g, ib);
	int order = ids_flow_cmp(&a->flow, &b->flow);

	if (order != 0)
		return order;
	if (a->transaction != b->transaction)
		return a->transaction < b->transaction ? -1 : 1;
	if (a->rcpt_index != b->rcpt_index)
		return a->rcpt_index < b->rcpt_index ? -1 : 1;
	if (a->seq_start != b->seq_start)
		return (int32_t)(a->seq_start - b->seq_start) < 0 ? -1 : 1;
	return ia < ib ? -1 : ia > ib;
}

void
group_sort(struct group *g)
{
	if (g->nb_alerts > 1)
		qsort_r(g->alerts, g->nb_alerts, sizeof(g->alerts[0]), compare, g);
}
