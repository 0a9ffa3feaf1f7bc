/* SPDX-License-Identifier: BSD-3-Clause */
#include "db_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hs.h>

#include "db_cache_trim.h"
#include "image.h"
#include "image_check.h"

#define FILE_MAGIC UINT64_C(0x3130424454534f50) /* "POSTDB01" in memory */

_Static_assert((int)DB_CACHE_KEY_LEN == (int)SHA256_DIGEST_LENGTH, "the key is a SHA-256");

struct file_header {
	uint64_t magic;
	uint64_t len; /* of the database */
	uint8_t key[DB_CACHE_KEY_LEN];
	uint8_t digest[SHA256_DIGEST_LENGTH]; /* of the database */
};
_Static_assert(sizeof(struct file_header) == 80, "cache file layout");

/* The folder itself and its parent. */
static int
make_folder(const char *dir)
{
	char parent[DB_CACHE_PATH_MAX], *slash;

	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return -ENOENT;
	*slash = '\0';
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Ours, and nobody else's to write. */
static bool
is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* @base and @below, or nothing when it does not fit. */
static void
set_path(char dst[static DB_CACHE_PATH_MAX], const char *base, const char *below)
{
	int n = snprintf(dst, DB_CACHE_PATH_MAX, "%s%s", base, below);

	if (n < 0 || n >= DB_CACHE_PATH_MAX)
		dst[0] = '\0';
}

static void
default_folder(char dst[static DB_CACHE_PATH_MAX])
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	dst[0] = '\0';
	if (geteuid() == 0)
		set_path(dst, "/var/cache", "/postern");
	else if (xdg != NULL && xdg[0] == '/')
		set_path(dst, xdg, "/postern");
	else if (home != NULL && home[0] == '/')
		set_path(dst, home, "/.cache/postern");
}

void
db_cache_open(struct db_cache *c, const char *dir, uint64_t octets_max)
{
	struct stat st;

	memset(c, 0, sizeof(*c));
	c->octets_max = octets_max != 0 ? octets_max : DB_CACHE_OCTETS_MAX;
	if (dir == NULL)
		dir = getenv("POSTERN_CACHE");
	if (dir != NULL && strcmp(dir, "off") == 0)
		return;
	if (dir != NULL && dir[0] != '\0')
		set_path(c->dir, dir, "");
	else
		default_folder(c->dir);
	if (c->dir[0] == '\0')
		return;
	c->error = make_folder(c->dir);
	if (c->error == 0 && stat(c->dir, &st) < 0)
		c->error = -errno;
	if (c->error == 0 && !S_ISDIR(st.st_mode))
		c->error = -ENOTDIR;
	if (c->error == 0 && !is_private(&st))
		c->error = -EPERM;
	if (c->error != 0)
		c->dir[0] = '\0';
}

static void
hash_u64(SHA2_CTX *ctx, uint64_t v)
{
	SHA256Update(ctx, (const uint8_t *)&v, sizeof(v));
}

int
db_cache_key(const struct db_cache_pattern *patterns, size_t nb, struct db_cache_key *ret)
{
	char engine[IMAGE_ENGINE_LEN];
	hs_platform_info_t platform;
	uint64_t features;
	SHA2_CTX ctx;
	size_t i, len;

	if (image_engine(engine, &features) < 0 || hs_populate_platform(&platform) != HS_SUCCESS)
		return -EPROTO;
	SHA256Init(&ctx);
	hash_u64(&ctx, FILE_MAGIC);
	SHA256Update(&ctx, (const uint8_t *)engine, sizeof(engine));
	hash_u64(&ctx, features);
	hash_u64(&ctx, platform.tune); /* code is laid out for it */
	hash_u64(&ctx, HS_MODE_BLOCK);
	hash_u64(&ctx, nb);
	for (i = 0; i < nb; i++) {
		len = strlen(patterns[i].expression);
		hash_u64(&ctx, patterns[i].id);
		hash_u64(&ctx, patterns[i].flags);
		hash_u64(&ctx, len); /* so that no two lists of patterns give the same octets */
		SHA256Update(&ctx, (const uint8_t *)patterns[i].expression, len);
	}
	SHA256Final(ret->octets, &ctx);
	return 0;
}

static void
file_name(const struct db_cache_key *key, char ret[static DB_CACHE_NAME_LEN])
{
	static const char hex[] = "0123456789abcdef";
	int i;

	for (i = 0; i < DB_CACHE_KEY_LEN; i++) {
		ret[2 * i] = hex[key->octets[i] >> 4];
		ret[2 * i + 1] = hex[key->octets[i] & 15];
	}
	memcpy(ret + 2 * DB_CACHE_KEY_LEN, DB_CACHE_SUFFIX, sizeof(DB_CACHE_SUFFIX));
}

static int
read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n == 0)
			return -EBADMSG; /* it became shorter */
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int
write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, (const char *)buf + done, len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void
digest_of(const char *db, size_t len, uint8_t ret[static SHA256_DIGEST_LENGTH])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)db, len);
	SHA256Final(ret, &ctx);
}

/* Does Hyperscan take it? It checks version, platform and its own CRC. */
static bool
engine_takes(const char *db, size_t len)
{
	hs_database_t *loaded = NULL;
	bool good = hs_deserialize_database(db, len, &loaded) == HS_SUCCESS;

	hs_free_database(loaded);
	return good;
}

/* 0 with the database, or -EBADMSG: not to be trusted; or another errno. */
static int
read_checked(int fd, const struct db_cache_key *key, char **ret_db, size_t *ret_len)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct file_header h;
	struct stat st;
	char *db;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !is_private(&st) || st.st_size <= (off_t)sizeof(h) ||
	    st.st_size > (off_t)IMAGE_LEN_MAX)
		return -EBADMSG;
	rc = read_all(fd, &h, sizeof(h));
	if (rc < 0)
		return rc;
	if (h.magic != FILE_MAGIC || h.len != (uint64_t)st.st_size - sizeof(h) ||
	    memcmp(h.key, key->octets, sizeof(h.key)) != 0)
		return -EBADMSG;
	db = malloc(h.len);
	if (db == NULL)
		return -ENOMEM;
	rc = read_all(fd, db, h.len);
	if (rc == 0) {
		digest_of(db, h.len, digest);
		if (memcmp(digest, h.digest, sizeof(digest)) != 0 || !engine_takes(db, h.len))
			rc = -EBADMSG;
	}
	if (rc < 0) {
		free(db);
		return rc;
	}
	*ret_db = db;
	*ret_len = h.len;
	return 0;
}

/* A link in its place is not followed; a FIFO does not make us wait. */
static int
open_entry(const struct db_cache *c, const struct db_cache_key *key, int *ret_dir, char name[static DB_CACHE_NAME_LEN])
{
	int fd;

	file_name(key, name);
	*ret_dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	fd = openat(*ret_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

bool
db_cache_get(struct db_cache *c, const struct db_cache_key *key, char **ret_db, size_t *ret_len)
{
	char name[DB_CACHE_NAME_LEN];
	int dir = -1, fd, rc;

	if (c->dir[0] == '\0')
		return false;
	fd = open_entry(c, key, &dir, name);
	rc = fd < 0 ? fd : read_checked(fd, key, ret_db, ret_len);
	if (rc == 0) {
		c->hits++;
		futimens(fd, NULL); /* used just now: the last to go */
	} else {
		c->misses++;
		if (rc != -ENOENT) {
			c->refused++;
			c->error = rc;
			unlinkat(dir, name, 0); /* if it is not ours to remove, rename() will say so */
		}
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return rc == 0;
}

static int
write_entry(int dir, const char *tmp, const struct db_cache_key *key, const char *db, size_t len)
{
	struct file_header h = {.magic = FILE_MAGIC, .len = len};
	int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (fd < 0)
		return -errno;
	memcpy(h.key, key->octets, sizeof(h.key));
	digest_of(db, len, h.digest);
	rc = write_all(fd, &h, sizeof(h));
	if (rc == 0)
		rc = write_all(fd, db, len);
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

void
db_cache_put(struct db_cache *c, const struct db_cache_key *key, const char *db, size_t len)
{
	char name[DB_CACHE_NAME_LEN], tmp[64];
	int dir, rc;

	if (c->dir[0] == '\0' || len == 0 || len + sizeof(struct file_header) > c->octets_max)
		return;
	dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		c->error = -errno;
		return;
	}
	file_name(key, name);
	/* One thread of a process compiles at a time. */
	snprintf(tmp, sizeof(tmp), DB_CACHE_TMP_PREFIX "%ld-%.16s", (long)getpid(), name);
	rc = write_entry(dir, tmp, key, db, len);
	if (rc == 0 && renameat(dir, tmp, dir, name) < 0)
		rc = -errno;
	if (rc < 0) {
		c->error = rc;
		unlinkat(dir, tmp, 0);
	}
	db_cache_trim(dir, c->octets_max, name);
	close(dir);
}
