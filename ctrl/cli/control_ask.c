/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_ask.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control_path.h"
#include "dp_clock.h"
#include "options.h"
#include "safe_text.h"

enum {
	EXIT_NOBODY = 4,
};

static void
print_path(const char *path)
{
	char shown[4096];

	safe_text(shown, sizeof(shown), path, strlen(path));
	fputs(shown, stderr);
}

static int
nobody(const char *command, const char *where)
{
	fprintf(stderr, "%s: ", command);
	if (where != NULL) {
		print_path(where);
		fputs(": no run of postern answers there\n", stderr);
	} else {
		fputs("no run of postern was found; name its state folder with --state, or its own with --run\n", stderr);
	}
	return EXIT_NOBODY;
}

/* The only one there is. */
static int
choose_any(const char *command, char *ret, size_t size)
{
	char *runs[CONTROL_RUNS_MAX];
	unsigned int nb = control_find(runs), i;
	int rc = 0;

	if (nb == 0) {
		rc = nobody(command, NULL);
	} else if (nb > 1) {
		fprintf(stderr, "%s: %u runs were found; name one with --run:\n", command, nb);
		for (i = 0; i < nb; i++) {
			fputs("  ", stderr);
			print_path(runs[i]);
			fputc('\n', stderr);
		}
		rc = 2;
	} else if (strlen(runs[0]) >= size) {
		rc = nobody(command, runs[0]);
	} else {
		strcpy(ret, runs[0]);
	}
	for (i = 0; i < nb; i++)
		free(runs[i]);
	return rc;
}

int
control_choose(const char *command, const struct control_target *t, char *ret, size_t size)
{
	int n;

	if (t->run != NULL && t->state != NULL)
		return cli_usage_error(command, "--run and --state both say which run is meant; give one");
	if (t->run == NULL && t->state == NULL)
		return choose_any(command, ret, size);
	if (t->run != NULL)
		n = snprintf(ret, size, "%s", t->run);
	else
		n = snprintf(ret, size, "%s/" CONTROL_LINK_NAME, t->state);
	if (n < 0 || (size_t)n >= size)
		return nobody(command, t->run != NULL ? t->run : t->state);
	return 0;
}

static int64_t
now_ms(void)
{
	return (int64_t)(dp_clock_ns(CLOCK_MONOTONIC) / 1000000);
}

static int
send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Up to the first line end. *ret is for free(), also on failure. */
static int
read_line(int fd, int limit_ms, char **ret, size_t *ret_len)
{
	int64_t until = now_ms() + limit_ms, left;
	size_t cap = 64 << 10, len = 0;
	char *bigger;
	ssize_t n;

	*ret = malloc(cap);
	while (*ret != NULL) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		left = until - now_ms();
		if (left <= 0 || (n = poll(&p, 1, (int)left)) == 0)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -errno;
		n = n < 0 ? -1 : recv(fd, *ret + len, cap - len, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0 && memchr(*ret + len, '\n', (size_t)n) != NULL) {
			*ret_len = (size_t)((char *)memchr(*ret, '\n', len + (size_t)n) - *ret);
			return 0;
		}
		len += n > 0 ? (size_t)n : 0;
		if (len < cap)
			continue;
		cap *= 2;
		if (cap > CONTROL_ANSWER_MAX)
			return -EMSGSIZE;
		bigger = realloc(*ret, cap);
		if (bigger == NULL)
			return -ENOMEM;
		*ret = bigger;
	}
	return -ENOMEM;
}

static int
fail(const char *command, const char *run_dir, int rc)
{
	if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -ENOTDIR)
		return nobody(command, run_dir);
	fprintf(stderr, "%s: ", command);
	print_path(run_dir);
	if (rc == -ETIMEDOUT)
		fputs(": no answer in time; the control process is busy with the end of the run, or is stuck\n", stderr);
	else if (rc == -ECONNRESET || rc == -EPIPE)
		fputs(": the control process ended before it answered\n", stderr);
	else if (rc == -EACCES)
		fputs(": Permission denied; ask as the user that runs it, or as root\n", stderr);
	else
		fprintf(stderr, ": %s\n", strerror(-rc));
	return EXIT_NOBODY;
}

int
control_ask(const char *command, const char *run_dir, const char *question, int limit_ms, json_t **ret_answer)
{
	int fd = control_connect(run_dir), rc;
	char *line = NULL;
	size_t len = 0;
	json_t *answer;

	if (fd < 0)
		return fail(command, run_dir, fd);
	rc = send_all(fd, question, strlen(question));
	if (rc == 0)
		rc = send_all(fd, "\n", 1);
	/* It may have said why it hung up. */
	if (rc == 0 || rc == -EPIPE)
		rc = read_line(fd, limit_ms, &line, &len);
	close(fd);
	answer = rc == 0 ? json_loadb(line, len, 0, NULL) : NULL;
	free(line);
	if (rc == 0 && !json_is_object(answer)) {
		json_decref(answer);
		rc = -EPROTO;
	}
	if (rc < 0)
		return fail(command, run_dir, rc);
	*ret_answer = answer;
	return 0;
}
