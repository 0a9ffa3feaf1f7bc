/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * envelope - one JSON line per transaction, put together from the journal when the run is over
 *
 * What:      journal -> sorted by (connection, transaction) -> one transaction at a time put together -> sorted by (time,
 *            connection, transaction) -> file. Both sorts are external: memory is bounded by ENVELOPE_MEMORY and one
 *            transaction of at most DP_RCPT_LISTED_MAX recipients, however many there are.
 * Record:    see DESIGN, "Envelope record". "tls" is true when the connection went to TLS by STARTTLS after what the record
 *            tells. A connection on which SMTP was spoken and no transaction begun has one record with transaction 0 and
 *            the time of its first packet; so has one on which octets were missed and none of its transactions says so.
 *            "recipients_omitted" counts recipients beyond the first 1,000 of a transaction.
 * Again:     a ctrl that died while writing writes the same octets again: a file is begun anew, on standard output it goes
 *            on after the octets that the journal's page says are out.
 * Errors:    negative errno, a sentence in @error.
 * Threads:   one.
 */
#ifndef POSTERN_ENVELOPE_H
#define POSTERN_ENVELOPE_H

#include <stddef.h>

#include "failpoint.h"
#include "journal.h"

enum {
	ENVELOPE_MEMORY = 64 << 20,
};

/* Can @path ("-": standard output) be written? Makes it where it is not there. To find out before the work is done. */
int envelope_check(const char *path, char *error, size_t error_size);

int envelope_write(struct journal *j, const char *path, size_t memory, struct failpoint *fp, char *error,
		   size_t error_size);

#endif
