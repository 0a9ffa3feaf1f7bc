/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * journal - what must outlive a killed ctrl within one run, in a nameless file that the supervisor keeps open
 *
 * Shape:     | progress page (mapped, 4096 octets) | entry | entry | ... |
 *            An entry is struct journal_entry, then the record as it stood in the ring, padded to 8 octets. A whole entry
 *            says where in which ring it came from, so that what is read a second time is not written a second time.
 *            A tail that is no whole entry was being written when the writer died, and is cut off.
 * Progress:  how far outputs that cannot be looked at again (standard output) were written. Kept in mapped memory: one
 *            store after each write(2), no system call; the page outlives the process.
 * Limits:    the entries of a run; the file system's room. Death of the machine ends the run anyway: nothing is synced.
 * Errors:    negative errno.
 * Threads:   one.
 */
#ifndef POSTERN_JOURNAL_H
#define POSTERN_JOURNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "dp_event.h"

enum {
	JOURNAL_PAGE = 4096,
};

struct journal_progress {
	uint64_t magic;
	_Atomic uint64_t alerts;    /* sequence << 24 | octets of its line that are written */
	_Atomic uint64_t envelopes; /* octets written */
	_Atomic uint64_t rotated;   /* sequence of the last line in alert files that were renamed, 0: none was */
};

struct journal_entry {
	uint32_t len;	 /* of the whole entry, a multiple of 8 */
	uint16_t worker;
	uint8_t verdict; /* enum dp_verdict, for DP_EV_RCPT */
	uint8_t reserved;
	uint64_t pos;	 /* in the ring */
};
_Static_assert(sizeof(struct journal_entry) == 16, "journal entry layout");

struct journal;

/* @fd stays the caller's. A file that has entries already is taken up. */
int journal_new(int fd, struct journal **ret);
void journal_free(struct journal *j);

struct journal_progress *journal_progress(struct journal *j);

/* Append a record, unless it is there already. */
int journal_add(struct journal *j, unsigned int worker, uint64_t pos, enum dp_verdict verdict,
		const struct dp_record *rec);
/* Write out what was appended. */
int journal_flush(struct journal *j);

/* Read back from the start: all entries, in the order they were written. @buf: DP_RECORD_LEN_MAX octets, 8-aligned. */
void journal_rewind(struct journal *j);
/* 1: got one, checked; 0: no more; negative errno. */
int journal_read(struct journal *j, struct journal_entry *ret_entry, void *buf);

#endif
