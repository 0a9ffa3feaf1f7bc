/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * read_file - a whole regular file into memory
 *
 * Errors:    negative errno; -EISDIR and -EINVAL (a device, a FIFO: nothing that makes us wait is
 * opened) among them.
 */
#ifndef POSTERN_READ_FILE_H
#define POSTERN_READ_FILE_H

#include <stddef.h>

/* At most @max octets (more are left where they are), for free(). */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len);

#endif
