/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture - frames out of capture files
 *
 * What:      pcap (micro- and nanoseconds, both byte orders, modified magics refused with a clear word) and pcapng
 *            (sections of both byte orders, several interfaces, if_tsresol, if_tsoffset, enhanced, simple and obsolete
 *            packet blocks), from regular files (mapped, frames not copied), and from FIFOs and standard input (large
 *            reads). Several files one after the other, several rounds.
 * Clock:     ts_ns of the frames given out never decreases over all files and rounds; a frame without time takes the
 *            last one. Round k > 0 goes on after the end of round k - 1 (times are shifted).
 * Ownership: frames of a mapped file stay valid until capture_close(); frames of a stream until the next call of
 *            capture_read() (frame.mapped says which).
 * Threads:   one reader.
 * Hostile:   the files. Every length is checked; a broken one ends that file with an error that names the offset of the
 *            first octet not read; the frames before it were given out.
 *            A mapped file that somebody cuts short while it is read is noticed a window (2 MiB) ahead and reported as an
 *            error; octets that vanish between that and their use raise SIGBUS, which is the process's to catch.
 * Errors:    reported once per file through struct capture_error, then the next file is begun. A pcapng interface whose
 *            link type cannot be read costs its packets only: the error comes at the end of that file. A record counts
 *            as read when it is whole (for pcapng: its block with both lengths). Nothing is reported twice in later
 *            rounds.
 */
#ifndef POSTERN_CAPTURE_H
#define POSTERN_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

struct capture_frame {
	const uint8_t *data;
	uint64_t ts_ns;	   /* never decreases; 0 only when no frame so far had a time */
	uint64_t frame_no; /* from 1 over the whole run */
	uint32_t cap_len;
	uint32_t wire_len; /* >= cap_len */
	uint32_t loop;	   /* round, from 0 */
	uint8_t link;	   /* enum packet_link */
	bool mapped;
};

struct capture_error {
	const char *path;
	uint64_t offset; /* of the first octet that could not be read */
	bool whole;	 /* nothing of the file could be read */
	char text[256];	 /* what, and what to do */
};

struct capture_config {
	const char *const *paths; /* "-" is standard input; not copied: they stay until capture_close() */
	unsigned int nb_paths;
	unsigned int rounds; /* >= 1; streams are read in the first only */
	/* Called for each file that cannot be read (whole, or from an offset on), once. */
	void (*error)(void *ctx, const struct capture_error *err);
	void *error_ctx;
	/* Asked when a signal interrupts the reading of a stream: true ends it there. May be NULL: reading goes on. */
	bool (*interrupted)(void *error_ctx);
};

struct capture_progress {
	uint64_t octets;       /* read so far, file headers included */
	uint64_t octets_total; /* of regular files times rounds; 0: unknown (streams) */
};

int capture_open(const struct capture_config *cfg, struct capture **ret);
/* Up to @max frames; 0: the end of all files. May block on a stream. */
unsigned int capture_read(struct capture *c, struct capture_frame *frames, unsigned int max);
void capture_progress(const struct capture *c, struct capture_progress *ret);
void capture_close(struct capture *c);

#endif
