/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
	BACKLOG = 16,
};

struct client {
	struct client *next;
	struct control_server *server;
	uv_pipe_t pipe;
	uv_timer_t limit;
	uv_write_t write;
	uint64_t id;
	unsigned int uid;
	char *answer; /* being written */
	size_t len;   /* octets in @buf */
	unsigned int nb_open; /* handles that are not closed yet */
	bool busy;    /* a request is being worked on */
	bool closing, close_after;
	char buf[CONTROL_REQUEST_MAX];
};

struct control_server {
	struct control_server_config cfg;
	uv_loop_t *uv;
	uv_pipe_t listener;
	struct client *clients;
	unsigned int nb_clients;
	uint64_t next_id, refused;
};

static void read_on(struct client *c);

uint64_t
control_server_refused(const struct control_server *s)
{
	return s->refused;
}

static void
on_closed(uv_handle_t *h)
{
	struct client *c = h->data;
	struct client **p = &c->server->clients;

	if (--c->nb_open > 0)
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->server->nb_clients--;
	free(c->answer);
	free(c);
}

static void
close_client(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->limit, on_closed);
}

static void
on_limit(uv_timer_t *h)
{
	close_client(h->data);
}

static void
on_written(uv_write_t *w, int status)
{
	struct client *c = w->data;

	free(c->answer);
	c->answer = NULL;
	if (status < 0 || c->close_after)
		close_client(c);
	if (c->closing)
		return;
	c->busy = false;
	read_on(c);
}

static void
send_answer(struct client *c, const char *json, size_t len)
{
	uv_buf_t buf;

	c->busy = true;
	c->answer = malloc(len + 1);
	if (c->answer == NULL) {
		close_client(c);
		return;
	}
	memcpy(c->answer, json, len);
	c->answer[len] = '\n';
	buf = uv_buf_init(c->answer, (unsigned int)len + 1);
	c->write.data = c;
	uv_timer_start(&c->limit, on_limit, CONTROL_IDLE_MS, 0);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0)
		close_client(c);
}

/* Last words. @why: a constant of ours that needs no escapes but for the quotes it may have. */
static void
refuse(struct client *c, const char *why)
{
	char json[512], *q = json;

	q = stpcpy(q, "{\"ok\":false,\"error\":\"");
	for (; *why != '\0' && q < json + sizeof(json) - 8; why++) {
		if (*why == '"')
			*q++ = '\\';
		*q++ = *why;
	}
	q = stpcpy(q, "\"}");
	send_answer(c, json, (size_t)(q - json));
}

/* Is a whole line there? Then it is worked on, and nothing is read until it is answered. */
static bool
take_line(struct client *c)
{
	char *end = memchr(c->buf, '\n', c->len);
	struct control_request rq;
	const char *why;
	size_t line;
	int rc;

	if (end == NULL && c->len == sizeof(c->buf)) {
		c->close_after = true;
		refuse(c, "the request is too long");
		return true;
	}
	if (end == NULL)
		return false;
	line = (size_t)(end - c->buf);
	rc = control_request_parse(c->buf, line, &rq, &why);
	c->len -= line + 1;
	memmove(c->buf, end + 1, c->len);
	rq.uid = c->uid;
	c->busy = true;
	uv_timer_stop(&c->limit);
	if (rc < 0)
		refuse(c, why);
	else
		c->server->cfg.request(c->server->cfg.ctx, c->id, &rq);
	return true;
}

static void
on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct client *c = h->data;

	*buf = uv_buf_init(c->buf + c->len, (unsigned int)(sizeof(c->buf) - c->len));
}

static void
on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (nread < 0) {
		close_client(c);
		return;
	}
	c->len += (size_t)nread;
	if (take_line(c))
		uv_read_stop(stream);
}

static void
read_on(struct client *c)
{
	/* What came behind the last request. */
	if (take_line(c))
		return;
	uv_timer_start(&c->limit, on_limit, CONTROL_IDLE_MS, 0);
	if (uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
		close_client(c);
}

static bool
is_allowed(struct client *c)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&c->pipe, &fd) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
		return false;
	c->uid = cred.uid;
	return cred.uid == 0 || cred.uid == geteuid();
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct control_server *s = listener->data;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return;
	c->server = s;
	c->id = ++s->next_id;
	uv_pipe_init(s->uv, &c->pipe, 0);
	uv_timer_init(s->uv, &c->limit);
	c->pipe.data = c;
	c->limit.data = c;
	c->nb_open = 2;
	c->next = s->clients;
	s->clients = c;
	s->nb_clients++;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0) {
		close_client(c);
	} else if (!is_allowed(c)) {
		s->refused++;
		c->close_after = true;
		refuse(c, "not allowed: only the user that runs it and root may ask");
	} else if (s->nb_clients > CONTROL_CLIENTS_MAX) {
		s->refused++;
		c->close_after = true;
		refuse(c, "too many clients");
		/* Not even for their last words are there more of them than this. */
		if (s->nb_clients > 2 * CONTROL_CLIENTS_MAX)
			close_client(c);
	} else {
		read_on(c);
	}
}

void
control_server_answer(struct control_server *s, uint64_t id, const char *json, size_t len)
{
	struct client *c = s->clients;

	while (c != NULL && c->id != id)
		c = c->next;
	if (c != NULL && !c->closing && c->answer == NULL)
		send_answer(c, json, len);
}

int
control_server_open(struct uv_loop_s *uv, const struct control_server_config *cfg, struct control_server **ret)
{
	struct control_server *s = calloc(1, sizeof(*s));
	int rc, fd;

	*ret = s;
	if (s == NULL)
		return -ENOMEM;
	s->cfg = *cfg;
	s->uv = uv;
	rc = uv_pipe_init(uv, &s->listener, 0);
	s->listener.data = s;
	/* libuv closes what it was given. */
	fd = fcntl(cfg->fd, F_DUPFD_CLOEXEC, 3);
	if (rc == 0)
		rc = fd < 0 ? -errno : uv_pipe_open(&s->listener, fd);
	if (rc < 0 && fd >= 0)
		close(fd);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
	return rc;
}

void
control_server_close(struct control_server *s)
{
	struct client *c, *next;

	if (s == NULL)
		return;
	if (!uv_is_closing((uv_handle_t *)&s->listener))
		uv_close((uv_handle_t *)&s->listener, NULL);
	for (c = s->clients; c != NULL; c = next) {
		next = c->next;
		/* An answer that is under way goes out as far as the socket takes it now. */
		close_client(c);
	}
}

void
control_server_free(struct control_server *s)
{
	free(s);
}
