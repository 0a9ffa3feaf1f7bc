/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_takeover.h"

#include <errno.h>
#include <stdbool.h>

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

int
dp_takeover_check(const void *buf, size_t len)
{
	const struct dp_takeover *t = buf;
	uint64_t sum;

	if (len < sizeof(*t) || len > DP_TAKEOVER_LEN_MAX || t->magic != DP_TAKEOVER_MAGIC ||
	    t->abi_version != DP_ABI_VERSION || t->len != len || t->worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	if (t->verdict != DP_VERDICT_REFUSE && t->verdict != DP_VERDICT_DIVERT)
		return -EBADMSG;
	if (t->flags != 0 || t->pad != 0 || t->hold_id == 0)
		return -EBADMSG;
	if (t->flow.key.family != DP_FAMILY_IPV4 && t->flow.key.family != DP_FAMILY_IPV6)
		return -EBADMSG;
	if (t->to_client_len > DP_TAKEOVER_UNACKED_MAX || t->to_server_len > DP_TAKEOVER_UNACKED_MAX ||
	    t->prefix_len > DP_TAKEOVER_PREFIX_MAX || t->owed_len > DP_TAKEOVER_OWED_MAX)
		return -EBADMSG;
	sum = sizeof(*t) + (uint64_t)t->to_client_len + t->to_server_len + t->prefix_len + t->owed_len;
	if (sum != len)
		return -EBADMSG;
	if (!end_ok(&t->client, t->to_server_len) || !end_ok(&t->server, t->to_client_len))
		return -EBADMSG;
	return 0;
}
