/* SPDX-License-Identifier: BSD-3-Clause */
#include "status_wire.h"

#include <string.h>

static const char *
role_of(const struct dp_port *p)
{
	if (p->flags & DP_PORT_TAP)
		return "tap";
	return p->flags & DP_PORT_B ? "b" : "a";
}

static void
put_port(struct json_out *o, const struct dp_port *p)
{
	json_open(o, '{');
	json_kv_text(o, "name", p->name, strnlen(p->name, sizeof(p->name)));
	json_kv_u64(o, "wire", p->wire);
	json_kv_cstr(o, "role", role_of(p));
	json_kv_bool(o, "link", (p->flags & DP_PORT_LINK_UP) != 0);
	json_kv_bool(o, "taken_down", (p->flags & DP_PORT_TAKEN_DOWN) != 0);
	json_kv_bool(o, "rss", (p->flags & DP_PORT_RSS) != 0);
	json_kv_bool(o, "steered", (p->flags & DP_PORT_STEERED) != 0);
	json_kv_u64(o, "mbps", p->mbps);
	json_kv_u64(o, "mtu", p->mtu);
	json_kv_u64(o, "rx_packets", p->rx_packets);
	json_kv_u64(o, "rx_octets", p->rx_octets);
	json_kv_u64(o, "tx_packets", p->tx_packets);
	json_kv_u64(o, "tx_octets", p->tx_octets);
	json_kv_u64(o, "rx_missed", p->rx_missed);
	json_kv_u64(o, "rx_nombuf", p->rx_nombuf);
	json_kv_u64(o, "rx_errors", p->rx_errors);
	json_kv_u64(o, "tx_errors", p->tx_errors);
	json_close(o, '}');
}

void
status_wire_ports(struct json_out *o, const struct dp_shm *dp)
{
	struct dp_port p;
	unsigned int i;

	json_key(o, "ports");
	json_open(o, '[');
	for (i = 0; i < DP_PORTS_MAX; i++)
		if (dp_port_read(dp_shm_port(dp, i), &p) == 0)
			put_port(o, &p);
	json_close(o, ']');
}

struct step {
	enum dp_stat id;
	uint64_t below_us;
};

static const struct step steps[] = {
	{ DP_STAT_HOLDS_10US, 10 },	  { DP_STAT_HOLDS_50US, 50 },	    { DP_STAT_HOLDS_200US, 200 },
	{ DP_STAT_HOLDS_1MS, 1000 },	  { DP_STAT_HOLDS_10MS, 10000 },    { DP_STAT_HOLDS_50MS, 50000 },
	{ DP_STAT_HOLDS_200MS, 200000 }, { DP_STAT_HOLDS_1S, 1000000 },
};

static void
put_percentile(struct json_out *o, const char *key, const struct dp_counters *k, unsigned int percent)
{
	uint64_t all = k->c[DP_STAT_HOLDS_ENDED], sum = 0;
	size_t i;

	for (i = 0; all > 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
		sum += k->c[steps[i].id];
		/* At least so many of a hundred; divided, as the product might not fit. */
		if (sum >= all - all / 100 * (100 - percent) - all % 100 * (100 - percent) / 100) {
			json_kv_u64(o, key, steps[i].below_us);
			return;
		}
	}
	json_kv_null(o, key);
}

void
status_wire_holds(struct json_out *o, const struct dp_counters *k)
{
	uint64_t begun = k->c[DP_STAT_HOLDS], ended = k->c[DP_STAT_HOLDS_ENDED];

	json_key(o, "holds");
	json_open(o, '{');
	json_kv_u64(o, "held", begun > ended ? begun - ended : 0);
	json_kv_u64(o, "ended", ended);
	put_percentile(o, "p50_us", k, 50);
	put_percentile(o, "p90_us", k, 90);
	put_percentile(o, "p99_us", k, 99);
	json_close(o, '}');
}
