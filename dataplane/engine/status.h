/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status - lines to the supervisor, over a pipe
 *
 * Shape:     one line per message, fields separated by tabs; backslash, tab and newline in a field as \\, \t, \n:
 *              begin
 *              error <offset> <whole 0|1> <path> <text>
 *              end <wall ns> <cpu ns>
 *              port <name> <text>                      live: what a port was asked for and granted; its link; problems
 *              note <text>                             live: something else that people should know
 * Threads:   any; a line is one write() of at most PIPE_BUF octets, hence whole. A supervisor that is gone is no error
 *            here: the parent-death signal ends this process.
 */
#ifndef POSTERN_STATUS_H
#define POSTERN_STATUS_H

#include <stdint.h>

#include "capture.h"

void status_begin(int fd);
void status_capture_error(int fd, const struct capture_error *err);
void status_port(int fd, const char *name, const char *text);
void status_note(int fd, const char *text);
void status_end(int fd, uint64_t wall_ns, uint64_t cpu_ns);

#endif
