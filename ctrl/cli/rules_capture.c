/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_capture.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dp_clock.h"
#include "inputs.h"
#include "paths.h"
#include "rules_write.h"
#include "rundir.h"
#include "supervisor.h"

enum {
	EXIT_FAILED = 4,
};

struct run {
	char dir[RUNDIR_PATH_MAX];
	char rules[RUNDIR_PATH_MAX + 32], envelopes[RUNDIR_PATH_MAX + 32],
		store[RUNDIR_PATH_MAX + 32];
	char dataplane[PATH_MAX], ctrl[PATH_MAX];
};

bool
rules_capture_is(const char *path)
{
	static const uint32_t magics[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
					  0xa1b2cd34, 0x34cdb2a1, 0x0a0d0d0a};
	FILE *f = strcmp(path, "-") != 0 ? fopen(path, "re") : NULL;
	uint32_t magic = 0;
	bool found = false;
	size_t i;

	if (f == NULL)
		return false;
	if (fread(&magic, sizeof(magic), 1, f) == 1)
		for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
			found = found || magic == magics[i];
	fclose(f);
	return found;
}

static int
fail(const char *what, const char *why)
{
	fprintf(stderr, "postern rules diff: ");
	rules_print_str(stderr, what);
	fprintf(stderr, ": %s\n", why);
	return EXIT_FAILED;
}

/* Rules that judge nothing: every recipient becomes a record, none an alert. */
static int
write_rules(const char *path)
{
	FILE *f = fopen(path, "we");
	bool good = f != NULL && fputs("version: 1\n", f) >= 0;

	if (f != NULL && fclose(f) != 0)
		good = false;
	return good ? 0 : -EIO;
}

static int
prepare(struct run *r)
{
	int rc = rundir_make(r->dir);

	if (rc < 0) {
		r->dir[0] = '\0';
		return fail("a folder for this run cannot be made", strerror(-rc));
	}
	if (paths_child(PATHS_DATAPLANE, r->dataplane, sizeof(r->dataplane)) < 0)
		return fail(r->dataplane, "the dataplane is missing");
	if (paths_child(PATHS_CTRL, r->ctrl, sizeof(r->ctrl)) < 0)
		return fail(r->ctrl, "the control process is missing");
	snprintf(r->rules, sizeof(r->rules), "%s/none.yaml", r->dir);
	snprintf(r->envelopes, sizeof(r->envelopes), "%s/envelopes.json", r->dir);
	snprintf(r->store, sizeof(r->store), "%s/store.sqlite", r->dir);
	if (write_rules(r->rules) < 0)
		return fail(r->rules, "cannot be written");
	return 0;
}

static int
replay(struct run *r, char *path, const char *ports, const sigset_t *held)
{
	struct supervisor_config cfg = {
		.dataplane_path = r->dataplane,
		.ctrl_path = r->ctrl,
		.captures = &path,
		.nb_captures = 1,
		.nb_workers = 1,
		.loop = 1,
		.ports = ports != NULL ? ports : "25,587,2525",
		.speed = "max",
		.rules = r->rules,
		.store = r->store,
		.run_dir = r->dir,
		.journal_dir = r->dir,
		.envelopes = r->envelopes,
		.signals = held,
	};
	struct supervisor_result res;
	struct inputs inputs;
	int code;

	inputs_examine(&path, 1, dp_clock_ns(CLOCK_REALTIME),
		       &inputs);
	cfg.run_id = inputs.run_id;
	supervisor_run(&cfg, &res);
	code = supervisor_exit_code(&res);
	supervisor_result_fini(&res);
	return code;
}

int
rules_capture_read(const char *path, const char *ports, FILE **ret_envelopes)
{
	struct run *r = calloc(1, sizeof(*r));
	char *copy = strdup(path);
	sigset_t held;
	int code;

	*ret_envelopes = NULL;
	if (r == NULL || copy == NULL) {
		free(r);
		free(copy);
		return fail(path, "out of memory");
	}
	signal(SIGPIPE, SIG_IGN);
	supervisor_hold_signals(&held);
	code = prepare(r);
	if (code == 0)
		code = replay(r, copy, ports, &held);
	if (code == 0 || code == 3) {
		*ret_envelopes = fopen(r->envelopes, "re");
		if (*ret_envelopes == NULL)
			code = fail(r->envelopes, strerror(errno));
	}
	if (r->dir[0] != '\0')
		rundir_remove(r->dir);
	sigprocmask(SIG_UNBLOCK, &held, NULL);
	free(copy);
	free(r);
	return code;
}
