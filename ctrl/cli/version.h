/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * version - postern --version: ours, and those of the libraries as they are loaded now
 */
#ifndef POSTERN_CLI_VERSION_H
#define POSTERN_CLI_VERSION_H

/* Print them on standard output. 0, or 1 when it cannot be written. */
int version_print(void);

#endif
