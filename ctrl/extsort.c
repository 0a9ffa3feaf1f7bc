/* SPDX-License-Identifier: BSD-3-Clause */
#include "extsort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RUNS_MAX = 64,		     /* merged at once */
	RUN_BUF_SIZE = 256 << 10,    /* stdio buffer of a run */
};

/* In memory: struct item, key, payload, padded to 8. In a run: the same without padding and with a u32 length. */
struct item {
	uint32_t len; /* of the payload */
};

struct run {
	FILE *file;
	char *buf;
	bool full;
	uint32_t len;
	uint8_t key[EXTSORT_KEY_MAX];
	uint8_t *payload;
	size_t cap;
};

struct extsort {
	size_t key_len, budget;
	uint8_t *arena;
	size_t arena_len;
	size_t *items; /* offsets into the arena */
	size_t nb_items, cap_items, next_item;
	struct run runs[RUNS_MAX];
	unsigned int nb_runs;
	int last; /* run whose item was given out, -1: none */
};

int
extsort_new(size_t key_len, size_t budget, struct extsort **ret)
{
	struct extsort *x;

	if (key_len == 0 || key_len > EXTSORT_KEY_MAX || budget < 64 << 10)
		return -EINVAL;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->key_len = key_len;
	x->budget = budget;
	x->last = -1;
	x->arena = malloc(budget); /* touched as far as it is used */
	if (x->arena == NULL) {
		free(x);
		return -ENOMEM;
	}
	*ret = x;
	return 0;
}

static void
run_close(struct run *r)
{
	if (r->file != NULL)
		fclose(r->file);
	free(r->buf);
	free(r->payload);
	*r = (struct run){ 0 };
}

void
extsort_free(struct extsort *x)
{
	unsigned int i;

	if (x == NULL)
		return;
	for (i = 0; i < x->nb_runs; i++)
		run_close(&x->runs[i]);
	free(x->arena);
	free(x->items);
	free(x);
}

static const uint8_t *
item_key(const struct extsort *x, size_t off)
{
	return x->arena + off + sizeof(struct item);
}

/* Items lie in the arena in the order they came, so the offset settles equal keys. */
static int
compare(const void *a_, const void *b_, void *x_)
{
	const struct extsort *x = x_;
	size_t a = *(const size_t *)a_, b = *(const size_t *)b_;
	int order = memcmp(item_key(x, a), item_key(x, b), x->key_len);

	return order != 0 ? order : a < b ? -1 : a > b;
}

static int
run_open(struct run *r)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir != NULL && dir[0] != '\0' ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* Not every file system has O_TMPFILE. */
	*r = (struct run){ .file = fd >= 0 ? fdopen(fd, "w+") : tmpfile(), .buf = malloc(RUN_BUF_SIZE) };
	if (r->file == NULL || r->buf == NULL) {
		int err = r->buf == NULL ? ENOMEM : errno;

		if (r->file == NULL && fd >= 0)
			close(fd);
		run_close(r);
		return -err;
	}
	setvbuf(r->file, r->buf, _IOFBF, RUN_BUF_SIZE);
	return 0;
}

static int
run_write(const struct extsort *x, struct run *r, const uint8_t *key, const uint8_t *payload, uint32_t len)
{
	if (fwrite(&len, sizeof(len), 1, r->file) != 1 || fwrite(key, x->key_len, 1, r->file) != 1 ||
	    (len > 0 && fwrite(payload, len, 1, r->file) != 1))
		return errno != 0 ? -errno : -EIO;
	return 0;
}

/* Read the run's next item; at its end @full stays false. */
static int
run_read(const struct extsort *x, struct run *r)
{
	uint32_t len;

	r->full = false;
	if (fread(&len, sizeof(len), 1, r->file) != 1)
		return ferror(r->file) ? -EIO : 0;
	if (len > EXTSORT_PAYLOAD_MAX)
		return -EIO;
	if (len > r->cap) {
		uint8_t *p = realloc(r->payload, len);

		if (p == NULL)
			return -ENOMEM;
		r->payload = p;
		r->cap = len;
	}
	if (fread(r->key, x->key_len, 1, r->file) != 1 || (len > 0 && fread(r->payload, len, 1, r->file) != 1))
		return -EIO;
	r->len = len;
	r->full = true;
	return 0;
}

static int
run_rewind(const struct extsort *x, struct run *r)
{
	if (fflush(r->file) != 0)
		return -errno;
	rewind(r->file);
	return run_read(x, r);
}

static int
lowest_run(const struct extsort *x)
{
	int best = -1;
	unsigned int i;

	for (i = 0; i < x->nb_runs; i++)
		if (x->runs[i].full &&
		    (best < 0 || memcmp(x->runs[i].key, x->runs[best].key, x->key_len) < 0))
			best = (int)i;
	return best;
}

/* Too many runs: all of them become one. */
static int
merge_runs(struct extsort *x)
{
	struct run out;
	unsigned int i;
	int rc = run_open(&out), low;

	for (i = 0; i < x->nb_runs && rc == 0; i++)
		rc = run_rewind(x, &x->runs[i]);
	while (rc == 0 && (low = lowest_run(x)) >= 0) {
		struct run *r = &x->runs[low];

		rc = run_write(x, &out, r->key, r->payload, r->len);
		if (rc == 0)
			rc = run_read(x, r);
	}
	if (rc < 0) {
		run_close(&out);
		return rc;
	}
	for (i = 0; i < x->nb_runs; i++)
		run_close(&x->runs[i]);
	x->runs[0] = out;
	x->nb_runs = 1;
	return 0;
}

/* Memory is full: its items become a run. */
static int
spill(struct extsort *x)
{
	size_t i;
	int rc = 0;

	if (x->nb_items == 0)
		return 0;
	if (x->nb_runs == RUNS_MAX)
		rc = merge_runs(x);
	if (rc == 0)
		rc = run_open(&x->runs[x->nb_runs]);
	if (rc < 0)
		return rc;
	x->nb_runs++;
	qsort_r(x->items, x->nb_items, sizeof(x->items[0]), compare, x);
	errno = 0;
	for (i = 0; i < x->nb_items && rc == 0; i++) {
		struct item it;

		memcpy(&it, x->arena + x->items[i], sizeof(it));
		rc = run_write(x, &x->runs[x->nb_runs - 1], item_key(x, x->items[i]),
			       item_key(x, x->items[i]) + x->key_len, it.len);
	}
	if (rc == 0 && fflush(x->runs[x->nb_runs - 1].file) != 0)
		rc = -errno;
	x->nb_items = 0;
	x->arena_len = 0;
	return rc;
}

static int
note_item(struct extsort *x)
{
	if (x->nb_items == x->cap_items) {
		size_t cap = x->cap_items == 0 ? 4096 : x->cap_items * 2;
		size_t *items = reallocarray(x->items, cap, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		x->items = items;
		x->cap_items = cap;
	}
	x->items[x->nb_items++] = x->arena_len;
	return 0;
}

int
extsort_put(struct extsort *x, const void *key, const void *payload, size_t len)
{
	struct item it = { .len = (uint32_t)len };
	size_t need = (sizeof(it) + x->key_len + len + 7) / 8 * 8;
	uint8_t *p;
	int rc;

	if (len > EXTSORT_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (need > x->budget - x->arena_len) {
		rc = spill(x);
		if (rc < 0)
			return rc;
	}
	if (need > x->budget) {
		/* One item larger than all the memory: the memory grows to hold it. */
		p = realloc(x->arena, need);
		if (p == NULL)
			return -ENOMEM;
		x->arena = p;
		x->budget = need;
	}
	rc = note_item(x);
	if (rc < 0)
		return rc;
	p = x->arena + x->arena_len;
	memcpy(p, &it, sizeof(it));
	memcpy(p + sizeof(it), key, x->key_len);
	if (len > 0)
		memcpy(p + sizeof(it) + x->key_len, payload, len);
	x->arena_len += need;
	return 0;
}

int
extsort_sort(struct extsort *x)
{
	unsigned int i;
	int rc;

	if (x->nb_runs == 0) {
		if (x->nb_items > 1)
			qsort_r(x->items, x->nb_items, sizeof(x->items[0]), compare, x);
		return 0;
	}
	rc = spill(x);
	for (i = 0; i < x->nb_runs && rc == 0; i++)
		rc = run_rewind(x, &x->runs[i]);
	return rc;
}

int
extsort_next(struct extsort *x, const uint8_t **ret_key, const uint8_t **ret_payload, size_t *ret_len)
{
	struct item it;
	struct run *r;
	int rc;

	if (x->nb_runs == 0) {
		const uint8_t *key;

		if (x->next_item == x->nb_items)
			return 0;
		key = item_key(x, x->items[x->next_item]);
		memcpy(&it, x->arena + x->items[x->next_item++], sizeof(it));
		*ret_key = key;
		*ret_payload = key + x->key_len;
		*ret_len = it.len;
		return 1;
	}
	if (x->last >= 0) {
		rc = run_read(x, &x->runs[x->last]);
		if (rc < 0)
			return rc;
	}
	x->last = lowest_run(x);
	if (x->last < 0)
		return 0;
	r = &x->runs[x->last];
	*ret_key = r->key;
	*ret_payload = r->payload;
	*ret_len = r->len;
	return 1;
}
