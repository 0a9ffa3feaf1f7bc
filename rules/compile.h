/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compile - the model made into an image (image.h)
 *
 * Cost:      Hyperscan's compiler: about a millisecond for a few rules, seconds for tens of thousands of patterns; a tenth
 *            of that when the cache has the databases.
 */
#ifndef POSTERN_COMPILE_H
#define POSTERN_COMPILE_H

#include <stddef.h>
#include <stdint.h>

#include "db_cache.h"
#include "rule_errors.h"
#include "rule_model.h"

/*
 * @cache: where compiled databases are kept, or NULL. 0: *ret_image (for free()) of *ret_len octets. -EINVAL: there are
 * errors already, or an expression is wrong and its error was added. -ENOMEM, -EPROTO (the CPU lacks what Hyperscan needs),
 * -E2BIG: the image would be too large; the last three with an error added too.
 */
int compile_model(const struct rule_model *m, uint32_t generation, struct db_cache *cache,
		  struct rule_errors *errs, void **ret_image, size_t *ret_len);

#endif
