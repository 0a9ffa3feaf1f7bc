/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_server - the control socket: who is connected, what they ask, what they are answered
 *
 * What:      a listening unix stream socket that the supervisor made (so that a client finds it while ctrl is started anew).
 *            One request at a time per client (control_request.h); what it sends meanwhile waits in the socket.
 * Trust:     a client must be this process's user or root (SO_PEERCRED); all others are told so and closed. Then it is still
 *            only a client: lines are parsed as hostile.
 * Limits:    CONTROL_CLIENTS_MAX clients, one request buffered of each, CONTROL_IDLE_MS to send a request and to take an
 *            answer.
 * Threads:   the loop's. Errors: control_server_open() gives negative errno; a client's failures close that client.
 */
#ifndef POSTERN_CONTROL_SERVER_H
#define POSTERN_CONTROL_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "control_request.h"

enum {
	CONTROL_CLIENTS_MAX = 16,
	CONTROL_IDLE_MS = 10 * 1000,
};

struct uv_loop_s;
struct control_server;

struct control_server_config {
	int fd; /* listening; stays the caller's */
	/* The answer may be given at once or later, by control_server_answer() with @client. */
	void (*request)(void *ctx, uint64_t client, const struct control_request *rq);
	void *ctx;
};

int control_server_open(struct uv_loop_s *uv, const struct control_server_config *cfg, struct control_server **ret);
/* Closes all handles; the loop must run once more before control_server_free(). */
void control_server_close(struct control_server *s);
void control_server_free(struct control_server *s);

/* One object without a line end. A client that has gone gets nothing. */
void control_server_answer(struct control_server *s, uint64_t client, const char *json, size_t len);

/* Clients that were refused by their credentials or for their number, so far. */
uint64_t control_server_refused(const struct control_server *s);

#endif
