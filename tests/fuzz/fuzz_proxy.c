/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_proxy - any dialogue through the responder's proxy, given whole and octet by octet: the same goes out on both sides
 *
 * Input: an octet of flags, then steps: an octet that says who speaks (C client, S server, A the answer to a question) and
 * what follows up to the next octet 0xff.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
step(struct proxy_bench *b, uint8_t who, const uint8_t *p, size_t n, size_t piece)
{
	switch (who) {
	case 'C':
		proxy_bench_client(b, p, n, piece);
		break;
	case 'S':
		proxy_bench_server(b, p, n, piece);
		break;
	case 'A':
		proxy_bench_answer(b, n > 0 ? (enum dp_verdict)(p[0] % DP_VERDICT_NB) : DP_VERDICT_PASS, "550 5.1.2 asked");
		break;
	case 'I':
		proxy_idle(&b->proxy);
		break;
	default:
		break;
	}
}

static void
run(struct proxy_bench *b, const uint8_t *data, size_t size, size_t piece)
{
	const struct proxy_bench_start start = {
		.transaction = data[0] & 1,
		.nb_rcpts = data[0] >> 1 & 1,
		.prefix = data[0] & 4 ? "RCPT TO:<x@ar" : NULL,
		.owed = data[0] & 8 ? "12" : NULL,
		.through_len = (data[0] & 4) == 0 && (data[0] & 16) != 0 ? 9 : 0,
		.flags = data[0] & 32 ? DP_TAKEOVER_EHLO | DP_TAKEOVER_CHUNKING : 0,
		.known_len = data[0] & 64 ? 30 : 0,
		.server_line = data[0] & 128 ? "25" : NULL,
	};
	const uint8_t *at = data + 1, *stop = data + size, *next;

	proxy_bench_init(b, &start);
	for (; at < stop; at = next + 1) {
		next = memchr(at, 0xff, (size_t)(stop - at));
		if (next == NULL)
			next = stop;
		if (next > at)
			step(b, at[0], at + 1, (size_t)(next - at - 1), piece);
		if (next == stop)
			break;
	}
	/* Of a piece of a message that waits for an answer, more or less waits; once it is there, no more. */
	while (b->proxy.nb_asked > 0)
		proxy_bench_answer(b, DP_VERDICT_PASS, NULL);
}

static void
compare(const struct proxy_bench_out *a, const struct proxy_bench_out *b, bool cut)
{
	size_t n = a->len < b->len ? a->len : b->len;

	check(memcmp(a->p, b->p, n) == 0);
	check(cut || a->len == b->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_bench whole, octets;
	bool cut;

	if (size < 2 || size > 65536)
		return 0;
	run(&whole, data, size, 0);
	run(&octets, data, size, 1);
	check(whole.proxy.end == octets.proxy.end);
	/* One that was cut off had perhaps passed on more of the piece in which the reason lies. */
	cut = whole.proxy.end != PROXY_GOES_ON;
	compare(&whole.server, &octets.server, cut);
	compare(&whole.client, &octets.client, cut);
	check(whole.nb_asked == octets.nb_asked || cut);
	check(whole.proxy.in_tail - whole.proxy.in_head <= PROXY_IN_MAX);
	proxy_bench_fini(&whole);
	proxy_bench_fini(&octets);
	return 0;
}
