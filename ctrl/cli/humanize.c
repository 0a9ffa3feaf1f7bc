/* SPDX-License-Identifier: BSD-3-Clause */
#include "humanize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
humanize_count(char *buf, size_t size, uint64_t n)
{
	char digits[24], out[32];
	size_t len, i, at = 0;

	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	snprintf(buf, size, "%s", out);
	return buf;
}

const char *
humanize_octets(char *buf, size_t size, uint64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)n;
	size_t u = 0;

	while (v >= 999.5 && u + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		u++;
	}
	snprintf(buf, size, u == 0 || v >= 99.5 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return buf;
}

const char *
humanize_seconds(char *buf, size_t size, uint64_t seconds)
{
	if (seconds < 60)
		snprintf(buf, size, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		snprintf(buf, size, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else
		snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
			 seconds / 60 % 60);
	return buf;
}
