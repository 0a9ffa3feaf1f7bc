/* SPDX-License-Identifier: BSD-3-Clause */
/* inspector_pass - what is not inspected: all while bypass is on, a part of it under overload */
#include "inline.h"
#include "inline_private.h"
#include "inspector_private.h"

/* --- bypass --- */

/* What is known of @f is over: nobody saw what comes. @p: the packet that is being worked on, or NULL. */
static void
let_go(struct inspector *ins, struct flow *f, const struct packet *p)
{
	if (p == NULL)
		inspector_set_last(ins, f);
	if (ins->gate != NULL)
		inline_let_go(ins, f);
	if (!(f->flags & FLOW_ENDED)) {
		dp_count(ins->counters, DP_STAT_BYPASS_LET_GO, 1);
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(UNINSPECTED));
	}
	inspector_end_flow(ins, f, DP_CLOSE_BYPASSED);
	if (p != NULL)
		ins->current = p;
}

static void
bypass(struct inspector *ins, struct packet *p)
{
	struct flow *f = flow_lookup(&ins->table, p);

	ins->current = p;
	p->fate = PACKET_SEND;
	if (ins->gate != NULL && inline_bypass_packet(ins, f, p))
		return;
	/* It may have ended the connection. */
	f = flow_lookup(&ins->table, p);
	if (f != NULL)
		let_go(ins, f, p);
	if (p->rebuilt <= 1)
		dp_count(ins->counters, DP_STAT_BYPASSED_PKTS, 1);
	if ((p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN)
		dp_count(ins->counters, DP_STAT_BYPASSED_FLOWS, 1);
	/* Put together before; its fragments have gone into it, and there is no frame to send. It comes again. */
	if (ins->gate != NULL && p->rebuilt)
		inline_drop(ins, p, DP_STAT_MERGED);
}

void
inspector_bypass_burst(struct inspector *ins, struct packet *const pkts[], unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		flow_prefetch_bucket(&ins->table, pkts[i]->hash);
	for (i = 0; i < nb; i++)
		flow_prefetch_entry(&ins->table, pkts[i]->hash);
	for (i = 0; i < nb; i++)
		bypass(ins, pkts[i]);
}

bool
inspector_bypass_step(struct inspector *ins, uint64_t now_ns, unsigned int budget)
{
	struct flow *f;

	if (ins->gate == NULL)
		return true;
	if (now_ns > ins->gate->now_ns)
		ins->gate->now_ns = now_ns;
	for (; (f = inline_first_held(ins)) != NULL && budget > 0; budget--)
		let_go(ins, f, NULL);
	return f == NULL;
}

/* --- overload --- */

void
inspector_set_shed(struct inspector *ins, enum inspector_shed shed, bool open)
{
	ins->shed = shed;
	ins->shed_open = open;
}

static unsigned int
use_of(const struct pool *p)
{
	return (unsigned int)((uint64_t)p->in_use * 100 / p->nb);
}

unsigned int
inspector_pool_use(const struct inspector *ins)
{
	unsigned int use = use_of(&ins->reasm.segs);

	if (ins->gate != NULL && use_of(&ins->gate->blocks) > use)
		use = use_of(&ins->gate->blocks);
	return use;
}

void
inspector_shed_packet(struct inspector *ins, struct packet *p)
{
	if ((p->tcp_flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN)
		dp_count(ins->counters, DP_STAT_SHED_FLOWS, 1);
	/* Observing, nothing is dropped. */
	if (ins->gate != NULL && !ins->shed_open)
		inline_drop(ins, p, DP_STAT_DROP_SHED);
	else if (p->rebuilt <= 1)
		dp_count(ins->counters, DP_STAT_SHED_PKTS, 1);
}

bool
inspector_skip_body(struct inspector *ins, struct flow *f, uint32_t seq, uint32_t len)
{
	const struct smtp *s = &f->smtp;
	bool in_message = s->phase == SMTP_PHASE_BODY || (s->phase == SMTP_PHASE_SYNC && f->flags & FLOW_SKIPPING) ||
			  (s->phase == SMTP_PHASE_CHUNK && len <= s->chunk_left);

	if (ins->shed < INSPECTOR_SHED_BODIES || !in_message || len == 0 || seq != f->dir[FLOW_CLIENT].next ||
	    f->dir[FLOW_CLIENT].head != POOL_NONE)
		return false;
	/* Its words would end it; of a server that is not heard none come. */
	if (!(f->flags & FLOW_SEEN << FLOW_SERVER))
		return false;
	if (!(f->flags & FLOW_SKIPPING)) {
		dp_count(ins->counters, DP_STAT_SKIPPED_BODIES, 1);
		smtp_note(&ins->smtp, &f->smtp, DP_ANOMALY_BIT(UNINSPECTED));
	}
	f->flags |= FLOW_SKIPPING | FLOW_SKIPPED;
	dp_count(ins->counters, DP_STAT_SKIPPED_OCTETS, len);
	tcp_reasm_skip(&ins->reasm, f, FLOW_CLIENT, len);
	return true;
}

size_t
inspector_skip_on(struct inspector *ins, struct flow *f, const uint8_t *p, size_t len)
{
	/* No other line of a message is a dot alone (RFC 5321 §4.5.2). */
	bool is_end = (len == 3 && memcmp(p, ".\r\n", 3) == 0) || (len == 2 && memcmp(p, ".\n", 2) == 0);

	if (is_end && f->flags & FLOW_AT_LINE)
		inspector_resume_body(f);
	dp_count(ins->counters, DP_STAT_SKIPPED_OCTETS, len);
	return len;
}
