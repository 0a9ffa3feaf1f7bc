/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire_session - a session of the model (tcp_model.h) that a test goes on with frame by frame
 *
 * What:      begin() runs a dialogue up to a point; from there on the test makes each frame itself, by client() and
 *            server(), and looks at what went on.
 */
#ifndef POSTERN_TESTS_WIRE_SESSION_H
#define POSTERN_TESTS_WIRE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tcp_model.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)
#define MAIL "MAIL FROM:<a@example.org>\r\n"
#define BAD "RCPT TO:<gen@army.ml>\r\n"
#define GOOD "RCPT TO:<gen@army.mil>\r\n"

#define FIRST_HOLD (UINT64_C(1) << 32) /* its number */

static const struct model_step ehlo[] = { { "EHLO gw\r\n", 1 }, { NULL, 0 } };
static const struct model_step body[] = {
	{ "EHLO gw\r\n", 1 },
	{ "MAIL FROM:<a@example.org>\r\nRCPT TO:<ok@army.mil>\r\nDATA\r\n", 2 },
	{ "Subject: t\r\n", 5 },
	{ NULL, 0 },
};

static struct model m; /* large */
static uint32_t at;    /* the client's next sequence number */

/* A session under way; from now on the links lose everything, so that nothing is acknowledged but what we say. */
static inline void
begin_with(struct model_config *cfg, const struct model_step *steps)
{
	cfg->ctrl_silent = true;
	model_init(&m, cfg, steps);
	model_run(&m, 100 * MS);
	assert_int_equal(m.end[MODEL_SERVER].state, MODEL_OPEN);
	at = m.end[MODEL_CLIENT].max_nxt;
	assert_int_equal(m.end[MODEL_CLIENT].una, at);
	m.cfg.loss = 100;
}

static inline void
begin(const struct model_step *steps)
{
	struct model_config cfg;

	model_config_default(&cfg);
	begin_with(&cfg, steps);
}

static inline void
end(void)
{
	/* What is held at the end is no leak. */
	while (!inspector_flush_step(m.ins, 8))
		;
	model_check_balance(&m);
	model_fini(&m);
}

static inline void
client(uint8_t flags, uint32_t seq, const char *text)
{
	uint32_t n;
	uint8_t *frame = model_frame(&m, MODEL_CLIENT, flags, seq, m.end[MODEL_CLIENT].rcv_nxt, text,
				     (uint32_t)strlen(text), &n);

	model_inject(&m, MODEL_CLIENT, frame, n, 0);
}

static inline void
server(uint8_t flags, uint32_t ack, const char *text)
{
	uint32_t n;
	uint8_t *frame = model_frame(&m, MODEL_SERVER, flags, m.end[MODEL_SERVER].max_nxt, ack, text,
				     (uint32_t)strlen(text), &n);

	model_inject(&m, MODEL_SERVER, frame, n, 0);
	m.end[MODEL_SERVER].max_nxt += (uint32_t)strlen(text);
}

/* The text from @seq on went on to the server, all of it. */
static inline bool
went_on(uint32_t seq, const char *text)
{
	uint32_t off = seq - (m.end[MODEL_CLIENT].isn + 1), n = (uint32_t)strlen(text);

	return memchr(m.wire_have + off, 0, n) == NULL && memcmp(m.wire_c2s + off, text, n) == 0;
}

static inline bool
nothing_went_on(uint32_t seq, uint32_t n)
{
	return memchr(m.wire_have + (seq - (m.end[MODEL_CLIENT].isn + 1)), 1, n) == NULL;
}

static inline uint64_t
count(enum dp_stat id)
{
	return m.counters.c[id];
}

#endif
