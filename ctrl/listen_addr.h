/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * listen_addr - "127.0.0.1:9517" or "[::1]:9517" as a socket address; no names, nothing is asked of a resolver
 */
#ifndef POSTERN_LISTEN_ADDR_H
#define POSTERN_LISTEN_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

union listen_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* 0 or -EINVAL. The port is 1 to 65535. */
int listen_addr_parse(const char *text, union listen_addr *ret);

#endif
