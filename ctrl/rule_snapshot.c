/* SPDX-License-Identifier: BSD-3-Clause */
#include "rule_snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

#define PREFIX "rules-"

static int
path_of(const char *run_dir, uint32_t generation, const char *end, char ret[static PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/" PREFIX "%" PRIu32 "%s", run_dir, generation, end);

	return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int
write_file(const char *path, const void *octets, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc;
	size_t done = 0;

	if (fd < 0)
		return -errno;
	rc = output_write_all(fd, octets, len, &done);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int
rule_snapshot_save(const char *run_dir, const struct ruleset *set)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	void *octets;
	size_t len;
	int rc = path_of(run_dir, ruleset_generation(set), "", path);

	if (rc == 0)
		rc = path_of(run_dir, ruleset_generation(set), ".new", tmp);
	if (rc == 0)
		rc = ruleset_snapshot(set, &octets, &len);
	if (rc < 0)
		return rc;
	rc = write_file(tmp, octets, len);
	free(octets);
	if (rc == 0 && rename(tmp, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(tmp);
	return rc;
}

void
rule_snapshot_remove(const char *run_dir, uint32_t generation)
{
	char path[PATH_MAX];

	if (path_of(run_dir, generation, "", path) == 0)
		unlink(path);
}

static int
read_file(const char *path, void **ret, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
	size_t done = 0;
	struct stat st;
	char *octets;

	if (fd < 0)
		return -errno;
	octets = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? malloc((size_t)st.st_size + 1) : NULL;
	if (octets == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && done < (size_t)st.st_size) {
		ssize_t n = read(fd, octets + done, (size_t)st.st_size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			rc = n == 0 ? -EBADMSG : -errno;
	}
	close(fd);
	if (rc < 0) {
		free(octets);
		return rc;
	}
	*ret = octets;
	*ret_len = done;
	return 0;
}

static int
load_one(const char *run_dir, uint32_t generation, struct db_cache *cache, struct rule_errors *errs,
	 struct rule_sets *sets)
{
	struct ruleset *set;
	char path[PATH_MAX];
	void *octets = NULL;
	size_t len = 0;
	int rc = path_of(run_dir, generation, "", path);

	if (rc == 0)
		rc = read_file(path, &octets, &len);
	if (rc < 0)
		return rc;
	rule_errors_free(errs);
	rc = ruleset_load_snapshot(octets, len, generation, cache, errs, &set);
	free(octets);
	if (rc == 0 && (rc = rule_sets_add(sets, set)) < 0)
		ruleset_free(set);
	return rc;
}

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int
rule_snapshot_load(const char *run_dir, struct db_cache *cache, struct rule_errors *errs, struct rule_sets *ret)
{
	uint32_t generations[RULE_SETS_MAX + 1];
	DIR *d = opendir(run_dir);
	struct dirent *e;
	size_t nb = 0, i;
	int rc = 0;

	if (d == NULL)
		return -errno;
	while (nb < RULE_SETS_MAX && (e = readdir(d)) != NULL) {
		const char *digits = e->d_name + strlen(PREFIX);
		unsigned long n;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0 || strspn(digits, "0123456789") != strlen(digits))
			continue;
		n = strtoul(digits, NULL, 10);
		if (n > 0 && n <= UINT32_MAX)
			generations[nb++] = (uint32_t)n;
	}
	closedir(d);
	qsort(generations, nb, sizeof(*generations), ascending);
	for (i = 0; i < nb && rc == 0; i++)
		rc = load_one(run_dir, generations[i], cache, errs, ret);
	return rc < 0 ? rc : (int)nb;
}
