/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_core - what the core alone costs: a capture in memory, decoded and inspected again and again
 *
 *              bench_core CAPTURE [PASSES]     pcap, microseconds, Ethernet, this machine's byte order
 *              bench_core --flows N            memory of N connections after EHLO and MAIL
 *
 * The first form prints the nanoseconds per packet of each pass (a new flow table each time), their least and median,
 * and the sum of all callbacks, which must not change with a change that is about speed only. No matcher, no rings, no
 * DPDK: what differs here is the core. The second prints resident octets per connection: (after - before) / N.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "inspector.h"

enum {
	PASSES_MAX = 1000,
	FILE_HEAD = 24,
	RECORD_HEAD = 16,
	FRAME_MAX = 512,
	BURST = 32,
};

static const struct packet_hash_seed seed = { .k = { 0x0123456789abcdef, 0xfedcba9876543210 } };

struct bench {
	struct inspector *ins;
	void *mem;
	size_t mem_len;
	struct dp_counters counters;
	uint64_t sum; /* of everything called back */
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
on_txn_begin(void *ctx, void *owner, uint32_t transaction, const struct smtp_str *helo, const struct smtp_str *sender,
	     uint64_t anomalies)
{
	struct bench *b = ctx;

	b->sum += transaction + helo->len + sender->len + anomalies;
}

static bool
on_rcpt(void *ctx, void *owner, const struct smtp_rcpt *rcpt)
{
	struct bench *b = ctx;

	b->sum += rcpt->transaction * 7 + rcpt->index * 5 + rcpt->line_octets + rcpt->address.len + rcpt->anomalies;
	return rcpt->address.len % 64 == 0;
}

static void
on_rcpt_reply(void *ctx, void *owner, uint32_t transaction, uint32_t index, uint16_t reply)
{
	struct bench *b = ctx;

	b->sum += transaction + index * 3 + reply;
}

static void
on_data(void *ctx, void *owner, uint32_t transaction, enum dp_data_kind kind, uint16_t reply)
{
	struct bench *b = ctx;

	b->sum += transaction + kind + reply;
}

static void
on_txn_end(void *ctx, void *owner, const struct smtp_txn_end *end)
{
	struct bench *b = ctx;

	b->sum += end->nb_rcpts + end->body_octets + end->data_reply + end->complete;
}

static void
on_flow_end(void *ctx, struct flow *f, enum dp_close how, const struct smtp_summary *sum)
{
	struct bench *b = ctx;

	b->sum += how + sum->nb_transactions + sum->anomalies;
}

static const struct inspector_ops ops = {
	.smtp = {
		.txn_begin = on_txn_begin,
		.rcpt = on_rcpt,
		.rcpt_reply = on_rcpt_reply,
		.data = on_data,
		.txn_end = on_txn_end,
	},
	.flow_end = on_flow_end,
};

static void
bench_open(struct bench *b, uint32_t flows)
{
	struct inspector_config cfg;

	*b = (struct bench){ 0 };
	inspector_config_default(&cfg);
	cfg.seed = seed;
	if (flows != 0)
		cfg.flows_max = cfg.sessions_max = flows;
	b->mem_len = inspector_mem_size(&cfg);

	b->mem = mmap(NULL, b->mem_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->mem != MAP_FAILED)
		b->ins = inspector_init(b->mem, &cfg, &ops, b, &b->counters);
	if (b->ins == NULL) {
		fputs("bench_core: no memory\n", stderr);
		exit(1);
	}
}

static void
bench_close(struct bench *b)
{
	while (!inspector_flush_step(b->ins, 1024))
		;
	munmap(b->mem, b->mem_len);
}

static void
inspect(struct bench *b, struct packet *pkts, unsigned int nb)
{
	struct packet *mail[BURST];
	unsigned int i, m = 0;

	for (i = 0; i < nb; i++) {
		static const uint16_t ports[] = { 25, 587, 2525 };

		if (packet_decode(&pkts[i], &seed) == PACKET_TCP && packet_has_port(&pkts[i], ports, 3))
			mail[m++] = &pkts[i];
	}
	inspector_burst(b->ins, mail, m);
	inspector_age_step(b->ins, pkts[nb - 1].ts_ns, 64);
}

/* --- a capture --- */

static const uint8_t *
map_file(const char *path, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > FILE_HEAD)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	*ret_len = (size_t)st.st_size;
	return p;
}

/* The next record of @p in *ret; octets it takes, 0 at the end. */
static size_t
next_record(const uint8_t *p, size_t len, uint64_t frame_no, struct packet *ret)
{
	uint32_t head[4];

	if (len < RECORD_HEAD)
		return 0;
	memcpy(head, p, sizeof(head));
	if (head[2] > len - RECORD_HEAD)
		return 0;
	*ret = (struct packet){
		.frame = p + RECORD_HEAD,
		.ts_ns = (uint64_t)head[0] * 1000000000 + (uint64_t)head[1] * 1000,
		.frame_no = frame_no,
		.cap_len = head[2],
		.wire_len = head[3],
		.link = PACKET_LINK_ETHERNET,
	};
	return RECORD_HEAD + head[2];
}

static uint64_t
pass(struct bench *b, const uint8_t *p, size_t len)
{
	size_t off = FILE_HEAD, n = 1;
	uint64_t frame_no = 0;

	while (n != 0) {
		struct packet pkts[BURST];
		unsigned int nb;

		for (nb = 0; nb < BURST; nb++) {
			n = next_record(p + off, len - off, frame_no + 1, &pkts[nb]);
			if (n == 0)
				break;
			off += n;
			frame_no++;
			__builtin_prefetch(p + off + 64);
		}
		if (nb > 0)
			inspect(b, pkts, nb);
	}
	return frame_no;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
bench_capture(const char *path, unsigned int passes)
{
	static const uint8_t magic[4] = { 0xd4, 0xc3, 0xb2, 0xa1 };
	double ns[PASSES_MAX];
	size_t len;
	const uint8_t *p = map_file(path, &len);
	unsigned int i;

	if (memcmp(p, magic, sizeof(magic)) != 0) {
		fprintf(stderr, "%s: not a pcap file of this machine's byte order with microseconds\n", path);
		return 1;
	}
	for (i = 0; i < passes; i++) {
		struct bench b;
		uint64_t start, nb;

		bench_open(&b, 0);
		start = now_ns();
		nb = pass(&b, p, len);
		ns[i] = (double)(now_ns() - start) / (double)(nb == 0 ? 1 : nb);
		bench_close(&b);
		if (i == 0)
			printf("%" PRIu64 " packets, %" PRIu64 " flows, sum %016" PRIx64 "\n", nb,
			       b.counters.c[DP_STAT_FLOWS], b.sum);
	}
	qsort(ns, passes, sizeof(ns[0]), by_value);
	printf("ns per packet: least %.1f, median %.1f, of %u passes\n", ns[0], ns[passes / 2], passes);
	return 0;
}

/* --- memory --- */

static long
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

struct segment {
	bool from_client;
	uint8_t flags;
	const char *text;
};

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* IPv4 and TCP without checksums: nobody asks for them here. */
static void
send_segment(struct bench *b, uint32_t flow, const struct segment *s, uint32_t seq[2])
{
	uint8_t frame[FRAME_MAX] = { 0 }, *ip = frame + 14, *tcp = ip + 20;
	uint32_t len = (uint32_t)strlen(s->text), from = !s->from_client;
	struct packet p = { .frame = frame, .ts_ns = 1, .frame_no = 1, .link = PACKET_LINK_ETHERNET };
	uint32_t client = 0xc6120000 + (flow >> 15), server = 0xc6130001;

	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 40 + len);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, s->from_client ? client : server);
	put32(ip + 16, s->from_client ? server : client);
	put16(tcp, s->from_client ? 1024 + (flow & 0x7fff) : 25);
	put16(tcp + 2, s->from_client ? 25 : 1024 + (flow & 0x7fff));
	put32(tcp + 4, seq[from]);
	put32(tcp + 8, seq[!from]);
	tcp[12] = 0x50;
	tcp[13] = s->flags;
	memcpy(tcp + 20, s->text, len);
	seq[from] += len + (s->flags & PACKET_SYN ? 1 : 0);
	p.cap_len = p.wire_len = 54 + len;
	inspect(b, &p, 1);
}

static int
bench_flows(uint32_t flows)
{
	static const struct segment dialogue[] = {
		{ true, PACKET_SYN, "" },
		{ false, PACKET_SYN | PACKET_ACK, "" },
		{ false, PACKET_ACK, "220 mx.example.com ESMTP\r\n" },
		{ true, PACKET_ACK, "EHLO client.example.org\r\n" },
		{ false, PACKET_ACK, "250-mx.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 CHUNKING\r\n" },
		{ true, PACKET_ACK, "MAIL FROM:<alice@client.example.org>\r\n" },
		{ false, PACKET_ACK, "250 2.1.0 Ok\r\n" },
		{ true, PACKET_ACK, "" },
	};
	struct bench b;
	uint32_t i, k;
	long before;

	bench_open(&b, flows);
	before = resident();
	for (i = 0; i < flows; i++) {
		uint32_t seq[2] = { 1000, 2000 };

		for (k = 0; k < sizeof(dialogue) / sizeof(dialogue[0]); k++)
			send_segment(&b, i, &dialogue[k], seq);
	}
	printf("%u connections after EHLO and MAIL: %.1f resident octets each\n", flows,
	       (double)(resident() - before) / flows);
	if (b.counters.c[DP_STAT_FLOWS] != flows) {
		fprintf(stderr, "bench_core: %" PRIu64 " connections came to be\n", b.counters.c[DP_STAT_FLOWS]);
		return 1;
	}
	bench_close(&b);
	return 0;
}

int
main(int argc, char **argv)
{
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : 20;

	if (argc == 3 && strcmp(argv[1], "--flows") == 0 && n >= 1 && n <= 1 << 24)
		return bench_flows((uint32_t)n);
	if ((argc == 2 || argc == 3) && argv[1][0] != '-' && n >= 1 && n <= PASSES_MAX)
		return bench_capture(argv[1], (unsigned int)n);
	fputs("Usage: bench_core CAPTURE [PASSES] | bench_core --flows N\n", stderr);
	return 2;
}
