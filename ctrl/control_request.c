/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_request.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "bypass.h"

static const char *const names[CONTROL_NB] = {
	[CONTROL_STATUS] = "status",
	[CONTROL_RELOAD] = "reload",
	[CONTROL_REOPEN] = "reopen",
	[CONTROL_BYPASS] = "bypass",
};

const char *
control_command_name(enum control_command c)
{
	return (unsigned int)c < CONTROL_NB ? names[c] : "unknown";
}

static int
command_of(const char *name, enum control_command *ret)
{
	int i;

	for (i = 0; i < CONTROL_NB; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum control_command)i;
			return 0;
		}
	}
	return -EINVAL;
}

int
control_request_parse(const char *line, size_t len, struct control_request *ret, const char **ret_why)
{
	json_t *root, *command, *for_s;
	int rc = -EINVAL;

	*ret_why = "the request is too long";
	if (len >= CONTROL_REQUEST_MAX)
		return -EINVAL;
	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	command = json_object_get(root, "command");
	for_s = json_object_get(root, "for_s");
	*ret_why = "a request is a JSON object on one line, like {\"command\":\"status\"}";
	*ret = (struct control_request){ .command = CONTROL_NB };
	if (json_is_object(root) && json_is_string(command) && json_object_size(root) == (for_s != NULL ? 2 : 1)) {
		rc = command_of(json_string_value(command), &ret->command);
		if (rc < 0)
			*ret_why = "unknown command; there are status, reload, reopen, bypass";
	}
	if (rc == 0 && (for_s != NULL) != (ret->command == CONTROL_BYPASS)) {
		*ret_why = "bypass, and nothing else, is for a number of seconds: for_s";
		rc = -EINVAL;
	}
	if (rc == 0 && for_s != NULL) {
		*ret_why = "for_s is a number of seconds, at most a day";
		rc = json_is_integer(for_s) && json_integer_value(for_s) >= 0 && json_integer_value(for_s) <= BYPASS_MAX_S ?
			     0 : -EINVAL;
		if (rc == 0)
			ret->for_s = (unsigned int)json_integer_value(for_s);
	}
	json_decref(root);
	return rc;
}
