/* SPDX-License-Identifier: BSD-3-Clause */
#include "hook.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dp_clock.h"
#include "safe_text.h"

static const char *const names[] = {
	[HOOK_UP] = "up",
	[HOOK_DEAD] = "dead",
	[HOOK_DRAIN] = "drain",
	[HOOK_DOWN] = "down",
};

static void
say(const struct hook *h, const char *what)
{
	char path[4096];

	safe_text(path, sizeof(path), h->cfg->hook, strlen(h->cfg->hook));
	fprintf(stderr, "postern: hook %s %s: %s\n", path, names[h->running], what);
}

void
hook_init(struct hook *h, const struct live_config *cfg)
{
	*h = (struct hook){.cfg = cfg};
}

/* The oldest event that waits, unless one is being told. */
static void
start_next(struct hook *h)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C.UTF-8";
	char *env[] = {path, locale, NULL}, *argv[4 + 2 * LIVE_CONFIG_WIRES_MAX];
	const struct child_spec spec = {
		.path = h->cfg->hook,
		.argv = argv,
		.envp = env,
		.is_foreign = true,
		.stdin_fd = -1,
		.stdout_fd = STDERR_FILENO,
		.stderr_fd = -1,
	};
	unsigned int nb = 0, i;
	char what[256];
	int rc;

	while (h->nb > 0 && !child_runs(&h->child)) {
		h->running = h->queue[0];
		memmove(h->queue, h->queue + 1, --h->nb * sizeof(h->queue[0]));
		nb = 0;
		/* execv() does not write through its pointers. */
		argv[nb++] = h->cfg->hook;
		argv[nb++] = (char *)(uintptr_t)names[h->running];
		argv[nb++] = (char *)(uintptr_t)(h->cfg->down_open ? "open" : "closed");
		for (i = 0; i < h->cfg->nb_wires; i++) {
			if (h->cfg->wires[i].is_tap)
				continue;
			argv[nb++] = h->cfg->wires[i].a;
			argv[nb++] = h->cfg->wires[i].b;
		}
		argv[nb] = NULL;
		h->began_ns = dp_clock_ns(CLOCK_MONOTONIC);
		rc = child_spawn(&h->child, &spec);
		if (rc < 0) {
			snprintf(what, sizeof(what), "cannot be run: %s", strerror(-rc));
			say(h, what);
		} else {
			h->kill_at = h->began_ns + h->cfg->hook_limit_s * UINT64_C(1000000000);
		}
	}
}

void
hook_tell(struct hook *h, enum hook_event event)
{
	if (h->cfg->hook == NULL)
		return;
	if (h->nb == HOOK_QUEUE) {
		say(h, "it is behind; one event is left out");
		memmove(h->queue, h->queue + 1, --h->nb * sizeof(h->queue[0]));
	}
	h->queue[h->nb++] = event;
	start_next(h);
}

bool
hook_is_busy(const struct hook *h)
{
	return child_runs(&h->child) || h->nb > 0;
}

int
hook_fd(const struct hook *h)
{
	return child_runs(&h->child) ? h->child.pidfd : -1;
}

void
hook_ended(struct hook *h)
{
	char how[128], what[200];

	child_reap(&h->child);
	snprintf(what, sizeof(what), "%s after %llu ms", child_explain(&h->child, how, sizeof(how)),
		 (unsigned long long)((dp_clock_ns(CLOCK_MONOTONIC) - h->began_ns) / 1000000));
	h->kill_at = 0;
	say(h, what);
	start_next(h);
}

void
hook_limits(struct hook *h, uint64_t now_ns)
{
	if (h->kill_at == 0 || now_ns < h->kill_at)
		return;
	h->kill_at = 0;
	say(h, "its time is over; killing it");
	child_signal(&h->child, SIGKILL);
}
