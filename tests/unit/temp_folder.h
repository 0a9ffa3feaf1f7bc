/* SPDX-License-Identifier: BSD-3-Clause */
/* temp_folder - a folder of a test's own, below TMPDIR, and what is put into it. Include cmocka.h before it. */
#ifndef POSTERN_TEST_TEMP_FOLDER_H
#define POSTERN_TEST_TEMP_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new folder whose name begins with @name; its path in @ret, of @size octets. */
static inline void
temp_folder_make(const char *name, char *ret, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	int n = snprintf(ret, size, "%s/%s-XXXXXX", tmp != NULL ? tmp : "/tmp", name);

	assert_in_range(n, 1, size - 1);
	assert_non_null(mkdtemp(ret));
}

static inline int
temp_folder_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* With all that is in it. */
static inline void
temp_folder_remove(const char *dir)
{
	nftw(dir, temp_folder_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
temp_folder_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

#endif
