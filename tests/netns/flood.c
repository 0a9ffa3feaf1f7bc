/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flood - more frames than an inspector can take: beginnings of mail connections, each from another port
 *
 * Usage:     flood DEVICE CLIENT SERVER        IPv4 addresses; until SIGTERM
 * Frames:    to an Ethernet address that nobody has, so that no kernel behind the wire works on them.
 * Output:    at its end, the number of frames sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 64,
};

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	stop = 1;
}

static uint32_t
sum(const void *p, size_t len, uint32_t s)
{
	const uint8_t *o = p;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		s += (uint32_t)o[i] << 8 | o[i + 1];
	return s;
}

static uint16_t
fold(uint32_t s)
{
	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static int
make(struct frame *f, const char *client, const char *server, uint16_t port)
{
	static const uint8_t to[6] = { 2, 0, 0, 0, 0, 99 }, from[6] = { 2, 0, 0, 0, 0, 98 };

	memset(f, 0, sizeof(*f));
	memcpy(f->eth.ether_dhost, to, sizeof(to));
	memcpy(f->eth.ether_shost, from, sizeof(from));
	f->eth.ether_type = htons(ETHERTYPE_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.tot_len = htons(sizeof(f->ip) + sizeof(f->tcp));
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	if (inet_pton(AF_INET, client, &f->ip.saddr) != 1 || inet_pton(AF_INET, server, &f->ip.daddr) != 1)
		return -1;
	f->ip.check = fold(sum(&f->ip, sizeof(f->ip), 0));
	f->tcp.source = htons(port);
	f->tcp.dest = htons(25);
	f->tcp.doff = 5;
	f->tcp.syn = 1;
	f->tcp.window = htons(65535);
	f->tcp.check = fold(sum(&f->tcp, sizeof(f->tcp),
				sum(&f->ip.saddr, 8, IPPROTO_TCP + (uint32_t)sizeof(f->tcp))));
	return 0;
}

int
main(int argc, char **argv)
{
	static struct frame frames[BATCH];
	struct mmsghdr msgs[BATCH] = { 0 };
	struct iovec iov[BATCH];
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	uint64_t sent = 0;
	uint16_t port = 1024;
	int fd, one = 1, n, i;

	if (argc != 4)
		return 2;
	addr.sll_ifindex = (int)if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || addr.sll_ifindex == 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		fprintf(stderr, "flood: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	signal(SIGTERM, on_signal);
	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ .iov_base = &frames[i], .iov_len = sizeof(frames[i]) };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (!stop) {
		for (i = 0; i < BATCH; i++, port = port == UINT16_MAX ? 1024 : port + 1)
			if (make(&frames[i], argv[2], argv[3], port) != 0)
				return 2;
		n = sendmmsg(fd, msgs, BATCH, 0);
		sent += n > 0 ? (uint64_t)n : 0;
	}
	printf("%llu\n", (unsigned long long)sent);
	return 0;
}
