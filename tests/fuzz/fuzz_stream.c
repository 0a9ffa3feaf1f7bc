/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_stream - a dialogue, and a script of how it is cut into packets
 *
 * Input:     an octet of settings, the length of the script, the script, then the dialogue: octets of the client, and
 *            after SIDE_SERVER of the server, until SIDE_CLIENT.
 * Checks:    when no octet is missing or different, the records equal those of the same dialogue in whole steps, in
 *            order; always: no crash, every packet counted, every flow ended, all memory given back (a second
 *            connection through the same inspector is recorded as through a fresh one).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inspector_record.h"
#include "tcp_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                    \
	do {                                                        \
		if (!(x)) {                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			abort();                                    \
		}                                                   \
	} while (0)

enum {
	SIDE_SERVER = 0xf0,
	SIDE_CLIENT = 0xf1,
	DIALOGUE_MAX = 3000,
	STEPS_MAX = 256,

	SET_BROKEN = 0x01,	/* octets are missing and different, packets go astray: no equality */
	SET_MIDSTREAM = 0x02,	/* no handshake */
	SET_FIN = 0x04,
	SET_WRAP = 0x08,
	SET_SMALL = 0x10,	/* little memory, early limits (SET_BROKEN only) */
	SET_ONE_SIDED = 0x20,	/* the client only (SET_BROKEN only) */
	SET_READINGS = 0x40,	/* some packets are second readings (SET_BROKEN only) */
};

struct step {
	const uint8_t *p;
	uint32_t len;
	enum tcp_builder_side side;
};

struct script {
	const uint8_t *p;
	uint32_t len, at;
};

static uint8_t
next(struct script *s)
{
	return s->len == 0 ? 0 : s->p[s->at++ % s->len];
}

static uint32_t
read_steps(const uint8_t *p, size_t len, struct step *steps)
{
	enum tcp_builder_side side = TCPB_CLIENT;
	uint32_t nb = 0;
	size_t i, from = 0;

	for (i = 0; i <= len && nb < STEPS_MAX; i++) {
		if (i < len && p[i] != SIDE_SERVER && p[i] != SIDE_CLIENT)
			continue;
		if (i > from)
			steps[nb++] = (struct step){ p + from, (uint32_t)(i - from), side };
		if (i < len)
			side = p[i] == SIDE_SERVER ? TCPB_SERVER : TCPB_CLIENT;
		from = i + 1;
	}
	return nb;
}

static void
begin(struct tcp_builder *b, unsigned int set)
{
	tcp_builder_init(b, set & SET_WRAP ? UINT32_MAX - 40 : 1000, set & SET_WRAP ? UINT32_MAX - 70 : 2000);
	if (!(set & SET_MIDSTREAM))
		tcp_builder_handshake(b);
}

static void
end(struct tcp_builder *b, unsigned int set)
{
	if (!(set & SET_FIN))
		return;
	tcp_builder_fin(b, TCPB_CLIENT);
	tcp_builder_fin(b, TCPB_SERVER);
	tcp_builder_ack(b, TCPB_CLIENT);
}

static void
swap(struct tcp_builder *b, uint32_t i, uint32_t j)
{
	struct tcp_seg_desc t = b->descs[i];

	b->descs[i] = b->descs[j];
	b->descs[j] = t;
}

/* One step in segments: cut, overlapping the one before, repeated, out of order among themselves. */
static void
cut_step(struct tcp_builder *b, const struct step *s, unsigned int set, struct script *script)
{
	uint32_t off, n, first = b->nb, i;

	for (off = 0; off < s->len; off += n) {
		uint8_t how = next(script);
		uint32_t back = how & 0x40 ? next(script) % 16 : 0;
		struct tcp_seg_desc *d;

		n = how & 0x20 ? 1 : how & 0x10 ? s->len - off : 1u + next(script);
		n = n < s->len - off ? n : s->len - off;
		back = back < off ? back : off;
		d = tcp_builder_send(b, s->side, s->p + off - back, n + back);
		d->seq -= back;
		b->sent[s->side] -= back;
		if (how & 0x80) {
			struct tcp_seg_desc again = b->descs[first + next(script) % (b->nb - first)];

			tcp_builder_raw(b, again.side, again.flags, again.seq, again.ack, again.data, again.len);
		}
		/* Of a connection met in its middle the first octets define where it begins. */
		if (b->nb - first > 1 && !(set & SET_MIDSTREAM)) {
			i = how & 0x0f;
			i = i < b->nb - first ? i : b->nb - first - 1;
			swap(b, b->nb - 1, b->nb - 1 - i);
		}
	}
}

/* Make it a connection that no two receivers would read alike. */
static void
damage(struct tcp_builder *b, unsigned int set, struct script *script)
{
	uint32_t i;

	for (i = 0; i < b->nb; i++) {
		struct tcp_seg_desc *d = &b->descs[i];
		uint8_t how = next(script);

		switch (how % 16) {
		case 0: /* lost */
			d->gap_ns = UINT64_C(1) << 62;
			break;
		case 1:
			if (d->len > 0)
				d->data[next(script) % d->len] ^= 1 + next(script) % 255;
			break;
		case 2:
			if (i > 0)
				swap(b, i, next(script) % i);
			break;
		case 3:
			d->missing = next(script);
			break;
		case 4:
			d->flags ^= 1u << (how >> 4) % 6;
			break;
		case 5:
			d->seq += (uint32_t)(int8_t)next(script) * (next(script) & 1 ? 1 : 70000);
			break;
		case 6:
			d->ack += (uint32_t)(int8_t)next(script) * (next(script) & 1 ? 1 : 70000);
			break;
		case 7:
			d->gap_ns = UINT64_C(1000000000) * next(script) * 4;
			break;
		case 8:
			d->rebuilt = set & SET_READINGS ? 1 + (how >> 4) % 2 : 0;
			break;
		default:
			break;
		}
		if (set & SET_ONE_SIDED && d->side == TCPB_SERVER)
			d->gap_ns = UINT64_C(1) << 62;
	}
}

/* Take out what was lost. */
static void
drop_lost(struct tcp_builder *b)
{
	uint32_t i, nb = 0;

	for (i = 0; i < b->nb; i++) {
		if (b->descs[i].gap_ns == UINT64_C(1) << 62)
			free(b->descs[i].data);
		else
			b->descs[nb++] = b->descs[i];
	}
	b->nb = nb;
}

static void
run(struct inspector_record *r, struct tcp_builder *b, unsigned int burst)
{
	uint64_t before = r->counters.c[DP_STAT_INSPECTED], readings = 0;
	uint32_t i;

	tcp_builder_build(b);
	for (i = 0; i < b->nb; i++)
		readings += b->descs[i].rebuilt == 2;
	inspector_record_feed(r, b->pkts, b->nb_built, burst);
	CHECK(r->counters.c[DP_STAT_INSPECTED] - before == b->nb_built - readings);
	inspector_age_step(r->ins, b->ts_ns, 1);
	inspector_record_flush(r);
	CHECK(r->counters.c[DP_STAT_FLOWS] == r->counters.c[DP_STAT_FLOWS_ENDED]);
	CHECK(r->nb_ends == r->counters.c[DP_STAT_FLOWS]);
}

static bool
text_equal(const struct record_text *a, const struct record_text *b)
{
	return strcmp(record_str(a), record_str(b)) == 0;
}

static void
check_equal(const struct inspector_record *want, const struct inspector_record *got)
{
	if (text_equal(&want->client, &got->client) && text_equal(&want->reply, &got->reply) &&
	    text_equal(&want->ends, &got->ends))
		return;
	fprintf(stderr, "got\n%s%s%snot\n%s%s%s", record_str(&got->client), record_str(&got->reply),
		record_str(&got->ends), record_str(&want->client), record_str(&want->reply), record_str(&want->ends));
	abort();
}

/* A body line ending with "." before one that reads as a command: tcp_keep.h, rule 4, knows that it may be misled. */
static bool
is_misleading(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i + 4 < len; i++) {
		if (p[i] == '.' && p[i + 1] == '\r' && p[i + 2] == '\n' && (i < 2 || p[i - 1] != '\n') &&
		    (isalpha(p[i + 3]) || p[i + 3] == ' ' || p[i + 3] == '\t'))
			return true;
	}
	return false;
}

static void
whole(struct inspector_record *r, const struct inspector_config *cfg, const struct step *steps, uint32_t nb,
      unsigned int set)
{
	struct tcp_builder b;
	uint32_t i;

	inspector_record_init(r, cfg);
	begin(&b, set);
	for (i = 0; i < nb; i++)
		tcp_builder_send(&b, steps[i].side, steps[i].p, steps[i].len);
	end(&b, set);
	run(r, &b, 1);
	tcp_builder_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct step steps[STEPS_MAX];
	struct inspector_config cfg;
	struct inspector_record want, got;
	struct tcp_builder b;
	struct script script;
	unsigned int set;
	uint32_t nb, i;

	if (size < 3)
		return 0;
	set = data[0];
	script = (struct script){ .p = data + 2, .len = data[1] < size - 2 ? data[1] : (uint32_t)(size - 2) };
	data += 2 + script.len;
	size -= 2 + script.len;
	if (size > DIALOGUE_MAX)
		size = DIALOGUE_MAX;
	nb = read_steps(data, size, steps);
	inspector_record_config(&cfg);
	if (set & SET_BROKEN && set & SET_SMALL) {
		cfg.reasm_flow_blocks = 6;
		cfg.reasm_blocks = 8;
		cfg.give_up_octets = 100;
		cfg.flows_max = 2;
		cfg.sessions_max = 2;
	}
	inspector_record_init(&got, &cfg);
	begin(&b, set);
	for (i = 0; i < nb; i++)
		cut_step(&b, &steps[i], set, &script);
	end(&b, set);
	if (set & SET_BROKEN) {
		damage(&b, set, &script);
		drop_lost(&b);
	}
	run(&got, &b, 1 + script.len % INSPECTOR_BURST_MAX);
	tcp_builder_fini(&b);
	if (!(set & SET_BROKEN)) {
		whole(&want, &cfg, steps, nb, set);
		if (!is_misleading(data, size))
			check_equal(&want, &got);
		inspector_record_fini(&want);
	} else {
		/* Nothing of it stays behind. */
		free(got.client.p);
		free(got.reply.p);
		free(got.ends.p);
		got.client = got.reply = got.ends = (struct record_text){ 0 };
		begin(&b, 0);
		for (i = 0; i < nb; i++)
			tcp_builder_send(&b, steps[i].side, steps[i].p, steps[i].len);
		b.ts_ns += UINT64_C(1) << 60;
		run(&got, &b, 1);
		tcp_builder_fini(&b);
		whole(&want, &cfg, steps, nb, 0);
		check_equal(&want, &got);
		inspector_record_fini(&want);
	}
	inspector_record_fini(&got);
	return 0;
}
