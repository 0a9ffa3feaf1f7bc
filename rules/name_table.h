/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * name_table - the protected names, asked for every recipient
 *
 * What:      a hash table of names; one walk over a domain from its end asks for each of its suffixes that starts at a
 *            label, and says whether the domain is legitimate and whether it belongs to a protected name. The longest
 *            name given decides.
 * Shape:     a bitmap of 16 bits or more per name, and open addressing behind, at most half full; a slot is 8 octets (index
 *            and part of the hash).
 * Threads:   immutable once built.
 * Cost:      one multiplication per eight octets and per label, one probe per label, no deeper than the deepest name given
 *            and no further than the longest.
 * Hostile:   the domain asked for. Names are root's: nobody outside can make chains; the hash is seeded too.
 */
#ifndef POSTERN_NAME_TABLE_H
#define POSTERN_NAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

struct name_slot {
	uint32_t tag;  /* upper half of the hash */
	uint32_t name; /* index + 1, 0: free */
};

struct name_table {
	const struct image_name *names;
	const char *strings;
	struct name_slot *slots;
	uint64_t *bits; /* two of one word for a name: nearly all questions end here, in the first-level cache */
	uint64_t seed;
	unsigned int bits_shift;
	uint32_t mask;
	uint32_t max_labels; /* of the deepest name */
	uint32_t max_len;    /* octets of the longest name */
};

enum name_class {
	NAME_LEGITIMATE = 1u << 0, /* must never match */
	NAME_PROTECTED =
		1u
		<< 1, /* is a protected name, or a legitimate one below one (a zone does not count) */
	NAME_UNKNOWN = 1u << 2, /* legitimate only because it stands in a zone: nobody gave the name */
};

/* @names and @strings must outlive the table; offsets have been checked. 0, -ENOMEM or -EBADMSG (@nb beyond reason). */
int name_table_init(struct name_table *t, const struct image_name *names, uint32_t nb,
		    const char *strings, uint64_t seed);
void name_table_fini(struct name_table *t);

/*
 * Set of enum name_class. @domain is lower case, without a trailing dot. *ret_zone_len (may be NULL): with NAME_UNKNOWN,
 * octets of the zone at the domain's end; else not set.
 */
unsigned int name_table_classify(const struct name_table *t, const char *domain, size_t len,
				 size_t *ret_zone_len);

#endif
