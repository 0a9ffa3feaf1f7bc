/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp_builder.h"

#include <stdlib.h>
#include <string.h>

enum {
	L2_LEN = 14,
	L3_LEN = 20,
	L4_LEN = 20,
	HEADERS_LEN = L2_LEN + L3_LEN + L4_LEN,
};

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

void
tcp_builder_init(struct tcp_builder *b, uint32_t client_isn, uint32_t server_isn)
{
	*b = (struct tcp_builder){
		.isn = { client_isn, server_isn },
		.port = { 40000, 25 },
		.addr_last = { 10, 20 },
		.ts_ns = UINT64_C(1700000000) * 1000000000,
		.seed = { .k = { 1, 2 } },
	};
}

static void
drop_built(struct tcp_builder *b)
{
	uint32_t i;

	for (i = 0; i < b->nb_built; i++)
		free(b->frames[i]);
	free(b->frames);
	free(b->pkts);
	b->frames = NULL;
	b->pkts = NULL;
	b->nb_built = 0;
}

void
tcp_builder_clear(struct tcp_builder *b)
{
	uint32_t i;

	for (i = 0; i < b->nb; i++)
		free(b->descs[i].data);
	b->nb = 0;
}

void
tcp_builder_fini(struct tcp_builder *b)
{
	drop_built(b);
	tcp_builder_clear(b);
	free(b->descs);
	*b = (struct tcp_builder){ 0 };
}

struct tcp_seg_desc *
tcp_builder_raw(struct tcp_builder *b, enum tcp_builder_side side, uint8_t flags, uint32_t seq, uint32_t ack,
		const void *data, uint32_t len)
{
	struct tcp_seg_desc *d;

	if (b->nb == b->cap) {
		b->cap = b->cap == 0 ? 64 : 2 * b->cap;
		b->descs = realloc(b->descs, b->cap * sizeof(*b->descs));
		if (b->descs == NULL)
			abort();
	}
	d = &b->descs[b->nb++];
	*d = (struct tcp_seg_desc){ .side = side, .flags = flags, .seq = seq, .ack = ack, .len = len };
	d->data = malloc(len > 0 ? len : 1);
	if (d->data == NULL)
		abort();
	if (len > 0)
		memcpy(d->data, data, len);
	return d;
}

struct tcp_seg_desc *
tcp_builder_send(struct tcp_builder *b, enum tcp_builder_side side, const void *data, uint32_t len)
{
	enum tcp_builder_side other = side == TCPB_CLIENT ? TCPB_SERVER : TCPB_CLIENT;
	uint32_t seq = tcp_builder_seq(b, side, b->sent[side]);

	b->sent[side] += len;
	return tcp_builder_raw(b, side, PACKET_ACK | (len > 0 ? PACKET_PSH : 0), seq,
			       tcp_builder_seq(b, other, b->sent[other]), data, len);
}

struct tcp_seg_desc *
tcp_builder_text(struct tcp_builder *b, enum tcp_builder_side side, const char *text)
{
	return tcp_builder_send(b, side, text, (uint32_t)strlen(text));
}

void
tcp_builder_ack(struct tcp_builder *b, enum tcp_builder_side side)
{
	tcp_builder_send(b, side, "", 0);
}

void
tcp_builder_handshake(struct tcp_builder *b)
{
	tcp_builder_raw(b, TCPB_CLIENT, PACKET_SYN, b->isn[0], 0, "", 0);
	tcp_builder_raw(b, TCPB_SERVER, PACKET_SYN | PACKET_ACK, b->isn[1], b->isn[0] + 1, "", 0);
	tcp_builder_ack(b, TCPB_CLIENT);
}

void
tcp_builder_fin(struct tcp_builder *b, enum tcp_builder_side side)
{
	tcp_builder_send(b, side, "", 0)->flags |= PACKET_FIN;
	b->sent[side]++;
}

static uint8_t *
build_frame(const struct tcp_builder *b, const struct tcp_seg_desc *d)
{
	/* Exactly as long as the packet, so that a read beyond it is seen by the address sanitizer. */
	uint8_t *f = calloc(1, HEADERS_LEN + d->len);
	uint8_t *ip = f + L2_LEN, *tcp = ip + L3_LEN;
	unsigned int other = !d->side;

	if (f == NULL)
		abort();
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, L3_LEN + L4_LEN + d->len + d->missing);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, 0xc0000200u | b->addr_last[d->side]);
	put32(ip + 16, 0xc0000200u | b->addr_last[other]);
	put16(tcp, b->port[d->side]);
	put16(tcp + 2, b->port[other]);
	put32(tcp + 4, d->seq);
	put32(tcp + 8, d->ack);
	tcp[12] = 5 << 4;
	tcp[13] = d->flags;
	put16(tcp + 14, 65535);
	put16(tcp + 18, d->urgent);
	memcpy(f + HEADERS_LEN, d->data, d->len);
	return f;
}

void
tcp_builder_build(struct tcp_builder *b)
{
	uint32_t i;

	drop_built(b);
	b->pkts = calloc(b->nb + 1, sizeof(*b->pkts));
	b->frames = calloc(b->nb + 1, sizeof(*b->frames));
	if (b->pkts == NULL || b->frames == NULL)
		abort();
	for (i = 0; i < b->nb; i++) {
		const struct tcp_seg_desc *d = &b->descs[i];

		b->ts_ns += d->gap_ns > 0 ? d->gap_ns : 1000000;
		b->frames[i] = build_frame(b, d);
		b->pkts[i] = (struct packet){
			.frame = b->frames[i],
			.ts_ns = b->ts_ns,
			.frame_no = ++b->frame_no,
			.cap_len = HEADERS_LEN + d->len,
			.wire_len = HEADERS_LEN + d->len + d->missing,
			.loop = d->loop,
			.link = PACKET_LINK_ETHERNET,
			.rebuilt = d->rebuilt,
		};
		b->nb_built++;
		if (packet_decode(&b->pkts[i], &b->seed) != PACKET_TCP)
			abort();
	}
}
