/* SPDX-License-Identifier: BSD-3-Clause */
#include "pace.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *suffix;
	enum pace_kind kind;
	double unit;
} units[] = {
	{ "pps", PACE_PPS, 1 },	    { "kpps", PACE_PPS, 1e3 },	{ "mpps", PACE_PPS, 1e6 },
	{ "bps", PACE_BPS, 1 },	    { "kbps", PACE_BPS, 1e3 },	{ "mbps", PACE_BPS, 1e6 },
	{ "gbps", PACE_BPS, 1e9 },
};

static bool
rate_ok(double rate)
{
	return isfinite(rate) && rate > 0 && rate <= 1e12;
}

int
pace_parse(const char *spec, struct pace *ret)
{
	char *end;
	double rate;
	size_t i;

	*ret = (struct pace){ .kind = PACE_MAX };
	if (strcasecmp(spec, "max") == 0)
		return 0;
	if (strcasecmp(spec, "real") == 0) {
		ret->kind = PACE_SCALED;
		ret->rate = 1;
		return 0;
	}
	if (spec[0] == 'x' || spec[0] == 'X') {
		rate = strtod(spec + 1, &end);
		if (end == spec + 1 || *end != '\0' || !rate_ok(rate))
			return -EINVAL;
		ret->kind = PACE_SCALED;
		ret->rate = rate;
		return 0;
	}
	rate = strtod(spec, &end);
	if (end == spec)
		return -EINVAL;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(end, units[i].suffix) != 0)
			continue;
		rate *= units[i].unit;
		if (!rate_ok(rate))
			return -EINVAL;
		ret->kind = units[i].kind;
		ret->rate = rate;
		return 0;
	}
	return -EINVAL;
}

uint64_t
pace_due(struct pace *p, uint64_t frame_ts_ns, uint64_t now_ns)
{
	double after_s;

	if (p->kind == PACE_MAX)
		return 0;
	if (!p->started) {
		p->started = true;
		p->start_ns = now_ns;
		p->first_ts_ns = frame_ts_ns;
	}
	switch (p->kind) {
	case PACE_SCALED:
		after_s = (double)(frame_ts_ns - p->first_ts_ns) / 1e9 / p->rate;
		break;
	case PACE_PPS:
		after_s = (double)p->frames / p->rate;
		break;
	default:
		after_s = (double)p->octets * 8 / p->rate;
		break;
	}
	/* A capture may claim decades between two frames: as far as the clock goes, no further. */
	if (after_s > 1e9)
		after_s = 1e9;
	return p->start_ns + (uint64_t)(after_s * 1e9);
}

void
pace_sent(struct pace *p, uint32_t wire_len)
{
	p->frames++;
	p->octets += wire_len;
}
