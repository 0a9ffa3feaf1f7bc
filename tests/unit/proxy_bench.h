/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy_bench - the responder's proxy between two sides that are strings
 *
 * What:      recipients with "army.ml" are refused at once with proxy's own words and those with "text.ml" with some of the
 *            judge's; those with "ask.ml" are asked about; "reset.ml" resets. What goes out is gathered by direction.
 */
#ifndef POSTERN_PROXY_BENCH_H
#define POSTERN_PROXY_BENCH_H

#include "proxy.h"

struct proxy_bench_out {
	uint8_t *p;
	size_t len, cap;
};

struct proxy_bench {
	struct smtp_ctx ctx;
	struct dp_counters counters;
	struct proxy proxy;
	void *mem;
	struct proxy_bench_out client, server;
	struct proxy_bench_out waiting; /* of the client, not taken yet */
	unsigned int nb_asked;		/* in all */
	unsigned int nb_known;		/* recipients that were read before */
	uint32_t transaction, index;	/* of the last one that was judged */
};

struct proxy_bench_start {
	const char *prefix, *owed, *server_line; /* owed: kinds, as characters from '0' */
	uint32_t through_len, known_len;
	uint32_t transaction, nb_rcpts;
	uint16_t flags;
};

/* A record in @buf (DP_TAKEOVER_LEN_MAX octets, 8-aligned) that passes dp_takeover_check(). */
struct dp_takeover *proxy_bench_record(void *buf, const struct proxy_bench_start *start);

void proxy_bench_init(struct proxy_bench *b, const struct proxy_bench_start *start);
void proxy_bench_fini(struct proxy_bench *b);

/* @piece octets at a time; 0: all at once. */
void proxy_bench_client(struct proxy_bench *b, const void *p, size_t n, size_t piece);
void proxy_bench_server(struct proxy_bench *b, const void *p, size_t n, size_t piece);
/* Answer all that is asked. */
void proxy_bench_answer(struct proxy_bench *b, enum dp_verdict verdict, const char *text);

#endif
