/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy - speaks SMTP between client and server of a connection that was taken over
 *
 * What:      octets of both sides in, octets for both sides out. What the client says goes to the server line by line, each
 *            when all replies before it have come; a recipient that is refused does not go on: its reply is made here, and
 *            stands where the server's would have stood. Messages and chunks are copied through; after STARTTLS, and where
 *            nothing can be read, everything is.
 * Shape:     client octets wait in one buffer until they may go:
 *
 *              in_head                                       in_tail
 *                 | fed: read by the machine, not decided | not read |   room, up to PROXY_IN_MAX
 *
 *            The SMTP machine (core/smtp) is given what the client sees: the server's replies, and ours in their places. So
 *            its list of pending commands is what the client is still owed, and a reply of ours is due when it is empty but
 *            for the refused line.
 * Split:     of a line whose head the server has (prefix), the rest is replaced by octets that make no valid command of it,
 *            and the server's reply to that is replaced by ours. If it accepts even that, the connection is cut.
 * Bodies:    a recipient that only a lenient server would read (in a message, in what seems TLS) cannot be refused by itself:
 *            verdicts from refuse on cut the connection.
 * Ownership: the caller gives memory for nothing but the struct; proxy_fini() frees the buffer. Spans given to callbacks are
 *            valid during the call. Callbacks may not call back in.
 * Threads:   one. Cost: O(octets).
 * Hostile:   both sides. Limits below; each way out has a reason (enum proxy_end).
 * Source:    RFC 5321 §4.1.1, §4.5.3; RFC 2920; RFC 3030; RFC 3207; RFC 4954.
 */
#ifndef POSTERN_RESPONDER_PROXY_H
#define POSTERN_RESPONDER_PROXY_H

#include "smtp_state.h"

enum {
	PROXY_IN_MAX = 64 << 10,   /* client octets that wait: pipelined commands, one line, or a piece of a message */
	PROXY_LINE_MAX = 16 << 10, /* RFC 4954 §4.5: lines of AUTH are up to 12288 */
	PROXY_TEXT_MAX = 512,
	PROXY_SWALLOW_MAX = 4096,  /* octets of a reply that is replaced */
};

enum proxy_end {
	PROXY_GOES_ON = 0,
	PROXY_LINE_TOO_LONG,
	PROXY_VERDICT,	 /* reset, or a refusal that cannot be given */
	PROXY_ACCEPTED,	 /* the server accepted the spoilt rest of a split line */
	PROXY_NO_MEMORY,
	PROXY_REPLY_TOO_LONG,
};

enum proxy_judged {
	PROXY_CLEAN,   /* no match, or nothing to be done about it */
	PROXY_DECIDED, /* *ret_verdict and @text say what */
	PROXY_ASKED,   /* proxy_answer() follows, later */
};

struct proxy_ops {
	/*
	 * A recipient. @known: of the octets that were read before the connection was taken over. @text: the whole reply line
	 * without its end, PROXY_TEXT_MAX with a NUL; empty: proxy's own words.
	 */
	enum proxy_judged (*judge)(void *ctx, const struct smtp_rcpt *rcpt, bool known, enum dp_verdict *ret_verdict,
				   char text[PROXY_TEXT_MAX]);
	void (*to_client)(void *ctx, const uint8_t *p, size_t n);
	void (*to_server)(void *ctx, const uint8_t *p, size_t n);
};

struct proxy {
	struct smtp_ctx *smtp_ctx;
	const struct proxy_ops *ops;
	void *ctx;
	struct smtp smtp;
	uint8_t *in;
	uint32_t in_cap, in_head, in_tail;
	uint32_t fed;		/* octets at in_head that the machine has read and that wait for a verdict */
	uint32_t prefix_left;	/* octets at in_head that the server has already */
	uint32_t through_left;	/* to come, and passed on unread */
	uint64_t offset;	/* octets given to the machine, the prefix not counted */
	uint32_t known_len;	/* of these, read before */
	uint32_t nb_asked;	/* answers to come */
	uint32_t swallowed;	/* octets of the reply that is replaced, so far */
	uint8_t strongest;	/* enum dp_verdict of what was fed */
	uint8_t end;		/* enum proxy_end */
	bool in_line;		/* what was fed is one command line */
	bool in_part;		/* what is in the buffer is part of a line, and nothing else hinders it */
	bool swallowing;	/* the next reply of the server is to be replaced by @text */
	uint8_t swallow_len;
	char swallow_head[4];
	char text[PROXY_TEXT_MAX];
};

/* What the machine calls back; the struct smtp_ctx of a proxy has these. */
extern const struct smtp_ops proxy_smtp_ops;

/*
 * Begin with what the checked record @t says. 0 or -ENOMEM; after that the octets of the client from client.snd_nxt on are
 * to be given.
 */
int proxy_init(struct proxy *p, struct smtp_ctx *smtp_ctx, const struct proxy_ops *ops, void *ctx,
	       const struct dp_takeover *t);
void proxy_fini(struct proxy *p);

/*
 * Where the next client octets are to be written, and how many there may be: 0 when the proxy takes no more for now. Then
 * proxy_client_came() with what was written.
 */
size_t proxy_client_room(struct proxy *p, uint8_t **ret_to);
void proxy_client_came(struct proxy *p, size_t n);
void proxy_server_came(struct proxy *p, const uint8_t *octets, size_t n);

/* The answer to one PROXY_ASKED. @text: NULL or a reply line without its end. */
void proxy_answer(struct proxy *p, enum dp_verdict verdict, const char *text);

/* Nothing came for a while: a wait of client and server for each other is ended. */
void proxy_idle(struct proxy *p);

/* May the client's end be passed on: does nothing of it wait? */
bool proxy_is_drained(const struct proxy *p);

#endif
