/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcp_builder - packets of one TCP connection from a described conversation, for tests and fuzzers
 *
 * What:      keeps both sides' sequence numbers, builds real Ethernet + IPv4 + TCP frames, and decodes them with
 *            packet_decode(), so that tests feed what the dataplane is fed.
 * Ownership: tcp_builder_fini() frees all. Packets stay where they are while the builder lives.
 */
#ifndef POSTERN_TCP_BUILDER_H
#define POSTERN_TCP_BUILDER_H

#include "packet.h"

enum tcp_builder_side {
	TCPB_CLIENT = 0,
	TCPB_SERVER = 1,
};

/* A packet before it is built. */
struct tcp_seg_desc {
	uint8_t side;
	uint8_t flags; /* enum packet_tcp_flags */
	uint8_t rebuilt;
	uint16_t urgent; /* pointer */
	uint32_t seq, ack;
	uint32_t len, missing;
	uint8_t *data; /* malloc'ed */
	uint64_t gap_ns; /* time since the packet before; 0: 1 ms */
	uint32_t loop;
};

struct tcp_builder {
	uint32_t isn[2];
	uint32_t sent[2]; /* octets of payload so far */
	uint16_t port[2];
	uint8_t addr_last[2];
	uint64_t ts_ns;	 /* of the next packet built */
	uint64_t frame_no; /* of the last */
	struct packet_hash_seed seed;
	struct tcp_seg_desc *descs;
	uint32_t nb, cap;
	struct packet *pkts; /* built; nb_built of them */
	uint8_t **frames;
	uint32_t nb_built;
};

void tcp_builder_init(struct tcp_builder *b, uint32_t client_isn, uint32_t server_isn);
void tcp_builder_fini(struct tcp_builder *b);

/* Forget what was appended; numbers go on. Packets built stay until the next building. */
void tcp_builder_clear(struct tcp_builder *b);

/* Append a packet as given. Returns its description, for changes; valid until the next append. */
struct tcp_seg_desc *tcp_builder_raw(struct tcp_builder *b, enum tcp_builder_side side, uint8_t flags, uint32_t seq,
				     uint32_t ack, const void *data, uint32_t len);

/* Append the next packet of @side: its numbers follow from what was sent so far. */
struct tcp_seg_desc *tcp_builder_send(struct tcp_builder *b, enum tcp_builder_side side, const void *data, uint32_t len);
struct tcp_seg_desc *tcp_builder_text(struct tcp_builder *b, enum tcp_builder_side side, const char *text);
void tcp_builder_ack(struct tcp_builder *b, enum tcp_builder_side side);
void tcp_builder_handshake(struct tcp_builder *b);
/* FIN of @side; counts as one octet for what follows. */
void tcp_builder_fin(struct tcp_builder *b, enum tcp_builder_side side);

/* First octet sent by @side is number 0. */
static inline uint32_t
tcp_builder_seq(const struct tcp_builder *b, enum tcp_builder_side side, uint32_t octet)
{
	return b->isn[side] + 1 + octet;
}

/* Build and decode all that was appended, in the present order of descs. */
void tcp_builder_build(struct tcp_builder *b);

#endif
