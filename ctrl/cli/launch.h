/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * launch - everything that the processes of a replay share, and their command lines
 *
 * Ownership: launch_open() makes all descriptors, close-on-exec; each child gets only its own ends, under the same
 *            numbers. The supervisor keeps both ends of the pipes and of the socket pair, so that a restarted child finds
 *            them as they were; hence it learns of a child's end by its pidfd, never by end of file.
 * Threads:   none.
 */
#ifndef POSTERN_CLI_LAUNCH_H
#define POSTERN_CLI_LAUNCH_H

#include "child.h"
#include "supervisor.h"

struct launch {
	int dp_rw, dp_ro;	/* dataplane's segment */
	int ctrl_rw, ctrl_ro;	/* ctrl's segment */
	int rules[2];		/* [0] dataplane's end, [1] ctrl's */
	int dp_status[2];	/* [0] ours, non-blocking, [1] the dataplane's */
	int ctrl_status[2];
	int control;		/* listening socket in the folder of the run: clients wait there for a restarted ctrl */
	/* With a responder; else -1. Of the socket pairs [0] is the end of who is named first. */
	int responder_dp_rw, responder_dp_ro;	  /* its own ring, and ctrl's half of it */
	int responder_ctrl_rw, responder_ctrl_ro;
	int takeover[2];	/* dataplane, responder */
	int answers[2];		/* ctrl, responder */
	int responder_rules[2]; /* ctrl, responder */
	int responder_status[2]; /* [0] ours, non-blocking, [1] the responder's */
	int journal;		/* ctrl's notes of what it wrote, and envelopes that wait for their order */
	/* Output of the children, relayed while a progress line is drawn; -1: they write for themselves. */
	int out[2], err[2];
};

/* 0 or negative errno with *ret_what, a constant, naming what failed. launch_close() is due in both cases. */
int launch_open(const struct supervisor_config *cfg, struct launch *ret, const char **ret_what);
void launch_close(struct launch *l);

/* 0 or negative errno. */
int launch_dataplane(const struct supervisor_config *cfg, const struct launch *l, struct child *c);
/* The dataplane of live ports; cfg->live is set. */
int launch_live(const struct supervisor_config *cfg, const struct launch *l, struct child *c);
/* cfg->responder_path is set. */
int launch_responder(const struct supervisor_config *cfg, const struct launch *l, struct child *c);
/* @start: 0 for the first, then 1, 2, ... */
int launch_ctrl(const struct supervisor_config *cfg, const struct launch *l, unsigned int start, struct child *c);

#endif
