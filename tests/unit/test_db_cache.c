/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiled databases on disk: used when whole, made again when anything about them is not right, bounded. */
#include "rules_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db_cache.h"
#include "temp_folder.h"

#define RULES_TEXT                                                                                                     \
	"version: 1\nprotect: [army.mil]\nwatch:\n  - id: x\n    expression: 'army[0-9]+'\n"                             \
	"  - id: y\n    expression: '^bob@'\n    on: address\n"

struct place {
	char dir[96], cache[128], rules[128];
};

static int
setup(void **state)
{
	struct place *p = test_calloc(1, sizeof(*p));

	temp_folder_make("db-cache", p->dir, sizeof(p->dir));
	snprintf(p->cache, sizeof(p->cache), "%s/below/cache", p->dir);
	snprintf(p->rules, sizeof(p->rules), "%s/rules.yaml", p->dir);
	temp_folder_write(p->rules, RULES_TEXT);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	temp_folder_remove(p->dir);
	test_free(p);
	return 0;
}

struct loaded {
	void *image;
	size_t len;
	struct db_cache cache;
};

static struct loaded
load(const struct place *p, const char *dir)
{
	struct rule_errors errs = {0};
	struct ruleset *set = NULL;
	struct loaded l = {0};
	struct matcher *m = NULL;
	const void *image;

	db_cache_open(&l.cache, dir, 0);
	assert_int_equal(ruleset_load_cached(p->rules, 7, &l.cache, &errs, &set), 0);
	image = ruleset_image(set, &l.len);
	assert_int_equal(matcher_load(image, l.len, &m), 0);
	matcher_free(m);
	l.image = malloc(l.len);
	assert_non_null(l.image);
	memcpy(l.image, image, l.len);
	ruleset_free(set);
	rule_errors_free(&errs);
	return l;
}

static void
assert_same(const struct loaded *a, const struct loaded *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->image, b->image, a->len);
}

/* Number of files; the path of one of them into @ret. */
static unsigned int
files(const char *dir, char ret[512])
{
	unsigned int nb = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		nb++;
		snprintf(ret, 512, "%.200s/%.255s", dir, e->d_name);
	}
	closedir(d);
	return nb;
}

static void
test_hit(void **state)
{
	const struct place *p = *state;
	struct loaded none = load(p, "off"), first = load(p, p->cache), second = load(p, p->cache);
	struct stat st;
	char path[512];

	assert_int_equal(none.cache.hits + none.cache.misses, 0);
	assert_int_equal(first.cache.hits, 0);
	assert_int_equal(first.cache.misses, 2); /* over the domain, over the address */
	assert_int_equal(first.cache.error, 0);
	assert_int_equal(second.cache.hits, 2);
	assert_int_equal(second.cache.misses, 0);
	assert_same(&none, &first);
	assert_same(&none, &second);
	assert_int_equal(files(p->cache, path), 2);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	free(none.image);
	free(first.image);
	free(second.image);
}

/* Other patterns are another file; what has nothing to do with them is not. */
static void
test_content(void **state)
{
	const struct place *p = *state;
	struct loaded a = load(p, p->cache), b, c;
	char path[512];

	temp_folder_write(p->rules, RULES_TEXT "  - id: z\n    expression: 'navy[0-9]+'\n");
	b = load(p, p->cache);
	assert_int_equal(b.cache.misses, 1);
	assert_int_equal(b.cache.hits, 1);
	assert_int_equal(files(p->cache, path), 3);
	temp_folder_write(p->rules, "# other file\n" RULES_TEXT);
	c = load(p, p->cache);
	assert_int_equal(c.cache.hits, 2);
	assert_same(&a, &c);
	free(a.image);
	free(b.image);
	free(c.image);
}

static void
spoil(const char *path, off_t at, int how)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	uint8_t octet;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	if (how == 0) {
		if (at < 0)
			at += st.st_size;
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x20;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
	} else if (how == 1) {
		assert_int_equal(ftruncate(fd, st.st_size + at), 0);
	} else if (how == 2) {
		assert_int_equal(ftruncate(fd, 0), 0);
	} else {
		assert_int_equal(fchmod(fd, 0666), 0);
	}
	close(fd);
}

/* Every way a file can be wrong: it is made again, and the result is what it would be without a cache. */
static void
test_damage(void **state)
{
	static const struct {
		off_t at;
		int how; /* 0: flip a bit; 1: change the size; 2: empty; 3: anybody may write */
	} cases[] = {{0, 0}, {8, 0}, {20, 0}, {60, 0}, {80, 0}, {200, 0}, {-1, 0}, {-1, 1}, {1, 1}, {0, 2}, {0, 3}};
	const struct place *p = *state;
	struct loaded good = load(p, p->cache), got;
	char path[512];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(files(p->cache, path), 2);
		spoil(path, cases[i].at, cases[i].how);
		got = load(p, p->cache);
		assert_int_equal(got.cache.refused, 1);
		assert_int_equal(got.cache.misses, 1);
		assert_int_equal(got.cache.hits, 1);
		assert_same(&good, &got);
		free(got.image);
		got = load(p, p->cache);
		assert_int_equal(got.cache.hits, 2);
		free(got.image);
	}
	free(good.image);
}

/* A whole file under the name of another: what it says of itself is not what was asked for. */
static void
test_foreign(void **state)
{
	const struct place *p = *state;
	struct loaded good = load(p, p->cache), got;
	char path[512], other[512];
	struct db_cache c;

	assert_int_equal(files(p->cache, path), 2);
	snprintf(other, sizeof(other), "%s", path);
	other[strlen(other) - 4] = other[strlen(other) - 4] == '0' ? '1' : '0';
	assert_int_equal(rename(path, other), 0);
	/* A link is not followed. */
	assert_int_equal(symlink(other, path), 0);
	got = load(p, p->cache);
	assert_int_equal(got.cache.refused, 1);
	assert_same(&good, &got);
	free(got.image);
	/* Now a real file, with the key of another. */
	assert_int_equal(rename(path, other), 0);
	db_cache_open(&c, p->cache, 0);
	{
		struct db_cache_key key;
		const char *hex = strrchr(other, '/') + 1;
		size_t len;
		char *db;
		int i;

		for (i = 0; i < DB_CACHE_KEY_LEN; i++) {
			unsigned int octet;

			assert_int_equal(sscanf(hex + 2 * i, "%2x", &octet), 1);
			key.octets[i] = (uint8_t)octet;
		}
		assert_false(db_cache_get(&c, &key, &db, &len));
		assert_int_equal(c.refused, 1);
		assert_int_equal(c.error, -EBADMSG);
		assert_int_equal(access(other, F_OK), -1);
		/* Octets that are whole but no database. */
		db_cache_put(&c, &key, "no database", 11);
		assert_false(db_cache_get(&c, &key, &db, &len));
		assert_int_equal(c.refused, 2);
	}
	free(good.image);
}

static void
test_folders(void **state)
{
	const struct place *p = *state;
	struct db_cache c;
	struct loaded l;
	char path[160];

	db_cache_open(&c, p->cache, 0);
	assert_int_equal(c.error, 0);
	assert_int_equal(chmod(p->cache, 0777), 0);
	db_cache_open(&c, p->cache, 0);
	assert_int_equal(c.error, -EPERM);
	assert_string_equal(c.dir, "");
	l = load(p, p->cache); /* works without */
	assert_int_equal(l.cache.hits + l.cache.misses, 0);
	free(l.image);
	snprintf(path, sizeof(path), "%s/rules.yaml", p->dir);
	db_cache_open(&c, path, 0);
	assert_int_equal(c.error, -ENOTDIR);
	db_cache_open(&c, "/nonexistent/a/b", 0);
	assert_true(c.error < 0);
	setenv("POSTERN_CACHE", path, 1);
	db_cache_open(&c, NULL, 0);
	assert_int_equal(c.error, -ENOTDIR);
	setenv("POSTERN_CACHE", "off", 1);
	db_cache_open(&c, NULL, 0);
	assert_int_equal(c.error, 0);
	assert_string_equal(c.dir, "");
	unsetenv("POSTERN_CACHE");
}

/* The oldest go; what nobody else made stays; what a dead writer left goes after an hour. */
static void
test_limits(void **state)
{
	const struct place *p = *state;
	const struct timespec old[2] = {{1000000, 0}, {1000000, 0}};
	char path[512], stranger[160], left[160];
	struct db_cache_key key = {{0}};
	struct db_cache c;
	uint8_t i;

	db_cache_open(&c, p->cache, 10 * 1100);
	snprintf(stranger, sizeof(stranger), "%s/README", p->cache);
	temp_folder_write(stranger, "not ours");
	snprintf(left, sizeof(left), "%s/.tmp-1-0", p->cache);
	temp_folder_write(left, "half");
	for (i = 0; i < 15; i++) {
		char octets[1000];

		memset(octets, i, sizeof(octets));
		key.octets[0] = i;
		db_cache_put(&c, &key, octets, sizeof(octets));
		assert_int_equal(c.error, 0);
	}
	assert_int_equal(files(p->cache, path), 2 + 10);
	assert_int_equal(utimensat(AT_FDCWD, left, old, 0), 0);
	key.octets[0] = 99;
	db_cache_put(&c, &key, "x", 1);
	assert_int_equal(files(p->cache, path), 1 + 11);
	assert_int_equal(access(stranger, F_OK), 0);
	/* Larger than all room: not kept. */
	{
		char *large = calloc(1, 10 * 1100);

		key.octets[0] = 100;
		db_cache_put(&c, &key, large, 10 * 1100);
		free(large);
	}
	assert_int_equal(files(p->cache, path), 1 + 11);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
