/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_args.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

/* The digits at @text, of which there must be some. What follows them, or NULL: none, or too large for 64 bits. */
static const char *
digits(const char *text, uint64_t *ret)
{
	const char *p = text;
	uint64_t n = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return NULL;
	*ret = n;
	return p != text ? p : NULL;
}

int
dp_args_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;
	const char *end = digits(text, &n);

	if (end == NULL || *end != '\0' || n < min || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

int
dp_args_fd(const char *text, int *ret)
{
	uint64_t n;

	if (dp_args_number(text, 0, INT_MAX, &n) < 0 || fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
		return -EINVAL;
	*ret = (int)n;
	return 0;
}

int
dp_args_ports(const char *text, uint16_t ports[static DP_ARGS_PORTS_MAX], unsigned int *ret_nb, const char **ret_why)
{
	unsigned int nb = 0, i;
	uint64_t port;

	for (;; text++) {
		text = digits(text, &port);
		*ret_why = "expected TCP ports from 1 to 65535, separated by commas";
		if (text == NULL || port == 0 || port > UINT16_MAX || (*text != ',' && *text != '\0'))
			return -EINVAL;
		*ret_why = "a port stands twice";
		for (i = 0; i < nb; i++)
			if (ports[i] == port)
				return -EINVAL;
		*ret_why = "more than 16 ports";
		if (nb == DP_ARGS_PORTS_MAX)
			return -EINVAL;
		ports[nb++] = (uint16_t)port;
		if (*text == '\0')
			break;
	}
	*ret_nb = nb;
	return 0;
}
