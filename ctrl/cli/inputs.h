/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inputs - what can be said of the captures before they are read
 *
 * What:      their sizes, for the progress bar, and the run id. The run id tells whether a replay was seen before: a
 *            second replay of the same captures into one store adds nothing.
 *            A regular file counts by its size and samples of its content (the first and last 64 KiB, and 64 blocks of
 *            4 KiB spread evenly between), not by its name or dates; of files in another order the id is another.
 *            A stream (standard input, FIFO, socket) counts by its name and the moment of the start: it cannot be
 *            recognised again.
 * Cost:      at most 384 KiB are read of a file.
 * Errors:    none: what cannot be opened counts by its name alone, and the dataplane reports it.
 */
#ifndef POSTERN_CLI_INPUTS_H
#define POSTERN_CLI_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

struct inputs {
	uint64_t run_id;
	uint64_t octets; /* of all regular files, one round */
	bool streams;	 /* at least one is no regular file: the whole length is unknown */
};

void inputs_examine(char *const *paths, unsigned int nb_paths, uint64_t now_ns, struct inputs *ret);

#endif
