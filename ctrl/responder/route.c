/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TABLE_LOCAL = 100, /* for what comes in by the device */
};

struct request {
	struct nlmsghdr h;
	struct rtmsg r; /* struct fib_rule_hdr has its layout */
	uint8_t attrs[64];
};
_Static_assert(sizeof(struct rtmsg) == sizeof(struct fib_rule_hdr), "one shape for routes and rules");

static void
begin(struct request *q, uint16_t type, int family, uint8_t table, uint8_t rtn)
{
	*q = (struct request){
		.h = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(q->r)),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
		},
		.r = {
			.rtm_family = (uint8_t)family,
			.rtm_table = table,
			.rtm_protocol = RTPROT_STATIC,
			.rtm_type = rtn,
			.rtm_scope = rtn == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
		},
	};
}

static void
add(struct request *q, uint16_t type, const void *p, size_t n)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), p, n);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Send what begins with @h and wait for the kernel's word. */
static int
ask(int sock, const struct nlmsghdr *h)
{
	union {
		struct nlmsghdr h;
		uint8_t octets[1024];
	} answer;
	const struct nlmsgerr *e = NLMSG_DATA(&answer.h);
	ssize_t n;

	if (send(sock, h, h->nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(sock, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(*e)) || answer.h.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return e->error;
}

static int
route_family(int sock, int family, const char *device)
{
	int dev = (int)if_nametoindex(device), lo = (int)if_nametoindex("lo"), rc;
	struct request q;

	begin(&q, RTM_NEWROUTE, family, RT_TABLE_MAIN, RTN_UNICAST);
	add(&q, RTA_OIF, &dev, sizeof(dev));
	rc = ask(sock, &q.h);
	if (rc != 0)
		return rc;
	begin(&q, RTM_NEWROUTE, family, TABLE_LOCAL, RTN_LOCAL);
	add(&q, RTA_OIF, &lo, sizeof(lo));
	rc = ask(sock, &q.h);
	if (rc != 0)
		return rc;
	begin(&q, RTM_NEWRULE, family, TABLE_LOCAL, FR_ACT_TO_TBL);
	q.r.rtm_scope = 0;
	add(&q, FRA_IIFNAME, device, strlen(device) + 1);
	return ask(sock, &q.h);
}

int
route_no_address(const char *device)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		struct rtattr spec, family, mode;
		uint8_t value, pad[3];
	} q = {
		.h = { .nlmsg_len = sizeof(q), .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.i = { .ifi_index = (int)if_nametoindex(device) },
		.spec = { .rta_len = sizeof(q.spec) + sizeof(q.family) + sizeof(q.mode) + 4,
			  .rta_type = IFLA_AF_SPEC | NLA_F_NESTED },
		.family = { .rta_len = sizeof(q.family) + sizeof(q.mode) + 4, .rta_type = AF_INET6 | NLA_F_NESTED },
		.mode = { .rta_len = sizeof(q.mode) + 1, .rta_type = IFLA_INET6_ADDR_GEN_MODE },
		.value = IN6_ADDR_GEN_MODE_NONE,
	};
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;

	if (sock < 0)
		return -errno;
	rc = ask(sock, &q.h);
	close(sock);
	return rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP ? 0 : rc;
}

int
route_everything(const char *device)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;

	if (sock < 0)
		return -errno;
	rc = route_family(sock, AF_INET, device);
	if (rc == 0)
		rc = route_family(sock, AF_INET6, device);
	/* A machine without IPv6 has no such connections either. */
	if (rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP)
		rc = 0;
	close(sock);
	return rc;
}
