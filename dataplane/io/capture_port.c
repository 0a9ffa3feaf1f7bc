/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_port.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "dp_clock.h"

struct capture_port {
	struct io_port port;
	struct capture *capture;
	struct pace pace;
	struct rte_mempool *pool;
	const _Atomic bool *stop;
	struct capture_frame frames[IO_BURST_MAX]; /* read, not given out yet: [next, nb) */
	unsigned int next, nb;
	bool ended;
	uint32_t first_round; /* 1 when there are several: records count from there; 0: they say nothing of rounds */
	bool in_place; /* the last frames lie in a buffer that the next read uses again */
};

enum {
	SLEEP_MAX_NS = 10 * 1000 * 1000, /* look at the stop flag at least this often */
	SLEEP_DRAIN_NS = 20 * 1000,
};

static void
sleep_ns(uint64_t ns)
{
	struct timespec ts = { .tv_nsec = (long)ns };

	nanosleep(&ts, NULL);
}

/* The frame outlives its mbuf (mapped file), or is in use only until the next read (see in_place). */
static void
frame_release(void *addr, void *opaque)
{
}

static void
attach(struct rte_mbuf *m, const struct capture_frame *f, uint32_t first_round)
{
	struct io_meta *meta = io_meta(m);
	struct packet *p = &meta->pkt;
	/* An mbuf names at most 64 KiB; nobody reads a longer frame through it, packet.frame has all of it. */
	uint16_t len = f->cap_len < UINT16_MAX ? (uint16_t)f->cap_len : UINT16_MAX;

	meta->shinfo.free_cb = frame_release;
	rte_mbuf_ext_refcnt_set(&meta->shinfo, 1);
	rte_pktmbuf_attach_extbuf(m, (void *)(uintptr_t)f->data, RTE_BAD_IOVA, len, &meta->shinfo);
	m->data_off = 0;
	m->data_len = len;
	m->pkt_len = len;
	p->frame = f->data;
	p->ts_ns = f->ts_ns;
	p->frame_no = f->frame_no;
	p->cap_len = f->cap_len;
	p->wire_len = f->wire_len;
	p->loop = f->loop + first_round;
	p->link = f->link;
	p->wire = 0;
	p->rebuilt = 0;
}

/* Read more frames when all were given out. False at the end. */
static bool
refill(struct capture_port *c)
{
	if (c->next < c->nb)
		return true;
	while (c->in_place && !rte_mempool_full(c->pool)) {
		if (atomic_load_explicit(c->stop, memory_order_relaxed))
			break;
		sleep_ns(SLEEP_DRAIN_NS);
	}
	c->next = 0;
	c->nb = capture_read(c->capture, c->frames, IO_BURST_MAX);
	if (c->nb == 0) {
		c->ended = true;
		return false;
	}
	c->in_place = !c->frames[c->nb - 1].mapped;
	return true;
}

/* How many of the frames at hand are due; sleeps a while when none is. */
static unsigned int
due_frames(struct capture_port *c, unsigned int max)
{
	unsigned int nb = c->nb - c->next < max ? c->nb - c->next : max, i;
	uint64_t now;

	if (c->pace.kind == PACE_MAX)
		return nb;
	now = dp_clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < nb; i++) {
		const struct capture_frame *f = &c->frames[c->next + i];
		uint64_t due = pace_due(&c->pace, f->ts_ns, now);

		if (due > now) {
			if (i == 0)
				sleep_ns(RTE_MIN(due - now, (uint64_t)SLEEP_MAX_NS));
			break;
		}
		pace_sent(&c->pace, f->wire_len);
	}
	return i;
}

static uint16_t
capture_rx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	struct capture_port *c = (struct capture_port *)port;
	unsigned int i, n;

	if (atomic_load_explicit(c->stop, memory_order_relaxed))
		c->ended = true;
	if (c->ended || !refill(c))
		return 0;
	n = RTE_MIN((unsigned int)nb, c->nb - c->next);
	/* No mbuf free: the workers still have them all. Try again next turn. */
	if (rte_mempool_get_bulk(c->pool, (void **)mbufs, n) != 0)
		return 0;
	i = due_frames(c, n);
	if (i < n)
		rte_mempool_put_bulk(c->pool, (void **)(mbufs + i), n - i);
	n = i;
	for (i = 0; i < n; i++) {
		rte_pktmbuf_reset(mbufs[i]);
		attach(mbufs[i], &c->frames[c->next + i], c->first_round);
	}
	c->next += n;
	return (uint16_t)n;
}

/*
 * Nothing is sent. Our mbufs go back as they are, still attached: nobody else takes from their pool, and attach() sets
 * every field anew. Datagrams put together from fragments come from another pool.
 */
static uint16_t
capture_tx_burst(struct io_port *port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t nb)
{
	struct capture_port *c = (struct capture_port *)port;
	uint16_t from = 0, i;

	for (i = 0; i < nb; i++) {
		if (mbufs[i]->pool == c->pool)
			continue;
		rte_mempool_put_bulk(c->pool, (void **)(mbufs + from), (unsigned int)(i - from));
		rte_pktmbuf_free(mbufs[i]);
		from = (uint16_t)(i + 1);
	}
	rte_mempool_put_bulk(c->pool, (void **)(mbufs + from), (unsigned int)(nb - from));
	return nb;
}

static bool
capture_exhausted(const struct io_port *port)
{
	return ((const struct capture_port *)port)->ended;
}

static void
capture_port_close(struct io_port *port)
{
	struct capture_port *c = (struct capture_port *)port;

	capture_close(c->capture);
	free(c);
}

static const struct io_ops capture_ops = {
	.name = "capture",
	.rx_burst = capture_rx_burst,
	.tx_burst = capture_tx_burst,
	.exhausted = capture_exhausted,
	.close = capture_port_close,
};

/* What is no regular file is read as it comes. */
static bool
has_stream(const struct capture_config *cfg)
{
	struct stat st;
	unsigned int i;

	for (i = 0; i < cfg->nb_paths; i++)
		if (strcmp(cfg->paths[i], "-") == 0 || stat(cfg->paths[i], &st) < 0 || !S_ISREG(st.st_mode))
			return true;
	return false;
}

int
capture_port_open(const struct capture_port_config *cfg, struct io_port **ret)
{
	struct capture_port *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return -ENOMEM;
	rc = capture_open(&cfg->capture, &c->capture);
	if (rc != 0) {
		free(c);
		return rc;
	}
	c->port.ops = &capture_ops;
	c->port.may_wait = has_stream(&cfg->capture);
	c->pace = cfg->pace;
	c->pool = cfg->pool;
	c->stop = cfg->stop;
	c->first_round = cfg->capture.rounds > 1;
	*ret = &c->port;
	return 0;
}
