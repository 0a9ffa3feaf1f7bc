/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_ask - one question to a running ctrl, and its answer
 *
 * Trust:     the answer is JSON of a process of this user; text in it is made fit for a terminal by whoever shows it.
 * Errors:    control_choose() and control_ask() print them: logging functions.
 * Threads:   none.
 */
#ifndef POSTERN_CLI_CONTROL_ASK_H
#define POSTERN_CLI_CONTROL_ASK_H

#include <jansson.h>
#include <stddef.h>

enum {
	CONTROL_ANSWER_MAX = 8 << 20, /* octets */
	CONTROL_ASK_MS = 10 * 1000,
};

/* Where the run is that is meant: at most one of the two is given, NULL for the other. */
struct control_target {
	const char *run;   /* its folder */
	const char *state; /* state folder of a run */
};

/*
 * The folder of the run into @ret of @size octets. 0, or an exit code: 2 when it is not clear which one is meant; 4 when
 * there is none. @command: for messages.
 */
int control_choose(const char *command, const struct control_target *t, char *ret, size_t size);

/*
 * Ask @run_dir and wait at most @limit_ms. 0 with *ret_answer, an object, for json_decref(); 4 after an error message.
 */
int control_ask(const char *command, const char *run_dir, const char *question, int limit_ms, json_t **ret_answer);

#endif
