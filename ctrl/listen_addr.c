/* SPDX-License-Identifier: BSD-3-Clause */
#include "listen_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "dp_args.h"

int
listen_addr_parse(const char *text, union listen_addr *ret)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	union listen_addr a;
	uint64_t port;
	size_t len;

	if (colon == NULL || dp_args_number(colon + 1, 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	memset(&a, 0, sizeof(a));
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, host + 1, &a.in6.sin6_addr) != 1)
			return -EINVAL;
	} else {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)port);
		if (inet_pton(AF_INET, host, &a.in.sin_addr) != 1)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}
