/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_model - two TCP ends, a lossy link on either side of an enforcing inspector, and mail over it
 *
 * What:      a client and a server with send and receive queues, retransmission by time and by duplicate ACKs (merged and
 *            cut anew, as kernels do), out-of-order queues, PAWS, challenge ACKs (RFC 5961), SYN, FIN and RST; a network
 *            with seeded loss, duplication, reordering and delay; ctrl, which answers holds after a delay.
 * Checks:    built in, at each frame that goes on: checksums are right; no two frames carry different octets for one
 *            sequence number; at the end: the accounting equation.
 * Time:      the model's own, in ns; nothing here waits.
 */
#ifndef POSTERN_TCP_MODEL_H
#define POSTERN_TCP_MODEL_H

#include "inspector.h"

enum model_side {
	MODEL_CLIENT = 0,
	MODEL_SERVER = 1,
	/* The responder's ends: the one towards the client speaks as the server, the other as the client. */
	MODEL_TO_CLIENT = 2,
	MODEL_TO_SERVER = 3,
	MODEL_ENDS = 4,
};

/* What the model's responder does when it is told of a connection. */
enum model_responder {
	MODEL_RESPONDER_NONE = 0, /* there is none */
	MODEL_RESPONDER_READY,
	MODEL_RESPONDER_REFUSES,
	MODEL_RESPONDER_SILENT,
};

enum {
	MODEL_STREAM_MAX = 1 << 18, /* octets of one end */
	MODEL_EVENTS_MAX = 4096,
	MODEL_OUTCOMES_MAX = 64,
	MODEL_HOLDS_MAX = 256,
};

enum model_state {
	MODEL_NEW,	/* server: listens; client: has not begun */
	MODEL_SYN_SENT,
	MODEL_SYN_RCVD,
	MODEL_OPEN,
	MODEL_DONE,	/* both FINs exchanged */
	MODEL_RESET,	/* by an RST */
	MODEL_GAVE_UP,	/* too many retransmissions, or the user's will */
};

/* What is varied from run to run. */
struct model_config {
	uint64_t seed;
	unsigned int loss, dup, reorder; /* percent, of each link and direction */
	uint32_t isn[2];
	bool no_timestamps, no_sack, no_wscale;
	bool ipv6;
	bool server_last; /* the server keeps the last copy of an octet beyond a gap, not the first */
	uint32_t mss;
	uint64_t ctrl_ns;  /* from event to verdict */
	bool ctrl_silent;  /* no verdict ever comes */
	enum dp_verdict verdict;
	uint64_t give_up_ns; /* the client sends RST at this time; 0: never */
	enum model_responder responder;
	uint64_t ready_ns;   /* from the record to its answer */
	uint32_t cut;	     /* client writes at most so many octets at a time; 0: as the script has them */
	struct inspector_config ins;
	bool tap; /* the inspector sees copies: all goes on, whatever it says */
};

struct model_step {
	const char *text;	/* client says; NULL: end */
	unsigned int replies;	/* once so many replies came, in all */
};

struct model_end {
	enum model_state state;
	uint32_t isn, una, nxt; /* SYN and FIN count */
	uint32_t max_nxt;
	uint8_t *out;
	uint32_t out_len;
	bool fin_wanted, fin_sent;
	uint32_t irs, rcv_nxt;
	uint8_t *in, *have; /* by offset from irs + 1 */
	uint32_t in_len;    /* in order */
	uint32_t in_max;
	bool peer_fin;
	uint32_t peer_fin_seq;
	bool ts_ok;
	uint32_t ts_recent, last_tsval;
	unsigned int dup_acks, retries;
	uint64_t rto_ns, timer_ns; /* 0: not running */
	uint32_t paws_drops, challenges, resets_sent;
};

/* A recipient that was held. */
struct model_hold {
	uint64_t id, uid;
	uint32_t start, end; /* sequence numbers of its line */
	uint32_t back;	     /* octets of it that had gone on */
	enum dp_verdict verdict; /* as given by the test; NONE: none yet */
};

struct model_event {
	uint64_t at_ns;
	uint64_t order;
	uint8_t kind; /* private */
	uint8_t port; /* frame: where it arrives */
	uint8_t rebuilt; /* of struct packet */
	uint64_t id, uid;
	uint8_t *frame;
	uint32_t len;
};

struct model {
	struct model_config cfg;
	struct model_end end[MODEL_ENDS];
	uint64_t now_ns, rnd, order, frame_no;
	struct model_event events[MODEL_EVENTS_MAX];
	unsigned int nb_events;
	const struct model_step *steps;
	unsigned int step, replies;
	/* the server's mail program */
	uint32_t srv_pos;
	bool srv_data, srv_quit;
	uint32_t srv_chunk; /* octets of a chunk still to come; it takes BDAT, though it does not offer it */
	unsigned int nb_rcpts, nb_messages;
	char bad_seen[256]; /* a refused recipient that the server read, if any */
	/* the inspector */
	struct inspector *ins;
	void *mem;
	size_t mem_len;
	struct dp_counters counters;
	struct packet_hash_seed seed;
	uint64_t sent; /* frames that went on */
	uint8_t *wire_c2s, *wire_have; /* octets that went on to the server, by offset from the client's ISN + 1 */
	uint32_t wire_max;
	uint32_t last_seq[2], last_len[2]; /* of the last frame that went on to each end */
	uint8_t last_flags[2];
	uint64_t nb_to[2]; /* frames that went on to each */
	uint64_t nb_flows, nb_flow_ends, nb_holds;
	uint32_t line_start, line_end; /* sequence numbers of the last matched line */
	uint32_t line_back;
	struct inspector_outcome outcomes[MODEL_OUTCOMES_MAX];
	unsigned int nb_outcomes; /* in all; the first MODEL_OUTCOMES_MAX are kept */
	struct model_hold holds[MODEL_HOLDS_MAX]; /* the first of them */
	bool ring_full; /* events are lost */
	bool bypass;	/* nothing is inspected */
	uint16_t client_port; /* beyond the usual one, of frames from model_frame() */
	/* the responder */
	_Alignas(8) uint8_t record[DP_TAKEOVER_LEN_MAX];
	uint32_t index; /* of the flow it was told of */
	unsigned int nb_told, nb_void;
	bool closed;    /* said so */
	uint32_t px_read, px_relayed; /* octets of the client, and of the server, dealt with */
	unsigned int px_owed;	      /* replies of the server that are awaited */
	bool px_data, px_message;     /* 354 is awaited; a message goes by */
	bool px_spoilt;		      /* the reply awaited is to a line that was spoilt */
	unsigned int px_refused;
};

void model_config_default(struct model_config *cfg);
void model_init(struct model *m, const struct model_config *cfg, const struct model_step *steps);
void model_fini(struct model *m);

/* Run for @limit_ns of the model's time. */
void model_run(struct model *m, uint64_t limit_ns);

/* The same pair of ends and ports again: a new connection with @isn, through the same inspector. */
void model_again(struct model *m, uint32_t isn_client, uint32_t isn_server, const struct model_step *steps);

/* The inspector dies and another one begins, with nothing but the list of severed connections (cfg.ins, if it has one). */
void model_restart(struct model *m);

/* Fail the test unless the counters add up. */
void model_check_balance(const struct model *m);

/* Octets [@start, @end) of the client's sequence numbers that went on to the server. */
uint32_t model_octets_sent(const struct model *m, uint32_t start, uint32_t end);

/* Those of the last matched line. */
static inline uint32_t
model_line_octets_sent(const struct model *m)
{
	return model_octets_sent(m, m->line_start, m->line_end);
}

/*
 * A frame (malloc'ed, taken over) reaches the inspector at @port (0: the client's side), now. @rebuilt: as a datagram put
 * together from fragments.
 */
void model_inject(struct model *m, unsigned int port, uint8_t *frame, uint32_t len, unsigned int rebuilt);

/* Build a frame of @side with these numbers, for model_inject(). malloc'ed. */
uint8_t *model_frame(const struct model *m, enum model_side side, uint8_t flags, uint32_t seq, uint32_t ack,
		     const void *data, uint32_t len, uint32_t *ret_len);

#endif
