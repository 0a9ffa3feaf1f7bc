/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "listen_addr.h"

enum {
	REQUEST_MAX = 16 << 10,
};

struct metrics {
	struct metrics_config cfg;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	struct json_out text;
};

static enum MHD_Result
answer(struct MHD_Connection *c, unsigned int status, const char *type, const void *text, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result
answer_text(struct MHD_Connection *c, unsigned int status, const char *text)
{
	return answer(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
	   const char *upload, size_t *upload_len, void **state)
{
	struct metrics *m = ctx;

	/* The first call for a request: its body, if any, has not been read. */
	if (*state == NULL) {
		*state = m;
		return MHD_YES;
	}
	if (*upload_len != 0) {
		*upload_len = 0; /* nobody wants it */
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "read only\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_text(c, MHD_HTTP_NOT_FOUND, "there is /metrics only\n");
	json_out_clear(&m->text);
	m->cfg.page(m->cfg.ctx, &m->text);
	if (m->text.failed)
		return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return answer(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", m->text.buf, m->text.len);
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct metrics *m = h->data;

	MHD_run(m->daemon);
}

void
metrics_tick(struct metrics *m)
{
	if (m != NULL && m->daemon != NULL)
		MHD_run(m->daemon);
}

int
metrics_open(struct uv_loop_s *uv, const struct metrics_config *cfg, struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof(*m));
	const union MHD_DaemonInfo *info;
	union listen_addr addr;
	unsigned int flags = MHD_USE_EPOLL;
	int rc;

	*ret = m;
	if (m == NULL)
		return -ENOMEM;
	m->cfg = *cfg;
	if (listen_addr_parse(cfg->listen, &addr) < 0)
		return -EINVAL;
	if (addr.any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	errno = 0;
	m->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR, &addr.any,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned int)METRICS_CLIENTS_MAX,
				     MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)METRICS_IDLE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX, MHD_OPTION_END);
	if (m->daemon == NULL)
		return errno != 0 ? -errno : -EADDRNOTAVAIL;
	info = MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return -ENOTSUP;
	rc = uv_poll_init(uv, &m->poll, info->epoll_fd);
	m->poll.data = m;
	return rc == 0 ? uv_poll_start(&m->poll, UV_READABLE, on_poll) : rc;
}

void
metrics_close(struct metrics *m)
{
	if (m == NULL || m->poll.data == NULL)
		return;
	/* The loop lets go of the descriptor before its owner closes it. */
	uv_poll_stop(&m->poll);
	if (!uv_is_closing((uv_handle_t *)&m->poll))
		uv_close((uv_handle_t *)&m->poll, NULL);
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->daemon != NULL)
		MHD_stop_daemon(m->daemon);
	json_out_free(&m->text);
	free(m);
}
