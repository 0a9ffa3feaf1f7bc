/* SPDX-License-Identifier: BSD-3-Clause */
#include "db_cache_trim.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	ENTRIES_MAX = 4 * DB_CACHE_FILES_MAX, /* looked at in one go; what is beyond is for the next */
};

struct entry {
	char name[DB_CACHE_NAME_LEN];
	struct timespec used;
	uint64_t octets;
};

/* <64 hex digits>.db */
static bool
is_entry(const char *name)
{
	return strlen(name) == DB_CACHE_NAME_LEN - 1 &&
	       strspn(name, "0123456789abcdef") == 2 * DB_CACHE_KEY_LEN &&
	       strcmp(name + 2 * DB_CACHE_KEY_LEN, DB_CACHE_SUFFIX) == 0;
}

static int
longest_unused_first(const void *a_, const void *b_)
{
	const struct entry *a = a_, *b = b_;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	if (a->used.tv_nsec != b->used.tv_nsec)
		return a->used.tv_nsec < b->used.tv_nsec ? -1 : 1;
	return strcmp(a->name, b->name);
}

static size_t
gather(int dir, DIR *d, struct entry *list)
{
	time_t now = time(NULL);
	struct dirent *e;
	struct stat st;
	size_t nb = 0;

	while (nb < ENTRIES_MAX && (e = readdir(d)) != NULL) {
		bool left = strncmp(e->d_name, DB_CACHE_TMP_PREFIX, strlen(DB_CACHE_TMP_PREFIX)) == 0;

		if ((!left && !is_entry(e->d_name)) ||
		    fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (left) {
			if (S_ISREG(st.st_mode) && st.st_mtim.tv_sec + DB_CACHE_TMP_AGE_S < now)
				unlinkat(dir, e->d_name, 0);
			continue;
		}
		memcpy(list[nb].name, e->d_name, sizeof(list[nb].name));
		list[nb].used = st.st_mtim;
		list[nb++].octets = (uint64_t)st.st_size;
	}
	return nb;
}

void
db_cache_trim(int dir, uint64_t octets_max, const char *keep)
{
	struct entry *list = calloc(ENTRIES_MAX, sizeof(*list));
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t octets = 0;
	size_t nb, left, i;

	if (list == NULL || d == NULL)
		goto out;
	left = nb = gather(dir, d, list);
	for (i = 0; i < nb; i++)
		octets += list[i].octets;
	qsort(list, nb, sizeof(*list), longest_unused_first);
	for (i = 0; i < nb && (octets > octets_max || left > DB_CACHE_FILES_MAX); i++) {
		if (strcmp(list[i].name, keep) == 0)
			continue;
		if (unlinkat(dir, list[i].name, 0) == 0) {
			octets -= list[i].octets;
			left--;
		}
	}
out:
	free(list);
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}
