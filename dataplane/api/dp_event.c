/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_event.h"

#include <errno.h>
#include <string.h>

/* What dp_event_check() needs to know of each type: length of the fixed part and where its strings and flow stand. */
struct event_layout {
	uint16_t fixed_len;
	uint16_t flow_off; /* of a struct dp_flow_id, 0: none */
	uint8_t nb_strs;
	uint16_t strs[5];
};

#define FLOW(type) offsetof(struct type, flow)
#define STR(type, field) offsetof(struct type, field)

static const struct event_layout layouts[DP_EV_NB] = {
	[DP_EV_PAD] = { .fixed_len = sizeof(struct dp_record) },
	[DP_EV_TXN_BEGIN] = { sizeof(struct dp_ev_txn_begin), FLOW(dp_ev_txn_begin), 2,
			      { STR(dp_ev_txn_begin, helo), STR(dp_ev_txn_begin, sender) } },
	[DP_EV_RCPT] = { sizeof(struct dp_ev_rcpt), FLOW(dp_ev_rcpt), 5,
			 { STR(dp_ev_rcpt, helo), STR(dp_ev_rcpt, sender), STR(dp_ev_rcpt, address),
			   STR(dp_ev_rcpt, domain), STR(dp_ev_rcpt, meant) } },
	[DP_EV_RCPT_REPLY] = { .fixed_len = sizeof(struct dp_ev_rcpt_reply) },
	[DP_EV_DATA] = { .fixed_len = sizeof(struct dp_ev_data) },
	[DP_EV_TXN_END] = { .fixed_len = sizeof(struct dp_ev_txn_end) },
	[DP_EV_FLOW_END] = { sizeof(struct dp_ev_flow_end), FLOW(dp_ev_flow_end), 1, { STR(dp_ev_flow_end, helo) } },
	[DP_EV_LOST] = { .fixed_len = sizeof(struct dp_ev_lost) },
	[DP_EV_OUTCOME] = { .fixed_len = sizeof(struct dp_ev_outcome) },
};

size_t
dp_event_fixed_len(uint16_t type)
{
	return type < DP_EV_NB ? layouts[type].fixed_len : 0;
}

void
dp_event_begin(void *buf, enum dp_event_type type)
{
	struct dp_record *rec = buf;

	memset(buf, 0, layouts[type].fixed_len);
	rec->magic = DP_RECORD_MAGIC;
	rec->type = (uint16_t)type;
	rec->len = layouts[type].fixed_len;
}

void
dp_event_put_str(void *buf, struct dp_str *str, const void *src, size_t len, size_t max, size_t full_len, uint64_t hash)
{
	struct dp_record *rec = buf;
	size_t room = (size_t)DP_RECORD_LEN_MAX - rec->len;
	size_t keep = len < max ? len : max;

	if (keep > room)
		keep = room;
	str->off = rec->len;
	str->len = (uint16_t)keep;
	str->full_len = full_len > UINT32_MAX ? UINT32_MAX : (uint32_t)full_len;
	str->hash = 0;
	if (keep < full_len)
		str->hash = len == full_len ? dp_hash64(DP_HASH64_INIT, src, len) : hash;
	if (keep > 0)
		memcpy((uint8_t *)buf + rec->len, src, keep);
	rec->len = (uint16_t)(rec->len + keep);
}

static bool
check_flow(const struct dp_flow_id *flow)
{
	const struct dp_flow_key *key = &flow->key;

	if (key->family != DP_FAMILY_IPV4 && key->family != DP_FAMILY_IPV6)
		return false;
	return key->vlan_outer < 4096 && key->vlan_inner < 4096 && key->reserved[0] == 0 && key->reserved[1] == 0 &&
	       flow->reserved == 0;
}

/* The enums of each type; strings, lengths and the flow were checked. */
static bool
check_fields(const void *buf, uint16_t type)
{
	switch (type) {
	case DP_EV_RCPT: {
		const struct dp_ev_rcpt *ev = buf;

		return (ev->flags & ~(DP_RCPT_ALTERNATIVE | DP_RCPT_TLS)) == 0;
	}
	case DP_EV_RCPT_REPLY: {
		const struct dp_ev_rcpt_reply *ev = buf;

		return ev->reply >= 100 && ev->reply <= 599;
	}
	case DP_EV_DATA: {
		const struct dp_ev_data *ev = buf;

		return ev->kind < DP_DATA_NB && ev->reply <= 599;
	}
	case DP_EV_TXN_END: {
		const struct dp_ev_txn_end *ev = buf;

		return ev->kind < DP_DATA_NB && ev->go_reply <= 599 && ev->data_reply <= 599;
	}
	case DP_EV_FLOW_END: {
		const struct dp_ev_flow_end *ev = buf;

		return ev->close > 0 && ev->close < DP_CLOSE_NB;
	}
	case DP_EV_LOST: {
		const struct dp_ev_lost *ev = buf;

		return ev->from_seq <= ev->to_seq && ev->verdict < DP_VERDICT_NB;
	}
	case DP_EV_OUTCOME: {
		const struct dp_ev_outcome *ev = buf;

		return ev->outcome > 0 && ev->outcome < DP_OUTCOME_NB && ev->cause < DP_CAUSE_NB &&
		       ev->verdict < DP_VERDICT_NB && (ev->flags & ~DP_OUTCOME_ALL_SENT) == 0;
	}
	default:
		return true;
	}
}

int
dp_event_check(const void *buf, size_t avail)
{
	const struct dp_record *rec = buf;
	const struct event_layout *layout;
	unsigned int i;

	if (avail < sizeof(*rec) || rec->magic != DP_RECORD_MAGIC || rec->type >= DP_EV_NB)
		return -EBADMSG;
	layout = &layouts[rec->type];
	if (rec->len > avail || rec->len > DP_RECORD_LEN_MAX || rec->len < layout->fixed_len || rec->reserved != 0)
		return -EBADMSG;
	for (i = 0; i < layout->nb_strs; i++) {
		struct dp_str str;

		memcpy(&str, (const uint8_t *)buf + layout->strs[i], sizeof(str));
		if (str.off < layout->fixed_len || (uint32_t)str.off + str.len > rec->len || str.full_len < str.len)
			return -EBADMSG;
	}
	if (layout->flow_off != 0) {
		struct dp_flow_id flow;

		memcpy(&flow, (const uint8_t *)buf + layout->flow_off, sizeof(flow));
		if (!check_flow(&flow))
			return -EBADMSG;
	}
	return check_fields(buf, rec->type) ? 0 : -EBADMSG;
}

/* FNV-1a on 8 octets at a time, finished with a mix: short inputs, no tables, the same on every build. */
uint64_t
dp_hash64(uint64_t h, const void *p, size_t n)
{
	const uint8_t *o = p;
	const uint64_t prime = UINT64_C(0x100000001b3);
	uint64_t v;

	for (; n >= 8; n -= 8, o += 8) {
		memcpy(&v, o, 8);
		h = (h ^ v) * prime;
		h ^= h >> 29;
	}
	for (; n > 0; n--, o++)
		h = (h ^ *o) * prime;
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	h ^= h >> 29;
	return h;
}
