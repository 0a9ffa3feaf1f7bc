/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extsort - sort any number of items with bounded memory
 *
 * What:      items of (key, payload) are put in in any order and come out by key, as memcmp() orders them; equal keys in
 *            the order they came. What does not fit into the memory given is written to nameless files as sorted runs,
 *            which are merged on the way out. When the runs would be too many for one merge, they are merged to one.
 * Memory:    the given budget, and a read buffer for each run while merging.
 * Files:     in $TMPDIR (default /tmp), without a name: nothing is left behind, whatever happens.
 * Errors:    negative errno; -ENOSPC: the folder is full.
 * Threads:   one.
 */
#ifndef POSTERN_EXTSORT_H
#define POSTERN_EXTSORT_H

#include <stddef.h>
#include <stdint.h>

struct extsort;

enum {
	EXTSORT_KEY_MAX = 128,
	EXTSORT_PAYLOAD_MAX = 64 << 20,
};

/* @key_len: of every key. @budget: octets of memory for items, at least 64 KiB. */
int extsort_new(size_t key_len, size_t budget, struct extsort **ret);
void extsort_free(struct extsort *x);

int extsort_put(struct extsort *x, const void *key, const void *payload, size_t len);

/* All is in. */
int extsort_sort(struct extsort *x);

/* The next one. 1: got one, valid until the next call; 0: no more; negative errno. */
int extsort_next(struct extsort *x, const uint8_t **ret_key, const uint8_t **ret_payload, size_t *ret_len);

#endif
