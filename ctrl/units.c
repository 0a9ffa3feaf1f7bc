/* SPDX-License-Identifier: BSD-3-Clause */
#include "units.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* @max: of the result; leaves room for nanoseconds and for signed arithmetic. */
static int
parse(const char *text, const struct unit *units, size_t nb, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i;

	if (*text < '1' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	for (i = 0; i < nb; i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		if (n > max / units[i].factor)
			return -EINVAL;
		*ret = n * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int
units_age(const char *text, uint64_t *ret_s)
{
	static const struct unit units[] = {
		{ "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 24 * 3600 }, { "w", 7 * 24 * 3600 },
	};

	return parse(text, units, sizeof(units) / sizeof(units[0]), UINT64_C(4000000000), ret_s);
}

int
units_size(const char *text, uint64_t *ret_octets)
{
	static const struct unit units[] = {
		{ "KiB", UINT64_C(1) << 10 },
		{ "MiB", UINT64_C(1) << 20 },
		{ "GiB", UINT64_C(1) << 30 },
		{ "TiB", UINT64_C(1) << 40 },
	};

	return parse(text, units, sizeof(units) / sizeof(units[0]), UINT64_C(1) << 50, ret_octets);
}
