/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * generate - captures of mail traffic, seeded, with the ground truth beside them
 *
 * What:      writes a pcap file of many SMTP sessions, interleaved as a busy gateway carries them (handshake, EHLO with a
 *            reply of several lines, MAIL, RCPT, DATA or BDAT, bodies in segments of 1,448 octets, acknowledgements,
 *            QUIT, FINs), and a file of JSON lines: one for each lookalike recipient, the last one the totals.
 * Shape:     a session is a list of turns (who, text, body octets behind it) made when it begins; each step picks one
 *            of the open sessions at random and writes its next frame. Bodies come from one pool of lines.
 * Same seed, same options: same octets.
 * Errors:    one line, exit 1 (2: usage). For tests only: input is the command line of a developer.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MSS = 1448,
	HEAD_MAX = 18 + 40 + 20 + 12 + 8, /* Ethernet with a tag, IPv6, TCP, options of a SYN */
	OUT_SIZE = 1 << 22,
	POOL_LINE = 78,
	POOL_LINES = 40000,
	TEXT_MAX = 16384,
	TURNS_MAX = 300,
	RCPTS_MAX = 100,
};

enum tcp_flags {
	FIN = 1,
	SYN = 2,
	PSH = 8,
	ACK = 16,
};

struct options {
	uint64_t seed;
	uint32_t sessions, concurrency;
	double body_mean, body_sigma; /* sigma 0: every body has the mean size */
	double recipients;	      /* mean per mail */
	double lookalikes;	      /* shares, 0..1: of recipients */
	double pipelining, bdat, ipv6, vlan; /* of sessions */
	double split, reorder;	      /* of segments */
	double background;	      /* of frames */
	const char *out, *truth;
};

struct turn {
	uint8_t way; /* 0 client, 1 server */
	bool split;
	uint16_t off, len; /* text */
	uint64_t body;	   /* octets of the pool behind the text */
	uint16_t tail;	   /* of them the last ones are the end of data */
};

struct session {
	uint32_t id;
	bool six, vlan;
	uint16_t cport;
	uint32_t seq[2];
	uint32_t nb_turns, turn;
	uint64_t done; /* octets of the turn that were written */
	uint32_t step; /* 0..2 handshake, 3 turns, 4.. close */
	uint32_t unacked;
	uint64_t pool_at;
	uint32_t text_len;
	struct turn turns[TURNS_MAX];
	char text[TEXT_MAX];
	uint8_t held[16 + HEAD_MAX + MSS]; /* a frame that another one overtakes */
	uint32_t held_len;
};

struct gen {
	struct options opt;
	uint64_t rng;
	uint64_t now_us;
	FILE *out, *truth;
	uint8_t *buf;
	size_t buf_len;
	char *pool;
	uint64_t packets, octets, wire_octets, background, recipients, lookalikes, body_octets;
};

static const char *const corp[] = {
	"example.com", "example.net", "example.org", "acme.example", "globex.example", "initech.example", "mail.example.com",
	"umbrella.example", "hooli.example", "army.mil", "navy.mil", "mail.mil", "us.af.mil", "hq.army.mil",
};
static const char *const lookalike[][2] = {
	{ "army.ml", "army.mil" }, { "navy.ml", "navy.mil" }, { "hq.army.ml", "hq.army.mil" }, { "mail.ml", "mail.mil" },
	{ "us.af.ml", "us.af.mil" },
};
static const char *const names[] = {
	"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia",
	"peggy", "rupert", "sybil", "trent", "victor", "walter", "yusuf",
};

#define NB(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t
rnd(struct gen *g)
{
	uint64_t z = g->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static double
rnd_unit(struct gen *g)
{
	return (double)(rnd(g) >> 11) / 9007199254740992.0;
}

static bool
chance(struct gen *g, double share)
{
	return share > 0 && rnd_unit(g) < share;
}

static void
die(const char *what, const char *name)
{
	fprintf(stderr, "generate: %s: %s: %s\n", name, what, strerror(errno));
	exit(1);
}

static void
out_flush(struct gen *g)
{
	if (g->buf_len != 0 && fwrite(g->buf, 1, g->buf_len, g->out) != g->buf_len)
		die("write", g->opt.out);
	g->buf_len = 0;
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint64_t
sum(uint64_t s, const uint8_t *p, size_t n)
{
	uint32_t w;

	for (; n >= 4; p += 4, n -= 4) {
		memcpy(&w, p, 4);
		s += w;
	}
	if (n != 0) {
		w = 0;
		memcpy(&w, p, n);
		s += w;
	}
	return s;
}

static void
put_checksum(uint8_t *p, uint64_t s)
{
	uint16_t v;

	while (s >> 16 != 0)
		s = (s & 0xffff) + (s >> 16);
	v = (uint16_t)~s;
	memcpy(p, &v, 2);
}

/* Ethernet and IP headers for @ip_payload octets of protocol @proto. Returns their length. */
static size_t
put_ip(const struct gen *g, uint8_t *p, const struct session *s, unsigned int way, size_t ip_payload, uint8_t proto)
{
	uint8_t *base = p, *ends[2];
	uint32_t client = 0xc6120000u | (s->id & 0xffff), server = 0xc6130001u + s->id % 16;

	memcpy(p, way == 0 ? "\2\0\0\0\0\x25\2\0\0\0\0\7" : "\2\0\0\0\0\7\2\0\0\0\0\x25", 12);
	p += 12;
	if (s->vlan) {
		put32(p, 0x81000000u | (1 + s->id % 100));
		p += 4;
	}
	put16(p, s->six ? 0x86dd : 0x0800);
	p += 2;
	if (!s->six) {
		memset(p, 0, 12);
		p[0] = 0x45;
		put16(p + 2, (uint16_t)(20 + ip_payload));
		put16(p + 4, (uint16_t)g->packets);
		put16(p + 6, 0x4000);
		p[8] = 64;
		p[9] = proto;
		put32(p + 12, way == 0 ? client : server);
		put32(p + 16, way == 0 ? server : client);
		put_checksum(p + 10, sum(0, p, 20));
		return (size_t)(p + 20 - base);
	}
	put32(p, 0x60000000);
	put16(p + 4, (uint16_t)ip_payload);
	p[6] = proto;
	p[7] = 64;
	ends[0] = p + (way == 0 ? 8 : 24);
	ends[1] = p + (way == 0 ? 24 : 8);
	for (int i = 0; i < 2; i++) {
		memcpy(ends[i], "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0", 12);
		put32(ends[i] + 12, i == 0 ? client : server);
	}
	return (size_t)(p + 40 - base);
}

static void
put_time(const struct gen *g, uint8_t *rec)
{
	uint32_t t[2] = { (uint32_t)(1700000000 + g->now_us / 1000000), (uint32_t)(g->now_us % 1000000) };

	memcpy(rec, t, 8);
}

/* Finish the frame of @len octets that stands 16 octets behind @rec: record head, counters. Returns the whole length. */
static size_t
frame_end(struct gen *g, uint8_t *rec, size_t len)
{
	uint32_t head[2];

	if (len < 60) {
		memset(rec + 16 + len, 0, 60 - len);
		len = 60;
	}
	g->now_us += 1 + (rnd(g) & 7);
	put_time(g, rec);
	head[0] = head[1] = (uint32_t)len;
	memcpy(rec + 8, head, 8);
	g->packets++;
	g->octets += 16 + len;
	g->wire_octets += len;
	return 16 + len;
}

static uint8_t *
out_room(struct gen *g)
{
	if (g->buf_len + 16 + HEAD_MAX + MSS + 64 > OUT_SIZE)
		out_flush(g);
	return g->buf + g->buf_len;
}

static void
pool_copy(const struct gen *g, uint8_t *to, uint64_t at, size_t len)
{
	const size_t size = (size_t)POOL_LINE * POOL_LINES;

	while (len != 0) {
		size_t off = (size_t)(at % size), n = len < size - off ? len : size - off;

		memcpy(to, g->pool + off, n);
		to += n;
		at += n;
		len -= n;
	}
}

/* Octets [from, from + len) of the current turn: text, then pool, then the end of data. */
static void
turn_copy(const struct gen *g, const struct session *s, const struct turn *t, uint8_t *to, uint64_t from, size_t len)
{
	static const char eod[] = ".\r\n";
	uint64_t pool_end = (uint64_t)t->len + t->body;

	while (len != 0) {
		size_t n;

		if (from < t->len) {
			n = t->len - from < len ? (size_t)(t->len - from) : len;
			memcpy(to, s->text + t->off + from, n);
		} else if (from < pool_end) {
			n = pool_end - from < len ? (size_t)(pool_end - from) : len;
			pool_copy(g, to, s->pool_at + (from - t->len), n);
		} else {
			n = len;
			memcpy(to, eod + (from - pool_end), n);
		}
		to += n;
		from += n;
		len -= n;
	}
}

/* One TCP frame; with @t, @len octets of it from s->done on. */
static void
tcp_frame(struct gen *g, struct session *s, unsigned int way, unsigned int flags, const struct turn *t, size_t len)
{
	uint8_t *rec = out_room(g), *tcp;
	size_t opts = (flags & SYN) != 0 ? 20 : 12, tcp_len = 20 + opts + len, ip_len, n;
	uint64_t pseudo;

	ip_len = put_ip(g, rec + 16, s, way, tcp_len, 6);
	tcp = rec + 16 + ip_len;
	memset(tcp, 0, 20);
	put16(tcp, way == 0 ? s->cport : 25);
	put16(tcp + 2, way == 0 ? 25 : s->cport);
	put32(tcp + 4, s->seq[way]);
	put32(tcp + 8, (flags & ACK) != 0 ? s->seq[1 - way] : 0);
	tcp[12] = (uint8_t)((20 + opts) / 4 << 4);
	tcp[13] = (uint8_t)flags;
	put16(tcp + 14, 501);
	if ((flags & SYN) != 0)
		memcpy(tcp + 20, "\2\4\5\xb4\4\2\10\12\0\0\0\0\0\0\0\0\1\3\3\7", 20);
	else
		memcpy(tcp + 20, "\1\1\10\12\0\0\0\0\0\0\0\0", 12);
	put32(tcp + 20 + ((flags & SYN) != 0 ? 8 : 4), (uint32_t)(g->now_us / 1000));
	if (len != 0)
		turn_copy(g, s, t, tcp + 20 + opts, s->done, len);
	/* Addresses stand right before the TCP header in both families. */
	pseudo = sum(0, s->six ? tcp - 32 : tcp - 8, s->six ? 32 : 8);
	pseudo += (uint64_t)__builtin_bswap16((uint16_t)tcp_len) + __builtin_bswap16(6);
	put_checksum(tcp + 16, sum(pseudo, tcp, tcp_len));
	s->seq[way] += (uint32_t)len + ((flags & (SYN | FIN)) != 0);
	n = frame_end(g, rec, ip_len + tcp_len);
	/* Never the last of a turn: a reply does not overtake its command. */
	if (len != 0 && (flags & PSH) == 0 && s->held_len == 0 && chance(g, g->opt.reorder)) {
		memcpy(s->held, rec, n);
		s->held_len = (uint32_t)n;
		return;
	}
	g->buf_len += n;
	if (s->held_len != 0) {
		rec = out_room(g);
		memcpy(rec, s->held, s->held_len);
		put_time(g, rec); /* that of the one that overtook it */
		g->buf_len += s->held_len;
		s->held_len = 0;
	}
}

/* Traffic of no interest: TLS-like octets on port 443, or a name query. */
static void
background_frame(struct gen *g)
{
	struct session s = { .id = (uint32_t)(rnd(g) & 0xfff), .six = chance(g, g->opt.ipv6) };
	uint8_t *rec = out_room(g), *l4;
	bool udp = (rnd(g) & 3) == 0;
	size_t payload = udp ? 40 + rnd(g) % 60 : rnd(g) % MSS, ip_len, l4_len = (udp ? 8 : 20) + payload;

	ip_len = put_ip(g, rec + 16, &s, 0, l4_len, udp ? 17 : 6);
	l4 = rec + 16 + ip_len;
	memset(l4, 0, 20);
	put16(l4, (uint16_t)(30000 + s.id));
	put16(l4 + 2, udp ? 53 : 443);
	if (udp) {
		put16(l4 + 4, (uint16_t)l4_len);
	} else {
		put32(l4 + 4, (uint32_t)rnd(g));
		l4[12] = 0x50;
		l4[13] = ACK;
	}
	pool_copy(g, l4 + (udp ? 8 : 20), rnd(g) % POOL_LINES, payload);
	g->buf_len += frame_end(g, rec, ip_len + l4_len);
	g->background++;
}

/* --- what a session says ------------------------------------------------------------------------------------------ */
static struct turn *
say(struct gen *g, struct session *s, unsigned int way, bool fresh)
{
	struct turn *t;

	if (!fresh && s->nb_turns != 0 && s->turns[s->nb_turns - 1].way == way)
		return &s->turns[s->nb_turns - 1];
	if (s->nb_turns == TURNS_MAX)
		abort();
	t = &s->turns[s->nb_turns++];
	memset(t, 0, sizeof(*t));
	t->way = (uint8_t)way;
	t->off = (uint16_t)s->text_len;
	t->split = chance(g, g->opt.split);
	return t;
}

__attribute__((format(printf, 3, 4))) static void
text(struct session *s, struct turn *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->text_len, TEXT_MAX - s->text_len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= TEXT_MAX - s->text_len)
		abort();
	s->text_len += (uint32_t)n;
	t->len = (uint16_t)(t->len + n);
}

static uint32_t
nb_recipients(struct gen *g)
{
	uint32_t n = 1;

	while (n < RCPTS_MAX && chance(g, 1 - 1 / g->opt.recipients))
		n++;
	return n;
}

static uint64_t
body_octets(struct gen *g)
{
	double mean = g->opt.body_mean, sigma = g->opt.body_sigma, x;
	uint64_t n;

	if (sigma > 0) {
		x = sqrt(-2 * log(1 - rnd_unit(g))) * cos(2 * M_PI * rnd_unit(g));
		mean = exp(log(mean) - sigma * sigma / 2 + sigma * x);
	}
	n = (uint64_t)(mean < 100e6 ? mean : 100e6);
	return (n / POOL_LINE + 1) * POOL_LINE;
}

/* One RCPT line; a lookalike goes into the ground truth. */
static void
say_rcpt(struct gen *g, struct session *s, struct turn *t, uint32_t index, const char *sender)
{
	const char *a = names[rnd(g) % NB(names)], *b = names[rnd(g) % NB(names)], *domain, *meant = NULL;
	unsigned int no = (unsigned int)(rnd(g) % 1000);

	if (chance(g, g->opt.lookalikes)) {
		size_t i = rnd(g) % NB(lookalike);

		domain = lookalike[i][0];
		meant = lookalike[i][1];
	} else {
		domain = corp[rnd(g) % NB(corp)];
	}
	text(s, t, "RCPT TO:<%s.%s%u@%s>\r\n", a, b, no, domain);
	g->recipients++;
	if (meant == NULL)
		return;
	g->lookalikes++;
	if (g->truth == NULL)
		return;
	fprintf(g->truth, "{\"session\":%u,\"src_port\":%u,\"transaction\":1,\"recipient_index\":%u,\"sender\":\"%s\","
		"\"address\":\"%s.%s%u@%s\",\"domain\":\"%s\",\"meant\":\"%s\"}\n",
		s->id, s->cport, index, sender, a, b, no, domain, domain, meant);
}

static void
session_begin(struct gen *g, struct session *s, uint32_t id)
{
	bool pipelined = chance(g, g->opt.pipelining), chunks = chance(g, g->opt.bdat);
	uint32_t nb = nb_recipients(g), i;
	uint64_t body = body_octets(g);
	char sender[64];
	struct turn *t;

	s->id = id;
	s->six = chance(g, g->opt.ipv6);
	s->vlan = chance(g, g->opt.vlan);
	s->cport = (uint16_t)(32768 + (rnd(g) % 2000) * 16 + ((id >> 16) & 15));
	s->seq[0] = (uint32_t)rnd(g);
	s->seq[1] = (uint32_t)rnd(g);
	s->nb_turns = s->turn = s->step = s->unacked = s->text_len = s->held_len = 0;
	s->done = 0;
	s->pool_at = (rnd(g) % POOL_LINES) * POOL_LINE;
	snprintf(sender, sizeof(sender), "%s%u@%s", names[rnd(g) % NB(names)], id % 997, corp[rnd(g) % 6]);

	text(s, say(g, s, 1, true), "220 mx%u.example.net ESMTP ready\r\n", id % 16);
	text(s, say(g, s, 0, true), "EHLO gw%u.example.com\r\n", id % 1000);
	text(s, say(g, s, 1, true), "250-mx%u.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n"
	     "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n", id % 16);
	t = say(g, s, 0, true);
	text(s, t, "MAIL FROM:<%s> SIZE=%llu\r\n", sender, (unsigned long long)body);
	for (i = 1; i <= nb; i++) {
		if (!pipelined) {
			text(s, say(g, s, 1, true), "250 2.1.0 Ok\r\n");
			t = say(g, s, 0, true);
		}
		say_rcpt(g, s, t, i, sender);
	}
	if (!pipelined) {
		text(s, say(g, s, 1, true), "250 2.1.5 Ok\r\n");
		t = say(g, s, 0, true);
	}
	if (chunks) {
		text(s, t, "BDAT %llu LAST\r\n", (unsigned long long)body);
		t->body = body;
		t = say(g, s, 1, true);
	} else {
		text(s, t, "DATA\r\n");
		t = say(g, s, 1, true);
	}
	for (i = 0; pipelined && i <= nb; i++)
		text(s, t, "250 2.1.%u Ok\r\n", i == 0 ? 0 : 5);
	if (!chunks) {
		text(s, t, "354 End data with <CR><LF>.<CR><LF>\r\n");
		t = say(g, s, 0, true);
		t->body = body;
		t->tail = 3;
		t = say(g, s, 1, true);
	}
	g->body_octets += body;
	text(s, t, "250 2.0.0 Ok: queued as %08X\r\n", id * 2654435761u);
	text(s, say(g, s, 0, true), "QUIT\r\n");
	text(s, say(g, s, 1, true), "221 2.0.0 Bye\r\n");
}

/* The next frame of a session; false when it was its last. */
static bool
session_step(struct gen *g, struct session *s)
{
	const struct turn *t;
	uint64_t total, left;
	size_t n;

	if (s->step < 3) {
		tcp_frame(g, s, s->step == 1, s->step == 0 ? SYN : s->step == 1 ? SYN | ACK : ACK, NULL, 0);
		s->step++;
		return true;
	}
	if (s->step > 3) { /* FIN of the client, FIN of the server, last ACK */
		tcp_frame(g, s, s->step == 5, s->step == 6 ? ACK : FIN | ACK, NULL, 0);
		return s->step++ < 6;
	}
	t = &s->turns[s->turn];
	if (s->unacked == 2) { /* every other full segment is acknowledged at once */
		tcp_frame(g, s, 1 - t->way, ACK, NULL, 0);
		s->unacked = 0;
		return true;
	}
	total = t->len + t->body + t->tail;
	left = total - s->done;
	n = left < MSS ? (size_t)left : MSS;
	if (t->split && t->len > s->done && n > 1)
		n = 1 + rnd(g) % (n - 1);
	tcp_frame(g, s, t->way, ACK | (n == left ? PSH : 0), t, n);
	s->done += n;
	s->unacked += n == MSS;
	if (s->done == total) {
		s->turn++;
		s->done = 0;
		s->unacked = 0;
		if (s->turn == s->nb_turns)
			s->step = 4;
	}
	return true;
}

static void
make_pool(struct gen *g)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *p = g->pool;

	for (uint32_t i = 0; i < POOL_LINES; i++) {
		for (int j = 0; j < POOL_LINE - 2; j++)
			*p++ = b64[rnd(g) & 63];
		if (i % 97 == 0)
			memcpy(p - (POOL_LINE - 2), "..dot", 5);
		else if (i % 101 == 0)
			memcpy(p - (POOL_LINE - 2), "RCPT TO:<in.body@army.ml> ", 26);
		*p++ = '\r';
		*p++ = '\n';
	}
}

static void
generate(struct gen *g)
{
	uint32_t nb = g->opt.concurrency < g->opt.sessions ? g->opt.concurrency : g->opt.sessions, begun = 0, i;
	struct session *open = calloc(nb, sizeof(*open));

	if (open == NULL)
		die("memory", "sessions");
	while (begun < nb) {
		session_begin(g, &open[begun], begun);
		begun++;
	}
	while (nb != 0) {
		if (chance(g, g->opt.background)) {
			background_frame(g);
			continue;
		}
		i = (uint32_t)(rnd(g) % nb);
		if (session_step(g, &open[i]))
			continue;
		if (begun < g->opt.sessions)
			session_begin(g, &open[i], begun++);
		else if (i != --nb)
			memcpy(&open[i], &open[nb], sizeof(*open));
	}
	out_flush(g);
	free(open);
}

static void
preset(struct options *o, const char *name)
{
	if (strcmp(name, "mailmix") == 0) {
		o->sessions = 20000;
		o->concurrency = 1000;
		o->body_mean = 20000;
		o->body_sigma = 1;
		o->recipients = 2;
	} else if (strcmp(name, "envelope") == 0) {
		o->sessions = 100000;
		o->concurrency = 2000;
		o->body_mean = 1000;
		o->recipients = 2;
		o->pipelining = 0.3;
	} else if (strcmp(name, "bulk") == 0) {
		o->sessions = 60;
		o->concurrency = 20;
		o->body_mean = 5000000;
		o->lookalikes = 0.3;
	} else {
		fprintf(stderr, "generate: no preset %s (there are mailmix, envelope, bulk)\n", name);
		exit(2);
	}
}

static void
usage(FILE *f)
{
	fputs("Usage: generate [options] OUT.pcap\n"
	      "  --preset mailmix|envelope|bulk   the mixes of tests/perf/run; options after it change it\n"
	      "  --sessions N  --concurrency N    connections in all, and open at once\n"
	      "  --body MEAN  --sigma S           octets of a body; S > 0: log-normal, 0: fixed\n"
	      "  --recipients MEAN                per mail\n"
	      "  --lookalikes SHARE               of recipients (all shares 0 to 1)\n"
	      "  --pipelining SHARE --bdat SHARE --ipv6 SHARE --vlan SHARE    of sessions\n"
	      "  --split SHARE                    of command and reply turns, in pieces of random size\n"
	      "  --reorder SHARE                  of segments, overtaken by the next\n"
	      "  --background SHARE               of frames, not mail\n"
	      "  --seed N  --truth FILE           JSON lines: each lookalike, then the totals\n", f);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "preset", 1, NULL, 'P' }, { "sessions", 1, NULL, 'n' }, { "concurrency", 1, NULL, 'c' },
		{ "body", 1, NULL, 'b' }, { "sigma", 1, NULL, 's' }, { "recipients", 1, NULL, 'r' },
		{ "lookalikes", 1, NULL, 'l' }, { "pipelining", 1, NULL, 'p' }, { "bdat", 1, NULL, 'B' },
		{ "ipv6", 1, NULL, '6' }, { "vlan", 1, NULL, 'v' }, { "split", 1, NULL, 'S' }, { "reorder", 1, NULL, 'o' },
		{ "background", 1, NULL, 'g' }, { "seed", 1, NULL, 'x' }, { "truth", 1, NULL, 't' },
		{ "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	static const uint32_t pcap_head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1 };
	struct gen g = { .opt = { .seed = 1, .sessions = 1000, .concurrency = 100, .body_mean = 20000, .recipients = 1.5,
				  .lookalikes = 0.01, .pipelining = 0.7, .bdat = 0.1 } };
	struct options *o = &g.opt;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'P': preset(o, optarg); break;
		case 'n': o->sessions = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'c': o->concurrency = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'b': o->body_mean = strtod(optarg, NULL); break;
		case 's': o->body_sigma = strtod(optarg, NULL); break;
		case 'r': o->recipients = strtod(optarg, NULL); break;
		case 'l': o->lookalikes = strtod(optarg, NULL); break;
		case 'p': o->pipelining = strtod(optarg, NULL); break;
		case 'B': o->bdat = strtod(optarg, NULL); break;
		case '6': o->ipv6 = strtod(optarg, NULL); break;
		case 'v': o->vlan = strtod(optarg, NULL); break;
		case 'S': o->split = strtod(optarg, NULL); break;
		case 'o': o->reorder = strtod(optarg, NULL); break;
		case 'g': o->background = strtod(optarg, NULL); break;
		case 'x': o->seed = strtoull(optarg, NULL, 10); break;
		case 't': o->truth = optarg; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (argc - optind != 1 || o->sessions == 0 || o->sessions > 1000000 || o->concurrency == 0 || o->recipients < 1 ||
	    o->body_mean < 1 || o->background >= 1) {
		usage(stderr);
		return 2;
	}
	o->out = argv[optind];
	g.rng = o->seed;
	g.out = fopen(o->out, "wb");
	if (g.out == NULL)
		die("open", o->out);
	if (o->truth != NULL && (g.truth = fopen(o->truth, "w")) == NULL)
		die("open", o->truth);
	g.buf = malloc(OUT_SIZE);
	g.pool = malloc((size_t)POOL_LINE * POOL_LINES);
	if (g.buf == NULL || g.pool == NULL)
		die("memory", "buffers");
	setvbuf(g.out, NULL, _IONBF, 0);
	make_pool(&g);
	memcpy(g.buf, pcap_head, sizeof(pcap_head));
	g.buf_len = g.octets = sizeof(pcap_head);
	generate(&g);
	if (g.truth != NULL) {
		fprintf(g.truth, "{\"sessions\":%u,\"recipients\":%llu,\"lookalikes\":%llu,\"packets\":%llu,\"octets\":%llu,"
			"\"wire_octets\":%llu,\"background\":%llu,\"body_octets\":%llu,\"seed\":%llu}\n", o->sessions,
			(unsigned long long)g.recipients, (unsigned long long)g.lookalikes, (unsigned long long)g.packets,
			(unsigned long long)g.octets, (unsigned long long)g.wire_octets, (unsigned long long)g.background,
			(unsigned long long)g.body_octets, (unsigned long long)o->seed);
		if (fclose(g.truth) != 0)
			die("write", o->truth);
	}
	if (fclose(g.out) != 0)
		die("write", o->out);
	free(g.buf);
	free(g.pool);
	return 0;
}
