/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics - an HTTP endpoint for Prometheus: GET /metrics, and nothing else
 *
 * What:      libmicrohttpd on the loop of ctrl, by its epoll descriptor: no thread, nothing blocks. Off unless an address is
 *            configured. Read only: whatever is asked changes nothing.
 * Limits:    METRICS_CLIENTS_MAX connections, METRICS_IDLE_S without progress, 16 KiB of request.
 * Trust:     anybody who reaches the address reads counters and the name of the rule set, no addresses and no mail.
 * Threads:   the loop's. Errors: metrics_open() gives negative errno.
 */
#ifndef POSTERN_METRICS_H
#define POSTERN_METRICS_H

#include "json_out.h"

enum {
	METRICS_CLIENTS_MAX = 16,
	METRICS_IDLE_S = 10,
};

struct uv_loop_s;
struct metrics;

struct metrics_config {
	const char *listen; /* listen_addr.h */
	/* Append the page. */
	void (*page)(void *ctx, struct json_out *o);
	void *ctx;
};

int metrics_open(struct uv_loop_s *uv, const struct metrics_config *cfg, struct metrics **ret);
/* Now and then: connections that have waited too long are closed. */
void metrics_tick(struct metrics *m);
/* The loop runs once more before metrics_free(). NULL is fine for all three. */
void metrics_close(struct metrics *m);
void metrics_free(struct metrics *m);

#endif
