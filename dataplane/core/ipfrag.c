/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfrag.h"

#include <string.h>

#include "ipfrag_private.h"
#include "packet_hash.h"
#include "pool.h"

/*
 * One block of memory: the table, the output of two readings, hash buckets, datagrams, and blocks of octets. A datagram
 * keeps its blocks newest first: laid down in this order the oldest octets win (reading 0), in the opposite order the
 * newest (reading 1). What has arrived is a bitmap of units of 8 octets, since every piece but the last has whole ones.
 *
 * Receivers that meet a contradiction throw away what they have and begin anew, at a moment we can't know. So a
 * datagram with contradictions stays here after it was given out, and is given out again when a later piece changes its
 * newest reading: whatever pieces a receiver kept, its datagram is among ours.
 */
enum {
	BITMAP_WORDS = 65536 / UNIT / 64,
	BLOCK_LEN = 512,
	BLOCK_DATA = BLOCK_LEN - 8,
	OCTETS_DATAGRAM_MAX = 2 * IPFRAG_DATAGRAM_MAX, /* kept for one: two whole readings */
	GIVEN_MAX = 32, /* times a contradictory datagram is given out: each costs a copy of all of it */
	OUT_LEN = (IPFRAG_DATAGRAM_MAX + 63) / 64 * 64,
};

struct block {
	uint32_t older; /* POOL_NONE: the first that came */
	uint16_t off;
	uint16_t len;
	uint8_t data[BLOCK_DATA];
};
_Static_assert(sizeof(struct block) == BLOCK_LEN, "block layout");

struct datagram {
	struct frag_key key;
	uint32_t next;	    /* in its bucket */
	uint32_t bucket;
	uint32_t younger;   /* in order of the first piece */
	uint32_t older;
	uint32_t newest;    /* block */
	uint32_t octets;    /* kept */
	uint32_t reach;	    /* highest end of a piece */
	uint32_t prefix;    /* units [0, prefix) have all arrived */
	uint64_t first_ns;
	struct outline outline[2];
	uint16_t nb_pieces;
	uint8_t conflict;   /* pieces contradict each other */
	uint8_t nb_given;
	uint64_t seen[BITMAP_WORDS];
};
_Static_assert(sizeof(struct datagram) % 8 == 0, "pool object");

struct ipfrag {
	struct dp_counters *counters;
	struct packet_hash_seed seed;
	uint64_t timeout_ns;
	struct pool datagrams;
	struct pool blocks;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint32_t oldest, youngest;
	/* the last output */
	struct packet from; /* the piece that completed it */
	uint16_t vlan[2];
	uint32_t out_len[2];
	uint8_t *out[2];
};

struct layout {
	uint32_t nb_datagrams, nb_blocks, nb_buckets;
	size_t out, buckets, datagrams, blocks, total;
};

static size_t
round_up(size_t n)
{
	return (n + DP_CACHE_LINE - 1) / DP_CACHE_LINE * DP_CACHE_LINE;
}

static void
layout_init(struct layout *l, const struct ipfrag_config *cfg)
{
	uint64_t nb_blocks = cfg->octets_max / BLOCK_LEN;

	l->nb_datagrams = cfg->datagrams_max < 1 ? 1 : cfg->datagrams_max;
	if (l->nb_datagrams > 1u << 24)
		l->nb_datagrams = 1u << 24;
	l->nb_blocks = nb_blocks < POOL_NONE ? (uint32_t)nb_blocks : POOL_NONE - 1;
	for (l->nb_buckets = 1; l->nb_buckets < l->nb_datagrams;)
		l->nb_buckets *= 2;
	l->out = round_up(sizeof(struct ipfrag));
	l->buckets = l->out + (size_t)2 * OUT_LEN;
	l->datagrams = l->buckets + round_up((size_t)l->nb_buckets * sizeof(uint32_t));
	l->blocks = l->datagrams + round_up(pool_mem_size(l->nb_datagrams, sizeof(struct datagram)));
	l->total = l->blocks + pool_mem_size(l->nb_blocks, BLOCK_LEN);
}

size_t
ipfrag_mem_size(const struct ipfrag_config *cfg)
{
	struct layout l;

	layout_init(&l, cfg);
	return l.total;
}

struct ipfrag *
ipfrag_init(void *mem, const struct ipfrag_config *cfg, struct dp_counters *counters)
{
	struct ipfrag *t = mem;
	uint8_t *base = mem;
	struct layout l;
	uint32_t i;

	layout_init(&l, cfg);
	*t = (struct ipfrag){
		.counters = counters,
		.seed = cfg->seed,
		.timeout_ns = cfg->timeout_ns,
		.buckets = (uint32_t *)(base + l.buckets),
		.bucket_mask = l.nb_buckets - 1,
		.oldest = POOL_NONE,
		.youngest = POOL_NONE,
		.out = { base + l.out, base + l.out + OUT_LEN },
	};
	pool_init(&t->datagrams, base + l.datagrams, l.nb_datagrams, sizeof(struct datagram));
	pool_init(&t->blocks, base + l.blocks, l.nb_blocks, BLOCK_LEN);
	for (i = 0; i < l.nb_buckets; i++)
		t->buckets[i] = POOL_NONE;
	return t;
}

static struct datagram *
datagram_at(const struct ipfrag *t, uint32_t idx)
{
	return pool_at(&t->datagrams, idx);
}

static struct block *
block_at(const struct ipfrag *t, uint32_t idx)
{
	return pool_at(&t->blocks, idx);
}

/* Unlink datagram @idx and give its memory back. */
static void
datagram_put(struct ipfrag *t, uint32_t idx)
{
	struct datagram *d = datagram_at(t, idx);
	uint32_t *link = &t->buckets[d->bucket], b, older;

	while (*link != idx)
		link = &datagram_at(t, *link)->next;
	*link = d->next;
	if (d->younger != POOL_NONE)
		datagram_at(t, d->younger)->older = d->older;
	else
		t->youngest = d->older;
	if (d->older != POOL_NONE)
		datagram_at(t, d->older)->younger = d->younger;
	else
		t->oldest = d->younger;
	for (b = d->newest; b != POOL_NONE; b = older) {
		older = block_at(t, b)->older;
		pool_put(&t->blocks, b);
	}
	pool_put(&t->datagrams, idx);
}

/* Give up datagram @idx for @why; one that was given out is no loss. */
static void
datagram_give_up(struct ipfrag *t, uint32_t idx, enum dp_stat why)
{
	if (datagram_at(t, idx)->nb_given == 0)
		dp_count(t->counters, why, 1);
	datagram_put(t, idx);
}

static bool
is_expired(const struct ipfrag *t, const struct datagram *d, uint64_t now_ns)
{
	return now_ns > d->first_ns && now_ns - d->first_ns > t->timeout_ns;
}

static uint32_t
datagram_new(struct ipfrag *t, const struct frag_key *key, uint32_t bucket, uint64_t now_ns)
{
	struct datagram *d;
	uint32_t idx = pool_get(&t->datagrams);

	if (idx == POOL_NONE) {
		datagram_give_up(t, t->oldest, DP_STAT_FRAG_LIMIT);
		idx = pool_get(&t->datagrams);
	}
	d = datagram_at(t, idx);
	*d = (struct datagram){
		.key = *key,
		.next = t->buckets[bucket],
		.bucket = bucket,
		.younger = POOL_NONE,
		.older = t->youngest,
		.newest = POOL_NONE,
		.first_ns = now_ns,
	};
	t->buckets[bucket] = idx;
	if (t->youngest != POOL_NONE)
		datagram_at(t, t->youngest)->younger = idx;
	else
		t->oldest = idx;
	t->youngest = idx;
	return idx;
}

/* The datagram of @key, begun when there is none (or only one whose time is over). */
static uint32_t
datagram_find(struct ipfrag *t, const struct frag_key *key, uint64_t now_ns)
{
	uint64_t w[6] = { 0 }, src[2], dst[2];
	uint32_t bucket, idx;

	memcpy(w, key, sizeof(*key));
	memcpy(src, w, sizeof(src));
	memcpy(dst, w + 2, sizeof(dst));
	bucket = packet_hash_words(src, dst, w[4], w[5], &t->seed) & t->bucket_mask;
	for (idx = t->buckets[bucket]; idx != POOL_NONE; idx = datagram_at(t, idx)->next) {
		if (memcmp(&datagram_at(t, idx)->key, key, sizeof(*key)) == 0)
			break;
	}
	if (idx != POOL_NONE && is_expired(t, datagram_at(t, idx), now_ns)) {
		datagram_give_up(t, idx, DP_STAT_FRAG_TIMEOUTS);
		idx = POOL_NONE;
	}
	return idx != POOL_NONE ? idx : datagram_new(t, key, bucket, now_ns);
}

enum overlap {
	OVERLAP_NONE,
	OVERLAP_EQUAL,
	OVERLAP_DIFFERENT,
};

static enum overlap
compare_piece(const struct ipfrag *t, const struct datagram *d, const struct piece *pc)
{
	enum overlap ret = OVERLAP_NONE;
	uint32_t i, from, to;

	for (i = d->newest; i != POOL_NONE; i = block_at(t, i)->older) {
		const struct block *b = block_at(t, i);

		from = b->off > pc->off ? b->off : pc->off;
		to = b->off + b->len < pc->off + pc->len ? b->off + b->len : pc->off + pc->len;
		if (from >= to)
			continue;
		if (memcmp(b->data + (from - b->off), pc->data + (from - pc->off), to - from) != 0)
			return OVERLAP_DIFFERENT;
		ret = OVERLAP_EQUAL;
	}
	return ret;
}

/* Have the units [@from, @to) all arrived? */
static bool
has_units(const struct datagram *d, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		if ((d->seen[from / 64] >> (from % 64) & 1) == 0)
			return false;
	}
	return true;
}

static void
note_units(struct datagram *d, const struct piece *pc)
{
	uint32_t u, to = (pc->off + pc->len) / UNIT;

	for (u = pc->off / UNIT; u < to; u++)
		d->seen[u / 64] |= UINT64_C(1) << (u % 64);
	while (d->prefix < BITMAP_WORDS * 64 && (d->seen[d->prefix / 64] >> (d->prefix % 64) & 1) != 0)
		d->prefix++;
}

/*
 * Note what @pc says of the whole: its end, its first header. Returns whether that is news. Sets d->conflict when it
 * contradicts what was known.
 */
static bool
note_outline(struct datagram *d, const struct piece *pc)
{
	struct outline *o = d->outline;
	uint32_t end = pc->off + pc->len;
	bool news = false;

	if (pc->last && o[1].total != end) {
		if (o[0].total == 0)
			o[0].total = end;
		else
			d->conflict = 1;
		o[1].total = end;
		news = true;
	}
	if (end > d->reach)
		d->reach = end;
	if (o[0].total != 0 && d->reach > o[0].total)
		d->conflict = 1;
	if (pc->off == 0 && (!o[1].first_seen || o[1].proto != pc->outline.proto)) {
		uint32_t total[2] = { o[0].total, o[1].total };

		if (!o[0].first_seen)
			o[0] = pc->outline;
		else
			d->conflict = 1;
		o[1] = pc->outline;
		o[0].total = total[0];
		o[1].total = total[1];
		news = true;
	}
	return news;
}

/*
 * Copy @pc into blocks of datagram @idx; others are given up for room, oldest first. False: the limit of one datagram,
 * or no room even so.
 */
static bool
store_piece(struct ipfrag *t, uint32_t idx, const struct piece *pc)
{
	struct datagram *d = datagram_at(t, idx);
	uint32_t done, n, i;
	struct block *b;

	if (d->nb_pieces == IPFRAG_PIECES_MAX || pc->len > OCTETS_DATAGRAM_MAX - d->octets)
		return false;
	for (done = 0; done < pc->len; done += n) {
		while ((i = pool_get(&t->blocks)) == POOL_NONE) {
			uint32_t victim = t->oldest != idx ? t->oldest : d->younger;

			if (victim == POOL_NONE)
				return false;
			datagram_give_up(t, victim, DP_STAT_FRAG_LIMIT);
		}
		n = pc->len - done < BLOCK_DATA ? pc->len - done : BLOCK_DATA;
		b = block_at(t, i);
		b->older = d->newest;
		b->off = (uint16_t)(pc->off + done);
		b->len = (uint16_t)n;
		memcpy(b->data, pc->data + done, n);
		d->newest = i;
	}
	d->nb_pieces++;
	d->octets += pc->len;
	return true;
}

static void
copy_block(const struct block *b, uint8_t *payload, uint32_t total)
{
	if (b->off < total)
		memcpy(payload + b->off, b->data, b->len < total - b->off ? b->len : total - b->off);
}

/*
 * Turn the list of blocks around: it then runs from the oldest on. Called twice around reading 1, which is rare, so
 * that the list needs one link only.
 */
static void
turn_blocks(struct ipfrag *t, struct datagram *d)
{
	uint32_t i = d->newest, next, done = POOL_NONE;

	for (; i != POOL_NONE; i = next) {
		next = block_at(t, i)->older;
		block_at(t, i)->older = done;
		done = i;
	}
	d->newest = done;
}

/* Is reading @r whole? The end of the last piece, where it is no whole unit, came with that piece. */
static bool
is_whole(const struct datagram *d, unsigned int r)
{
	return d->outline[r].total != 0 && d->prefix >= d->outline[r].total / UNIT;
}

/* Write reading @r of @d as output @i. */
static void
assemble(struct ipfrag *t, struct datagram *d, unsigned int r, unsigned int i)
{
	const struct outline *o = &d->outline[r];
	uint32_t b, len = frag_put_header(t->out[i], &d->key, o);

	if (r == 1)
		turn_blocks(t, d);
	for (b = d->newest; b != POOL_NONE; b = block_at(t, b)->older)
		copy_block(block_at(t, b), t->out[i] + len, o->total);
	if (r == 1)
		turn_blocks(t, d);
	t->out_len[i] = len + o->total;
}

/*
 * Write the whole readings of @d that may hold TCP, each once; of one that was given out before, only the newest.
 * Returns their number.
 */
static unsigned int
give_out(struct ipfrag *t, struct datagram *d)
{
	bool whole[2] = { d->nb_given == 0 && is_whole(d, 0), d->conflict && is_whole(d, 1) };
	unsigned int r, nb = 0;

	if (whole[0] || whole[1])
		d->nb_given++;
	for (r = 0; r < 2; r++) {
		if (!whole[r])
			continue;
		if (!frag_leads_to_tcp(d->outline[r].proto, d->key.family)) {
			dp_count(t->counters, DP_STAT_FRAG_IGNORED, 1);
			continue;
		}
		assemble(t, d, r, nb);
		if (nb == 0 || t->out_len[0] != t->out_len[1] ||
		    memcmp(t->out[0], t->out[1], t->out_len[0]) != 0)
			nb++;
	}
	return nb;
}

enum taken {
	TAKEN,
	TAKEN_BEFORE, /* a duplicate: nothing new */
	TAKEN_NOT,    /* a limit: the datagram is to be given up */
};

static enum taken
take_piece(struct ipfrag *t, uint32_t idx, const struct piece *pc)
{
	struct datagram *d = datagram_at(t, idx);
	bool was_conflict = d->conflict, news;
	enum overlap overlap = pc->off < d->reach ? compare_piece(t, d, pc) : OVERLAP_NONE;

	news = note_outline(d, pc);
	if (overlap == OVERLAP_DIFFERENT)
		d->conflict = 1;
	if (d->conflict && !was_conflict)
		dp_count(t->counters, DP_STAT_FRAG_OVERLAPS, 1);
	/* Without news, an end inside a unit is an end known before, so whole units tell. Duplicates must cost nothing,
	 * or enough of them would push the datagram over its limit. */
	if (!news && overlap == OVERLAP_EQUAL && has_units(d, pc->off / UNIT, (pc->off + pc->len) / UNIT))
		return TAKEN_BEFORE;
	if (d->nb_given == GIVEN_MAX || !store_piece(t, idx, pc))
		return TAKEN_NOT;
	note_units(d, pc);
	return TAKEN;
}

unsigned int
ipfrag_input(struct ipfrag *t, const struct packet *p)
{
	struct frag_key key;
	struct piece pc;
	enum taken taken;
	unsigned int nb;
	uint32_t idx;

	if (p->key.family == DP_FAMILY_IPV4 && !frag_leads_to_tcp(p->frag_proto, DP_FAMILY_IPV4)) {
		dp_count(t->counters, DP_STAT_FRAG_IGNORED, 1);
		return 0;
	}
	if (!frag_read(p, &key, &pc)) {
		dp_count(t->counters, DP_STAT_FRAG_REFUSED, 1);
		return 0;
	}
	idx = datagram_find(t, &key, pc.now_ns);
	taken = take_piece(t, idx, &pc);
	if (taken == TAKEN_NOT) {
		/* As a receiver at its limit does: forget, and begin anew with this piece. */
		dp_count(t->counters, DP_STAT_FRAG_LIMIT, 1);
		datagram_put(t, idx);
		idx = datagram_find(t, &key, pc.now_ns);
		taken = take_piece(t, idx, &pc);
		if (taken == TAKEN_NOT)
			datagram_give_up(t, idx, DP_STAT_FRAG_LIMIT);
	}
	if (taken != TAKEN)
		return 0;
	nb = give_out(t, datagram_at(t, idx));
	if (datagram_at(t, idx)->nb_given != 0 && !datagram_at(t, idx)->conflict)
		datagram_put(t, idx);
	if (nb != 0) {
		t->from = *p;
		t->vlan[0] = key.vlan[0];
		t->vlan[1] = key.vlan[1];
	}
	return nb;
}

void
ipfrag_get(const struct ipfrag *t, unsigned int i, struct packet *ret, uint16_t ret_vlan[2])
{
	ret->frame = t->out[i];
	ret->ts_ns = t->from.ts_ns;
	ret->frame_no = t->from.frame_no;
	ret->cap_len = t->out_len[i];
	ret->wire_len = t->out_len[i];
	ret->loop = t->from.loop;
	ret->link = PACKET_LINK_RAW;
	ret->wire = t->from.wire;
	ret->rebuilt = (uint8_t)(1 + i);
	ret_vlan[0] = t->vlan[0];
	ret_vlan[1] = t->vlan[1];
}

void
ipfrag_age_step(struct ipfrag *t, uint64_t now_ns, unsigned int budget)
{
	for (; budget != 0 && t->oldest != POOL_NONE; budget--) {
		if (!is_expired(t, datagram_at(t, t->oldest), now_ns))
			return;
		datagram_give_up(t, t->oldest, DP_STAT_FRAG_TIMEOUTS);
	}
}
