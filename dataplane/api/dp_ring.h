/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_ring - the two ends of a worker's event ring and command ring
 *
 * Shape:     records of variable length, aligned to 64 octets, one after the other; one that would straddle the end of
 *            the area is preceded by a DP_EV_PAD that fills it.
 *
 *                 stored          decided           head
 *              ... | stored, not   | decided,        | free ...
 *                  | yet possible  | being stored    |
 *
 *            A record leaves the ring when ctrl has stored it, not before: a restarted ctrl starts at `stored` and finds
 *            in the verdict slots what its predecessor had decided.
 * Threads:   one writer (the worker) and one reader (ctrl), in two processes; no locks. Either may die at any point:
 *            head moves only after the record is whole.
 * Cost:      no system call, no allocation.
 * Hostile:   the reader takes nothing on trust: positions and lengths are checked, records are copied out before they
 *            are looked at (the writer could change them meanwhile).
 */
#ifndef POSTERN_DP_RING_H
#define POSTERN_DP_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "dp_event.h"
#include "dp_shm.h"

/* Worker's end. */
struct dp_ring_writer {
	struct dp_ring_dp *dp;		 /* ours */
	uint8_t *records;		 /* ours */
	const struct dp_ring_ctrl *ctrl; /* ctrl's, read only */
	const struct dp_command *commands;
	uint64_t head;		/* own copies of the cursors */
	uint64_t stored_cached;
	uint64_t next_seq;
	uint64_t cmd_tail;
	uint64_t lost_from;	/* first number not yet reported as lost; valid when nb_lost */
	uint64_t nb_lost;
	uint32_t lost_matches; /* of these, recipients that matched */
	uint8_t lost_verdict;  /* enum dp_verdict: what became of the last of them */
	uint32_t ring_octets;
	uint32_t epoch;
	uint16_t worker;
};

/* Attach to worker @worker's ring; takes over the cursors found there and publishes a new epoch (old + 1). */
void dp_ring_writer_init(struct dp_ring_writer *w, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker);

/*
 * Write the record at @rec (made with dp_event_begin(); seq, epoch and worker are filled in here). 0, or -EAGAIN when
 * there is no room: nothing was written and no number used up; wait and try again, or call dp_ring_lose().
 */
int dp_ring_put(struct dp_ring_writer *w, void *rec);

/* Live: the event cannot wait. Uses up its number; a DP_EV_LOST precedes the next record that finds room. */
void dp_ring_lose(struct dp_ring_writer *w);
/* It was a recipient that matched, and @verdict was carried out on it. After dp_ring_lose(). */
void dp_ring_lose_match(struct dp_ring_writer *w, enum dp_verdict verdict);

/*
 * Report what was lost without waiting for a next record; @ts_ns and @frame_no are its moment. 0: it is reported, or there
 * was nothing; -EAGAIN: there is still no room. Once a turn: costs one comparison when nothing was lost.
 */
int dp_ring_report_lost(struct dp_ring_writer *w, uint64_t ts_ns, uint64_t frame_no);

/* Take one command; false when there is none. The copy is checked (dp_command_check()); bad ones are skipped. */
bool dp_ring_take_command(struct dp_ring_writer *w, struct dp_command *ret_cmd);

/* Ctrl's end. */
struct dp_ring_reader {
	const struct dp_ring_dp *dp;  /* worker's, read only */
	const uint8_t *records;	      /* worker's, read only */
	struct dp_ring_ctrl *ctrl;    /* ours */
	struct dp_verdict_slot *verdicts;
	struct dp_command *commands;
	uint64_t pos;		      /* next record to read */
	uint64_t expect_seq;	      /* its number, if nothing is lost */
	uint64_t cmd_head;
	uint32_t ring_octets;
	uint16_t worker;
	const _Atomic uint64_t *limit; /* position that is not read beyond; NULL: head alone */
	bool broken;		      /* the writer broke the rules; nothing more is read until it has a new epoch */
};

/* Attach; begins at the `stored` cursor. */
void dp_ring_reader_attach(struct dp_ring_reader *r, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker);

/* The same, and sets ctrl's epoch (old + 1). */
void dp_ring_reader_init(struct dp_ring_reader *r, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker);

/*
 * Copy the next record into @buf (DP_RECORD_LEN_MAX octets, 8-aligned) and step over it. 1: a checked record;
 * 0: none; -EBADMSG: the writer is broken (counted in ctrl's half, @r->broken set).
 * @ret_pos: its position, to be used with the calls below.
 */
int dp_ring_next(struct dp_ring_reader *r, void *buf, uint64_t *ret_pos);

/* What was decided on the record at @pos with number @seq and @epoch, before a restart perhaps; DP_VERDICT_NONE: nothing. */
struct dp_verdict_slot dp_ring_verdict(const struct dp_ring_reader *r, uint64_t pos, uint64_t seq, uint32_t epoch);

/* Write down the verdict on the record at @pos, @after_us after it happened, before it is sent or stored. */
void dp_ring_decide(struct dp_ring_reader *r, uint64_t pos, uint64_t seq, uint32_t epoch, enum dp_verdict verdict,
		    bool enforced, uint64_t after_us);

/* Everything before position @pos is decided / stored: the worker may use the room again. Never steps back. */
void dp_ring_set_decided(struct dp_ring_reader *r, uint64_t pos);
void dp_ring_set_stored(struct dp_ring_reader *r, uint64_t pos);

/* Queue a command to the worker; -EAGAIN when its ring is full. */
int dp_ring_send_command(struct dp_ring_reader *r, const struct dp_command *cmd);

#endif
