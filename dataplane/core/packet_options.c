/* SPDX-License-Identifier: BSD-3-Clause */
/* packet_options - TCP options, read for SYNs only and therefore apart from the hot path */
#include <string.h>

#include "packet.h"

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_OK = 4,
	OPT_TIMESTAMP = 8,
	OPT_MD5 = 19,
	OPT_AO = 29,
	OPT_MPTCP = 30,

	WSCALE_MAX = 14, /* RFC 7323 §2.3: a larger one is taken as 14 */
};

static uint32_t
get_be32(const uint8_t *o)
{
	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 | (uint32_t)o[2] << 8 | o[3];
}

/* One option of @len octets, kind and length included. A known kind with a wrong length is skipped, as the ends do. */
static void
read_option(const uint8_t *o, unsigned int len, struct packet_tcp_options *ret)
{
	switch (o[0]) {
	case OPT_MSS:
		if (len == 4) {
			ret->flags |= DP_TCP_MSS;
			ret->mss = (uint16_t)(o[2] << 8 | o[3]);
		}
		break;
	case OPT_WSCALE:
		if (len == 3) {
			ret->flags |= DP_TCP_WSCALE;
			ret->wscale = o[2] > WSCALE_MAX ? WSCALE_MAX : o[2];
		}
		break;
	case OPT_SACK_OK:
		if (len == 2)
			ret->flags |= DP_TCP_SACK;
		break;
	case OPT_TIMESTAMP:
		if (len == 10) {
			ret->flags |= DP_TCP_TIMESTAMPS;
			ret->tsval = get_be32(o + 2);
			ret->tsecr = get_be32(o + 6);
		}
		break;
	case OPT_MD5:
	case OPT_AO:
		ret->flags |= DP_TCP_MD5_AO;
		break;
	case OPT_MPTCP:
		ret->flags |= DP_TCP_MPTCP;
		break;
	default:
		break;
	}
}

void
packet_tcp_options(const struct packet *p, struct packet_tcp_options *ret)
{
	const uint8_t *o = p->frame + p->l4_off + 20, *end = p->frame + p->payload_off;
	unsigned int len;

	memset(ret, 0, sizeof(*ret));
	while (o < end && *o != OPT_END) {
		if (*o == OPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2)
			return;
		len = o[1];
		if (len < 2 || len > (size_t)(end - o))
			return;
		read_option(o, len, ret);
		o += len;
	}
}
