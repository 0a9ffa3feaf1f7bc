/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inline_tap - copies of a mirror port: nothing can be withheld, but a connection can be reset
 *
 * What:      inspected as by an observer, both readings of what differs. A recipient that matched waits for its verdict as
 *            elsewhere, while the mail goes on; a reset leaves by the tap's own port for that, with the numbers that the
 *            mirror showed last, and is answered and confirmed like any other.
 */
#include "inline_private.h"

/* Where both ends are, for whatever is sent in their names. */
static void
note(struct inspector *ins, struct flow *f, const struct packet *p)
{
	uint32_t end = tcp_payload_seq(p) + p->payload_len + (p->tcp_flags & PACKET_FIN ? 1 : 0);
	struct inline_flow *x = inline_at(ins, f);
	enum flow_side side = tcp_side(f, p);
	struct inline_end *e = &x->end[side];
	bool known = side == FLOW_SERVER ? x->flags & INLINE_SERVER : x->flags & INLINE_BASED;

	inline_note_headers(e, p);
	if (p->tcp_flags & PACKET_RST || p->rebuilt == 2)
		return;
	if (!known || tcp_seq_lt(e->next, end))
		e->next = end;
	x->flags |= side == FLOW_SERVER ? INLINE_SERVER : INLINE_BASED;
	if (side == FLOW_CLIENT) {
		x->fwd = e->next;
		x->seen_end = e->next;
	}
}

bool
inline_is_tap(const struct inspector *ins, const struct flow *f)
{
	return inline_at(ins, f)->flags & INLINE_TAP;
}

void
inline_tap_packet(struct inspector *ins, struct packet *p)
{
	struct flow *f = flow_lookup(&ins->table, p);

	if (f != NULL && inline_has_care(ins, f, p)) {
		if (inline_cared_packet(ins, f, p))
			return;
		f = NULL;
		ins->current = p;
	}
	if (f == NULL && inline_tombstone_packet(ins, p))
		return;
	if (f != NULL)
		note(ins, f, p);
	inspector_observe(ins, p);
	ins->current = p;
	f = flow_lookup(&ins->table, p);
	if (f == NULL)
		return;
	note(ins, f, p);
	/* Decided without ctrl. */
	if (inline_at(ins, f)->strongest != DP_VERDICT_NONE)
		inline_settle(ins, f, inline_at(ins, f));
}
