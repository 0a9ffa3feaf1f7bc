/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ready - tell the service manager how the service stands (sd_notify protocol)
 *
 * What:      one datagram to the socket named by NOTIFY_SOCKET; without it nothing is done. Ten lines, hence no libsystemd.
 * Source:    sd_notify(3).
 */
#ifndef POSTERN_READY_H
#define POSTERN_READY_H

/* "READY=1", "STOPPING=1", "STATUS=...". An error is not worth more than silence. */
void ready_notify(const char *state);

#endif
