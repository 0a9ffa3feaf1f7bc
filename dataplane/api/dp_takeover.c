/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_takeover.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* RFC 7323 2.3: a shift above 14 is to be taken as 14; none is valid in a record of ours. */
enum {
	WSCALE_MAX = 14,
	MSS_MIN = 64,
};

static bool
end_ok(const struct dp_takeover_end *end, uint32_t unacked)
{
	const uint16_t known = DP_TCP_MSS | DP_TCP_WSCALE | DP_TCP_SACK | DP_TCP_TIMESTAMPS | DP_TCP_ECN;

	return (end->opts & ~known) == 0 && end->l2_len <= DP_L2_MAX && end->wscale <= WSCALE_MAX &&
	       end->mss >= MSS_MIN && end->wnd_max >= end->wnd && end->snd_nxt - end->snd_una == unacked;
}

static bool
lengths_ok(const struct dp_takeover *t, size_t len)
{
	uint64_t sum;

	if (t->to_client_len > DP_TAKEOVER_UNACKED_MAX || t->to_server_len > DP_TAKEOVER_UNACKED_MAX ||
	    t->prefix_len > DP_TAKEOVER_PREFIX_MAX || t->owed_len > DP_TAKEOVER_OWED_MAX ||
	    t->helo_len > DP_TAKEOVER_NAME_MAX || t->sender_len > DP_TAKEOVER_NAME_MAX ||
	    t->through_len > DP_TAKEOVER_AHEAD_MAX || t->known_len > DP_TAKEOVER_AHEAD_MAX || t->nb_holds == 0 ||
	    t->nb_holds > DP_TAKEOVER_HOLDS_MAX || (t->prefix_len > 0 && t->through_len > 0))
		return false;
	sum = sizeof(*t) + (uint64_t)t->to_client_len + t->to_server_len + t->prefix_len + t->owed_len + t->helo_len +
	      t->sender_len + t->nb_holds * sizeof(struct dp_takeover_hold);
	return sum == len;
}

static bool
owed_ok(const uint8_t *owed, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if (owed[i] >= DP_OWED_NB)
			return false;
	return true;
}

static bool
holds_ok(const struct dp_takeover *t, const uint8_t *holds)
{
	static const uint8_t zero[sizeof(((struct dp_takeover_hold *)0)->reserved)];
	struct dp_takeover_hold h;
	uint32_t i;

	for (i = 0; i < t->nb_holds; i++) {
		memcpy(&h, holds + i * sizeof(h), sizeof(h));
		if (h.verdict == DP_VERDICT_NONE || h.verdict >= DP_VERDICT_NB ||
		    memcmp(h.reserved, zero, sizeof(zero)) != 0)
			return false;
	}
	return true;
}

void
dp_takeover_parts(const struct dp_takeover *t, struct dp_takeover_parts *ret)
{
	ret->to_client = (const uint8_t *)(t + 1);
	ret->to_server = ret->to_client + t->to_client_len;
	ret->prefix = ret->to_server + t->to_server_len;
	ret->owed = ret->prefix + t->prefix_len;
	ret->helo = ret->owed + t->owed_len;
	ret->sender = ret->helo + t->helo_len;
	ret->holds = ret->sender + t->sender_len;
}

int
dp_takeover_check(const void *buf, size_t len)
{
	const struct dp_takeover *t = buf;
	struct dp_takeover_parts parts;

	if (len < sizeof(*t) || len > DP_TAKEOVER_LEN_MAX || t->magic != DP_TAKEOVER_MAGIC ||
	    t->abi_version != DP_ABI_VERSION || t->len != len || t->worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	if (t->verdict != DP_VERDICT_REFUSE && t->verdict != DP_VERDICT_DIVERT)
		return -EBADMSG;
	if ((t->flags & ~DP_TAKEOVER_FLAGS) != 0 || t->pad != 0 || t->hold_id == 0 ||
	    t->server_line_len > DP_TAKEOVER_SERVER_MAX)
		return -EBADMSG;
	if (t->flow.key.family != DP_FAMILY_IPV4 && t->flow.key.family != DP_FAMILY_IPV6)
		return -EBADMSG;
	if (t->transaction > t->nb_transactions || !lengths_ok(t, len))
		return -EBADMSG;
	if (!end_ok(&t->client, t->to_server_len) || !end_ok(&t->server, t->to_client_len))
		return -EBADMSG;
	dp_takeover_parts(t, &parts);
	return owed_ok(parts.owed, t->owed_len) && holds_ok(t, parts.holds) ? 0 : -EBADMSG;
}
