/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_command - what ctrl tells a worker
 *
 * Shape:     64 octets each, in a ring of DP_COMMANDS in ctrl's segment; the worker's count of taken ones is in its own.
 * Trust:     the worker checks every field; a command that names another epoch or an unknown hold is ignored and counted.
 */
#ifndef POSTERN_DP_COMMAND_H
#define POSTERN_DP_COMMAND_H

#include <stdint.h>

#include "dp_abi.h"

#define DP_COMMAND_MAGIC 0x444e4d43u /* "CMND" */

enum dp_command_type {
	DP_CMD_VERDICT = 1, /* on hold_id */
	DP_CMD_BYPASS,	    /* not used: dp_shm.h has orders for all workers, which outlive their readers */
	DP_CMD_DRAIN,	    /* no new holds; finish what there is */
	DP_CMD_NB,
};

struct dp_command {
	uint32_t magic;
	uint16_t type;	   /* enum dp_command_type */
	uint16_t worker;
	uint32_t epoch;	   /* of the worker that is meant */
	uint8_t verdict;   /* enum dp_verdict, for DP_CMD_VERDICT */
	uint8_t reserved[3];
	uint64_t hold_id;  /* for DP_CMD_VERDICT; the take-over record of the same id goes to the responder */
	uint64_t flow_uid;
	uint64_t arg;
	uint64_t reserved2[3];
};
_Static_assert(sizeof(struct dp_command) == 64, "command layout");

/* 0 or -EBADMSG; @cmd is a private copy. */
int dp_command_check(const struct dp_command *cmd);

#endif
