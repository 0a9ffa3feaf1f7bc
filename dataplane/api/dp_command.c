/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_command.h"

#include <errno.h>

int
dp_command_check(const struct dp_command *cmd)
{
	if (cmd->magic != DP_COMMAND_MAGIC || cmd->type == 0 || cmd->type >= DP_CMD_NB ||
	    cmd->worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	if (cmd->type == DP_CMD_VERDICT && (cmd->verdict == DP_VERDICT_NONE || cmd->verdict >= DP_VERDICT_NB))
		return -EBADMSG;
	return 0;
}
