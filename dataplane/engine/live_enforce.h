/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_enforce - what a live worker does besides when verdicts are carried out
 *
 * What:      ctrl's commands to the inspector; frames of the inspector's making to the port they leave by; frames that
 *            the inspector cut. And a look whether ctrl lives: it counts as gone when its heartbeat has not moved for
 *            LIVE_CTRL_GONE_MS.
 * Fragments: see live_frag.h.
 * Threads:   one worker.
 */
#ifndef POSTERN_LIVE_ENFORCE_H
#define POSTERN_LIVE_ENFORCE_H

#include "live_private.h"

enum {
	LIVE_COMMANDS = 32,	 /* carried out in one turn */
	LIVE_LET_GO = 64,	 /* connections that are held, let go in one turn */
	LIVE_CTRL_GONE_MS = 100, /* shorter silences were seen of a ctrl that lived */
};

/* Take and carry out commands; time @now_ns, frame number @frame_no for what they cause. */
void live_commands(struct worker *w, uint64_t now_ns, uint64_t frame_no);

/* event_out.originate; @ctx is the worker. */
bool live_enforce_originate(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b);

/* The frame that is to be sent for @m, which the inspector cut: @m itself, or the copy that was joined of its pieces. */
struct rte_mbuf *live_cut(struct rte_mbuf *m);

#endif
