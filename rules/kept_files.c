/* SPDX-License-Identifier: BSD-3-Clause */
#include "kept_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"

#define SNAPSHOT_MAGIC UINT64_C(0x31304350414e5350) /* "PSNAPC01" in memory */

struct snapshot_header {
	uint64_t magic;
	uint64_t checksum; /* hash64() of everything after this field */
	uint64_t nb;
};

struct cursor {
	const uint8_t *p;
	size_t left;
};

void
kept_files_free(struct kept_files *s)
{
	size_t i;

	for (i = 0; i < s->nb; i++) {
		free(s->list[i].path);
		free(s->list[i].octets);
	}
	free(s->list);
	free(s->name);
	memset(s, 0, sizeof(*s));
}

int
kept_files_set_name(struct kept_files *s, const char *name)
{
	free(s->name);
	s->name = strdup(name);
	return s->name != NULL ? 0 : -ENOMEM;
}

int
kept_files_add(struct kept_files *s, const char *path, char *octets, size_t len, bool is_list)
{
	struct kept_file *list;
	char *copy = strdup(path);
	size_t cap;

	if (copy == NULL)
		goto failed;
	if (s->nb == s->cap) {
		cap = s->cap > 0 ? 2 * s->cap : 16;
		list = reallocarray(s->list, cap, sizeof(*list));
		if (list == NULL)
			goto failed;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->nb++] = (struct kept_file){copy, octets, len, is_list};
	return 0;
failed:
	free(copy);
	free(octets);
	return -ENOMEM;
}

const struct kept_file *
kept_files_find(const struct kept_files *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->nb; i++)
		if (strcmp(s->list[i].path, path) == 0)
			return &s->list[i];
	return NULL;
}

static uint8_t *
put_u64(uint8_t *p, uint64_t n)
{
	memcpy(p, &n, sizeof(n));
	return p + sizeof(n);
}

static uint8_t *
put_string(uint8_t *p, const char *s, size_t len)
{
	p = put_u64(p, len);
	if (len > 0)
		memcpy(p, s, len);
	return p + len;
}

int
kept_files_write(const struct kept_files *s, void **ret, size_t *ret_len)
{
	const char *name = s->name != NULL ? s->name : "";
	size_t len = sizeof(struct snapshot_header) + sizeof(uint64_t) + strlen(name), i;
	const size_t from = offsetof(struct snapshot_header, nb);
	struct snapshot_header h = {.magic = SNAPSHOT_MAGIC, .nb = s->nb};
	uint8_t *snapshot, *p;

	for (i = 0; i < s->nb; i++)
		len += 3 * sizeof(uint64_t) + strlen(s->list[i].path) + s->list[i].len;
	snapshot = malloc(len);
	if (snapshot == NULL)
		return -ENOMEM;
	p = put_string(snapshot + sizeof(h), name, strlen(name));
	for (i = 0; i < s->nb; i++) {
		p = put_u64(p, s->list[i].is_list);
		p = put_string(p, s->list[i].path, strlen(s->list[i].path));
		p = put_string(p, s->list[i].octets, s->list[i].len);
	}
	memcpy(snapshot, &h, sizeof(h));
	h.checksum = hash64(snapshot + from, len - from, SNAPSHOT_MAGIC);
	memcpy(snapshot, &h, sizeof(h));
	*ret = snapshot;
	*ret_len = len;
	return 0;
}

static int
take_u64(struct cursor *c, uint64_t *ret)
{
	if (c->left < sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, c->p, sizeof(*ret));
	c->p += sizeof(*ret);
	c->left -= sizeof(*ret);
	return 0;
}

/* A copy with a NUL behind it, or NULL with *rc set. */
static char *
take_string(struct cursor *c, size_t *ret_len, int *rc)
{
	uint64_t len;
	char *s;

	*rc = take_u64(c, &len);
	if (*rc == 0 && len > c->left)
		*rc = -EBADMSG;
	if (*rc < 0)
		return NULL;
	*rc = -ENOMEM;
	s = malloc(len + 1);
	if (s == NULL)
		return NULL;
	memcpy(s, c->p, len);
	s[len] = '\0';
	c->p += len;
	c->left -= len;
	*ret_len = len;
	*rc = 0;
	return s;
}

static int
take_kept(struct cursor *c, struct kept_files *s)
{
	size_t path_len, len;
	char *path, *octets;
	uint64_t kind;
	int rc;

	rc = take_u64(c, &kind);
	if (rc == 0 && kind > 1)
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	path = take_string(c, &path_len, &rc);
	if (path == NULL)
		return rc;
	octets = take_string(c, &len, &rc);
	if (octets != NULL)
		rc = kept_files_add(s, path, octets, len, kind == 1);
	free(path);
	return rc;
}

int
kept_files_read(const void *snapshot, size_t len, struct kept_files *ret)
{
	const size_t from = offsetof(struct snapshot_header, nb);
	struct cursor c = {snapshot, len};
	struct kept_files s = {0};
	struct snapshot_header h;
	size_t name_len;
	uint64_t i;
	int rc;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, snapshot, sizeof(h));
	if (h.magic != SNAPSHOT_MAGIC ||
	    h.checksum != hash64((const uint8_t *)snapshot + from, len - from, SNAPSHOT_MAGIC))
		return -EBADMSG;
	c.p += sizeof(h);
	c.left -= sizeof(h);
	s.name = take_string(&c, &name_len, &rc);
	for (i = 0; rc == 0 && i < h.nb; i++)
		rc = take_kept(&c, &s);
	if (rc == 0 && c.left != 0)
		rc = -EBADMSG;
	if (rc < 0) {
		kept_files_free(&s);
		return rc;
	}
	*ret = s;
	return 0;
}
