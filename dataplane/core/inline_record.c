/* SPDX-License-Identifier: BSD-3-Clause */
/* inline_record - the state of a connection, as the responder is told it (dp_takeover.h) */
#include <errno.h>

#include "inline_private.h"
#include "smtp_state.h"

enum {
	MSS_DEFAULT_IPV4 = 536,	 /* RFC 9293 §3.7.1 */
	MSS_DEFAULT_IPV6 = 1220,
	OPTS_KNOWN = DP_TCP_MSS | DP_TCP_WSCALE | DP_TCP_SACK | DP_TCP_TIMESTAMPS | DP_TCP_ECN,
};

/* A record that grows at its end. */
struct writer {
	struct dp_takeover *t;
	uint32_t len;
};

static uint8_t *
room(struct writer *w, uint32_t n)
{
	uint8_t *at = (uint8_t *)w->t + w->len;

	if (n > DP_TAKEOVER_LEN_MAX - w->len)
		return NULL;
	w->len += n;
	return at;
}

/* Octets [@from, @to) of @b, at most @max; *ret_len of them. 0, or -ENOBUFS: they are too many, or not all there. */
static int
put_octets(struct writer *w, const struct pool *pool, const struct inline_buf *b, uint32_t from, uint32_t to,
	   uint32_t max, uint32_t *ret_len)
{
	uint32_t n = to - from, sent, part;
	const uint8_t *p;
	uint8_t *at;

	if (n > max || (at = room(w, n)) == NULL)
		return -ENOBUFS;
	*ret_len = n;
	for (; n > 0; n -= part, from += part, at += part) {
		part = inline_buf_at(pool, b, from, &p, &sent);
		if (part == 0)
			return -ENOBUFS;
		part = part < n ? part : n;
		memcpy(at, p, part);
	}
	return 0;
}

static void
put_end(const struct inline_flow *x, enum flow_side side, uint8_t family, struct dp_takeover_end *ret)
{
	const struct inline_end *e = &x->end[side], *other = &x->end[side == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT];
	/* RFC 7323 §2.2: only when both said so. */
	bool scaled = e->opts & other->opts & DP_TCP_WSCALE;
	unsigned int shift = scaled ? e->wscale : 0;

	*ret = (struct dp_takeover_end){
		.isn = e->isn,
		.snd_nxt = side == FLOW_CLIENT ? x->fwd : e->next,
		.snd_una = other->ack,
		.last_ack = e->ack,
		.wnd = (uint32_t)e->window << shift,
		.wnd_max = (uint32_t)e->window_max << shift,
		.wnd_seq = e->window_seq,
		.last_tsval = e->tsval,
		.last_tsval_ns = e->tsval_ns,
		.mss = e->opts & DP_TCP_MSS	   ? e->mss :
		       family == DP_FAMILY_IPV4 ? MSS_DEFAULT_IPV4 :
						  MSS_DEFAULT_IPV6,
		.wscale = e->wscale,
		.ttl = e->ttl,
		.tos = e->tos,
		.l2_len = e->l2_len,
		.opts = e->opts & OPTS_KNOWN,
	};
	memcpy(ret->l2, e->l2, e->l2_len);
}

/* Recipients from the line of @first on, in the order of their lines: the list of the flow is the other way round. */
static int
put_holds(struct writer *w, const struct hold_table *holds, const struct inline_flow *x, const struct hold *first)
{
	struct dp_takeover_hold one;
	uint32_t idx, nb = 0;
	const struct hold *h;
	uint8_t *at;

	for (idx = x->holds; (h = hold_at(holds, idx)) != NULL; idx = h->flow_next)
		nb += !tcp_seq_lt(h->line_seq, first->line_seq);
	if (nb > DP_TAKEOVER_HOLDS_MAX || (at = room(w, nb * (uint32_t)sizeof(one))) == NULL)
		return -ENOBUFS;
	w->t->nb_holds = nb;
	at += nb * sizeof(one);
	for (idx = x->holds; (h = hold_at(holds, idx)) != NULL; idx = h->flow_next) {
		if (tcp_seq_lt(h->line_seq, first->line_seq))
			continue;
		one = (struct dp_takeover_hold){
			.hold_id = h->id,
			.transaction = h->transaction,
			.rcpt_index = h->rcpt_index,
			.verdict = h->verdict,
		};
		at -= sizeof(one);
		memcpy(at, &one, sizeof(one));
	}
	return 0;
}

static int
put_name(struct writer *w, const struct smtp_str *s, uint32_t *ret_len)
{
	uint32_t n = s->len < DP_TAKEOVER_NAME_MAX ? s->len : DP_TAKEOVER_NAME_MAX;
	uint8_t *at = room(w, n);

	if (at == NULL)
		return -ENOBUFS;
	if (n > 0)
		memcpy(at, s->p, n);
	*ret_len = n;
	return 0;
}

static int
put_owed(struct writer *w, struct inspector *ins, struct flow *f, const struct hold *first)
{
	uint8_t *at = room(w, SMTP_PENDING_MAX);
	int n;

	if (at == NULL)
		return -ENOBUFS;
	n = smtp_state_owed(&ins->smtp, &f->smtp, first->nb_commands, at, SMTP_PENDING_MAX);
	if (n < 0)
		return -ENODATA;
	w->len -= SMTP_PENDING_MAX - (uint32_t)n;
	w->t->owed_len = (uint32_t)n;
	return 0;
}

/* What is known of the session, and where in it the line of @first stands. */
static void
put_session(struct dp_takeover *t, const struct inspector *ins, const struct flow *f, const struct hold *first,
	    struct smtp_state *names)
{
	uint32_t read = f->dir[FLOW_CLIENT].next - smtp_state_line(&ins->smtp, &f->smtp);
	struct smtp_state_server server;

	smtp_state_server(&ins->smtp, &f->smtp, &server);
	t->server_line_len = server.len;
	memcpy(t->server_line, server.head, server.len);
	smtp_state_names(&ins->smtp, &f->smtp, names);
	/* A later MAIL has been read: whose the sender of this transaction was is not known any more, nor needed. */
	if (names->nb_transactions != first->nb_transactions)
		names->sender.len = 0;
	t->flags = first->session | (server.multi ? DP_TAKEOVER_MULTI : 0);
	t->anomalies = names->anomalies;
	t->transaction = first->transaction;
	t->nb_transactions = first->nb_transactions;
	t->nb_rcpts = first->nb_rcpts;
	t->known_len = tcp_seq_lt(first->line_seq, read) ? read - first->line_seq : 0;
}

static int
put_parts(struct writer *w, struct inspector *ins, struct flow *f, const struct inline_flow *x, const struct hold *first)
{
	const struct pool *pool = &ins->gate->blocks;
	const struct inline_end *c = &x->end[FLOW_CLIENT], *s = &x->end[FLOW_SERVER];
	struct smtp_state names;
	struct dp_takeover *t = w->t;
	int rc;

	rc = put_octets(w, pool, &x->back, c->ack, s->next, DP_TAKEOVER_UNACKED_MAX, &t->to_client_len);
	if (rc == 0)
		rc = put_octets(w, pool, &x->buf, s->ack, x->fwd, DP_TAKEOVER_UNACKED_MAX, &t->to_server_len);
	if (rc == 0)
		rc = put_octets(w, pool, &x->buf, first->line_seq, x->fwd, DP_TAKEOVER_PREFIX_MAX, &t->prefix_len);
	if (rc == 0)
		rc = put_owed(w, ins, f, first);
	if (rc != 0)
		return rc;
	put_session(t, ins, f, first, &names);
	rc = put_name(w, &names.helo, &t->helo_len);
	if (rc == 0)
		rc = put_name(w, &names.sender, &t->sender_len);
	return rc == 0 ? put_holds(w, &ins->gate->holds, x, first) : rc;
}

const struct dp_takeover *
inline_record_make(struct inspector *ins, struct flow *f, const struct inline_flow *x, const struct hold *first,
		   int *ret_error)
{
	struct dp_takeover *t = (struct dp_takeover *)(void *)ins->gate->record;
	const struct inline_end *c = &x->end[FLOW_CLIENT], *s = &x->end[FLOW_SERVER];
	struct writer w = { .t = t, .len = sizeof(*t) };

	*ret_error = -EAGAIN;
	/* Octets of the server that we have not seen, though later ones went on; an end that only said SYN. */
	if (f->dir[FLOW_SERVER].next != s->next || !c->windowed || !s->windowed)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->magic = DP_TAKEOVER_MAGIC;
	t->abi_version = DP_ABI_VERSION;
	t->verdict = x->takeover;
	t->hold_id = first->id;
	flow_id(f, &t->flow);
	put_end(x, FLOW_CLIENT, f->key.family, &t->client);
	put_end(x, FLOW_SERVER, f->key.family, &t->server);
	*ret_error = put_parts(&w, ins, f, x, first);
	t->len = w.len;
	return *ret_error == 0 ? t : NULL;
}
