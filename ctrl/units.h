/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * units - "90d" and "2GiB" as numbers, for settings and options
 */
#ifndef POSTERN_UNITS_H
#define POSTERN_UNITS_H

#include <stdint.h>

/* A whole number above 0 with s, m, h, d or w behind it: seconds. 0 or -EINVAL. */
int units_age(const char *text, uint64_t *ret_s);
/* A whole number above 0 with KiB, MiB, GiB or TiB behind it: octets. 0 or -EINVAL. */
int units_size(const char *text, uint64_t *ret_octets);

#endif
