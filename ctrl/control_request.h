/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_request - one line of the control socket
 *
 * Shape:     a request is a JSON object on one line: {"command":"status"}. The answer is one line too: an object with "ok".
 *
 *              status    all that `postern status` shows
 *              reload    read the rules again; answered when every worker has them, or when they are wrong
 *              reopen    open output files again, after they were renamed
 *              bypass    {"command":"bypass","for_s":600}: inspect nothing for so many seconds, 0: inspect again
 *
 * Hostile:   the line (any octets). What is no such object, has other keys or other types is refused with a reason.
 * Threads:   pure function.
 */
#ifndef POSTERN_CONTROL_REQUEST_H
#define POSTERN_CONTROL_REQUEST_H

#include <stddef.h>

enum {
	CONTROL_REQUEST_MAX = 4096, /* octets of a line, its end included */
};

enum control_command {
	CONTROL_STATUS,
	CONTROL_RELOAD,
	CONTROL_REOPEN,
	CONTROL_BYPASS,
	CONTROL_NB,
};

struct control_request {
	enum control_command command;
	unsigned int for_s; /* CONTROL_BYPASS: 0 to BYPASS_MAX_S */
	unsigned int uid;   /* of who asks; not in the line: the server's to fill in */
};

/* 0, or -EINVAL with *ret_why, a constant. @len: without the line end. */
int control_request_parse(const char *line, size_t len, struct control_request *ret, const char **ret_why);

const char *control_command_name(enum control_command c);

#endif
