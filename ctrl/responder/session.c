/* SPDX-License-Identifier: BSD-3-Clause */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "repair.h"
#include "session_private.h"

#define MS UINT64_C(1000000) /* in ns */

/* Reset what is open. */
static void
cut_end(struct session_end *end)
{
	const struct linger hard = { .l_onoff = 1 };

	if (end->fd < 0)
		return;
	setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(end->fd);
	end->fd = -1;
}

static void
cut(struct session *s)
{
	s->env->nb_cut += !s->over;
	s->over = true;
	cut_end(&s->client);
	cut_end(&s->server);
}

/* --- out --- */

static bool
queue_put(struct session_queue *q, const uint8_t *p, size_t n)
{
	if (q->len + n > q->cap) {
		size_t cap = q->len + n;
		uint8_t *room = realloc(q->p, cap);

		if (room == NULL)
			return false;
		q->p = room;
		q->cap = (uint32_t)cap;
	}
	memcpy(q->p + q->len, p, n);
	q->len += (uint32_t)n;
	return true;
}

static void
send_to(struct session_end *end, const uint8_t *p, size_t n)
{
	struct session *s = end->session;
	ssize_t done = 0;

	if (end->fd < 0 || end->shut)
		return;
	s->moved_ns = s->env->now_ns;
	if (end->out.len == 0) {
		done = send(end->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
			s->over = true;
			return;
		}
		done = done < 0 ? 0 : done;
	}
	if ((size_t)done < n && !queue_put(&end->out, p + done, n - (size_t)done))
		s->over = true;
}

static void
flush(struct session_end *end)
{
	struct session_queue *q = &end->out;
	ssize_t n;

	while (end->fd >= 0 && q->off < q->len) {
		n = send(end->fd, q->p + q->off, q->len - q->off, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0 && errno != EINTR) {
			end->session->over = true;
			return;
		}
		q->off += n > 0 ? (uint32_t)n : 0;
		end->session->moved_ns = end->session->env->now_ns;
	}
	q->off = q->len = 0;
}

static void
to_client(void *ctx, const uint8_t *p, size_t n)
{
	send_to(&((struct session *)ctx)->client, p, n);
}

static void
to_server(void *ctx, const uint8_t *p, size_t n)
{
	send_to(&((struct session *)ctx)->server, p, n);
}

static const struct proxy_ops ops = {
	.judge = session_judge,
	.to_client = to_client,
	.to_server = to_server,
};

/* --- ends --- */

static void
shut(struct session_end *end)
{
	if (end->fd < 0 || end->shut || end->out.len > 0)
		return;
	end->shut = true;
	shutdown(end->fd, SHUT_WR);
}

/* What follows from what has ended so far. */
static void
proceed(struct session *s)
{
	if (s->proxy.end != PROXY_GOES_ON)
		s->over = true;
	if (s->over) {
		cut(s);
		return;
	}
	if (s->client.eof && proxy_is_drained(&s->proxy))
		shut(&s->server);
	if (s->server.eof) {
		if (s->server_end_ns == 0)
			s->server_end_ns = s->env->now_ns;
		shut(&s->client);
		/* Nobody takes what the client says from here on. */
		shut(&s->server);
	}
	s->over = s->client.eof && s->client.shut && s->server.eof && s->server.shut;
	if (s->over) {
		close(s->client.fd);
		close(s->server.fd);
		s->client.fd = s->server.fd = -1;
	}
}

/* Tell epoll what is of interest now. */
static void
watch(struct session *s, struct session_end *end, bool readable)
{
	struct epoll_event ev = { .data.ptr = end };
	int op = EPOLL_CTL_MOD;

	if (end->fd < 0)
		return;
	/* Hang-ups are reported whether asked for or not: an end of which nothing more is expected is not watched. */
	if (end->eof && end->shut && end->out.len == 0) {
		if (end->events != 0)
			epoll_ctl(s->env->epoll_fd, EPOLL_CTL_DEL, end->fd, NULL);
		end->events = 0;
		return;
	}
	ev.events = (readable && !end->eof ? EPOLLIN : 0u) | (end->out.len > 0 ? EPOLLOUT : 0u);
	if (end->events == 0)
		op = EPOLL_CTL_ADD;
	else if ((end->events & ~EPOLLERR) == ev.events)
		return;
	if (epoll_ctl(s->env->epoll_fd, op, end->fd, &ev) != 0)
		s->over = true;
	end->events = ev.events | EPOLLERR;
}

static void
watch_both(struct session *s)
{
	uint8_t *room;

	if (s->over)
		return;
	watch(s, &s->client, s->server.out.len == 0 && (s->server.eof || proxy_client_room(&s->proxy, &room) > 0));
	watch(s, &s->server, s->client.out.len == 0);
	if (s->over)
		cut(s);
}

static void
settle(struct session *s)
{
	flush(&s->client);
	flush(&s->server);
	proceed(s);
	watch_both(s);
}

/* --- in --- */

/* One read; the octets (of the client: in the proxy's buffer), 0: nothing for now or the end, or the session is over. */
static size_t
receive(struct session_end *end, uint8_t *to, size_t room)
{
	ssize_t n = recv(end->fd, to, room, MSG_DONTWAIT);

	if (n > 0) {
		end->session->moved_ns = end->session->env->now_ns;
		return (size_t)n;
	}
	if (n == 0)
		end->eof = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		end->session->over = true;
	return 0;
}

static void
read_client(struct session *s)
{
	uint8_t *to;
	size_t n;

	if (s->server.eof) {
		/* Only its end is waited for. */
		receive(&s->client, s->env->read_buf, SESSION_READ);
		return;
	}
	n = proxy_client_room(&s->proxy, &to);
	if (n > 0)
		n = receive(&s->client, to, n);
	if (n > 0)
		proxy_client_came(&s->proxy, n);
}

static void
read_server(struct session *s)
{
	size_t n = receive(&s->server, s->env->read_buf, SESSION_READ);

	if (n > 0)
		proxy_server_came(&s->proxy, s->env->read_buf, n);
}

void
session_ready(struct session_end *end, uint32_t events)
{
	struct session *s = end->session;

	if (s->over || end->fd < 0)
		return;
	if ((events & EPOLLOUT) != 0)
		flush(end);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
		if (end->is_server && s->client.out.len == 0)
			read_server(s);
		else if (!end->is_server && s->server.out.len == 0)
			read_client(s);
		else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
			s->over = true; /* reset while what it sent before cannot go on */
	}
	settle(s);
}

void
session_answer(struct session *s, const struct dp_answer *answer)
{
	if (s->over)
		return;
	session_take_answer(s, answer);
	settle(s);
}

void
session_tick(struct session *s)
{
	uint64_t now = s->env->now_ns;

	if (s->over)
		return;
	session_expire_asks(s);
	if (now - s->moved_ns > SESSION_NUDGE_MS * MS)
		proxy_idle(&s->proxy);
	if (now - s->moved_ns > SESSION_IDLE_MS * MS ||
	    (s->server_end_ns != 0 && now - s->server_end_ns > SESSION_LINGER_MS * MS))
		s->over = true;
	settle(s);
}

/* --- begin and end --- */

static int
open_ends(struct session *s, const struct dp_takeover *t)
{
	s->client.fd = repair_open(t, REPAIR_TO_CLIENT, s->env->now_ns);
	if (s->client.fd < 0)
		return s->client.fd;
	s->server.fd = repair_open(t, REPAIR_TO_SERVER, s->env->now_ns);
	return s->server.fd < 0 ? s->server.fd : 0;
}

static int
keep_holds(struct session *s, const struct dp_takeover *t)
{
	struct dp_takeover_parts parts;

	dp_takeover_parts(t, &parts);
	s->holds = calloc(t->nb_holds, sizeof(s->holds[0]));
	if (s->holds == NULL)
		return -ENOMEM;
	memcpy(s->holds, parts.holds, t->nb_holds * sizeof(s->holds[0]));
	s->nb_holds = t->nb_holds;
	return 0;
}

int
session_open(struct session_env *env, const struct dp_takeover *t, struct session **ret)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->env = env;
	s->client = (struct session_end){ .fd = -1, .session = s };
	s->server = (struct session_end){ .fd = -1, .session = s, .is_server = true };
	s->flow = t->flow;
	s->hold_id = t->hold_id;
	s->epoch = t->epoch;
	s->worker = t->worker;
	s->moved_ns = env->now_ns;
	rc = keep_holds(s, t);
	if (rc == 0)
		rc = proxy_init(&s->proxy, env->smtp_ctx, &ops, s, t);
	if (rc == 0)
		rc = open_ends(s, t);
	if (rc != 0) {
		session_close(s, true);
		return rc;
	}
	*ret = s;
	return 0;
}

int
session_start(struct session *s)
{
	settle(s);
	return s->over ? -EIO : 0;
}

void
session_close(struct session *s, bool silent)
{
	struct smtp_summary sum;

	if (silent) {
		repair_forget(s->client.fd);
		repair_forget(s->server.fd);
	} else {
		cut_end(&s->client);
		cut_end(&s->server);
	}
	session_drop_asks(s);
	if (s->asked) {
		smtp_summary(s->env->smtp_ctx, &s->proxy.smtp, &sum);
		judge_tell_end(s->env->judge, &s->flow, &sum, s->server.eof || s->client.eof ? DP_CLOSE_FIN : DP_CLOSE_RST);
	}
	proxy_fini(&s->proxy);
	free(s->client.out.p);
	free(s->server.out.p);
	free(s->holds);
	free(s);
}
