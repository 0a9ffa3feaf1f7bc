/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * humanize - numbers as people read them
 *
 * What:      "1,234,567", "1.2 GB" (powers of 1000), "3 min 20 s". Plain functions; @buf is returned.
 */
#ifndef POSTERN_CLI_HUMANIZE_H
#define POSTERN_CLI_HUMANIZE_H

#include <stddef.h>
#include <stdint.h>

const char *humanize_count(char *buf, size_t size, uint64_t n);
const char *humanize_octets(char *buf, size_t size, uint64_t n);
const char *humanize_seconds(char *buf, size_t size, uint64_t seconds);

#endif
