/* SPDX-License-Identifier: BSD-3-Clause */
#include "repair.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OPT_MSS = 2, /* TCP option kinds, as TCP_REPAIR_OPTIONS wants them */
	OPT_WSCALE = 3,
	OPT_SACK = 4,
	OPT_TIMESTAMPS = 8,
	MSS_MIN = 88, /* the least that TCP_MAXSEG takes (TCP_MIN_MSS) */
};

/* One end that is played, and the other, which is there. */
struct play {
	const struct dp_takeover_end *me, *peer;
	const uint8_t *unacked; /* of me */
	uint32_t unacked_len;
	const uint8_t *my_addr, *peer_addr;
	uint16_t my_port, peer_port;
	bool is_v6;
};

static void
cast(const struct dp_takeover *t, enum repair_side side, struct play *ret)
{
	const struct dp_flow_key *key = &t->flow.key;
	struct dp_takeover_parts parts;
	bool server = side == REPAIR_TO_CLIENT;

	dp_takeover_parts(t, &parts);
	*ret = (struct play){
		.me = server ? &t->server : &t->client,
		.peer = server ? &t->client : &t->server,
		.unacked = server ? parts.to_client : parts.to_server,
		.unacked_len = server ? t->to_client_len : t->to_server_len,
		.my_addr = server ? key->server_addr : key->client_addr,
		.peer_addr = server ? key->client_addr : key->server_addr,
		.my_port = server ? key->server_port : key->client_port,
		.peer_port = server ? key->client_port : key->server_port,
		.is_v6 = key->family == DP_FAMILY_IPV6,
	};
}

static bool
both_offered(const struct play *p, enum dp_tcp_opts opt)
{
	return (p->me->opts & p->peer->opts & opt) != 0;
}

static int
set(int fd, int level, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, level, option, value, len) != 0 ? -errno : 0;
}

static int
set_int(int fd, int level, int option, int value)
{
	return set(fd, level, option, &value, sizeof(value));
}

static int
set_queue_seq(int fd, int queue, uint32_t seq)
{
	int rc = set_int(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue);

	return rc != 0 ? rc : set(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, sizeof(seq));
}

static socklen_t
address(struct sockaddr_storage *ss, bool is_v6, const uint8_t *addr, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *in = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (is_v6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, addr, 4);
	return sizeof(*in);
}

/* In repair, connect() sends nothing: the socket is established from there on. */
static int
join(int fd, const struct play *p)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, p->is_v6, p->my_addr, p->my_port);

	if (bind(fd, (struct sockaddr *)&ss, len) != 0)
		return -errno;
	len = address(&ss, p->is_v6, p->peer_addr, p->peer_port);
	return connect(fd, (struct sockaddr *)&ss, len) != 0 ? -errno : 0;
}

static int
set_options(int fd, const struct play *p)
{
	struct tcp_repair_opt opts[4];
	unsigned int nb = 0;
	bool scaled = both_offered(p, DP_TCP_WSCALE);

	if (both_offered(p, DP_TCP_SACK))
		opts[nb++] = (struct tcp_repair_opt){ .opt_code = OPT_SACK };
	/* Always: without it the socket scales by the kernel's default, and advertises next to nothing. */
	opts[nb++] = (struct tcp_repair_opt){
		.opt_code = OPT_WSCALE,
		.opt_val = scaled ? p->peer->wscale | (uint32_t)p->me->wscale << 16 : 0,
	};
	if (both_offered(p, DP_TCP_TIMESTAMPS))
		opts[nb++] = (struct tcp_repair_opt){ .opt_code = OPT_TIMESTAMPS };
	opts[nb++] = (struct tcp_repair_opt){ .opt_code = OPT_MSS, .opt_val = p->peer->mss };
	return set(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, opts, (socklen_t)(nb * sizeof(opts[0])));
}

/* Our clock goes on from the one that the peer knows. Bit 0 would mean microseconds (Linux 6.7). */
static int
set_clock(int fd, const struct play *p, uint64_t now_ns)
{
	uint64_t since = now_ns > p->me->last_tsval_ns ? now_ns - p->me->last_tsval_ns : 0;
	uint32_t ts;

	if (!both_offered(p, DP_TCP_TIMESTAMPS))
		return 0;
	ts = (p->me->last_tsval + (uint32_t)(since / 1000000) + 2) & ~1u;
	return set(fd, IPPROTO_TCP, TCP_TIMESTAMP, &ts, sizeof(ts));
}

/* What is not acknowledged counts as sent; the kernel sends it again when it has to. */
static int
queue_unacked(int fd, const struct play *p)
{
	uint32_t done = 0;
	int rc = set_int(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);

	while (rc == 0 && done < p->unacked_len) {
		ssize_t n = send(fd, p->unacked + done, p->unacked_len - done, MSG_NOSIGNAL);

		if (n <= 0)
			rc = n < 0 ? -errno : -EIO;
		else
			done += (uint32_t)n;
	}
	return rc != 0 ? rc : set_int(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_NO_QUEUE);
}

static int
set_windows(int fd, const struct play *p)
{
	uint32_t rcv_nxt = p->peer->snd_nxt, used = rcv_nxt - p->me->last_ack;
	struct tcp_repair_window w = {
		.snd_wl1 = p->peer->wnd_seq,
		.snd_wnd = p->peer->wnd,
		.max_window = p->peer->wnd_max,
		.rcv_wnd = p->me->wnd,
		.rcv_wup = p->me->last_ack,
	};

	/* It had acknowledged less than all that was sent to it; never more. */
	if ((int32_t)used < 0) {
		used = 0;
		w.rcv_wup = rcv_nxt;
	}
	w.rcv_wnd = w.rcv_wnd > used ? w.rcv_wnd - used : 0;
	if ((int32_t)(w.snd_wl1 - rcv_nxt) > 0)
		w.snd_wl1 = rcv_nxt;
	return set(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w));
}

static int
set_headers(int fd, const struct play *p)
{
	int ttl = p->me->ttl != 0 ? p->me->ttl : 64, rc;

	if (p->is_v6)
		rc = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
	else
		rc = set_int(fd, IPPROTO_IP, IP_TTL, ttl);
	if (rc == 0)
		rc = p->is_v6 ? set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, p->me->tos) :
				set_int(fd, IPPROTO_IP, IP_TOS, p->me->tos);
	return rc != 0 ? rc : set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* The order matters: what only a closed socket takes, then what only an established one does. */
static int
repair(int fd, const struct play *p, uint64_t now_ns)
{
	uint16_t mss = p->peer->mss > MSS_MIN ? p->peer->mss : MSS_MIN;
	int rc;

	rc = p->is_v6 ? set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1) : set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	if (rc == 0)
		rc = set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	if (rc == 0)
		rc = set_queue_seq(fd, TCP_SEND_QUEUE, p->me->snd_una);
	if (rc == 0)
		rc = set_queue_seq(fd, TCP_RECV_QUEUE, p->peer->snd_nxt);
	/* After connect() the size of segments would stay at its default whatever the options say. */
	if (rc == 0)
		rc = set_int(fd, IPPROTO_TCP, TCP_MAXSEG, mss);
	if (rc == 0)
		rc = join(fd, p);
	if (rc == 0)
		rc = set_options(fd, p);
	if (rc == 0)
		rc = set_clock(fd, p, now_ns);
	if (rc == 0)
		rc = queue_unacked(fd, p);
	if (rc == 0)
		rc = set_windows(fd, p);
	if (rc == 0)
		rc = set_headers(fd, p);
	/* Without the window probe: it would carry an echo of no timestamp at all. */
	return rc != 0 ? rc : set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
}

int
repair_open(const struct dp_takeover *t, enum repair_side side, uint64_t now_ns)
{
	struct play p;
	int fd, rc;

	cast(t, side, &p);
	fd = socket(p.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = repair(fd, &p, now_ns);
	if (rc != 0) {
		repair_forget(fd);
		return rc;
	}
	return fd;
}

void
repair_forget(int fd)
{
	if (fd < 0)
		return;
	set_int(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	close(fd);
}
