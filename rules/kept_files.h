/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kept_files - the octets of all files that a rule set was read from, and the snapshot made of them
 *
 * What:      what was read is kept, so that the same set can be made again without the files: a control process that was
 *            started anew goes on with the set in force, whatever stands in the files by then.
 *
 *              snapshot:  | magic | checksum | nb | name | (kind, path, octets) ... |   strings with u64 lengths before
 *
 * Ownership: a list owns its strings. Order: as they were added.
 * Hostile:   a snapshot is a file of our own in a private folder; still every length is checked, and what is no snapshot or
 *            damaged is -EBADMSG.
 * Errors:    negative errno.
 */
#ifndef POSTERN_KEPT_FILES_H
#define POSTERN_KEPT_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct kept_file {
	char *path;
	char *octets;
	size_t len;
	bool is_list; /* named by a rule file, not a rule file itself */
};

struct kept_files {
	char *name; /* what was loaded: a file or a folder */
	struct kept_file *list;
	size_t nb, cap;
};

void kept_files_free(struct kept_files *s);

int kept_files_set_name(struct kept_files *s, const char *name);
/* @octets becomes the list's, also on failure. */
int kept_files_add(struct kept_files *s, const char *path, char *octets, size_t len, bool is_list);
/* NULL: it was not read. */
const struct kept_file *kept_files_find(const struct kept_files *s, const char *path);

/* *ret for free(). */
int kept_files_write(const struct kept_files *s, void **ret, size_t *ret_len);
/* -EBADMSG: no whole snapshot; @ret is untouched. */
int kept_files_read(const void *snapshot, size_t len, struct kept_files *ret);

#endif
