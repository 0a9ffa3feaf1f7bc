/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session - one connection that was taken over: two repaired sockets, and the proxy between them
 *
 * What:      made from a checked record; moves octets when the sockets are ready, waits for ctrl's words on recipients, ends
 *            when both sides have ended, when one is reset (then so is the other), or when nothing moved for too long.
 * Shape:     octets from the client go into the proxy's buffer; what a socket does not take waits in a queue, and while there
 *            is any, the other side is not read: memory is bounded by what one read gives.
 * Threads:   one; all of them in one epoll instance.
 * Hostile:   both peers. Limits: PROXY_IN_MAX, SESSION_READ, SESSION_ASKS_MAX, the time limits below.
 */
#ifndef POSTERN_RESPONDER_SESSION_H
#define POSTERN_RESPONDER_SESSION_H

#include "judge.h"
#include "proxy.h"

enum {
	SESSION_READ = 64 << 10,	/* octets of one read */
	SESSION_ASKS_MAX = 16,		/* recipients of one piece that wait; more are answered 451 */
	SESSION_IDLE_MS = 600 * 1000,	/* RFC 5321 §4.5.3.2.6: 10 minutes is the longest that a client waits */
	SESSION_LINGER_MS = 30 * 1000,	/* for the client's end, after the server's */
	SESSION_NUDGE_MS = 2000,	/* client and server that wait for each other */
	SESSION_WORDS_MS = 200,		/* for ctrl's words on a verdict that is known */
};

/* What all sessions share. */
struct session_env {
	struct smtp_ctx *smtp_ctx;
	struct judge *judge;
	int epoll_fd;
	uint64_t now_ns;    /* of CLOCK_MONOTONIC, of this turn */
	uint32_t answer_ms; /* for ctrl's verdict on a later recipient */
	const char *template; /* of our own words (reply_text.h) */
	uint64_t nb_refused, nb_unanswered, nb_cut; /* recipients; of them without ctrl's answer; connections cut */
	uint8_t read_buf[SESSION_READ];
};

struct session_queue {
	uint8_t *p;
	uint32_t off, len, cap;
};

/* A recipient that waits for ctrl. */
struct session_ask {
	uint64_t hold_id; /* 0: unused */
	uint64_t since_ns, until_ns;
	uint32_t epoch;
	uint16_t worker;
	bool is_own;	  /* the responder's question; else only words are wanted, on what was decided */
	uint32_t transaction, rcpt_index;
	char text[PROXY_TEXT_MAX]; /* when nothing comes */
};

struct session_end {
	int fd;		/* -1: closed */
	uint32_t events; /* as epoll has them */
	bool eof;	/* it sent its end */
	bool shut;	/* ours was sent to it */
	bool is_server;
	struct session *session;
	struct session_queue out;
};

struct session {
	struct session_env *env;
	struct session *next_uid, *next_source, *prev, *next; /* the owner's lists (table.h) */
	struct session_end client, server;
	struct proxy proxy;
	struct dp_flow_id flow;
	uint64_t hold_id; /* of the take-over */
	uint32_t epoch;
	uint16_t worker;
	bool over;	  /* to be closed by the owner */
	bool asked;	  /* ctrl was told of a recipient: it is told of the end */
	uint64_t moved_ns; /* when octets last moved */
	uint64_t server_end_ns; /* 0: it has not ended */
	uint32_t nb_holds;
	struct dp_takeover_hold *holds;
	struct session_ask asks[SESSION_ASKS_MAX];
};

/* From the checked record @t. 0 with *ret, or negative errno: nothing was sent. */
int session_open(struct session_env *env, const struct dp_takeover *t, struct session **ret);

/* Sockets become part of the event loop; call after ctrl and the dataplane were told. */
int session_start(struct session *s);

/* @events of epoll on @end. */
void session_ready(struct session_end *end, uint32_t events);
/* An answer has come for @answer->hold_id, if it is one of this session's. */
void session_answer(struct session *s, const struct dp_answer *answer);
/* Look at the time limits. */
void session_tick(struct session *s);

/* @silent: without a word on the wire; else what is open is reset. Frees it. */
void session_close(struct session *s, bool silent);

#endif
