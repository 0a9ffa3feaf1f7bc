/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_capture - the recipients of a capture, as the real dataplane finds them
 *
 * What:      runs the dataplane and ctrl as `postern replay` does, with rules that match nothing, and gives their envelope
 *            records in a file without a name.
 * Errors:    rules_capture_read() is a logging function: what went wrong was printed.
 */
#ifndef POSTERN_CLI_RULES_CAPTURE_H
#define POSTERN_CLI_RULES_CAPTURE_H

#include <stdbool.h>
#include <stdio.h>

/* Does the file begin as pcap or pcapng do? */
bool rules_capture_is(const char *path);

/*
 * @path: a capture or "-"; @ports: as for replay, NULL: its default. The exit code of the replay; *ret_envelopes for
 * fclose() is set when there are records to read, which may also be with code 3 (the capture was not whole).
 */
int rules_capture_read(const char *path, const char *ports, FILE **ret_envelopes);

#endif
