/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_session - what the files of the SMTP machine share; private to smtp*.c
 *
 * What:      the cold state of a connection, and the verbs by which the files call each other.
 *
 *              smtp.c         doors, phases of the client's side
 *              smtp_sync.c    gaps, waits given up, guesses
 *              smtp_line.c    lines out of pieces
 *              smtp_middle.c  what neither head nor tail of a long line hold
 *              smtp_command.c a line -> verb -> what it does
 *              smtp_rcpt.c    MAIL and RCPT arguments, other readings of a line
 *              smtp_reply.c   server lines -> replies
 *              smtp_txn.c     pending commands, transactions, their ends
 *              smtp_body.c    end of data
 *              smtp_state.c   a machine that goes on where another one was
 *
 * Two sides: whatever the client's octets alone decide is done as they are read ("client side"); whatever needs a
 *            reply is done when that reply, or the certainty that it will not be seen, comes ("reply side"), in the
 *            order of the commands. That is why results do not depend on how the directions interleave.
 */
#ifndef POSTERN_SMTP_SESSION_H
#define POSTERN_SMTP_SESSION_H

#include "smtp.h"

enum {
	SMTP_STRING_LEN = 256,	  /* octets of an object of ctx->strings */
	SMTP_PENDING_INLINE = 32, /* pending commands kept in the session; a power of two */
	SMTP_TXNS_MAX = 4,	  /* transactions begun and not yet ended */
	SMTP_SERVER_HEAD = 20,	  /* octets kept of a server line: code and EHLO keyword */
	SMTP_GUESS_MAX = 16,
	SMTP_ALT_LINES = 100,	  /* lines read after a lenient end of data, since the last that was a command */
	SMTP_STREAK = 3,	  /* replies that must fit before a lost reply count is believed again */
};

/* Anomalies after which the server may have said more than is known. */
#define SMTP_REPLIES_MISSED \
	(DP_ANOMALY_BIT(MIDSTREAM) | DP_ANOMALY_BIT(GAP_SERVER) | DP_ANOMALY_BIT(REPLY_UNSEEN) | \
	 DP_ANOMALY_BIT(PENDING_LIMIT) | DP_ANOMALY_BIT(RESOURCE))

/* struct smtp.flags */
enum {
	SMTP_F_SKIP = 1u << 0,	    /* drop client octets up to a line end */
	SMTP_F_ALT = 1u << 1,	    /* BODY, CHUNK: lines are read as other readings too */
	SMTP_F_LENIENT = 1u << 2,   /* BODY: a lenient end of data was seen */
	SMTP_F_GAP_BODY = 1u << 3,  /* SYNC: most likely inside a body */
	SMTP_F_UNSURE = 1u << 4,    /* not in step: RESYNC on all that is found */
	SMTP_F_TLS = 1u << 5,	    /* TLS to all appearance, but no record of the server was seen yet: still read */
	SMTP_F_NO_SESSION = 1u << 6, /* no memory for a session (counted once) */
	SMTP_F_GUESS = 1u << 7,	    /* the next octets decide the phase */
	SMTP_F_OPAQUE = 1u << 8,
	SMTP_F_STARTTLS = 1u << 9,
	SMTP_F_SMTP = 1u << 10,
	SMTP_F_MIDSTREAM = 1u << 11,
	SMTP_F_PREAMBLE = 1u << 12, /* CHUNK: the rest of a PROXY header, not a message */
	SMTP_F_SERVER_SEEN = 1u << 13,
	SMTP_F_STASH = 1u << 14,    /* replies are put by */
	SMTP_F_TURNED = 1u << 15,   /* TURN was taken: what the server says are commands, as lines of another reading */
};

enum smtp_pending {
	SMTP_P_OTHER = 0, /* one reply, of no interest */
	SMTP_P_MAIL,
	SMTP_P_RCPT,
	SMTP_P_RCPT_OPEN, /* RCPT that opened transaction 0 */
	SMTP_P_DATA,
	SMTP_P_END,	  /* end of data, or the last chunk */
	SMTP_P_RESET,	  /* RSET, HELO, XCLIENT: ends a transaction */
	SMTP_P_EHLO,
	SMTP_P_LHLO,
	SMTP_P_QUIT,
	SMTP_P_STARTTLS,
	SMTP_P_AUTH,
	SMTP_P_CHUNK,	  /* a chunk that is not the last */
	SMTP_P_BDAT,	  /* BDAT that was not offered: its reply says whether a chunk follows */
	SMTP_P_TURN,	  /* TURN, ATRN */
	SMTP_P_KIND = 0x0f,
	SMTP_P_REPORT = 0x10, /* RCPT: rcpt() asked for the reply */
};

enum smtp_wait {
	SMTP_W_NONE = 0,
	SMTP_W_DATA,
	SMTP_W_STARTTLS,
	SMTP_W_AUTH,
	SMTP_W_TURN,
	SMTP_W_BDAT, /* whether CHUNKING is offered stands in a reply that is still to come */
	SMTP_W_TAKEN, /* BDAT was not offered: does the server take the chunk all the same? */
	SMTP_W_TLS,  /* the client begins with TLS: does the server? No command is pending for this */
};

enum smtp_guess {
	SMTP_G_START = 0, /* TLS or a PROXY header, else commands */
	SMTP_G_MIDSTREAM, /* TLS, else SYNC */
	SMTP_G_DATA,	  /* a command, else a body */
	SMTP_G_ODD,	  /* DATA was answered 2xx. A command, else a body that is read as commands, too */
	SMTP_G_STARTTLS,  /* TLS, else commands */
	SMTP_G_AUTH,	  /* a command, else one line of authentication */
	SMTP_G_DECIDED,	  /* a reply came first: s->phase stands */
};

enum {
	SMTP_CAP_CHUNKING = 1u << 0,
	SMTP_CAP_PIPELINING = 1u << 1,
	SMTP_CAP_SMTPUTF8 = 1u << 2,
	SMTP_CAP_STARTTLS = 1u << 3,
	SMTP_CAP_BINARYMIME = 1u << 4,
};

enum {
	SMTP_TXN_GAP = 1u << 0,	    /* octets are missing in it */
	SMTP_TXN_REFUSED = 1u << 1, /* MAIL was refused */
	SMTP_TXN_QUIT = 1u << 2,    /* RSET, EHLO or QUIT ended it */
	SMTP_TXN_REPORT = 1u << 3,  /* a recipient matched */
};

struct smtp_txn {
	uint32_t number;
	uint32_t nb_rcpts;
	uint64_t body_octets;
	uint64_t anomalies;
	uint16_t go_reply, data_reply;
	uint8_t kind;  /* enum dp_data_kind */
	uint8_t flags; /* SMTP_TXN_* */
	uint8_t reserved[2];
};

/* A string in a pool. */
struct smtp_kept {
	uint32_t idx; /* POOL_NONE: empty */
	uint16_t len;
	bool is_big;
	uint32_t full_len;
	uint64_t hash;
};

/* An object of ctx->big: a long line, or a long list of pending commands, or a long name. */
struct smtp_big {
	uint8_t head[SMTP_LINE_HEAD_MAX];
	uint8_t tail[SMTP_LINE_TAIL_MAX]; /* ring */
	uint32_t tail_pos; /* octets written to tail, kept below twice its size */
	/* The address (or name) in a line longer than head: its length and hash are counted on. */
	uint32_t arg_full; /* octets, the kept ones included */
	bool arg_bracket, arg_done;
	bool middle_begun;   /* smtp_middle.c: octets have left the ring and were read */
	uint8_t middle_left; /* finds that may still be reported; 0: the middle is not read */
	uint8_t carry_len; /* dp_hash64() takes 8 octets at a time */
	uint8_t carry[8];
	uint64_t hash;
};

struct smtp_session {
	uint64_t anomalies;	   /* client side, and those noted from outside */
	uint64_t server_anomalies; /* reply side */
	struct smtp_txn txns[SMTP_TXNS_MAX]; /* ring, oldest first; the client's open one is the last */
	struct smtp_kept helo, sender;
	uint32_t nb_commands;	 /* that were ever pending; wraps */
	uint32_t nb_transactions;
	uint32_t nb_rcpts0;	 /* recipients of transaction 0 so far, client side */
	uint32_t nb_replied0;	 /* and reply side */
	uint32_t nb_replied;	 /* recipients answered in the reply side's transaction */
	uint32_t lmtp_accepted;	 /* of these, with 2xx */
	uint32_t lmtp_left;	 /* further replies owed to an end of data */
	uint32_t pending_skip;	 /* replies owed to commands that were forgotten; they come first */
	uint32_t line_idx;	 /* line in pieces; POOL_NONE: nothing kept */
	uint32_t line_octets;	 /* of it so far */
	uint32_t pending_idx;	 /* in ctx->big; POOL_NONE: inline */
	uint32_t stash_idx;	 /* replies put by until client octets that waited are read; POOL_NONE: none */
	uint16_t stash_off, stash_len;
	uint16_t pending_head, pending_nb;
	uint16_t ehlo_pending;
	uint16_t early_reply;	 /* final reply that came before the end of data */
	uint8_t txn_head, txn_nb;
	bool client_open;	 /* the last of txns is the client's current one */
	bool reply_open;	 /* the first of txns is the reply side's current one */
	bool line_big, stash_big;
	bool line_first;	 /* no command line was seen yet */
	bool utf8;		 /* MAIL said SMTPUTF8 */
	bool reported;		 /* a recipient matched */
	bool greeted;
	bool tls_client;	 /* F_TLS: the client, at least, seems to speak it */
	bool unsure;		 /* replies can't be told apart for now */
	bool wait_gap;		 /* client octets are missing since the wait began */
	bool bdat_last;		 /* W_BDAT */
	bool bdat_doubt;	 /* a chunk may have been counted otherwise by the server */
	bool ehlo_seen, lmtp;
	bool server_multi;	 /* inside a reply of several lines */
	uint8_t caps;
	uint8_t wait;		 /* enum smtp_wait */
	uint8_t guess_kind, guess_len;
	uint8_t alt_left;	 /* lines still read in F_ALT */
	uint8_t streak;
	uint8_t server_len;	 /* octets in server_head; saturates */
	uint8_t guess[SMTP_GUESS_MAX];
	uint8_t server_head[SMTP_SERVER_HEAD];
	uint8_t pending[SMTP_PENDING_INLINE];
};
_Static_assert(sizeof(struct smtp_session) <= 448, "mean memory of a session");

/* One call from outside. @call_off: octets of this call before the buffer being read (negative in a replay). */
struct smtp_run {
	struct smtp_ctx *ctx;
	struct smtp *s;
	struct smtp_session *ss;
	void *owner;
	int64_t call_off;
};

/* A client line. */
struct smtp_line {
	const uint8_t *p;
	uint32_t len;	 /* at p, without its end */
	uint32_t octets; /* on the wire, with its end */
	uint32_t back;	 /* of them in earlier pieces */
	int64_t end;	 /* where in the piece of this call it ends */
	bool is_cut;	 /* longer than what is kept at p */
	const uint8_t *tail; /* of a cut line, NULL: none */
	uint32_t tail_len;
	uint32_t arg_full; /* of a cut line: address that reaches the end of p; 0: none */
	uint64_t arg_hash;
	uint64_t anomalies;
};

enum smtp_verb {
	SMTP_V_UNKNOWN = 0,
	SMTP_V_AUTH,
	SMTP_V_BDAT,
	SMTP_V_DATA,
	SMTP_V_EHLO,
	SMTP_V_HELO,
	SMTP_V_LHLO,
	SMTP_V_MAIL,
	SMTP_V_OTHER, /* known, one reply, no effect */
	SMTP_V_PROXY,
	SMTP_V_QUIT,
	SMTP_V_RCPT,
	SMTP_V_RSET,
	SMTP_V_STARTTLS,
	SMTP_V_TURN,
	SMTP_V_XCLIENT,
};

struct smtp_command {
	enum smtp_verb verb;
	bool is_sure;	    /* can hardly be anything but this command */
	const uint8_t *arg; /* after the verb, or after the colon */
	uint32_t arg_len;
};

/* smtp.c */
struct smtp_session *smtp_session_get(struct smtp_ctx *ctx, struct smtp *s);
void smtp_anomaly(struct smtp_run *run, uint64_t bits);	       /* client side */
void smtp_anomaly_reply(struct smtp_run *run, uint64_t bits);  /* reply side */
void smtp_go_opaque(struct smtp_run *run);
size_t smtp_client_loop(struct smtp_run *run, const uint8_t *p, size_t len);
/* Phase to go back to after a wait or a chunk. */
enum smtp_phase smtp_command_phase(const struct smtp *s);

/* smtp_sync.c */
size_t smtp_guess_feed(struct smtp_run *run, const uint8_t *p, size_t len);
size_t smtp_client_bare(struct smtp_run *run, const uint8_t *p, size_t len);
void smtp_message_end(struct smtp_run *run);
void smtp_body_begin(struct smtp_run *run, bool gap);

/* smtp_line.c */
size_t smtp_line_feed(struct smtp_run *run, const uint8_t *p, size_t len);
void smtp_line_drop(struct smtp_run *run);
void smtp_line_cut(struct smtp_run *run); /* judge what is there of a line whose rest is missing */
void smtp_body_lines(struct smtp_run *run, const uint8_t *p, size_t len);

/* smtp_middle.c */
/* The head of @b is full. */
void smtp_middle_begin(const struct smtp_run *run, struct smtp_big *b, const struct smtp_command *cmd, const struct mailbox *m);
/*
 * How many of @n octets may go to the tail now: before that, octets that leave it have been read. @octets: of the line
 * before them; @off: where they stand in the piece of this call.
 */
size_t smtp_middle_step(struct smtp_run *run, struct smtp_big *b, size_t n, uint32_t octets, int64_t off);
/* Octets at the beginning of the tail that were read already. */
uint32_t smtp_middle_read(const struct smtp_big *b);

/* smtp_command.c */
void smtp_command_parse(const uint8_t *p, size_t len, struct smtp_command *ret);
void smtp_command_line(struct smtp_run *run, struct smtp_line *line);
void smtp_chunk_refused(struct smtp_run *run);
void smtp_chunk_begin(struct smtp_run *run, uint64_t size, bool last);
void smtp_chunk_end(struct smtp_run *run);
void smtp_bdat_decide(struct smtp_run *run);
/* The chunk of a BDAT that was not offered: @code 2xx took it, 0 was not seen in time. Any other: there is none. */
void smtp_bdat_answered(struct smtp_run *run, unsigned int code);

/* smtp_rcpt.c */
void smtp_rcpt_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd);
void smtp_mail_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd);
void smtp_helo_command(struct smtp_run *run, struct smtp_line *line, const struct smtp_command *cmd);
/*
 * Report every part of @line, between bare CR and up to NUL, that reads as RCPT; the whole of it only when @whole_too.
 * True when any part reads as a command.
 */
bool smtp_alternative_line(struct smtp_run *run, const struct smtp_line *line, uint64_t anomalies, bool whole_too);
/* One more reading of what @line holds. True when it matched. @only_match: of no interest otherwise. */
bool smtp_rcpt_alternative(struct smtp_run *run, const struct smtp_line *line, const struct mailbox *m, uint64_t anomalies,
			   bool only_match);
/* Keep @str, at most @max octets of it, until it is replaced. */
void smtp_kept_set(struct smtp_run *run, struct smtp_kept *k, const struct smtp_str *str, size_t max);
void smtp_kept_drop(struct smtp_ctx *ctx, struct smtp_kept *k);
void smtp_kept_str(const struct smtp_ctx *ctx, const struct smtp_kept *k, struct smtp_str *ret);

/* smtp_reply.c */
void smtp_stash_feed(struct smtp_run *run);
void smtp_stash_flush(struct smtp_run *run);
void smtp_stash_drop(struct smtp_run *run);

/* smtp_txn.c */
void smtp_pending_push(struct smtp_run *run, unsigned int entry);
int smtp_pending_find(struct smtp_run *run, enum smtp_pending kind);
int smtp_pending_first(struct smtp_run *run);
void smtp_pending_pop(struct smtp_run *run, unsigned int code);
/* Take the command that is waited for out again, unanswered. */
void smtp_pending_forget_wait(struct smtp_run *run);
/* Give up the replies to all pending commands but, when @keep_wait, the one that is waited for. */
void smtp_pending_unknown(struct smtp_run *run, bool keep_wait);
struct smtp_txn *smtp_txn_client(struct smtp_run *run);
struct smtp_txn *smtp_txn_reply(struct smtp_run *run);
struct smtp_txn *smtp_txn_open(struct smtp_run *run, uint32_t number);
void smtp_txn_client_close(struct smtp_run *run, bool by_reset);
void smtp_txn_reply_end(struct smtp_run *run, bool complete);
void smtp_txn_finish(struct smtp_run *run);
void smtp_txn_message_end(struct smtp_run *run);

#endif
