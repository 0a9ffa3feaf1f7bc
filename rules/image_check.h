/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image_check - an image from another process, checked before anything in it is used
 */
#ifndef POSTERN_IMAGE_CHECK_H
#define POSTERN_IMAGE_CHECK_H

#include <stddef.h>

#include "image.h"

/*
 * Check everything image.h promises but the databases themselves. @image may stand at any address.
 * 0: *ret_header is a copy of the header and *ret_meta_len the octets that hold all parts but the databases.
 * -EBADMSG: damaged or no image; -EPROTO: of another version, engine or CPU.
 */
int image_check(const void *image, size_t len, struct image_header *ret_header,
		size_t *ret_meta_len);

/* Checksum of a whole image of @len octets, as it belongs into its header. */
uint64_t image_checksum(const void *image, size_t len);

/* Engine and CPU of this process, as they belong into a header. 0 or -EPROTO (Hyperscan does not run here). */
int image_engine(char engine[IMAGE_ENGINE_LEN], uint64_t *ret_cpu_features);

#endif
